/* payment_main.c: the composition root of the payment service: the only place that names drivers. */
#include "payment_main.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "file.h"
#include "guarded_caller.h"
#include "http_provider.h"
#include "ledger_provider.h"
#include "menu.h"
#include "payment_app.h"
#include "payment_events.h"
#include "payment_http.h"
#include "payment_order_feed.h"
#include "payment_provider_kept.h"
#include "payment_repo_sql.h"
#include "provider_url.h"
#include "sql_archive.h"
#include "sql_service.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BY_LEDGER, BY_HTTP, BY_TRIAL }; /* the setting payment.provider */
static const char *const provider_names[] = {"ledger", "http", TRIAL_PROVIDER};

struct payment_settings {
    const char *listen;
    const char *order_url;
    int64_t authorization_ms, linger_ms, retry_ms, retry_most_ms;
    int64_t provider, ledger_limit;
    const char *provider_url, *provider_moved_from, *provider_secret, *provider_secret_file, *provider_ca_file;
    int64_t provider_connections, provider_timeout_ms, provider_patience_ms, webhook_tolerance_ms;
    int64_t order_breaker, provider_breaker;
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
    ROW(linger_ms, "payment.linger_ms", SETTING_MS, "10", 0, 1000,
        "What order has said waits so long for company, so that one commit takes it together with the next "
        "authorisations."),
    ROW(retry_ms, "payment.retry_ms", SETTING_MS, "1000", 10, 60000,
        "A provider that owes an answer is asked again after so long, then twice as long …"),
    ROW(retry_most_ms, "payment.retry_most_ms", SETTING_MS, "30000", 10, 3600000, "… up to this."),
    BREAKER_SETTING(struct payment_settings, order_breaker, "payment.order_breaker", "order"),
    {.name = "payment.provider",
     .type = SETTING_CHOICE,
     .fallback = "ledger",
     .choices = "ledger|http|" TRIAL_PROVIDER,
     .doc =
         "Who moves the money: the till at the counter, or a provider that is asked over HTTP; trial: the till plays "
         "the provider in a copy of the data, which then stays one.",
     .offset = offsetof(struct payment_settings, provider)},
    ROW(provider_url, "payment.provider_url", SETTING_TEXT, "", 0, 256,
        "Where the provider is: https://host, or http:// and an address of this machine."),
    ROW(provider_moved_from, "payment.provider_moved_from", SETTING_TEXT, "", 0, 256,
        "The payment.provider_url under which the same provider was until now; without it payments that are open with "
        "it stop the start at another one."),
    ROW(provider_secret, "payment.provider_secret", SETTING_SECRET, "", SIGNING_KEY_LEAST, SIGNING_KEY_MOST,
        "What only the provider and the shop know; better in a file."),
    ROW(provider_secret_file, "payment.provider_secret_file", SETTING_TEXT, "", 0, 1024,
        "The file that has it; not for everybody to read."),
    ROW(provider_ca_file, "payment.provider_ca_file", SETTING_TEXT, "", 0, 1024,
        "Whose certificates are believed (PEM); empty: those that the system believes."),
    ROW(provider_connections, "payment.provider_connections", SETTING_INT, "16", 1, 1024,
        "Connections to the provider at a time, apart from those to other services (call.max_connections)."),
    ROW(provider_timeout_ms, "payment.provider_timeout_ms", SETTING_MS, "5000", 10, 60000,
        "A question to the provider is given up after so long, and asked again."),
    ROW(provider_patience_ms, "payment.provider_patience_ms", SETTING_MS, "500", 0, 60000,
        "Order is answered \"pending\" when the provider takes longer; less than order's call.timeout_ms."),
    ROW(webhook_tolerance_ms, "payment.webhook_tolerance_ms", SETTING_MS, "300000", 1000, 3600000,
        "What the provider says is believed when it was signed at most so long ago, or ahead."),
    BREAKER_SETTING(struct payment_settings, provider_breaker, "payment.provider_breaker", "the provider"),
    ROW(ledger_limit, "payment.ledger.limit", SETTING_INT, "0", 0, INT64_MAX,
        "The till declines a payment of more than this, in the currency's minor unit; 0: never for its amount."),
    ROW(fault_delay_ms, "payment.fault.delay_ms", SETTING_MS, "0", 0, 600000,
        "With fault.enabled: every request waits so long before it is looked at."),
};

/* What there is of each cell. */
struct payment_cell {
    struct payment_repo *repo;
    struct payment_app app;
};

/* Everything the service is made of, in the order in which it is made. */
struct payment_service {
    struct service *service;
    struct menu *menu;
    struct sql_service *store;
    struct ledger_provider ledger;
    struct signing_key *provider_key;
    struct payment_provider *http_provider;
    struct order_feed *orders;
    struct payment_cell *cells;
    struct service_cell *parts;
    int32_t n_cells; /* that are open */
    struct payment_http http;
};

