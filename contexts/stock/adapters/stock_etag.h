/** stock_etag.h: a row's entity tag, and the If-Match that names such tags (RFC 9110, 8.8.3 and 13.1.1).
 *
 *  A tag is the row's edition as text, "<version>-<low mark>" in quotes; it is strong. Pure; any thread.
 */
#ifndef COFFEESHOP_STOCK_ETAG_H
#define COFFEESHOP_STOCK_ETAG_H

#include "arena.h"
#include "stock.h"

/** The row's tag, quotes included, in the arena; {NULL,0} when there is no memory. */
struct str stock_etag(struct arena *arena, const struct stock *stock);
/** What a value of If-Match expects; the editions lie in the arena. Empty (none sent) and "*" expect nothing; tags that
 * are weak or not ours match no edition. 0, E_MEMORY, or E_MALFORMED. */
int stock_if_match(struct arena *arena, struct str value, struct stock_expectation *expected);

#endif
