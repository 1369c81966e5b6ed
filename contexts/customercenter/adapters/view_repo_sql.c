#include "view_repo_sql.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "outbox_sql.h"
#include "text.h"
#include "view_schema.h"

enum { AT_ONCE = 256 };

static const struct sql_statement find_page = {"SELECT " VIEW_COLUMNS " FROM mypage WHERE id = $1", 1};
enum { STORED_COUNT = VIEW_COLUMN_COUNT + 1, ITEM_COUNT = 5 };
static const struct sql_statement store_page = {
    "INSERT INTO mypage (" VIEW_COLUMNS ", cell) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    " ON CONFLICT (id) DO UPDATE SET change = excluded.change, order_status = excluded.order_status,"
    " ticket_status = excluded.ticket_status, ticket_id = excluded.ticket_id, product_name = excluded.product_name,"
    " qty = excluded.qty, seen_order = excluded.seen_order, seen_product = excluded.seen_product,"
    " seen_stock = excluded.seen_stock, timeline = excluded.timeline,"
    " seen_payment = excluded.seen_payment, payment_status = excluded.payment_status",
    STORED_COUNT};
static const struct sql_statement store_item = {
    "INSERT INTO item (name, cell, on_hand, stock_id, version) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name, cell) DO "
    "UPDATE SET on_hand = excluded.on_hand, stock_id = excluded.stock_id, version = excluded.version"
    " WHERE (excluded.stock_id, excluded.version) > (item.stock_id, item.version)",
    ITEM_COUNT};
static const struct sql_statement all_items = {
    "SELECT name, cell, on_hand, stock_id, version FROM item WHERE cell = $1", 1};
static const struct sql_statement remove_item = {"DELETE FROM item WHERE name = $1 AND cell = $2", 2};
static const struct sql_statement count_more = {
    "INSERT INTO tally (name, cell, n) VALUES ('" VIEW_TALLY_PAGES
    "', $1, $2) ON CONFLICT (name, cell) DO UPDATE SET n = tally.n + excluded.n",
    2};
/* Of all cells: no lower than the cell's own. */
static const struct sql_statement last_page = {"SELECT COALESCE(MAX(id), 0) FROM mypage", 0};
static const struct sql_statement last_change = {"SELECT COALESCE(MAX(change), 0) FROM mypage WHERE cell = $1", 1};

struct view_repo_sql {
    struct view_repo repo;
    struct sql *sql;
    struct cell cell;
    struct row_cache *cache;
    int64_t highest; /* id in the table: a higher one needs no look-up */
};

static struct view_repo_sql *of(struct view_repo *repo)
{
    return CONTAINER_OF(repo, struct view_repo_sql, repo);
}

/* ---- load ---- */

struct lookup {
    struct view_batch *batch;
    size_t *row_of; /* by parameter: which row it is for */
};

static int on_page(void *context, size_t index, const struct sql_row *row)
{
    const struct lookup *lookup = context;
    struct view_batch *batch = lookup->batch;

    return view_page_of_row(row, &batch->rows[lookup->row_of[index]].page, batch->base.arena);
}

static int load(struct view_repo *repo, struct view_batch *batch)
{
    struct view_repo_sql *self = of(repo);
    size_t n = batch->orders.n, missing = 0;
    struct sql_value *ids = ARENA_ARRAY(batch->base.arena, struct sql_value, n + 1);
    struct lookup lookup = {batch, ARENA_ARRAY(batch->base.arena, size_t, n + 1)};

    if (!ids || !lookup.row_of)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        int64_t id = batch->orders.number[i];
        struct mypage *page = &batch->rows[i].page;
        int rc = row_cache_find(self->cache, id, page, batch->base.arena);
        if (rc == E_MEMORY)
            return rc;
        page->id = id;
        if (rc == OK || id > self->highest)
            continue;
        ids[missing] = SQL_N(id);
        lookup.row_of[missing++] = i;
    }
    return missing ? self->sql->query_many(self->sql, &find_page, ids, missing, on_page, &lookup) : OK;
}

/* ---- commit ---- */

static int write_pages(const struct view_repo_sql *self, struct view_batch *batch)
{
    struct sql *sql = self->sql;
    struct sql_value *values = ARENA_ARRAY(batch->base.arena, struct sql_value, batch->orders.n * STORED_COUNT + 1);
    size_t n = 0;
    int64_t n_new = 0;

    if (!values)
        return E_MEMORY;
    for (size_t i = 0; i < batch->orders.n; i++) {
        const struct view_row *row = &batch->rows[i];
        if (!row->changed)
            continue;
        struct sql_value *stored = values + n++ * STORED_COUNT;
        if (!view_page_to_row(&row->page, stored, batch->base.arena))
            return E_MEMORY;
        stored[VIEW_COLUMN_COUNT] = SQL_N(self->cell.number);
        n_new += row->is_new;
    }
    int rc = n ? sql->exec_many(sql, &store_page, values, n) : OK;
    const struct sql_value more[] = {SQL_N(self->cell.number), SQL_N(n_new)};
    return rc || !n_new ? rc : sql_exec(sql, &count_more, more);
}

