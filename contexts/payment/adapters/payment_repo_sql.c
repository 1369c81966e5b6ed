#include "payment_repo_sql.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "payment_meter.h"
#include "payment_recent.h"
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
    /* The highest id of a cell stands beside its count: there is no index that would tell it. A key is looked for in
     * the cell that its purchase came to. */
    {7, "ALTER TABLE payment ADD COLUMN cell INTEGER NOT NULL DEFAULT 0;"
        "DROP INDEX payment_key; CREATE UNIQUE INDEX payment_key ON payment (cell, key) WHERE " HAS_KEY ";"
        "DROP INDEX payment_due; CREATE INDEX payment_due ON payment (cell, due_at, id) WHERE due_at IS NOT NULL;"
        "CREATE TABLE cell_tally (name TEXT NOT NULL, cell INTEGER NOT NULL, n INTEGER NOT NULL, last_id INTEGER NOT "
        "NULL, PRIMARY KEY (name, cell));"
        "INSERT INTO cell_tally SELECT name, 0, n, (SELECT COALESCE(MAX(id), 0) FROM payment) FROM tally;"
        "DROP TABLE tally; ALTER TABLE cell_tally RENAME TO tally;" OUTBOX_SQL_CELLS},
    {8, "ALTER TABLE payment ADD COLUMN body INTEGER;"},
};
const size_t payment_migrations_count = COUNT_OF(payment_migrations);

enum { INSERTED_COLUMN_COUNT = PAYMENT_COLUMN_COUNT + 1, UPDATED_COLUMN_COUNT = 12, LEDGER_COLUMN_COUNT = 6 };

static const struct sql_statement find_by_key = {
    "SELECT " PAYMENT_COLUMNS " FROM payment WHERE cell = $1 AND key = $2 AND " HAS_KEY, 2};
static const struct sql_statement find_due_payments = {
    "SELECT due_at, id FROM payment WHERE cell = $1 AND due_at IS NOT NULL AND (due_at, id) > ($2, $3) AND due_at <= "
    "$4 ORDER BY due_at, id LIMIT $5",
    5};
static const struct sql_statement find_next_due = {
    "SELECT due_at FROM payment WHERE cell = $1 AND due_at IS NOT NULL AND (due_at, id) > ($2, $3) ORDER BY due_at, id "
    "LIMIT 1",
    3};
static const struct sql_statement insert_payment = {
    "INSERT INTO payment (" PAYMENT_COLUMNS
    ", cell) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
    INSERTED_COLUMN_COUNT};
static const struct sql_statement update_payment = {
    "UPDATE payment SET state = $1, captured = $2, returned = $3, order_id = $4, reference = $5, reason = $6, due_at = "
    "$7, expires_at = $8, attempt = $9, version = $10, updated_at = $11 WHERE id = $12",
    UPDATED_COLUMN_COUNT};
static const struct sql_statement insert_booking = {
    "INSERT INTO ledger (n, payment_id, order_id, amount, currency, at) VALUES ($1, $2, $3, $4, $5, $6)",
    LEDGER_COLUMN_COUNT};
/* numbered by the cell: under its places (cell.h), of which $1 is the first and $2 the last */
static const struct sql_statement last_booking = {"SELECT COALESCE(MAX(n), $1) FROM ledger WHERE n BETWEEN $1 AND $2",
                                                  2};
static const struct sql_statement bring_due_back = {
    "UPDATE payment SET due_at = CASE WHEN due_at > $1 THEN $1 ELSE due_at END,"
    " expires_at = CASE WHEN expires_at > $1 THEN $1 ELSE expires_at END"
    " WHERE cell = $2 AND due_at IS NOT NULL AND (due_at > $1 OR expires_at > $1)",
    2};
static const struct sql_statement count_more = {
    "INSERT INTO tally (name, cell, n, last_id) VALUES ('payments', $1, $2, $3) ON CONFLICT (name, cell) DO UPDATE SET "
    "n = tally.n + excluded.n, last_id = CASE WHEN excluded.last_id > tally.last_id THEN excluded.last_id ELSE "
    "tally.last_id END",
    3};
static const struct sql_statement last_payment = {"SELECT last_id FROM tally WHERE name = 'payments' AND cell = $1", 1};
struct payment_repo_sql {
    struct payment_repo repo;
    struct sql *sql;
    struct cell cell;
    struct outbox_retention *retention;
    int64_t last_booking; /* its place in the ledger */
    int64_t books;        /* bookings of the batch that is being committed … */
    bool writes;          /* … and whether there is anything in it */
    struct payment_recent recent;
};

static struct payment_repo_sql *of(struct payment_repo *repo)
{
    return CONTAINER_OF(repo, struct payment_repo_sql, repo);
}

