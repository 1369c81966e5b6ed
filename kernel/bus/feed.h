/** feed.h: the outbox as an SSE feed: GET /events, resumable with Last-Event-ID.
 *
 *  The recent past is kept in memory as the very bytes that were committed (feed.tail_bytes); who is further behind
 * reads from the store by `read_stored` in bounded pieces. A comment line is sent at once and whenever nothing else was
 * for feed.heartbeat_ms, so that a lost follower or feed is noticed.
 *
 *  A follower sends with its Last-Event-ID the Feed-Epoch that it was told when it read that event, and is told the one
 * in force (outbox/feed_history.h). What this store has never said, as the epoch tells, or beyond the newest event: 409
 * (this data isn't the one that was read, or is older); before the oldest kept: 410, with Feed-Oldest; not a number:
 * 400; more than feed.max_followers: 503; more than feed.followers_per_address of one address: its oldest stream ends.
 * A stream whose stored events can't be read ends; the consumer comes again. Metrics: coffeeshop_feed_followers,
 * coffeeshop_feed_events_total, coffeeshop_feed_position.
 */
#ifndef COFFEESHOP_FEED_H
#define COFFEESHOP_FEED_H

#include "feed_history.h"
#include "http_server.h"
#include "outbox.h"

struct feed;

struct feed_settings {
    int64_t tail_bytes;
    int64_t heartbeat_ms;
    int64_t max_followers;
    int64_t followers_per_address;
};

/** Stored events that a feed asks for, and what came of it. The feed's; whoever reads has it until done() is called. */
struct feed_reading {
    uint64_t after; /* events after this position are wanted, whole batches (the first may begin at or before it) … */
    size_t enough;  /* … of at least so many bytes, if there are so many */
    struct buf frames;
    uint64_t oldest;                         /* position kept; 0: there is none */
    int error;                               /* 0 or an errors.h code */
    void (*done)(struct feed_reading *self); /* loop thread */
};
/** Fills `reading` in and calls done(): before it returns, or later, when the store isn't one that answers at once.
 * Loop thread. */
typedef void feed_read_stored(void *context, struct feed_reading *reading);

/** `last` is the last position committed so far. `history` is the store's, and outlives the feed; NULL: it has none,
 * and only positions are looked at. NULL when memory is exhausted. */
struct feed *feed_new(struct loop *loop, const struct feed_settings *settings, uint64_t last,
                      const struct feed_history *history, feed_read_stored *read_stored, void *context);
/** All streams closed (http_server_free), nothing being read, no more feed_publish(), the loop not running. NULL is
 * taken. */
void feed_free(struct feed *feed);
/** The batch is committed: takes the outbox's frames (its buffer is swapped for an empty one) to the tail and wakes the
 * followers. Writer thread. */
void feed_publish(struct feed *feed, struct outbox *outbox);
/** The handler of GET /events; `request->last_event_id` or 0. Loop thread. */
void feed_serve(struct feed *feed, struct http_request *request);
/** Whether somebody can have read so far in this feed. False: the data that it was made of isn't here. Any thread. */
bool feed_has_said(const struct feed *feed, struct feed_cursor cursor);
/** The newest position published. Any thread. */
uint64_t feed_last(const struct feed *feed);

#endif
