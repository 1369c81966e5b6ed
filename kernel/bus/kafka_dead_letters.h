/** kafka_dead_letters.h: what lies on the dead letters' topic (the topic's name + .dlt), read once from its beginning
 * to its end: for people.
 */
#ifndef COFFEESHOP_KAFKA_DEAD_LETTERS_H
#define COFFEESHOP_KAFKA_DEAD_LETTERS_H

#include "kafka_connection.h"
#include "str.h"

/** Texts are valid inside the call. What a header didn't say is empty. */
struct kafka_dead_letter {
    struct str reason, source_partition, source_offset; /* why, and where it lay */
    struct str message;                                 /* as it came: any bytes */
    int64_t at_ms;                                      /* when it was put there; 0: not known */
};
typedef void kafka_on_dead_letter(void *context, const struct kafka_dead_letter *letter);

/** All that are there now, each partition's in order. Waits, at most `patience_ms` for the next one. 0, or with a
 * sentence in `problem`: E_UNAVAILABLE (nobody answers, or there is no such topic), E_SYSTEM, E_MALFORMED. */
int kafka_dead_letters_read(const struct kafka_options *kafka, int64_t patience_ms, kafka_on_dead_letter *on_letter,
                            void *context, struct buf *problem);

#endif
