/* reader.c: lanes, each of two threads and a lock.
 *
 * The reader of a lane runs one job after the other. The watchdog interrupts a job that takes too long: it sleeps until
 * the limit of the job it saw last, and without a limit when there was none. So a job that is done in time costs it
 * nothing: it is woken only when it sleeps without a limit. */
#include "reader.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "program.h"
#include "read_queue.h"

#include <pthread.h>

enum { INTERRUPT_AGAIN_MS = 10 }; /* a statement that begins later in the same read is interrupted so much later */

struct lane {
    struct sql *sql;
    int64_t query_ms;
    pthread_t thread, watchdog;
    pthread_mutex_t lock;
    pthread_cond_t work;  /* something waits, or it is the end */
    pthread_cond_t watch; /* for a watchdog that is asleep: a read began, or it is the end */
    /* under the lock */
    struct read_queue queue;
    int64_t limit; /* of what is being read, monotonic us; 0: nothing is */
    bool asleep;   /* the watchdog, without a limit */
    bool stopping;
    bool over; /* nothing will be read any more */
};

struct reader {
    struct lane quick, slow;
    struct lane rows;    /* when `has_rows` */
    bool has_rows;       /* otherwise the loop reads single rows … */
    struct sql *at_once; /* … by this */
    int64_t quick_rows;
    bool stopped;
};

static void run_one(struct lane *lane, struct read_job *job)
{
    job->until_us = job->posted_us + lane->query_ms * US_PER_MS;
    lane->limit = lane->sql ? job->until_us : 0;
    if (lane->limit && lane->asleep)
        pthread_cond_signal(&lane->watch);
    pthread_mutex_unlock(&lane->lock);
    job->run(job, lane->sql);
    pthread_mutex_lock(&lane->lock);
    lane->limit = 0;
}

static void *read_on(void *context)
{
    struct lane *lane = context;

    pthread_mutex_lock(&lane->lock);
    for (;;) {
        struct read_job *job = read_queue_take(&lane->queue);
        if (job)
            run_one(lane, job);
        else if (lane->stopping)
            break;
        else
            pthread_cond_wait(&lane->work, &lane->lock);
    }
    lane->over = true;
    pthread_cond_signal(&lane->watch);
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}

static void sleep_until(struct lane *lane, int64_t until)
{
    struct timespec then = {.tv_sec = (time_t)(until / US_PER_S), .tv_nsec = (long)(until % US_PER_S) * 1000};

    pthread_cond_timedwait(&lane->watch, &lane->lock, &then);
}

static void *watch_over(void *context)
{
    struct lane *lane = context;

    pthread_mutex_lock(&lane->lock);
    while (!lane->over) {
        int64_t now = clock_monotonic();
        if (lane->limit == 0) {
            lane->asleep = true;
            pthread_cond_wait(&lane->watch, &lane->lock);
            lane->asleep = false;
        } else if (now < lane->limit) {
            sleep_until(lane, lane->limit);
        } else {
            lane->sql->interrupt(lane->sql); /* with the lock, so that it can't hit the next read */
            sleep_until(lane, now + INTERRUPT_AGAIN_MS * US_PER_MS);
        }
    }
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}

