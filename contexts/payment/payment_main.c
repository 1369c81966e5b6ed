/* payment_main.c: the composition root of the payment service: the only place that names drivers. */
#include "payment_main.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "guarded_caller.h"
#include "ledger_provider.h"
#include "menu.h"
#include "payment_app.h"
#include "payment_events.h"
#include "payment_http.h"
#include "payment_order_feed.h"
#include "payment_repo_sql.h"
#include "sql_service.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct payment_settings {
    const char *listen;
    const char *order_url;
    int64_t authorization_ms, retry_ms, retry_most_ms;
    int64_t ledger_limit;
    int64_t order_breaker;
    int64_t fault_delay_ms;
};

#define ROW(member, name, type, fallback, min, max, doc)                                                               \
    SETTING(struct payment_settings, member, name, type, fallback, min, max, doc)
static const struct setting rows[] = {
    ROW(listen, "payment.listen", SETTING_LISTEN, "127.0.0.1:8085", 0, 0,
        "Where the payment service listens: addresses with ports, separated by blanks."),
    ROW(order_url, "payment.order_url", SETTING_URL, "http://127.0.0.1:8081", 1, 256, "Where the order service is."),
    /* At most half of the shortest idempotency.retain_hours: a key that is used anew never meets its first payment. */
    ROW(authorization_ms, "payment.authorization_ms", SETTING_MS, "600000", 1000, 1800000,
        "An authorisation whose order never came is given back after so long."),
    ROW(retry_ms, "payment.retry_ms", SETTING_MS, "1000", 10, 60000,
        "A provider that owes an answer is asked again after so long, then twice as long …"),
    ROW(retry_most_ms, "payment.retry_most_ms", SETTING_MS, "30000", 10, 3600000, "… up to this."),
    BREAKER_SETTING(struct payment_settings, order_breaker, "payment.order_breaker", "order"),
    ROW(ledger_limit, "payment.ledger.limit", SETTING_INT, "0", 0, INT64_MAX,
        "The till declines a payment of more than this, in the currency's minor unit; 0: never for its amount."),
    ROW(fault_delay_ms, "payment.fault.delay_ms", SETTING_MS, "0", 0, 600000,
        "With fault.enabled: every request waits so long before it is looked at."),
};

/* Everything the service is made of, in the order in which it is made. */
struct payment_service {
    struct service *service;
    struct menu *menu;
    struct sql_service *store;
    struct payment_repo *repo;
    struct ledger_provider ledger;
    struct order_feed *orders;
    struct payment_app app;
    struct payment_http http;
};

/* mktime() and localtime_r() go by it. Before there is another thread. */
static bool take_timezone(const char *zone, struct buf *problem)
{
    struct buf path = {0};

    buf_printf(&path, "/usr/share/zoneinfo/%s", zone);
    buf_char(&path, '\0');
    bool known = !path.failed && zone[0] != '/' && zone[0] != '.' && access(path.p, R_OK) == 0;
    buf_free(&path);
    if (!known) {
        buf_printf(problem, "timezone %s isn't known here; is tzdata installed?", zone);
        return false;
    }
    if (setenv("TZ", zone, 1)) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    tzset();
    return true;
}

static bool open_app(struct payment_service *self, const struct payment_settings *settings, struct buf *problem)
{
    static const struct cursors sources = {.source = {[PAYMENT_SOURCE_ORDER] = "order"}, .n = 1};
    struct payment_ports ports = {self->repo, &self->ledger.port, self->orders, service_events(self->service),
                                  payment_event_write};
    struct payment_policy policy = {
        .authorization_us = settings->authorization_ms * US_PER_MS,
        .retry_us = settings->retry_ms * US_PER_MS,
        .retry_most_us = settings->retry_most_ms * US_PER_MS,
    };

    int rc = payment_app_init(&self->app, &ports, &policy, &sources);
    if (rc)
        buf_printf(problem, "the payment database can't be read: %s", error_text(rc));
    return rc == OK;
}

static bool open_all(struct payment_service *self, const struct program *program, const struct common_settings *common,
                     const struct payment_settings *settings, struct buf *problem)
{
    struct guarded_settings calls = guarded_settings_of(common, settings->order_breaker);

    if (!take_timezone(common->timezone, problem))
        return false;
    self->service = service_new(program, common, problem);
    self->menu = self->service ? menu_load(common->menu, problem) : NULL;
    self->store = self->menu ? sql_service_open(self->service, common, "payment", payment_migrations,
                                                payment_migrations_count, problem)
                             : NULL;
    if (!self->store || !sql_service_begin_epoch(self->store, problem))
        return false;
    self->repo = payment_repo_sql_new(self->store->writes, &self->store->retention);
    ledger_provider_init(&self->ledger, self->menu->currency, settings->ledger_limit);
    struct guarded_caller *caller =
        guarded_caller_new("order", service_loop(self->service), service_client(self->service), &calls);
    self->orders = caller ? payment_order_feed_new(caller, settings->order_url, self->service) : NULL;
    if (!self->repo || !self->orders) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    return open_app(self, settings, problem);
}

static bool start(struct payment_service *self, const struct common_settings *common,
                  const struct payment_settings *settings, struct buf *problem)
{
    struct service_producer producers[] = {[PAYMENT_SOURCE_ORDER] = {"order", settings->order_url}};
    struct service_parts parts = {
        .listen = settings->listen,
        .routes = payment_routes,
        .http = &self->http.base,
        .collection = "payments",
        .core = &self->app.core,
        .producers = producers,
        .n_producers = COUNT_OF(producers),
        .cursors = &self->app.cursors,
        .decode = payment_event_decode,
        .last_position = self->app.outbox.next - 1,
        .fault_delay_ms = settings->fault_delay_ms,
    };

    sql_service_fill(self->store, &parts);
    self->http.timezone = common->timezone;
    self->http.reads = self->store->reads;
    self->http.reader = self->store->reader;
    return service_start(self->service, &parts, problem);
}

static void close_all(struct payment_service *self)
{
    service_free(self->service);
    payment_app_free(&self->app);
    payment_order_feed_free(self->orders);
    heap_free(self->repo);
    sql_service_close(self->store);
    menu_free(self->menu);
}

static int run(const struct program *program, const struct common_settings *common, const void *settings,
               struct buf *problem)
{
    struct payment_service self = {0};

    bool fine = open_all(&self, program, common, settings, problem) && start(&self, common, settings, problem);
    if (fine)
        service_run(self.service);
    close_all(&self);
    return fine ? 0 : 1;
}

const struct program payment_program = {
    .name = "payment",
    .doc = "Authorises what an order costs, takes it when the order is there, and gives it back.",
    .rows = rows,
    .n_rows = COUNT_OF(rows),
    .settings_size = sizeof(struct payment_settings),
    .url = "http://127.0.0.1:8085/payments",
    .run = run,
};
