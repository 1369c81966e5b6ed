/** follower_internal.h: what follower.c (the connection) and follower_intake.c (what comes through it) share. Private
 * to kernel/bus. Loop thread.
 */
#ifndef COFFEESHOP_FOLLOWER_INTERNAL_H
#define COFFEESHOP_FOLLOWER_INTERNAL_H

#include "follower.h"
#include "follower_metrics.h"
#include "log.h"
#include "sse.h"

#include <stdatomic.h>

enum { FOLLOWER_BACK_OFF_LEAST_US = 50000 };

enum link_state { LINK_NEW, LINK_UP, LINK_DOWN };

struct follower {
    struct follower_options options;
    struct loop *loop;
    struct http_client *client;
    struct writer *writer;
    struct buf url;
    struct http_tail tail;
    struct loop_timer timer;    /* down: connect again; paused: look at the queue */
    struct loop_timer skipping; /* until the cursor moves past `skipped` by itself */
    struct sse_parser parser;
    struct follower_metrics *metrics;
    uint64_t position, epoch;
    _Atomic int64_t waiting; /* commands that the writer still has */
    int64_t back_off_us;
    int64_t up_at;
    uint64_t random;
    enum link_state link;
    int told_error; /* what was last logged about a link that is down … */
    enum log_level told_level;
    int64_t born_at;
    bool was_up;
    bool stopped;
    enum follower_trouble trouble;
    uint64_t oldest;    /* with FOLLOWER_GAP: what the producer still keeps, … */
    uint64_t gap_epoch; /* … and its epoch */

    /* gathered from the bytes at hand */
    struct command *first, *last;
    size_t n;
    uint64_t skipped; /* the last event was not for us and nothing moves the cursor past it yet */
};

/** Takes bytes of the feed: what they complete is handed to the writer, in order. E_FOREIGN: the feed leaves out
 * events, or gives no positions; E_TOO_LARGE, E_MEMORY: the connection is of no use any more. */
int follower_take(struct follower *follower, const char *bytes, size_t n);
/** From here on the cursor is one of this epoch. What the writer still has from before is a beginning of the same
 * history: the producer has looked. 0 or E_MEMORY. */
int follower_enter_epoch(struct follower *follower, uint64_t epoch);
/** Moves the cursor past the events that were not for us. */
void follower_move_past_skipped(struct follower *follower);
/** Moves the cursor over events that nobody has any more. false: there is no memory for it, and nothing has moved. */
bool follower_pass_over(struct follower *follower, uint64_t epoch, uint64_t position);

#endif
