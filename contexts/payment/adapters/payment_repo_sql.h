/** payment_repo_sql.h: the repository of payments in a relational database. Writer thread.
 */
#ifndef COFFEESHOP_PAYMENT_REPO_SQL_H
#define COFFEESHOP_PAYMENT_REPO_SQL_H

#include "outbox_sql.h"
#include "payment_ports.h"
#include "sql.h"

/** For sqlite_open(): the schema, version by version. */
extern const struct sql_migration payment_migrations[];
extern const size_t payment_migrations_count;

/** The cell's share of them. Uses `sql` (the writer's connection) and `retention`, doesn't own them. NULL when there is
 * no memory; heap_free() gives it back. */
struct payment_repo *payment_repo_sql_new(struct sql *sql, struct cell cell, struct outbox_retention *retention);

#endif
