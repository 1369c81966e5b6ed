/** product_events.h: the kitchen's events as others read them, and order's and stock's as the kitchen reads them. The
 * shapes are api/asyncapi.yaml.
 */
#ifndef COFFEESHOP_PRODUCT_EVENTS_H
#define COFFEESHOP_PRODUCT_EVENTS_H

#include "product_app.h"

/** Encodes one event into the outbox. Writer thread. */
product_write_event product_event_write;
/** One event of a feed as a command; NULL when it doesn't concern the kitchen (*reason stays NULL) or can't be read
 * (*reason says why). The command owns its memory, gives it back in finish, and is posted by the caller. Any thread.
 * `context` is not used. */
struct command *product_event_decode(void *context, size_t source, struct str text, const char **reason);

#endif
