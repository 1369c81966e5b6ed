/** follower.h: the consumer's side of a feed: follows one producer's /events, cuts it into events, hands them to the writer in order.
 *
 *  It starts after the committed cursor, reconnects with back-off, and pauses the connection while the writer has follower.max_waiting events of it
 *  queued. Events are decoded on the loop thread by the context's `decode`, which returns a command (or NULL: not ours, only the cursor moves; the
 *  follower makes a SKIP command once in a while so that it does). What can't be decoded becomes a dead-letter command. Loop thread.
 */
#ifndef COFFEESHOP_FOLLOWER_H
#define COFFEESHOP_FOLLOWER_H

#include "http_client.h"
#include "writer.h"

struct follower;

struct follower_options {
    const char *producer; /* "order" */
    const char *url;      /* "http://127.0.0.1:8081" ; "/events" is added */
    size_t source;        /* its index in the consumer's cursors */
    uint64_t position;    /* the committed cursor */
    size_t max_waiting;
    int64_t silence_ms;
    /** One event's JSON text. The command's texts must be copied (the bytes are gone afterwards). `*reason` is set when it can't be decoded. */
    struct command *(*decode)(void *context, size_t source, struct str text, const char **reason);
    void *context;
};

struct follower *follower_new(struct loop *loop, struct http_client *client, struct writer *writer, const struct follower_options *options);
/** No more events are taken. What is queued stays with the writer. */
void follower_stop(struct follower *follower);
void follower_free(struct follower *follower);
/** Whether it is connected. */
bool follower_is_connected(const struct follower *follower);
/** Position of the newest event received. */
uint64_t follower_position(const struct follower *follower);

#endif
