/** order_product_client.h: asking product to cancel an order's production: PUT
 * /products/search/cancelByOrderId?orderId=, through a breaker.
 *
 *  Keyed by the order's id, so a repeat is harmless; a time-out means unknown, and nothing is assumed.
 */
#ifndef COFFEESHOP_ORDER_PRODUCT_CLIENT_H
#define COFFEESHOP_ORDER_PRODUCT_CLIENT_H

#include "guarded_caller.h"
#include "order_app.h"
#include "writer.h"

/** `url` is product's base URL and has to live as long. NULL when there is no memory. */
struct order_product_caller *order_product_client_new(struct guarded_caller *caller, const char *url);
/** Where the answered commands go. Before the first cancel. */
void order_product_client_answers_to(struct order_product_caller *caller, struct writer *writer);
/** All calls have ended. */
void order_product_client_free(struct order_product_caller *caller);

#endif
