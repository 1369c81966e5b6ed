/* feed.c: each follower sends from one blob of the tail (feed_tail.h) at a time, or from a piece read from the store
 * when it is further behind than the tail goes, and looks for the next one when that is sent. While a piece is being
 * read (`is_reading`) there is nothing to send but heartbeats. */
#include "feed.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "feed_frames.h"
#include "feed_tail.h"
#include "log.h"
#include "metrics.h"

enum { PIECE = 64 << 10 }; /* read from the store at a time */

struct feed_follower {
    struct http_stream stream;
    struct feed *feed;
    struct feed_follower *next, *prev;
    uint64_t position;           /* the last event of what was sent completely */
    struct blob *blob;           /* what is being sent: a blob of the tail … */
    struct feed_reading reading; /* … or a piece from the store */
    struct str rest;             /* of either */
    uint64_t until;              /* its last event */
    int64_t sent_at;
    bool heartbeat;
    bool is_reading; /* the piece isn't here yet */
    bool asks;       /* inside read_stored(): the piece may come before that returns */
    bool is_closed;  /* ends when the piece has come */
    int read_error;  /* the last piece's */
};

struct feed {
    struct loop *loop;
    struct feed_settings settings;
    feed_read_stored *read_stored;
    void *context;
    struct loop_job wake;
    struct loop_timer timer;
    struct feed_follower *followers;
    int64_t n_followers;
    struct http_places places;
    struct feed_tail tail;
    struct feed_history history; /* its epochs are the owner's */
};

static struct metric followers_now =
    METRIC_GAUGE_INIT("coffeeshop_feed_followers", "Followers of this service's feed.");
static struct metric events_total =
    METRIC_COUNTER_INIT("coffeeshop_feed_events_total", "Events published on this service's feed.");
static struct metric position_now = METRIC_GAUGE_INIT(
    "coffeeshop_feed_position", "Newest event of this service's feed; a follower's distance to it is its lag.");

void feed_publish(struct feed *feed, struct outbox *outbox)
{
    if (outbox->count == 0)
        return;
    ASSERT(outbox->first == feed_last(feed) + 1 && !outbox->frames.failed);
    feed_tail_append(&feed->tail, outbox);
    metric_add(&events_total, (int64_t)outbox->count);
    metric_set(&position_now, (int64_t)feed_last(feed));
    loop_post(feed->loop, &feed->wake);
}

uint64_t feed_last(const struct feed *feed)
{
    return feed_tail_last(&feed->tail);
}

bool feed_has_said(const struct feed *feed, struct feed_cursor cursor)
{
    return feed_history_check(&feed->history, cursor, feed_last(feed), 0) != CURSOR_FOREIGN;
}

/* Sending -----------------------------------------------------------------------------------------------------------
 */

static bool load_from_tail(struct feed_follower *follower)
{
    uint64_t next = follower->position + 1;
    struct blob *blob = feed_tail_find(&follower->feed->tail, next);

    if (!blob)
        return false;
    follower->blob = blob;
    follower->until = blob->first + blob->count - 1;
    follower->rest = frames_skip(buf_str(&blob->frames), next - blob->first);
    return true;
}

/* Makes `rest` of a piece that has come. */
static int take_piece(struct feed_follower *follower)
{
    const struct feed_reading *reading = &follower->reading;

    if (reading->error != OK || reading->frames.failed)
        return reading->error != OK ? reading->error : E_MEMORY;
    struct str frames = buf_str(&reading->frames);
    uint64_t first = frames_first_position(frames);
    if (first == 0 || first > follower->position + 1)
        return E_NOT_FOUND; /* removed by retention while it was being read */
    follower->until = first + frames_count(frames) - 1;
    follower->rest = frames_skip(frames, follower->position + 1 - first);
    return follower->rest.n > 0 ? OK : E_NOT_FOUND;
}

static void free_follower(struct feed_follower *follower)
{
    buf_free(&follower->reading.frames);
    heap_free(follower);
}

static void piece_has_come(struct feed_reading *reading)
{
    struct feed_follower *follower = CONTAINER_OF(reading, struct feed_follower, reading);

    follower->is_reading = false;
    if (follower->is_closed) {
        free_follower(follower);
        return;
    }
    follower->read_error = take_piece(follower);
    if (!follower->asks)
        http_stream_wake(&follower->stream);
}

static void ask_store(struct feed_follower *follower)
{
    const struct feed *feed = follower->feed;

    buf_clear(&follower->reading.frames);
    follower->reading.after = follower->position;
    follower->reading.enough = PIECE;
    follower->reading.oldest = 0;
    follower->is_reading = true;
    follower->asks = true;
    feed->read_stored(feed->context, &follower->reading);
    follower->asks = false;
}

/* Makes `rest` what comes next, if it is here. false: the stream has to end; the consumer comes again and is told what
 * is wrong. */
static bool load(struct feed_follower *follower)
{
    if (!follower->is_reading && !follower->read_error && feed_last(follower->feed) > follower->position &&
        !load_from_tail(follower))
        ask_store(follower);
    if (!follower->read_error)
        return true;
    log_warning("feed ends a stream: stored events can't be read", LOG_I("after", follower->position),
                LOG_T("error", error_name(follower->read_error)));
    follower->rest = (struct str){0};
    return false;
}

