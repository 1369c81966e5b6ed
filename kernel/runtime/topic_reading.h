/** topic_reading.h: all that a topic says, from its beginning, into a writer: for a state that is made anew beside the
 * one in use, and goes on from there.
 */
#ifndef COFFEESHOP_TOPIC_READING_H
#define COFFEESHOP_TOPIC_READING_H

#include "service.h"

struct topic_reading;

/** Adds the topic's cursor to the producers': the core is made of them all. Its name is in the arena. false: no memory.
 */
bool topic_reading_add_cursor(const struct common_settings *common, struct cursors *sources, struct arena *arena);

/** Whose events are wanted; `cursors` are those of cores that know nothing, by cell, with
 * topic_reading_add_cursor()'s. */
struct topic_reading_options {
    const char *client; /* who asks: Kafka is told */
    const struct service_producer *producers;
    size_t n_producers;
    const struct cursors *cursors;
    struct writer *writer;
    struct command *(*decode)(void *context, size_t source, struct str text,
                              const char **reason); /* another thread's */
    void *context;
};

/** NULL with a sentence in `problem`. */
struct topic_reading *topic_reading_begin(const struct common_settings *common,
                                          const struct topic_reading_options *options, struct buf *problem);

/** Any thread. */
struct topic_progress {
    int64_t done, end; /* messages that are committed, and that there are, of all partitions; end is -1 as long as Kafka
                          hasn't said */
    int64_t oldest;    /* the first offset that a partition still has, when it isn't the beginning; 0: it is */
};
struct topic_progress topic_reading_progress(const struct topic_reading *reading);

/** Nothing comes any more; what came stays with the writer. */
void topic_reading_stop(struct topic_reading *reading);
/** After writer_stop(). NULL is taken. */
void topic_reading_free(struct topic_reading *reading);

#endif
