/** topic_intake.h: from Kafka's topic to a writer: messages -> events -> commands, gathered for a turn of the
 * consumer's, with one in the end of each cell's that moves its offset. It is committed with the events in front of it
 * or after them, never before, so that what is read again after a crash are repeats (docs/adr/0062).
 *
 *  A cell hears its own partition, and has its own cursors. An event's position is its producer's cell's: of the cell
 * with the same number it is remembered; what another cell says here (an item's news, a foreign message) has the
 * topic's. Private to kernel/runtime.
 */
#ifndef COFFEESHOP_TOPIC_INTAKE_H
#define COFFEESHOP_TOPIC_INTAKE_H

#include "cursor.h"
#include "kafka_consumer.h"
#include "service.h"

/** Pointers have to live as long as the intake, but `cursors`. */
struct topic_intake_options {
    const struct kafka_options *kafka;
    const struct service_producer *producers; /* whose events are taken; in the order of the cursors */
    size_t n_producers;
    int32_t cells;                 /* of the shop: partitions of the topic */
    const struct cursors *cursors; /* as restored, by cell */
    size_t topic_source;           /* the index of the offset's */
    struct writer *writer;
    /** As struct follower_options'. The consumer's thread. */
    struct command *(*decode)(void *context, size_t source, struct str text, const char **reason);
    void *context;
    bool rekeys;     /* kafka_consumer.h */
    const char *own; /* as which this service says what it says; NULL: it says nothing */
    /** The position of what a cell of it said last. */
    uint64_t (*newest)(void *context, int32_t cell);
};

/** What comes for one cell. What isn't said to be any thread's is the consumer's thread's. */
struct topic_cell_intake {
    struct topic_intake *intake;
    int32_t cell;
    _Atomic uint64_t seen[CURSOR_MAX_SOURCES]; /* by producer: the newest position handed over; any thread reads */
    uint64_t skipped[CURSOR_MAX_SOURCES];      /* events up to here were not for us, and nothing moves the cursor yet */
    struct command *first, *last;              /* gathered in this turn */
    size_t n;
    int64_t taken;             /* messages that no command stands for yet … */
    _Atomic int64_t next;      /* … and the offset behind them; any thread reads */
    _Atomic int64_t committed; /* the offset behind those whose effect is stored; any thread reads */
    struct command *aside;     /* an event that can't be decoded, until it is among the topic's dead letters, too … */
    int64_t aside_offset;      /* … which is where it lies */
    /* topic_forgery.c's; by producer, any thread: */
    _Atomic bool joins[CURSOR_MAX_SOURCES]; /* its next event may be any */
    _Atomic bool ahead[CURSOR_MAX_SOURCES]; /* the last one came ahead of its next, and was put aside */
    uint64_t strange;                       /* the last that this service is said to have said, and hasn't … */
    _Atomic uint64_t stranger; /* … such a one behind which nothing is taken; 0: none; any thread reads … */
    _Atomic uint64_t passed;   /* … unless somebody said to pass it; any thread */
};

/** All zero at first. */
struct topic_intake {
    struct topic_intake_options options;
    struct kafka_consumer *consumer; /* NULL: it hasn't begun */
    struct topic_cell_intake *cells;
};

/** From the offsets of the cursors on. false and a sentence in `problem`. */
bool topic_intake_begin(struct topic_intake *intake, const struct common_settings *common,
                        const struct topic_intake_options *options, struct buf *problem);
/** Nothing is handed over any more when it returns. Harmless when repeated, or when it hasn't begun. */
void topic_intake_stop(struct topic_intake *intake);
/** After writer_stop(). */
void topic_intake_free(struct topic_intake *intake);
/** What a cell needs was there, and isn't kept any more. Any thread. */
bool topic_intake_has_gap(const struct topic_cell_intake *cell);

#endif
