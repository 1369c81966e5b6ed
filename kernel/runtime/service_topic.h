/** service_topic.h: a service whose events go through Kafka's topic (docs/adr/0062): what it keeps beside the
 * producers' cursors, and who does what.
 *
 *  Two more cursors of each cell lie in the same transaction as its state: "topic:NAME", whose position is the offset
 * to go on from, and "relayed:NAME", up to where what was said is on the topic. Bare commands move them, as they move a
 * follower's. A topic of another name has others: there everything is told and heard from the beginning, and what is
 * known is dropped as a repeat.
 *
 *  service_topic.c (life, and what is said of it), topic_intake.h (from the topic to the writer),
 * service_topic_mark.c (how far the relay is), service_topic_people.c (what people are told, and can decide). Private
 * to kernel/runtime.
 */
#ifndef COFFEESHOP_SERVICE_TOPIC_H
#define COFFEESHOP_SERVICE_TOPIC_H

#include "kafka_relay.h"
#include "service_bus.h"
#include "topic_intake.h"
#include "topic_options.h"

/** How far the relay is with a cell's events, on its way to the store. */
struct topic_mark {
    struct service *service;
    int32_t cell;
    size_t source;            /* the index of its cursor */
    _Atomic uint64_t reached; /* the relay's */
    struct loop_job moved;
    struct loop_timer timer;
    uint64_t posted;  /* the loop's */
    uint64_t relayed; /* committed; the writer's */
};

/** What a cell says. */
struct topic_cell {
    struct kafka_lane *lane; /* NULL: it hasn't begun, or says nothing */
    _Atomic uint64_t newest; /* what was said */
    struct topic_mark mark;
};

struct service_topic {
    struct service *service;
    size_t topic_source, relayed_source; /* the indexes of its cursors; CURSOR_MAX_SOURCES: there is none */
    struct kafka_options kafka;
    struct secret *password;
    struct kafka_relay *relay;
    struct topic_cell *cells; /* shop.cells of them */
    struct topic_intake intake;
    struct loop_timer look; /* at how far it is, once a second */
};

void topic_mark_init(struct topic_mark *mark, struct service *service, int32_t cell, size_t source, uint64_t relayed);
/** The relay is so far. Its thread. */
void topic_mark_moved(struct topic_mark *mark, uint64_t position);
/** Loop thread. */
void topic_mark_stop(struct topic_mark *mark);

/** struct service_bus's. */
void topic_add_trouble(struct service *service, struct buf *out);
void topic_add_notice(struct service *service, struct buf *out);
void topic_list(struct service *service, struct buf *out);
int topic_resume(struct service *service, struct str source);

#endif
