/** product_repo_sql.h: tickets in a relational database: the schema, and the repository for the writer. Readers:
 * product_queries_sql.h.
 */
#ifndef COFFEESHOP_PRODUCT_REPO_SQL_H
#define COFFEESHOP_PRODUCT_REPO_SQL_H

#include "outbox_sql.h"
#include "product_ports.h"
#include "sql.h"

/** For sqlite_open(): the schema, version by version. */
extern const struct sql_migration product_migrations[];
extern const size_t product_migrations_count;

/** The cell's share of them. Uses `sql` (the writer's connection) and `retention`, doesn't own them. NULL when there is
 * no memory; heap_free() gives it back. */
struct product_repo *product_repo_sql_new(struct sql *sql, struct cell cell, struct outbox_retention *retention);

#endif
