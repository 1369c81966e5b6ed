#include "product_repo_sql.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "outbox_sql.h"
#include "ticket_row.h"

/* States are stored as numbers: 1 pending, 2 ready, 3 out of stock, 4 producing, 5 completed, 6 canceled, 7 void,
 * 8 tombstone. */
_Static_assert(TICKET_PENDING == 1 && TICKET_OUT_OF_STOCK == 3 && TICKET_VOID == 7 && TICKET_TOMBSTONE == 8,
               "stored numbers don't change their meaning");

const struct sql_migration product_migrations[] = {
    {1, "CREATE TABLE ticket (id INTEGER PRIMARY KEY, order_id INTEGER, reference INTEGER, state INTEGER NOT NULL, "
        "product_name TEXT NOT NULL,"
        " qty INTEGER NOT NULL, attempt INTEGER NOT NULL, due_at INTEGER, version INTEGER NOT NULL, created_at INTEGER "
        "NOT NULL,"
        " updated_at INTEGER NOT NULL, correlation TEXT, traceparent TEXT);"
        "CREATE UNIQUE INDEX ticket_order ON ticket (order_id) WHERE order_id IS NOT NULL;"
        "CREATE INDEX ticket_due ON ticket (due_at, id) WHERE due_at IS NOT NULL;"
        "CREATE INDEX ticket_waiting ON ticket (product_name, id) WHERE state = 3;"
        /* Counting rows takes as long as there are rows; a list's total doesn't. */
        "CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER NOT NULL);"
        "INSERT INTO tally (name, n) VALUES ('tickets', 0);" OUTBOX_SQL_SCHEMA},
    {2, OUTBOX_SQL_EPOCHS},
    /* with qty: those that a delivery is too small for are passed over without being read */
    {3, "DROP INDEX ticket_waiting; CREATE INDEX ticket_waiting ON ticket (product_name, id, qty) WHERE state = 3;"},
    {4, "ALTER TABLE ticket ADD COLUMN waits_since INTEGER; ALTER TABLE ticket ADD COLUMN given_up INTEGER;"
        "UPDATE ticket SET waits_since = updated_at WHERE state = 3;"},
    {5, OUTBOX_SQL_DEAD_BYTES},
    /* The highest ids of a cell stand beside its count: there is no index that would tell them. */
    {6, "ALTER TABLE ticket ADD COLUMN cell INTEGER NOT NULL DEFAULT 0;"
        "DROP INDEX ticket_due; CREATE INDEX ticket_due ON ticket (cell, due_at, id) WHERE due_at IS NOT NULL;"
        "DROP INDEX ticket_waiting;"
        "CREATE INDEX ticket_waiting ON ticket (cell, product_name, id, qty) WHERE state = 3;"
        "CREATE TABLE cell_tally (name TEXT NOT NULL, cell INTEGER NOT NULL, n INTEGER NOT NULL, last_id INTEGER NOT "
        "NULL, last_order_id INTEGER NOT NULL, PRIMARY KEY (name, cell));"
        "INSERT INTO cell_tally SELECT name, 0, n, (SELECT COALESCE(MAX(id), 0) FROM ticket), (SELECT "
        "COALESCE(MAX(order_id), 0) FROM ticket WHERE order_id IS NOT NULL) FROM tally;"
        "DROP TABLE tally; ALTER TABLE cell_tally RENAME TO tally;" OUTBOX_SQL_CELLS},
};
const size_t product_migrations_count = COUNT_OF(product_migrations);

static const struct sql_statement find_out_of_stock = {
    "SELECT " TICKET_COLUMNS
    " FROM ticket WHERE cell = $1 AND state = 3 AND product_name = $2 AND qty <= $3 ORDER BY id",
    3};
static const struct sql_statement find_items_waited_for = {
    /* from one name to the next, not through all who wait for it */
    "WITH RECURSIVE waited (name) AS (SELECT MIN(product_name) FROM ticket WHERE cell = $1 AND state = 3 UNION ALL "
    "SELECT (SELECT MIN(product_name) FROM ticket WHERE cell = $1 AND state = 3 AND product_name > waited.name) FROM "
    "waited WHERE waited.name IS NOT NULL) SELECT name FROM waited WHERE name IS NOT NULL LIMIT $2",
    2};
static const struct sql_statement find_due_tickets = {
    "SELECT due_at, id FROM ticket WHERE cell = $1 AND due_at IS NOT NULL AND (due_at, id) > ($2, $3) AND due_at <= $4 "
    "ORDER BY due_at, id LIMIT $5",
    5};
