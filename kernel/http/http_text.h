/** http_text.h: the text of a request target: percent-encoding, query parameters (RFC 3986, and '+' for a blank in
 * queries).
 *
 *  Pure; any thread.
 */
#ifndef COFFEESHOP_HTTP_TEXT_H
#define COFFEESHOP_HTTP_TEXT_H

#include "arena.h"
#include "str.h"

#include <stdbool.h>

/** Decodes %XX (and '+' when `plus_is_blank`) into `arena`; what needs no decoding is returned as it is. OK, E_MEMORY,
 * or E_MALFORMED: a broken escape, not UTF-8, or a control character. */
int http_decode(struct arena *arena, struct str text, bool plus_is_blank, struct str *out);
/** Whether every name and value of a query can be decoded: OK, E_MEMORY, E_MALFORMED. */
int http_query_check(struct arena *arena, struct str query);
/** The `nth` value of `name`; false when there is none. */
bool http_query_find(struct arena *arena, struct str query, struct str name, size_t nth, struct str *value);

#endif
