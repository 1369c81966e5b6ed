/** follower.h: the consumer's side of a feed: follows one producer's /events, cuts it into events, hands them to the
 * writer in order.
 *
 *  It starts after the committed cursor (position and epoch, feed_history.h) and reconnects with back-off (50 ms to 2
 * s, with jitter). Events come exactly once and without gaps: one that was already handed over is dropped; when one is
 * left out the connection is closed, the fault is logged, and it asks again. While the writer has max_waiting of its
 * commands, the connection is paused (the producer feels it by TCP's flow control), until half of them are done.
 *
 *  An answer counts only when it says that it is the producer's (Feed-Producer): a stream of anybody else's is not
 * taken, nor a refusal.
 *
 *  When the connection is made, both sides compare: the producer looks whether it has said what we have read, and we
 * look whether our own feed has said what the producer tells to have read of it (Feed-Cursors). The epoch that the
 * producer is in becomes a COMMAND_EPOCH in front of its events.
 *
 *  Events are decoded by the context's `decode`, which returns a command (or NULL: not ours, only the cursor moves: a
 * run of such events becomes one SKIP command). What can't be decoded becomes a dead-letter command. Loop thread.
 *
 *  Metrics: coffeeshop_follower_connected, coffeeshop_follower_position, by producer.
 */
#ifndef COFFEESHOP_FOLLOWER_H
#define COFFEESHOP_FOLLOWER_H

#include "feed_history.h"
#include "http_client.h"
#include "writer.h"

struct follower;

/** Why a feed is not followed although somebody answers. None of them heals by itself: positions that are reached
 * again later don't make it the same history, and a wrong address stays one. */
enum follower_trouble {
    FOLLOWER_WELL,
    FOLLOWER_REFUSED,  /* 409: the producer's data is not the one that was read here, or is older */
    FOLLOWER_GAP,      /* 410: events that are needed here are no longer kept */
    FOLLOWER_FOREIGN,  /* another service of the shop answers at its address: it names itself */
    FOLLOWER_OVERTAKEN /* the producer has read what our own feed has never said: it is our data that is not the one, or
                          is older. Nothing of it is applied, and it isn't asked again */
};

struct follower_options {
    const char *producer; /* "order"; has to outlive the follower */
    const char *url;      /* "http://127.0.0.1:8081" ; "/events" is added */
    size_t source;        /* its index in the consumer's cursors */
    uint64_t position;    /* the committed cursor */
    uint64_t epoch;       /* the producer's when that was read; EPOCH_UNKNOWN: from before there were epochs */
    const char *self;     /* our own name, by which the producer says how far it has read us; NULL: we say nothing */
    bool (*has_said)(void *owner, struct feed_cursor cursor); /* whether our own feed has; used when `self` is set */
    void (*overtaken)(void *owner, size_t source);            /* FOLLOWER_OVERTAKEN; called once */
    void *owner;
    size_t max_waiting;
    int64_t silence_ms;
    /** One event's JSON text. The command's texts must be copied (the bytes are gone afterwards). `*reason` is set (and
     * NULL returned) when it can't be decoded; it is copied. `*reason = error_text(E_MEMORY)` means that memory is
     * exhausted: the event is asked for again later. origin, source, position, next and waiting of the command are
     * filled in by the follower. */
    struct command *(*decode)(void *context, size_t source, struct str text, const char **reason);
    void *context;
};

/** Connects from the loop's next turn on. NULL when memory is exhausted. */
struct follower *follower_new(struct loop *loop, struct http_client *client, struct writer *writer,
                              const struct follower_options *options);
/** No more events are taken. What is queued stays with the writer. Before http_client_free(). */
void follower_stop(struct follower *follower);
/** After writer_stop(): the writer counts on the follower what it still has of it. NULL is taken. */
void follower_free(struct follower *follower);
/** Whether it is connected: bytes have come (a feed sends a comment at once), and it has not ended since. */
bool follower_is_connected(const struct follower *follower);
/** With FOLLOWER_GAP: goes on with the oldest event that the producer said it keeps, as people have decided. The cursor
 * moves there as by events that are not for us. false: there is no such gap, or no memory. Loop thread. */
bool follower_skip_gap(struct follower *follower);
/** The newest event received, and the epoch in which it was. Loop thread. */
struct feed_cursor follower_cursor(const struct follower *follower);
/** `*oldest`: with FOLLOWER_GAP the first position that the producer still keeps, 0: it didn't say. Loop thread. */
enum follower_trouble follower_trouble(const struct follower *follower, uint64_t *oldest);

#endif