static int write_items(const struct view_repo_sql *self, struct view_batch *batch)
{
    struct sql *sql = self->sql;
    size_t n = batch->names.n;
    struct sql_value *values = ARENA_ARRAY(batch->base.arena, struct sql_value, n * ITEM_COUNT + 1);

    if (!values)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        struct str key = text_fold(batch->base.arena, batch->items[i].name);
        if (!key.p)
            return E_MEMORY;
        struct sql_value *row = values + i * ITEM_COUNT;
        row[0] = SQL_S(key);
        row[1] = SQL_N(self->cell.number);
        row[2] = SQL_N(batch->items[i].on_hand);
        row[3] = SQL_N(batch->items[i].stock_id);
        row[4] = SQL_N(batch->items[i].version);
    }
    return n ? sql->exec_many(sql, &store_item, values, n) : OK;
}

static void remember(struct view_repo_sql *self, const struct view_batch *batch)
{
    for (size_t i = 0; i < batch->orders.n; i++) {
        const struct view_row *row = &batch->rows[i];
        if (!row->changed)
            continue;
        row_cache_put(self->cache, &row->page);
        if (row->page.id > self->highest)
            self->highest = row->page.id;
    }
}

static int write_all(const struct view_repo_sql *self, struct view_batch *batch, const struct outbox_write *write)
{
    int rc = write_pages(self, batch);

    if (!rc)
        rc = write_items(self, batch);
    return rc ? rc : outbox_sql_write(self->sql, self->cell, write);
}

static int commit(struct view_repo *repo, struct view_batch *batch)
{
    struct view_repo_sql *self = of(repo);
    struct sql *sql = self->sql;
    struct outbox_write write = batch_write(&batch->base);

    if (outbox_write_is_empty(&write))
        return OK; /* nothing new without a cursor that moves */
    int rc = sql->begin(sql);
    if (!rc)
        rc = sql_end(sql, write_all(self, batch, &write));
    return rc;
}

static void settle(struct view_repo *repo, const struct view_batch *batch, int rc)
{
    if (!rc)
        remember(of(repo), batch);
}

/* ---- life ---- */

/* Items that lie under their name as it was given: an older version kept them so. */
struct folding {
    struct sql_value *old, *wanted; /* of two and of ITEM_COUNT values each */
    size_t n, room;
    struct arena arena;
};

static int on_item(void *context, size_t index, const struct sql_row *row)
{
    struct folding *folding = context;
    struct str name = arena_copy(&folding->arena, sql_text(row, 0));
    struct str key = text_fold(&folding->arena, name);

    UNUSED(index);
    if (!name.p || !key.p)
        return E_MEMORY;
    if (str_eq(name, key) || folding->n == folding->room)
        return OK;
    struct sql_value *wanted = folding->wanted + folding->n * ITEM_COUNT;
    struct sql_value *old = folding->old + folding->n++ * 2;
    old[0] = SQL_S(name);
    old[1] = SQL_N(sql_i64(row, 1));
    wanted[0] = SQL_S(key);
    for (int column = 1; column < ITEM_COUNT; column++)
        wanted[column] = SQL_N(sql_i64(row, column));
    return OK;
}

static int store_folded(struct sql *sql, const struct folding *folding)
{
    int rc = sql->begin(sql);

    if (rc)
        return rc;
    rc = sql->exec_many(sql, &remove_item, folding->old, folding->n);
    if (!rc)
        rc = sql->exec_many(sql, &store_item, folding->wanted, folding->n);
    return sql_end(sql, rc);
}

static int fold_items(struct sql *sql, struct cell cell)
{
    const struct sql_value own = SQL_N(cell.number);
    struct folding folding = {.room = AT_ONCE};
    int rc;

    do {
        arena_init(&folding.arena, 0);
        folding.n = 0;
        folding.old = ARENA_ARRAY(&folding.arena, struct sql_value, folding.room * 2);
        folding.wanted = ARENA_ARRAY(&folding.arena, struct sql_value, folding.room * ITEM_COUNT);
        rc = folding.old && folding.wanted ? sql_query(sql, &all_items, &own, on_item, &folding) : E_MEMORY;
        if (!rc && folding.n)
            rc = store_folded(sql, &folding);
        arena_free(&folding.arena);
    } while (!rc && folding.n == folding.room);
    return rc;
}

static int restore(struct view_repo *repo, int64_t *change, struct cursors *cursors)
{
    struct view_repo_sql *self = of(repo);
    const struct sql_value own = SQL_N(self->cell.number);
    uint64_t no_position;
    int64_t epoch;

    row_cache_forget(self->cache, self->cell);
    int rc = fold_items(self->sql, self->cell);
    if (!rc)
        rc = sql_number(self->sql, &last_page, NULL, &self->highest);
    if (!rc)
        rc = sql_number(self->sql, &last_change, &own, change);
    if (!rc)
        rc = view_tally_read(self->sql, STR(VIEW_TALLY_EPOCH), &epoch);
    if (!rc && epoch > *change)
        *change = epoch;
    return rc ? rc : outbox_sql_restore(self->sql, self->cell, &no_position, cursors);
}

struct view_repo *view_repo_sql_new(struct sql *sql, struct cell cell, struct row_cache *cache)
{
    struct view_repo_sql *self = heap_alloc(sizeof(*self));

    if (!self)
        return NULL;
    *self = (struct view_repo_sql){.repo = {.load = load, .commit = commit, .settle = settle, .restore = restore},
                                   .sql = sql,
                                   .cell = cell,
                                   .cache = cache};
    return &self->repo;
}

void view_repo_sql_free(struct view_repo *repo)
{
    if (repo)
        heap_free(of(repo));
}
