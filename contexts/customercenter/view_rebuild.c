#include "view_rebuild.h"

#include "arena.h"
#include "base.h"
#include "cells_core.h"
#include "clock.h"
#include "errors.h"
#include "feed_ends.h"
#include "follower.h"
#include "http_client.h"
#include "sql_joint.h"
#include "topic_reading.h"
#include "view_cells.h"
#include "view_events.h"
#include "view_handover.h"
#include "view_schema.h"
#include "writer.h"

#include <stdio.h>
#include <unistd.h>

enum {
    BATCH = 8192,
    WAITING = 16384, /* events of a producer that may wait for the writer */
    LOOK_US = 20000, /* how often it is looked whether all is there */
    NEAR = 4096,     /* events that the service takes in while one looks */
    STALLED = 2,     /* times feed.silence_ms without an event, while some are missing: it is given up */
};

struct rebuild {
    const struct common_settings *common;
    const struct customercenter_settings *settings;
    struct buf *problem;
    struct view_place rebuilt, current; /* the two databases */
    struct arena arena;
    struct loop *loop;
    struct http_client *client;
    struct sql *sql;
    struct sql *joint; /* what several cells write by; NULL: there is one */
    struct view_cells cells;
    struct core *core; /* of them all */
    struct view_decoder decoder;
    struct writer *writer;
    struct view_sink sink;
    _Atomic uint64_t done[MYPAGE_PRODUCER_COUNT]; /* committed */
    const char *urls[MYPAGE_PRODUCER_COUNT];
    struct follower *followers[MYPAGE_PRODUCER_COUNT];
    struct service_producer producers[MYPAGE_PRODUCER_COUNT]; /* the topic's */
    struct topic_reading *topic;                              /* instead of feeds; NULL: they are followed */
    struct feed_ends ends;
    size_t n_sources;
    struct loop_timer look;
    int64_t began, printed_at;
    uint64_t done_then; /* how far it was … */
    int64_t moved_at;   /* … when it last got further */
    bool fine;
};

static void fail(struct rebuild *self)
{
    self->fine = false;
    loop_stop(self->loop);
}

/* ---- how far the producers are ---- */

static void untold(struct feed_ends *ends, size_t i, int error)
{
    struct rebuild *self = CONTAINER_OF(ends, struct rebuild, ends);

    if (!self->fine)
        return;
    buf_printf(self->problem,
               "%s does not say how far its events are (%s): the view is made of them, so the service has to run%s",
               self->urls[i], error ? error_text(error) : "not an answer of ours",
               i == MYPAGE_PAYMENT ? "; where one pays at the counter, say so by --customercenter.payment_url=" : "");
    fail(self);
}

static void go_on(struct feed_ends *ends);

/* ---- progress ---- */

/* Sums over all producers, and the most that is still missing of one of them. */
struct tally {
    uint64_t done, newest, missing;
};

/* What the topic ends with isn't known at first: then something is missing. */
static struct tally count_topic(const struct rebuild *self)
{
    struct topic_progress progress = topic_reading_progress(self->topic);
    int64_t end = progress.end > progress.done ? progress.end : progress.done;

    return (struct tally){.done = (uint64_t)progress.done,
                          .newest = (uint64_t)end,
                          .missing = progress.end < 0 ? UINT64_MAX : (uint64_t)(end - progress.done)};
}

static struct tally count(const struct rebuild *self)
{
    struct tally tally = {0};

    if (self->topic)
        return count_topic(self);
    for (size_t i = 0; i < self->n_sources; i++) {
        uint64_t here = self->done[i];
        uint64_t told = self->ends.of[i].newest;
        uint64_t newest = told > here ? told : here;
        tally.done += here;
        tally.newest += newest;
        if (newest - here > tally.missing)
            tally.missing = newest - here;
    }
    return tally;
}

static void print_progress(struct rebuild *self)
{
    struct tally tally = count(self);
    int64_t took = clock_monotonic() - self->began;

    printf("%llu of %llu events, %.0f/s\n", (unsigned long long)tally.done, (unsigned long long)tally.newest,
           took > 0 ? (double)tally.done * (double)US_PER_S / (double)took : 0.0);
    fflush(stdout);
    self->printed_at = clock_monotonic();
}

