/** cursor.h: how far a consumer has got in each producer's feed. Stored in the same transaction as what the events did.
 */
#ifndef COFFEESHOP_CURSOR_H
#define COFFEESHOP_CURSOR_H

#include <stddef.h>
#include <stdint.h>

enum { CURSOR_MAX_SOURCES = 6 }; /* four producers, and what is kept of a topic (runtime/service_topic.h) */

struct cursors {
    const char *source[CURSOR_MAX_SOURCES]; /* "order"; fixed at start */
    uint64_t position[CURSOR_MAX_SOURCES];  /* the last event whose effect is in the state; 0: none yet */
    uint64_t epoch[CURSOR_MAX_SOURCES];     /* of the producer when it was followed (feed_history.h) */
    size_t n;
};

#endif
