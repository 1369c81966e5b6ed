#include "kafka_relay.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "kafka_producer.h"
#include "log.h"
#include "metrics.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { NS_PER_US = 1000, LOOK_MS = 1000, BACK_OFF_LEAST_US = 100000, BACK_OFF_MOST_US = 5000000 };

struct kafka_relay {
    pthread_t thread;
    bool started;
    int wake_fd;
    _Atomic bool awake; /* nobody needs to wake it */
    pthread_mutex_t lock;
    pthread_cond_t left; /* `with` or `with_all` has changed */
    /* under the lock */
    struct kafka_lane *lanes;
    struct kafka_lane *with;      /* the thread is with this one, … */
    bool with_all;                /* … or with any of them */
    struct kafka_window *windows; /* of lanes that have gone */
    bool stopping;
    /* the thread's */
    struct kafka_producer producer;
    int64_t again_at; /* a producer is made, monotonic us */
    int64_t back_off_us;
};

static struct metric restarts =
    METRIC_COUNTER_INIT("coffeeshop_kafka_relay_restarts_total",
                        "Producers that were given up, to begin behind the last acknowledged event.");

static void wake(struct kafka_relay *relay)
{
    static const uint64_t one = 1;

    if (!atomic_exchange(&relay->awake, true))
        (void)!write(relay->wake_fd, &one, sizeof(one));
}

/* ---- the producer ---- */

static void postpone(struct kafka_relay *relay, int64_t now)
{
    relay->again_at = now + relay->back_off_us;
    relay->back_off_us = relay->back_off_us * 2 < BACK_OFF_MOST_US ? relay->back_off_us * 2 : BACK_OFF_MOST_US;
}

static void begin_again(struct kafka_relay *relay, int64_t now)
{
    struct buf problem = {0};

    if (kafka_producer_begin(&relay->producer, &problem)) {
        buf_char(&problem, '\0');
        kafka_trouble_say(&relay->producer.trouble, RD_KAFKA_RESP_ERR__FAIL,
                          problem.failed ? "out of memory" : problem.p);
        postpone(relay, now);
    }
    buf_free(&problem);
}

static void free_windows(struct kafka_relay *relay, bool all)
{
    pthread_mutex_lock(&relay->lock);
    for (struct kafka_window **at = &relay->windows, *window; (window = *at);) {
        if (all || window->under_way == 0) {
            *at = window->next;
            heap_free(window);
        } else {
            at = &window->next;
        }
    }
    pthread_mutex_unlock(&relay->lock);
}

static void end(struct kafka_relay *relay)
{
    kafka_producer_end(&relay->producer);
    free_windows(relay, true);
}

/* ---- the lanes ---- */

/* The lane behind this one, which the thread is with from then on; the first for NULL. The owner of a lane that the
 * thread is with waits to close it, so the list is walked safely. */
static struct kafka_lane *next_lane(struct kafka_relay *relay, struct kafka_lane *lane)
{
    pthread_mutex_lock(&relay->lock);
    relay->with = lane ? lane->next : relay->lanes;
    lane = relay->with;
    pthread_cond_broadcast(&relay->left);
    pthread_mutex_unlock(&relay->lock);
    return lane;
}

/* What is answered concerns any of them. */
static bool hear_answers(struct kafka_relay *relay)
{
    uint64_t delivered = relay->producer.delivered;

    pthread_mutex_lock(&relay->lock);
    relay->with_all = true;
    pthread_mutex_unlock(&relay->lock);
    bool well = kafka_producer_hear(&relay->producer);
    pthread_mutex_lock(&relay->lock);
    relay->with_all = false;
    pthread_cond_broadcast(&relay->left);
    pthread_mutex_unlock(&relay->lock);
    if (relay->producer.delivered != delivered)
        relay->back_off_us = BACK_OFF_LEAST_US;
    return well;
}

static void tell(struct kafka_lane *lane)
{
    uint64_t position = atomic_load_explicit(&lane->acknowledged, memory_order_relaxed);

    if (position == lane->told)
        return;
    lane->told = position;
    if (lane->options.moved)
        lane->options.moved(lane->options.owner, position);
}

/* *due: when the next lane wants to be looked at by itself. */
static void pump_all(struct kafka_relay *relay, int64_t now, int64_t *due)
{
    for (struct kafka_lane *lane = next_lane(relay, NULL); lane; lane = next_lane(relay, lane)) {
        tell(lane);
        if (kafka_producer_is_there(&relay->producer))
            kafka_lane_pump(lane, &relay->producer.way, now);
        if (kafka_lane_due(lane) < *due)
            *due = kafka_lane_due(lane);
    }
}

static void rewind_all(struct kafka_relay *relay)
{
    for (struct kafka_lane *lane = next_lane(relay, NULL); lane; lane = next_lane(relay, lane))
        kafka_lane_rewind(lane);
}

/* ---- the thread ---- */

static bool is_stopping(struct kafka_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    bool stopping = relay->stopping;
    pthread_mutex_unlock(&relay->lock);
    return stopping;
}

static void look_at_producer(struct kafka_relay *relay, int64_t now)
{
    if (kafka_producer_is_there(&relay->producer) && !hear_answers(relay)) {
        metric_add(&restarts, 1);
        end(relay);
        rewind_all(relay);
        postpone(relay, now);
    }
    if (!kafka_producer_is_there(&relay->producer) && now >= relay->again_at)
        begin_again(relay, now);
    free_windows(relay, false);
}

