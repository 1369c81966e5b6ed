/** writer_internal.h: what the writer's files share: writer.c (the thread, and posting to it) uses writer_wait.c (what
 * can be done now, or how long to sleep) and writer_batch.c (the batch: cut, run, ended or given back). Private to
 * kernel/service.
 *
 *  One thread, two lists. `queue` is what others post to, under the lock; `pending` is the thread's own. The thread
 * swaps the whole queue out at once and appends it to `pending`, so posters and writer meet once a batch, not once a
 * command.
 */
#ifndef COFFEESHOP_WRITER_INTERNAL_H
#define COFFEESHOP_WRITER_INTERNAL_H

#include "command_list.h"
#include "log.h"
#include "writer.h"

#include <pthread.h>

struct writer {
    struct writer_settings settings;
    struct steady_clock clock;
    struct core *core;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* under the lock */
    struct command_list queue;
    bool asleep;
    bool wake_for_client; /* by which post it is to be woken: a client's, or another that doesn't linger, */
    size_t wake_at;       /* or the one that makes the queue so long */
    bool asked;           /* writer_ask_store() waits for its answer */
    bool stopping;
    int barred; /* what clients are refused with from now on; 0: they aren't */
    bool over;  /* the thread has ended, or will never start */
    bool started;

    _Atomic int64_t clients;    /* waiting in queue and pending */
    _Atomic int64_t prompt;     /* of those, and others', that don't wait for company: all but a feed's */
    _Atomic int trouble;        /* what the last commit, or look, failed with; 0: it didn't */
    _Atomic int partial;        /* the last failure that not all commits share: E_FULL, E_REFUSED */
    _Atomic int64_t partial_at; /* monotonic; 0: there was none */
    _Atomic int64_t well_at;
    _Atomic int64_t turned_at;

    /* the thread's own */
    pthread_t thread;
    struct command_list pending;
    struct command **batch;
    bool failing;
    bool said; /* in the log, and not yet that they succeed again */
    struct log_reason reason;
    bool lost;        /* whether the last batch was committed can't be told */
    int64_t n_failed; /* tries, since commits last succeeded for good */
    int64_t retry_at; /* monotonic; while failing */
    int64_t tried_at; /* monotonic */
};

/* ---- writer_wait.c; the lock is held. Writer thread ---- */

enum { WRITER_TURN_US = 500000 }; /* an idle writer turns that often: a sign of life */

enum writer_work {
    WRITER_WORK_NONE,    /* it has waited a while: look again */
    WRITER_WORK_FRONT,   /* the first commands, or a batch of none: something is due */
    WRITER_WORK_CLIENTS, /* the clients' commands only: the others wait for retry_at */
    WRITER_WORK_LOOK,    /* nothing was asked of the store's server for a while, or somebody asks: is it there? */
};
/** What can be done now, or nothing after having waited. */
enum writer_work writer_next_work(struct writer *writer);
/** Sleeps until the deadline, stop, or a post that matters: a client's when `wake_for_client`, or the one that makes
 * the queue `wake_at` long. Awake too early is harmless: whoever called looks again at everything. */
void writer_await(struct writer *writer, int64_t deadline, size_t wake_at, bool wake_for_client);
/** What was posted becomes pending. */
void writer_swap_queue(struct writer *writer);

/* ---- writer_batch.c; the lock is not held. Writer thread, but writer_end_all() ---- */

/** Cuts a batch of what is pending, runs the core on it, ends its commands or gives them back. 0, or why nothing was
 * committed (E_OUTCOME_UNKNOWN: `lost`). */
int writer_run_batch(struct writer *writer, bool clients_only);
/** Asks the store whether it is there: 0, or why it isn't. */
int writer_look(struct writer *writer);
/** Says in the log that commits succeed again, when they do for good. */
void writer_settle(struct writer *writer, int64_t now);
/** The clients whose commands are pending are refused, the others stay. */
void writer_refuse_waiting(struct writer *writer, int rc);
/** Ends all commands of a list. */
void writer_end_all(struct command_list *list, int rc);
/** Any thread. */
void writer_register_metrics(void);

#endif
