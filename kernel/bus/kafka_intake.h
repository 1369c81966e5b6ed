/** kafka_intake.h: from librdkafka's messages to the taker, partition by partition. Private to kernel/bus.
 *
 *  The consumer's thread, and others while that isn't busy (kafka_consumer.c), but where it says otherwise.
 */
#ifndef COFFEESHOP_KAFKA_INTAKE_H
#define COFFEESHOP_KAFKA_INTAKE_H

#include "kafka_consumer.h"
#include "kafka_letters.h"

#include <stdatomic.h>

struct kafka_part {
    _Atomic bool followed; /* any thread reads */
    bool paused;
    _Atomic int64_t next;    /* the offset behind what was handed over; any thread reads */
    _Atomic int64_t waiting; /* any thread */
    _Atomic int64_t stored;  /* to be told to Kafka, -1: nothing; any thread */
    _Atomic int64_t oldest;  /* with an error: what Kafka keeps from, -1: not known; any thread reads */
    _Atomic int error;       /* any thread reads */
};

struct kafka_intake {
    struct kafka_trouble trouble; /* first: the connection's opaque; any thread */
    struct kafka_consumer_options options;
    rd_kafka_t *rk;
    struct kafka_part *parts; /* by number */
    struct kafka_decoder decoder;
    struct kafka_encoder encoder;
    struct kafka_letters letters;
    rd_kafka_message_t *held; /* comes before all else: it waits for memory, or for what is written of it */
    const char *held_reason;  /* why the taker can't read it */
    bool held_written;        /* what had to be written of it is there */
};

/** false: no memory. It is to be freed either way. */
bool kafka_intake_init(struct kafka_intake *intake, const struct kafka_consumer_options *options);
void kafka_intake_free(struct kafka_intake *intake);
/** Hands over at most `most` messages. True: there may be more. */
bool kafka_intake_turn(struct kafka_intake *intake, int most);
int kafka_intake_follow(struct kafka_intake *intake, int32_t partition, int64_t offset);
void kafka_intake_leave(struct kafka_intake *intake, int32_t partition);

#endif
