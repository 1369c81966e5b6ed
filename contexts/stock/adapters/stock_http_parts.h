/** stock_http_parts.h: one array of steps that concern several cells: each cell gets a command with its own steps, and
 * the client one answer, when the last of them has ended. Private to stock's HTTP door.
 *
 *  Each cell commits for itself, so one may fail while others don't: what is then said of its steps is the caller's
 * `answer` (docs/adr/0067). Under an Idempotency-Key each cell keeps what came of its part, so that a repeat does what
 * is left to do.
 */
#ifndef COFFEESHOP_STOCK_HTTP_PARTS_H
#define COFFEESHOP_STOCK_HTTP_PARTS_H

#include "stock_http_command.h"

/** What became of all. `self->command.steps` are in the order in which they were asked; failed[i]: not known of the
 * i-th. Some are, else the request is answered with the failure. Fills in the answer; any thread. */
typedef void stock_http_answer(struct client_command *self, const bool *failed);

/** `cells[i]` is the i-th step's. Instead of stock_http_submit(); `self` is not posted itself. Loop thread. */
void stock_http_submit_parts(struct stock_http *http, struct client_command *self, const struct client_body *body,
                             const int32_t *cells, stock_http_answer *answer);

#endif
