/** kafka_relay.h: the outboxes of a process's cells on their way to Kafka's topic (transactional outbox, message
 * relay).
 *
 *  One thread and one idempotent producer for all cells (acks=all); a lane for each cell, in which events go in order
 * and whole: what could leave a gap ends the producer, and a new one begins behind the last acknowledged position. So a
 * position may be sent again, by this process or by who owns the cell next, but never left out, and never for the first
 * time before one that is lower.
 *
 *  What was committed is handed over by kafka_lane_publish() and kept in memory (`tail_bytes`); what is older is read
 * from the store. So the writer never waits, whatever Kafka does: a lane that falls behind costs no more memory.
 *
 *  Metrics: coffeeshop_kafka_relayed_total, coffeeshop_kafka_relay_restarts_total.
 */
#ifndef COFFEESHOP_KAFKA_RELAY_H
#define COFFEESHOP_KAFKA_RELAY_H

#include "kafka_connection.h"
#include "outbox.h"

#include <stdint.h>

struct kafka_relay;
struct kafka_lane;

struct kafka_relay_options {
    const struct kafka_options *kafka;
    int32_t partitions;    /* of the topic */
    int64_t queue_kbytes;  /* of messages that Kafka hasn't acknowledged, all lanes; 0: KAFKA_QUEUE_KBYTES */
    int64_t message_bytes; /* the largest message that is tried; 0: KAFKA_MESSAGE_BYTES, which a topic allows unless
                              told otherwise */
};

enum { KAFKA_QUEUE_KBYTES = 8192, KAFKA_MESSAGE_BYTES = 1000000, KAFKA_BY_KEY = -1 };

/** Appends stored frames after position `after` to `frames`, whole batches (the first may begin at or before `after`),
 * at least `enough` bytes if there are so many; `*oldest` is the oldest position kept, 0 when there is none. 0 or an
 * errors.h code. On the relay's thread, which may wait for the store (outbox_sql_read() is one). */
typedef int kafka_read_stored(void *owner, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest);

struct kafka_lane_options {
    int32_t cell;      /* whose outbox it is */
    int32_t partition; /* where its events go; KAFKA_BY_KEY: each where its key does */
    /** Whether an event of this type (of its text) is said once in every partition. NULL: none is. */
    bool (*everywhere)(void *owner, struct str type, struct str text);
    uint64_t last;      /* the newest position that is committed */
    uint64_t relayed;   /* as far as was noted: it begins behind it */
    int64_t tail_bytes; /* of what was committed and isn't sent yet, kept in memory */
    kafka_read_stored *read_stored;
    /** All up to this position is on the topic: to be noted. Only grows. On the relay's thread: it must not wait (post
     * it). */
    void (*moved)(void *owner, uint64_t position);
    void *owner;
};

/** Begins its thread. It connects by itself, now and whenever Kafka is away: nobody who answers is no error here. NULL
 * with a sentence in `problem`, *error E_MALFORMED (the options), E_SYSTEM or E_MEMORY. */
struct kafka_relay *kafka_relay_new(const struct kafka_relay_options *options, struct buf *problem, int *error);
/** Waits until all that was published is on the topic, at most until `deadline` (monotonic us); not where something is
 * wrong with Kafka, or with a lane. True: it is. After the last kafka_lane_publish(); any thread but the relay's. */
bool kafka_relay_flush(struct kafka_relay *relay, int64_t deadline);
/** All lanes closed. What isn't acknowledged is dropped: it is in the store. NULL is taken. */
void kafka_relay_free(struct kafka_relay *relay);
/** OK, or what is wrong with Kafka and a sentence for it behind `why` (may be NULL). Any thread. */
int kafka_relay_trouble(struct kafka_relay *relay, struct buf *why);

/** NULL: no memory. Any thread. */
struct kafka_lane *kafka_lane_open(struct kafka_relay *relay, const struct kafka_lane_options *options);
/** Nothing of the owner's is called any more when it returns. NULL is taken. Any thread but the relay's. */
void kafka_lane_close(struct kafka_lane *lane);
/** The batch is committed: takes the outbox's frames (its buffer is swapped for an empty one). Writer thread. */
void kafka_lane_publish(struct kafka_lane *lane, struct outbox *outbox);
/** How far all is on the topic. Any thread. */
uint64_t kafka_lane_position(const struct kafka_lane *lane);
/** Why the event behind that doesn't go, though Kafka answers; it stays first, and is tried again. OK: it does.
 * E_TOO_LARGE: the topic doesn't allow its size; E_NOT_FOUND: the store hasn't got it any more; E_CORRUPT: it isn't an
 * event; E_FOREIGN: the topic has no such partition; or what the store said. Any thread. */
int kafka_lane_error(const struct kafka_lane *lane);

#endif
