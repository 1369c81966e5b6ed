#include "payment_repo_sql.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "list_query.h"
#include "payment_meter.h"

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
};
const size_t payment_migrations_count = COUNT_OF(payment_migrations);

#define PAYMENT_COLUMNS                                                                                                \
    "id, state, key, method, currency, amount, captured, returned, order_id, reference, reason, due_at, expires_at, "  \
    "attempt, version, created_at, updated_at"
enum { PAYMENT_COLUMN_COUNT = 17, UPDATED_COLUMN_COUNT = 12, LEDGER_COLUMN_COUNT = 5 };

static const struct sql_statement find_by_id = {"SELECT " PAYMENT_COLUMNS " FROM payment WHERE id = $1", 1};
static const struct sql_statement find_by_key = {"SELECT " PAYMENT_COLUMNS " FROM payment WHERE key = $1 AND " HAS_KEY,
                                                 1};
static const struct sql_statement find_by_order = {"SELECT " PAYMENT_COLUMNS " FROM payment WHERE order_id = $1", 1};
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
static const struct sql_statement count_payments = {"SELECT n FROM tally WHERE name = 'payments'", 0};
static const struct sql_statement last_payment = {"SELECT COALESCE(MAX(id), 0) FROM payment", 0};
/* In halves, which don't overflow before there are 2^31 rows; where sums have a wider type they come back from it. */
#define SUM_OF(column) "CAST(SUM(" column " >> 31) AS BIGINT), CAST(SUM(" column " & 2147483647) AS BIGINT)"
/* By the status that is shown, as the state that stands for it (payment_status_text()): what is being taken is still
 * authorised, what is going back is still what it was. */
#define SUMS                                                                                                           \
    "SELECT CASE state WHEN 3 THEN 2 WHEN 5 THEN CASE WHEN captured > 0 THEN 4 ELSE 2 END ELSE state END, returned > " \
    "0, currency, COUNT(*), " SUM_OF("amount") ", " SUM_OF("captured") ", " SUM_OF("returned") " FROM payment WHERE "
#define BY_STATUS " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
static const struct sql_statement sum_up = {SUMS "created_at >= $1 AND created_at < $2" BY_STATUS, 2};
static const struct sql_statement sum_up_unresolved = {SUMS "due_at IS NOT NULL" BY_STATUS, 0};

struct payment_repo_sql {
    struct payment_repo repo;
    struct sql *sql;
    struct outbox_retention *retention;
};

static struct sql *sql_of(struct payment_repo *self)
{
    return CONTAINER_OF(self, struct payment_repo_sql, repo)->sql;
}

/* Texts point into the row. */
static struct payment payment_of_row(const struct sql_row *row)
{
    return (struct payment){
        .id = sql_i64(row, 0),
        .state = (enum payment_state)sql_i64(row, 1),
        .key = sql_text(row, 2),
        .method = sql_text(row, 3),
        .currency = sql_text(row, 4),
        .amount = sql_i64(row, 5),
        .captured = sql_i64(row, 6),
        .returned = sql_i64(row, 7),
        .order_id = sql_i64(row, 8),
        .reference = sql_text(row, 9),
        .reason = sql_text(row, 10),
        .due_at = sql_i64(row, 11),
        .expires_at = sql_i64(row, 12),
        .attempt = sql_i64(row, 13),
        .version = sql_i64(row, 14),
        .created_at = sql_i64(row, 15),
        .updated_at = sql_i64(row, 16),
    };
}

static void to_new_row(const struct payment *payment, struct sql_value *row)
{
    row[0] = SQL_N(payment->id);
    row[1] = SQL_N(payment->state);
    row[2] = SQL_S(payment->key);
    row[3] = SQL_S(payment->method);
    row[4] = SQL_S(payment->currency);
    row[5] = SQL_N(payment->amount);
    row[6] = SQL_N(payment->captured);
    row[7] = SQL_N(payment->returned);
    row[8] = SQL_N0(payment->order_id);
    row[9] = SQL_S0(payment->reference);
    row[10] = SQL_S0(payment->reason);
    row[11] = SQL_N0(payment->due_at);
    row[12] = SQL_N(payment->expires_at);
    row[13] = SQL_N(payment->attempt);
    row[14] = SQL_N(payment->version);
    row[15] = SQL_N(payment->created_at);
    row[16] = SQL_N(payment->updated_at);
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

static int keep_texts(struct payment *payment, struct arena *arena)
{
    struct str *texts[] = {&payment->key, &payment->method, &payment->currency, &payment->reference, &payment->reason};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *texts[i] = arena_copy(arena, *texts[i]);
        if (!texts[i]->p)
            return E_MEMORY;
    }
    return OK;
}

