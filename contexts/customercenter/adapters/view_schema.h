/** view_schema.h: the view's tables, and a row of them as a page: what the writer's repository and the readers' queries
 * share.
 */
#ifndef COFFEESHOP_VIEW_SCHEMA_H
#define COFFEESHOP_VIEW_SCHEMA_H

#include "mypage.h"
#include "sql.h"

/** For sqlite_open(): the schema, version by version. */
extern const struct sql_migration view_migrations[];
extern const size_t view_migrations_count;

#define VIEW_COLUMNS                                                                                                   \
    "id, change, order_status, ticket_status, ticket_id, product_name, qty, seen_order, seen_product, seen_stock, "    \
    "timeline, "                                                                                                       \
    "seen_payment, payment_status"
enum { VIEW_COLUMN_COUNT = 13 };

/** A row of VIEW_COLUMNS; texts and timeline are copied to `arena`. 0, E_MEMORY, E_CORRUPT. */
int view_page_of_row(const struct sql_row *row, struct mypage *page, struct arena *arena);
/** VIEW_COLUMN_COUNT values; they point to the page and to `arena`. false when memory is exhausted. */
bool view_page_to_row(const struct mypage *page, struct sql_value *row, struct arena *arena);

/** Single numbers, by name: how many pages there are, which each cell counts for itself; of all cells the number from
 * which on changes are this database's, and whether it is whole. */
#define VIEW_TALLY_PAGES "mypages"
#define VIEW_TALLY_EPOCH "epoch"
#define VIEW_TALLY_WHOLE "whole"
/** The number, all cells' together; 0 when there is none of that name. */
int view_tally_read(struct sql *sql, struct str name, int64_t *n);
/** Sets one that is of all cells. In a transaction of its own, or inside the caller's. */
int view_tally_write(struct sql *sql, struct str name, int64_t n);

#endif
