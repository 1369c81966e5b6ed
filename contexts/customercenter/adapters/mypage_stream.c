#include "mypage_stream.h"

#include "alloc.h"
#include "base.h"
#include "change_log.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "metrics.h"
#include "mypage_message.h"
#include "view_queries_sql.h"

enum {
    BUCKETS = 1024,        /* of followers by order */
    PIECE = 16 * 1024,     /* bytes written ahead for a follower */
    ROWS_AT_ONCE = 64,     /* from the table */
    GAP_US_EACH = 50,      /* between two wakings of all, for each of them */
    KEPT_BYTES = 4 * 1024, /* of a follower's buffer that is empty */
};

struct follower {
    struct follower *next, **prev; /* in the list of all, or of its bucket */
    struct http_stream http;
    struct mypage_stream *stream;
    int64_t order_id; /* 0: all */
    int64_t last;     /* change that it has got */
    bool catching_up; /* reads the table, and may */
    bool look;        /* of one order: it may have changed */
    bool heartbeat;
    int64_t sent_at;
    struct buf out; /* written, from `sent` on not yet sent */
    size_t sent;
    size_t n_base;
    char base[]; /* for links */
};

struct mypage_stream {
    struct view_sink sink;
    struct loop *loop;
    struct sql *reads;
    struct mypage_stream_settings settings;
    int64_t epoch;
    struct change_log *log;
    struct follower *all;
    struct follower *by_order[BUCKETS];
    int64_t n_all, n_followers;
    struct loop_timer wake, heartbeat;
    int64_t woken_at;
    struct arena arena; /* for what is read from the table */
};

static struct metric followers_now = METRIC_GAUGE_INIT("coffeeshop_view_streams", "Followers of the view's changes.");
static struct metric resets_total = METRIC_COUNTER_INIT(
    "coffeeshop_view_stream_resets_total", "Followers told to load the list again, because they were too far behind.");

/* ---- writing ahead ---- */

static struct str base_of(const struct follower *follower)
{
    return (struct str){follower->base, follower->n_base};
}

static bool is_full(const struct follower *follower)
{
    return follower->out.n - follower->sent >= PIECE;
}

static int add_from_table(void *context, const struct mypage *page)
{
    struct follower *follower = context;
    struct buf text = {0};

    mypage_message_write(&text, page);
    mypage_message_add(&follower->out, buf_str(&text), base_of(follower));
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
        mypage_message_add(&follower->out, buf_str(&change->text), base_of(follower));
        if (follower->out.failed || change->text.failed) {
            buf_free(&change->text);
            return E_MEMORY;
        }
        follower->last = change->page.change;
    }
    return OK;
}

static int write_order(struct follower *follower)
{
    struct mypage page;

    if (!follower->look || is_full(follower))
        return OK;
    follower->look = false;
    arena_reset(&follower->stream->arena);
    int rc = view_find(follower->stream->reads, follower->order_id, &page, &follower->stream->arena);
    if (page.change && page.change < follower->stream->epoch)
        page.change = follower->stream->epoch; /* a number with which it can come again */
    if (rc || page.change <= follower->last)
        return rc;
    return add_from_table(follower, &page);
}

