/** list_query.h: the SQL side of a paged list: page, size and sort as asked (hal.h) become ORDER BY, LIMIT and OFFSET.
 */
#ifndef COFFEESHOP_LIST_QUERY_H
#define COFFEESHOP_LIST_QUERY_H

#include "hal.h"
#include "sql.h"

/** The rows of a page. `select` is the query without parameters and order; `columns` belongs to the names that were
 * given to hal_read_page(). What sorts equal comes by its column id, so that no row is on two pages. 0, an errors.h
 * code, or what `on_row` returned. */
int list_query_page(struct sql *sql, const char *select, const struct page_request *page, const char *const *columns,
                    sql_on_row *on_row, void *context);

#endif
