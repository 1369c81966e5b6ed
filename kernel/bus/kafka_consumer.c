#include "kafka_consumer.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "kafka_intake.h"
#include "log.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BURST = 256, LOOK_MS = 1000, AGAIN_MS = 100, REASON_SIZE = 256, NUMBER_SIZE = 24, ASK_MS = 100 };
static const int64_t note_every_us = 5 * US_PER_S;

struct kafka_consumer {
    struct kafka_intake intake; /* first: it begins with the connection's opaque */
    pthread_t thread;
    bool started;
    int wake_fd;
    pthread_mutex_t lock;
    pthread_cond_t left; /* `busy` has changed */
    /* under the lock */
    bool busy; /* the thread polls and hands over */
    bool stopping;
    /* the thread's */
    int64_t noted_at, asked_at;
};

/* ---- the thread ---- */

static void wake(struct kafka_consumer *consumer)
{
    static const uint64_t one = 1;

    (void)!write(consumer->wake_fd, &one, sizeof(one));
}

/* While it is busy nobody follows or leaves a partition. False: it is to end. */
static bool set_busy(struct kafka_consumer *consumer, bool busy)
{
    pthread_mutex_lock(&consumer->lock);
    consumer->busy = busy;
    bool goes_on = !consumer->stopping;
    pthread_cond_broadcast(&consumer->left);
    pthread_mutex_unlock(&consumer->lock);
    return goes_on;
}

static void lock_idle(struct kafka_consumer *consumer)
{
    pthread_mutex_lock(&consumer->lock);
    while (consumer->busy)
        pthread_cond_wait(&consumer->left, &consumer->lock);
}

static void tell_kafka(struct kafka_consumer *consumer, int64_t now)
{
    struct kafka_intake *intake = &consumer->intake;

    if (now - consumer->noted_at < note_every_us)
        return;
    consumer->noted_at = now;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(intake->options.partitions);
    for (int32_t i = 0; i < intake->options.partitions; i++) {
        int64_t offset = atomic_exchange(&intake->parts[i].stored, -1);
        if (offset >= 0)
            rd_kafka_topic_partition_list_add(list, intake->options.kafka->topic, i)->offset = offset;
    }
    if (list->cnt > 0)
        (void)rd_kafka_commit(intake->rk, list, 1); /* nothing depends on it */
    rd_kafka_topic_partition_list_destroy(list);
}

static bool has_topic(const struct rd_kafka_metadata *metadata, const char *topic)
{
    int i = 0;

    while (i < metadata->topic_cnt && strcmp(metadata->topics[i].topic, topic) != 0)
        i++;
    return i < metadata->topic_cnt && !metadata->topics[i].err && metadata->topics[i].partition_cnt > 0;
}

/* Who hears nothing doesn't know whether there is nothing to hear: so it asks, as long as something is wrong. What
 * waits to be written says by itself when it is there. */
static void ask_whether_it_is_over(struct kafka_consumer *consumer, int64_t now)
{
    struct kafka_intake *intake = &consumer->intake;
    const struct rd_kafka_metadata *metadata = NULL;

    if (intake->held || !kafka_trouble_told(&intake->trouble, NULL) || now - consumer->asked_at < LOOK_MS * US_PER_MS)
        return;
    consumer->asked_at = now;
    if (rd_kafka_metadata(intake->rk, 0, NULL, &metadata, ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    if (has_topic(metadata, intake->options.kafka->topic))
        kafka_trouble_over(&intake->trouble);
    rd_kafka_metadata_destroy(metadata);
}

static void sleep_for(struct kafka_consumer *consumer, int ms)
{
    struct pollfd waiting = {.fd = consumer->wake_fd, .events = POLLIN};
    uint64_t n;

    if (poll(&waiting, 1, ms) > 0)
        (void)!read(consumer->wake_fd, &n, sizeof(n));
}

static void *run(void *context)
{
    struct kafka_consumer *consumer = context;

    while (set_busy(consumer, true)) {
        int64_t now = clock_monotonic();
        bool more = kafka_intake_turn(&consumer->intake, BURST);
        bool held = consumer->intake.held != NULL;
        if (consumer->intake.options.turned)
            consumer->intake.options.turned(consumer->intake.options.owner);
        (void)set_busy(consumer, false);
        tell_kafka(consumer, now);
        ask_whether_it_is_over(consumer, now);
        sleep_for(consumer, more ? 0 : held ? AGAIN_MS : LOOK_MS);
    }
    (void)set_busy(consumer, false);
    return NULL;
}

/* ---- from outside ---- */

static int start(struct kafka_consumer *consumer)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&consumer->thread, NULL, run, consumer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc)
        return E_SYSTEM;
    pthread_setname_np(consumer->thread, "kafka consumer");
    consumer->started = true;
    return OK;
}

static void unwatch(struct kafka_consumer *consumer)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer->intake.rk);

    rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
    rd_kafka_queue_destroy(queue);
}

