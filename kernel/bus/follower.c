/* follower.c: the connection to a producer's feed: made, held back, lost, made again. What comes through it is
 * follower_intake.c's. */
#include "follower_internal.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"

#include <time.h>

enum {
    BACK_OFF_MOST_US = 2000000,
    RESUME_CHECK_US = 5000,    /* while paused: how often the queue is looked at */
    MAX_EVENT_BYTES = 1 << 20, /* ours have a few hundred */
    CLOCK_TOLERANCE_S = 5,     /* less is said by the metric alone */
    STARTING_US = 10000000,    /* services are started in any order: so long a producer that isn't there is no news */
};

/* ---- what the producer says with its answer ---- */

enum told { TOLD_PRODUCER, TOLD_EPOCH, TOLD_CURSORS, TOLD_OLDEST, TOLD_DATE };

static uint64_t told_number(const struct follower *follower, enum told which)
{
    uint64_t number = 0;

    return str_to_u64(str_of(follower->tail.told[which].value), &number) ? number : 0;
}

/* Anything may answer at an address, with any status: another service of the shop has a feed, too. */
static bool is_the_producer(const struct follower *follower)
{
    return str_is(str_of(follower->tail.told[TOLD_PRODUCER].value), follower->options.producer);
}

/* "product=4711:57, …": how far the producer has read the feed called `name`, in which epoch. false: it doesn't say. */
static bool find_cursor(struct str cursors, const char *name, struct feed_cursor *cursor)
{
    while (cursors.n > 0) {
        struct str value, epoch, position;
        struct str entry = str_split(cursors, ',', &cursors);
        while (entry.n > 0 && entry.p[0] == ' ')
            entry = (struct str){entry.p + 1, entry.n - 1};
        if (!str_is(str_split(entry, '=', &value), name))
            continue;
        epoch = str_split(value, ':', &position);
        return str_to_u64(epoch, &cursor->epoch) && str_to_u64(position, &cursor->position);
    }
    return false;
}

static bool is_overtaken(const struct follower *follower)
{
    const struct follower_options *options = &follower->options;
    struct feed_cursor cursor;

    return options->self && find_cursor(str_of(follower->tail.told[TOLD_CURSORS].value), options->self, &cursor) &&
           !options->has_said(options->owner, cursor);
}

static void be_overtaken(struct follower *follower)
{
    log_error("the producer has read events of ours that this data doesn't hold",
              LOG_T("producer", follower->options.producer));
    follower->stopped = true;
    follower->trouble = FOLLOWER_OVERTAKEN;
    follower->options.overtaken(follower->options.owner, follower->options.source);
}

/* What the producer's clock said when it answered (RFC 9110, 6.6.1), beside ours: whole seconds, and the way here. It
 * decides nothing; it is for whoever wonders about times. */
static void compare_clocks(struct follower *follower)
{
    struct tm date = {0};

    if (!strptime(follower->tail.told[TOLD_DATE].value, "%a, %d %b %Y %H:%M:%S GMT", &date))
        return;
    int64_t ahead_s = (int64_t)timegm(&date) - clock_wall() / US_PER_S;
    follower_metrics_ahead(follower->metrics, ahead_s);
    if (ahead_s > CLOCK_TOLERANCE_S || ahead_s < -CLOCK_TOLERANCE_S)
        log_warning("the producer's clock is another one than ours", LOG_T("producer", follower->options.producer),
                    LOG_I("ahead_s", ahead_s));
}

/* ---- the connection ---- */

/* The first bytes of a connection. OK: they may be taken. */
static int come_up(struct follower *follower)
{
    if (follower->link == LINK_UP)
        return OK;
    if (!is_the_producer(follower))
        return E_FOREIGN;
    if (is_overtaken(follower)) {
        be_overtaken(follower);
        return E_CONFLICT;
    }
    int rc = follower_enter_epoch(follower, told_number(follower, TOLD_EPOCH));
    if (rc != OK)
        return rc;
    follower->trouble = FOLLOWER_WELL;
    follower->was_up = true;
    follower->link = LINK_UP;
    follower->up_at = clock_monotonic();
    follower_metrics_connected(follower->metrics, true);
    compare_clocks(follower);
    log_info("following", LOG_T("producer", follower->options.producer), LOG_I("after", follower->position));
    return OK;
}

