/* product_main.c: the composition root of the product service: the only place that names drivers. */
#include "product_main.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "guarded_caller.h"
#include "product_app.h"
#include "product_events.h"
#include "product_http.h"
#include "product_repo_sql.h"
#include "product_stock_client.h"
#include "sql_archive.h"
#include "sql_service.h"

struct product_settings {
    const char *listen;
    const char *order_url, *stock_url;
    int64_t start_after_ms, brew_ms;
    int64_t mode; /* 0 auto, 1 manual */
    int64_t give_up_after_ms;
    int64_t max_asks;
    int64_t stock_breaker;
    int64_t fault_delay_ms;
};

#define ROW(member, name, type, fallback, min, max, doc)                                                               \
    SETTING(struct product_settings, member, name, type, fallback, min, max, doc)
static const struct setting rows[] = {
    ROW(listen, "product.listen", SETTING_LISTEN, "127.0.0.1:8082", 0, 0,
        "Where the product service listens: addresses with ports, separated by blanks."),
    ROW(order_url, "product.order_url", SETTING_URL, "http://127.0.0.1:8081", 1, 256, "Where the order service is."),
    ROW(stock_url, "product.stock_url", SETTING_URL, "http://127.0.0.1:8083", 1, 256, "Where the stock service is."),
    ROW(start_after_ms, "product.start_after_ms", SETTING_MS, "5000", 0, 86400000,
        "The time in which the customer can still change their mind."),
    ROW(brew_ms, "product.brew_ms", SETTING_MS, "5000", 0, 86400000, "How long a coffee takes."),
    {.name = "product.mode",
     .type = SETTING_CHOICE,
     .fallback = "auto",
     .choices = "auto|manual",
     .offset = offsetof(struct product_settings, mode),
     .doc = "auto: the timer starts and finishes; manual: a barista does."},
    /* An order's, as customers know it; it is the kitchen that knows who waits (ADR 48). */
    ROW(give_up_after_ms, "order.out_of_stock_cancel_after_ms", SETTING_MS, "0", 0, INT64_C(30) * 86400000,
        "An order that has waited for goods for so long is cancelled by the shop and paid back; 0: never."),
    ROW(max_asks, "product.max_asks", SETTING_INT, "4096", 1, 1000000,
        "Tickets for which stock is being asked at a time."),
    BREAKER_SETTING(struct product_settings, stock_breaker, "product.stock_breaker", "stock"),
    ROW(fault_delay_ms, "product.fault.delay_ms", SETTING_MS, "0", 0, 600000,
        "With fault.enabled: every request waits so long before it is looked at."),
};

/* What there is of each cell. */
struct product_cell {
    struct product_repo *repo;
    struct product_app app;
};

/* Everything the service is made of, in the order in which it is made. */
struct product_service {
    struct service *service;
    struct menu *menu;
    struct sql_service *store;
    struct stock_caller *stock;
    struct product_cell *cells;
    struct service_cell *parts;
    int32_t n_cells; /* that are open */
    struct product_http http;
};

static int open_cell(struct product_service *self, int32_t number, const struct product_settings_app *settings,
                     const struct cursors *sources)
{
    struct sql_cell *kept = &self->store->cells[number];
    struct product_cell *cell = &self->cells[number];

    cell->repo = product_repo_sql_new(self->store->writes, kept->cell, &kept->retention);
    if (!cell->repo)
        return E_MEMORY;
    struct product_ports ports = {cell->repo, self->stock, service_events(self->service, number), product_event_write};
    int rc = product_app_init(&cell->app, &ports, kept->cell, settings, sources);
    self->parts[number] = (struct service_cell){.core = &cell->app.core,
                                                .cursors = &cell->app.cursors,
                                                .last_position = cell->app.outbox.next - 1,
                                                .last_id = cell->app.last_id};
    return rc;
}

