/** payment_events.h: payment's events as others read them, and order's events as payment reads them. The shapes are
 * api/asyncapi.yaml.
 */
#ifndef COFFEESHOP_PAYMENT_EVENTS_H
#define COFFEESHOP_PAYMENT_EVENTS_H

#include "payment_app.h"

/** Encodes one event into the outbox. Writer thread. */
payment_write_event payment_event_write;
/** One event of order's feed as a command; NULL when it concerns no payment (*reason stays NULL) or can't be read
 * (*reason says why). The command owns its memory, gives it back in finish, and is posted by the caller. Any thread.
 * `context` is not used. */
struct command *payment_event_decode(void *context, size_t source, struct str text, const char **reason);
/** Shows the figure of orders that came too late in /metrics. */
void payment_events_init(void);

#endif
