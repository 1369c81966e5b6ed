/** writer.h: the single writer: one thread that takes all that waits as one batch, runs the context's core on it, and
 * ends the commands.
 *
 *      commands -> queue -> [ batch -> core_run: load, decide, commit ] -> finish each
 *
 *  Batches form by themselves: while one is being committed the next gathers (LMAX, group commit). All commands keep
 * their order of arrival.
 *
 *  A failing commit is answered to the clients of that batch at once; events and effects' outcomes stay in front of the
 * queue, in order, and are tried again after writer.retry_ms. Meanwhile clients' commands are tried by themselves,
 * every few milliseconds at most: each learns at once that it failed, and the first to succeed ends the waiting of the
 * others. (That is the one case in which a client overtakes an event.) A batch must never fail because of one command:
 * the core buries what it can't digest (dead letter), and fails only when the world breaks. When it fails, the
 * `kept` of its commands is void: they end or are tried again like the others.
 *
 *  The `now` that it is told is the service's own time (steady_clock.h): whatever the wall clock is set to, it goes
 * on at its pace. How far the wall clock is ahead of it is told beside it, for what people read.
 */
#ifndef COFFEESHOP_WRITER_H
#define COFFEESHOP_WRITER_H

#include "core.h"
#include "steady_clock.h"

#include <stdbool.h>
#include <stdint.h>

struct writer_settings {
    int64_t batch;     /* most commands in a batch */
    int64_t queue;     /* most client commands waiting; more get E_BUSY */
    bool by_cell;      /* a batch is of one cell: their stores can't commit together (cells_core.h) */
    int64_t linger_us; /* a batch in which no client waits is held back until its first command is so old or it is full;
                          0: not */
    int64_t retry_ms;  /* after a failed commit */
    /** One that found no room (E_FULL) or was refused (E_REFUSED) says nothing about a smaller one, nor one of another
     * kind: only when none has failed so for so long commits are said to succeed again. */
    int64_t unwell_ms;
    const struct steady_clock *clock; /* the service's own time; it is copied. NULL: it begins with the writer */
    /** Asked before anything else is tried while commits fail; the caller's. NULL: the next batch shows it. */
    struct store *store;
    /** Called as the thread's last act when it can't be told whether a batch was committed (E_OUTCOME_UNKNOWN): its
     * clients have heard so, all others that nothing was done. The store must be opened again before anything is read
     * or written; one on a server can be by then (store.h, `look`). Writer thread. NULL: nobody is told. */
    void (*on_lost)(void *context);
    /** writer_ask_store() is answered: it has what was committed. Writer thread. NULL: nobody asks. */
    void (*on_asked)(void *context);
    void *context;
};

struct store;
struct writer;
/** NULL when memory is exhausted. Registers coffeeshop_writer_{batch_size,commit_seconds,queue_length,failures_total}.
 */
struct writer *writer_new(const struct writer_settings *settings, struct core *core);
/** Starts the thread, once. What was posted before is taken then. E_SYSTEM when there can't be another thread. */
int writer_start(struct writer *writer);
/** Any thread. Feed and effect commands are always taken. A client's is refused (E_BUSY, E_CLOSING) when too much waits
 * or it is stopping; then it is still the caller's. */
int writer_post(struct writer *writer, struct command *command);
/** A list linked by `next` of feed or effect commands, in order, in one go. */
void writer_post_list(struct writer *writer, struct command *first, struct command *last, size_t n);
/** The same for clients' commands that were kept and now go on. They are always taken: they were let in before. */
void writer_post_again(struct writer *writer, struct command *first, struct command *last, size_t n);
/** Runs what is queued, then ends the thread and returns. Commands that could not be committed end with E_CLOSING (an
 * event is not lost by that: its cursor has not moved). What is posted afterwards ends so too, on the poster's thread.
 * Harmless when it is stopped already. */
void writer_stop(struct writer *writer);
/** Stops it when it runs. Nobody may post any more. NULL is taken. */
void writer_free(struct writer *writer);
/** From now on clients are refused with `rc`, and nothing is committed any more: the store can't be trusted. What
 * waits, waits; events are not lost by that. For good. Any thread. */
void writer_bar(struct writer *writer, int rc);
/** False while commits fail; `*since` when the last good one was (monotonic us). Any thread. */
bool writer_is_well(const struct writer *writer, int64_t *since);
/** Before anything else is begun the store's server is looked at (store.h, `look`, which it has); on_asked() is called
 * when it has answered that all is there. While it is away that is waited for; when it turns out that it isn't known
 * what is there, on_lost() is called and on_asked() never. Any thread. */
void writer_ask_store(struct writer *writer);
/** Why commits fail: an errors.h code; 0 while they don't. Any thread. */
int writer_trouble(const struct writer *writer);
/** The same, and also why one failed in the last unwell_ms. For /readyz. Any thread. */
int writer_trouble_lately(const struct writer *writer);
/** Whether the thread turns: monotonic time of its last sign of life. Any thread. */
int64_t writer_turned_at(const struct writer *writer);

#endif