static void sleep_until(struct kafka_relay *relay, int64_t due)
{
    struct pollfd waiting = {.fd = relay->wake_fd, .events = POLLIN};
    int64_t ms = (due - clock_monotonic() + US_PER_MS - 1) / US_PER_MS;
    uint64_t n;

    if (ms > 0 && poll(&waiting, 1, ms < LOOK_MS ? (int)ms : LOOK_MS) > 0)
        (void)!read(relay->wake_fd, &n, sizeof(n));
}

static void *run(void *context)
{
    struct kafka_relay *relay = context;

    while (!is_stopping(relay)) {
        int64_t now = clock_monotonic();
        int64_t due = INT64_MAX / 2;
        atomic_store(&relay->awake, false); /* what comes from here on is seen now, or wakes it */
        look_at_producer(relay, now);
        if (!kafka_producer_is_there(&relay->producer))
            due = relay->again_at;
        pump_all(relay, now, &due);
        if (kafka_producer_is_busy(&relay->producer))
            due = 0; /* it is waited for by the producer */
        sleep_until(relay, due);
    }
    return NULL;
}

/* ---- from outside ---- */

static int start(struct kafka_relay *relay)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&relay->thread, NULL, run, relay);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc)
        return E_SYSTEM;
    pthread_setname_np(relay->thread, "kafka relay");
    relay->started = true;
    return OK;
}

static void init_lock(struct kafka_relay *relay)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&relay->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&relay->left, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

struct kafka_relay *kafka_relay_new(const struct kafka_relay_options *options, struct buf *problem, int *error)
{
    struct kafka_relay *relay = heap_alloc(sizeof(*relay));

    *error = E_MEMORY;
    if (!relay)
        return NULL;
    relay->back_off_us = BACK_OFF_LEAST_US;
    init_lock(relay);
    relay->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    kafka_producer_init(&relay->producer, options, relay->wake_fd);
    metric_register(&restarts);
    *error = relay->wake_fd < 0
                 ? E_SYSTEM
                 : kafka_producer_begin(&relay->producer, problem); /* here, so that wrong options are heard of */
    if (!*error)
        *error = start(relay);
    if (!*error)
        return relay;
    kafka_relay_free(relay);
    return NULL;
}

/* Whether a lane has something that is on its way: all is there, or none of it goes. Under the lock. */
static bool is_on_its_way(struct kafka_relay *relay, bool *all_there)
{
    bool any = false, stuck = false;

    for (struct kafka_lane *lane = relay->lanes; lane; lane = lane->next) {
        bool waits = kafka_lane_position(lane) < feed_tail_last(&lane->tail);
        any = any || waits;
        stuck = stuck || (waits && kafka_lane_error(lane));
    }
    *all_there = !any;
    return any && !stuck && !kafka_trouble_told(&relay->producer.trouble, NULL);
}

bool kafka_relay_flush(struct kafka_relay *relay, int64_t deadline)
{
    const struct timespec until = {.tv_sec = deadline / US_PER_S, .tv_nsec = deadline % US_PER_S * NS_PER_US};
    bool all_there = true;
    int rc = 0;

    wake(relay);
    pthread_mutex_lock(&relay->lock);
    while (is_on_its_way(relay, &all_there) && !rc)
        rc = pthread_cond_timedwait(&relay->left, &relay->lock, &until); /* the thread says when it was with a lane */
    pthread_mutex_unlock(&relay->lock);
    return all_there;
}

void kafka_relay_free(struct kafka_relay *relay)
{
    if (!relay)
        return;
    ASSERT(!relay->lanes);
    if (relay->started) {
        pthread_mutex_lock(&relay->lock);
        relay->stopping = true;
        pthread_mutex_unlock(&relay->lock);
        wake(relay);
        pthread_join(relay->thread, NULL);
    }
    end(relay);
    free_windows(relay, true);
    if (relay->wake_fd >= 0)
        close(relay->wake_fd);
    kafka_producer_free(&relay->producer);
    pthread_cond_destroy(&relay->left);
    pthread_mutex_destroy(&relay->lock);
    heap_free(relay);
}

int kafka_relay_trouble(struct kafka_relay *relay, struct buf *why)
{
    return kafka_trouble_told(&relay->producer.trouble, why);
}

struct kafka_lane *kafka_lane_open(struct kafka_relay *relay, const struct kafka_lane_options *options)
{
    struct kafka_lane *lane = kafka_lane_new(relay, options);

    if (!lane)
        return NULL;
    pthread_mutex_lock(&relay->lock);
    lane->next = relay->lanes;
    relay->lanes = lane;
    pthread_mutex_unlock(&relay->lock);
    wake(relay);
    return lane;
}

void kafka_lane_close(struct kafka_lane *lane)
{
    if (!lane)
        return;
    struct kafka_relay *relay = lane->relay;
    pthread_mutex_lock(&relay->lock);
    while (relay->with == lane || relay->with_all)
        pthread_cond_wait(&relay->left, &relay->lock);
    struct kafka_lane **at = &relay->lanes;
    while (*at != lane)
        at = &(*at)->next;
    *at = lane->next;
    struct kafka_window *window = kafka_lane_free(lane);
    if (window) {
        window->next = relay->windows;
        relay->windows = window;
    }
    pthread_mutex_unlock(&relay->lock);
}

void kafka_lane_publish(struct kafka_lane *lane, struct outbox *outbox)
{
    feed_tail_append(&lane->tail, outbox);
    wake(lane->relay);
}

uint64_t kafka_lane_position(const struct kafka_lane *lane)
{
    return atomic_load_explicit(&lane->acknowledged, memory_order_acquire);
}

int kafka_lane_error(const struct kafka_lane *lane)
{
    return atomic_load_explicit(&lane->error, memory_order_relaxed);
}
