#include "view_schema.h"

#include "base.h"
#include "errors.h"
#include "outbox_sql.h"
#include "timeline_codec.h"

const struct sql_migration view_migrations[] = {
    {1, "CREATE TABLE mypage (id INTEGER PRIMARY KEY, change INTEGER NOT NULL, order_status INTEGER NOT NULL,"
        " ticket_status INTEGER NOT NULL, ticket_id INTEGER, product_name TEXT NOT NULL, qty INTEGER NOT NULL,"
        " seen_order INTEGER NOT NULL, seen_product INTEGER NOT NULL, seen_stock INTEGER NOT NULL, timeline BLOB NOT "
        "NULL);"
        "CREATE INDEX mypage_change ON mypage (change);" /* where a stream goes on */
        "CREATE TABLE item (name TEXT PRIMARY KEY, on_hand INTEGER NOT NULL, version INTEGER NOT NULL);"
        "CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER NOT NULL);" OUTBOX_SQL_SCHEMA},
    /* whose version an item's is; 0: of a row that any row is newer than */
    {2, "ALTER TABLE item ADD COLUMN stock_id INTEGER NOT NULL DEFAULT 0"},
    {3, OUTBOX_SQL_EPOCHS},
    {4, "ALTER TABLE mypage ADD COLUMN seen_payment INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE mypage ADD COLUMN payment_status INTEGER NOT NULL DEFAULT 0;"},
    {5, OUTBOX_SQL_DEAD_BYTES},
    /* Each cell numbers its changes and hears of the items by itself. */
    {6, "ALTER TABLE mypage ADD COLUMN cell INTEGER NOT NULL DEFAULT 0;"
        "DROP INDEX mypage_change; CREATE INDEX mypage_change ON mypage (cell, change);"
        "CREATE TABLE cell_item (name TEXT NOT NULL, cell INTEGER NOT NULL, on_hand INTEGER NOT NULL, stock_id INTEGER "
        "NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (name, cell));"
        "INSERT INTO cell_item SELECT name, 0, on_hand, stock_id, version FROM item;"
        "DROP TABLE item; ALTER TABLE cell_item RENAME TO item;"
        "CREATE TABLE cell_tally (name TEXT NOT NULL, cell INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (name, "
        "cell));"
        "INSERT INTO cell_tally SELECT name, 0, n FROM tally;"
        "DROP TABLE tally; ALTER TABLE cell_tally RENAME TO tally;" OUTBOX_SQL_CELLS},
};
const size_t view_migrations_count = COUNT_OF(view_migrations);

static bool is_status(int64_t number)
{
    return number >= 0 && number < MYPAGE_STATUS_COUNT;
}

int view_page_of_row(const struct sql_row *row, struct mypage *page, struct arena *arena)
{
    if (!is_status(sql_i64(row, 2)) || !is_status(sql_i64(row, 3)) || !is_status(sql_i64(row, 12)))
        return E_CORRUPT;
    *page = (struct mypage){
        .id = sql_i64(row, 0),
        .change = sql_i64(row, 1),
        .order_status = (enum mypage_status)sql_i64(row, 2),
        .ticket_status = (enum mypage_status)sql_i64(row, 3),
        .ticket_id = sql_i64(row, 4),
        .product_name = arena_copy(arena, sql_text(row, 5)),
        .qty = sql_i64(row, 6),
        .seen = {[MYPAGE_ORDER] = sql_i64(row, 7),
                 [MYPAGE_PRODUCT] = sql_i64(row, 8),
                 [MYPAGE_STOCK] = sql_i64(row, 9),
                 [MYPAGE_PAYMENT] = sql_i64(row, 11)},
        .payment_status = (enum mypage_status)sql_i64(row, 12),
    };
    return page->product_name.p ? timeline_decode(sql_text(row, 10), page, arena) : E_MEMORY;
}

bool view_page_to_row(const struct mypage *page, struct sql_value *row, struct arena *arena)
{
    struct str timeline = timeline_encode(page, arena);

    row[0] = SQL_N(page->id);
    row[1] = SQL_N(page->change);
    row[2] = SQL_N(page->order_status);
    row[3] = SQL_N(page->ticket_status);
    row[4] = SQL_N0(page->ticket_id);
    row[5] = SQL_S(page->product_name);
    row[6] = SQL_N(page->qty);
    row[7] = SQL_N(page->seen[MYPAGE_ORDER]);
    row[8] = SQL_N(page->seen[MYPAGE_PRODUCT]);
    row[9] = SQL_N(page->seen[MYPAGE_STOCK]);
    row[10] = SQL_B(timeline);
    row[11] = SQL_N(page->seen[MYPAGE_PAYMENT]);
    row[12] = SQL_N(page->payment_status);
    return timeline.p != NULL;
}

static const struct sql_statement read_tally = {"SELECT CAST(SUM(n) AS BIGINT) FROM tally WHERE name = $1", 1};
static const struct sql_statement write_tally = {
    "INSERT INTO tally (name, cell, n) VALUES ($1, 0, $2) ON CONFLICT (name, cell) DO UPDATE SET n = excluded.n", 2};

int view_tally_read(struct sql *sql, struct str name, int64_t *n)
{
    struct sql_value key = SQL_S(name);

    *n = 0;
    return sql_number(sql, &read_tally, &key, n);
}

int view_tally_write(struct sql *sql, struct str name, int64_t n)
{
    struct sql_value values[] = {SQL_S(name), SQL_N(n)};

    return sql_exec(sql, &write_tally, values);
}
