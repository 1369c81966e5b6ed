#include "stock_cell.h"

#include "text.h"

bool stock_cell_of_name(struct arena *arena, struct str name, int32_t count, int32_t *cell)
{
    *cell = 0;
    if (count == 1 || name.n == 0)
        return true;
    struct str folded = text_fold(arena, name);
    if (folded.p)
        *cell = cell_of_key(folded, count);
    return folded.p != NULL;
}
