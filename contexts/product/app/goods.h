/** goods.h: how often goods have come for each item since the start: so that a "no" of stock's that was overtaken by a
 * delivery is not taken for the last word. In memory only. After a restart nothing is known of what came before: a
 * question put about a ticket from before then counts as overtaken once.
 */
#ifndef COFFEESHOP_GOODS_H
#define COFFEESHOP_GOODS_H

#include "arena.h"

#include <stddef.h>
#include <stdint.h>

enum { GOODS_MAX_ITEMS = 1024, GOODS_UNKNOWN = -1 };

struct goods {
    struct arena arena;
    struct str *name; /* names beyond GOODS_MAX_ITEMS share the last count: at worst a question is asked once more */
    int64_t *count;
    size_t n;
};

int goods_init(struct goods *goods);
void goods_free(struct goods *goods);
int64_t goods_count(const struct goods *goods, struct str name);
/** 0 or E_MEMORY. */
int goods_came(struct goods *goods, struct str name);

#endif
