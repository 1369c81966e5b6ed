/** working_set.h: the distinct keys of one batch: each gets a small index, so that a context keeps one entry per
 * aggregate however many commands of the batch concern it. An open-addressing table in the batch's arena, under a keyed
 * hash: clients choose keys. Writer thread
 * only.
 */
#ifndef COFFEESHOP_WORKING_SET_H
#define COFFEESHOP_WORKING_SET_H

#include "arena.h"
#include "siphash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct working_set {
    size_t n; /* distinct keys so far; their indexes are 0..n-1 */
    size_t most;
    size_t slots; /* a power of two */
    struct siphash_key key;
    size_t probes; /* slots looked at so far */
    uint64_t *hash;
    uint32_t *index;  /* of the key + 1; 0: free */
    int64_t *number;  /* by index */
    struct str *text; /* by index */
};

/** Room for `most` keys. false when memory is exhausted. */
bool working_set_init(struct working_set *set, size_t most, struct arena *arena);
/** The number's index; a new one when it is the first time. At most `most` different ones (ASSERT). */
size_t working_set_number(struct working_set *set, int64_t number);
/** Whether the number is there already. */
bool working_set_has_number(struct working_set *set, int64_t number);
/** As working_set_number() for texts (don't mix both in one set). The text has to live as long as the set. */
size_t working_set_text(struct working_set *set, struct str text);

#endif
