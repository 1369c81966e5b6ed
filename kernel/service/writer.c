/* writer.c: one thread, two lists.
 *
 * `queue` is what others post to, under the lock; `pending` is the thread's own. The thread swaps the whole queue out
 * at once and appends it to `pending`, so posters and writer meet once a batch, not once a command.
 *
 * While commits fail (`failing`), what must not be lost stays in `pending` and is tried again at `retry_at`. Clients
 * don't wait for that moment: they are picked out of `pending` and tried by themselves, at most every FAILING_GAP_US,
 * so that each gets its failure at once. Every such try begins with the store's probe, because a batch may have nothing
 * to commit: only a commit shows that commits succeed. The first try that succeeds ends the failing state.
 *
 * When it can't be told whether a batch was committed (`lost`), or the store is gone (`barred`), there is no way on
 * from here: the first ends the thread, the second leaves it turning and refuses all changes. */
#include "writer.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "command_list.h"
#include "errors.h"
#include "log.h"
#include "metrics.h"
#include "store.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

enum {
    TURN_US = 500000,      /* an idle writer turns that often: a sign of life */
    FAILING_GAP_US = 2000, /* a broken store isn't hammered by impatient clients */
};

struct writer {
    struct writer_settings settings;
    struct steady_clock clock;
    struct core *core;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* under the lock */
    struct command_list queue;
    bool asleep;
    bool wake_for_client; /* by which post it is to be woken: a client's, */
    size_t wake_at;       /* or the one that makes the queue so long */
    bool stopping;
    int barred; /* what clients are refused with from now on; 0: they aren't */
    bool over;  /* the thread has ended, or will never start */
    bool started;

    _Atomic int64_t clients; /* waiting in queue and pending */
    _Atomic bool well;
    _Atomic int64_t well_at;
    _Atomic int64_t turned_at;

    /* the thread's own */
    pthread_t thread;
    struct command_list pending;
    struct command **batch;
    bool failing;
    bool lost;        /* whether the last batch was committed can't be told */
    int64_t n_failed; /* tries; while failing */
    int64_t retry_at; /* monotonic; while failing */
    int64_t tried_at; /* monotonic */
};

static struct metric batch_size =
    METRIC_SIZE_INIT("coffeeshop_writer_batch_size", "Commands in a batch of the writer.");
static struct metric commit_seconds =
    METRIC_DURATION_INIT("coffeeshop_writer_commit_seconds", "Time to load, decide and commit a batch.");
static struct metric queue_length =
    METRIC_GAUGE_INIT("coffeeshop_writer_queue_length", "Commands waiting for the writer.");
static struct metric failures =
    METRIC_COUNTER_INIT("coffeeshop_writer_failures_total", "Batches that could not be committed.");

/* --- ends --- */

static void let_go(const struct command *command)
{
    if (command->waiting)
        atomic_fetch_sub_explicit(command->waiting, 1, memory_order_release);
}

static void end(struct command *command, int rc)
{
    let_go(command);
    command->finish(command, rc);
}

static void end_all(struct command_list *list, int rc)
{
    while (list->first)
        end(command_list_shift(list), rc);
}

/* --- waiting --- */

static void sleep_until(struct writer *writer, int64_t deadline)
{
    struct timespec until = {.tv_sec = (time_t)(deadline / US_PER_S), .tv_nsec = (long)(deadline % US_PER_S) * 1000};

    pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
}

/* Sleeps until the deadline, stop, or a post that matters. The lock is held. A wake-up too early is harmless: the
 * loop looks again at everything. */
static void await(struct writer *writer, int64_t deadline, size_t wake_at, bool wake_for_client)
{
    writer->asleep = true;
    writer->wake_at = wake_at;
    writer->wake_for_client = wake_for_client;
    while (writer->asleep && !writer->stopping && clock_monotonic() < deadline)
        sleep_until(writer, deadline);
    writer->asleep = false;
}

static void swap_queue(struct writer *writer)
{
    command_list_append(&writer->pending, writer->queue.first, writer->queue.last, writer->queue.n);
    writer->queue = (struct command_list){0};
}

