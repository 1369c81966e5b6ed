#include "order_repo_sql.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "list_query.h"
#include "outbox_sql.h"

const struct sql_migration order_migrations[] = {
    {1, "CREATE TABLE orders (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, product_name TEXT NOT NULL, qty INTEGER "
        "NOT NULL,"
        " amount INTEGER NOT NULL, currency TEXT NOT NULL, product_id INTEGER, ticket_version INTEGER NOT NULL,"
        " version INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);"
        /* Counting rows takes as long as there are rows; a list's total doesn't. */
        "CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER NOT NULL);"
        "INSERT INTO tally (name, n) VALUES ('orders', 0);" OUTBOX_SQL_SCHEMA},
    {2, OUTBOX_SQL_EPOCHS},
    {3, "ALTER TABLE orders ADD COLUMN payment_id INTEGER; ALTER TABLE orders ADD COLUMN payment INTEGER;"},
    {4, "ALTER TABLE orders ADD COLUMN given_up INTEGER;"},
    {5, "ALTER TABLE orders ADD COLUMN canceled_at INTEGER; ALTER TABLE orders ADD COLUMN refunded_at INTEGER;"},
    {6, OUTBOX_SQL_DEAD_BYTES},
    /* The highest id of a cell stands beside its count: there is no index that would tell it. */
    {7, "CREATE TABLE cell_tally (name TEXT NOT NULL, cell INTEGER NOT NULL, n INTEGER NOT NULL, last_id INTEGER NOT "
        "NULL, PRIMARY KEY (name, cell));"
        "INSERT INTO cell_tally SELECT name, 0, n, (SELECT COALESCE(MAX(id), 0) FROM orders) FROM tally;"
        "DROP TABLE tally; ALTER TABLE cell_tally RENAME TO tally;" OUTBOX_SQL_CELLS},
};
const size_t order_migrations_count = COUNT_OF(order_migrations);

#define ORDER_COLUMNS                                                                                                  \
    "id, state, product_name, qty, amount, currency, product_id, ticket_version, version, created_at, updated_at, "    \
    "payment_id, payment, given_up, canceled_at, refunded_at"
enum { ORDER_COLUMN_COUNT = 16 };

static const struct sql_statement find_order = {"SELECT " ORDER_COLUMNS " FROM orders WHERE id = $1", 1};
static const struct sql_statement store_order = {
    "INSERT INTO orders (" ORDER_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
    "$16)"
    " ON CONFLICT (id) DO UPDATE SET state = excluded.state, product_id = excluded.product_id,"
    " ticket_version = excluded.ticket_version, version = excluded.version, updated_at = excluded.updated_at,"
    " payment = excluded.payment, given_up = excluded.given_up, canceled_at = excluded.canceled_at,"
    " refunded_at = excluded.refunded_at",
    ORDER_COLUMN_COUNT};
static const struct sql_statement count_more = {
    "INSERT INTO tally (name, cell, n, last_id) VALUES ('orders', $1, $2, $3) ON CONFLICT (name, cell) DO UPDATE SET n "
    "= tally.n + excluded.n, last_id = CASE WHEN excluded.last_id > tally.last_id THEN excluded.last_id ELSE "
    "tally.last_id END",
    3};
static const struct sql_statement count_orders = {"SELECT CAST(SUM(n) AS BIGINT) FROM tally WHERE name = 'orders'", 0};
static const struct sql_statement last_order = {"SELECT last_id FROM tally WHERE name = 'orders' AND cell = $1", 1};

struct order_repo_sql {
    struct order_repo repo;
    struct sql *sql;
    struct cell cell;
    struct outbox_retention *retention;
};

static struct order_repo_sql *of(struct order_repo *repo)
{
    return CONTAINER_OF(repo, struct order_repo_sql, repo);
}

/* Texts point into the row. */
static struct order order_of_row(const struct sql_row *row)
{
    return (struct order){
        .id = sql_i64(row, 0),
        .state = (enum order_state)sql_i64(row, 1),
        .product_name = sql_text(row, 2),
        .qty = sql_i64(row, 3),
        .amount = sql_i64(row, 4),
        .currency = sql_text(row, 5),
        .product_id = sql_i64(row, 6),
        .ticket_version = sql_i64(row, 7),
        .version = sql_i64(row, 8),
        .created_at = sql_i64(row, 9),
        .updated_at = sql_i64(row, 10),
        .payment_id = sql_i64(row, 11),
        .payment = (enum order_payment)sql_i64(row, 12),
        .given_up = sql_i64(row, 13) != 0,
        .canceled_at = sql_i64(row, 14),
        .refunded_at = sql_i64(row, 15),
    };
}

static void order_to_row(const struct order *order, struct sql_value *row)
{
    row[0] = SQL_N(order->id);
    row[1] = SQL_N(order->state);
    row[2] = SQL_S(order->product_name);
    row[3] = SQL_N(order->qty);
    row[4] = SQL_N(order->amount);
    row[5] = SQL_S(order->currency);
    row[6] = SQL_N0(order->product_id);
    row[7] = SQL_N(order->ticket_version);
    row[8] = SQL_N(order->version);
    row[9] = SQL_N(order->created_at);
    row[10] = SQL_N(order->updated_at);
    row[11] = SQL_N0(order->payment_id);
    row[12] = SQL_N0(order->payment);
    row[13] = SQL_N0(order->given_up);
    row[14] = SQL_N0(order->canceled_at);
    row[15] = SQL_N0(order->refunded_at);
}

static int keep_texts(struct order *order, struct arena *arena)
{
    order->product_name = arena_copy(arena, order->product_name);
    order->currency = arena_copy(arena, order->currency);
    return order->product_name.p && order->currency.p ? OK : E_MEMORY;
}

