/** stock_cell.h: which cell of stock something lies in. Stock is cut by item, because an item is its aggregate
 * (docs/adr/0067): a row, its name and what is reserved from it are in the cell of the item's name. Pure; any thread.
 */
#ifndef COFFEESHOP_STOCK_CELL_H
#define COFFEESHOP_STOCK_CELL_H

#include "arena.h"
#include "cell.h"
#include "str.h"

#include <stdbool.h>

/** The cell of an item: by its name as it is compared (text.h), so that any spelling finds it. The name is a row's, not
 * an alias of the menu's. `count` 1: no look at the name. False: there is no memory. */
bool stock_cell_of_name(struct arena *arena, struct str name, int32_t count, int32_t *cell);

/** The cell of a row, by its id: it is the one that gave it. An id that nobody gave has one, too. */
static inline int32_t stock_cell_of_id(int64_t id, int32_t count)
{
    return cell_of_number(id, count);
}

#endif
