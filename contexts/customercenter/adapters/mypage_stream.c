#include "mypage_stream.h"

#include "alloc.h"
#include "base.h"
#include "change_log.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "metrics.h"
#include "mypage_message.h"
#include "order_watch.h"
#include "view_queries_sql.h"

#include <stdlib.h>

enum {
    PIECE = 16 * 1024,     /* bytes written ahead for a follower */
    ROWS_AT_ONCE = 64,     /* from the table */
    GAP_US_EACH = 50,      /* between two wakings of all, for each of them */
    KEPT_BYTES = 4 * 1024, /* of a follower's buffer that is empty */
};

struct follower {
    struct follower *next, **prev; /* in the list of those who follow everything */
    struct http_stream http;
    struct mypage_stream *stream;
    size_t n_watches;      /* its orders; 0: it follows everything */
    struct watch *watches; /* behind it */
    int64_t last;          /* change that it has got */
    bool catching_up;      /* reads the table, and may */
    bool look;             /* of some orders: one of them may have changed */
    bool heartbeat;
    int64_t sent_at;
    struct buf out; /* written, from `sent` on not yet sent */
    size_t sent;
    struct str base; /* for links; behind the watches */
};

struct mypage_stream {
    struct view_sink sink;
    struct loop *loop;
    struct sql *reads;
    struct mypage_stream_settings settings;
    int64_t epoch;
    struct change_log *log;
    struct follower *all;
    struct watch_board board;
    int64_t n_all, n_followers;
    struct http_places places;
    struct loop_timer wake, heartbeat;
    int64_t woken_at;
    struct arena arena; /* for what is read from the table */
};

static struct metric followers_now = METRIC_GAUGE_INIT("coffeeshop_view_streams", "Followers of the view's changes.");
static struct metric resets_total = METRIC_COUNTER_INIT(
    "coffeeshop_view_stream_resets_total", "Followers told to load the list again, because they were too far behind.");

/* ---- writing ahead ---- */

static bool is_full(const struct follower *follower)
{
    return follower->out.n - follower->sent >= PIECE;
}

static int add_from_table(void *context, const struct mypage *page)
{
    struct follower *follower = context;
    struct buf text = {0};

    mypage_message_write(&text, page);
    mypage_message_add(&follower->out, buf_str(&text), follower->base);
    follower->out.failed |= text.failed;
    buf_free(&text);
    follower->last = page->change;
    return follower->out.failed ? E_MEMORY : OK;
}

static void add_reset(struct follower *follower)
{
    follower->last = change_log_newest(follower->stream->log);
    mypage_message_reset(&follower->out, follower->last);
    metric_add(&resets_total, 1);
}

/* Behind what is kept in memory. */
static int read_table(struct follower *follower)
{
    struct mypage_stream *stream = follower->stream;
    int64_t most = stream->settings.max_resume;
    int64_t before = follower->last, n = 0;

    if (!follower->catching_up) {
        int rc = view_count_changes(stream->reads, follower->last, most + 1, &n);
        if (rc)
            return rc;
        if (n > most) {
            add_reset(follower);
            return OK;
        }
        follower->catching_up = true;
    }
    arena_reset(&stream->arena);
    int rc = view_changes_after(stream->reads, follower->last, ROWS_AT_ONCE, &stream->arena, add_from_table, follower);
    if (!rc && follower->last == before)
        follower->last = change_log_newest(stream->log); /* nothing there: all has been told */
    return rc;
}

static int write_everything(struct follower *follower)
{
    struct change_log *log = follower->stream->log;

    while (!is_full(follower) && follower->last < change_log_newest(log)) {
        if (follower->last < change_log_floor(log)) {
            int rc = read_table(follower);
            if (rc)
                return rc;
            continue;
        }
        struct change *change = change_log_after(log, follower->last);
        follower->catching_up = false;
        if (!change->text.n)
            mypage_message_write(&change->text, &change->page);
        mypage_message_add(&follower->out, buf_str(&change->text), follower->base);
        if (follower->out.failed || change->text.failed) {
            buf_free(&change->text);
            return E_MEMORY;
        }
        follower->last = change->page.change;
    }
    return OK;
}

static int compare_changes(const void *left, const void *right)
{
    int64_t a = ((const struct mypage *)left)->change, b = ((const struct mypage *)right)->change;

    return (a > b) - (a < b);
}

/* All its orders are read as they are at one moment, whichever of them has changed: so what was told up to a number is
 * all there was up to it, and who comes again with that number has missed nothing. */
static int write_orders(struct follower *follower)
{
    struct mypage_stream *stream = follower->stream;
    struct mypage pages[MYPAGE_STREAM_MOST_ORDERS];
    int64_t ids[MYPAGE_STREAM_MOST_ORDERS], told = follower->last;

    if (!follower->look || is_full(follower))
        return OK;
    follower->look = false;
    arena_reset(&stream->arena);
    for (size_t i = 0; i < follower->n_watches; i++)
        ids[i] = follower->watches[i].order_id;
    int rc = view_find_many(stream->reads, ids, follower->n_watches, pages, &stream->arena);
    for (size_t i = 0; i < follower->n_watches && !rc; i++) {
        if (pages[i].change && pages[i].change < stream->epoch)
            pages[i].change = stream->epoch; /* a number with which it can come again */
    }
    if (!rc)
        qsort(pages, follower->n_watches, sizeof(*pages), compare_changes);
    for (size_t i = 0; i < follower->n_watches && !rc; i++) {
        if (pages[i].change > told)
            rc = add_from_table(follower, &pages[i]);
    }
    return rc;
}

static int write_ahead(struct follower *follower)
{
    if (follower->sent) {
        size_t left = follower->out.n - follower->sent;
        memmove(follower->out.p, follower->out.p + follower->sent, left);
        follower->out.n = left;
        follower->sent = 0;
    }
    int rc = follower->n_watches ? write_orders(follower) : write_everything(follower);
    if (!rc && follower->heartbeat && follower->out.n == 0)
        BUF_LIT(&follower->out, ":\n\n");
    return rc ? rc : follower->out.failed ? E_MEMORY : OK;
}

static int64_t read_stream(struct http_stream *http, char *out, size_t max)
{
    struct follower *follower = CONTAINER_OF(http, struct follower, http);

    if (follower->sent == follower->out.n) {
        int rc = write_ahead(follower);
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
    http_fill_problem(request, 400, name, "must be a whole number, the id of the last event received, given once");
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
        add_reset(follower);
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

struct mypage_stream *mypage_stream_new(struct loop *loop, struct sql *reads,
                                        const struct mypage_stream_settings *settings, int64_t newest, int64_t epoch)
{
    struct mypage_stream *stream = heap_alloc(sizeof(*stream));

    if (!stream)
        return NULL;
    stream->sink.publish = publish;
    stream->loop = loop;
    stream->reads = reads;
    stream->settings = *settings;
    stream->places = (struct http_places){.most = settings->max_streams, .per_address = settings->streams_per_address};
    watch_init(&stream->board);
    stream->epoch = epoch;
    stream->wake.fire = wake_all;
    stream->heartbeat.fire = send_heartbeats;
    arena_init(&stream->arena, 0);
    stream->log = change_log_new(loop, newest, on_changes, stream);
    if (!stream->log) {
        heap_free(stream);
        return NULL;
    }
    metric_register(&followers_now);
    metric_register(&resets_total);
    return stream;
}

void mypage_stream_free(struct mypage_stream *stream)
{
    if (!stream)
        return;
    ASSERT(stream->n_followers == 0);
    change_log_free(stream->log);
    arena_free(&stream->arena);
    heap_free(stream);
}
