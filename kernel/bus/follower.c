/* follower.c: one producer's feed, from the connection to the writer's queue.
 *
 *  bytes -> events (sse.h) -> commands, gathered per piece of bytes -> one writer_post_list()
 *
 * The position moves when a command is handed over: the writer never loses one, so nothing has to be asked for twice.
 */
#include "follower.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "follower_metrics.h"
#include "log.h"
#include "sse.h"

#include <stdatomic.h>

enum {
    BACK_OFF_LEAST_US = 50000,
    BACK_OFF_MOST_US = 2000000,
    RESUME_CHECK_US = 5000,    /* while paused: how often the queue is looked at */
    MAX_EVENT_BYTES = 1 << 20, /* ours have a few hundred */
};

enum link_state { LINK_NEW, LINK_UP, LINK_DOWN };

struct follower {
    struct follower_options options;
    struct loop *loop;
    struct http_client *client;
    struct writer *writer;
    struct buf url;
    struct http_tail tail;
    struct loop_timer timer; /* down: connect again; paused: look at the queue */
    struct sse_parser parser;
    struct follower_metrics *metrics;
    uint64_t position;
    _Atomic int64_t waiting; /* commands that the writer still has */
    int64_t back_off_us;
    int64_t up_at;
    uint64_t random;
    enum link_state link;
    int told_error; /* what was last logged about a link that is down */
    bool stopped;

    /* gathered from the bytes at hand */
    struct command *first, *last;
    size_t n;
    uint64_t skipped; /* the last event was not for us and nothing moves the cursor past it yet */
};

/* Commands of the follower's own ------------------------------------------------------------------------------------
 */

struct own_command {
    struct command base;
    char text[]; /* of a dead letter: reason, frame */
};

static void finish_own(struct command *command, int rc)
{
    UNUSED(rc);
    heap_free(CONTAINER_OF(command, struct own_command, base));
}

static struct command *new_own(enum command_fate fate, struct str reason, struct str frame)
{
    struct own_command *own = heap_alloc(sizeof(*own) + reason.n + frame.n);

    if (!own)
        return NULL;
    own->base = (struct command){.fate = fate, .finish = finish_own};
    if (reason.n > 0)
        memcpy(own->text, reason.p, reason.n);
    if (frame.n > 0)
        memcpy(own->text + reason.n, frame.p, frame.n);
    own->base.reason = (struct str){own->text, reason.n};
    own->base.frame = (struct str){own->text + reason.n, frame.n};
    return &own->base;
}

/* Events ------------------------------------------------------------------------------------------------------------
 */

static void gather(struct follower *follower, struct command *command, uint64_t position)
{
    command->next = NULL;
    command->origin = FROM_FEED;
    command->source = follower->options.source;
    command->position = position;
    command->waiting = &follower->waiting;
    if (follower->first)
        follower->last->next = command;
    else
        follower->first = command;
    follower->last = command;
    follower->n++;
    follower->skipped = 0; /* this one moves the cursor past them too */
}

/* In the order in which they came, so 1 behind the last; the same one again is harmless (the server is older than our
 * wish), a gap is not. */
static int check_position(struct follower *follower, struct str id, uint64_t *position)
{
    if (!str_to_u64(id, position)) {
        log_error("feed sends an event without a position", LOG_T("producer", follower->options.producer),
                  LOG_I("after", follower->position));
        return E_FOREIGN;
    }
    if (*position > follower->position + 1) {
        log_error("feed leaves out events", LOG_T("producer", follower->options.producer),
                  LOG_I("after", follower->position), LOG_I("came", *position));
        return E_FOREIGN;
    }
    return OK;
}

static int on_event(void *context, const struct sse_event *event)
{
    struct follower *follower = context;
    uint64_t position = 0;
    const char *reason = NULL;
    int rc = check_position(follower, event->id, &position);

    if (rc != OK || position <= follower->position)
        return rc;
    struct command *command =
        follower->options.decode(follower->options.context, follower->options.source, event->data, &reason);
    if (!command && reason) {
        if (reason == error_text(E_MEMORY))
            return E_MEMORY;
        command = new_own(COMMAND_DEAD, str_of(reason), event->data);
        if (!command)
            return E_MEMORY;
    }
    if (command)
        gather(follower, command, position);
    else
        follower->skipped = position;
    follower->position = position;
    follower->back_off_us = BACK_OFF_LEAST_US; /* it works; a connection alone doesn't say so */
    return OK;
}

/* Events that are not for us become one command per piece of bytes; without memory for it the cursor moves with a later
 * one. */
