/** list_query.h: the SQL side of a paged list: page, size and sort as asked (hal.h) become ORDER BY. Pure.
 */
#ifndef COFFEESHOP_LIST_QUERY_H
#define COFFEESHOP_LIST_QUERY_H

#include "buf.h"
#include "hal.h"

/** Appends " ORDER BY a DESC, b, id": `columns` belongs to the names given to hal_read_page(); `unique` makes the order
 * total. */
void list_order_by(struct buf *text, const struct page_request *page, const char *const *columns, const char *unique);

#endif
