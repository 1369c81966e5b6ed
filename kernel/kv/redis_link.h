/** redis_link.h: a line to a Redis in which a store could be (kv_redis.h), for who keeps something else there.
 *
 *  It is found in a cluster, logged into, inspected and made again as a store's is; functions of one's own are loaded
 * there once. One thread at a time.
 */
#ifndef COFFEESHOP_REDIS_LINK_H
#define COFFEESHOP_REDIS_LINK_H

#include "kv_redis_line.h"

/** What runs inside Redis, in one atomic step each. Changed code is another name: two versions of the program may use
 * one Redis. */
struct redis_library {
    const char *name;   /* "coffeeshop_kv_2" */
    const char *code;   /* begins with "#!lua name=" and the name */
    const char *rights; /* of whoever calls them, for an ACL: "+hset +hget" */
};

struct kv_redis_options;
struct redis_link;

/** Takes of the options url, password, the three files, cell (what is in braces in all the keys) and patience_ms; their
 * texts and the library have to live as long as the link. Connects at the first question. NULL with a sentence in
 * `problem` and *error: E_MALFORMED, E_SYSTEM (the files), E_MEMORY. */
struct redis_link *redis_link_new(const struct kv_redis_options *options, const struct redis_library *library,
                                  struct buf *problem, int *error);
/** Asks what may be asked twice, for patience_ms at most. OK and an answer to free with freeReplyObject(), which may be
 * an error of Redis; otherwise why there is none, with a sentence: E_UNAVAILABLE, E_SYSTEM, E_FOREIGN, E_FULL,
 * E_MEMORY. */
int redis_link_ask(struct redis_link *link, struct str command, redisReply **reply, struct buf *problem);
/** "HOST:PORT" of the address given, for sentences; lives as long as the link. */
const char *redis_link_place(const struct redis_link *link);
void redis_link_free(struct redis_link *link);

#endif