static void init_locks(struct lane *lane)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->work, &monotonic);
    pthread_cond_init(&lane->watch, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void stop_reading(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->stopping = true;
    pthread_cond_signal(&lane->work);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
}

static void destroy_locks(struct lane *lane)
{
    pthread_cond_destroy(&lane->work);
    pthread_cond_destroy(&lane->watch);
    pthread_mutex_destroy(&lane->lock);
}

/* ---- a lane's life ---- */

/* `name` of its thread. The connection stays the caller's when it fails. */
static bool lane_start(struct lane *lane, struct sql *sql, const struct reader_limits *limits, const char *name)
{
    *lane = (struct lane){
        .sql = sql,
        .query_ms = limits->query_ms,
        .queue = {.most = (size_t)limits->most_waiting, .per_address = (size_t)limits->waiting_per_address}};
    init_locks(lane);
    if (pthread_create(&lane->thread, NULL, read_on, lane)) {
        destroy_locks(lane);
        return false;
    }
    if (pthread_create(&lane->watchdog, NULL, watch_over, lane)) {
        stop_reading(lane);
        destroy_locks(lane);
        return false;
    }
    pthread_setname_np(lane->thread, name);
    pthread_setname_np(lane->watchdog, "watchdog");
    return true;
}

static void lane_stop(struct lane *lane)
{
    stop_reading(lane);
    pthread_join(lane->watchdog, NULL);
}

/* ---- both ---- */

static struct reader *start(struct sql *quick, struct sql *slow, const struct reader_limits *limits)
{
    struct reader *reader = heap_alloc(sizeof(*reader));

    if (!reader)
        return NULL;
    reader->quick_rows = limits->quick_rows;
    if (!lane_start(&reader->quick, quick, limits, "reader")) {
        heap_free(reader);
        return NULL;
    }
    if (!lane_start(&reader->slow, slow, limits, "slow-reader")) {
        lane_stop(&reader->quick);
        destroy_locks(&reader->quick);
        heap_free(reader);
        return NULL;
    }
    return reader;
}

struct reader_limits reader_limits_of(const struct common_settings *common)
{
    return (struct reader_limits){
        .query_ms = common->query_ms,
        .quick_rows = common->list_quick_rows,
        .most_waiting = common->list_max_waiting,
        .waiting_per_address = common->list_waiting_per_address,
        .most_rows = common->http.max_connections,
    };
}

static void close_connection(struct sql *sql)
{
    if (sql)
        sql->close(sql);
}

struct reader *reader_new(struct sql *quick, struct sql *slow, const struct reader_limits *limits)
{
    struct reader *reader = start(quick, slow, limits);

    if (!reader) {
        close_connection(quick);
        close_connection(slow);
    }
    return reader;
}

void reader_rows_at_once(struct reader *reader, struct sql *sql)
{
    reader->at_once = sql;
}

bool reader_rows_apart(struct reader *reader, struct sql *sql, const struct reader_limits *limits)
{
    struct reader_limits rows = *limits;

    rows.most_waiting = rows.waiting_per_address = limits->most_rows; /* each is as small as any other */
    reader->has_rows = lane_start(&reader->rows, sql, &rows, "row-reader");
    if (!reader->has_rows)
        close_connection(sql);
    return reader->has_rows;
}

static bool post(struct lane *lane, struct read_job *job, struct read_job **pushed_out)
{
    *pushed_out = NULL;
    job->posted_us = clock_monotonic();
    pthread_mutex_lock(&lane->lock);
    bool taken = !lane->stopping && read_queue_add(&lane->queue, job, pushed_out);
    if (taken)
        pthread_cond_signal(&lane->work);
    pthread_mutex_unlock(&lane->lock);
    return taken;
}

static struct lane *lane_of(struct reader *reader, const struct read_job *job)
{
    return job->rows > reader->quick_rows ? &reader->slow : &reader->quick;
}

bool reader_post(struct reader *reader, struct read_job *job, struct read_job **pushed_out)
{
    return post(lane_of(reader, job), job, pushed_out);
}

static void refuse(struct read_job *job)
{
    if (job->refused) {
        job->refused(job);
        return;
    }
    http_fill_failure(job->request, E_BUSY);
    http_reply(job->request);
}

static void post_or_refuse(struct lane *lane, struct read_job *job)
{
    struct read_job *pushed_out;

    if (!post(lane, job, &pushed_out))
        refuse(job);
    if (pushed_out)
        refuse(pushed_out);
}

void reader_serve(struct reader *reader, struct http_request *request, struct read_job *job)
{
    job->request = request;
    job->from = http_client_address(request);
    post_or_refuse(lane_of(reader, job), job);
}

struct row_job {
    struct read_job base;
    row_read *read;
    void *context;
};

static void read_row(struct read_job *base, struct sql *sql)
{
    struct row_job *job = CONTAINER_OF(base, struct row_job, base);

    if (clock_monotonic() < base->until_us) {
        job->read(job->context, base->request, sql);
        return;
    }
    http_fill_failure(base->request, E_TIMEOUT); /* others had to be waited for, and nobody waits longer */
    http_reply(base->request);
}

static void serve_row_apart(struct reader *reader, struct http_request *request, row_read *read, void *context)
{
    struct row_job *job = ARENA_NEW(&request->arena, struct row_job);

    if (!job) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    *job = (struct row_job){.base = {.run = read_row, .request = request, .from = http_client_address(request)},
                            .read = read,
                            .context = context};
    post_or_refuse(&reader->rows, &job->base);
}

void reader_post_row(struct reader *reader, struct read_job *job)
{
    ASSERT(reader->has_rows);
    job->from = (struct http_address){.local = true}; /* our own */
    post_or_refuse(&reader->rows, job);
}

void reader_post_list(struct reader *reader, struct read_job *job)
{
    job->from = (struct http_address){.local = true};
    post_or_refuse(lane_of(reader, job), job);
}

static void bring_back(struct loop_job *job)
{
    struct row_reading *reading = CONTAINER_OF(job, struct row_reading, back);

    reading->done(reading, reading->error);
}

static void read_apart(struct read_job *job, struct sql *sql)
{
    struct row_reading *reading = CONTAINER_OF(job, struct row_reading, job);

    reading->error = reading->read(reading, sql);
    loop_post(reading->loop, &reading->back);
}

static void refuse_reading(struct read_job *job)
{
    struct row_reading *reading = CONTAINER_OF(job, struct row_reading, job);

    reading->done(reading, E_BUSY);
}

void reader_read_row(struct reader *reader, struct loop *loop, struct row_reading *reading)
{
    if (!reader->has_rows) {
        reading->done(reading, reading->read(reading, reader->at_once));
        return;
    }
    reading->loop = loop;
    reading->back = (struct loop_job){.run = bring_back};
    reading->job = (struct read_job){.run = read_apart, .refused = refuse_reading};
    reader_post_row(reader, &reading->job);
}

void reader_serve_row(struct reader *reader, struct http_request *request, row_read *read, void *context)
{
    if (reader->has_rows)
        serve_row_apart(reader, request, read, context);
    else
        read(context, request, reader->at_once);
}

void reader_stop(struct reader *reader)
{
    if (reader->stopped)
        return;
    lane_stop(&reader->quick);
    lane_stop(&reader->slow);
    if (reader->has_rows)
        lane_stop(&reader->rows);
    reader->stopped = true;
}

static void lane_free(struct lane *lane)
{
    destroy_locks(lane);
    close_connection(lane->sql);
}

void reader_free(struct reader *reader)
{
    if (!reader)
        return;
    reader_stop(reader);
    lane_free(&reader->quick);
    lane_free(&reader->slow);
    if (reader->has_rows)
        lane_free(&reader->rows);
    heap_free(reader);
}