/* The first producer whose feed isn't followed now; n_sources: all are. How far one is anybody at its address can say,
 * also that there is nothing: only a feed says whose it is. */
static size_t unheard(const struct rebuild *self)
{
    size_t i = 0;

    while (i < self->n_sources && follower_is_connected(self->followers[i]))
        i++;
    return i;
}

static void say_stalled(struct rebuild *self, const struct tally *tally, int64_t patience_ms)
{
    if (self->topic) {
        buf_printf(
            self->problem,
            "nothing came from Kafka's topic %s for %lld ms; nothing was rebuilt, the view in use stays as it is",
            self->common->kafka.topic, (long long)patience_ms);
        return;
    }
    size_t i = unheard(self);

    if (i < self->n_sources)
        buf_printf(
            self->problem,
            "%s can't be followed at %s: it has to run there; nothing was rebuilt, the view in use stays as it is",
            view_producers[i], self->urls[i]);
    else
        buf_printf(self->problem,
                   "no event came for %lld ms although %llu are missing: order, product and stock have to run; nothing "
                   "was rebuilt, the view in use stays as it is",
                   (long long)patience_ms, (unsigned long long)(tally->newest - tally->done));
}

/* A view is made of all events: those that are gone would be missing in it. */
static bool is_cut_off(struct rebuild *self)
{
    int64_t from = self->topic ? topic_reading_progress(self->topic).oldest : 0;

    if (from)
        buf_printf(self->problem,
                   "Kafka's topic %s keeps its messages from offset %lld on only (kafka.retain_hours), and a view is "
                   "made of all of them: nothing was rebuilt, the view in use stays as it is",
                   self->common->kafka.topic, (long long)from);
    for (size_t i = 0; i < self->n_sources && !self->topic; i++) {
        uint64_t oldest;
        if (follower_trouble(self->followers[i], &oldest) != FOLLOWER_GAP)
            continue;
        buf_printf(self->problem,
                   "%s keeps its events from %llu on only (outbox.retain_hours), and a view is made of all of them: "
                   "nothing was rebuilt, the view in use stays as it is",
                   view_producers[i], (unsigned long long)oldest);
        return true;
    }
    return from > 0;
}

/* What can't become a whole view is given up; the one in use stays. */
static bool is_hopeless(struct rebuild *self, const struct tally *tally)
{
    int64_t now = clock_monotonic();
    int64_t patience_ms = STALLED * self->common->feed_silence_ms;

    if (is_cut_off(self))
        return true;
    if (tally->done != self->done_then || self->moved_at == 0) {
        self->done_then = tally->done;
        self->moved_at = now;
    }
    if (now - self->moved_at < patience_ms * US_PER_MS)
        return false;
    say_stalled(self, tally, patience_ms);
    return true;
}

static void look(struct loop_timer *timer)
{
    struct rebuild *self = CONTAINER_OF(timer, struct rebuild, look);
    struct tally tally = count(self);

    if (clock_monotonic() - self->printed_at >= US_PER_S)
        print_progress(self);
    if (self->topic && tally.missing <= NEAR)
        loop_stop(self->loop);
    else if (!self->topic && tally.missing == 0 && unheard(self) == self->n_sources)
        feed_ends_ask(&self->ends, self->client); /* there may be more by now */
    else if (is_hopeless(self, &tally))
        fail(self);
    else
        loop_timer_set(self->loop, timer, clock_monotonic() + LOOK_US);
}

static bool follow_all(struct rebuild *self)
{
    for (size_t i = 0; i < self->n_sources; i++) {
        struct follower_options options = {
            .producer = view_producers[i],
            .url = self->urls[i],
            .source = i,
            .max_waiting = WAITING,
            .silence_ms = self->common->feed_silence_ms,
            .decode = view_event_decode,
            .context = &self->decoder,
        };
        self->followers[i] = follower_new(self->loop, self->client, self->writer, &options);
        if (!self->followers[i])
            return false;
    }
    return true;
}

/* All producers have said how far they are. The first time it begins; later all is here that they had said when they
 * were asked before, and what has come since is little enough for the service to take in. */
