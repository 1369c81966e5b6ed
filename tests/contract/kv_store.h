/** kv_store.h: the stores under a contract of key-value stores: an LMDB file of its own, a cell of its own in Redis, or
 * the fake. Beside repo_store.h, which is the same for the relational ones.
 */
#ifndef COFFEESHOP_KV_STORE_H
#define COFFEESHOP_KV_STORE_H

#include "fake_kv.h"
#include "scratch.h"

struct kv_store {
    struct kv *kv;        /* NULL: it isn't made */
    struct fake_kv *fake; /* kv is its port; NULL: it isn't the fake */
    char cell[16];        /* in Redis; empty: it isn't there */
    struct scratch scratch;
    char path[SCRATCH_PATH_SIZE];
};

void kv_store_make_lmdb(struct kv_store *store);
/** Needs kv_store_start_redis(). */
void kv_store_make_redis(struct kv_store *store);
void kv_store_make_fake(struct kv_store *store);
/** What a restart of the process does. */
void kv_store_reopen(struct kv_store *store);
/** How a store may be opened, beside as its service opens it. */
struct kv_store_manner {
    bool importing;
    bool look; /* Redis only */
};
/** Opens it once more, not as store->kv; NULL: it isn't let in. Not the fake. */
struct kv *kv_store_open_as(const struct kv_store *store, struct kv_store_manner manner, int *error);
/** Closes it, unless somebody else has (kv is NULL then). */
void kv_store_remove(struct kv_store *store);

/** A group's set-up and its end: one server for all its tests, with a cell for each. */
int kv_store_start_redis(void **state);
int kv_store_stop_redis(void **state);

#endif
