#include "payment_repo_sql.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "payment_meter.h"
#include "payment_row.h"

/* States are stored as numbers: 1 pending, 2 authorized, 3 capturing, 4 captured, 5 returning, 6 returned, 7 declined.
 */
_Static_assert(PAYMENT_PENDING == 1 && PAYMENT_AUTHORIZED == 2 && PAYMENT_CAPTURED == 4 && PAYMENT_RETURNED == 6 &&
                   PAYMENT_DECLINED == 7 && PAYMENT_STATE_COUNT == 8,
               "stored numbers don't change their meaning");

/* Pending, authorized, declined. The index is used where a query says it in the same words. */
#define HAS_KEY "(state < 3 OR state > 6)"

const struct sql_migration payment_migrations[] = {
    {1, "CREATE TABLE payment (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, key TEXT NOT NULL, method TEXT NOT NULL,"
        " currency TEXT NOT NULL, amount INTEGER NOT NULL, captured INTEGER NOT NULL, returned INTEGER NOT NULL,"
        " order_id INTEGER, reference TEXT, reason TEXT, due_at INTEGER, expires_at INTEGER NOT NULL,"
        " attempt INTEGER NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT "
        "NULL);"
        /* a purchase's key is looked for only as long as its payment isn't over, and names at most one */
        "CREATE UNIQUE INDEX payment_key ON payment (key) WHERE state IN (1, 2, 7);"
        "CREATE INDEX payment_order ON payment (order_id) WHERE order_id IS NOT NULL;"
        "CREATE INDEX payment_due ON payment (due_at, id) WHERE due_at IS NOT NULL;"
        "CREATE INDEX payment_created ON payment (created_at);"
        /* Money that has moved; only ever added to. */
        "CREATE TABLE ledger (n INTEGER PRIMARY KEY, payment_id INTEGER NOT NULL, order_id INTEGER, amount INTEGER NOT "
        "NULL, currency TEXT NOT NULL, at INTEGER NOT NULL);"
        /* Counting rows takes as long as there are rows; a list's total doesn't. */
        "CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER NOT NULL);"
        "INSERT INTO tally (name, n) VALUES ('payments', 0);" OUTBOX_SQL_SCHEMA},
    {2, OUTBOX_SQL_EPOCHS},
    /* A list (IN) in an index's condition is made anew for each row that is written, and costs more than all the rest
     * of the row. */
    {3, "DROP INDEX payment_key; CREATE UNIQUE INDEX payment_key ON payment (key) WHERE " HAS_KEY ";"},
    {4, OUTBOX_SQL_DEAD_BYTES},
    {5, "CREATE TABLE provider (name TEXT PRIMARY KEY);"}, /* at most one: payment_provider_kept.h */
    {6, "ALTER TABLE provider ADD COLUMN url TEXT;"},
};
const size_t payment_migrations_count = COUNT_OF(payment_migrations);

enum { UPDATED_COLUMN_COUNT = 12, LEDGER_COLUMN_COUNT = 5 };

static const struct sql_statement find_by_key = {"SELECT " PAYMENT_COLUMNS " FROM payment WHERE key = $1 AND " HAS_KEY,
                                                 1};
static const struct sql_statement find_due_payments = {
    "SELECT due_at, id FROM payment WHERE due_at IS NOT NULL AND (due_at, id) > ($1, $2) AND due_at <= $3 ORDER BY "
    "due_at, id LIMIT $4",
    4};
static const struct sql_statement find_next_due = {
    "SELECT due_at FROM payment WHERE due_at IS NOT NULL AND (due_at, id) > ($1, $2) ORDER BY due_at, id LIMIT 1", 2};
static const struct sql_statement insert_payment = {
    "INSERT INTO payment (" PAYMENT_COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    PAYMENT_COLUMN_COUNT};
static const struct sql_statement update_payment = {
    "UPDATE payment SET state = $1, captured = $2, returned = $3, order_id = $4, reference = $5, reason = $6, due_at = "
    "$7, expires_at = $8, attempt = $9, version = $10, updated_at = $11 WHERE id = $12",
    UPDATED_COLUMN_COUNT};
