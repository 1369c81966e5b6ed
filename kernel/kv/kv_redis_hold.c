/* kv_redis_hold.c: whoever has a store open says so by a key that ends soon after its holder does. Who opens it by
 * mistake is refused as long as the holder lives; what fences is the session, as before. */
#include "clock.h"
#include "errors.h"
#include "kv_redis_functions.h"
#include "kv_redis_internal.h"

#include <time.h>

enum { RENEW_MS = 1000, RENEW_PATIENCE_MS = 500, LET_GO_MS = 200, ASK_AGAIN_MS = 100, GONE_BY_MS = 1 };

static void write_hold(struct kv_redis *self, int64_t for_ms)
{
    redis_command(&self->command, 6);
    redis_word(&self->command, STR("FCALL"));
    redis_word(&self->command, STR(KV_REDIS_HOLD));
    redis_number(&self->command, 1);
    redis_word(&self->command, str_of(self->held));
    redis_word(&self->command, str_of(self->options.holder));
    redis_number(&self->command, for_ms);
}

void kv_redis_hold_on(struct kv_redis *self)
{
    int64_t now = clock_monotonic();
    struct buf problem = {0};
    redisReply *reply = NULL;
    bool sent = false;

    if (!self->options.holder || now < self->held_at + RENEW_MS * US_PER_MS)
        return;
    self->held_at = now; /* one that fails is tried again as late as one that doesn't */
    write_hold(self, KV_REDIS_HOLD_MS);
    (void)kv_redis_ask(self, &self->writing, buf_str(&self->command), RENEW_PATIENCE_MS, &reply, &sent, &problem);
    freeReplyObject(reply);
    buf_free(&problem);
}

void kv_redis_let_go(struct kv_redis *self)
{
    redisReply *reply = NULL;
    bool sent = false;

    if (!self->held_at || !self->writing.reader)
        return;
    write_hold(self, GONE_BY_MS);
    if (redis_line_ask(&self->writing, buf_str(&self->command), clock_monotonic() + LET_GO_MS * US_PER_MS, &reply,
                       &sent) == OK)
        freeReplyObject(reply);
}

int kv_redis_say_held(const struct kv_redis *self, struct buf *problem)
{
    buf_printf(problem,
               "the store {%s} in Redis at %s:%s is in use by another %s service, or by one that was cut off a moment "
               "ago: stop it, or give this one a Redis or a database of its own",
               self->options.cell, self->place.host, self->place.port, self->options.application);
    return E_UNAVAILABLE;
}

static int ask_holder(struct kv_redis *self, bool *held, struct buf *problem)
{
    redisReply *reply = NULL;
    bool sent = false;

    redis_command(&self->command, 2);
    redis_word(&self->command, STR("EXISTS"));
    redis_word(&self->command, str_of(self->held));
    if (self->command.failed)
        return E_MEMORY;
    int error =
        kv_redis_ask(self, &self->writing, buf_str(&self->command), self->options.patience_ms, &reply, &sent, problem);
    if (!error && reply->type != REDIS_REPLY_INTEGER)
        error = kv_redis_refusal(self, reply, "look");
    *held = !error && reply->integer != 0;
    freeReplyObject(reply);
    return error;
}

int kv_redis_await_release(struct kv_redis *self, struct buf *problem)
{
    const struct timespec pause = {.tv_nsec = ASK_AGAIN_MS * US_PER_MS * 1000};
    int64_t until = clock_monotonic() + (KV_REDIS_HOLD_MS + RENEW_MS) * US_PER_MS;
    bool held = false;

    for (;;) {
        int error = ask_holder(self, &held, problem);
        if (error || !held)
            return error;
        if (clock_monotonic() >= until)
            return kv_redis_say_held(self, problem);
        nanosleep(&pause, NULL);
    }
}