static bool open_cells(struct product_service *self, const struct product_settings *settings, struct buf *problem)
{
    struct cursors sources = {.source = {[PRODUCT_SOURCE_ORDER] = "order", [PRODUCT_SOURCE_STOCK] = "stock"}, .n = 2};
    int32_t n = service_cells(self->service);
    int rc = OK;
    struct product_settings_app app_settings = {
        .policy = {.start_after = settings->start_after_ms * US_PER_MS,
                   .brew = settings->brew_ms * US_PER_MS,
                   .give_up_after = settings->give_up_after_ms * US_PER_MS},
        .manual = settings->mode == 1,
        .most_asks = (size_t)(settings->max_asks / n > 0 ? settings->max_asks / n : 1), /* of each cell */
    };

    if (!service_join(self->service, &sources, true, problem))
        return false;
    self->cells = heap_alloc((size_t)n * sizeof(*self->cells));
    self->parts = heap_alloc((size_t)n * sizeof(*self->parts));
    if (!self->cells || !self->parts) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    while (self->n_cells < n && !rc)
        rc = open_cell(self, self->n_cells++, &app_settings, &sources);
    if (rc)
        buf_printf(problem, "the product database can't be read: %s", error_text(rc));
    return rc == OK;
}

static bool open_all(struct product_service *self, const struct program *program, const struct common_settings *common,
                     const struct product_settings *settings, struct buf *problem)
{
    struct guarded_settings calls = guarded_settings_of(common, settings->stock_breaker);

    self->service = service_new(program, common, problem);
    self->menu = self->service ? menu_load(common->menu, problem) : NULL;
    self->store = self->menu ? sql_service_open(self->service, common, common->store_sql, "product", product_migrations,
                                                product_migrations_count, problem, NULL)
                             : NULL;
    if (!self->store || !sql_service_begin_epoch(self->store, problem))
        return false;
    struct guarded_caller *caller =
        guarded_caller_new("stock", service_loop(self->service), service_client(self->service), &calls);
    self->http.stock = caller;
    self->stock =
        caller ? product_stock_client_new(caller, settings->stock_url, (size_t)common->call_max_batch, self->service)
               : NULL;
    if (!self->stock) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    return open_cells(self, settings, problem);
}

static bool start(struct product_service *self, const struct product_settings *settings, struct buf *problem)
{
    struct service_producer producers[] = {[PRODUCT_SOURCE_ORDER] = {"order", settings->order_url, false},
                                           [PRODUCT_SOURCE_STOCK] = {"stock", settings->stock_url, true}};
    struct service_parts parts = {
        .listen = settings->listen,
        .routes = product_routes,
        .http = &self->http.base,
        .collection = "products",
        .cells = self->parts,
        .producers = producers,
        .n_producers = COUNT_OF(producers),
        .decode = product_event_decode,
        .fault_delay_ms = settings->fault_delay_ms,
    };

    sql_service_fill(self->store, &parts);
    self->http.menu = self->menu;
    self->http.manual = settings->mode == 1;
    self->http.start_after_ms = settings->start_after_ms;
    self->http.brew_ms = settings->brew_ms;
    self->http.reader = self->store->reader;
    return service_start(self->service, &parts, problem);
}

static void close_all(struct product_service *self)
{
    service_free(self->service);
    for (int32_t i = 0; i < self->n_cells; i++) {
        product_app_free(&self->cells[i].app);
        heap_free(self->cells[i].repo);
    }
    heap_free(self->cells);
    heap_free(self->parts);
    product_stock_client_free(self->stock);
    sql_service_close(self->store);
    menu_free(self->menu);
}

static int run(const struct program *program, const struct common_settings *common, const void *settings,
               struct buf *problem)
{
    struct product_service self = {0};

    bool fine = open_all(&self, program, common, settings, problem) && start(&self, settings, problem);
    if (fine)
        service_run(self.service);
    int status = fine ? 0 : sql_service_cannot_start(self.store, problem);
    close_all(&self);
    return status;
}

static struct archive_store *open_archive(const struct common_settings *common, const void *settings,
                                          struct archive_opening *opening, struct buf *problem)
{
    UNUSED(settings);
    return sql_archive_open(common, common->store_sql, "product", product_migrations, product_migrations_count, opening,
                            problem);
}

const struct program product_program = {
    .name = "product",
    .doc = "The kitchen: makes what is ordered, once stock has deducted it.",
    .rows = rows,
    .n_rows = COUNT_OF(rows),
    .settings_size = sizeof(struct product_settings),
    .url = "http://127.0.0.1:8082/products",
    .run = run,
    .open_archive = open_archive,
};