static const struct sql_statement find_next_due = {
    "SELECT due_at FROM ticket WHERE cell = $1 AND due_at IS NOT NULL AND (due_at, id) > ($2, $3) ORDER BY due_at, id "
    "LIMIT 1",
    3};
enum { STORED_COUNT = TICKET_COLUMN_COUNT + 1, UPDATED_COUNT = 7 };
static const struct sql_statement store_ticket = {
    "INSERT INTO ticket (" TICKET_COLUMNS ", cell) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
    "$14, $15, $16)"
    " ON CONFLICT (id) DO UPDATE SET state = excluded.state, product_name = excluded.product_name, qty = excluded.qty,"
    " attempt = excluded.attempt, due_at = excluded.due_at, version = excluded.version, updated_at = "
    "excluded.updated_at,"
    " correlation = excluded.correlation, traceparent = excluded.traceparent, waits_since = excluded.waits_since,"
    " given_up = excluded.given_up",
    STORED_COUNT};
static const struct sql_statement update_ticket = {
    "UPDATE ticket SET state = $1, attempt = $2, due_at = $3, version = $4, updated_at = $5, waits_since = $6 WHERE id "
    "= $7",
    UPDATED_COUNT};
/* Null stays null: it is never later. Who waits for goods comes after. */
#define LATEST "CASE state WHEN 2 THEN $1 WHEN 3 THEN due_at WHEN 4 THEN $2 ELSE $3 END"
static const struct sql_statement bring_due_back = {
    "UPDATE ticket SET due_at = " LATEST " WHERE cell = $4 AND due_at IS NOT NULL AND due_at > $3 AND due_at > " LATEST,
    4};
/* $1: now; $2: after how long, or 0; $3: the cell. A ticket of the counter's has no order that could be cancelled. */
#define WAITED_SINCE "CASE WHEN waits_since < $1 THEN waits_since ELSE $1 END"
#define GIVEN_UP_AT "CASE WHEN order_id IS NOT NULL AND CAST($2 AS BIGINT) > 0 THEN " WAITED_SINCE " + $2 END"
static const struct sql_statement set_given_up_at = {
    "UPDATE ticket SET waits_since = " WAITED_SINCE ", due_at = " GIVEN_UP_AT
    " WHERE cell = $3 AND state = 3 AND (waits_since > $1 OR due_at IS DISTINCT FROM " GIVEN_UP_AT ")",
    3};
#define HIGHER(column)                                                                                                 \
    column " = CASE WHEN excluded." column " > tally." column " THEN excluded." column " ELSE tally." column " END"
static const struct sql_statement count_more = {
    "INSERT INTO tally (name, cell, n, last_id, last_order_id) VALUES ('tickets', $1, $2, $3, $4) ON CONFLICT (name, "
    "cell) DO UPDATE SET n = tally.n + excluded.n, " HIGHER("last_id") ", " HIGHER("last_order_id"),
    4};
static const struct sql_statement last_ids = {
    "SELECT last_id, last_order_id FROM tally WHERE name = 'tickets' AND cell = $1", 1};

struct product_repo_sql {
    struct product_repo repo;
    struct sql *sql;
    struct cell cell;
    struct outbox_retention *retention;
};

static struct product_repo_sql *of(struct product_repo *repo)
{
    return CONTAINER_OF(repo, struct product_repo_sql, repo);
}

static struct sql *sql_of(struct product_repo *self)
{
    return of(self)->sql;
}

static struct sql_value own(struct product_repo *self)
{
    return SQL_N(of(self)->cell.number);
}

/* ---- load ---- */

static int find_by_orders(struct product_repo *self, const int64_t *order_ids, size_t n, struct ticket *out,
                          struct arena *arena)
{
    return ticket_find_by_order(sql_of(self), order_ids, n, out, arena);
}

static int find_by_ids(struct product_repo *self, const int64_t *ids, size_t n, struct ticket *out, struct arena *arena)
{
    return ticket_find_by_id(sql_of(self), ids, n, out, arena);
}

struct waiting_search {
    struct ticket **out;
    size_t *n;
    size_t room, most;
    int64_t on_hand;
    struct arena *arena;
};

static int make_room(struct waiting_search *search)
{
    struct ticket *more = ARENA_ARRAY(search->arena, struct ticket, *search->n * 2 + 16);

    if (!more)
        return E_MEMORY;
    if (*search->n)
        memcpy(more, *search->out, *search->n * sizeof(*more));
    *search->out = more;
    search->room = *search->n * 2 + 16;
    return OK;
}

