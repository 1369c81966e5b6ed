/** stock_repo_kv.h: a cell of stock in a key-value store: the repository for the writer. How it lies there:
 * stock_records.h. Readers: stock_queries_kv.h.
 */
#ifndef COFFEESHOP_STOCK_REPO_KV_H
#define COFFEESHOP_STOCK_REPO_KV_H

#include "kv.h"
#include "stock_ports.h"

/** For kv_lmdb_open(). */
enum { STOCK_STORE_FORMAT = 1 };

/** How long things are kept, in us; 0: for ever. */
struct stock_retention {
    int64_t reservations;    /* after their last change */
    int64_t keys;            /* idempotency keys */
    int64_t outbox;          /* events … */
    const uint64_t *relayed; /* … up to this position, the writer's; NULL: all */
};

/** Uses `kv`, doesn't own it. NULL when there is no memory. */
struct stock_repo *stock_repo_kv_new(struct kv *kv, const struct stock_retention *retention);
/** Names that an older version kept under a key that is none any more (letters beyond ASCII were not folded) get
 * theirs. Of two that are one text by now the first keeps the name; the other row stays, under its id. Before anything
 * else is done with the store. 0 or a failure. */
int stock_repo_kv_rename(struct kv *kv);
/** NULL is taken. */
void stock_repo_kv_free(struct stock_repo *repo);

#endif
