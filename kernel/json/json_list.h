/** json_list.h: an array of single values whose kinds aren't known before: a row of some table.
 *
 *  What the scanner refuses is refused here, too (json.h), but the text may be as long as JSON_LIST_MAX. Any thread.
 */
#ifndef COFFEESHOP_JSON_LIST_H
#define COFFEESHOP_JSON_LIST_H

#include "json.h"

enum { JSON_LIST_MAX = 1 << 30 }; /* bytes */

enum json_item_kind {
    JSON_ITEM_NULL,
    JSON_ITEM_I64,
    JSON_ITEM_TEXT,
    JSON_ITEM_MEMBER, /* an object with one member, which is a text: {"name":"text"} */
};

struct json_item {
    enum json_item_kind kind;
    int64_t number;
    struct str name, text; /* point into what was read, or live in the arena where there are escapes in them */
};

/** Reads an array of at most `room` values that are of these kinds. false, and why in *error. */
bool json_decode_list(struct str text, struct json_item *items, size_t room, size_t *n, struct arena *arena,
                      struct json_error *error);

#endif
