/** outbox_sql.h: outbox, cursors, idempotency keys and dead letters in a relational database: the tables and statements
 * that every SQL context shares. A context puts OUTBOX_SQL_SCHEMA into its first migration, and calls
 * outbox_sql_write() inside its own transaction.
 *
 *  All cells have these tables in common, and each function sees the rows of the one that it is given. An idempotency
 * key is its cell's, too: who repeats a request gets to the cell where it was taken (docs/adr/0063).
 */
#ifndef COFFEESHOP_OUTBOX_SQL_H
#define COFFEESHOP_OUTBOX_SQL_H

#include "cell.h"
#include "cursor.h"
#include "feed_history.h"
#include "outbox_write.h"
#include "retention_clock.h"
#include "sql.h"

#define OUTBOX_SQL_SCHEMA                                                                                              \
    "CREATE TABLE outbox (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL, frames BLOB NOT "    \
    "NULL);"                                                                                                           \
    "CREATE TABLE cursor (source TEXT PRIMARY KEY, position INTEGER NOT NULL);"                                        \
    "CREATE TABLE idempotency (key TEXT PRIMARY KEY, fingerprint INTEGER NOT NULL, status INTEGER NOT NULL, location " \
    "TEXT NOT NULL, "                                                                                                  \
    "body TEXT NOT NULL, at INTEGER NOT NULL);"                                                                        \
    "CREATE INDEX idempotency_at ON idempotency (at);"                                                                 \
    "CREATE TABLE dead_letter (source TEXT NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT " \
    "NULL, "                                                                                                           \
    "frame TEXT NOT NULL, PRIMARY KEY (source, position));"

/** The second migration of every context that began with the first: feed_history.h. */
#define OUTBOX_SQL_EPOCHS                                                                                              \
    "CREATE TABLE epoch (n INTEGER PRIMARY KEY, number INTEGER NOT NULL, after INTEGER NOT NULL);"                     \
    "ALTER TABLE cursor ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;"

/** The next one of all of them: what a dead letter says is bytes, a stranger's, and no text. */
#define OUTBOX_SQL_DEAD_BYTES                                                                                          \
    "CREATE TABLE dead_bytes (source TEXT NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT "  \
    "NULL, frame BLOB NOT NULL, PRIMARY KEY (source, position));"                                                      \
    "INSERT INTO dead_bytes SELECT source, position, at, reason, CAST(frame AS BLOB) FROM dead_letter;"                \
    "DROP TABLE dead_letter; ALTER TABLE dead_bytes RENAME TO dead_letter;"

/** The next one of all of them: rows say whose they are. Batches stay where they are (cell_place()): those of cell 0
 * are kept under their positions. */
#define OUTBOX_SQL_CELLS                                                                                               \
    "CREATE TABLE cell_cursor (cell INTEGER NOT NULL, source TEXT NOT NULL, position INTEGER NOT NULL, epoch INTEGER " \
    "NOT NULL, PRIMARY KEY (cell, source));"                                                                           \
    "INSERT INTO cell_cursor SELECT 0, source, position, epoch FROM cursor;"                                           \
    "DROP TABLE cursor; ALTER TABLE cell_cursor RENAME TO cursor;"                                                     \
    "CREATE TABLE cell_epoch (cell INTEGER NOT NULL, n INTEGER NOT NULL, number INTEGER NOT NULL, after INTEGER NOT "  \
    "NULL, PRIMARY KEY (cell, n));"                                                                                    \
    "INSERT INTO cell_epoch SELECT 0, n, number, after FROM epoch;"                                                    \
    "DROP TABLE epoch; ALTER TABLE cell_epoch RENAME TO epoch;"                                                        \
    "CREATE TABLE cell_key (cell INTEGER NOT NULL, key TEXT NOT NULL, fingerprint INTEGER NOT NULL, status INTEGER "   \
    "NOT NULL, location TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (cell, key));"             \
    "INSERT INTO cell_key SELECT 0, key, fingerprint, status, location, body, at FROM idempotency;"                    \
    "DROP TABLE idempotency; ALTER TABLE cell_key RENAME TO idempotency;"                                              \
    "CREATE INDEX idempotency_at ON idempotency (cell, at);"                                                           \
    "CREATE TABLE cell_dead (cell INTEGER NOT NULL, source TEXT NOT NULL, position INTEGER NOT NULL, at INTEGER NOT "  \
    "NULL, reason TEXT NOT NULL, frame BLOB NOT NULL, PRIMARY KEY (cell, source, position));"                          \
    "INSERT INTO cell_dead SELECT 0, source, position, at, reason, frame FROM dead_letter;"                            \
    "DROP TABLE dead_letter; ALTER TABLE cell_dead RENAME TO dead_letter;"

