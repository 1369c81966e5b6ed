/* writer.c: the thread, and those who post to it.
 *
 * When it can't be told whether a batch was committed (`lost`), or the store is gone (`barred`), there is no way on
 * from here: the first ends the thread, the second leaves it turning and refuses all changes. */
#include "writer_internal.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "store.h"

#include <pthread.h>
#include <signal.h>

/* The clients that wait learn it at once; then it sleeps. The lock is held. */
static void refuse_clients(struct writer *writer)
{
    int64_t now = clock_monotonic();
    int rc = writer->barred;

    atomic_store_explicit(&writer->turned_at, now, memory_order_relaxed);
    atomic_store_explicit(&writer->trouble, writer->lost ? E_OUTCOME_UNKNOWN : rc, memory_order_relaxed);
    writer_swap_queue(writer);
    if (atomic_load_explicit(&writer->clients, memory_order_relaxed) == 0) {
        writer_await(writer, now + WRITER_TURN_US, SIZE_MAX, true);
        return;
    }
    pthread_mutex_unlock(&writer->lock);
    writer_refuse_waiting(writer, rc);
    pthread_mutex_lock(&writer->lock);
}

/* Whether all is done that a stop has to wait for. The lock is held. */
static bool is_done(const struct writer *writer)
{
    return writer->stopping && writer->pending.n == 0 && writer->queue.n == 0;
}

/* The lock is held, but not while it looks. */
static void look(struct writer *writer)
{
    bool asked = writer->asked;

    writer->asked = false;
    pthread_mutex_unlock(&writer->lock);
    int rc = writer_look(writer);
    if (asked && rc == OK)
        writer->settings.on_asked(writer->settings.context);
    pthread_mutex_lock(&writer->lock);
    writer->asked |= asked && rc != OK;
}

/* Whether there is an end to it. The lock is held, but not while it works. */
static bool work(struct writer *writer)
{
    enum writer_work work = writer_next_work(writer);
    bool stopping = writer->stopping;
    int rc = OK;

    if (work == WRITER_WORK_LOOK) {
        look(writer);
        return false;
    }
    if (work == WRITER_WORK_NONE) {
        writer_settle(writer, clock_monotonic());
        return false;
    }
    pthread_mutex_unlock(&writer->lock);
    rc = writer_run_batch(writer, work == WRITER_WORK_CLIENTS);
    pthread_mutex_lock(&writer->lock);
    /* Told to end, and the store doesn't work; or it isn't known what is in it. What is left is not lost, its
     * cursor has not moved as far as anybody has heard. */
    return rc != OK && (stopping || writer->lost);
}

/* It isn't known what is in the store, and that can be asked only when its server is there again. The lock is held. */
static void wait_for_server(struct writer *writer)
{
    struct store *store = writer->settings.store;
    bool there = !store || !store->look;

    writer->barred = E_UNAVAILABLE;
    while (!there && !writer->stopping) {
        refuse_clients(writer);
        pthread_mutex_unlock(&writer->lock);
        there = store->look(store) == OK;
        pthread_mutex_lock(&writer->lock);
    }
}

static void *run(void *argument)
{
    struct writer *writer = argument;
    bool over = false;

    pthread_mutex_lock(&writer->lock);
    while (!over && !is_done(writer)) {
        if (!writer->barred)
            over = work(writer);
        else if (writer->stopping)
            over = true;
        else
            refuse_clients(writer);
    }
    if (writer->lost)
        wait_for_server(writer);
    writer_swap_queue(writer);
    writer->over = true;
    pthread_mutex_unlock(&writer->lock);
    writer_end_all(&writer->pending, E_CLOSING);
    if (writer->lost && writer->settings.on_lost)
        writer->settings.on_lost(writer->settings.context);
    return NULL;
}

/* --- posting --- */

/* Called with the lock, gives it back. `prompt`: how many of them don't linger. */
static void enqueue(struct writer *writer, struct command *first, struct command *last, size_t n, size_t prompt)
{
    command_list_append(&writer->queue, first, last, n);
    if (prompt)
        atomic_fetch_add_explicit(&writer->prompt, (int64_t)prompt, memory_order_relaxed);
    bool wake = writer->asleep && ((prompt && writer->wake_for_client) || writer->queue.n >= writer->wake_at);
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
    enqueue(writer, command, command, 1, 1);
    return OK;
}

static void post_list(struct writer *writer, struct command *first, struct command *last, size_t n, bool client)
{
    int64_t now = clock_monotonic();
    size_t prompt = 0;

    if (n == 0)
        return;
    last->next = NULL;
    for (struct command *command = first; command; command = command->next) {
        ASSERT((command->origin == FROM_CLIENT) == client);
        command->posted_us = now;
        prompt += command->origin != FROM_FEED;
    }
    pthread_mutex_lock(&writer->lock);
    if (!writer->over) {
        if (client)
            atomic_fetch_add_explicit(&writer->clients, (int64_t)n, memory_order_relaxed);
        enqueue(writer, first, last, n, prompt);
        return;
    }
    pthread_mutex_unlock(&writer->lock);
    struct command_list late = {first, last, n};
    writer_end_all(&late, E_CLOSING);
}

void writer_post_list(struct writer *writer, struct command *first, struct command *last, size_t n)
{
    post_list(writer, first, last, n, false);
}

void writer_post_again(struct writer *writer, struct command *first, struct command *last, size_t n)
{
    post_list(writer, first, last, n, true);
}

void writer_bar(struct writer *writer, int rc)
{
    pthread_mutex_lock(&writer->lock);
    writer->barred = rc;
    pthread_mutex_unlock(&writer->lock);
    pthread_cond_signal(&writer->wake);
}

void writer_ask_store(struct writer *writer)
{
    ASSERT(writer->settings.store && writer->settings.store->look && writer->settings.on_asked);
    pthread_mutex_lock(&writer->lock);
    writer->asked = true;
    writer->asleep = false;
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
    ASSERT(core->decide && core->next_due);
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
    atomic_store(&writer->well_at, clock_monotonic());
    atomic_store(&writer->turned_at, clock_monotonic());
    writer_register_metrics();
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
    writer_end_all(&writer->queue, E_CLOSING);
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
    return writer_trouble(writer) == OK;
}

int writer_trouble(const struct writer *writer)
{
    return atomic_load_explicit(&writer->trouble, memory_order_relaxed);
}

int writer_trouble_lately(const struct writer *writer)
{
    int64_t at = atomic_load_explicit(&writer->partial_at, memory_order_relaxed);
    int trouble = writer_trouble(writer);

    if (trouble || !at || clock_monotonic() >= at + writer->settings.unwell_ms * US_PER_MS)
        return trouble;
    return atomic_load_explicit(&writer->partial, memory_order_relaxed);
}

int64_t writer_turned_at(const struct writer *writer)
{
    return atomic_load_explicit(&writer->turned_at, memory_order_relaxed);
}
