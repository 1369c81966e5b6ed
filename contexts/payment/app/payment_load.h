/** payment_load.h: the payments that a batch concerns: found before anything is decided, all at once. Part of payment's
 * application layer.
 */
#ifndef COFFEESHOP_PAYMENT_LOAD_H
#define COFFEESHOP_PAYMENT_LOAD_H

#include "payment_app.h"

enum { PAYMENT_DUE_AT_ONCE = 1024 }; /* as many whose time has come are taken in one batch */

/** After batch_begin(): the payments of the commands, by id and by purchase's key, and those whose time has come; room
 * for what is decided. 0 or an errors.h code: memory's, or the repository's. */
int payment_load(struct payment_app *app, struct payment_batch *batch, struct command *const *commands, size_t n);

#endif
