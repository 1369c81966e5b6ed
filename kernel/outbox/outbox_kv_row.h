/** outbox_kv_row.h: numbers and texts in the keys and values of a key-value store. A number is eight bytes, the highest
 * first, so that keys sort as their numbers do. Pure. Private to kernel/outbox.
 */
#ifndef COFFEESHOP_OUTBOX_KV_ROW_H
#define COFFEESHOP_OUTBOX_KV_ROW_H

#include "arena.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum { ROW_NUMBER = 8 }; /* bytes */

struct row_place {
    char *p; /* where the next piece goes; the caller has made room */
};

void row_put_number(struct row_place *at, uint64_t number);
void row_put_text(struct row_place *at, struct str text);
/** Cuts a number off the front; false when there are fewer bytes. */
bool row_take_number(struct str *rest, uint64_t *number);
/** Cuts a text of `n` bytes off the front; false when there are fewer. It stays where it is. */
bool row_take_text(struct str *rest, uint64_t n, struct str *text);
/** prefix + number (unless none) + text, in the arena; {NULL,0} without memory, also when there was none for one of its
 * pieces: half a key would be one that nobody can read. */
struct str row_key(struct arena *arena, struct str prefix, const uint64_t *number, struct str text);

#endif