/* Between half and all of the back-off, so that consumers don't come back all at once. */
static int64_t next_delay(struct follower *follower)
{
    int64_t delay = follower->back_off_us;

    follower->random ^= follower->random << 13;
    follower->random ^= follower->random >> 7;
    follower->random ^= follower->random << 17;
    follower->back_off_us = delay * 2 < BACK_OFF_MOST_US ? delay * 2 : BACK_OFF_MOST_US;
    return delay / 2 + (int64_t)(follower->random % (uint64_t)(delay / 2 + 1));
}

static enum log_level level_of(const struct follower *follower, int error, int status)
{
    if (error == E_CONFLICT || error == E_NOT_FOUND || error == E_FOREIGN || error == E_MALFORMED)
        return LOG_ERROR;
    bool starting = !follower->was_up && clock_monotonic() - follower->born_at < STARTING_US;
    return starting && error == E_UNAVAILABLE && status == 0 ? LOG_INFO : LOG_WARNING;
}

/* Who names nobody may be gone in a moment (a page of a proxy's); another service is a wrong address. */
static void note_stranger(struct follower *follower)
{
    if (follower->trouble == FOLLOWER_WELL || follower->trouble == FOLLOWER_FOREIGN)
        follower->trouble = follower->tail.told[TOLD_PRODUCER].value[0] ? FOLLOWER_FOREIGN : FOLLOWER_WELL;
}

/* A refusal that only people can end. The one without an epoch must not be taken back when the producer has come so far
 * again: its cursor gets one that no feed has. */
static void note_refusal(struct follower *follower, int error, int status)
{
    if (!is_the_producer(follower)) {
        note_stranger(follower);
        return;
    }
    if (status == 409 && error == E_CONFLICT) {
        follower->trouble = FOLLOWER_REFUSED;
        if (follower->epoch == EPOCH_UNKNOWN)
            (void)follower_enter_epoch(follower, EPOCH_REFUSED);
    } else if (status == 410) {
        follower->trouble = FOLLOWER_GAP;
        follower->oldest = told_number(follower, TOLD_OLDEST);
        follower->gap_epoch = told_number(follower, TOLD_EPOCH);
    }
}

/* Said once for each change, not for each try. A connection that held, though nothing came, has worked too. */
static void went_down(struct follower *follower, int error, int status)
{
    enum log_level level = level_of(follower, error, status);

    note_refusal(follower, error, status);
    if (follower->link != LINK_DOWN || follower->told_error != error || follower->told_level != level) {
        log_at(level, follower->link == LINK_UP ? "feed lost" : "feed can't be followed",
               LOG_T("producer", follower->options.producer), LOG_T("error", error_name(error)),
               LOG_I("status", status), LOG_I("after", follower->position));
    }
    if (follower->link == LINK_UP && clock_monotonic() - follower->up_at >= BACK_OFF_MOST_US)
        follower->back_off_us = FOLLOWER_BACK_OFF_LEAST_US;
    follower->link = LINK_DOWN;
    follower->told_error = error;
    follower->told_level = level;
    follower_metrics_connected(follower->metrics, false);
    if (!follower->stopped)
        loop_timer_set(follower->loop, &follower->timer, clock_monotonic() + next_delay(follower));
}

static bool on_data(struct http_tail *tail, const char *bytes, size_t n)
{
    struct follower *follower = CONTAINER_OF(tail, struct follower, tail);

    int rc = come_up(follower);
    if (rc != OK) {
        http_tail_close(tail);
        went_down(follower, rc, 200);
        return true;
    }
    if (atomic_load_explicit(&follower->waiting, memory_order_acquire) >= (int64_t)follower->options.max_waiting) {
        loop_timer_set(follower->loop, &follower->timer, clock_monotonic() + RESUME_CHECK_US);
        return false;
    }
    rc = follower_take(follower, bytes, n);
    if (rc != OK) {
        http_tail_close(tail);
        went_down(follower, rc, 200);
    }
    return true;
}

static void on_ended(struct http_tail *tail, int error, int status)
{
    struct follower *follower = CONTAINER_OF(tail, struct follower, tail);

    loop_timer_cancel(follower->loop, &follower->timer);
    if (error == E_CLOSING)
        follower->stopped = true;
    went_down(follower, error, status);
}

static void write_number(char *to, size_t room, uint64_t number)
{
    struct buf text = {0};

    buf_u64(&text, number);
    ASSERT(text.n < room);
    memset(to, 0, room);
    if (text.n > 0)
        memcpy(to, text.p, text.n);
    buf_free(&text);
}