static void go_on(struct feed_ends *ends)
{
    struct rebuild *self = CONTAINER_OF(ends, struct rebuild, ends);
    bool begins = !self->followers[0];

    if (begins && !follow_all(self)) {
        BUF_LIT(self->problem, "out of memory");
        fail(self);
        return;
    }
    if (!begins && count(self).missing <= NEAR)
        loop_stop(self->loop);
    else
        loop_timer_set(self->loop, &self->look, clock_monotonic() + LOOK_US);
}

/* From the topic's beginning; what has come since is little enough for the service to take in. */
static void read_topic(struct rebuild *self)
{
    struct cursors *cursors = ARENA_ARRAY(&self->arena, struct cursors, (size_t)self->cells.n);

    for (size_t i = 0; i < self->n_sources; i++)
        self->producers[i] = (struct service_producer){.name = view_producers[i], .cut_otherwise = i == MYPAGE_STOCK};
    for (int32_t i = 0; cursors && i < self->cells.n; i++)
        cursors[i] = self->cells.of[i].app.cursors;
    const struct topic_reading_options options = {
        .client = "customercenter-rebuild",
        .producers = self->producers,
        .n_producers = self->n_sources,
        .cursors = cursors,
        .writer = self->writer,
        .decode = view_event_decode,
        .context = &self->decoder,
    };

    self->topic = cursors ? topic_reading_begin(self->common, &options, self->problem) : NULL;
    if (self->topic)
        loop_timer_set(self->loop, &self->look, clock_monotonic() + LOOK_US);
    else
        fail(self);
}

/* ---- life ---- */

/* Writer thread. */
static void publish(struct view_sink *sink, const struct view_batch *batch)
{
    struct rebuild *self = CONTAINER_OF(sink, struct rebuild, sink);

    for (size_t i = 0; i < self->n_sources; i++)
        self->done[i] = batch->base.cursors.position[i];
}

static const char *path_of(struct rebuild *self, const char *file)
{
    struct buf path = {0};

    buf_printf(&path, "%s/%s", self->common->data, file);
    struct str kept = path.failed ? (struct str){NULL, 0} : arena_copy(&self->arena, buf_str(&path));
    buf_free(&path);
    return kept.p;
}

static bool open_store(struct rebuild *self)
{
    if (!view_place_remove(&self->rebuilt, self->problem))
        return false;
    self->sql = view_place_open(&self->rebuilt, false, self->problem);
    return self->sql != NULL;
}

static struct core *join_cells(struct rebuild *self)
{
    struct core *joined = cells_core_new(self->cells.n, self->joint);

    for (int32_t i = 0; joined && i < self->cells.n; i++)
        cells_core_put(joined, i, &self->cells.of[i].app.core);
    return joined;
}

static int open_cells(struct rebuild *self, const struct cursors *sources)
{
    int32_t n = self->rebuilt.cells;

    self->joint = n > 1 ? sql_joint_new(self->sql) : NULL;
    if (n > 1 && !self->joint)
        return E_MEMORY;
    int rc = view_cells_open(&self->cells, n > 1 ? self->joint : self->sql, n, sources);
    if (rc)
        return rc;
    for (int32_t i = 0; i < n; i++)
        self->cells.of[i].app.ports.sink = &self->sink;
    self->core = n == 1 ? &self->cells.of[0].app.core : join_cells(self);
    return self->core ? OK : E_MEMORY;
}

static bool open_core(struct rebuild *self)
{
    struct writer_settings settings = {.batch = BATCH, .queue = 1, .retry_ms = self->common->writer_retry_ms};
    struct cursors sources = {.n = self->n_sources};

    memcpy(sources.source, view_producers, sizeof(view_producers));
    if (self->common->kafka.servers[0] && !topic_reading_add_cursor(self->common, &sources, &self->arena)) {
        BUF_LIT(self->problem, "out of memory");
        return false;
    }
    self->sink.publish = publish;
    int rc = open_cells(self, &sources);
    self->writer = rc ? NULL : writer_new(&settings, self->core);
    if (!rc)
        rc = self->writer ? writer_start(self->writer) : E_MEMORY;
    if (rc)
        buf_printf(self->problem, "the rebuild can't start: %s", error_text(rc));
    return rc == OK;
}