static const struct sql_statement insert_booking = {
    "INSERT INTO ledger (n, payment_id, order_id, amount, currency, at) VALUES ((SELECT COALESCE(MAX(n), 0) + 1 FROM "
    "ledger), $1, $2, $3, $4, $5)",
    LEDGER_COLUMN_COUNT};
static const struct sql_statement bring_due_back = {
    "UPDATE payment SET due_at = CASE WHEN due_at > $1 THEN $1 ELSE due_at END,"
    " expires_at = CASE WHEN expires_at > $1 THEN $1 ELSE expires_at END"
    " WHERE due_at IS NOT NULL AND (due_at > $1 OR expires_at > $1)",
    1};
static const struct sql_statement count_more = {"UPDATE tally SET n = n + $1 WHERE name = 'payments'", 1};
static const struct sql_statement last_payment = {"SELECT COALESCE(MAX(id), 0) FROM payment", 0};
struct payment_repo_sql {
    struct payment_repo repo;
    struct sql *sql;
    struct outbox_retention *retention;
};

static struct sql *sql_of(struct payment_repo *self)
{
    return CONTAINER_OF(self, struct payment_repo_sql, repo)->sql;
}

static void to_updated_row(const struct payment *payment, struct sql_value *row)
{
    row[0] = SQL_N(payment->state);
    row[1] = SQL_N(payment->captured);
    row[2] = SQL_N(payment->returned);
    row[3] = SQL_N0(payment->order_id);
    row[4] = SQL_S0(payment->reference);
    row[5] = SQL_S0(payment->reason);
    row[6] = SQL_N0(payment->due_at);
    row[7] = SQL_N(payment->expires_at);
    row[8] = SQL_N(payment->attempt);
    row[9] = SQL_N(payment->version);
    row[10] = SQL_N(payment->updated_at);
    row[11] = SQL_N(payment->id);
}

/* ---- load ---- */

static int find_by_keys(struct payment_repo *self, const struct str *keys, size_t n, struct payment *out,
                        struct arena *arena)
{
    struct payment_finding finding = {out, arena};
    struct sql_value *params = ARENA_ARRAY(arena, struct sql_value, n + 1);

    if (!params)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++)
        params[i] = SQL_S(keys[i]);
    return sql_of(self)->query_many(sql_of(self), &find_by_key, params, n, payment_row_found, &finding);
}

static int find_by_ids(struct payment_repo *self, const int64_t *ids, size_t n, struct payment *out,
                       struct arena *arena)
{
    return payment_row_find(sql_of(self), ids, n, out, arena);
}

struct due_search {
    struct due_payment *out;
    size_t n;
};

static int on_due(void *context, size_t index, const struct sql_row *row)
{
    struct due_search *search = context;

    UNUSED(index);
    search->out[search->n++] = (struct due_payment){sql_i64(row, 0), sql_i64(row, 1)};
    return OK;
}

static int find_due(struct payment_repo *self, struct due_payment after, int64_t now, size_t limit,
                    struct due_payment *out, size_t *n)
{
    struct due_search search = {out, 0};
    const struct sql_value params[] = {SQL_N(after.due_at), SQL_N(after.id), SQL_N(now), SQL_N((int64_t)limit)};

    int rc = sql_query(sql_of(self), &find_due_payments, params, on_due, &search);
    *n = search.n;
    return rc;
}

static int next_due(struct payment_repo *self, struct due_payment after, int64_t *due_at)
{
    const struct sql_value params[] = {SQL_N(after.due_at), SQL_N(after.id)};

    *due_at = INT64_MAX;
    return sql_number(sql_of(self), &find_next_due, params, due_at);
}

static int has_letters(struct payment_repo *self, bool *yes)
{
    return outbox_sql_has_dead_letters(sql_of(self), yes);
}

/* ---- commit ---- */

struct changes {
    struct sql_value *inserted, *updated, *booked;
    size_t n_inserted, n_updated, n_booked;
};

