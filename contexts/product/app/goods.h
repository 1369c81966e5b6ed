/** goods.h: how often goods have come for each item since the start: so that a "no" of stock's that was overtaken by a
 * delivery is not taken for the last word; and what of it is still to be offered to those who wait. In memory only.
 * After a restart nothing is known of what came before: a question put about a ticket from before then counts as
 * overtaken once, and as there may be goods that were set apart for nobody any more, those who wait are asked for one
 * by one until stock says no.
 */
#ifndef COFFEESHOP_GOODS_H
#define COFFEESHOP_GOODS_H

#include "arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GOODS_MAX_ITEMS = 1024, GOODS_UNKNOWN = -1 };
#define GOODS_OF_UNKNOWN_QTY INT64_MAX

struct goods {
    struct arena arena;
    struct str *name; /* as keys (text.h): an item is one however its name is spelled. Names beyond GOODS_MAX_ITEMS
                         share the last count: at worst a question is asked once more */
    int64_t *count;
    int64_t *spare; /* set apart for a ticket that didn't take it: others that were passed over may */
    bool has_spare; /* any */
    int64_t *rest;  /* of the last offer: too little for anybody, so set apart for nobody */
    int64_t *over;  /* what the batch at hand is too small for: spare in the next one, if it is committed */
    bool has_over;
    bool *unknown; /* how many there are: since the start neither a delivery nor a no of stock's has told */
    size_t n;
};

int goods_init(struct goods *goods);
void goods_free(struct goods *goods);
int64_t goods_count(const struct goods *goods, struct str name);
/** 0 or E_MEMORY. */
int goods_came(struct goods *goods, struct str name);
/** What had come was offered to those who wait, and `rest` of it was too little for anybody. */
void goods_rest(struct goods *goods, struct str name, int64_t rest);
/** After a start: somebody waits for the item, and how many there are isn't known. Spare is GOODS_OF_UNKNOWN_QTY then:
 * one ticket is taken up. 0 or E_MEMORY. */
int goods_are_unknown(struct goods *goods, struct str name);
/** Events of stock's are gone unread: of any item goods may have come. */
void goods_may_have_come(struct goods *goods);
/** A delivery has said how many there are, or nobody waits. */
void goods_are_known(struct goods *goods, struct str name);
/** One of those who waited has got the goods: if how many there are isn't known, the next one is taken up. */
void goods_were_enough(struct goods *goods, struct str name);
/** Stock has said no to somebody: there are at most `qty`, whatever was reckoned before. */
void goods_are_at_most(struct goods *goods, struct str name, int64_t qty);
/** Of what had come for the item, `qty` was set apart for a ticket that isn't going to take it. Without memory it is
 * forgotten: those who wait are taken up with the next delivery. */
void goods_set_free(struct goods *goods, struct str name, int64_t qty);
/** A batch begins: nothing is left over yet. */
void goods_begin(struct goods *goods);
/** More of the item has come than this batch can give to those who wait. */
void goods_leave_over(struct goods *goods, struct str name, int64_t qty);
/** The batch is committed: what was spare has been offered to those who wait, and what was left over is spare now. */
void goods_were_offered(struct goods *goods);

#endif
