/* stock_http_name.c: a name as clients may write it. */
#include "stock_http.h"

#include "menu.h"
#include "text.h"

bool stock_http_name(const struct stock_http *http, struct arena *arena, struct str given, struct str *name,
                     const char **wrong)
{
    *name = text_nfc(arena, str_trim(given));
    if (!name->p && given.n) {
        *wrong = "can't be read now: out of memory";
        return false;
    }
    if (name->n == 0 || str_characters(*name) > STOCK_NAME_MAX) {
        *wrong = "must be a name of 1 to 64 characters";
        return false;
    }
    for (size_t i = 0; i < name->n; i++) {
        if ((unsigned char)name->p[i] < ' ' || name->p[i] == 0x7f) {
            *wrong = "must not have control characters";
            return false;
        }
    }
    const struct menu_item *item = menu_find(http->menu, *name);
    if (item)
        *name = item->name;
    return true;
}
