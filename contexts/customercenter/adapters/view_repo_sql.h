/** view_repo_sql.h: the view in a relational database, the writer's side.
 *
 *  Rows that were written lately are kept in memory as well, so that an update reads nothing: an order's events come
 * close together.
 */
#ifndef COFFEESHOP_VIEW_REPO_SQL_H
#define COFFEESHOP_VIEW_REPO_SQL_H

#include "cell.h"
#include "row_cache.h"
#include "sql.h"
#include "view_ports.h"

/** The cell's share. Uses `sql` (the writer's connection, of view_migrations) and `cache`, which it may share with
 * other cells of the same writer; owns neither. NULL when there is no memory. */
struct view_repo *view_repo_sql_new(struct sql *sql, struct cell cell, struct row_cache *cache);
/** NULL is taken. */
void view_repo_sql_free(struct view_repo *repo);

#endif
