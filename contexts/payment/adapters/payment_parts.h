/** payment_parts.h: one array of questions that concern several cells: each cell gets a command with its own, and order
 * one answer, in the order in which it asked, when the last of them has ended. Private to payment's HTTP door.
 *
 *  Each commits for itself, so one may fail while others don't: nothing is known of its questions then, and order asks
 * for them again. Something that is decided in one cell shortens the wait for a provider in the others, as it does
 * within one (payment_waiting.h).
 */
#ifndef COFFEESHOP_PAYMENT_PARTS_H
#define COFFEESHOP_PAYMENT_PARTS_H

#include "payment_command.h"
#include "payment_http.h"

/** `cells[i]` is the i-th step's; `all` itself is not posted. Loop thread. */
void payment_parts_submit(const struct payment_http *http, struct http_request *request,
                          const struct payment_command *all, const int32_t *cells);

#endif
