/** order_payment_client.h: asks payment to authorise, by POST /payments/authorize, within the call's time-out and
 * behind payment's own circuit breaker. What comes while payment is asked waits for its answer, at most for the linger,
 * and is asked together then: a call costs as much for one as for a hundred, and payment commits one after the other
 * all the same. The linger is short beside the time-out, so that a payment that is ill is noticed as soon as before.
 *
 *  An answer in which some are decided and some aren't is taken for those that are; the others are asked for again, on
 * their own, for what is left of the time-out. So a provider that is slow for one card keeps nobody else waiting.
 *
 *  A purchase is keyed by the client's Idempotency-Key, in the name space that the key has here; without one by a
 * number of our own that nobody else has. So asking again is the same purchase, and two clients' never are.
 */
#ifndef COFFEESHOP_ORDER_PAYMENT_CLIENT_H
#define COFFEESHOP_ORDER_PAYMENT_CLIENT_H

#include "guarded_caller.h"
#include "order_app.h"
#include "service.h"

/** Uses `url`, doesn't own it. Both have `n_cells`. `linger_us`: the setting order.payment_linger_ms. NULL when memory
 * is exhausted. */
struct order_payment_caller *order_payment_client_new(struct guarded_caller *caller, const char *url, int32_t n_cells,
                                                      size_t max_batch, int64_t linger_us, struct service *service);
/** After service_free(). NULL is taken. */
void order_payment_client_free(struct order_payment_caller *caller);

#endif