static size_t send_rest(struct feed_follower *follower, char *out, size_t max)
{
    size_t n = follower->rest.n < max ? follower->rest.n : max;

    memcpy(out, follower->rest.p, n);
    follower->rest.p += n;
    follower->rest.n -= n;
    if (follower->rest.n == 0) {
        blob_release(follower->blob);
        follower->blob = NULL;
        follower->position = follower->until;
        if (follower->reading.frames.cap > 0 && feed_last(follower->feed) == follower->position)
            buf_free(&follower->reading.frames); /* it has caught up */
    }
    return n;
}

static int64_t send_heartbeat(struct feed_follower *follower, char *out, size_t max)
{
    const struct str comment = STR(":\n\n");

    if (!follower->heartbeat || max < comment.n)
        return 0;
    memcpy(out, comment.p, comment.n);
    return (int64_t)comment.n;
}

static int64_t stream_read(struct http_stream *stream, char *out, size_t max)
{
    struct feed_follower *follower = CONTAINER_OF(stream, struct feed_follower, stream);
    size_t sent = 0;

    while (sent < max) {
        if (follower->rest.n == 0 && !load(follower))
            return sent > 0 ? (int64_t)sent : -1;
        if (follower->rest.n == 0)
            break;
        sent += send_rest(follower, out + sent, max - sent);
    }
    int64_t n = sent > 0 ? (int64_t)sent : send_heartbeat(follower, out, max);
    if (n > 0) {
        follower->heartbeat = false;
        follower->sent_at = clock_monotonic();
    }
    return n;
}

/* Followers ---------------------------------------------------------------------------------------------------------
 */

static void unlink_follower(struct feed_follower *follower)
{
    struct feed *feed = follower->feed;

    if (follower->prev)
        follower->prev->next = follower->next;
    else
        feed->followers = follower->next;
    if (follower->next)
        follower->next->prev = follower->prev;
    metric_set(&followers_now, --feed->n_followers);
}

static void stream_close(struct http_stream *stream)
{
    struct feed_follower *follower = CONTAINER_OF(stream, struct feed_follower, stream);

    unlink_follower(follower);
    blob_release(follower->blob);
    follower->is_closed = true;
    if (!follower->is_reading)
        free_follower(follower);
}

static void wake_followers(struct loop_job *job)
{
    struct feed *feed = CONTAINER_OF(job, struct feed, wake);

    for (struct feed_follower *follower = feed->followers, *next; follower; follower = next) {
        next = follower->next; /* waking may close it */
        http_stream_wake(&follower->stream);
    }
}

static void heartbeat_fires(struct loop_timer *timer)
{
    struct feed *feed = CONTAINER_OF(timer, struct feed, timer);
    int64_t interval = feed->settings.heartbeat_ms * US_PER_MS;
    int64_t now = clock_monotonic();
    int64_t soonest = now + interval;

    for (struct feed_follower *follower = feed->followers, *next; follower; follower = next) {
        next = follower->next;
        if (follower->sent_at + interval > now) {
            soonest = follower->sent_at + interval < soonest ? follower->sent_at + interval : soonest;
            continue;
        }
        follower->heartbeat = true;
        http_stream_wake(&follower->stream);
    }
    if (feed->followers)
        loop_timer_set(feed->loop, timer, soonest);
}

static struct feed_follower *add_follower(struct feed *feed, uint64_t position)
{
    struct feed_follower *follower = heap_alloc(sizeof(*follower));

    if (!follower)
        return NULL;
    follower->stream = (struct http_stream){.read = stream_read, .close = stream_close, .places = &feed->places};
    follower->feed = feed;
    follower->position = position;
    follower->reading.done = piece_has_come;
    follower->heartbeat = true; /* a first sign of life: the consumer knows that it is connected */
    follower->sent_at = clock_monotonic();
    follower->next = feed->followers;
    if (feed->followers)
        feed->followers->prev = follower;
    feed->followers = follower;
    metric_set(&followers_now, ++feed->n_followers);
    if (feed->timer.due_us == 0)
        loop_timer_set(feed->loop, &feed->timer, follower->sent_at + feed->settings.heartbeat_ms * US_PER_MS);
    return follower;
}

/* Serving -----------------------------------------------------------------------------------------------------------
 */

static bool read_cursor(struct http_request *request, struct feed_cursor *cursor)
{
    if (request->last_event_id.n > 0 && !str_to_u64(request->last_event_id, &cursor->position)) {
        http_problem(request, 400, "Last-Event-ID",
                     "Last-Event-ID must be a whole number, the id of the last event received");
        return false;
    }
    if (request->feed_epoch.n > 0 && !str_to_u64(request->feed_epoch, &cursor->epoch)) {
        http_problem(request, 400, "Feed-Epoch", "Feed-Epoch must be the whole number that came with the events");
        return false;
    }
    return true;
}

