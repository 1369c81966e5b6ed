/** product_load.h: the tickets that a batch concerns: found before anything is decided, all at once. Part of the
 * kitchen's application layer.
 */
#ifndef COFFEESHOP_PRODUCT_LOAD_H
#define COFFEESHOP_PRODUCT_LOAD_H

#include "product_app.h"

/** The tickets of the commands, those whose time has come, those whose goods have come, and the clients' keys. 0 or an
 * errors.h code of the repository. */
int product_load(struct product_app *app, struct product_batch *batch, struct command *const *commands, size_t n);
/** After product_load(): the index of the entry that a command is about; a new ticket gets its id here. */
size_t product_entry_of(struct product_app *app, struct product_batch *batch, const struct product_command *command);

#endif