static struct sql *sql_of(struct payment_repo *self)
{
    return of(self)->sql;
}

static struct sql_value own(struct payment_repo *self)
{
    return SQL_N(of(self)->cell.number);
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
    struct sql_value *params = ARENA_ARRAY(arena, struct sql_value, 2 * n + 1);

    if (!params)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        params[2 * i] = own(self);
        params[2 * i + 1] = SQL_S(keys[i]);
    }
    return sql_of(self)->query_many(sql_of(self), &find_by_key, params, n, payment_row_found, &finding);
}

static int find_stored(struct payment_repo *self, const int64_t *ids, const size_t *places, size_t n,
                       struct payment *out, struct arena *arena)
{
    struct payment *found = ARENA_ARRAY(arena, struct payment, n + 1);

    if (!found)
        return E_MEMORY;
    int rc = payment_row_find(sql_of(self), ids, n, found, arena);
    for (size_t i = 0; !rc && i < n; i++)
        out[places[i]] = found[i];
    return rc;
}

static int find_by_ids(struct payment_repo *self, const int64_t *ids, size_t n, struct payment *out,
                       struct arena *arena)
{
    int64_t *missing = ARENA_ARRAY(arena, int64_t, n + 1);
    size_t *places = ARENA_ARRAY(arena, size_t, n + 1);
    size_t n_missing = 0;

    if (!missing || !places)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        if (!payment_recent_find(&of(self)->recent, ids[i], &out[i], arena))
            return E_MEMORY;
        if (out[i].state != PAYMENT_NONE)
            continue;
        places[n_missing] = i;
        missing[n_missing++] = ids[i];
    }
    return n_missing ? find_stored(self, missing, places, n_missing, out, arena) : OK;
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
    const struct sql_value params[] = {own(self), SQL_N(after.due_at), SQL_N(after.id), SQL_N(now),
                                       SQL_N((int64_t)limit)};

    int rc = sql_query(sql_of(self), &find_due_payments, params, on_due, &search);
    *n = search.n;
    return rc;
}

static int next_due(struct payment_repo *self, struct due_payment after, int64_t *due_at)
{
    const struct sql_value params[] = {own(self), SQL_N(after.due_at), SQL_N(after.id)};

    *due_at = INT64_MAX;
    return sql_number(sql_of(self), &find_next_due, params, due_at);
}

static int has_letters(struct payment_repo *self, bool *yes)
{
    return outbox_sql_has_dead_letters(sql_of(self), of(self)->cell, yes);
}

/* ---- commit ---- */

struct changes {
    struct sql_value *inserted, *updated, *booked;
    size_t n_inserted, n_updated, n_booked;
    int64_t last_id; /* the highest of those that are new */
};

static void gather_bookings(const struct payment_batch *batch, int64_t last, struct changes *changes)
{
    for (size_t i = 0; i < batch->n_bookings; i++) {
        const struct payment_booking *booking = &batch->bookings[i];
        struct sql_value *row = changes->booked + changes->n_booked++ * LEDGER_COLUMN_COUNT;
        row[0] = SQL_N(last + (int64_t)changes->n_booked);
        row[1] = SQL_N(booking->payment_id);
        row[2] = SQL_N0(booking->order_id);
        row[3] = SQL_N(booking->amount);
        row[4] = SQL_S(booking->currency);
        row[5] = SQL_N(booking->at);
    }
}

static void add_new(const struct payment *payment, struct cell cell, struct changes *changes)
{
    struct sql_value *row = changes->inserted + changes->n_inserted++ * INSERTED_COLUMN_COUNT;

    payment_to_row(payment, row);
    row[PAYMENT_COLUMN_COUNT] = SQL_N(cell.number);
    if (payment->id > changes->last_id)
        changes->last_id = payment->id;
}

static int make_room(struct payment_batch *batch, struct changes *changes)
{
    struct arena *arena = batch->base.arena;
    size_t n_new = 0, n_changed = 0;

    for (size_t i = 0; i < batch->ids.n; i++) {
        n_changed += batch->entries[i].changed;
        n_new += batch->entries[i].changed && batch->entries[i].is_new;
    }
    *changes = (struct changes){
        .inserted = ARENA_ARRAY(arena, struct sql_value, n_new * INSERTED_COLUMN_COUNT + 1),
        .updated = ARENA_ARRAY(arena, struct sql_value, (n_changed - n_new) * UPDATED_COLUMN_COUNT + 1),
        .booked = ARENA_ARRAY(arena, struct sql_value, batch->n_bookings * LEDGER_COLUMN_COUNT + 1)};
    return changes->inserted && changes->updated && changes->booked ? OK : E_MEMORY;
}

