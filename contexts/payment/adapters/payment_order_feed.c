#include "payment_order_feed.h"

#include "alloc.h"
#include "clock.h"
#include "order_newest.h"

#include <pthread.h>
#include <string.h>

static const int64_t ask_again_us = US_PER_S;

struct asked_feed {
    struct order_feed port;
    struct guarded_caller *caller;
    struct service *service;
    struct buf url;
    struct guarded_call call;
    int64_t call_began; /* the writer's until the call is over */
    pthread_mutex_t lock;
    /* under the lock */
    bool asking;
    int64_t asked_at; /* own time: when the last answer was asked for; INT64_MIN: never */
    uint64_t epoch;
    int32_t n_cells;
    uint64_t position[]; /* by cell */
};

static void on_answer(struct guarded_call *call, int error)
{
    struct asked_feed *self = CONTAINER_OF(call, struct asked_feed, call);
    struct order_newest newest;
    struct arena arena;

    arena_init(&arena, 1024);
    bool known = !error && order_newest_read(&call->http, self->n_cells, &newest, &arena);
    pthread_mutex_lock(&self->lock);
    self->asking = false;
    if (known) {
        self->asked_at = self->call_began;
        self->epoch = newest.epoch;
        memcpy(self->position, newest.position, (size_t)self->n_cells * sizeof(self->position[0]));
    }
    pthread_mutex_unlock(&self->lock);
    arena_free(&arena);
}

static int64_t complete_at(struct order_feed *port, int32_t cell, uint64_t epoch, uint64_t position)
{
    struct asked_feed *self = CONTAINER_OF(port, struct asked_feed, port);
    int64_t now = service_now(self->service);

    pthread_mutex_lock(&self->lock);
    int64_t complete = self->epoch == epoch && self->position[cell] <= position ? self->asked_at : INT64_MIN;
    bool ask = !self->asking && now - ask_again_us >= self->call_began;
    self->asking |= ask;
    pthread_mutex_unlock(&self->lock);
    if (!ask)
        return complete;
    self->call_began = now;
    self->call = (struct guarded_call){.http = {.method = "GET", .url = self->url.p}, .done = on_answer};
    guarded_call(self->caller, &self->call);
    return complete;
}

struct order_feed *payment_order_feed_new(struct guarded_caller *caller, const char *url, int32_t n_cells,
                                          struct service *service)
{
    struct asked_feed *self = heap_alloc(sizeof(*self) + (size_t)n_cells * sizeof(self->position[0]));

    if (!self)
        return NULL;
    *self = (struct asked_feed){.port = {.complete_at = complete_at},
                                .caller = caller,
                                .service = service,
                                .asked_at = INT64_MIN,
                                .n_cells = n_cells};
    pthread_mutex_init(&self->lock, NULL);
    buf_printf(&self->url, "%s/events/newest", url);
    buf_char(&self->url, '\0');
    if (self->url.failed) {
        payment_order_feed_free(&self->port);
        return NULL;
    }
    return &self->port;
}

void payment_order_feed_free(struct order_feed *feed)
{
    if (!feed)
        return;
    struct asked_feed *self = CONTAINER_OF(feed, struct asked_feed, port);
    buf_free(&self->url);
    pthread_mutex_destroy(&self->lock);
    heap_free(self);
}
