/** json_names.h: whether an object names a member twice. Private to kernel/json. Any thread. */
#ifndef COFFEESHOP_JSON_NAMES_H
#define COFFEESHOP_JSON_NAMES_H

#include "json_tokens.h"

enum json_names {
    JSON_NAMES_DIFFER,
    JSON_NAMES_REPEAT,
    JSON_NAMES_NO_MEMORY,
};

/** Of the object whose members' tokens are `first`..`end`. Few names are compared where they stand; many, or names with
 *  escapes, are resolved and sorted in the arena, so that no text makes it slow. */
enum json_names json_names_check(const struct json_tokens *tokens, size_t first, size_t end, struct arena *arena);

#endif
