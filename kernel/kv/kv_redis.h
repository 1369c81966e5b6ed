/** kv_redis.h: the key-value port over Redis >= 7, for a shop past one machine (docs/adr/0052).
 *
 *  A store is one cell: four Redis keys with one hash tag ({stock:0}), so it lies on one node of a Redis Cluster. One
 * atomic step per commit, made by a function that is loaded into Redis once. Only a Redis that loses nothing is used:
 * appendonly yes, appendfsync always, maxmemory-policy noeviction; looked at whenever a connection is made, and now and
 * then before a commit, since an operator may change them while it runs.
 *
 *  Every call may wait: for an answer, and for Redis to come back, `patience_ms` at most (plus a look-up of its name).
 * Beyond the port's errors: commit() and probe() give E_CONFLICT when somebody else has opened the store since, or owns
 * the cell by a later token. Nothing was written then, nor ever will be by this one; check() says E_CONFLICT from then
 * on, and E_NOT_FOUND when the store has lost what was committed (emptied, or put back older).
 */
#ifndef COFFEESHOP_KV_REDIS_H
#define COFFEESHOP_KV_REDIS_H

#include "kv.h"

struct kv_redis_options {
    const char *url;      /* redis://[USER@]HOST[:PORT][/DATABASE], rediss:// in TLS; a password in it is refused */
    const char *password; /* NULL or empty: none. Not copied anywhere else, never shown */
    /* In TLS, PEM files, NULL or empty: the authorities to believe (none: the system's); our own certificate and its
     * key, where Redis asks for one. */
    const char *ca_file, *cert_file, *key_file;
    const char *cell; /* "stock:0": names the store's keys; letters, digits, '.', '_', '-', ':' */
    const char *application;
    int format;
    int (*migrate)(void *context, int from); /* as in struct kv_options */
    /** Who owns the cell: tokens only grow. One lower than the store has seen is refused, here (E_CONFLICT) and in
     * each commit's step. 0: no lease; whoever opened last may write. At most 2^53. */
    int64_t token;
    /** For who has no lease: its name, which no other process bears at the same time. Whoever has the store open says
     * so, about once a second; another name is refused meanwhile (E_UNAVAILABLE), the same one takes over at once.
     * NULL: nothing is said, and nobody is asked. */
    const char *holder;
    /** Only to read: nobody is fenced off, nothing is made or brought up to date (what isn't there is E_NOT_FOUND, an
     * older format E_UNAVAILABLE), and a commit is refused. One that somebody holds is refused (E_UNAVAILABLE), after
     * the time in which a holder that was killed is forgotten. */
    bool look;
    bool importing;      /* as in struct kv_options */
    int64_t patience_ms; /* 0: KV_REDIS_PATIENCE_MS */
    int64_t opening_ms;  /* the patience while it is opened; 0: patience_ms */
    int64_t
        look_again_ms; /* before a commit Redis's settings are looked at again, so often; 0: KV_REDIS_LOOK_AGAIN_MS */
};

enum { KV_REDIS_PATIENCE_MS = 3000, KV_REDIS_LOOK_AGAIN_MS = 10000, KV_REDIS_HOLD_MS = 3000 };

/** Connects, looks whether this Redis will do, loads the functions and makes the store, or checks that it is ours.
 * NULL on failure, with a sentence in `problem` that says what is wrong and what to do, and *error set: E_UNAVAILABLE
 * (nobody answers), E_SYSTEM (it doesn't let us in, isn't believed, or is set so that it could lose data), E_FOREIGN,
 * E_NEWER, E_CONFLICT (the token is a stale one), E_CORRUPT, E_FULL, E_MEMORY, E_MALFORMED (the options), or what
 * `migrate` returned. Opening fences off whoever had it open before. The options' texts have to live as long as the
 * store. */
struct kv *kv_redis_open(const struct kv_redis_options *options, struct buf *problem, int *error);
/** Whether the address can be read; false with a sentence. Nobody is asked. */
bool kv_redis_check_address(const char *url, struct buf *problem);

#endif