static int on_loaded(void *context, size_t index, const struct sql_row *row)
{
    struct order_batch *batch = context;
    struct order *order = &batch->entries[index].order;

    *order = order_of_row(row);
    return keep_texts(order, batch->base.arena);
}

static int load(struct order_repo *self, struct order_batch *batch)
{
    struct sql *sql = of(self)->sql;
    size_t n = batch->n_loaded;

    if (n) {
        struct sql_value *ids = ARENA_ARRAY(batch->base.arena, struct sql_value, n);
        if (!ids)
            return E_MEMORY;
        for (size_t i = 0; i < n; i++)
            ids[i] = SQL_N(batch->set.number[i]);
        int rc = sql->query_many(sql, &find_order, ids, n, on_loaded, batch);
        if (rc)
            return rc;
    }
    return outbox_sql_find_keys(sql, of(self)->cell, batch->base.records, batch->base.keys.n, batch->base.arena);
}

struct changes {
    struct sql_value *rows;
    size_t n;
    int64_t n_new, last_id; /* those that were not there before, and the highest id of them */
};

/* The changed orders as rows of parameters. */
static int gather(struct order_batch *batch, struct changes *changes)
{
    *changes = (struct changes){
        .rows = ARENA_ARRAY(batch->base.arena, struct sql_value, batch->set.n * ORDER_COLUMN_COUNT + 1)};
    if (!changes->rows)
        return E_MEMORY;
    for (size_t i = 0; i < batch->set.n; i++) {
        const struct order_entry *entry = &batch->entries[i];
        if (!entry->changed)
            continue;
        order_to_row(&entry->order, changes->rows + changes->n++ * ORDER_COLUMN_COUNT);
        if (!entry->is_new)
            continue;
        changes->n_new++;
        if (entry->order.id > changes->last_id)
            changes->last_id = entry->order.id;
    }
    return OK;
}

static int write_all(const struct order_repo_sql *self, const struct changes *changes, const struct outbox_write *write)
{
    const struct sql_value more[] = {SQL_N(self->cell.number), SQL_N(changes->n_new), SQL_N(changes->last_id)};
    struct sql *sql = self->sql;
    int rc = changes->n ? sql->exec_many(sql, &store_order, changes->rows, changes->n) : OK;

    if (!rc && changes->n_new)
        rc = sql_exec(sql, &count_more, more);
    if (!rc)
        rc = outbox_sql_write(sql, self->cell, write);
    return rc;
}

static int commit(struct order_repo *repo, struct order_batch *batch)
{
    struct order_repo_sql *self = of(repo);
    struct sql *sql = self->sql;
    struct outbox_write write = batch_write(&batch->base);
    struct changes changes;

    write.now = retention_clock_at(&self->retention->clock, batch->base.now);
    int rc = gather(batch, &changes);
    if (rc || (changes.n == 0 && outbox_write_is_empty(&write)))
        return rc;
    rc = sql->begin(sql);
    if (!rc)
        rc = sql_end(sql, write_all(self, &changes, &write));
    return rc;
}

static int restore(struct order_repo *repo, int64_t *last_id, uint64_t *last_position, struct cursors *cursors)
{
    struct order_repo_sql *self = of(repo);
    const struct sql_value number = SQL_N(self->cell.number);

    *last_id = 0;
    int rc = sql_number(self->sql, &last_order, &number, last_id);
    return rc ? rc : outbox_sql_restore(self->sql, self->cell, last_position, cursors);
}

struct order_repo *order_repo_sql_new(struct sql *sql, struct cell cell, struct outbox_retention *retention)
{
    struct order_repo_sql *self = heap_alloc(sizeof(*self));

    if (!self)
        return NULL;
    *self = (struct order_repo_sql){
        .repo = {.load = load, .commit = commit, .restore = restore}, .sql = sql, .cell = cell, .retention = retention};
    return &self->repo;
}

struct finding {
    struct order *order;
    struct arena *arena;
};

static int on_order(void *context, size_t index, const struct sql_row *row)
{
    const struct finding *finding = context;

    UNUSED(index);
    *finding->order = order_of_row(row);
    return keep_texts(finding->order, finding->arena);
}

int order_find(struct sql *sql, int64_t id, struct order *order, struct arena *arena)
{
    struct finding finding = {order, arena};
    struct sql_value key = SQL_N(id);

    *order = (struct order){.id = id};
    return sql->query_shared(sql, &find_order, &key, 1, on_order, &finding);
}

const char *const order_sortable[] = {"id",     "productId", "productName", "qty",       "status",
                                      "amount", "currency",  "createdAt",   "updatedAt", NULL};
static const char *const sort_columns[] = {"id",     "product_id", "product_name", "qty",       "state",
                                           "amount", "currency",   "created_at",   "updated_at"};
_Static_assert(COUNT_OF(order_sortable) == COUNT_OF(sort_columns) + 1, "each sortable member has its column");

struct listing {
    order_on_found *on_found;
    void *context;
};

static int on_listed(void *context, size_t index, const struct sql_row *row)
{
    const struct listing *listing = context;
    struct order order = order_of_row(row);

    UNUSED(index);
    listing->on_found(listing->context, &order);
    return OK;
}

int order_list(struct sql *sql, const struct page_request *page, order_on_found *on_found, void *context,
               int64_t *total)
{
    struct listing listing = {on_found, context};

    int rc = sql_number(sql, &count_orders, NULL, total);
    if (rc)
        return rc;
    return list_query_page(sql, "SELECT " ORDER_COLUMNS " FROM orders", page, sort_columns, on_listed, &listing);
}