static bool open_all(struct rebuild *self)
{
    const char *const urls[MYPAGE_PRODUCER_COUNT] = {self->settings->order_url, self->settings->product_url,
                                                     self->settings->stock_url, self->settings->payment_url};

    memcpy(self->urls, urls, sizeof(urls));
    self->n_sources = view_producers_of(self->settings);
    self->look.fire = look;
    self->rebuilt = view_place_rebuilt(self->common, path_of(self, VIEW_REBUILT_FILE));
    self->current = view_place_in_use(self->common, path_of(self, VIEW_FILE));
    self->loop = loop_new();
    self->client = self->loop ? http_client_new(self->loop, MYPAGE_PRODUCER_COUNT) : NULL;
    self->ends = (struct feed_ends){.told = go_on, .untold = untold};
    bool fine =
        self->rebuilt.file && self->current.file && self->client && feed_ends_open(&self->ends, urls, self->n_sources);
    if (!fine) {
        BUF_LIT(self->problem, "out of memory");
        return false;
    }
    return open_store(self) && open_core(self);
}

/* Whatever is queued is committed; then the database says that it is whole. */
static bool finish(struct rebuild *self)
{
    if (self->topic)
        topic_reading_stop(self->topic);
    for (size_t i = 0; i < self->n_sources && !self->topic; i++)
        follower_stop(self->followers[i]);
    writer_stop(self->writer);
    print_progress(self);
    int rc = view_tally_write(self->sql, STR(VIEW_TALLY_WHOLE), 1);
    self->sql->close(self->sql);
    self->sql = NULL;
    if (rc)
        buf_printf(self->problem, "%s: %s", view_place_name(&self->rebuilt), error_text(rc));
    return rc == OK;
}

static bool hand_over(struct rebuild *self)
{
    struct view_handover handover = {
        .loop = self->loop,
        .client = self->client,
        .lock = path_of(self, "customercenter.lock"),
        .current = self->current,
        .rebuilt = self->rebuilt,
        .listen = self->settings->listen,
        .patience_ms = self->common->drain_ms + self->common->stop_ms,
    };

    if (!handover.lock) {
        BUF_LIT(self->problem, "out of memory");
        return false;
    }
    return view_hand_over(&handover, self->problem);
}

static void close_all(struct rebuild *self)
{
    for (size_t i = 0; i < self->n_sources; i++) {
        if (self->followers[i])
            follower_stop(self->followers[i]);
    }
    if (self->loop)
        loop_timer_cancel(self->loop, &self->look);
    http_client_free(self->client);
    if (self->topic)
        topic_reading_stop(self->topic);
    if (self->writer)
        writer_stop(self->writer);
    topic_reading_free(self->topic);
    writer_free(self->writer);
    for (size_t i = 0; i < self->n_sources; i++)
        follower_free(self->followers[i]);
    feed_ends_close(&self->ends);
    if (self->joint)
        cells_core_free(self->core);
    view_cells_close(&self->cells);
    if (self->joint)
        self->joint->close(self->joint);
    if (self->sql)
        self->sql->close(self->sql);
    loop_free(self->loop);
    arena_free(&self->decoder.arena);
    arena_free(&self->arena);
}

int view_rebuild(const struct common_settings *common, const struct customercenter_settings *settings,
                 struct buf *problem)
{
    struct rebuild self = {
        .common = common, .settings = settings, .problem = problem, .began = clock_monotonic(), .fine = true};

    arena_init(&self.arena, 0);
    arena_init(&self.decoder.arena, 0);
    const char *lock_path = path_of(&self, "customercenter.rebuild.lock");
    int lock = lock_path ? view_lock(lock_path) : -1;
    if (lock < 0)
        buf_printf(problem, "%s is locked: another rebuild runs, or the directory can't be written",
                   lock_path ? lock_path : "it");
    bool fine = lock >= 0 && open_all(&self);
    if (fine) {
        if (common->kafka.servers[0])
            read_topic(&self);
        else
            feed_ends_ask(&self.ends, self.client);
        if (self.fine)
            loop_run(self.loop);
        fine = self.fine && finish(&self) && hand_over(&self);
    }
    if (fine)
        puts("the view is rebuilt and in use");
    self.fine = false; /* what still comes while closing has nobody who waits for it */
    close_all(&self);
    if (lock >= 0)
        close(lock);
    return fine ? 0 : 1;
}
