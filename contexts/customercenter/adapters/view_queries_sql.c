#include "view_queries_sql.h"

#include "base.h"
#include "errors.h"
#include "list_query.h"
#include "view_schema.h"

static const struct sql_statement find_page = {"SELECT " VIEW_COLUMNS " FROM mypage WHERE id = $1 AND seen_order > 0",
                                               1};
static const struct sql_statement changes_after = {
    "SELECT " VIEW_COLUMNS " FROM mypage WHERE cell = $1 AND change > $2 ORDER BY change LIMIT $3", 3};
static const struct sql_statement count_changes = {
    "SELECT COUNT(*) FROM (SELECT 1 FROM mypage WHERE cell = $1 AND change > $2 LIMIT $3) AS newer", 3};
static const struct sql_statement changed_after = {
    "SELECT id, change FROM mypage WHERE cell = $1 AND change > $2 ORDER BY change LIMIT $3", 3};
static const struct sql_statement newest_change = {"SELECT COALESCE(MAX(change), 0) FROM mypage WHERE cell = $1", 1};
static const struct sql_statement find_item = {
    /* what any cell has heard last */
    "SELECT on_hand FROM item WHERE name = $1 ORDER BY stock_id DESC, version DESC LIMIT 1", 1};

struct finding {
    struct mypage *pages;
    struct arena *arena;
};

static int on_found(void *context, size_t index, const struct sql_row *row)
{
    const struct finding *finding = context;

    return view_page_of_row(row, &finding->pages[index], finding->arena);
}

int view_find_many(struct sql *sql, const int64_t *ids, size_t n, struct mypage *pages, struct arena *arena)
{
    struct finding finding = {pages, arena};
    struct sql_value *keys = ARENA_ARRAY(arena, struct sql_value, n + 1);

    if (!keys)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        keys[i] = SQL_N(ids[i]);
        pages[i] = (struct mypage){.id = ids[i]};
    }
    return sql->query_many(sql, &find_page, keys, n, on_found, &finding);
}

int view_find(struct sql *sql, int64_t id, struct mypage *page, struct arena *arena)
{
    return view_find_many(sql, &id, 1, page, arena);
}

const char *const view_sortable[] = {"id",          "orderId", "orderStatus", "productId", "productStatus",
                                     "productName", "qty",     NULL};
static const char *const sort_columns[] = {"id",           "id", "order_status", "ticket_id", "ticket_status",
                                           "product_name", "qty"};
_Static_assert(COUNT_OF(view_sortable) == COUNT_OF(sort_columns) + 1, "each sortable member has its column");

struct listing {
    view_on_page *on_page;
    void *context;
    struct arena *arena;
};

static int on_listed(void *context, size_t index, const struct sql_row *row)
{
    const struct listing *listing = context;
    struct mypage page;

    UNUSED(index);
    int rc = view_page_of_row(row, &page, listing->arena);
    return rc ? rc : listing->on_page(listing->context, &page);
}

int view_list(struct sql *sql, const struct page_request *request, struct arena *arena, view_on_page *on_page,
              void *context, int64_t *total)
{
    struct listing listing = {on_page, context, arena};

    int rc = view_tally_read(sql, STR(VIEW_TALLY_PAGES), total);
    if (rc)
        return rc;
    return list_query_page(sql, "SELECT " VIEW_COLUMNS " FROM mypage WHERE seen_order > 0", request, sort_columns,
                           on_listed, &listing);
}

int view_changes_after(struct sql *sql, struct cell cell, int64_t change, int64_t most, struct arena *arena,
                       view_on_page *on_page, void *context)
{
    struct listing listing = {on_page, context, arena};
    struct sql_value values[] = {SQL_N(cell.number), SQL_N(change), SQL_N(most)};

    return sql_query(sql, &changes_after, values, on_listed, &listing);
}

/* (cell, after, most), cell by cell; NULL: no memory. */
static struct sql_value *values_of_cells(const int64_t *after, int32_t cells, int64_t most, struct arena *arena)
{
    struct sql_value *values = ARENA_ARRAY(arena, struct sql_value, (size_t)cells * 3);

    for (int32_t i = 0; values && i < cells; i++) {
        struct sql_value *row = values + (size_t)i * 3;
        row[0] = SQL_N(i);
        row[1] = SQL_N(after[i]);
        row[2] = SQL_N(most);
    }
    return values;
}

static int add_count(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    *(int64_t *)context += sql_i64(row, 0);
    return OK;
}

int view_count_changes(struct sql *sql, const int64_t *after, int32_t cells, int64_t most, int64_t *n,
                       struct arena *arena)
{
    struct sql_value *values = values_of_cells(after, cells, most, arena);

    *n = 0;
    return values ? sql->query_many(sql, &count_changes, values, (size_t)cells, add_count, n) : E_MEMORY;
}

struct changes_reading {
    view_on_change *on_change;
    void *context;
    struct arena *arena;
    bool whole;
};

static int on_changed(void *context, size_t index, const struct sql_row *row)
{
    const struct changes_reading *reading = context;
    struct mypage page = {0};
    int rc = OK;

    if (reading->whole)
        rc = view_page_of_row(row, &page, reading->arena);
    else
        page = (struct mypage){.id = sql_i64(row, 0), .change = sql_i64(row, 1)};
    return rc ? rc : reading->on_change(reading->context, (int32_t)index, &page);
}

int view_changes_of_cells(struct sql *sql, const struct view_changes *asked, struct arena *arena,
                          view_on_change *on_change, void *context)
{
    struct changes_reading reading = {on_change, context, arena, asked->whole};
    struct sql_value *values = values_of_cells(asked->after, asked->cells, asked->most, arena);

    return values ? sql->query_many(sql, asked->whole ? &changes_after : &changed_after, values, (size_t)asked->cells,
                                    on_changed, &reading)
                  : E_MEMORY;
}

static int on_newest(void *context, size_t index, const struct sql_row *row)
{
    int64_t *newest = (int64_t *)context + index;

    if (sql_i64(row, 0) > *newest)
        *newest = sql_i64(row, 0);
    return OK;
}

int view_newest_changes(struct sql *sql, int32_t cells, int64_t *epoch, int64_t *newest, struct arena *arena)
{
    struct sql_value *values = ARENA_ARRAY(arena, struct sql_value, (size_t)cells);

    int rc = values ? view_tally_read(sql, STR(VIEW_TALLY_EPOCH), epoch) : E_MEMORY;
    if (rc)
        return rc;
    for (int32_t i = 0; i < cells; i++) {
        values[i] = SQL_N(i);
        newest[i] = *epoch;
    }
    return sql->query_many(sql, &newest_change, values, (size_t)cells, on_newest, newest);
}

static int on_item(void *context, size_t index, const struct sql_row *row)
{
    ((int64_t *)context)[index] = sql_i64(row, 0);
    return OK;
}

int view_on_hand(struct sql *sql, const struct str *keys, size_t n, int64_t *on_hand, struct arena *arena)
{
    struct sql_value *values = ARENA_ARRAY(arena, struct sql_value, n + 1);

    if (!values)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        values[i] = SQL_S(keys[i]);
        on_hand[i] = -1;
    }
    return sql->query_many(sql, &find_item, values, n, on_item, on_hand);
}
