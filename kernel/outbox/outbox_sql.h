/** outbox_sql.h: outbox, cursors, idempotency keys and dead letters in a relational database: the tables and statements that every SQL context
 *  shares. A context puts OUTBOX_SQL_SCHEMA into its first migration, and calls outbox_sql_write() inside its own transaction.
 */
#ifndef COFFEESHOP_OUTBOX_SQL_H
#define COFFEESHOP_OUTBOX_SQL_H

#include "cursor.h"
#include "outbox_write.h"
#include "sql.h"

#define OUTBOX_SQL_SCHEMA                                                                                              \
    "CREATE TABLE outbox (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL, frames BLOB NOT NULL);"     \
    "CREATE TABLE cursor (source TEXT PRIMARY KEY, position INTEGER NOT NULL);"                                          \
    "CREATE TABLE idempotency (key TEXT PRIMARY KEY, fingerprint INTEGER NOT NULL, status INTEGER NOT NULL, location TEXT NOT NULL, " \
    "body TEXT NOT NULL, at INTEGER NOT NULL);"                                                                          \
    "CREATE INDEX idempotency_at ON idempotency (at);"                                                                  \
    "CREATE TABLE dead_letter (source TEXT NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL, "  \
    "frame TEXT NOT NULL, PRIMARY KEY (source, position));"

/** Inside the caller's transaction. */
int outbox_sql_write(struct sql *sql, const struct outbox_write *write);
/** At start: the last position committed, and the cursors (sources already filled in; unknown ones get 0). */
int outbox_sql_restore(struct sql *sql, uint64_t *last, struct cursors *cursors);
/** The stored batches from the one that holds position `after` + 1, appended to `frames` until it has at least `enough` bytes or there are no more.
 *  `*oldest` is the first position still kept (0: none ever was). Reader's connection. */
int outbox_sql_read(struct sql *sql, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest);
/** Fills in found records for keys (`record->found`); texts are copied to the arena. */
int outbox_sql_find_keys(struct sql *sql, struct idempotency_record *records, size_t n, struct arena *arena);
/** Deletes at most `limit` idempotency keys and outbox batches older than these moments (us; 0: keep). The newest batch is
 *  always kept: it holds the last position. Own transaction. */
int outbox_sql_expire(struct sql *sql, int64_t keys_before, int64_t batches_before, size_t limit);

#endif
