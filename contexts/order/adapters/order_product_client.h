/** order_product_client.h: asking product to cancel an order's production: PUT
 * /products/search/cancelByOrderId?orderId=, through a breaker.
 *
 *  Keyed by the order's id, so a repeat is harmless; a time-out means unknown, and nothing is assumed.
 */
#ifndef COFFEESHOP_ORDER_PRODUCT_CLIENT_H
#define COFFEESHOP_ORDER_PRODUCT_CLIENT_H

#include "guarded_caller.h"
#include "order_app.h"
#include "service.h"

/** `url` is product's base URL; both have to live as long. The answered commands go to the service's writer. NULL when
 * there is no memory. */
struct order_product_caller *order_product_client_new(struct guarded_caller *caller, const char *url,
                                                      struct service *service);
/** All calls have ended. */
void order_product_client_free(struct order_product_caller *caller);

#endif
