/** writer.h: the single writer: one thread that takes all that waits as one batch, runs the context's core on it, and ends the commands.
 *
 *      commands -> queue -> [ batch -> core->run: load, decide, commit ] -> finish each
 *
 *  Batches form by themselves: while one is being committed the next gathers (LMAX, group commit). A failing commit is answered to clients at once;
 *  events and effects' outcomes stay in front of the queue, in order, and are tried again after writer.retry_ms.
 */
#ifndef COFFEESHOP_WRITER_H
#define COFFEESHOP_WRITER_H

#include "core.h"

#include <stdbool.h>
#include <stdint.h>

struct writer_settings {
    int64_t batch;    /* most commands in a batch */
    int64_t queue;    /* most client commands waiting; more get E_BUSY */
    int64_t linger_us; /* wait so long for company before a batch of feed events is run (customercenter); 0: don't */
    int64_t retry_ms; /* after a failed commit */
};

struct writer;
struct writer *writer_new(const struct writer_settings *settings, struct core *core);
/** Starts the thread. */
int writer_start(struct writer *writer);
/** Any thread. Feed and effect commands are always taken. A client's is refused (E_BUSY, E_CLOSING) when too much waits or it is stopping; then it is still the caller's. */
int writer_post(struct writer *writer, struct command *command);
/** A list linked by `next` of feed or effect commands, in order, in one go. */
void writer_post_list(struct writer *writer, struct command *first, struct command *last, size_t n);
/** Runs what is queued, then ends the thread and returns. Commands that could not be committed end with E_CLOSING. */
void writer_stop(struct writer *writer);
void writer_free(struct writer *writer);
/** False while commits fail; `*since` when the last good one was (monotonic us). For /readyz. Any thread. */
bool writer_is_well(const struct writer *writer, int64_t *since);
/** Whether the thread turns: monotonic time of its last sign of life. Any thread. */
int64_t writer_turned_at(const struct writer *writer);

#endif