static void connect_now(struct follower *follower)
{
    sse_free(&follower->parser);
    sse_init(&follower->parser, MAX_EVENT_BYTES);
    write_number(follower->tail.last_event_id, sizeof(follower->tail.last_event_id), follower->position);
    if (follower->epoch != EPOCH_UNKNOWN)
        write_number(follower->tail.feed_epoch, sizeof(follower->tail.feed_epoch), follower->epoch);
    int rc = http_tail_open(follower->client, &follower->tail);
    if (rc != OK)
        went_down(follower, rc, 0);
}

static void skipping_is_over(struct loop_timer *timer)
{
    follower_move_past_skipped(CONTAINER_OF(timer, struct follower, skipping));
}

static void timer_fires(struct loop_timer *timer)
{
    struct follower *follower = CONTAINER_OF(timer, struct follower, timer);

    if (!follower->tail.handle) {
        connect_now(follower);
        return;
    }
    if (atomic_load_explicit(&follower->waiting, memory_order_acquire) > (int64_t)follower->options.max_waiting / 2)
        loop_timer_set(follower->loop, timer, clock_monotonic() + RESUME_CHECK_US);
    else
        http_tail_resume(&follower->tail);
}

/* ---- life ---- */

struct follower *follower_new(struct loop *loop, struct http_client *client, struct writer *writer,
                              const struct follower_options *options)
{
    ASSERT(options->max_waiting > 0 && options->silence_ms > 0 && options->decode);
    struct follower *follower = heap_alloc(sizeof(*follower));
    if (!follower)
        return NULL;
    follower->options = *options;
    follower->loop = loop;
    follower->client = client;
    follower->writer = writer;
    follower->position = options->position;
    follower->epoch = options->epoch;
    follower->born_at = clock_monotonic();
    follower->back_off_us = FOLLOWER_BACK_OFF_LEAST_US;
    follower->random =
        (uint64_t)clock_monotonic() ^ str_hash(str_of(options->producer)) ^ (uint64_t)(uintptr_t)follower;
    follower->random |= 1; /* xorshift stands still at 0 */
    follower->timer.fire = timer_fires;
    follower->skipping.fire = skipping_is_over;
    follower->metrics = follower_metrics_of(options->producer);
    buf_add(&follower->url, str_of(options->url));
    buf_add(&follower->url, STR("/events"));
    buf_char(&follower->url, '\0');
    if (follower->url.failed) {
        follower_free(follower);
        return NULL;
    }
    follower->tail = (struct http_tail){
        .url = follower->url.p,
        .data = on_data,
        .ended = on_ended,
        .silence_ms = options->silence_ms,
        .told = {[TOLD_PRODUCER] = {.name = "Feed-Producer"},
                 [TOLD_EPOCH] = {.name = "Feed-Epoch"},
                 [TOLD_CURSORS] = {.name = "Feed-Cursors"},
                 [TOLD_OLDEST] = {.name = "Feed-Oldest"},
                 [TOLD_DATE] = {.name = "Date"}},
    };
    follower_metrics_moved(follower->metrics, follower->position);
    loop_timer_set(loop, &follower->timer, clock_monotonic());
    return follower;
}

void follower_stop(struct follower *follower)
{
    follower->stopped = true;
    follower_move_past_skipped(follower);
    loop_timer_cancel(follower->loop, &follower->timer);
    http_tail_close(&follower->tail);
    if (follower->link == LINK_UP)
        follower->link = LINK_DOWN;
    follower_metrics_connected(follower->metrics, false);
}

void follower_free(struct follower *follower)
{
    if (!follower)
        return;
    follower_stop(follower);
    ASSERT(atomic_load(&follower->waiting) == 0);
    sse_free(&follower->parser);
    buf_free(&follower->url);
    heap_free(follower);
}

bool follower_is_connected(const struct follower *follower)
{
    return follower->link == LINK_UP;
}

bool follower_skip_gap(struct follower *follower)
{
    if (follower->trouble != FOLLOWER_GAP || follower->oldest <= follower->position + 1 || follower->stopped)
        return false;
    if (!follower_pass_over(follower, follower->gap_epoch, follower->oldest - 1))
        return false;
    follower->trouble = FOLLOWER_WELL;
    follower->back_off_us = FOLLOWER_BACK_OFF_LEAST_US;
    if (!follower->tail.handle)
        loop_timer_set(follower->loop, &follower->timer, clock_monotonic());
    return true;
}

struct feed_cursor follower_cursor(const struct follower *follower)
{
    return (struct feed_cursor){follower->epoch, follower->position};
}

enum follower_trouble follower_trouble(const struct follower *follower, uint64_t *oldest)
{
    *oldest = follower->oldest;
    return follower->trouble;
}
