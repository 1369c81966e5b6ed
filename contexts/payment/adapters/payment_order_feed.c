#include "payment_order_feed.h"

#include "alloc.h"
#include "clock.h"
#include "json.h"

#include <pthread.h>

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
    uint64_t epoch, position;
};

struct newest {
    struct str producer;
    int64_t epoch, position;
};
static const struct json_field newest_fields[] = {
    JSON_FIELD(struct newest, "producer", producer, JSON_STRING, JSON_REQUIRED, 1, 32),
    JSON_FIELD(struct newest, "epoch", epoch, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
    JSON_FIELD(struct newest, "position", position, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
};
static const struct json_desc newest_desc = {"newest event", newest_fields, COUNT_OF(newest_fields),
                                             sizeof(struct newest)};

static void on_answer(struct guarded_call *call, int error)
{
    struct asked_feed *self = CONTAINER_OF(call, struct asked_feed, call);
    struct json_error wrong;
    struct newest newest;
    struct arena arena;

    arena_init(&arena, 1024);
    bool known = !error && call->http.status == 200 && call->http.media == HTTP_MEDIA_JSON &&
                 json_decode(&newest_desc, buf_str(&call->http.reply), &newest, &arena, &wrong) &&
                 str_is(newest.producer, "order"); /* every service has a feed: one that has said nothing is complete */
    pthread_mutex_lock(&self->lock);
    self->asking = false;
    if (known) {
        self->asked_at = self->call_began;
        self->epoch = (uint64_t)newest.epoch;
        self->position = (uint64_t)newest.position;
    }
    pthread_mutex_unlock(&self->lock);
    arena_free(&arena);
}

static int64_t complete_at(struct order_feed *port, uint64_t epoch, uint64_t position)
{
    struct asked_feed *self = CONTAINER_OF(port, struct asked_feed, port);
    int64_t now = service_now(self->service);

    pthread_mutex_lock(&self->lock);
    int64_t complete = self->epoch == epoch && self->position <= position ? self->asked_at : INT64_MIN;
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

struct order_feed *payment_order_feed_new(struct guarded_caller *caller, const char *url, struct service *service)
{
    struct asked_feed *self = heap_alloc(sizeof(*self));

    if (!self)
        return NULL;
    *self = (struct asked_feed){
        .port = {.complete_at = complete_at}, .caller = caller, .service = service, .asked_at = INT64_MIN};
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
