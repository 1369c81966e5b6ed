#include "reader.h"

#include "alloc.h"
#include "clock.h"

#include <pthread.h>

struct reader {
    struct sql *sql;
    int64_t query_ms;
    size_t most_waiting;
    pthread_t thread, watchdog;
    pthread_mutex_t lock;
    pthread_cond_t work;  /* something waits, or it is the end */
    pthread_cond_t watch; /* a read began or ended */
    struct read_job *first, **last;
    size_t waiting;
    int64_t reading_since; /* monotonic; 0: nothing is being read */
    bool stopping;
};

static void run_one(struct reader *reader, struct read_job *job)
{
    reader->reading_since = clock_monotonic();
    pthread_cond_signal(&reader->watch);
    pthread_mutex_unlock(&reader->lock);
    job->run(job, reader->sql);
    pthread_mutex_lock(&reader->lock);
    reader->reading_since = 0;
    pthread_cond_signal(&reader->watch);
}

static void *read_on(void *context)
{
    struct reader *reader = context;

    pthread_mutex_lock(&reader->lock);
    for (;;) {
        struct read_job *job = reader->first;
        if (job) {
            reader->first = job->next;
            if (!reader->first)
                reader->last = &reader->first;
            reader->waiting--;
            run_one(reader, job);
        } else if (reader->stopping) {
            break;
        } else {
            pthread_cond_wait(&reader->work, &reader->lock);
        }
    }
    reader->reading_since = -1; /* the watchdog ends too */
    pthread_cond_signal(&reader->watch);
    pthread_mutex_unlock(&reader->lock);
    return NULL;
}

static struct timespec at(int64_t monotonic_us)
{
    return (struct timespec){.tv_sec = monotonic_us / US_PER_S, .tv_nsec = monotonic_us % US_PER_S * 1000};
}

/* Interrupts a read that takes too long. It holds the lock while it does, so it can't hit the next read. */
static void *watch_over(void *context)
{
    struct reader *reader = context;

    pthread_mutex_lock(&reader->lock);
    while (reader->reading_since >= 0) {
        int64_t since = reader->reading_since;
        int64_t limit = since + reader->query_ms * US_PER_MS;
        if (since == 0) {
            pthread_cond_wait(&reader->watch, &reader->lock);
        } else if (clock_monotonic() >= limit) {
            reader->sql->interrupt(reader->sql);
            /* A statement that begins later in the same read is interrupted a little later. */
            struct timespec soon = at(clock_monotonic() + 10 * US_PER_MS);
            pthread_cond_timedwait(&reader->watch, &reader->lock, &soon);
        } else {
            struct timespec then = at(limit);
            pthread_cond_timedwait(&reader->watch, &reader->lock, &then);
        }
    }
    pthread_mutex_unlock(&reader->lock);
    return NULL;
}

struct reader *reader_new(struct sql *sql, int64_t query_ms, size_t most_waiting)
{
    struct reader *reader = heap_alloc(sizeof(*reader));
    pthread_condattr_t monotonic;

    if (!reader)
        return NULL;
    *reader = (struct reader){.sql = sql, .query_ms = query_ms, .most_waiting = most_waiting};
    reader->last = &reader->first;
    pthread_mutex_init(&reader->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&reader->work, &monotonic);
    pthread_cond_init(&reader->watch, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&reader->thread, NULL, read_on, reader)) {
        heap_free(reader);
        return NULL;
    }
    if (pthread_create(&reader->watchdog, NULL, watch_over, reader)) {
        reader->stopping = true;
        pthread_cond_signal(&reader->work);
        pthread_join(reader->thread, NULL);
        heap_free(reader);
        return NULL;
    }
    return reader;
}

bool reader_post(struct reader *reader, struct read_job *job)
{
    pthread_mutex_lock(&reader->lock);
    bool taken = reader->waiting < reader->most_waiting && !reader->stopping;
    if (taken) {
        job->next = NULL;
        *reader->last = job;
        reader->last = &job->next;
        reader->waiting++;
        pthread_cond_signal(&reader->work);
    }
    pthread_mutex_unlock(&reader->lock);
    return taken;
}

void reader_free(struct reader *reader)
{
    if (!reader)
        return;
    pthread_mutex_lock(&reader->lock);
    reader->stopping = true;
    pthread_cond_signal(&reader->work);
    pthread_mutex_unlock(&reader->lock);
    pthread_join(reader->thread, NULL);
    pthread_join(reader->watchdog, NULL);
    pthread_cond_destroy(&reader->work);
    pthread_cond_destroy(&reader->watch);
    pthread_mutex_destroy(&reader->lock);
    reader->sql->close(reader->sql);
    heap_free(reader);
}