static int gather(struct payment_batch *batch, struct changes *changes)
{
    struct arena *arena = batch->base.arena;
    size_t n = batch->ids.n;

    *changes = (struct changes){0};
    changes->inserted = ARENA_ARRAY(arena, struct sql_value, n * PAYMENT_COLUMN_COUNT + 1);
    changes->updated = ARENA_ARRAY(arena, struct sql_value, n * UPDATED_COLUMN_COUNT + 1);
    changes->booked = ARENA_ARRAY(arena, struct sql_value, batch->n_bookings * LEDGER_COLUMN_COUNT + 1);
    if (!changes->inserted || !changes->updated || !changes->booked)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        const struct payment_entry *entry = &batch->entries[i];
        if (!entry->changed)
            continue;
        if (entry->is_new)
            payment_to_row(&entry->payment, changes->inserted + changes->n_inserted++ * PAYMENT_COLUMN_COUNT);
        else
            to_updated_row(&entry->payment, changes->updated + changes->n_updated++ * UPDATED_COLUMN_COUNT);
    }
    for (size_t i = 0; i < batch->n_bookings; i++) {
        const struct payment_booking *booking = &batch->bookings[i];
        struct sql_value *row = changes->booked + changes->n_booked++ * LEDGER_COLUMN_COUNT;
        row[0] = SQL_N(booking->payment_id);
        row[1] = SQL_N0(booking->order_id);
        row[2] = SQL_N(booking->amount);
        row[3] = SQL_S(booking->currency);
        row[4] = SQL_N(booking->at);
    }
    return OK;
}

/* What is over gives its key free before somebody else gets it. */
static int write_all(struct sql *sql, const struct changes *changes, const struct outbox_write *write)
{
    struct sql_value more = SQL_N((int64_t)changes->n_inserted);
    int rc = changes->n_updated ? sql->exec_many(sql, &update_payment, changes->updated, changes->n_updated) : OK;

    if (!rc && changes->n_inserted)
        rc = sql->exec_many(sql, &insert_payment, changes->inserted, changes->n_inserted);
    if (!rc && changes->n_booked)
        rc = sql->exec_many(sql, &insert_booking, changes->booked, changes->n_booked);
    if (!rc && changes->n_inserted)
        rc = sql_exec(sql, &count_more, &more);
    if (!rc)
        rc = outbox_sql_write(sql, write);
    return rc;
}

static int commit(struct payment_repo *self, struct payment_batch *batch)
{
    struct sql *sql = sql_of(self);
    struct outbox_retention *retention = CONTAINER_OF(self, struct payment_repo_sql, repo)->retention;
    struct outbox_write write = batch_write(&batch->base);
    struct changes changes;

    write.now = retention_clock_at(&retention->clock, batch->base.now);
    int rc = gather(batch, &changes);
    if (rc || (changes.n_inserted + changes.n_updated == 0 && outbox_write_is_empty(&write)))
        return rc;
    rc = sql->begin(sql);
    if (!rc)
        rc = sql_end(sql, write_all(sql, &changes, &write));
    if (rc)
        return rc;
    payment_meter_count(&batch->tally);
    outbox_sql_tidy(sql, retention, write.now);
    return OK;
}

static int bring_back(struct payment_repo *self, int64_t latest)
{
    const struct sql_value params[] = {SQL_N(latest)};

    return sql_exec(sql_of(self), &bring_due_back, params);
}

static int restore(struct payment_repo *self, int64_t *last_id, uint64_t *last_position, struct cursors *cursors)
{
    int rc = sql_number(sql_of(self), &last_payment, NULL, last_id);

    return rc ? rc : outbox_sql_restore(sql_of(self), last_position, cursors);
}

struct payment_repo *payment_repo_sql_new(struct sql *sql, struct outbox_retention *retention)
{
    struct payment_repo_sql *self = heap_alloc(sizeof(*self));

    if (!self)
        return NULL;
    payment_meter_init();
    *self = (struct payment_repo_sql){.repo = {.find_by_keys = find_by_keys,
                                               .find_by_ids = find_by_ids,
                                               .find_due = find_due,
                                               .next_due = next_due,
                                               .has_letters = has_letters,
                                               .commit = commit,
                                               .bring_back = bring_back,
                                               .restore = restore},
                                      .sql = sql,
                                      .retention = retention};
    return &self->repo;
}
