/** http_links.h: links in an answer's body, for an answer that is kept: the host in them is that of whoever asks, so
 * what is kept are paths.
 *
 *  A link is the value of a member `href` (HAL) or `existing` (a problem of ours). In a JSON text no data can look like
 * one, since quotation marks inside of a string are escaped. Pure; any thread.
 */
#ifndef COFFEESHOP_HTTP_LINKS_H
#define COFFEESHOP_HTTP_LINKS_H

#include "arena.h"
#include "buf.h"
#include "str.h"

/** The text with its links as paths: `base` in front of them is left out. In the arena; p NULL: no memory. */
struct str http_links_to_paths(struct str json, struct str base, struct arena *arena);
/** Appends the text with `base` put in front of those of its links that are paths. */
void http_links_from_paths(struct buf *out, struct str json, struct str base);

#endif
