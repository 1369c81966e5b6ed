/** sim_feed.h: the services' events on their way: each producer's feed, and each consumer's place in it.
 */
#ifndef COFFEESHOP_SIM_FEED_H
#define COFFEESHOP_SIM_FEED_H

#include "command.h"
#include "outbox.h"
#include "sim_world.h"

struct sim_event {
    struct str text;
    struct str type, subject;
    int64_t told_at;
    int64_t aggregate, version; /* a name of stock's may be another row's later: its versions begin again */
};

/** What a producer serves: the tail of its outbox. */
struct sim_feed {
    struct sim_event *events; /* of position 1, 2, … */
    size_t n, room;
    uint64_t oldest; /* kept, when it was last looked */
};

struct sim_seen {
    struct str subject;
    int64_t aggregate, version;
};

struct sim_follower {
    struct sim_timer timer;
    struct sim_service *consumer, *producer;
    size_t source;     /* index into the consumer's cursors */
    uint64_t position; /* handed over */
    uint64_t highest;  /* ever */
    bool under_way;    /* the timer is set */
    uint64_t epoch;    /* of the producer, when it was followed */
    bool refused;      /* latched: the producer has never said what was read here (409) */
    struct str *read;  /* the truth: what was handed over, by position; empty: passed over */
    size_t n_read, read_room;
    uint64_t gap_epoch, gap_until; /* with has_gap: as the producer told it */
    bool has_gap;                  /* latched: it needs what isn't kept any more, and says so (410) */
    struct sim_timer resume;
    struct sim_seen *seen; /* up to `highest`, by subject */
    size_t n_seen, seen_room;
};

/** `consumer` follows `producer` from now on. */
void sim_follow(struct sim_service *consumer, size_t source, struct sim_service *producer);
/** Appends events to the feed and wakes those who follow it. */
void sim_feed_publish(struct sim_service *producer, struct str frames);
/** The producer has come back: the feed is what the store has. */
void sim_feed_reload(struct sim_service *producer);
/** The consumer has come back: it goes on from its cursors. */
void sim_followers_restart(struct sim_service *consumer);
/** A bare command: no more than the core's part of one. */
struct command *sim_own_command(enum command_fate fate, struct str reason);
/** The follower needs what isn't kept any more: it stays so until an operator acts. */
void sim_feed_gap(struct sim_follower *follower);
/** The first position that the producer's store still keeps; 0: none ever was. */
uint64_t sim_feed_oldest(struct sim_service *producer);
/** The last one that it has removed. */
static inline uint64_t sim_feed_gone(struct sim_service *producer)
{
    uint64_t oldest = sim_feed_oldest(producer);

    return oldest ? oldest - 1 : 0;
}
void sim_feed_free(struct sim_service *service);

#endif
