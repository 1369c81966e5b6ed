/** fake_producer.h: a producer of events with a real feed behind a real HTTP server on a free port of the loopback; its
 * store is an array in memory.
 *
 *  fake_producer_publish() may be called from one other thread while the loop runs; everything else is for the loop's
 * thread.
 */
#ifndef COFFEESHOP_FAKE_PRODUCER_H
#define COFFEESHOP_FAKE_PRODUCER_H

#include "feed.h"

#include <pthread.h>

struct fake_batch {
    uint64_t first, count;
    struct buf frames;
};

struct fake_producer {
    struct loop *loop;
    struct feed_settings settings;
    struct feed *feed;
    struct http_server *server;
    uint16_t port;
    char url[64];               /* "http://127.0.0.1:40001" */
    pthread_mutex_t publishing; /* held over a publication, and over a restart */
    pthread_mutex_t lock;       /* the store's */
    struct fake_batch *stored;
    size_t n_stored, cap_stored;
    struct feed_history history; /* empty: none */
    uint64_t kept_from;          /* what is before it was removed by retention */
    uint64_t last;
    int store_fails; /* an errors.h code for the reader, or 0 */
    int store_reads;
    bool store_is_slow; /* answers in a later turn of the loop */
    bool store_hangs;   /* answers when fake_producer_answer() says so; stops the loop when it is asked */
    struct feed_reading *unanswered[8];
    size_t n_unanswered;
    struct loop_job answers;
};

void fake_producer_open(struct fake_producer *producer, struct loop *loop, const struct feed_settings *settings);
/** Commits and publishes a batch of `n` events; the data of the event at position 7 is
 * {"at":7,"kind":"<kind>","pad":"xx…"}. */
void fake_producer_publish(struct fake_producer *producer, size_t n, const char *kind, size_t pad);
/** The process ends; what is stored stays. The loop must not be running. */
void fake_producer_stop(struct fake_producer *producer);
/** It comes back, on the same port. */
void fake_producer_start(struct fake_producer *producer);
/** Answers what the store was asked. */
void fake_producer_answer(struct fake_producer *producer);
void fake_producer_close(struct fake_producer *producer);

#endif
