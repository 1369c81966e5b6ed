/** dead_letter.h: an event that can't be decoded or that the domain refuses. It is stored with its reason in the
 * transaction that moves the cursor past it, so it never blocks the feed and is never lost (Enterprise Integration
 * Patterns: Dead Letter Channel).
 */
#ifndef COFFEESHOP_DEAD_LETTER_H
#define COFFEESHOP_DEAD_LETTER_H

#include "str.h"

#include <stdint.h>

struct dead_letter {
    struct str source; /* the producer's name */
    uint64_t position;
    struct str reason;
    struct str frame; /* the event's text as it came */
};

#endif
