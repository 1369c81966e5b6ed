/** kv_redis_line.h: one connection to Redis, with deadlines; hiredis reads the answers. For what runs over it
 * (kv_redis.c, redis_link.h).
 *
 *  The line is ours, because hiredis's own doesn't say how much of a command has gone out, and that is the difference
 * between "nothing was done" and "it isn't known". One thread at a time. Deadlines are by clock_monotonic().
 */
#ifndef COFFEESHOP_KV_REDIS_LINE_H
#define COFFEESHOP_KV_REDIS_LINE_H

#include "buf.h"
#include "str.h"

#include <hiredis/hiredis.h>
#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

enum { REDIS_HOST_SIZE = 256, REDIS_PORT_SIZE = 6 };

struct redis_place {
    char host[REDIS_HOST_SIZE];
    char port[REDIS_PORT_SIZE];
};

struct redis_line {
    int fd;              /* valid while there is a reader */
    redisReader *reader; /* NULL: there is no connection */
    SSL *session;        /* NULL: in the clear */
    /* After a failed redis_line_ask(). */
    const char *why; /* words about it; static, or the library's own */
    bool refused;    /* TLS: the other side doesn't want us, or we don't want it */
};

/** `tls`: NULL for a line in the clear (kv_redis_tls.h). OK; E_UNAVAILABLE, with the system's words in *why (static or
 * the thread's own); E_SYSTEM: the other side isn't believed, or doesn't speak TLS; E_MEMORY. */
int redis_line_open(struct redis_line *line, const struct redis_place *place, SSL_CTX *tls, int64_t deadline,
                    const char **why);
/** Sends one command (redis_command()) and waits for its answer, which the caller frees with freeReplyObject(); an
 * error that Redis answers is an answer. E_UNAVAILABLE: the line is broken and closed; *sent says whether the whole
 * command had gone out. Redis does nothing with a part of one. */
int redis_line_ask(struct redis_line *line, struct str command, int64_t deadline, redisReply **reply, bool *sent);
void redis_line_close(struct redis_line *line);

/** Begins a command of `n` words; then its words, one by one. */
void redis_command(struct buf *command, size_t n);
void redis_word(struct buf *command, struct str word);
void redis_number(struct buf *command, int64_t number);

static inline struct str redis_text(const redisReply *reply)
{
    return (struct str){reply->str, (size_t)reply->len};
}

/** Whether the answer is an error that begins with this word. */
static inline bool redis_is_error(const redisReply *reply, const char *word)
{
    return reply->type == REDIS_REPLY_ERROR && str_starts_with(redis_text(reply), str_of(word));
}

#endif