enum { ENOUGH_FOUND = -1 };

static int on_waiting(void *context, size_t index, const struct sql_row *row)
{
    struct waiting_search *search = context;
    struct ticket ticket = ticket_of_row(row);

    UNUSED(index);
    if (search->on_hand <= 0 || *search->n >= search->most)
        return ENOUGH_FOUND;
    if (ticket.qty > search->on_hand)
        return OK;
    if (*search->n == search->room) {
        int rc = make_room(search);
        if (rc)
            return rc;
    }
    search->on_hand -= ticket.qty;
    struct ticket *kept = &(*search->out)[(*search->n)++];
    *kept = ticket;
    return ticket_keep_texts(kept, search->arena);
}

static int find_waiting(struct product_repo *self, struct str product_name, int64_t on_hand, size_t most,
                        struct ticket **out, size_t *n, struct arena *arena)
{
    struct waiting_search search = {out, n, *n, most, on_hand, arena};
    const struct sql_value values[] = {own(self), SQL_S(product_name), SQL_N(on_hand)};

    int rc = sql_query(sql_of(self), &find_out_of_stock, values, on_waiting, &search);
    return rc == ENOUGH_FOUND ? OK : rc;
}

struct item_search {
    struct str *items;
    size_t n;
    struct arena *arena;
};

static int on_item(void *context, size_t index, const struct sql_row *row)
{
    struct item_search *search = context;
    struct str *item = &search->items[search->n++];

    UNUSED(index);
    *item = arena_copy(search->arena, sql_text(row, 0));
    return item->p ? OK : E_MEMORY;
}

static int find_waited_for(struct product_repo *self, size_t most, struct str **items, size_t *n, struct arena *arena)
{
    struct item_search search = {ARENA_ARRAY(arena, struct str, most), 0, arena};
    const struct sql_value params[] = {own(self), SQL_N((int64_t)most)};

    if (!search.items)
        return E_MEMORY;
    int rc = sql_query(sql_of(self), &find_items_waited_for, params, on_item, &search);
    *items = search.items;
    *n = search.n;
    return rc;
}

struct due_search {
    struct due_ticket *out;
    size_t n;
};

static int on_due(void *context, size_t index, const struct sql_row *row)
{
    struct due_search *search = context;

    UNUSED(index);
    search->out[search->n++] = (struct due_ticket){sql_i64(row, 0), sql_i64(row, 1)};
    return OK;
}

static int find_due(struct product_repo *self, struct due_ticket after, int64_t now, size_t limit,
                    struct due_ticket *out, size_t *n)
{
    struct due_search search = {out, 0};
    const struct sql_value params[] = {own(self), SQL_N(after.due_at), SQL_N(after.id), SQL_N(now),
                                       SQL_N((int64_t)limit)};

    int rc = sql_query(sql_of(self), &find_due_tickets, params, on_due, &search);
    *n = search.n;
    return rc;
}

static int next_due(struct product_repo *self, struct due_ticket after, int64_t *due_at)
{
    const struct sql_value params[] = {own(self), SQL_N(after.due_at), SQL_N(after.id)};

    *due_at = INT64_MAX;
    return sql_number(sql_of(self), &find_next_due, params, due_at);
}

static int find_keys(struct product_repo *self, struct idempotency_record *records, size_t n, struct arena *arena)
{
    return outbox_sql_find_keys(sql_of(self), of(self)->cell, records, n, arena);
}

/* ---- commit ---- */

struct changes {
    struct sql_value *stored, *updated;
    size_t n_stored, n_updated;
    int64_t n_seen;                 /* by how many there are more to see */
    int64_t last_id, last_order_id; /* the highest of those that are new */
};

static void note_new(struct changes *changes, const struct ticket *ticket)
{
    if (ticket->id > changes->last_id)
        changes->last_id = ticket->id;
    if (ticket->order_id > changes->last_order_id)
        changes->last_order_id = ticket->order_id;
}

