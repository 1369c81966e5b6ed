/* gateway_main.c: `coffeeshop gateway`: writes nginx's directory and runs nginx in it. */
#include "gateway_main.h"

#include "gateway_directory.h"
#include "gateway_surroundings.h"
#include "http_listen.h"
#include "nginx_conf.h"
#include "nginx_lock.h"
#include "nginx_process.h"
#include "open_files.h"

#include <unistd.h>

#define ROW(member, type, fallback, min, max, doc)                                                                     \
    SETTING(struct gateway_settings, member, "gateway." #member, type, fallback, min, max, doc)

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* clang-format off: a table is read by its columns */
static const struct setting rows[] = {
    ROW(listen, SETTING_LISTEN, "127.0.0.1:8088", 0, 0,
        "Where the gateway listens: addresses with ports, separated by blanks (0.0.0.0:8088 [::]:8088: everywhere)."),
    ROW(order_url, SETTING_URLS, "http://127.0.0.1:8081", 1, 0,
        "Where order is; of several replicas all, separated by blanks."),
    ROW(product_url, SETTING_URLS, "http://127.0.0.1:8082", 1, 0, "Where product is."),
    ROW(stock_url, SETTING_URLS, "http://127.0.0.1:8083", 1, 0, "Where stock is."),
    ROW(customercenter_url, SETTING_URLS, "http://127.0.0.1:8084", 1, 0, "Where customercenter is."),
    ROW(payment_url, SETTING_URLS, "http://127.0.0.1:8085", 1, 0,
        "Where payment is; without one, what is asked of it gets 503."),
    ROW(max_body, SETTING_BYTES, "64KiB", 64, 64 << 20, "Largest request body; more gets 413."),
    ROW(rate, SETTING_INT, "200", 1, 1000000, "Requests a second of one client address; more get 429."),
    ROW(burst, SETTING_INT, "400", 1, 1000000, "So many more may come at once."),
    ROW(connections, SETTING_INT, "128", 1, 65535,
        "Requests under way at a time of one client address, without its streams; more get 429."),
    ROW(streams, SETTING_INT, "512", 1, 65535, "Streams at a time of one client address; more get 429."),
    ROW(unlimited, SETTING_TEXT, "127.0.0.0/8 ::1", 0, 4096, "Addresses and networks without those limits."),
    ROW(operators, SETTING_TEXT, "127.0.0.0/8 ::1", 0, 4096,
        "Addresses and networks that may read the services' figures (/ops/<service>/metrics), and see and give back "
        "payments."),
    ROW(max_connections, SETTING_INT, "8192", 16, 1000000,
        "Connections of a worker, to clients and to services together."),
    ROW(header_ms, SETTING_MS, "10000", 100, HOUR,
        "A request's headers have to arrive within; else the connection is closed without an answer."),
    ROW(body_ms, SETTING_MS, "10000", 100, HOUR,
        "Longest pause within a request's body; then the connection is closed without an answer."),
    ROW(send_ms, SETTING_MS, "10000", 100, HOUR, "Longest time in which a client takes nothing of its answer."),
    ROW(idle_ms, SETTING_MS, "60000", 0, HOUR, "An idle connection of a client is kept so long."),
    ROW(connect_ms, SETTING_MS, "1000", 10, MINUTE, "A service has to accept a connection within; else 503."),
    ROW(answer_ms, SETTING_MS, "15000", 100, HOUR, "A service has to answer within; else 503."),
    ROW(health_ms, SETTING_MS, "2000", 10, MINUTE,
        "A service has to say how it is (/health/<service>, /ops/<service>/metrics) within; else it does not answer: "
        "503."),
    ROW(menu_ms, SETTING_MS, "2000", 10, MINUTE, "The view has to say the menu within; else order does."),
    ROW(stream_ms, SETTING_MS, "3600000", SECOND, DAY, "A stream without an event or heartbeat for so long is closed."),
    ROW(hosts, SETTING_TEXT, "", 0, 4096,
        "Names the shop may be asked under, separated by blanks; *.a.example: all below it; *: any. Addresses, names "
        "without a dot, localhost and this machine's name need not be named; who asks under another gets 421."),
    ROW(cors_origins, SETTING_TEXT, "", 0, 4096,
        "Origins besides the shop's own whose pages may use it, like https://a.example, separated by blanks; *: all, "
        "without credentials."),
    ROW(trusted_proxy, SETTING_TEXT, "", 0, 4096,
        "Addresses and networks of proxies before the gateway: their X-Forwarded-For, -Proto and -Host are believed."),
    ROW(tls_certificate, SETTING_TEXT, "", 0, 1024,
        "File with the certificate and its chain (PEM); with it the gateway speaks TLS, and HTTP/2."),
    ROW(tls_key, SETTING_TEXT, "", 0, 1024, "File with the certificate's key (PEM)."),
    ROW(workers, SETTING_INT, "1", 1, 256,
        "Processes of nginx that serve; one is enough for a machine with a few cores."),
    ROW(nginx, SETTING_TEXT, "nginx", 1, 1024, "The program nginx: a path, or a name found in PATH or /usr/sbin."),
    ROW(user, SETTING_TEXT, "www-data", 1, 64, "Started as root: the user of nginx's workers."),
    ROW(access_log, SETTING_TEXT, "off", 1, 1024,
        "File of the access log (as /dev/stdout), from where the gateway is started; or off."),
};
/* clang-format on */

static int run_in(const char *directory, const struct common_settings *common, const struct gateway_settings *settings,
                  const struct nginx_surroundings *surroundings, const char *nginx, struct buf *problem)
{
    struct buf configuration = {0};
    struct buf lock = {0};
    int status = 1;

    buf_printf(&lock, "%s/nginx.lock", directory);
    nginx_conf_write(settings, surroundings, &configuration);
    int nginx_lock_fd = !lock.failed && gateway_directory_make(directory, problem) ? nginx_lock(lock.p, problem) : -1;
    /* nginx itself would try for seconds and say it in its own words */
    if (nginx_lock_fd >= 0 && !configuration.failed && http_can_listen(settings->listen, problem) &&
        gateway_directory_fill(directory, buf_str(&configuration), problem)) {
        const struct nginx_process process = {.program = nginx,
                                              .directory = directory,
                                              .lock_fd = nginx_lock_fd,
                                              .drain_ms = common->drain_ms,
                                              .stop_ms = common->stop_ms};
        log_info("listening", LOG_T("address", settings->listen), LOG_T("nginx", nginx));
        status = nginx_run(&process, problem);
    }
    if (nginx_lock_fd >= 0)
        close(nginx_lock_fd);
    buf_free(&lock);
    buf_free(&configuration);
    return status;
}

enum {
    OWN_FILES = 64, /* of a worker: logs, listeners, files that are sent */
    LEAST_CONNECTIONS = 16,
};

/* A connection more than there are descriptors for would be refused without a word. */
static bool fit_open_files(struct gateway_settings *settings, struct buf *problem)
{
    int64_t limit = open_files_raise();
    int64_t room = limit - OWN_FILES;

    if (room >= settings->max_connections)
        return true;
    if (room < LEAST_CONNECTIONS) {
        buf_printf(problem,
                   "a limit of %lld open files leaves no room for clients; raise it (ulimit -Hn, LimitNOFILE=)",
                   (long long)limit);
        return false;
    }
    log_warning("fewer connections than gateway.max_connections", LOG_I("connections", room),
                LOG_I("wanted", settings->max_connections), LOG_I("limit_of_open_files", limit));
    settings->max_connections = room;
    return true;
}

/* Alone in the directory, with what the machine has to give. */
static int run_alone(const struct common_settings *common, const struct gateway_settings *settings, const char *nginx,
                     struct buf *problem)
{
    struct nginx_surroundings surroundings;
    struct gateway_texts texts = {0};
    struct buf directory = {0};
    struct buf lock = {0};
    int status = 1;

    buf_printf(&directory, "%s/gateway", common->data);
    buf_printf(&lock, "%s/gateway.lock", common->data);
    bool ok = !directory.failed && !lock.failed &&
              gateway_surroundings_find(settings, common, &texts, &surroundings, problem);
    int lock_fd = ok ? gateway_lock(lock.p, common->stop_ms, problem) : -1;
    if (lock_fd >= 0) {
        status = run_in(directory.p, common, settings, &surroundings, nginx, problem);
        close(lock_fd);
    }
    gateway_texts_free(&texts);
    buf_free(&lock);
    buf_free(&directory);
    return status;
}

static int gateway_run(const struct program *self, const struct common_settings *common, const void *own,
                       struct buf *problem)
{
    struct gateway_settings settings = *(const struct gateway_settings *)own;
    struct buf nginx = {0};
    int status = 1;

    UNUSED(self);
    if (gateway_settings_check(&settings, problem) && fit_open_files(&settings, problem) &&
        nginx_find(settings.nginx, &nginx, problem))
        status = run_alone(common, &settings, nginx.p, problem);
    buf_free(&nginx);
    return status;
}

const struct program gateway_program = {
    .name = "gateway",
    .doc = "One door to all services: routes, limits, the start page (nginx).",
    .rows = rows,
    .n_rows = COUNT_OF(rows),
    .settings_size = sizeof(struct gateway_settings),
    .url = "http://127.0.0.1:8088",
    .run = gateway_run,
};
