#include "mypage_stream.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "metrics.h"
#include "mypage_stream_internal.h"

enum {
    GAP_US_EACH = 50,      /* between two wakings of all, for each of them */
    KEPT_BYTES = 4 * 1024, /* of a follower's buffer that is empty */
};

static struct metric followers_now = METRIC_GAUGE_INIT("coffeeshop_view_streams", "Followers of the view's changes.");

/* ---- sending ---- */

static int64_t read_stream(struct http_stream *http, char *out, size_t max)
{
    struct follower *follower = CONTAINER_OF(http, struct follower, http);

    if (follower->sent == follower->out.n) {
        int rc = mypage_stream_write_ahead(follower);
        if (rc) {
            log_warning("a stream ends: the view can't be read", LOG_T("error", error_name(rc)));
            return -1; /* it comes again with the last id that it has seen */
        }
    }
    size_t left = follower->out.n - follower->sent;
    size_t n = left < max ? left : max;
    if (n == 0) {
        if (follower->out.cap > KEPT_BYTES)
            buf_free(&follower->out);
        return 0;
    }
    memcpy(out, follower->out.p + follower->sent, n);
    follower->sent += n;
    follower->heartbeat = false;
    follower->sent_at = clock_monotonic();
    return (int64_t)n;
}

/* ---- waking ---- */

static void wake_all(struct loop_timer *timer)
{
    struct mypage_stream *stream = CONTAINER_OF(timer, struct mypage_stream, wake);

    stream->woken_at = clock_monotonic();
    for (struct follower *follower = stream->all, *next; follower; follower = next) {
        next = follower->next;
        http_stream_wake(&follower->http);
    }
}

static void wake_watcher(void *context, struct watch *watch)
{
    struct follower *follower = watch->follower;

    UNUSED(context);
    follower->look = true;
    http_stream_wake(&follower->http);
}

static void on_changes(void *context, struct change *changes, size_t n)
{
    struct mypage_stream *stream = context;

    if (stream->all && stream->wake.due_us == 0)
        loop_timer_set(stream->loop, &stream->wake, stream->woken_at + stream->n_all * GAP_US_EACH);
    if (stream->n_followers == stream->n_all)
        return;
    for (size_t i = 0; i < n; i++)
        watch_each(&stream->board, changes[i].page.id, wake_watcher, NULL);
    if (n == 0)
        watch_each(&stream->board, 0, wake_watcher, NULL);
}

static void remind(struct follower *follower, int64_t before)
{
    if (follower->sent_at > before)
        return;
    follower->heartbeat = true;
    http_stream_wake(&follower->http);
}

static void remind_watcher(void *context, struct watch *watch)
{
    remind(watch->follower, *(const int64_t *)context);
}

static void send_heartbeats(struct loop_timer *timer)
{
    struct mypage_stream *stream = CONTAINER_OF(timer, struct mypage_stream, heartbeat);
    int64_t now = clock_monotonic();
    int64_t interval = stream->settings.heartbeat_ms * US_PER_MS;
    int64_t before = now - interval;

    for (struct follower *follower = stream->all; follower; follower = follower->next)
        remind(follower, before);
    watch_each(&stream->board, 0, remind_watcher, &before);
    if (stream->n_followers)
        loop_timer_set(stream->loop, timer, now + interval / 2);
}

/* ---- followers ---- */

static void leave_list(struct follower *follower)
{
    *follower->prev = follower->next;
    if (follower->next)
        follower->next->prev = follower->prev;
    follower->stream->n_all--;
}

static void join_list(struct follower *follower)
{
    struct follower **list = &follower->stream->all;

    follower->prev = list;
    follower->next = *list;
    if (*list)
        (*list)->prev = &follower->next;
    *list = follower;
    follower->stream->n_all++;
}

static void close_follower(struct http_stream *http)
{
    struct follower *follower = CONTAINER_OF(http, struct follower, http);
    struct mypage_stream *stream = follower->stream;

    mypage_stream_stop_reading(follower);
    for (size_t i = 0; i < follower->n_watches; i++)
        watch_remove(&follower->watches[i]);
    if (follower->n_watches == 0)
        leave_list(follower);
    metric_set(&followers_now, --stream->n_followers);
    if (stream->n_followers == 0) {
        loop_timer_cancel(stream->loop, &stream->wake);
        loop_timer_cancel(stream->loop, &stream->heartbeat);
    }
    buf_free(&follower->out);
    heap_free(follower);
}

