/** file_budget.h: whether a service's settings fit what the system lets it open.
 *
 *  What the service itself needs comes first (its data, its calls, the ability to say no); connections of clients get
 * the rest. Pure but for a line in the log; any thread.
 */
#ifndef COFFEESHOP_FILE_BUDGET_H
#define COFFEESHOP_FILE_BUDGET_H

#include "buf.h"
#include "program.h"

#include <stdbool.h>

/** `connections_out` is how many its clients may have at a time. Lowers http->max_connections to what `limit` open
 * files allow, and says so in the log. False and a sentence in `problem`: there is no room to serve anybody. */
bool file_budget_fit(int64_t connections_out, int64_t limit, struct http_settings *http, struct buf *problem);

#endif
