/** repo_store.h: the two stores under a repository's contract: a SQLite file or PostgreSQL schema of its own, or
 * nothing but memory. */
#ifndef COFFEESHOP_REPO_STORE_H
#define COFFEESHOP_REPO_STORE_H

#include "batch.h"
#include "cell.h"
#include "scratch.h"
#include "sql.h"
#include "sql_engine.h"

/** What a contract test of a repository stands on. */
struct repo_store {
    struct scratch scratch;
    struct sql *sql; /* NULL: in memory */
    struct cell cell;
    struct arena arena;
    struct outbox outbox;
    struct cursors cursors;
};

/** A batch's beginning; `n` commands at most. */
void repo_store_begin(struct repo_store *store, struct batch *batch, size_t n);
/** Opens (or makes, or opens again) the file. */
void repo_store_open(struct repo_store *store, const char *application, const struct sql_migration *migrations,
                     size_t n_migrations);
void repo_store_close(struct repo_store *store);
/** From now on `act` is done whenever a transaction of this store's has written everything and is about to commit. */
void repo_store_meanwhile(struct repo_store *store, void (*act)(void *context), void *context);
/** Adds what belongs to a batch besides its states: one event, both cursors, a key with its answer, a dead letter. */
void repo_store_fill(struct repo_store *store, struct batch *batch);

#endif
