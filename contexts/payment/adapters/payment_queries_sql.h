/** payment_queries_sql.h: what is read of the payments, on a reader's connection. 0 or an errors.h code.
 */
#ifndef COFFEESHOP_PAYMENT_QUERIES_SQL_H
#define COFFEESHOP_PAYMENT_QUERIES_SQL_H

#include "hal.h"
#include "payment.h"
#include "sql.h"

/** One payment by its id. Texts are copied to the arena. An unknown id gives PAYMENT_NONE. */
int payment_find(struct sql *sql, int64_t id, struct payment *payment, struct arena *arena);
typedef void payment_on_found(void *context, const struct payment *payment);
/** An order's payments: one, or none. Texts are valid in the call. */
int payment_find_by_order(struct sql *sql, int64_t order_id, payment_on_found *on_found, void *context);
/** The members a list can be sorted by, NULL-terminated; the same order as their columns. */
extern const char *const payment_sortable[];
/** A page of payments, and how many there are in all. */
int payment_list(struct sql *sql, const struct page_request *page, payment_on_found *on_found, void *context,
                 int64_t *total);

/** What all payments made in [from, to) have come to, by the status that is shown. */
struct payment_sum {
    struct str status; /* static */
    struct str currency;
    int64_t count, amount, captured, returned;
};
typedef void payment_on_sum(void *context, const struct payment_sum *sum);
/** E_TOO_LARGE: a sum is larger than can be counted. */
int payment_sum_up(struct sql *sql, int64_t from, int64_t to, payment_on_sum *on_sum, void *context);
/** The same of those, whenever they were made, with which something is still to be done: the provider owes an answer,
 * or their order hasn't come. */
int payment_sum_up_unresolved(struct sql *sql, payment_on_sum *on_sum, void *context);

#endif
