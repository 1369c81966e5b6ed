/** kafka_producer.h: librdkafka's idempotent producer, begun and given up as often as need be. Private to kernel/bus.
 *
 *  Of the relay's thread, but before that is started and after it has ended.
 */
#ifndef COFFEESHOP_KAFKA_PRODUCER_H
#define COFFEESHOP_KAFKA_PRODUCER_H

#include "kafka_lane.h"

enum { KAFKA_NUMBER_SIZE = 24 };

struct kafka_producer {
    struct kafka_trouble trouble; /* first: the connection's opaque; any thread */
    const struct kafka_options *kafka;
    char queue_kbytes[KAFKA_NUMBER_SIZE], message_bytes[KAFKA_NUMBER_SIZE];
    int wake_fd; /* an eventfd that is written to when there are answers */
    struct kafka_way way;
    uint64_t delivered;
    bool broken; /* it has to be given up */
    bool ending;
};

void kafka_producer_init(struct kafka_producer *producer, const struct kafka_relay_options *options, int wake_fd);
void kafka_producer_free(struct kafka_producer *producer);
bool kafka_producer_is_there(const struct kafka_producer *producer);
/** 0, or an errors.h code with a sentence in `problem`. */
int kafka_producer_begin(struct kafka_producer *producer, struct buf *problem);
/** Whether something is handed over and not answered. */
bool kafka_producer_is_busy(const struct kafka_producer *producer);
/** All that was handed over is sent, and waited for, for a moment; the answers that have come go to their lanes. False:
 * it has to be given up. */
bool kafka_producer_hear(struct kafka_producer *producer);
/** What is under way is forgotten, though it may still arrive: it is a repeat then of what will be sent again. */
void kafka_producer_end(struct kafka_producer *producer);

#endif
