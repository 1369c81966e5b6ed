/* stock_main.c: the composition root of the stock service; the stores are named in stock_store.c. */
#include "stock_main.h"

#include "clock.h"
#include "errors.h"
#include "outbox_kv.h"
#include "secret.h"
#include "stock_cores.h"
#include "stock_events.h"
#include "stock_http.h"
#include "stock_store.h"
#include "stored_events.h"

struct stock_settings {
    const char *listen;
    struct stock_store_settings store;
    int64_t opening, retain_hours;
    int64_t fault_delay_ms;
};

#define ROW(member, name, type, fallback, min, max, doc)                                                               \
    SETTING(struct stock_settings, member, name, type, fallback, min, max, doc)
static const struct setting rows[] = {
    ROW(listen, "stock.listen", SETTING_LISTEN, "127.0.0.1:8083", 0, 0,
        "Where the stock service listens: addresses with ports, separated by blanks."),
    ROW(opening, "stock.opening", SETTING_INT, "100", 0, STOCK_ON_HAND_MAX, "What a new item of the menu starts with."),
    ROW(retain_hours, "stock.reservation_retain_hours", SETTING_INT, "168", 0, 87600,
        "A reservation is forgotten so long (hours of running) after its last change; 0: never."),
    ROW(store.map_size, "stock.map_size", SETTING_BYTES, "16GiB", INT64_C(1) << 20, INT64_C(1) << 44,
        "The most that the stock's file may grow to."),
    {.name = "stock.redis",
     .type = SETTING_SERVER,
     .fallback = "",
     .max = 512,
     .choices = "redis://user@host:port/database",
     .doc = "The Redis that keeps stock; rediss:// for TLS; empty: the file stock.lmdb in `data`.",
     .offset = offsetof(struct stock_settings, store.redis)},
    ROW(store.redis_password, "stock.redis_password", SETTING_SECRET, "", 0, SECRET_MOST,
        "Its password; better in a file."),
    ROW(store.redis_password_file, "stock.redis_password_file", SETTING_TEXT, "", 0, 1024,
        "The file that has it; not for everybody to read."),
    ROW(store.redis_ca_file, "stock.redis_ca_file", SETTING_TEXT, "", 0, 1024,
        "Whose certificates are believed (PEM); empty: those that the system believes."),
    ROW(store.redis_cert_file, "stock.redis_cert_file", SETTING_TEXT, "", 0, 1024,
        "Our own certificate (PEM), for a Redis that asks for one ..."),
    ROW(store.redis_key_file, "stock.redis_key_file", SETTING_TEXT, "", 0, 1024, "... and its key."),
    ROW(store.redis_patience_ms, "stock.redis_patience_ms", SETTING_MS, "3000", 50, 4000,
        "Redis may take so long for an answer, or to come back, before changes get 503."),
    ROW(fault_delay_ms, "stock.fault.delay_ms", SETTING_MS, "0", 0, 600000,
        "With fault.enabled: every request waits so long before it is looked at."),
};

/* Everything the service is made of, in the order in which it is made. */
struct stock_service {
    struct service *service;
    struct menu *menu;
    struct stock_store kept;
    struct store store;
    int64_t looked_at; /* at all cells' stores; own time, us */
    struct stock_cores cores;
    struct reader *reader;
    struct stock_http http;
};

static int64_t hours(int64_t n)
{
    return n * 3600 * US_PER_S;
}

static bool open_all(struct stock_service *self, const struct program *program, const struct common_settings *common,
                     const struct stock_settings *settings, struct buf *problem)
{
    struct cursors sources = {.n = 0}; /* stock listens to no other service */

    self->service = service_new(program, common, problem);
    self->menu = self->service ? menu_load(common->menu, problem) : NULL;
    if (!self->menu)
        return false;
    /* The store last: who has it open says so, and waits for nobody then. */
    if (!service_join(self->service, &sources, true, problem) ||
        !stock_store_open(&self->kept, self->service, common, &settings->store, problem))
        return false;
    const struct reader_limits limits = reader_limits_of(common);
    self->reader = reader_new(NULL, NULL, &limits);
    if (!self->reader || (self->kept.on_a_server && !reader_rows_apart(self->reader, NULL, &limits))) {
        BUF_LIT(problem, "there is not enough memory, or no thread, for reading lists");
        return false;
    }
    const struct stock_cores_options options = {
        .cells = &self->kept.cells,
        .menu = self->menu,
        .opening_qty = settings->opening,
        .retention = {hours(settings->retain_hours), hours(common->idempotency_retain_hours),
                      hours(common->outbox_retain_hours), NULL},
        .sources = &sources,
    };
    return stock_cores_open(&self->cores, self->service, &options, problem);
}