/* ---- load ---- */

struct finding {
    struct payment *out;
    struct arena *arena;
};

static int on_found(void *context, size_t index, const struct sql_row *row)
{
    const struct finding *finding = context;

    finding->out[index] = payment_of_row(row);
    return keep_texts(&finding->out[index], finding->arena);
}

static int find_by_keys(struct payment_repo *self, const struct str *keys, size_t n, struct payment *out,
                        struct arena *arena)
{
    struct finding finding = {out, arena};
    struct sql_value *params = ARENA_ARRAY(arena, struct sql_value, n + 1);

    if (!params)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++)
        params[i] = SQL_S(keys[i]);
    return sql_of(self)->query_many(sql_of(self), &find_by_key, params, n, on_found, &finding);
}

static int find_by_ids(struct payment_repo *self, const int64_t *ids, size_t n, struct payment *out,
                       struct arena *arena)
{
    struct finding finding = {out, arena};
    struct sql_value *params = ARENA_ARRAY(arena, struct sql_value, n + 1);

    if (!params)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++)
        params[i] = SQL_N(ids[i]);
    return sql_of(self)->query_many(sql_of(self), &find_by_id, params, n, on_found, &finding);
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
            to_new_row(&entry->payment, changes->inserted + changes->n_inserted++ * PAYMENT_COLUMN_COUNT);
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

/* ---- queries ---- */

int payment_find(struct sql *sql, int64_t id, struct payment *payment, struct arena *arena)
{
    struct finding finding = {payment, arena};
    struct sql_value key = SQL_N(id);

    *payment = (struct payment){.id = id};
    return sql->query_shared(sql, &find_by_id, &key, 1, on_found, &finding);
}

struct listing {
    payment_on_found *on_found;
    void *context;
};

static int on_listed(void *context, size_t index, const struct sql_row *row)
{
    const struct listing *listing = context;
    struct payment payment = payment_of_row(row);

    UNUSED(index);
    listing->on_found(listing->context, &payment);
    return OK;
}

int payment_find_by_order(struct sql *sql, int64_t order_id, payment_on_found *found, void *context)
{
    struct listing listing = {found, context};
    struct sql_value key = SQL_N(order_id);

    return sql_query(sql, &find_by_order, &key, on_listed, &listing);
}

const char *const payment_sortable[] = {"id",     "orderId",   "amount",    "currency", "method",
                                        "status", "createdAt", "updatedAt", NULL};
static const char *const sort_columns[] = {"id",     "order_id", "amount",     "currency",
                                           "method", "state",    "created_at", "updated_at"};
_Static_assert(COUNT_OF(payment_sortable) == COUNT_OF(sort_columns) + 1, "each sortable member has its column");

int payment_list(struct sql *sql, const struct page_request *page, payment_on_found *found, void *context,
                 int64_t *total)
{
    struct listing listing = {found, context};

    int rc = sql_number(sql, &count_payments, NULL, total);
    if (rc)
        return rc;
    return list_query_page(sql, "SELECT " PAYMENT_COLUMNS " FROM payment", page, sort_columns, on_listed, &listing);
}

struct summing {
    payment_on_sum *on_sum;
    void *context;
};

/* Two columns of SUM_OF(). */
static bool read_sum(const struct sql_row *row, int column, int64_t *sum)
{
    return !__builtin_mul_overflow(sql_i64(row, column), INT64_C(1) << 31, sum) &&
           !__builtin_add_overflow(*sum, sql_i64(row, column + 1), sum);
}

static int on_summed(void *context, size_t index, const struct sql_row *row)
{
    const struct summing *summing = context;
    /* enough of a payment to know what its status is called */
    struct payment payment = {.state = (enum payment_state)sql_i64(row, 0), .returned = sql_i64(row, 1)};
    struct payment_sum sum = {
        .status = payment_status_text(&payment), .currency = sql_text(row, 2), .count = sql_i64(row, 3)};

    UNUSED(index);
    if (!read_sum(row, 4, &sum.amount) || !read_sum(row, 6, &sum.captured) || !read_sum(row, 8, &sum.returned))
        return E_TOO_LARGE;
    summing->on_sum(summing->context, &sum);
    return OK;
}

int payment_sum_up(struct sql *sql, int64_t from, int64_t to, payment_on_sum *found, void *context)
{
    struct summing summing = {found, context};
    const struct sql_value range[] = {SQL_N(from), SQL_N(to)};

    return sql_query(sql, &sum_up, range, on_summed, &summing);
}

int payment_sum_up_unresolved(struct sql *sql, payment_on_sum *found, void *context)
{
    struct summing summing = {found, context};

    return sql_query(sql, &sum_up_unresolved, NULL, on_summed, &summing);
}