/* The moment (monotonic) at which the core wants to run without commands. */
static int64_t due_at(struct writer *writer, int64_t now)
{
    int64_t due = writer->core->next_due(writer->core);

    if (due == TIME_NEVER)
        return TIME_NEVER;
    int64_t own = steady_clock_at(&writer->clock, now);
    return now + (due > own ? due - own : 0);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Feed events alone may wait for company; a client never does. */
static bool may_linger(const struct writer *writer, int64_t now, int64_t *until)
{
    if (writer->settings.linger_us <= 0 || writer->pending.n == 0 || writer->stopping)
        return false;
    if (atomic_load_explicit(&writer->clients, memory_order_relaxed) > 0 ||
        writer->pending.n >= (size_t)writer->settings.batch)
        return false;
    *until = writer->pending.first->posted_us + writer->settings.linger_us;
    return now < *until;
}

enum work { WORK_NONE, WORK_FRONT, WORK_CLIENTS };

/* What can be done now; WORK_NONE after having waited a while. The lock is held. */
static enum work next_work_failing(struct writer *writer, int64_t now)
{
    int64_t turn = earlier(writer->retry_at, now + TURN_US);

    if (writer->stopping || now >= writer->retry_at)
        return WORK_FRONT;
    if (atomic_load_explicit(&writer->clients, memory_order_relaxed) == 0) {
        await(writer, turn, SIZE_MAX, true);
        return WORK_NONE;
    }
    if (now < writer->tried_at + FAILING_GAP_US) {
        await(writer, earlier(turn, writer->tried_at + FAILING_GAP_US), SIZE_MAX, false);
        return WORK_NONE;
    }
    return WORK_CLIENTS;
}

static enum work next_work(struct writer *writer)
{
    int64_t now = clock_monotonic();
    int64_t until;

    atomic_store_explicit(&writer->turned_at, now, memory_order_relaxed);
    swap_queue(writer);
    if (writer->failing)
        return next_work_failing(writer, now);
    if (may_linger(writer, now, &until)) {
        await(writer, until, (size_t)writer->settings.batch - writer->pending.n, true);
        return WORK_NONE;
    }
    if (writer->pending.n > 0)
        return WORK_FRONT;
    if (writer->stopping)
        return WORK_NONE;
    int64_t due = due_at(writer, now);
    if (due <= now)
        return WORK_FRONT; /* a batch of none */
    await(writer, earlier(due, now + TURN_US), 1, true);
    return WORK_NONE;
}

/* --- batches --- */

/* The first commands of `pending`; of the clients' only, when `clients_only`. */
static size_t cut_batch(struct writer *writer, bool clients_only)
{
    struct command_list all = writer->pending;
    struct command_list rest = {0};
    size_t n = 0;
    int64_t clients = 0;

    while (all.first && n < (size_t)writer->settings.batch) {
        struct command *command = command_list_shift(&all);
        if (clients_only && command->origin != FROM_CLIENT) {
            command_list_append(&rest, command, command, 1);
            continue;
        }
        clients += command->origin == FROM_CLIENT;
        command->kept =
            false; /* a kept one may be back before the batch that kept it was ended: only now is that over */
        writer->batch[n++] = command;
    }
    command_list_append(&rest, all.first, all.last, all.n);
    writer->pending = rest;
    atomic_fetch_sub_explicit(&writer->clients, clients, memory_order_relaxed);
    return n;
}

static void end_batch(struct writer *writer, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (writer->batch[i]->kept)
            let_go(writer->batch[i]); /* the core ends it, later */
        else
            end(writer->batch[i], OK);
    }
}

/* Clients learn it; the others go back to where they were. */
static void give_back(struct writer *writer, size_t n, int rc)
{
    struct command_list kept = {0};

    for (size_t i = 0; i < n; i++) {
        writer->batch[i]->kept = false; /* nothing of the batch has happened, neither has that */
        if (writer->batch[i]->origin == FROM_CLIENT)
            end(writer->batch[i], rc);
        else
            command_list_append(&kept, writer->batch[i], writer->batch[i], 1);
    }
    command_list_append(&kept, writer->pending.first, writer->pending.last, writer->pending.n);
    writer->pending = kept;
}

