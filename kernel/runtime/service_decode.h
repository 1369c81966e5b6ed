/** service_decode.h: another service's event by the context's own decoder, which is for one thread at a time: events
 * come on the loop, or on the topic's thread, and what is tried again on the loop. Private to kernel/runtime.
 */
#ifndef COFFEESHOP_SERVICE_DECODE_H
#define COFFEESHOP_SERVICE_DECODE_H

#include "service_internal.h"

/** As struct follower_options' decode. Any thread. */
struct command *service_decode(struct service *service, size_t source, struct str text, const char **reason);

#endif
