/** order_events.h: the order's events as others read them, and product's and payment's events as the order reads
 * them. The shapes are
 * api/asyncapi.yaml.
 */
#ifndef COFFEESHOP_ORDER_EVENTS_H
#define COFFEESHOP_ORDER_EVENTS_H

#include "order_app.h"

/** Encodes one event into the outbox. Writer thread. */
order_write_event order_event_write;
/** One event of product's or payment's feed as a command; NULL when it doesn't concern orders (*reason stays NULL) or
 * can't be read
 * (*reason says why). The command owns its memory, gives it back in finish, and is posted by the caller. Any thread.
 * `context` is not used. */
struct command *order_event_decode(void *context, size_t source, struct str text, const char **reason);

#endif
