/** product_queries_sql.h: what is read of the tickets, on a reader's connection. 0 or an errors.h code.
 */
#ifndef COFFEESHOP_PRODUCT_QUERIES_SQL_H
#define COFFEESHOP_PRODUCT_QUERIES_SQL_H

#include "hal.h"
#include "sql.h"
#include "ticket.h"

/** One ticket by its id, on a reader's connection. Texts are copied to the arena. An unknown id gives TICKET_NONE. */
int product_find(struct sql *sql, int64_t id, struct ticket *ticket, struct arena *arena);
/** The ticket of an order; the same. */
int product_find_by_order(struct sql *sql, int64_t order_id, struct ticket *ticket, struct arena *arena);
/** The members a list can be sorted by, NULL-terminated; the same order as their columns. */
extern const char *const product_sortable[];
typedef void product_on_found(void *context, const struct ticket *ticket);
/** A page of the tickets that the world may see, and how many there are in all. */
int product_list(struct sql *sql, const struct page_request *page, product_on_found *on_found, void *context,
                 int64_t *total);

enum { PRODUCT_MAX_OPEN = 1000 };
/** What is still to be made (ready, producing, out of stock), oldest first, at most `limit`. Takes as long as there is
 * to make, however many tickets there were before. */
int product_list_open(struct sql *sql, int64_t limit, product_on_found *on_found, void *context);

#endif
