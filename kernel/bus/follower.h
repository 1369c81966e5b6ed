/** follower.h: the consumer's side of a feed: follows one producer's /events, cuts it into events, hands them to the
 * writer in order.
 *
 *  It starts after the committed cursor and reconnects with back-off (50 ms to 2 s, with jitter). Events come exactly
 * once and without gaps: one that was already handed over is dropped; when one is left out the connection is closed,
 * the fault is logged, and it asks again. While the writer has max_waiting of its commands, the connection is paused
 * (the producer feels it by TCP's flow control), until half of them are done.
 *
 *  Events are decoded by the context's `decode`, which returns a command (or NULL: not ours, only the cursor moves: a
 * run of such events becomes one SKIP command). What can't be decoded becomes a dead-letter command. Loop thread.
 *
 *  Metrics: coffeeshop_follower_connected, coffeeshop_follower_position, by producer.
 */
#ifndef COFFEESHOP_FOLLOWER_H
#define COFFEESHOP_FOLLOWER_H

#include "http_client.h"
#include "writer.h"

struct follower;

struct follower_options {
    const char *producer; /* "order"; has to outlive the follower */
    const char *url;      /* "http://127.0.0.1:8081" ; "/events" is added */
    size_t source;        /* its index in the consumer's cursors */
    uint64_t position;    /* the committed cursor */
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
/** Position of the newest event received. */
uint64_t follower_position(const struct follower *follower);

#endif