static void note_success(struct writer *writer, int64_t now)
{
    if (writer->failing)
        log_info("commits succeed again", LOG_I("failed", writer->n_failed), LOG_I("kept", writer->pending.n));
    writer->failing = false;
    writer->n_failed = 0;
    atomic_store_explicit(&writer->well_at, now, memory_order_relaxed);
    atomic_store_explicit(&writer->well, true, memory_order_relaxed);
}

static void note_failure(struct writer *writer, int64_t now, bool clients_only, int rc)
{
    metric_add(&failures, 1);
    writer->n_failed++;
    if (rc == E_OUTCOME_UNKNOWN)
        log_error("it is not known whether a batch was committed: nothing is done any more");
    else if (!writer->failing)
        log_error("a batch could not be committed", LOG_T("error", error_name(rc)), LOG_T("text", error_text(rc)));
    if (!writer->failing || !clients_only)
        writer->retry_at = now + writer->settings.retry_ms * US_PER_MS;
    writer->failing = true;
    writer->lost = rc == E_OUTCOME_UNKNOWN;
    writer->tried_at = now;
    atomic_store_explicit(&writer->well, false, memory_order_relaxed);
}

static int run_core(struct writer *writer, size_t n, int64_t now)
{
    struct store *store = writer->settings.store;
    int rc = writer->failing && store ? store->probe(store) : OK;

    return rc ? rc : writer->core->run(writer->core, writer->batch, n, now);
}

static int run_batch(struct writer *writer, bool clients_only)
{
    size_t n = cut_batch(writer, clients_only);
    int64_t began = clock_monotonic();
    int64_t now = steady_clock_at(&writer->clock, began);

    metric_set(&queue_length, (int64_t)writer->pending.n);
    writer->core->wall_ahead = clock_wall() - now;
    int rc = run_core(writer, n, now);
    int64_t ended = clock_monotonic();
    if (n > 0) {
        metric_observe(&batch_size, (int64_t)n);
        metric_observe(&commit_seconds, ended - began);
    }
    if (rc == OK) {
        end_batch(writer, n);
        note_success(writer, ended);
    } else {
        give_back(writer, n, rc);
        note_failure(writer, ended, clients_only, rc);
    }
    return rc;
}

/* The clients that wait learn it at once; then it sleeps. The lock is held. */
static void refuse_clients(struct writer *writer)
{
    int64_t now = clock_monotonic();
    int rc = writer->barred;

    atomic_store_explicit(&writer->turned_at, now, memory_order_relaxed);
    atomic_store_explicit(&writer->well, false, memory_order_relaxed);
    swap_queue(writer);
    if (atomic_load_explicit(&writer->clients, memory_order_relaxed) == 0) {
        await(writer, now + TURN_US, SIZE_MAX, true);
        return;
    }
    pthread_mutex_unlock(&writer->lock);
    give_back(writer, cut_batch(writer, true), rc);
    pthread_mutex_lock(&writer->lock);
}

/* Whether all is done that a stop has to wait for. The lock is held. */
static bool is_done(const struct writer *writer)
{
    return writer->stopping && writer->pending.n == 0 && writer->queue.n == 0;
}

static void *run(void *argument)
{
    struct writer *writer = argument;

    pthread_mutex_lock(&writer->lock);
    while (!is_done(writer)) {
        if (writer->barred) {
            if (writer->stopping)
                break;
            refuse_clients(writer);
            continue;
        }
        enum work work = next_work(writer);
        if (work == WORK_NONE)
            continue;
        bool stopping = writer->stopping;
        pthread_mutex_unlock(&writer->lock);
        int rc = run_batch(writer, work == WORK_CLIENTS);
        pthread_mutex_lock(&writer->lock);
        /* Told to end, and the store doesn't work; or it isn't known what is in it. What is left is not lost, its
         * cursor has not moved as far as anybody has heard. */
        if (rc != OK && (stopping || writer->lost))
            break;
    }
    swap_queue(writer);
    writer->over = true;
    pthread_mutex_unlock(&writer->lock);
    end_all(&writer->pending, E_CLOSING);
    if (writer->lost && writer->settings.on_lost)
        writer->settings.on_lost(writer->settings.context);
    return NULL;
}

/* --- posting --- */

