/** product_stock_client.h: asking stock: POST /stocks/reduce and /stocks/release, many questions in one call, through a
 * breaker.
 *
 *  Every question carries its reservation id, so a repeat is harmless; a time-out means unknown, and the same question
 * is put again later.
 */
#ifndef COFFEESHOP_PRODUCT_STOCK_CLIENT_H
#define COFFEESHOP_PRODUCT_STOCK_CLIENT_H

#include "guarded_caller.h"
#include "product_app.h"
#include "writer.h"

/** `url` is stock's base URL and has to live as long. At most `max_batch` questions go into a call. NULL when there is
 * no memory. */
struct stock_caller *product_stock_client_new(struct guarded_caller *caller, const char *url, size_t max_batch);
/** Where the answers go. Before the first question. */
void product_stock_client_answers_to(struct stock_caller *caller, struct writer *writer);
/** All calls have ended. */
void product_stock_client_free(struct stock_caller *caller);

#endif
