/* reader.c: two threads and a lock.
 *
 * The reader runs one job after the other. The watchdog interrupts a job that takes too long: it sleeps until the limit
 * of the job it saw last, and without a limit when there was none. So a job that is done in time costs it nothing: it
 * is woken only when it sleeps without a limit. */
#include "reader.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"

#include <pthread.h>

enum { INTERRUPT_AGAIN_MS = 10 }; /* a statement that begins later in the same read is interrupted so much later */

struct reader {
    struct sql *sql;
    int64_t query_ms;
    size_t most_waiting;
    pthread_t thread, watchdog;
    pthread_mutex_t lock;
    pthread_cond_t work;  /* something waits, or it is the end */
    pthread_cond_t watch; /* for a watchdog that is asleep: a read began, or it is the end */
    /* under the lock */
    struct read_job *first, **last;
    size_t waiting;
    int64_t limit; /* of what is being read, monotonic us; 0: nothing is */
    bool asleep;   /* the watchdog, without a limit */
    bool stopping;
    bool over; /* nothing will be read any more */
};

static void run_one(struct reader *reader, struct read_job *job)
{
    reader->limit = job->posted_us + reader->query_ms * US_PER_MS;
    if (reader->asleep)
        pthread_cond_signal(&reader->watch);
    pthread_mutex_unlock(&reader->lock);
    job->run(job, reader->sql);
    pthread_mutex_lock(&reader->lock);
    reader->limit = 0;
}

static struct read_job *take(struct reader *reader)
{
    struct read_job *job = reader->first;

    reader->first = job->next;
    if (!reader->first)
        reader->last = &reader->first;
    reader->waiting--;
    return job;
}

static void *read_on(void *context)
{
    struct reader *reader = context;

    pthread_mutex_lock(&reader->lock);
    while (reader->first || !reader->stopping) {
        if (reader->first)
            run_one(reader, take(reader));
        else
            pthread_cond_wait(&reader->work, &reader->lock);
    }
    reader->over = true;
    pthread_cond_signal(&reader->watch);
    pthread_mutex_unlock(&reader->lock);
    return NULL;
}

static void sleep_until(struct reader *reader, int64_t until)
{
    struct timespec then = {.tv_sec = (time_t)(until / US_PER_S), .tv_nsec = (long)(until % US_PER_S) * 1000};

    pthread_cond_timedwait(&reader->watch, &reader->lock, &then);
}

static void *watch_over(void *context)
{
    struct reader *reader = context;

    pthread_mutex_lock(&reader->lock);
    while (!reader->over) {
        int64_t now = clock_monotonic();
        if (reader->limit == 0) {
            reader->asleep = true;
            pthread_cond_wait(&reader->watch, &reader->lock);
            reader->asleep = false;
        } else if (now < reader->limit) {
            sleep_until(reader, reader->limit);
        } else {
            reader->sql->interrupt(reader->sql); /* with the lock, so that it can't hit the next read */
            sleep_until(reader, now + INTERRUPT_AGAIN_MS * US_PER_MS);
        }
    }
    pthread_mutex_unlock(&reader->lock);
    return NULL;
}

static void init_locks(struct reader *reader)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&reader->lock, NULL);
    pthread_cond_init(&reader->work, &monotonic);
    pthread_cond_init(&reader->watch, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void free_parts(struct reader *reader)
{
    pthread_cond_destroy(&reader->work);
    pthread_cond_destroy(&reader->watch);
    pthread_mutex_destroy(&reader->lock);
    reader->sql->close(reader->sql);
    heap_free(reader);
}

static void tell_to_stop(struct reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    reader->stopping = true;
    pthread_cond_signal(&reader->work);
    pthread_mutex_unlock(&reader->lock);
    pthread_join(reader->thread, NULL);
}

struct reader *reader_new(struct sql *sql, int64_t query_ms, size_t most_waiting)
{
    struct reader *reader = heap_alloc(sizeof(*reader));

    if (!reader) {
        sql->close(sql);
        return NULL;
    }
    *reader = (struct reader){.sql = sql, .query_ms = query_ms, .most_waiting = most_waiting};
    reader->last = &reader->first;
    init_locks(reader);
    if (pthread_create(&reader->thread, NULL, read_on, reader)) {
        free_parts(reader);
        return NULL;
    }
    if (pthread_create(&reader->watchdog, NULL, watch_over, reader)) {
        tell_to_stop(reader);
        free_parts(reader);
        return NULL;
    }
    pthread_setname_np(reader->thread, "reader");
    pthread_setname_np(reader->watchdog, "watchdog");
    return reader;
}

bool reader_post(struct reader *reader, struct read_job *job)
{
    job->next = NULL;
    job->posted_us = clock_monotonic();
    pthread_mutex_lock(&reader->lock);
    bool taken = reader->waiting < reader->most_waiting && !reader->stopping;
    if (taken) {
        *reader->last = job;
        reader->last = &job->next;
        reader->waiting++;
        pthread_cond_signal(&reader->work);
    }
    pthread_mutex_unlock(&reader->lock);
    return taken;
}

void reader_serve(struct reader *reader, struct http_request *request, struct read_job *job)
{
    if (reader_post(reader, job))
        return;
    http_fill_failure(request, E_BUSY);
    http_reply(request);
}

void reader_stop(struct reader *reader)
{
    if (reader->stopping)
        return; /* only this thread ever says so */
    tell_to_stop(reader);
    pthread_join(reader->watchdog, NULL);
}

void reader_free(struct reader *reader)
{
    if (!reader)
        return;
    reader_stop(reader);
    free_parts(reader);
}