static void hand_over(struct follower *follower)
{
    if (follower->skipped) {
        struct command *skip = new_own(COMMAND_SKIP, (struct str){0}, (struct str){0});
        if (skip)
            gather(follower, skip, follower->skipped);
    }
    if (follower->n == 0)
        return;
    follower_metrics_moved(follower->metrics, follower->position);
    atomic_fetch_add_explicit(&follower->waiting, (int64_t)follower->n, memory_order_relaxed);
    writer_post_list(follower->writer, follower->first, follower->last, follower->n);
    follower->first = NULL;
    follower->last = NULL;
    follower->n = 0;
}

/* The connection ----------------------------------------------------------------------------------------------------
 */

static void came_up(struct follower *follower)
{
    if (follower->link == LINK_UP)
        return;
    follower->link = LINK_UP;
    follower->up_at = clock_monotonic();
    follower_metrics_connected(follower->metrics, true);
    log_info("following", LOG_T("producer", follower->options.producer), LOG_I("after", follower->position));
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

/* Said once for each change, not for each try. A connection that held, though nothing came, has worked too. */
static void went_down(struct follower *follower, int error, int status)
{
    if (follower->link != LINK_DOWN || follower->told_error != error) {
        enum log_level level = error == E_CONFLICT || error == E_NOT_FOUND || error == E_FOREIGN || error == E_MALFORMED
                                   ? LOG_ERROR
                                   : LOG_WARNING;
        log_at(level, follower->link == LINK_UP ? "feed lost" : "feed can't be followed",
               LOG_T("producer", follower->options.producer), LOG_T("error", error_name(error)),
               LOG_I("status", status), LOG_I("after", follower->position));
    }
    if (follower->link == LINK_UP && clock_monotonic() - follower->up_at >= BACK_OFF_MOST_US)
        follower->back_off_us = BACK_OFF_LEAST_US;
    follower->link = LINK_DOWN;
    follower->told_error = error;
    follower_metrics_connected(follower->metrics, false);
    if (!follower->stopped)
        loop_timer_set(follower->loop, &follower->timer, clock_monotonic() + next_delay(follower));
}

static bool on_data(struct http_tail *tail, const char *bytes, size_t n)
{
    struct follower *follower = CONTAINER_OF(tail, struct follower, tail);

    came_up(follower);
    if (atomic_load_explicit(&follower->waiting, memory_order_acquire) >= (int64_t)follower->options.max_waiting) {
        loop_timer_set(follower->loop, &follower->timer, clock_monotonic() + RESUME_CHECK_US);
        return false;
    }
    int rc = sse_feed(&follower->parser, bytes, n, on_event, follower);
    hand_over(follower);
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

static void write_last_event_id(struct follower *follower)
{
    struct buf text = {0};

    buf_u64(&text, follower->position);
    ASSERT(text.n < sizeof(follower->tail.last_event_id));
    memset(follower->tail.last_event_id, 0, sizeof(follower->tail.last_event_id));
    if (text.n > 0)
        memcpy(follower->tail.last_event_id, text.p, text.n);
    buf_free(&text);
}

static void connect_now(struct follower *follower)
{
    sse_free(&follower->parser);
    sse_init(&follower->parser, MAX_EVENT_BYTES);
    write_last_event_id(follower);
    int rc = http_tail_open(follower->client, &follower->tail);
    if (rc != OK)
        went_down(follower, rc, 0);
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

/* Life --------------------------------------------------------------------------------------------------------------
 */

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
    follower->back_off_us = BACK_OFF_LEAST_US;
    follower->random =
        (uint64_t)clock_monotonic() ^ str_hash(str_of(options->producer)) ^ (uint64_t)(uintptr_t)follower;
    follower->random |= 1; /* xorshift stands still at 0 */
    follower->timer.fire = timer_fires;
    follower->metrics = follower_metrics_of(options->producer);
    buf_add(&follower->url, str_of(options->url));
    buf_add(&follower->url, STR("/events"));
    buf_char(&follower->url, '\0');
    if (follower->url.failed) {
        follower_free(follower);
        return NULL;
    }
    follower->tail = (struct http_tail){
        .url = follower->url.p, .data = on_data, .ended = on_ended, .silence_ms = options->silence_ms};
    follower_metrics_moved(follower->metrics, follower->position);
    loop_timer_set(loop, &follower->timer, clock_monotonic());
    return follower;
}

void follower_stop(struct follower *follower)
{
    follower->stopped = true;
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

uint64_t follower_position(const struct follower *follower)
{
    return follower->position;
}
