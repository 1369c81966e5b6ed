/* kv_redis_look.c: opening a store without becoming its writer. */
#include "errors.h"
#include "kv_redis_functions.h"
#include "kv_redis_internal.h"

static int refuse(const struct kv_redis *self, int error, const char *why, struct buf *problem)
{
    buf_printf(problem, "the store {%s} in Redis at %s:%s %s", self->options.cell, self->place.host, self->place.port,
               why);
    return error;
}

static int judge(const struct kv_redis *self, const redisReply *reply, struct buf *problem)
{
    int64_t layout, format;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return refuse(self, E_FOREIGN, "is another program's: choose another Redis or database", problem);
    if (reply->element[0]->type == REDIS_REPLY_NIL)
        return refuse(self, E_NOT_FOUND, "isn't there", problem);
    if (!str_is(redis_text(reply->element[0]), self->options.application))
        return refuse(self, E_FOREIGN, "is another application's: choose another Redis or database", problem);
    if (!str_to_i64(redis_text(reply->element[1]), &layout) || !str_to_i64(redis_text(reply->element[2]), &format))
        return refuse(self, E_CORRUPT, "is damaged: restore a backup of all services", problem);
    if (layout > KV_REDIS_LAYOUT || format > self->options.format)
        return refuse(self, E_NEWER, "was written by a newer version: use that one", problem);
    if (layout < KV_REDIS_LAYOUT || format < self->options.format)
        return refuse(self, E_UNAVAILABLE, "is of an older version: start the service first, it brings it up to date",
                      problem);
    return OK;
}

int kv_redis_look_at(struct kv_redis *self, struct buf *problem)
{
    static const struct str members[] = {STR_INIT("application"), STR_INIT("layout"), STR_INIT("format")};
    redisReply *reply = NULL;
    bool sent = false;

    redis_command(&self->command, 2 + COUNT_OF(members));
    redis_word(&self->command, STR("HMGET"));
    redis_word(&self->command, str_of(self->meta));
    for (size_t i = 0; i < COUNT_OF(members); i++)
        redis_word(&self->command, members[i]);
    if (self->command.failed)
        return E_MEMORY;
    int error =
        kv_redis_ask(self, &self->writing, buf_str(&self->command), self->options.patience_ms, &reply, &sent, problem);
    if (!error)
        error = judge(self, reply, problem);
    freeReplyObject(reply);
    return error ? error : kv_redis_await_release(self, problem);
}
