/** kafka_lane.h: one cell's events on their way: what is sent, what is acknowledged. Private to kernel/bus.
 *
 *  Of the relay's thread, but where it says otherwise. A window of positions is under way; the acknowledged position
 * moves when all messages of the next one are. librdkafka holds pointers into the window, so it outlives the lane when
 * something is still under way.
 */
#ifndef COFFEESHOP_KAFKA_LANE_H
#define COFFEESHOP_KAFKA_LANE_H

#include "feed_tail.h"
#include "kafka_event.h"
#include "kafka_relay.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

enum { KAFKA_WINDOW = 2048 };

struct kafka_window;
struct kafka_slot {
    struct kafka_window *window;
    int32_t under_way; /* messages of the position that has this slot */
};
struct kafka_window {
    struct kafka_lane *lane;   /* NULL: gone */
    struct kafka_window *next; /* of those without a lane */
    int64_t under_way;
    struct kafka_slot slots[KAFKA_WINDOW];
};

struct kafka_lane {
    struct kafka_lane_options options;
    struct kafka_relay *relay;
    struct kafka_lane *next;
    struct feed_tail tail; /* any thread */
    struct kafka_window *window;
    uint64_t sent;          /* the last position that librdkafka has whole */
    uint64_t told;          /* to the owner */
    int32_t next_partition; /* of one that is said everywhere, and is half sent */
    struct blob *blob;      /* where `rest` is, or … */
    struct buf stored;      /* … there */
    struct str rest;        /* frames from sent + 1 on */
    int64_t retry_at;       /* after an error, monotonic us; 0: at once */
    int64_t back_off_us;
    _Atomic uint64_t acknowledged; /* any thread reads */
    _Atomic int error;             /* any thread reads */
};

/** What the lanes of a relay send by. */
struct kafka_way {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    int32_t partitions;
    struct kafka_encoder encoder;
};

/** NULL: no memory. Any thread. */
struct kafka_lane *kafka_lane_new(struct kafka_relay *relay, const struct kafka_lane_options *options);
/** Gives back what isn't under way; returns the window when librdkafka still points to it, without its lane. */
struct kafka_window *kafka_lane_free(struct kafka_lane *lane);
/** Hands librdkafka a burst, of a window at most, once the one before is acknowledged: what comes meanwhile
 * gathers. Its idempotent producer (2.0) has one request of five messages or more under way for a partition, and spins
 * as long as it has more that is due. */
void kafka_lane_pump(struct kafka_lane *lane, struct kafka_way *way, int64_t now);
/** librdkafka has an answer for a message of this slot. False: it isn't on the topic, and what is behind it may not go
 * before it. */
bool kafka_slot_answered(struct kafka_slot *slot, rd_kafka_resp_err_t error, int64_t now);
/** The producer is gone: all that wasn't acknowledged is to be sent again. */
void kafka_lane_rewind(struct kafka_lane *lane);
/** When it wants to be pumped by itself, monotonic us; INT64_MAX: when something comes. */
int64_t kafka_lane_due(const struct kafka_lane *lane);

#endif
