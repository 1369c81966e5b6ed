/** feed_history.h: which feed a position belongs to, so that a producer whose store was lost, or put back from an older
 * backup, is recognised whatever its positions say.
 *
 *  Each start of a producer begins an *epoch*: a random number, stored with the newest position of that moment (Raft's
 * terms and Kafka's leader epochs are the same idea). A consumer keeps with its cursor the epoch that its producer was
 * in when it was followed. What was read in an epoch, up to position P, is a beginning of this store's history exactly
 * when the store knows that epoch and had not ended it before P: a store that was lost doesn't know it; one put back
 * from a backup doesn't know it, or has begun another one earlier than P. Positions that are reached again later change
 * nothing about that.
 *
 *  Decisions are pure and any thread's; feed_history_add() is for the start.
 */
#ifndef COFFEESHOP_FEED_HISTORY_H
#define COFFEESHOP_FEED_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EPOCH_UNKNOWN = 0, /* a cursor from before there were epochs */
    EPOCH_REFUSED = 1, /* no feed's: a cursor without an epoch that was refused once stays refused */
};

/** How far somebody has read a feed, and in which epoch that was. */
struct feed_cursor {
    uint64_t epoch, position;
};

struct feed_epoch {
    uint64_t number; /* random, below 2^63, neither of the two above */
    uint64_t after;  /* the newest position when it began */
};

/** All epochs of a store, oldest first. */
struct feed_history {
    struct feed_epoch *epochs; /* owned; feed_history_free() */
    size_t n, room;
};

enum cursor_verdict {
    CURSOR_GOES_ON, /* what follows the cursor is what it wants */
    CURSOR_FOREIGN, /* it has read what this store has never said */
    CURSOR_TOO_OLD, /* it needs events that are no longer kept */
};

/** `newest`: of the store. `oldest`: the first position still kept, 0: none ever was. A cursor that has read nothing
 * goes on with any history. */
enum cursor_verdict feed_history_check(const struct feed_history *history, struct feed_cursor cursor, uint64_t newest,
                                       uint64_t oldest);
/** The epoch in force; EPOCH_UNKNOWN when there is none. */
uint64_t feed_history_epoch(const struct feed_history *history);
bool feed_history_knows(const struct feed_history *history, uint64_t epoch);

/** A number for a new epoch. EPOCH_UNKNOWN when the system gives no random numbers. */
uint64_t feed_epoch_new(void);
/** 0 or E_MEMORY. */
int feed_history_add(struct feed_history *history, struct feed_epoch epoch);
void feed_history_free(struct feed_history *history);

#endif
