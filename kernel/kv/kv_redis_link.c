/* kv_redis_link.c: a store's line without the store (redis_link.h). */
#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "kv_redis_internal.h"

struct redis_link {
    struct kv_redis *redis;
    struct buf place;
};

static int set_up(struct redis_link *link, const struct kv_redis_options *options, const struct redis_library *library,
                  struct buf *problem)
{
    link->redis = heap_alloc(sizeof(*link->redis));
    if (!link->redis)
        return E_MEMORY;
    link->redis->options = *options;
    link->redis->library = library;
    pthread_mutex_init(&link->redis->lock, NULL);
    int error = kv_redis_set(link->redis, problem);
    buf_printf(&link->place, "%s:%s%c", link->redis->place.host, link->redis->place.port, '\0');
    return error ? error : link->place.failed ? E_MEMORY : OK;
}

struct redis_link *redis_link_new(const struct kv_redis_options *options, const struct redis_library *library,
                                  struct buf *problem, int *error)
{
    struct redis_link *link = heap_alloc(sizeof(*link));

    *error = link ? set_up(link, options, library, problem) : E_MEMORY;
    if (*error == OK)
        return link;
    if (!problem->n)
        BUF_LIT(problem, "no memory left for a connection to Redis");
    redis_link_free(link);
    return NULL;
}

int redis_link_ask(struct redis_link *link, struct str command, redisReply **reply, struct buf *problem)
{
    bool sent = false;

    return kv_redis_ask(link->redis, &link->redis->writing, command, link->redis->options.patience_ms, reply, &sent,
                        problem);
}

const char *redis_link_place(const struct redis_link *link)
{
    return link->place.p;
}

void redis_link_free(struct redis_link *link)
{
    if (!link)
        return;
    if (link->redis)
        kv_redis_free(link->redis);
    buf_free(&link->place);
    heap_free(link);
}