/* Called with the lock, gives it back. */
static void enqueue(struct writer *writer, struct command *first, struct command *last, size_t n, bool client)
{
    command_list_append(&writer->queue, first, last, n);
    bool wake = writer->asleep && ((client && writer->wake_for_client) || writer->queue.n >= writer->wake_at);
    if (wake)
        writer->asleep = false;
    pthread_mutex_unlock(&writer->lock);
    if (wake)
        pthread_cond_signal(&writer->wake);
}

int writer_post(struct writer *writer, struct command *command)
{
    if (command->origin != FROM_CLIENT) {
        writer_post_list(writer, command, command, 1);
        return OK;
    }
    command->posted_us = clock_monotonic();
    pthread_mutex_lock(&writer->lock);
    int rc = OK;
    if (writer->stopping || writer->over)
        rc = E_CLOSING;
    else if (writer->barred)
        rc = writer->barred;
    else if (atomic_load_explicit(&writer->clients, memory_order_relaxed) >= writer->settings.queue)
        rc = E_BUSY;
    if (rc != OK) {
        pthread_mutex_unlock(&writer->lock);
        return rc;
    }
    atomic_fetch_add_explicit(&writer->clients, 1, memory_order_relaxed);
    enqueue(writer, command, command, 1, true);
    return OK;
}

void writer_post_list(struct writer *writer, struct command *first, struct command *last, size_t n)
{
    int64_t now = clock_monotonic();

    if (n == 0)
        return;
    last->next = NULL;
    for (struct command *command = first; command; command = command->next) {
        ASSERT(command->origin != FROM_CLIENT);
        command->posted_us = now;
    }
    pthread_mutex_lock(&writer->lock);
    if (!writer->over) {
        enqueue(writer, first, last, n, false);
        return;
    }
    pthread_mutex_unlock(&writer->lock);
    struct command_list late = {first, last, n};
    end_all(&late, E_CLOSING);
}

void writer_bar(struct writer *writer, int rc)
{
    pthread_mutex_lock(&writer->lock);
    writer->barred = rc;
    pthread_mutex_unlock(&writer->lock);
    pthread_cond_signal(&writer->wake);
}

/* --- life --- */

static void free_parts(struct writer *writer)
{
    heap_free(writer->batch);
    heap_free(writer);
}

struct writer *writer_new(const struct writer_settings *settings, struct core *core)
{
    ASSERT(settings->batch > 0 && settings->queue > 0 && settings->retry_ms >= 0);
    ASSERT(core->run && core->next_due);
    struct writer *writer = heap_alloc(sizeof(*writer));
    if (!writer)
        return NULL;
    writer->settings = *settings;
    writer->core = core;
    writer->clock = settings->clock ? *settings->clock : steady_clock_start();
    writer->batch = heap_alloc(sizeof(struct command *) * (size_t)settings->batch);
    if (!writer->batch) {
        free_parts(writer);
        return NULL;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&writer->lock, NULL);
    atomic_store(&writer->well, true);
    atomic_store(&writer->well_at, clock_monotonic());
    atomic_store(&writer->turned_at, clock_monotonic());
    metric_register(&batch_size);
    metric_register(&commit_seconds);
    metric_register(&queue_length);
    metric_register(&failures);
    return writer;
}

int writer_start(struct writer *writer)
{
    sigset_t all;
    sigset_t before;

    ASSERT(!writer->started);
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&writer->thread, NULL, run, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return E_SYSTEM;
    pthread_setname_np(writer->thread, "writer");
    writer->started = true;
    return OK;
}

void writer_stop(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    if (!writer->started)
        writer->over = true;
    pthread_mutex_unlock(&writer->lock);
    pthread_cond_signal(&writer->wake);
    if (writer->started) {
        pthread_join(writer->thread, NULL);
        writer->started = false;
    }
    end_all(&writer->queue, E_CLOSING);
}

void writer_free(struct writer *writer)
{
    if (!writer)
        return;
    writer_stop(writer);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    free_parts(writer);
}

bool writer_is_well(const struct writer *writer, int64_t *since)
{
    *since = atomic_load_explicit(&writer->well_at, memory_order_relaxed);
    return atomic_load_explicit(&writer->well, memory_order_relaxed);
}

int64_t writer_turned_at(const struct writer *writer)
{
    return atomic_load_explicit(&writer->turned_at, memory_order_relaxed);
}
