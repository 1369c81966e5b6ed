#include "mypage_stream.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "metrics.h"
#include "mypage_stream_internal.h"

enum { KEPT_BYTES = 4 * 1024 /* of a follower's buffer that is empty */ };

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

static void on_changes(void *context, struct change *changes, size_t n)
{
    struct mypage_stream *stream = context;

    for (size_t i = 0; i < n; i++)
        mypage_stream_changed(stream, changes[i].page.id);
    if (n == 0)
        mypage_stream_changed(stream, 0);
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
        if (stream->look)
            mypage_stream_look_end(stream->look);
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
                                     const struct mypage_stream_orders *orders)
{
    size_t n_cells = (size_t)stream->cells;
    struct follower *follower =
        heap_alloc(sizeof(*follower) + orders->n * sizeof(struct watch) + n_cells * sizeof(int64_t) + base.n);

    if (!follower)
        return NULL;
    struct watch *watches = (struct watch *)(follower + 1);
    int64_t *last = (int64_t *)(void *)(watches + orders->n);
    char *base_copy = (char *)(last + n_cells);
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

/* How far the client is, by the id of the last event that it has seen. On nonsense the problem is filled in. The header
 * comes before the parameter: a browser that reconnects repeats the address with which it began, and says in the header
 * how far it got since. */
static bool read_last(struct http_request *request, struct follower *follower)
{
    struct str text = request->last_event_id, again;
    const char *name = "Last-Event-ID";

    if (text.n == 0) {
        name = "lastEventId";
        if (!http_query(request, name, 0, &text))
            return true;
        if (http_query(request, name, 1, &again))
            text.n = 0;
    }
    follower->names = true;
    follower->named = view_position_read(text, follower->last, follower->stream->cells);
    if (follower->named != VIEW_POSITION_MALFORMED)
        return true;
    http_fill_problem(request, 400, name, "%s must be the id of the last event received, as it came, given once", name);
    return false;
}

static void refuse(struct http_request *request, struct follower *follower)
{
    heap_free(follower);
    http_reply(request);
}

void mypage_stream_serve(struct mypage_stream *stream, struct http_request *request,
                         const struct mypage_stream_orders *orders)
{
    struct follower *follower = new_follower(stream, request->base, orders);

    if (!follower) {
        http_fill_failure(request, E_MEMORY);
        refuse(request, NULL);
        return;
    }
    if (!read_last(request, follower)) {
        refuse(request, follower);
        return;
    }
    if (stream->look)
        follower->begins = true;
    else
        mypage_stream_begin(follower, change_log_newest(stream->log));
    add_follower(stream, follower);
    http_stream(request, &follower->http);
}

/* ---- life ---- */

static void publish(struct view_sink *sink, const struct view_batch *batch)
{
    const struct cell_sink *self = CONTAINER_OF(sink, struct cell_sink, sink);

    change_log_add(self->stream->log, self->cell, batch);
}

struct view_sink *mypage_stream_sink(struct mypage_stream *stream, int32_t cell)
{
    return &stream->sinks[cell].sink;
}

static void fill(struct mypage_stream *stream, const struct mypage_stream_settings *settings)
{
    stream->settings = *settings;
    stream->places = (struct http_places){.most = settings->max_streams, .per_address = settings->streams_per_address};
    watch_init(&stream->board);
    stream->wake.fire = wake_all;
    stream->heartbeat.fire = send_heartbeats;
    for (int32_t i = 0; i < stream->cells; i++)
        stream->sinks[i] = (struct cell_sink){{publish}, stream, i};
}

struct mypage_stream *mypage_stream_new(struct loop *loop, struct reader *reader,
                                        const struct mypage_stream_settings *settings, const int64_t *newest,
                                        int32_t cells, int64_t epoch)
{
    struct mypage_stream *stream = heap_alloc(sizeof(*stream) + (size_t)cells * sizeof(stream->sinks[0]));

    if (!stream)
        return NULL;
    stream->loop = loop;
    stream->reader = reader;
    stream->cells = cells;
    stream->epoch = epoch;
    fill(stream, settings);
    stream->log = change_log_new(loop, newest, cells, on_changes, stream);
    stream->look = stream->log && settings->look_ms ? mypage_stream_look_new(stream) : NULL;
    if (!stream->log || (settings->look_ms && !stream->look)) {
        mypage_stream_free(stream);
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
    mypage_stream_look_free(stream->look);
    change_log_free(stream->log);
    heap_free(stream);
}
