/* gateway_main.c: `coffeeshop gateway`: writes nginx's directory and runs nginx in it. */
#include "gateway_main.h"

#include "embedded.h"
#include "gateway_settings.h"
#include "nginx_conf.h"
#include "nginx_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROW(member, type, fallback, min, max, doc)                                                                     \
    SETTING(struct gateway_settings, member, "gateway." #member, type, fallback, min, max, doc)

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* clang-format off: a table is read by its columns */
static const struct setting rows[] = {
    ROW(listen, SETTING_LISTEN, "127.0.0.1:8088", 0, 0, "Where the gateway listens."),
    ROW(order_url, SETTING_URL, "http://127.0.0.1:8081", 1, 0, "Where order is."),
    ROW(product_url, SETTING_URL, "http://127.0.0.1:8082", 1, 0, "Where product is."),
    ROW(stock_url, SETTING_URL, "http://127.0.0.1:8083", 1, 0, "Where stock is."),
    ROW(customercenter_url, SETTING_URL, "http://127.0.0.1:8084", 1, 0, "Where customercenter is."),
    ROW(max_body, SETTING_BYTES, "64KiB", 64, 64 << 20, "Largest request body; more gets 413."),
    ROW(rate, SETTING_INT, "200", 1, 1000000, "Requests a second of one client address; more get 429."),
    ROW(burst, SETTING_INT, "400", 1, 1000000, "So many more may come at once."),
    ROW(connections, SETTING_INT, "128", 1, 65535, "Requests under way at a time of one client address; more get 429."),
    ROW(unlimited, SETTING_TEXT, "127.0.0.0/8 ::1", 0, 4096, "Addresses and networks without those limits."),
    ROW(operators, SETTING_TEXT, "127.0.0.0/8 ::1", 0, 4096,
        "Addresses and networks that may read the services' figures (/ops/<service>/metrics)."),
    ROW(max_connections, SETTING_INT, "8192", 16, 1000000,
        "Connections of a worker, to clients and to services together."),
    ROW(header_ms, SETTING_MS, "10000", 100, HOUR, "A request's headers have to arrive within."),
    ROW(body_ms, SETTING_MS, "10000", 100, HOUR, "Longest pause within a request's body."),
    ROW(send_ms, SETTING_MS, "10000", 100, HOUR, "Longest time in which a client takes nothing of its answer."),
    ROW(idle_ms, SETTING_MS, "60000", 0, HOUR, "An idle connection of a client is kept so long."),
    ROW(connect_ms, SETTING_MS, "1000", 10, MINUTE, "A service has to accept a connection within; else 503."),
    ROW(answer_ms, SETTING_MS, "15000", 100, HOUR, "A service has to answer within; else 503."),
    ROW(stream_ms, SETTING_MS, "3600000", SECOND, DAY, "A stream without an event or heartbeat for so long is closed."),
    ROW(cors_origin, SETTING_TEXT, "*", 0, 4096,
        "Origins whose pages may use the shop, with credentials: any (*), a list, or none."),
    ROW(workers, SETTING_INT, "1", 1, 256,
        "Processes of nginx that serve; one is enough for a machine with a few cores."),
    ROW(nginx, SETTING_TEXT, "nginx", 1, 1024, "The program nginx: a path, or a name found in PATH or /usr/sbin."),
    ROW(user, SETTING_TEXT, "", 0, 64, "Started as root: the user of nginx's workers; empty: root."),
    ROW(access_log, SETTING_TEXT, "off", 1, 1024, "File of the access log (as /dev/stdout), or off."),
};
/* clang-format on */

static bool refuse(struct buf *problem, const char *what, const char *path)
{
    int error = errno;

    buf_printf(problem, "can't %s %s: %s", what, path, strerror(error));
    return false;
}

/* The page and the temporary directories have to be within reach of nginx.user. */
static bool make_directory(const struct buf *base, const char *name, struct buf *problem)
{
    struct buf path = {0};

    buf_printf(&path, "%.*s%s", STR_ARG(*base), name);
    bool ok = !path.failed && (mkdir(path.p, 0755) == 0 || errno == EEXIST);
    if (!ok)
        refuse(problem, "make the directory", path.failed ? name : path.p);
    buf_free(&path);
    return ok;
}

static bool write_file(const struct buf *base, const char *name, struct str text, struct buf *problem)
{
    struct buf path = {0};

    buf_printf(&path, "%.*s/%s", STR_ARG(*base), name);
    int fd = path.failed ? -1 : open(path.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
    if (!ok)
        refuse(problem, "write", path.failed ? name : path.p);
    if (fd >= 0)
        close(fd);
    buf_free(&path);
    return ok;
}

static bool write_pages(const struct buf *directory, struct buf *problem)
{
    for (size_t i = 0; i < embedded_pages_count; i++) {
        struct buf name = {0};
        buf_printf(&name, "page/%s", embedded_pages[i].path);
        bool ok = !name.failed && write_file(directory, name.p, embedded_pages[i].bytes, problem);
        buf_free(&name);
        if (!ok)
            return false;
    }
    return true;
}

/* Whether the directory is as nginx needs it: its parts, the pages, no sign of an earlier stop. */
static bool prepare_directory(const struct buf *directory, struct str configuration, struct buf *problem)
{
    static const char *const parts[] = {"", "/page", "/page/pages", "/page/assets", "/temp"};
    struct buf draining = {0};

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (!make_directory(directory, parts[i], problem))
            return false;
    }
    buf_printf(&draining, "%.*s/draining", STR_ARG(*directory));
    if (!draining.failed)
        unlink(draining.p);
    buf_free(&draining);
    return write_file(directory, "nginx.conf", configuration, problem) && write_pages(directory, problem);
}

static int run_in(const struct buf *directory, const struct common_settings *common,
                  const struct gateway_settings *settings, const char *nginx, struct buf *problem)
{
    const struct nginx_process process = {
        .program = nginx, .directory = directory->p, .drain_ms = common->drain_ms, .stop_ms = common->stop_ms};
    const struct nginx_surroundings surroundings = {.stop_ms = common->stop_ms,
                                                    .instance = common->instance,
                                                    .is_root = geteuid() == 0,
                                                    .is_verbose = common->log_level == LOG_DEBUG};
    struct buf configuration = {0};

    nginx_conf_write(settings, &surroundings, &configuration);
    bool ok = nginx_can_listen(settings->listen, problem) && !configuration.failed &&
              prepare_directory(directory, buf_str(&configuration), problem);
    buf_free(&configuration);
    if (!ok)
        return 1;
    log_info("listening", LOG_T("address", settings->listen), LOG_T("nginx", nginx));
    return nginx_run(&process, problem);
}

static int gateway_run(const struct program *self, const struct common_settings *common, const void *own,
                       struct buf *problem)
{
    const struct gateway_settings *settings = own;
    struct buf nginx = {0};
    struct buf directory = {0};
    int status = 1;

    UNUSED(self);
    buf_printf(&directory, "%s/gateway", common->data);
    if (gateway_settings_check(settings, problem) && nginx_find(settings->nginx, &nginx, problem) && !directory.failed)
        status = run_in(&directory, common, settings, nginx.p, problem);
    buf_free(&nginx);
    buf_free(&directory);
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
