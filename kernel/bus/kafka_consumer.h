/** kafka_consumer.h: the cells' partitions of Kafka's topic, read from where each cell's state says.
 *
 *  Partitions are given by hand, never balanced by a group: who owns a cell follows its partition, from the offset that
 * was stored with the state. Events come in order, on the consumer's own thread, as the same text that a feed sends
 * (kafka_event.h); each is the taker's from then on, and counts as waiting until kafka_consumer_done(). A partition of
 * which max_waiting wait is paused until half of them are done; librdkafka fetches no more than buffer_kbytes ahead.
 *
 *  Repeats come, too (kafka_relay.h): the taker recognises them by producer, cell and position.
 *
 *  What can't be read goes to the dead letters' topic with its reason (headers reason, source_partition, source_offset)
 * before anything behind it is handed over; and is then handed over as UNREADABLE, so that the cursor can move. A
 * foreign message in a partition that isn't its key's is written once more, with key and headers, where it belongs
 * (`rekeys`), and handed over as OTHER. While either waits for Kafka, all partitions do.
 *
 *  Metrics: coffeeshop_kafka_consumed_total, coffeeshop_kafka_foreign_total, coffeeshop_kafka_rekeyed_total,
 * coffeeshop_kafka_dead_letters_total.
 */
#ifndef COFFEESHOP_KAFKA_CONSUMER_H
#define COFFEESHOP_KAFKA_CONSUMER_H

#include "kafka_connection.h"
#include "kafka_event.h"

struct kafka_consumer;

/** Texts are valid inside the call. */
struct kafka_arrival {
    enum kafka_reading reading; /* OURS, FOREIGN: an event; OTHER, UNREADABLE: only the cursor moves */
    struct kafka_event event;   /* of UNREADABLE the reason alone */
    int32_t partition;
    int64_t offset; /* the next one to ask for, once this is in the state, is one behind */
};

struct kafka_consumer_options {
    const struct kafka_options *kafka;
    int32_t partitions;                       /* of the topic */
    const struct kafka_foreign_type *foreign; /* NULL: none are known */
    bool rekeys; /* this service does so for all; else a foreign message that isn't at home is passed over: it comes
                    again */
    int64_t max_waiting;   /* of a partition */
    int64_t buffer_kbytes; /* 0: KAFKA_BUFFER_KBYTES */
    /** NULL: taken. Else why it can't be read: it becomes a dead letter, and comes once more as UNREADABLE.
     * error_text(E_MEMORY): it comes again later. On the consumer's thread: it must not wait. */
    const char *(*take)(void *owner, const struct kafka_arrival *arrival);
    /** All that was at hand has been handed over, at most a few hundred; called now and then without anything, too.
     * NULL: nobody wants to know. On the consumer's thread. */
    void (*turned)(void *owner);
    void *owner;
};

enum { KAFKA_BUFFER_KBYTES = 16384 };

/** Follows nothing yet. NULL with a sentence in `problem`, *error E_MALFORMED, E_SYSTEM or E_MEMORY. */
struct kafka_consumer *kafka_consumer_new(const struct kafka_consumer_options *options, struct buf *problem,
                                          int *error);
/** NULL is taken. */
void kafka_consumer_free(struct kafka_consumer *consumer);
/** From this offset on. 0, E_UNAVAILABLE or E_SYSTEM. Any thread but the consumer's. */
int kafka_consumer_follow(struct kafka_consumer *consumer, int32_t partition, int64_t offset);
/** Nothing of the partition is handed over any more when it returns. Any thread but the consumer's. */
void kafka_consumer_leave(struct kafka_consumer *consumer, int32_t partition);
/** `n` of those that were handed over don't wait any more. Any thread. */
void kafka_consumer_done(struct kafka_consumer *consumer, int32_t partition, int64_t n);
/** This offset is stored with the state as the next one: Kafka is told now and then, for people's tools. Any thread. */
void kafka_consumer_note(struct kafka_consumer *consumer, int32_t partition, int64_t offset);
/** How many messages are in the partition that weren't handed over yet; -1: not known. Any thread. */
int64_t kafka_consumer_lag(const struct kafka_consumer *consumer, int32_t partition);
/** E_NOT_FOUND: Kafka no longer has, or has never had, the offset that was asked for; it isn't followed any more.
 * OK: nothing of that kind. Any thread. */
int kafka_consumer_error(const struct kafka_consumer *consumer, int32_t partition);
/** With that error: the oldest offset that Kafka had then, or -1 when it didn't say. Any thread. */
int64_t kafka_consumer_oldest(const struct kafka_consumer *consumer, int32_t partition);
/** OK, or what is wrong with Kafka and a sentence for it behind `why` (may be NULL). Any thread. */
int kafka_consumer_trouble(struct kafka_consumer *consumer, struct buf *why);

#endif
