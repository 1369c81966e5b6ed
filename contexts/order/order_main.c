/* order_main.c: the composition root of the order service: the only place that names drivers. */
#include "order_main.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "guarded_caller.h"
#include "order_app.h"
#include "order_events.h"
#include "order_http.h"
#include "order_payment_client.h"
#include "order_product_client.h"
#include "order_repo_sql.h"
#include "sql_archive.h"
#include "sql_service.h"

struct order_settings {
    const char *listen;
    const char *product_url;
    const char *payment_url, *payment_methods;
    int64_t product_breaker, payment_breaker, payment_linger_ms;
};

static const struct setting rows[] = {
    SETTING(struct order_settings, listen, "order.listen", SETTING_LISTEN, "127.0.0.1:8081", 0, 0,
            "Where the order service listens: addresses with ports, separated by blanks."),
    SETTING(struct order_settings, product_url, "order.product_url", SETTING_URL, "http://127.0.0.1:8082", 1, 256,
            "Where the product service is."),
    BREAKER_SETTING(struct order_settings, product_breaker, "order.product_breaker", "product"),
    SETTING(struct order_settings, payment_url, "order.payment_url", SETTING_URL, "", 0, 256,
            "Where the payment service is, which every order is paid by before it exists; empty: paid at the counter."),
    SETTING(struct order_settings, payment_methods, "order.payment_methods", SETTING_TEXT,
            "card cash points test-declined test-insufficient test-unknown", 1, 256,
            "Ways to pay, separated by blanks; the first is what who names none pays by."),
    SETTING(struct order_settings, payment_linger_ms, "order.payment_linger_ms", SETTING_MS, "10", 0, 1000,
            "While payment is asked, what else is to be asked waits so long for the answer, and is asked together."),
    BREAKER_SETTING(struct order_settings, payment_breaker, "order.payment_breaker", "payment"),
};

/* What there is of each cell. */
struct order_cell {
    struct order_repo *repo;
    struct order_app app;
};

/* Everything the service is made of, in the order in which it is made. */
struct order_service {
    struct service *service;
    struct menu *menu;
    struct sql_service *store;
    struct order_product_caller *product;
    struct order_payment_caller *payment; /* NULL: paid at the counter */
    struct order_cell *cells;
    struct service_cell *parts;
    int32_t n_cells; /* that are open */
    struct order_http http;
};

/* Payment takes no longer one (api/openapi.yaml); and what everybody pays by has to be something. */
static bool are_methods(struct str methods, struct buf *problem)
{
    if (str_trim(methods).n == 0)
        BUF_LIT(problem, "order.payment_methods names no way to pay");
    while (methods.n && problem->n == 0) {
        struct str word = str_split(methods, ' ', &methods);
        if (!str_is_utf8(word) || str_characters(word) > ORDER_PAYMENT_METHOD)
            buf_printf(problem, "order.payment_methods: \"%.*s\" has more than %d characters", STR_ARG(word),
                       ORDER_PAYMENT_METHOD);
    }
    return problem->n == 0;
}

/* Payment's own breaker: what it does to orders doesn't keep them from being cancelled. */
static bool open_payment(struct order_service *self, const struct common_settings *common,
                         const struct order_settings *settings)
{
    struct guarded_settings calls = guarded_settings_of(common, settings->payment_breaker);

    self->http.payment_methods = str_trim(str_of(settings->payment_methods));
    if (!settings->payment_url[0])
        return true;
    struct guarded_caller *caller =
        guarded_caller_new("payment", service_loop(self->service), service_client(self->service), &calls);
    self->http.payment = caller;
    self->payment = caller ? order_payment_client_new(caller, settings->payment_url, service_cells(self->service),
                                                      (size_t)common->call_max_batch,
                                                      settings->payment_linger_ms * US_PER_MS, self->service)
                           : NULL;
    return self->payment != NULL;
}

