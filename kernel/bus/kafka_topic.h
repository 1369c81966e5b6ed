/** kafka_topic.h: the topic is there, and has a partition for each cell. */
#ifndef COFFEESHOP_KAFKA_TOPIC_H
#define COFFEESHOP_KAFKA_TOPIC_H

#include "kafka_connection.h"

struct kafka_topic_options {
    const struct kafka_options *kafka;
    int32_t partitions;  /* P, the shop's */
    int32_t replication; /* of a topic that is made here; from 3 on two replicas have to confirm */
    int64_t retain_ms; /* how long a topic that is made here keeps events; negative: for ever, 0: as the broker wants */
    int64_t patience_ms; /* for Kafka to answer */
};

/** Makes the topic and that of the dead letters when they are missing, and looks whether the topic has P partitions;
 * the dead letters' may have any number. Waits; to be called at start. 0, or with a sentence in `problem`:
 * E_UNAVAILABLE (nobody answers), E_SYSTEM (it doesn't let us in, or do it), E_FOREIGN (another number of partitions),
 * E_MALFORMED (the options), E_MEMORY. */
int kafka_topic_prepare(const struct kafka_topic_options *options, struct buf *problem);

#define KAFKA_DEAD_LETTERS ".dlt"

#endif
