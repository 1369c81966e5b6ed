/** product_decide.h: what a batch's commands do to its tickets, what happens by itself, and what clients are answered.
 * Part of the kitchen's application layer.
 */
#ifndef COFFEESHOP_PRODUCT_DECIDE_H
#define COFFEESHOP_PRODUCT_DECIDE_H

#include "product_app.h"

/** After product_load(): changes the batch's tickets, puts its events into the outbox and its answers beside their
 * keys; says by command->waits who waits for stock. 0, or E_MEMORY: then the batch can't be committed. */
int product_decide(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n);

#endif