/** At start: begins the epoch `number` of this store's feed, and fills in the history, which is empty before, with all
 * of them. EPOCH_UNKNOWN begins none. When it can't be stored the history ends with the last one that is. Own
 * transaction. */
int outbox_sql_begin_epoch(struct sql *sql, struct cell cell, uint64_t number, struct feed_history *history);
/** Inside the caller's transaction. */
int outbox_sql_write(struct sql *sql, struct cell cell, const struct outbox_write *write);
/** At start: the last position committed, and the cursors (sources already filled in; unknown ones get 0). */
int outbox_sql_restore(struct sql *sql, struct cell cell, uint64_t *last, struct cursors *cursors);
/** At start: the newest moment that a batch or a key was stored at, us; 0: there is none. */
int outbox_sql_newest(struct sql *sql, struct cell cell, int64_t *moment);
/** The stored batches from the one that holds position `after` + 1, appended to `frames` until it has at least `enough`
 * bytes, there are no more, or it is 64 of them.
 *  `*oldest` is the first position still kept (0: none ever was). Reader's connection. */
int outbox_sql_read(struct sql *sql, struct cell cell, uint64_t after, size_t enough, struct buf *frames,
                    uint64_t *oldest);
/** Fills in found records for keys (`record->found`); texts are copied to the arena. */
int outbox_sql_find_keys(struct sql *sql, struct cell cell, struct idempotency_record *records, size_t n,
                         struct arena *arena);
/** Deletes at most `limit` idempotency keys and outbox batches older than these moments (us; 0: keep). Batches
 * with events behind `up_to` stay; the newest is always kept: it holds the last position. Own transaction. */
int outbox_sql_expire(struct sql *sql, struct cell cell, int64_t keys_before, int64_t batches_before, uint64_t up_to,
                      size_t limit);
/** How long idempotency keys and stored events are kept (us; 0: for ever). */
struct outbox_retention {
    int64_t keys_us, batches_us;
    const uint64_t *relayed; /* the writer's: events behind this position are kept however old; NULL: as old as they are
                              */
    int64_t next_at;         /* the next look, us; starts at 0 */
    struct retention_clock clock;
};
/** Expires what is too old, a bite at most once a second, or forty times while there is more, so that a shop that takes
 * thousands of orders a second loses as many: to be called after a commit (nothing grows without one). Own transaction.
 * `now` is the retention's: what outbox_sql_write() was given. */
void outbox_sql_tidy(struct sql *sql, struct cell cell, struct outbox_retention *retention, int64_t now);

/** Whether there are dead letters. */
int outbox_sql_has_dead_letters(struct sql *sql, struct cell cell, bool *yes);
/** `at`: when it was put aside. Texts are valid inside the call. Non-zero stops, and is returned. */
typedef int outbox_on_dead_letter(void *context, const struct dead_letter *letter, int64_t at);
/** At most `limit` dead letters in the order (source, position), after the one named (empty and 0: from the first).
 * Reader's connection. */
int outbox_sql_dead_letters(struct sql *sql, struct cell cell, struct str after_source, uint64_t after, size_t limit,
                            outbox_on_dead_letter *on_letter, void *context);
/** That one; on_letter isn't called when it isn't there. Reader's connection. */
int outbox_sql_dead_letter(struct sql *sql, struct cell cell, struct str source, uint64_t position,
                           outbox_on_dead_letter *on_letter, void *context);

#endif
