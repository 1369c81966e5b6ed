/** menu.h: what is sold: names, aliases, prices. Read once at start from a file (setting `menu`) or the one built in;
 * never changes after.
 *
 *  A name is found as text (text.h: composed or not, in any letter case), by the item's name, its ko or en name, or an
 * alias; what is stored and answered is always `name`. Any thread after menu_load().
 */
#ifndef COFFEESHOP_MENU_H
#define COFFEESHOP_MENU_H

#include "buf.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MENU_MAX_ITEMS = 500,
    MENU_MAX_ALIASES = 16,
    MENU_NAME_MAX = 64 /* characters */,
    MENU_MAX_PRICE = 100000000,
    MENU_GIVEN_MAX = 4 * MENU_NAME_MAX /* as given: not composed */
};

struct menu_item {
    struct str name; /* "Americano": the canonical name */
    struct str ko, en;
    struct str alias[MENU_MAX_ALIASES];
    size_t n_aliases;
    struct str key[3 + MENU_MAX_ALIASES]; /* all of them, folded, the name first: what they are found by */
    size_t n_keys;
    int64_t price; /* in the currency's minor unit (KRW has none: won) */
};

struct menu {
    struct menu_item *items; /* in the file's order */
    size_t n;
    struct str currency; /* ISO 4217 */
};

/** `path` NULL or "": the built-in menu. NULL and a sentence in `problem` that names the file, the item and what is
 * wrong. */
struct menu *menu_load(const char *path, struct buf *problem);
void menu_free(struct menu *menu);
/** NULL: not on the menu. */
const struct menu_item *menu_find(const struct menu *menu, struct str name);
/** ["Americano","Latte",…] */
void menu_write_names_json(const struct menu *menu, struct buf *out);
/** The built-in menu as JSON text, in the file's format; static. */
const char *menu_built_in(void);

#endif