static int connect_to(struct kafka_consumer *consumer, struct buf *problem)
{
    static const uint64_t one = 1;
    struct kafka_intake *intake = &consumer->intake;
    const struct kafka_options *kafka = intake->options.kafka;
    char buffer[NUMBER_SIZE], reason[REASON_SIZE];
    int error = OK;

    (void)snprintf(
        buffer, sizeof(buffer), "%lld",
        (long long)(intake->options.buffer_kbytes > 0 ? intake->options.buffer_kbytes : KAFKA_BUFFER_KBYTES));
    kafka_settings settings = {
        "group.id",
        kafka->client && *kafka->client ? kafka->client : "coffeeshop",
        "enable.auto.commit",
        "false",
        "enable.auto.offset.store",
        "false",
        "auto.offset.reset",
        "error", /* where to go on is for people to decide */
        "queued.max.messages.kbytes",
        buffer,
        "queued.min.messages", /* who has them isn't asked for more for a second: bytes are the bound */
        "100000",
        "fetch.message.max.bytes",
        "262144", /* of a partition at a time; a larger message comes alone */
        "fetch.wait.max.ms",
        "100", /* a partition that is new waits for the answer before */
        "fetch.error.backoff.ms",
        "20",
        NULL};
    rd_kafka_conf_t *conf = kafka_connection_conf(kafka, settings, &intake->trouble, problem, &error);
    if (!conf)
        return error;
    intake->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    if (!intake->rk) {
        rd_kafka_conf_destroy(conf);
        buf_printf(problem, "Kafka's client can't be made: %s", reason);
        return E_SYSTEM;
    }
    rd_kafka_poll_set_consumer(intake->rk);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(intake->rk);
    rd_kafka_queue_io_event_enable(queue, consumer->wake_fd, &one, sizeof(one));
    rd_kafka_queue_destroy(queue);
    return OK;
}

struct kafka_consumer *kafka_consumer_new(const struct kafka_consumer_options *options, struct buf *problem, int *error)
{
    struct kafka_consumer *consumer = heap_alloc(sizeof(*consumer));

    ASSERT(options->partitions > 0 && options->max_waiting > 0 && options->take);
    *error = E_MEMORY;
    if (!consumer)
        return NULL;
    pthread_mutex_init(&consumer->lock, NULL);
    pthread_cond_init(&consumer->left, NULL);
    consumer->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (kafka_intake_init(&consumer->intake, options))
        *error = consumer->wake_fd < 0 ? E_SYSTEM : connect_to(consumer, problem);
    if (!*error)
        *error = start(consumer);
    if (!*error)
        return consumer;
    kafka_consumer_free(consumer);
    return NULL;
}

void kafka_consumer_free(struct kafka_consumer *consumer)
{
    if (!consumer)
        return;
    if (consumer->started) {
        pthread_mutex_lock(&consumer->lock);
        consumer->stopping = true;
        pthread_mutex_unlock(&consumer->lock);
        wake(consumer);
        pthread_join(consumer->thread, NULL);
    }
    if (consumer->intake.rk)
        unwatch(consumer);
    kafka_intake_free(&consumer->intake);
    if (consumer->wake_fd >= 0)
        close(consumer->wake_fd);
    pthread_cond_destroy(&consumer->left);
    pthread_mutex_destroy(&consumer->lock);
    heap_free(consumer);
}

int kafka_consumer_follow(struct kafka_consumer *consumer, int32_t partition, int64_t offset)
{
    ASSERT(partition >= 0 && partition < consumer->intake.options.partitions && offset >= 0);
    lock_idle(consumer);
    int rc = kafka_intake_follow(&consumer->intake, partition, offset);
    pthread_mutex_unlock(&consumer->lock);
    wake(consumer);
    return rc;
}

void kafka_consumer_leave(struct kafka_consumer *consumer, int32_t partition)
{
    ASSERT(partition >= 0 && partition < consumer->intake.options.partitions);
    lock_idle(consumer);
    kafka_intake_leave(&consumer->intake, partition);
    pthread_mutex_unlock(&consumer->lock);
}

void kafka_consumer_done(struct kafka_consumer *consumer, int32_t partition, int64_t n)
{
    struct kafka_part *part = &consumer->intake.parts[partition];
    int64_t half = consumer->intake.options.max_waiting / 2;
    int64_t before = atomic_fetch_sub(&part->waiting, n);

    if (before > half && before - n <= half)
        wake(consumer); /* it may be paused */
}

void kafka_consumer_note(struct kafka_consumer *consumer, int32_t partition, int64_t offset)
{
    atomic_store(&consumer->intake.parts[partition].stored, offset);
}

int64_t kafka_consumer_lag(const struct kafka_consumer *consumer, int32_t partition)
{
    const struct kafka_intake *intake = &consumer->intake;
    const struct kafka_part *part = &intake->parts[partition];
    int64_t low = -1, high = -1;

    if (!atomic_load(&part->followed) ||
        rd_kafka_get_watermark_offsets(intake->rk, intake->options.kafka->topic, partition, &low, &high) || high < 0)
        return -1;
    int64_t lag = high - atomic_load(&part->next);
    return lag > 0 ? lag : 0;
}

int kafka_consumer_error(const struct kafka_consumer *consumer, int32_t partition)
{
    return atomic_load(&consumer->intake.parts[partition].error);
}

int64_t kafka_consumer_oldest(const struct kafka_consumer *consumer, int32_t partition)
{
    return atomic_load(&consumer->intake.parts[partition].oldest);
}

int kafka_consumer_trouble(struct kafka_consumer *consumer, struct buf *why)
{
    return kafka_trouble_told(&consumer->intake.trouble, why);
}