static void add_follower(struct mypage_stream *stream, struct follower *follower)
{
    for (size_t i = 0; i < follower->n_watches; i++)
        watch_add(&stream->board, &follower->watches[i]);
    if (follower->n_watches == 0)
        join_list(follower);
    metric_set(&followers_now, ++stream->n_followers);
    if (stream->heartbeat.due_us == 0)
        loop_timer_set(stream->loop, &stream->heartbeat, follower->sent_at + stream->settings.heartbeat_ms * US_PER_MS);
}

static struct follower *new_follower(struct mypage_stream *stream, struct str base,
                                     const struct mypage_stream_orders *orders, int64_t last)
{
    struct follower *follower = heap_alloc(sizeof(*follower) + orders->n * sizeof(struct watch) + base.n);

    if (!follower)
        return NULL;
    struct watch *watches = (struct watch *)(follower + 1);
    char *base_copy = (char *)(watches + orders->n);
    memcpy(base_copy, base.p, base.n);
    follower->http = (struct http_stream){.read = read_stream, .close = close_follower, .places = &stream->places};
    follower->stream = stream;
    follower->watches = watches;
    follower->n_watches = orders->n;
    for (size_t i = 0; i < orders->n; i++)
        watches[i] = (struct watch){.order_id = orders->ids[i], .follower = follower};
    follower->last = last;
    follower->look = true;
    follower->heartbeat = true; /* a first sign of life: the client knows that it is connected */
    follower->sent_at = clock_monotonic();
    follower->base = (struct str){base_copy, base.n};
    return follower;
}

/* The id of the last event that the client has seen, -1 when it names none. On nonsense the problem is filled in. The
 * header comes before the parameter: a browser that reconnects repeats the address with which it began, and says in the
 * header how far it got since. */
static bool read_last(struct http_request *request, int64_t *last)
{
    struct str text = request->last_event_id, again;
    const char *name = "Last-Event-ID";

    *last = -1;
    if (text.n == 0) {
        name = "lastEventId";
        if (!http_query(request, name, 0, &text))
            return true;
        if (http_query(request, name, 1, &again))
            text.n = 0;
    }
    if (str_to_i64(text, last) && *last >= 0)
        return true;
    http_fill_problem(request, 400, name, "%s must be a whole number, the id of the last event received, given once",
                      name);
    return false;
}

/* Where it goes on; `*reset`: it can't, its number is of another database. Without a number: from now on. */
static int64_t start_of(const struct mypage_stream *stream, bool of_orders, int64_t last, bool *reset)
{
    int64_t newest = change_log_newest(stream->log);

    *reset = false;
    if (last < 0)
        return of_orders ? 0 : newest;
    if (last == 0 || (last >= stream->epoch && last <= newest))
        return last;
    *reset = true;
    return of_orders ? 0 : newest;
}

void mypage_stream_serve(struct mypage_stream *stream, struct http_request *request,
                         const struct mypage_stream_orders *orders)
{
    int64_t last;
    bool reset;

    if (!read_last(request, &last)) {
        http_reply(request);
        return;
    }
    last = start_of(stream, orders->n > 0, last, &reset);
    struct follower *follower = new_follower(stream, request->base, orders, last);
    if (!follower) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    if (reset)
        mypage_stream_write_reset(follower);
    follower->last = last;
    add_follower(stream, follower);
    http_stream(request, &follower->http);
}

/* ---- life ---- */

static void publish(struct view_sink *sink, const struct view_batch *batch)
{
    change_log_add(CONTAINER_OF(sink, struct mypage_stream, sink)->log, batch);
}

struct view_sink *mypage_stream_sink(struct mypage_stream *stream)
{
    return &stream->sink;
}

struct mypage_stream *mypage_stream_new(struct loop *loop, struct reader *reader,
                                        const struct mypage_stream_settings *settings, int64_t newest, int64_t epoch)
{
    struct mypage_stream *stream = heap_alloc(sizeof(*stream));

    if (!stream)
        return NULL;
    stream->sink.publish = publish;
    stream->loop = loop;
    stream->reader = reader;
    stream->settings = *settings;
    stream->places = (struct http_places){.most = settings->max_streams, .per_address = settings->streams_per_address};
    watch_init(&stream->board);
    stream->epoch = epoch;
    stream->wake.fire = wake_all;
    stream->heartbeat.fire = send_heartbeats;
    stream->log = change_log_new(loop, newest, on_changes, stream);
    if (!stream->log) {
        heap_free(stream);
        return NULL;
    }
    metric_register(&followers_now);
    mypage_stream_register_resets();
    return stream;
}

void mypage_stream_free(struct mypage_stream *stream)
{
    if (!stream)
        return;
    ASSERT(stream->n_followers == 0);
    change_log_free(stream->log);
    heap_free(stream);
}