static int gather(const struct payment_repo_sql *self, struct payment_batch *batch, struct changes *changes)
{
    int rc = make_room(batch, changes);

    if (rc)
        return rc;
    for (size_t i = 0; i < batch->ids.n; i++) {
        const struct payment_entry *entry = &batch->entries[i];
        if (!entry->changed)
            continue;
        if (entry->is_new)
            add_new(&entry->payment, self->cell, changes);
        else
            to_updated_row(&entry->payment, changes->updated + changes->n_updated++ * UPDATED_COLUMN_COUNT);
    }
    gather_bookings(batch, self->last_booking, changes);
    return OK;
}

/* What is over gives its key free before somebody else gets it. */
static int write_all(const struct payment_repo_sql *self, const struct changes *changes,
                     const struct outbox_write *write)
{
    const struct sql_value more[] = {SQL_N(self->cell.number), SQL_N((int64_t)changes->n_inserted),
                                     SQL_N(changes->last_id)};
    struct sql *sql = self->sql;
    int rc = changes->n_updated ? sql->exec_many(sql, &update_payment, changes->updated, changes->n_updated) : OK;

    if (!rc && changes->n_inserted)
        rc = sql->exec_many(sql, &insert_payment, changes->inserted, changes->n_inserted);
    if (!rc && changes->n_booked)
        rc = sql->exec_many(sql, &insert_booking, changes->booked, changes->n_booked);
    if (!rc && changes->n_inserted)
        rc = sql_exec(sql, &count_more, more);
    if (!rc)
        rc = outbox_sql_write(sql, self->cell, write);
    return rc;
}

static void keep_recent(struct payment_repo_sql *self, const struct payment_batch *batch)
{
    for (size_t i = 0; i < batch->ids.n; i++) {
        if (batch->entries[i].changed)
            payment_recent_put(&self->recent, &batch->entries[i].payment);
    }
}

static int commit(struct payment_repo *repo, struct payment_batch *batch)
{
    struct payment_repo_sql *self = of(repo);
    struct sql *sql = self->sql;
    struct outbox_write write = batch_write(&batch->base);
    struct changes changes;

    write.now = retention_clock_at(&self->retention->clock, batch->base.now);
    int rc = gather(self, batch, &changes);
    self->writes = changes.n_inserted + changes.n_updated > 0 || !outbox_write_is_empty(&write);
    self->books = (int64_t)changes.n_booked;
    if (rc || !self->writes)
        return rc;
    rc = sql->begin(sql);
    if (!rc)
        rc = sql_end(sql, write_all(self, &changes, &write));
    return rc;
}

static void settle(struct payment_repo *repo, const struct payment_batch *batch, int rc)
{
    struct payment_repo_sql *self = of(repo);

    if (rc) {
        payment_recent_forget(&self->recent);
    } else if (self->writes) {
        keep_recent(self, batch);
        self->last_booking += self->books;
        payment_meter_count(&batch->tally);
    }
}

static int bring_back(struct payment_repo *self, int64_t latest)
{
    const struct sql_value params[] = {SQL_N(latest), own(self)};

    payment_recent_forget(&of(self)->recent);
    return sql_exec(sql_of(self), &bring_due_back, params);
}

static int restore(struct payment_repo *self, int64_t *last_id, uint64_t *last_position, struct cursors *cursors)
{
    const struct sql_value number = own(self);
    const struct sql_value places[] = {SQL_N(cell_floor(of(self)->cell)), SQL_N(cell_ceiling(of(self)->cell))};

    payment_recent_forget(&of(self)->recent);
    *last_id = 0;
    int rc = sql_number(sql_of(self), &last_payment, &number, last_id);
    if (!rc)
        rc = sql_number(sql_of(self), &last_booking, places, &of(self)->last_booking);
    return rc ? rc : outbox_sql_restore(sql_of(self), of(self)->cell, last_position, cursors);
}

struct payment_repo *payment_repo_sql_new(struct sql *sql, struct cell cell, struct outbox_retention *retention)
{
    struct payment_repo_sql *self = heap_alloc(sizeof(*self));

    if (!self)
        return NULL;
    payment_meter_init();
    self->repo = (struct payment_repo){.find_by_keys = find_by_keys,
                                       .find_by_ids = find_by_ids,
                                       .find_due = find_due,
                                       .next_due = next_due,
                                       .has_letters = has_letters,
                                       .commit = commit,
                                       .settle = settle,
                                       .bring_back = bring_back,
                                       .restore = restore};
    self->sql = sql;
    self->cell = cell;
    self->retention = retention;
    return &self->repo;
}