/* Other files lie beside the zones, and what is none of them is taken for UTC. */
static bool is_zone(const char *zone)
{
    static const struct str magic = STR_INIT("TZif"); /* RFC 9636, 3.1 */
    struct buf path = {0};
    char begins[4];
    const char *wrong;

    buf_printf(&path, "/usr/share/zoneinfo/%s", zone);
    buf_char(&path, '\0');
    int fd = path.failed || zone[0] == '/' || zone[0] == '.' ? -1 : file_open(path.p, &wrong);
    buf_free(&path);
    if (fd < 0)
        return false;
    bool is_one = read(fd, begins, sizeof(begins)) == (ssize_t)magic.n && memcmp(begins, magic.p, magic.n) == 0;
    close(fd);
    return is_one;
}

/* mktime() and localtime_r() go by it. Before there is another thread. */
static bool take_timezone(const char *zone, struct buf *problem)
{
    if (!is_zone(zone)) {
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

static void take_answer(void *context, struct command *answer)
{
    const struct payment_service *self = context;
    const struct payment_command *command = CONTAINER_OF(answer, struct payment_command, base);

    answer->cell = service_cell_of_id(self->service, command->steps[0].payment_id);
    (void)writer_post(service_writer(self->service), answer); /* of an effect: always taken */
}

/* NULL and a sentence. */
static struct signing_key *read_secret(const struct payment_settings *settings, struct buf *problem)
{
    bool in_file = settings->provider_secret_file[0];
    struct str secret = str_of(settings->provider_secret);

    if (in_file == (secret.n > 0)) {
        buf_printf(problem, "payment.provider is http: it needs its secret, by payment.provider_secret_file or "
                            "COFFEESHOP_PAYMENT_PROVIDER_SECRET, one of them");
        return NULL;
    }
    if (in_file)
        return signing_key_from_file(settings->provider_secret_file, problem);
    struct signing_key *key = signing_key_from_text(secret, problem);
    explicit_bzero((char *)settings->provider_secret, secret.n); /* the environment's: config.h */
    return key;
}

static bool is_reachable(const struct payment_settings *settings, struct buf *problem)
{
    const char *wrong = provider_url_problem(str_of(settings->provider_url));

    if (wrong) {
        buf_printf(problem, "payment.provider is http: payment.provider_url %s", wrong);
        return false;
    }
    if (!settings->provider_ca_file[0])
        return true;
    int fd = file_open(settings->provider_ca_file, &wrong);
    if (fd < 0)
        buf_printf(problem, "payment.provider_ca_file is %s, which can't be read: %s", settings->provider_ca_file,
                   wrong);
    else
        close(fd);
    return fd >= 0;
}

static bool open_http_provider(struct payment_service *self, const struct common_settings *common,
                               const struct payment_settings *settings, struct buf *problem)
{
    struct guarded_settings calls = guarded_settings_of(common, settings->provider_breaker);

    if (!is_reachable(settings, problem))
        return false;
    self->provider_key = read_secret(settings, problem);
    if (!self->provider_key)
        return false;
    struct http_client *client = service_client_apart(self->service, settings->provider_connections);
    if (!client) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    if (settings->provider_ca_file[0])
        http_client_trust(client, settings->provider_ca_file);
    calls.timeout_ms = settings->provider_timeout_ms;
    struct http_provider_parts parts = {
        .loop = service_loop(self->service),
        .caller = guarded_caller_new("provider", service_loop(self->service), client, &calls),
        .url = settings->provider_url,
        .key = self->provider_key,
        .patience_us = settings->provider_patience_ms * US_PER_MS,
        .answered = take_answer,
        .context = self,
    };
    self->http_provider = parts.caller ? http_provider_new(&parts) : NULL;
    if (!self->http_provider)
        BUF_LIT(problem, "out of memory");
    self->http.provider = parts.caller;
    self->http.provider_key = self->provider_key;
    self->http.webhook_tolerance_ms = settings->webhook_tolerance_ms;
    payment_webhook_init();
    return self->http_provider != NULL;
}

static bool keep_provider(struct payment_service *self, const struct payment_settings *settings, struct buf *problem)
{
    const struct provider_set set = {.name = provider_names[settings->provider],
                                     .url = settings->provider == BY_HTTP ? settings->provider_url : "",
                                     .moved_from = settings->provider_moved_from};

    return payment_provider_keep(self->store->connection, &set, problem);
}

static int open_cell(struct payment_service *self, int32_t number, const struct payment_policy *policy,
                     const struct cursors *sources)
{
    struct sql_cell *kept = &self->store->cells[number];
    struct payment_cell *cell = &self->cells[number];
    struct payment_provider *provider = self->http_provider ? self->http_provider : &self->ledger.port;

    cell->repo = payment_repo_sql_new(self->store->writes, kept->cell, &kept->retention);
    if (!cell->repo)
        return E_MEMORY;
    struct payment_ports ports = {cell->repo, provider, self->orders, service_events(self->service, number),
                                  payment_event_write};
    int rc = payment_app_init(&cell->app, &ports, kept->cell, policy, sources);
    self->parts[number] = (struct service_cell){
        .core = &cell->app.core, .cursors = &cell->app.cursors, .last_position = cell->app.outbox.next - 1};
    return rc;
}

static bool open_cells(struct payment_service *self, const struct payment_settings *settings, struct buf *problem)
{
    struct cursors sources = {.source = {[PAYMENT_SOURCE_ORDER] = "order"}, .n = 1};
    const struct payment_policy policy = {
        .authorization_us = settings->authorization_ms * US_PER_MS,
        .retry_us = settings->retry_ms * US_PER_MS,
        .retry_most_us = settings->retry_most_ms * US_PER_MS,
    };
    int32_t n = service_cells(self->service);
    int rc = OK;

    if (!service_join(self->service, &sources, true, problem))
        return false;
    self->cells = heap_alloc((size_t)n * sizeof(*self->cells));
    self->parts = heap_alloc((size_t)n * sizeof(*self->parts));
    if (!self->cells || !self->parts) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    while (self->n_cells < n && !rc)
        rc = open_cell(self, self->n_cells++, &policy, &sources);
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
    self->store = self->menu ? sql_service_open(self->service, common, common->store_sql, "payment", payment_migrations,
                                                payment_migrations_count, problem, NULL)
                             : NULL;
    if (!self->store || !sql_service_begin_epoch(self->store, problem))
        return false;
    payment_events_init();
    ledger_provider_init(&self->ledger, self->menu->currency, settings->ledger_limit);
    self->http.order = guarded_caller_new("order", service_loop(self->service), service_client(self->service), &calls);
    self->http.order_url = settings->order_url;
    self->orders = self->http.order ? payment_order_feed_new(self->http.order, settings->order_url,
                                                             service_cells(self->service), self->service)
                                    : NULL;
    if (!self->orders) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    if (settings->provider == BY_HTTP && !open_http_provider(self, common, settings, problem))
        return false;
    if (!keep_provider(self, settings, problem))
        return false;
    return open_cells(self, settings, problem);
}

static bool start(struct payment_service *self, const struct common_settings *common,
                  const struct payment_settings *settings, struct buf *problem)
{
    struct service_producer producers[] = {[PAYMENT_SOURCE_ORDER] = {"order", settings->order_url, false}};
    struct service_parts parts = {
        .listen = settings->listen,
        .routes = payment_routes,
        .http = &self->http.base,
        .collection = "payments",
        .cells = self->parts,
        .producers = producers,
        .n_producers = COUNT_OF(producers),
        .decode = payment_event_decode,
        .linger_us = settings->linger_ms * US_PER_MS,
        .fault_delay_ms = settings->fault_delay_ms,
    };

    sql_service_fill(self->store, &parts);
    self->http.n_cells = self->n_cells;
    self->http.timezone = common->timezone;
    self->http.reader = self->store->reader;
    return service_start(self->service, &parts, problem);
}

static void close_all(struct payment_service *self)
{
    if (self->service && service_writer(self->service)) {
        writer_stop(service_writer(self->service));
        for (int32_t i = 0; i < self->n_cells; i++)
            payment_app_let_go(&self->cells[i].app);
    }
    service_free(self->service);
    http_provider_free(self->http_provider);
    signing_key_free(self->provider_key);
    for (int32_t i = 0; i < self->n_cells; i++) {
        payment_app_free(&self->cells[i].app);
        heap_free(self->cells[i].repo);
    }
    heap_free(self->cells);
    heap_free(self->parts);
    payment_order_feed_free(self->orders);
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
    int status = fine ? 0 : sql_service_cannot_start(self.store, problem);
    close_all(&self);
    return status;
}

static struct archive_store *open_archive(const struct common_settings *common, const void *settings,
                                          struct archive_opening *opening, struct buf *problem)
{
    UNUSED(settings);
    return sql_archive_open(common, common->store_sql, "payment", payment_migrations, payment_migrations_count, opening,
                            problem);
}

const struct program payment_program = {
    .name = "payment",
    .doc = "Authorises what an order costs, takes it when the order is there, and gives it back.",
    .rows = rows,
    .n_rows = COUNT_OF(rows),
    .settings_size = sizeof(struct payment_settings),
    .url = "http://127.0.0.1:8085/payments",
    .run = run,
    .open_archive = open_archive,
};
