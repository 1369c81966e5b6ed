/** kafka_letters.h: what a consumer itself writes: dead letters, and foreign messages keyed anew. One at a time, each
 * until it is acknowledged. Rare, so its producer is made with the first. Private to kernel/bus; the consumer's thread.
 */
#ifndef COFFEESHOP_KAFKA_LETTERS_H
#define COFFEESHOP_KAFKA_LETTERS_H

#include "kafka_connection.h"
#include "kafka_event.h"

#include <librdkafka/rdkafka.h>

enum kafka_letter_state { KAFKA_LETTER_NONE, KAFKA_LETTER_UNDER_WAY, KAFKA_LETTER_THERE, KAFKA_LETTER_FAILED };

struct kafka_letters {
    struct kafka_trouble *trouble;
    const struct kafka_options *kafka;
    rd_kafka_t *rk; /* NULL: not yet */
    enum kafka_letter_state state;
    bool without_value; /* it was too large with it */
};

/** `trouble` is what a connection's opaque has to be, too (kafka_connection.h): its owner begins with it, and then has
 * the letters. */
void kafka_letters_init(struct kafka_letters *letters, const struct kafka_options *kafka,
                        struct kafka_trouble *trouble);
void kafka_letters_free(struct kafka_letters *letters);
/** The same message is given until it is answered OK: then it is on the topic. E_BUSY: not yet; E_UNAVAILABLE,
 * E_MEMORY: it isn't, and is to be given again later. `more` are headers in front of the message's; copied. `partition`
 * negative: any. Waits for at most `wait_ms`. */
int kafka_letters_send(struct kafka_letters *letters, const char *topic, int32_t partition,
                       const struct kafka_message *message, const struct kafka_header *more, size_t n_more,
                       int wait_ms);
/** The message that is under way is of no interest any more. */
void kafka_letters_forget(struct kafka_letters *letters);

#endif