static int open_cell(struct order_service *self, int32_t number, const struct cursors *sources)
{
    struct sql_cell *kept = &self->store->cells[number];
    struct order_cell *cell = &self->cells[number];

    cell->repo = order_repo_sql_new(self->store->writes, kept->cell, &kept->retention);
    if (!cell->repo)
        return E_MEMORY;
    struct order_ports ports = {cell->repo, self->product, service_events(self->service, number), order_event_write,
                                self->payment};
    int rc = order_app_init(&cell->app, &ports, kept->cell, sources);
    self->parts[number] = (struct service_cell){.core = &cell->app.core,
                                                .cursors = &cell->app.cursors,
                                                .last_position = cell->app.outbox.next - 1,
                                                .last_id = cell->app.last_id};
    return rc;
}

static bool open_cells(struct order_service *self, const struct cursors *sources, struct buf *problem)
{
    int32_t n = service_cells(self->service);
    int rc = OK;

    self->cells = heap_alloc((size_t)n * sizeof(*self->cells));
    self->parts = heap_alloc((size_t)n * sizeof(*self->parts));
    if (!self->cells || !self->parts) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    while (self->n_cells < n && !rc)
        rc = open_cell(self, self->n_cells++, sources);
    if (rc)
        buf_printf(problem, "the order database can't be read: %s", error_text(rc));
    return rc == OK;
}

static bool open_all(struct order_service *self, const struct program *program, const struct common_settings *common,
                     const struct order_settings *settings, struct buf *problem)
{
    struct cursors sources = {.source = {[ORDER_SOURCE_PRODUCT] = "product", [ORDER_SOURCE_PAYMENT] = "payment"},
                              .n = settings->payment_url[0] ? 2 : 1};
    struct guarded_settings calls = guarded_settings_of(common, settings->product_breaker);

    if (!are_methods(str_of(settings->payment_methods), problem))
        return false;
    self->service = service_new(program, common, problem);
    self->menu = self->service ? menu_load(common->menu, problem) : NULL;
    self->store = self->menu ? sql_service_open(self->service, common, common->store_sql, "order", order_migrations,
                                                order_migrations_count, problem, NULL)
                             : NULL;
    if (!self->store || !sql_service_begin_epoch(self->store, problem) ||
        !service_join(self->service, &sources, true, problem))
        return false;
    struct guarded_caller *caller =
        guarded_caller_new("product", service_loop(self->service), service_client(self->service), &calls);
    self->http.product = caller;
    self->product = caller ? order_product_client_new(caller, settings->product_url, self->service) : NULL;
    if (!self->product || !open_payment(self, common, settings)) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    return open_cells(self, &sources, problem);
}

static bool start(struct order_service *self, const struct order_settings *settings, struct buf *problem)
{
    struct service_producer producers[] = {[ORDER_SOURCE_PRODUCT] = {"product", settings->product_url, false},
                                           [ORDER_SOURCE_PAYMENT] = {"payment", settings->payment_url, false}};
    struct service_parts parts = {
        .listen = settings->listen,
        .routes = order_routes,
        .http = &self->http.base,
        .collection = "orders",
        .cells = self->parts,
        .producers = producers,
        .n_producers = self->payment ? COUNT_OF(producers) : 1,
        .decode = order_event_decode,
        .rekeys = true,
    };

    sql_service_fill(self->store, &parts);
    self->http.menu = self->menu;
    self->http.app = &self->cells[0].app;
    self->http.reader = self->store->reader;
    return service_start(self->service, &parts, problem);
}

static void close_all(struct order_service *self)
{
    service_free(self->service);
    for (int32_t i = 0; i < self->n_cells; i++) {
        order_app_free(&self->cells[i].app);
        heap_free(self->cells[i].repo);
    }
    heap_free(self->cells);
    heap_free(self->parts);
    order_product_client_free(self->product);
    order_payment_client_free(self->payment);
    sql_service_close(self->store);
    menu_free(self->menu);
}

static int run(const struct program *program, const struct common_settings *common, const void *settings,
               struct buf *problem)
{
    struct order_service self = {0};

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
    return sql_archive_open(common, common->store_sql, "order", order_migrations, order_migrations_count, opening,
                            problem);
}

const struct program order_program = {
    .name = "order",
    .doc = "Takes orders and cancels them while that is possible.",
    .rows = rows,
    .n_rows = COUNT_OF(rows),
    .settings_size = sizeof(struct order_settings),
    .url = "http://127.0.0.1:8081/orders",
    .run = run,
    .open_archive = open_archive,
};