static void tell_number(struct http_request *request, const char *name, uint64_t number)
{
    struct buf text = {0};

    buf_u64(&text, number);
    struct str kept = text.failed ? (struct str){NULL, 0} : arena_copy(&request->arena, buf_str(&text));
    if (kept.n)
        http_add_header(request, name, kept);
    buf_free(&text);
}

static void refuse_foreign(const struct feed *feed, struct http_request *request, uint64_t position)
{
    uint64_t last = feed_last(feed);

    if (position > last)
        http_problem(request, 409, "Last-Event-ID", "Last-Event-ID is beyond the newest event, %llu",
                     (unsigned long long)last);
    else
        http_problem(request, 409, "Feed-Epoch",
                     "what was read up to this Last-Event-ID was not said by this feed, or not with this data");
}

static void begin_stream(struct feed *feed, struct http_request *request, uint64_t position)
{
    struct feed_follower *follower = add_follower(feed, position);

    if (follower) {
        http_stream(request, &follower->stream);
        return;
    }
    http_fill_failure(request, E_MEMORY);
    http_reply(request);
}

static void serve_from(struct feed *feed, struct http_request *request, struct feed_cursor cursor, uint64_t oldest)
{
    if (feed_history_check(&feed->history, cursor, feed_last(feed), oldest) == CURSOR_TOO_OLD) {
        tell_number(request, "Feed-Oldest", oldest);
        http_problem(request, 410, "Last-Event-ID", "Last-Event-ID is before the oldest event kept, %llu",
                     (unsigned long long)oldest);
        return;
    }
    begin_stream(feed, request, cursor.position);
}

/* Whoever wants events that aren't in memory: what is kept decides. */
struct newcomer {
    struct feed_reading reading;
    struct feed *feed;
    struct http_request *request;
    struct feed_cursor cursor;
};

static void oldest_is_known(struct feed_reading *reading)
{
    struct newcomer *newcomer = CONTAINER_OF(reading, struct newcomer, reading);

    buf_free(&reading->frames);
    if (reading->error != OK) {
        http_fill_failure(newcomer->request, reading->error);
        http_reply(newcomer->request);
        return;
    }
    /* 0: nothing is kept at all */
    uint64_t oldest = reading->oldest ? reading->oldest : feed_last(newcomer->feed) + 1;
    serve_from(newcomer->feed, newcomer->request, newcomer->cursor, oldest);
}

static void ask_what_is_kept(struct feed *feed, struct http_request *request, struct feed_cursor cursor)
{
    struct newcomer *newcomer = ARENA_NEW(&request->arena, struct newcomer);

    if (!newcomer) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    *newcomer = (struct newcomer){.reading = {.after = cursor.position, .enough = 1, .done = oldest_is_known},
                                  .feed = feed,
                                  .request = request,
                                  .cursor = cursor};
    feed->read_stored(feed->context, &newcomer->reading);
}

/* Whether what comes after `position` is in memory, or is still to be said: then nothing older matters. */
static bool is_near(struct feed *feed, uint64_t position)
{
    bool is_new = position >= feed_last(feed);
    struct blob *blob = is_new ? NULL : feed_tail_find(&feed->tail, position + 1);
    bool is_in_memory = blob != NULL;

    blob_release(blob);
    return is_new || is_in_memory;
}

void feed_serve(struct feed *feed, struct http_request *request)
{
    struct feed_cursor cursor = {0};

    if (!read_cursor(request, &cursor))
        return;
    if (feed->history.n)
        tell_number(request, "Feed-Epoch", feed_history_epoch(&feed->history));
    if (!feed_has_said(feed, cursor))
        refuse_foreign(feed, request, cursor.position);
    else if (is_near(feed, cursor.position))
        serve_from(feed, request, cursor, 0);
    else
        ask_what_is_kept(feed, request, cursor);
}

/* Life --------------------------------------------------------------------------------------------------------------
 */

struct feed *feed_new(struct loop *loop, const struct feed_settings *settings, uint64_t last,
                      const struct feed_history *history, feed_read_stored *read_stored, void *context)
{
    ASSERT(settings->tail_bytes > 0 && settings->heartbeat_ms > 0 && settings->max_followers > 0 &&
           settings->followers_per_address > 0 && read_stored);
    struct feed *feed = heap_alloc(sizeof(*feed));
    if (!feed)
        return NULL;
    feed->loop = loop;
    feed->settings = *settings;
    feed->places =
        (struct http_places){.most = settings->max_followers, .per_address = settings->followers_per_address};
    if (history)
        feed->history = *history;
    feed->read_stored = read_stored;
    feed->context = context;
    feed->wake.run = wake_followers;
    feed->timer.fire = heartbeat_fires;
    feed_tail_init(&feed->tail, settings->tail_bytes, last);
    metric_register(&followers_now);
    metric_register(&events_total);
    metric_register(&position_now);
    metric_set(&position_now, (int64_t)last);
    return feed;
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    ASSERT(!feed->followers);
    loop_timer_cancel(feed->loop, &feed->timer);
    feed_tail_free(&feed->tail);
    heap_free(feed);
}
