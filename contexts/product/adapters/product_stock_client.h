/** product_stock_client.h: asking stock: POST /stocks/reduce and /stocks/release, many questions in one call, through a
 * breaker.
 *
 *  Every question carries its reservation id, so a repeat is harmless; a time-out means unknown, and so does an answer
 * that isn't stock's to this question (product_stock_messages.h): the same question is put again later. An array that
 * stock doesn't take (413, 400, 422) is asked in halves, until the question that is refused stands alone.
 *
 *  One call asks for many orders, so it carries no correlation id and no traceparent: what stock tells about a
 * reservation is joined with the rest of its order by the order's id, which the reservation id holds.
 */
#ifndef COFFEESHOP_PRODUCT_STOCK_CLIENT_H
#define COFFEESHOP_PRODUCT_STOCK_CLIENT_H

#include "guarded_caller.h"
#include "product_app.h"
#include "service.h"

/** `url` is stock's base URL; both have to live as long. At most `max_batch` questions go into a call. The answers go
 * to the service's writer. NULL when there is no memory. */
struct stock_caller *product_stock_client_new(struct guarded_caller *caller, const char *url, size_t max_batch,
                                              struct service *service);
/** All calls have ended. */
void product_stock_client_free(struct stock_caller *caller);

#endif
