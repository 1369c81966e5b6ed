/** json_escape.h: the escapes in a JSON string (RFC 8259, 7). Private to kernel/json. Pure. */
#ifndef COFFEESHOP_JSON_ESCAPE_H
#define COFFEESHOP_JSON_ESCAPE_H

#include "str.h"

/** Every escape is one, and names a character: no lone surrogate, and not U+0000, which our texts can't hold. */
bool json_escapes_are_legal(struct str raw);
/** Writes the resolved text, never longer than `raw`, whose escapes are legal. Returns its length. */
size_t json_unescape(struct str raw, char *out);

#endif
