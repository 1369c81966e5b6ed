/** product_offers.h: goods that have come are offered to the tickets that wait for them, oldest first. Part of the
 * kitchen's application layer.
 */
#ifndef COFFEESHOP_PRODUCT_OFFERS_H
#define COFFEESHOP_PRODUCT_OFFERS_H

#include "product_app.h"

/** Counts the batch's deliveries, and fills in batch->waiting: the out-of-stock tickets that goods are enough for,
 * those left over or set free earlier included. Before anything is decided, so that a "no" in the same batch is seen to
 * be overtaken. 0 or an errors.h code of the repository. */
int product_take_goods(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n);

#endif
