/** stock_repo_kv.h: stock in a key-value store: the repository for the writer, and the queries for readers. How it lies
 *  there: stock_records.h.
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

/** The row that is kept under this id; texts are copied to the arena. 0, E_NOT_FOUND, or a failure. Any thread. */
int stock_find(struct kv *kv, int64_t id, struct arena *arena, struct stock *stock);
/** The row that has the name (canonical, any letter case). The same. */
int stock_find_by_name(struct kv *kv, struct str name, struct arena *arena, struct stock *stock);
/** Rows that are kept, by id. */
struct stock_rows {
    struct stock *stocks; /* in the arena: those from number `from` on, `most` at most */
    size_t n;
    size_t total; /* that are kept */
};

/** 0, E_TIMEOUT when it takes longer than until `until_us` (monotonic), or a failure. Any thread. */
int stock_list(struct kv *kv, struct arena *arena, size_t from, size_t most, int64_t until_us, struct stock_rows *rows);

#endif