/* New tickets, and tombstones that learn what they stand for, are stored whole; others change only in what changes. */
static int gather(struct product_batch *batch, struct cell cell, struct changes *changes)
{
    size_t n = batch->tickets.n;

    *changes = (struct changes){0};
    changes->stored = ARENA_ARRAY(batch->base.arena, struct sql_value, n * STORED_COUNT + 1);
    changes->updated = ARENA_ARRAY(batch->base.arena, struct sql_value, n * UPDATED_COUNT + 1);
    if (!changes->stored || !changes->updated)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        const struct product_entry *entry = &batch->entries[i];
        const struct ticket *ticket = &entry->ticket;
        if (!entry->changed)
            continue;
        changes->n_seen += entry->becomes_visible;
        if (entry->is_new)
            note_new(changes, ticket);
        if (entry->is_new || ticket->state == TICKET_CANCELED) {
            struct sql_value *whole = changes->stored + changes->n_stored++ * STORED_COUNT;
            ticket_to_row(ticket, whole);
            whole[TICKET_COLUMN_COUNT] = SQL_N(cell.number);
            continue;
        }
        struct sql_value *row = changes->updated + changes->n_updated++ * UPDATED_COUNT;
        row[0] = SQL_N(ticket->state);
        row[1] = SQL_N(ticket->attempt);
        row[2] = SQL_N0(ticket->due_at);
        row[3] = SQL_N(ticket->version);
        row[4] = SQL_N(ticket->updated_at);
        row[5] = SQL_N0(ticket->waits_since);
        row[6] = SQL_N(ticket->id);
    }
    return OK;
}

static int write_all(const struct product_repo_sql *self, const struct changes *changes,
                     const struct outbox_write *write)
{
    const struct sql_value more[] = {SQL_N(self->cell.number), SQL_N(changes->n_seen), SQL_N(changes->last_id),
                                     SQL_N(changes->last_order_id)};
    struct sql *sql = self->sql;
    int rc = changes->n_stored ? sql->exec_many(sql, &store_ticket, changes->stored, changes->n_stored) : OK;

    if (!rc && changes->n_updated)
        rc = sql->exec_many(sql, &update_ticket, changes->updated, changes->n_updated);
    if (!rc && (changes->n_seen || changes->last_id))
        rc = sql_exec(sql, &count_more, more);
    if (!rc)
        rc = outbox_sql_write(sql, self->cell, write);
    return rc;
}

static int commit(struct product_repo *repo, struct product_batch *batch)
{
    struct product_repo_sql *self = of(repo);
    struct sql *sql = self->sql;
    struct outbox_write write = batch_write(&batch->base);
    struct changes changes;

    write.now = retention_clock_at(&self->retention->clock, batch->base.now);
    int rc = gather(batch, self->cell, &changes);
    if (rc || (changes.n_stored + changes.n_updated == 0 && outbox_write_is_empty(&write)))
        return rc;
    rc = sql->begin(sql);
    if (!rc)
        rc = sql_end(sql, write_all(self, &changes, &write));
    return rc;
}

static int bring_back(struct product_repo *self, const struct due_limits *limits)
{
    struct sql *sql = sql_of(self);
    const struct sql_value latest[] = {SQL_N(limits->ready), SQL_N(limits->producing), SQL_N(limits->others),
                                       own(self)};
    const struct sql_value waiting[] = {SQL_N(limits->now), SQL_N(limits->give_up_after), own(self)};

    int rc = sql->begin(sql);
    if (rc)
        return rc;
    rc = sql_exec(sql, &bring_due_back, latest);
    if (!rc)
        rc = sql_exec(sql, &set_given_up_at, waiting);
    return sql_end(sql, rc);
}

static int on_last_ids(void *context, size_t index, const struct sql_row *row)
{
    int64_t *ids = context;

    UNUSED(index);
    ids[0] = sql_i64(row, 0);
    ids[1] = sql_i64(row, 1);
    return OK;
}

static int restore(struct product_repo *self, int64_t *last_id, int64_t *last_order_id, uint64_t *last_position,
                   struct cursors *cursors)
{
    const struct sql_value number = own(self);
    int64_t ids[2] = {0, 0};

    int rc = sql_query(sql_of(self), &last_ids, &number, on_last_ids, ids);
    *last_id = ids[0];
    *last_order_id = ids[1];
    return rc ? rc : outbox_sql_restore(sql_of(self), of(self)->cell, last_position, cursors);
}

struct product_repo *product_repo_sql_new(struct sql *sql, struct cell cell, struct outbox_retention *retention)
{
    struct product_repo_sql *self = heap_alloc(sizeof(*self));

    if (!self)
        return NULL;
    *self = (struct product_repo_sql){.repo = {find_by_orders, find_by_ids, find_waiting, find_waited_for, find_due,
                                               next_due, find_keys, commit, bring_back, restore},
                                      .sql = sql,
                                      .cell = cell,
                                      .retention = retention};
    return &self->repo;
}
