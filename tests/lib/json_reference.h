/** json_reference.h: what json_decode() has to do, by another way: jansson's tree under the same descriptor. Tests hold
 * the scanner against it: both accept the same texts with the same values, and refuse the same with the same kind and
 * member.
 *
 *  Two things jansson can't: a number beyond int64 or double (it is then the scanner that answers), and JSON_RAW
 * (asserts).
 */
#ifndef COFFEESHOP_JSON_REFERENCE_H
#define COFFEESHOP_JSON_REFERENCE_H

#include "json.h"

/** As json_decode(); strings are copies. */
bool json_reference_decode(const struct json_desc *desc, struct str text, void *out, struct arena *arena,
                           struct json_error *error);
/** As json_decode_array(). */
bool json_reference_decode_array(const struct json_desc *desc, struct str text, size_t max_items,
                                 struct json_array *out, struct arena *arena, struct json_error *error);

#endif
