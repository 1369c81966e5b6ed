/** payment_order_feed.h: how far what is known here of the order service is all that there is: order is asked for the
 * newest position of its feed, and when that has come in, everything that order had said at the moment of asking is
 * here.
 *
 *  A cell hears the cell of order's with its number, so of several each has a position of its own.
 *
 *  Order is asked only when somebody wants to know, and at most once a second.
 */
#ifndef COFFEESHOP_PAYMENT_ORDER_FEED_H
#define COFFEESHOP_PAYMENT_ORDER_FEED_H

#include "guarded_caller.h"
#include "payment_ports.h"
#include "service.h"

/** Of an order of `n_cells`. NULL when memory is exhausted. */
struct order_feed *payment_order_feed_new(struct guarded_caller *caller, const char *url, int32_t n_cells,
                                          struct service *service);
/** After service_free(). NULL is taken. */
void payment_order_feed_free(struct order_feed *feed);

#endif
