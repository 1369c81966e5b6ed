/** order_repo_sql.h: orders in a relational database: the repository for the writer, and the queries for readers.
 */
#ifndef COFFEESHOP_ORDER_REPO_SQL_H
#define COFFEESHOP_ORDER_REPO_SQL_H

#include "hal.h"
#include "order_ports.h"
#include "outbox_sql.h"
#include "sql.h"

/** For sqlite_open(): the schema, version by version. */
extern const struct sql_migration order_migrations[];
extern const size_t order_migrations_count;

/** The cell's share of them. Uses `sql` (the writer's connection) and `retention`, doesn't own them. NULL when there is
 * no memory; heap_free() gives it back. */
struct order_repo *order_repo_sql_new(struct sql *sql, struct cell cell, struct outbox_retention *retention);

/** One order by its id, on a reader's connection. Texts are copied to the arena. An unknown id gives ORDER_NONE. */
int order_find(struct sql *sql, int64_t id, struct order *order, struct arena *arena);
/** The members a list can be sorted by, NULL-terminated; the same order as their columns. */
extern const char *const order_sortable[];
typedef void order_on_found(void *context, const struct order *order);
/** A page of orders, and how many there are in all. */
int order_list(struct sql *sql, const struct page_request *page, order_on_found *on_found, void *context,
               int64_t *total);

#endif