static const struct stock_cells *cells_of(struct store *store)
{
    return &CONTAINER_OF(store, struct stock_service, store)->kept.cells;
}

static int probe(struct store *self)
{
    const struct stock_cells *cells = cells_of(self);
    int rc = OK;

    for (int32_t i = 0; i < cells->count && !rc; i++)
        rc = cells->kv[i]->probe(cells->kv[i]);
    return rc;
}

static int check(struct store *self)
{
    const struct stock_cells *cells = cells_of(self);
    int rc = OK;

    for (int32_t i = 0; i < cells->count && !rc; i++)
        rc = cells->kv[i]->check(cells->kv[i]);
    return rc;
}

static int look(struct store *self)
{
    const struct stock_cells *cells = cells_of(self);
    int rc = OK;

    for (int32_t i = 0; i < cells->count && !rc; i++)
        rc = cells->kv[i]->look(cells->kv[i]);
    return rc;
}

/* The writer looks when it has nothing to do, and a cell's own commits say that it is ours. While others are busy one
 * that isn't is looked at here. */
static void look_now_and_then(struct store *self, int64_t now)
{
    struct stock_service *service = CONTAINER_OF(self, struct stock_service, store);

    if (now < service->looked_at + US_PER_S)
        return;
    service->looked_at = now;
    (void)look(self); /* what is wrong check() says */
}

static int take_no_entry(void *context, struct str key, struct str value)
{
    UNUSED(context);
    UNUSED(key);
    UNUSED(value);
    return 0;
}

static int look_read(struct store *self, struct sql *sql)
{
    const struct stock_cells *cells = cells_of(self);
    int rc = OK;

    UNUSED(sql);
    for (int32_t i = 0; i < cells->count && !rc; i++)
        rc = cells->kv[i]->last(cells->kv[i], STR("item/"), take_no_entry, NULL);
    return rc;
}

static int read_by(void *context, struct sql *sql, struct feed_reading *reading)
{
    const struct stock_service *self = context;

    UNUSED(sql);
    return outbox_kv_read(self->kept.cells.kv[0], reading->after, reading->enough, &reading->frames, &reading->oldest);
}

static void read_stored(void *context, struct feed_reading *reading)
{
    const struct stock_service *self = context;

    stored_events_fetch(self->service, self->reader, read_by, context, reading);
}

static int read_to_relay(void *context, int32_t cell, uint64_t after, size_t enough, struct buf *frames,
                         uint64_t *oldest)
{
    const struct stock_service *self = context;

    return outbox_kv_read(self->kept.cells.kv[cell], after, enough, frames, oldest);
}

static bool start(struct stock_service *self, const struct stock_settings *settings, struct buf *problem)
{
    struct service_parts parts = {
        .listen = settings->listen,
        .routes = stock_routes,
        .http = &self->http.base,
        .collection = "stocks",
        .cells = self->cores.parts,
        .history = &self->cores.of->history,
        .store = &self->store,
        .reader = self->reader,
        .read_stored = read_stored,
        .read_to_relay = read_to_relay,
        .read_context = self,
        .everywhere = stock_event_is_for_all,
        .cut_otherwise = true,
        .fault_delay_ms = settings->fault_delay_ms,
    };

    self->store = (struct store){.probe = probe, .check = check, .on_server = self->kept.on_a_server};
    if (self->kept.on_a_server) {
        self->store.look = look;
        self->store.look_read = look_read;
        self->store.tidy = self->kept.cells.count > 1 ? look_now_and_then : NULL;
    }
    self->http.menu = self->menu;
    self->http.cells = &self->kept.cells;
    self->http.reader = self->reader;
    return service_start(self->service, &parts, problem);
}

static void close_all(struct stock_service *self)
{
    service_free(self->service);
    reader_free(self->reader);
    stock_cores_close(&self->cores);
    stock_store_close(&self->kept);
    menu_free(self->menu);
}

static int run(const struct program *program, const struct common_settings *common, const void *settings,
               struct buf *problem)
{
    struct stock_service self = {0};

    bool fine = open_all(&self, program, common, settings, problem) && start(&self, settings, problem);
    if (fine)
        service_run(self.service);
    close_all(&self);
    return fine ? 0 : 1;
}

static struct archive_store *open_archive(const struct common_settings *common, const void *settings,
                                          struct archive_opening *opening, struct buf *problem)
{
    const struct stock_settings *own = settings;

    return stock_store_open_archive(common, &own->store, opening, problem);
}

const struct program stock_program = {
    .name = "stock",
    .doc = "Knows what is left of everything, and gives it out once.",
    .rows = rows,
    .n_rows = COUNT_OF(rows),
    .settings_size = sizeof(struct stock_settings),
    .url = "http://127.0.0.1:8083/stocks",
    .run = run,
    .open_archive = open_archive,
};