static int write_ahead(struct follower *follower)
{
    if (follower->sent) {
        size_t left = follower->out.n - follower->sent;
        memmove(follower->out.p, follower->out.p + follower->sent, left);
        follower->out.n = left;
        follower->sent = 0;
    }
    int rc = follower->order_id ? write_order(follower) : write_everything(follower);
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

static struct follower **bucket_of(struct mypage_stream *stream, int64_t order_id)
{
    return &stream->by_order[(uint64_t)order_id % BUCKETS];
}

static void wake_all(struct loop_timer *timer)
{
    struct mypage_stream *stream = CONTAINER_OF(timer, struct mypage_stream, wake);

    stream->woken_at = clock_monotonic();
    for (struct follower *follower = stream->all, *next; follower; follower = next) {
        next = follower->next;
        http_stream_wake(&follower->http);
    }
}

/* `order_id` 0: all of the bucket. */
static void wake_those_of(struct follower *bucket, int64_t order_id)
{
    for (struct follower *follower = bucket, *next; follower; follower = next) {
        next = follower->next;
        if (order_id && follower->order_id != order_id)
            continue;
        follower->look = true;
        http_stream_wake(&follower->http);
    }
}

static void on_changes(void *context, struct change *changes, size_t n)
{
    struct mypage_stream *stream = context;

    if (stream->all && stream->wake.due_us == 0)
        loop_timer_set(stream->loop, &stream->wake, stream->woken_at + stream->n_all * GAP_US_EACH);
    if (stream->n_followers == stream->n_all)
        return;
    for (size_t i = 0; i < n; i++)
        wake_those_of(*bucket_of(stream, changes[i].page.id), changes[i].page.id);
    for (size_t i = 0; n == 0 && i < BUCKETS; i++)
        wake_those_of(stream->by_order[i], 0);
}

static void remind(struct follower *follower, int64_t before)
{
    for (struct follower *next; follower; follower = next) {
        next = follower->next;
        if (follower->sent_at > before)
            continue;
        follower->heartbeat = true;
        http_stream_wake(&follower->http);
    }
}

static void send_heartbeats(struct loop_timer *timer)
{
    struct mypage_stream *stream = CONTAINER_OF(timer, struct mypage_stream, heartbeat);
    int64_t now = clock_monotonic();
    int64_t interval = stream->settings.heartbeat_ms * US_PER_MS;

    remind(stream->all, now - interval);
    for (size_t i = 0; i < BUCKETS; i++)
        remind(stream->by_order[i], now - interval);
    if (stream->n_followers)
        loop_timer_set(stream->loop, timer, now + interval / 2);
}

/* ---- followers ---- */

static void close_follower(struct http_stream *http)
{
    struct follower *follower = CONTAINER_OF(http, struct follower, http);
    struct mypage_stream *stream = follower->stream;

    *follower->prev = follower->next;
    if (follower->next)
        follower->next->prev = follower->prev;
    stream->n_all -= follower->order_id == 0;
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
    struct follower **list = follower->order_id ? bucket_of(stream, follower->order_id) : &stream->all;

    follower->prev = list;
    follower->next = *list;
    if (*list)
        (*list)->prev = &follower->next;
    *list = follower;
    stream->n_all += follower->order_id == 0;
    metric_set(&followers_now, ++stream->n_followers);
    if (stream->heartbeat.due_us == 0)
        loop_timer_set(stream->loop, &stream->heartbeat, follower->sent_at + stream->settings.heartbeat_ms * US_PER_MS);
}

static struct follower *new_follower(struct mypage_stream *stream, struct str base, int64_t order_id, int64_t last)
{
    struct follower *follower = heap_alloc(sizeof(*follower) + base.n);

    if (!follower)
        return NULL;
    follower->http = (struct http_stream){.read = read_stream, .close = close_follower};
    follower->stream = stream;
    follower->order_id = order_id;
    follower->last = last;
    follower->look = true;
    follower->heartbeat = true; /* a first sign of life: the client knows that it is connected */
    follower->sent_at = clock_monotonic();
    follower->n_base = base.n;
    memcpy(follower->base, base.p, base.n);
    return follower;
}

/* Where it goes on; `*reset`: it can't, its number is of another database. Without a number: from now on. */
static int64_t start_of(const struct mypage_stream *stream, struct str last_event_id, int64_t order_id, int64_t last,
                        bool *reset)
{
    int64_t newest = change_log_newest(stream->log);

    *reset = false;
    if (last_event_id.n == 0)
        return order_id ? 0 : newest;
    if (last == 0 || (last >= stream->epoch && last <= newest))
        return last;
    *reset = true;
    return order_id ? 0 : newest;
}

void mypage_stream_serve(struct mypage_stream *stream, struct http_request *request, int64_t order_id)
{
    int64_t last = 0;
    bool reset;

    if (request->last_event_id.n && (!str_to_i64(request->last_event_id, &last) || last < 0)) {
        http_problem(request, 400, "Last-Event-ID", "must be a whole number, the id of the last event received");
        return;
    }
    if (stream->n_followers >= stream->settings.max_streams) {
        http_problem(request, 503, NULL, "too many follow the view already");
        return;
    }
    last = start_of(stream, request->last_event_id, order_id, last, &reset);
    struct follower *follower = new_follower(stream, request->base, order_id, last);
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
