/** kv_redis_internal.h: what the files of the Redis adapter share. Not for others. */
#ifndef COFFEESHOP_KV_REDIS_INTERNAL_H
#define COFFEESHOP_KV_REDIS_INTERNAL_H

#include "kv_redis.h"
#include "kv_redis_line.h"
#include "log.h"
#include "redis_link.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    KV_REDIS_CELL_MAX = 64,
    KV_REDIS_KEY_SIZE = KV_REDIS_CELL_MAX + 16,
    KV_REDIS_USER_SIZE = 128,
    KV_REDIS_IDLE = 4
};

struct kv_redis {
    struct kv port;
    struct kv_redis_options options;
    const struct redis_library *library; /* what has to run inside that Redis */
    /* From the options. */
    struct redis_place place;
    char user[KV_REDIS_USER_SIZE];
    int64_t database;
    SSL_CTX *tls; /* NULL: in the clear */
    char meta[KV_REDIS_KEY_SIZE], data[KV_REDIS_KEY_SIZE], names[KV_REDIS_KEY_SIZE], held[KV_REDIS_KEY_SIZE];
    /* The writer's: who it is to Redis, and the number of its last commit. */
    int64_t session, token, commits;
    bool lost;         /* E_OUTCOME_UNKNOWN was said */
    int64_t looked_at; /* Redis's settings, before a commit; clock_monotonic() */
    int64_t held_at;   /* when it was last said that we have it open; clock_monotonic(), 0: never */
    struct redis_line writing;
    struct buf command;
    /* The readers': connections that nobody uses at the moment. */
    pthread_mutex_t lock;
    struct redis_line idle[KV_REDIS_IDLE];
    size_t n_idle;
    /* Anybody's. */
    _Atomic int gone;       /* E_CONFLICT: fenced off; E_NOT_FOUND: Redis has lost what was committed */
    _Atomic bool away;      /* the last question was given up: readers don't wait one after the other for the same */
    _Atomic bool damaged;   /* an entry was met that isn't what was written */
    struct log_reason told; /* the error said last in the log */
};

/** Closes what is open, and frees it. */
void kv_redis_free(struct kv_redis *self);
/** Takes url, cell and the rest of the options apart. E_MALFORMED with a sentence. */
int kv_redis_set(struct kv_redis *self, struct buf *problem);
/** Connects, logs in, looks whether this Redis will do, and loads the functions: until it succeeds, somebody has to
 * change something, or the deadline has passed. The errors of kv_redis_open(), with a sentence in `problem`. */
int kv_redis_reach(struct kv_redis *self, struct redis_line *line, int64_t deadline, struct buf *problem);
/** Asks what may be asked twice; the line is made again as often as needed, until the patience is over. OK and
 * an answer to free (an error too, when asking again wouldn't help), or the errors of kv_redis_reach(). *sent: some
 * attempt had gone out whole and wasn't answered. */
int kv_redis_ask(struct kv_redis *self, struct redis_line *line, struct str command, int64_t patience_ms,
                 redisReply **reply, bool *sent, struct buf *problem);
/** The errors.h code for an answer that is an error, and a line in the log unless it is the one said before. */
int kv_redis_refusal(struct kv_redis *self, const redisReply *reply, const char *doing);
/** A line in the log unless it is the one said before. Returns `error`. */
int kv_redis_report(struct kv_redis *self, int error, struct str reason, const char *doing);
/** Begins FCALL of a function with the store's meta, data and names, and `n` more words. */
void kv_redis_call(const struct kv_redis *self, struct buf *command, const char *function, size_t n);
/** The same with the first `n_keys` of meta, data, names and held. */
void kv_redis_call_with(const struct kv_redis *self, struct buf *command, const char *function, size_t n_keys,
                        size_t n);
/** kv_redis_hold.c. Says that we have it open, if that wasn't said for a while. Writer thread. */
void kv_redis_hold_on(struct kv_redis *self);
/** And that we haven't any more. */
void kv_redis_let_go(struct kv_redis *self);
/** E_UNAVAILABLE and the sentence. */
int kv_redis_say_held(const struct kv_redis *self, struct buf *problem);
/** OK when nobody has it open; waits for as long as one that was killed may be remembered. */
int kv_redis_await_release(struct kv_redis *self, struct buf *problem);

/** Functions, settings, version: whether this server will do. */
int kv_redis_inspect(struct kv_redis *self, struct redis_line *line, int64_t deadline, struct buf *problem);

/** Its settings alone, again; E_SYSTEM when they have become such that it could lose something. */
int kv_redis_look_again(struct kv_redis *self, struct redis_line *line, int64_t deadline, struct buf *problem);

/** Whether there is a store, and whose: for who only reads it. As kv_redis_open() says of `look`. */
int kv_redis_look_at(struct kv_redis *self, struct buf *problem);

/** The reading half of the port. */
int kv_redis_scan(struct kv *port, struct str prefix, struct str from, size_t limit, kv_on_entry *on_entry,
                  void *context);
int kv_redis_last(struct kv *port, struct str prefix, kv_on_entry *on_entry, void *context);
/** Takes the checksum off what was stored under the key. E_CORRUPT, and a line in the log, when it isn't what was
 * written. Any thread. */
int kv_redis_unwrap(struct kv_redis *self, struct str key, struct str *value);

#endif
