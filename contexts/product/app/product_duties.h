/** product_duties.h: what a ticket needs from stock after a commit, and the asking for it. Part of the kitchen's
 * application layer.
 */
#ifndef COFFEESHOP_PRODUCT_DUTIES_H
#define COFFEESHOP_PRODUCT_DUTIES_H

#include "product_app.h"

/** After the commit: asks stock for every changed ticket that needs it, and for those whose time has come. `commands`
 * are the batch's. */
void product_do_duties(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n);
/** Asks again what got no answer and whose pause is over. */
void product_retry(struct product_app *app, int64_t now);

#endif
