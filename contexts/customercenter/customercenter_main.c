/* customercenter_main.c: the composition root of the customercenter service: the only place that names drivers. */
#include "customercenter_main.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "customercenter_http.h"
#include "customercenter_settings.h"
#include "errors.h"
#include "log.h"
#include "sql_archive.h"
#include "sql_service.h"
#include "view_cells.h"
#include "view_events.h"
#include "view_meter.h"
#include "view_place.h"
#include "view_queries_sql.h"
#include "view_schema.h"

/* Everything the service is made of, in the order in which it is made. */
struct customercenter {
    struct service *service;
    struct menu *menu;
    struct sql_service *store;
    struct view_decoder decoder;
    struct view_cells cells;
    struct service_cell *parts; /* the same for the service */
    struct mypage_stream *stream;
    struct view_meter *meters; /* of each cell */
    struct customercenter_http http;
};

/* The database of a rebuild, when going on with it was asked for. If it can't be, the old one is as good as before. */
static void swap_view(struct customercenter *self, const struct common_settings *common)
{
    struct buf problem = {0};
    const char *file = service_path(self->service, VIEW_FILE);
    struct view_place current = view_place_in_use(common, file);

    if (!file || !view_place_replace(&current, &self->http.rebuilt, &problem))
        log_error("the rebuilt view is not used", LOG_S("reason", buf_str(&problem)));
    buf_free(&problem);
}

static int open_cells(struct customercenter *self, const struct cursors *sources)
{
    int32_t n = self->store->n_cells;

    int rc = view_cells_open(&self->cells, self->store->writes, n, sources);
    self->parts = rc ? NULL : heap_alloc((size_t)n * sizeof(*self->parts));
    self->meters = self->parts ? heap_alloc((size_t)n * sizeof(*self->meters)) : NULL;
    if (!self->meters)
        return rc ? rc : E_MEMORY;
    for (int32_t i = 0; i < n; i++) {
        struct view_app *app = &self->cells.of[i].app;
        self->parts[i] = (struct service_cell){.core = &app->core, .cursors = &app->cursors};
    }
    return OK;
}

static bool open_all(struct customercenter *self, const struct program *program, const struct common_settings *common,
                     const struct customercenter_settings *settings, bool swap, struct buf *problem)
{
    struct cursors sources = {.n = view_producers_of(settings)};
    int error = OK;

    memcpy(sources.source, view_producers, sizeof(view_producers));
    self->service = service_new(program, common, problem);
    const char *rebuilt = self->service ? service_path(self->service, VIEW_REBUILT_FILE) : NULL;
    self->http.rebuilt = view_place_rebuilt(common, rebuilt);
    if (rebuilt && swap)
        swap_view(self, common);
    self->menu = rebuilt ? menu_load(common->menu, problem) : NULL;
    self->store = self->menu ? sql_service_open(self->service, common, common->store_sql, "customercenter",
                                                view_migrations, view_migrations_count, problem, &error)
                             : NULL;
    if (!self->store) {
        /* Of all that is kept this can be lost alone; for a server that is away a new view is no help. */
        if (error == E_CORRUPT || error == E_REFUSED)
            BUF_LIT(problem, "; the view itself can be made anew by `coffeeshop view rebuild`");
        return false;
    }
    if (!service_join(self->service, &sources, false, problem))
        return false;
    arena_init(&self->decoder.arena, 0);
    int rc = open_cells(self, &sources);
    if (rc)
        buf_printf(problem, "the view can't be read: %s", error_text(rc));
    return rc == OK;
}

static bool open_stream(struct customercenter *self, const struct customercenter_settings *settings,
                        struct buf *problem)
{
    struct mypage_stream_settings limits = {
        settings->max_streams, settings->streams_per_address, settings->max_resume, settings->heartbeat_ms,
        self->store->reads ? 0 : settings->look_ms}; /* a file is written here only */
    int32_t cells = self->store->n_cells;
    struct arena arena;
    int64_t epoch = 0;

    arena_init(&arena, 0);
    int64_t *newest = ARENA_ARRAY(&arena, int64_t, (size_t)cells);
    int rc = newest ? view_newest_changes(self->store->writes, cells, &epoch, newest, &arena) : E_MEMORY;
    if (!rc)
        self->stream =
            mypage_stream_new(service_loop(self->service), self->store->reader, &limits, newest, cells, epoch);
    arena_free(&arena);
    if (!self->stream) {
        buf_printf(problem, "the view can't be streamed: %s", error_text(rc ? rc : E_MEMORY));
        return false;
    }
    for (int32_t i = 0; i < cells; i++) {
        view_meter_init(&self->meters[i], mypage_stream_sink(self->stream, i));
        self->cells.of[i].app.ports.sink = &self->meters[i].sink;
    }
    return true;
}

static bool start(struct customercenter *self, const struct customercenter_settings *settings, struct buf *problem)
{
    struct service_producer producers[] = {{view_producers[MYPAGE_ORDER], settings->order_url, false},
                                           {view_producers[MYPAGE_PRODUCT], settings->product_url, false},
                                           {view_producers[MYPAGE_STOCK], settings->stock_url, true},
                                           {view_producers[MYPAGE_PAYMENT], settings->payment_url, false}};
    struct service_parts parts = {
        .listen = settings->listen,
        .routes = customercenter_routes,
        .http = &self->http.base,
        .collection = "mypages",
        .cells = self->parts,
        .producers = producers,
        .n_producers = view_producers_of(settings),
        .decode = view_event_decode,
        .decode_context = &self->decoder,
        .rebuild = "`coffeeshop view rebuild` makes the view anew from what the others hold",
        .linger_us = settings->linger_ms * US_PER_MS,
    };

    sql_service_fill(self->store, &parts);
    self->http.menu = self->menu;
    self->http.reader = self->store->reader;
    self->http.stream = self->stream;
    return service_start(self->service, &parts, problem);
}

static void close_all(struct customercenter *self)
{
    service_free(self->service);
    mypage_stream_free(self->stream);
    view_cells_close(&self->cells);
    heap_free(self->parts);
    heap_free(self->meters);
    arena_free(&self->decoder.arena);
    sql_service_close(self->store);
    menu_free(self->menu);
}

/* Once, and once more with every rebuilt view: everything is closed and opened again, so that nothing of the old one
 * lingers. */
static int run(const struct program *program, const struct common_settings *common, const void *settings,
               struct buf *problem)
{
    bool again = false;
    int status = 0;

    do {
        struct customercenter self = {0};
        bool fine = open_all(&self, program, common, settings, again, problem) &&
                    open_stream(&self, settings, problem) && start(&self, settings, problem);
        if (fine)
            service_run(self.service);
        again = fine && self.http.wants_swap && !service_was_told_to_end(self.service);
        status = fine ? 0 : sql_service_cannot_start(self.store, problem);
        close_all(&self);
    } while (again);
    return status;
}

static struct archive_store *open_archive(const struct common_settings *common, const void *settings,
                                          struct archive_opening *opening, struct buf *problem)
{
    UNUSED(settings);
    return sql_archive_open(common, common->store_sql, "customercenter", view_migrations, view_migrations_count,
                            opening, problem);
}

const struct program customercenter_program = {
    .name = "customercenter",
    .doc = "Shows customers how far their orders are, and what is sold.",
    .rows = customercenter_rows,
    .n_rows = COUNT_OF(customercenter_rows),
    .settings_size = sizeof(struct customercenter_settings),
    .url = "http://127.0.0.1:8084/mypages",
    .run = run,
    .open_archive = open_archive,
};
