/** order_watch.h: who follows which orders: one watch for each order of a follower's, found by the order. Loop thread.
 */
#ifndef COFFEESHOP_ORDER_WATCH_H
#define COFFEESHOP_ORDER_WATCH_H

#include "siphash.h"

enum { WATCH_BUCKETS = 1024 };

struct watch {
    struct watch *next, **prev; /* in its bucket */
    int64_t order_id;
    void *follower; /* the owner's */
};

/** Orders are found by a keyed hash: followers choose which they name. */
struct watch_board {
    struct siphash_key key;
    struct watch *bucket[WATCH_BUCKETS];
};

/** Nobody watches anything. */
void watch_init(struct watch_board *board);
/** The watch's memory is the caller's, and stays where it is until it is removed. */
void watch_add(struct watch_board *board, struct watch *watch);
void watch_remove(struct watch *watch);
/** Calls for every watch of the order; 0: for all there are. `on_watch` must not remove any. */
void watch_each(const struct watch_board *board, int64_t order_id, void (*on_watch)(void *context, struct watch *watch),
                void *context);

#endif
