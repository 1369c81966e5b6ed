/* load.c: orders coffee as fast as the shop lets it or at a fixed rate, and looks how long the answers and the coffee
 * take.
 *
 *      load --address=127.0.0.1:8081 [--seconds=10 | --orders=N] [--connections=64] [--rate=PER_SECOND] …
 *
 * Prints one JSON object; durations in it are microseconds. One thread. bench/README.md says what is measured with it.
 */
#include "buf.h"
#include "clock.h"
#include "customers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 512 };

struct run {
    struct customers customers;
    struct watch watch;
    int64_t drain_s;
    int epoll;
    int64_t answered_at;  /* when the last order had its answer */
    int64_t completed_at; /* when the last one was completed, too */
};

struct option_row {
    const char *name;
    const char **text; /* one of the two */
    int64_t *number;
};

static bool set_option(const struct option_row *rows, size_t n, struct str name, const char *value)
{
    for (size_t i = 0; i < n; i++) {
        if (!str_is(name, rows[i].name))
            continue;
        if (rows[i].text)
            *rows[i].text = value;
        return rows[i].text || (str_to_i64(str_of(value), rows[i].number) && *rows[i].number >= 0);
    }
    return false;
}

static bool read_options(struct run *run, int64_t *seconds, int argc, char *const *argv)
{
    struct customers_plan *plan = &run->customers.plan;
    const struct option_row rows[] = {
        {"--address", &plan->address, NULL},
        {"--path", &plan->path, NULL},
        {"--body", &plan->body, NULL},
        {"--connections", NULL, &plan->connections},
        {"--rate", NULL, &plan->rate},
        {"--orders", NULL, &plan->orders},
        {"--seconds", NULL, seconds},
        {"--sample", NULL, &plan->sample},
        {"--window", NULL, &plan->window},
        {"--watch-address", &run->watch.address, NULL},
        {"--watch-path", &run->watch.path, NULL},
        {"--watch-until", &run->watch.until, NULL},
        {"--drain-seconds", NULL, &run->drain_s},
    };

    for (int i = 1; i < argc; i++) {
        struct str value;
        struct str name = str_split(str_of(argv[i]), '=', &value);
        if (!value.p || !set_option(rows, COUNT_OF(rows), name, value.p)) {
            fprintf(stderr, "load: \"%s\" is not an option, or not a value for it\n", argv[i]);
            return false;
        }
    }
    return plan->address && plan->connections > 0 && (plan->window == 0 || plan->sample > 0);
}

static void write_request(const struct customers_plan *plan, struct buf *request)
{
    buf_printf(request,
               "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
               plan->path, plan->address, strlen(plan->body), plan->body);
}

static bool receive(struct run *run, struct epoll_event *events, int n)
{
    int64_t now = clock_monotonic();

    for (int i = 0; i < n; i++) {
        struct connection *connection = events[i].data.ptr;
        bool fine = connection->role == CONNECTION_WATCH ? watch_receive(&run->watch, connection, now)
                                                         : customers_receive(&run->customers, connection, now);
        if (!fine)
            return false;
    }
    return true;
}

/* One round: send what is due, wait, take the answers. false: a server is gone. */
static bool turn(struct run *run, bool ordering, int64_t last)
{
    struct epoll_event events[EVENTS];
    int64_t now = clock_monotonic();
    int64_t order_at = ordering ? customers_order(&run->customers, now) : TIME_NEVER;
    int64_t look_at = watch_look(&run->watch, now);
    int64_t wake = order_at < look_at ? order_at : look_at;

    if (wake < 0)
        return false;
    if (wake > last)
        wake = last;
    int64_t wait = wake > now ? wake - now : 0;
    struct timespec timeout = {.tv_sec = wait / US_PER_S, .tv_nsec = wait % US_PER_S * 1000};
    int n = epoll_pwait2(run->epoll, events, EVENTS, &timeout, NULL);
    return receive(run, events, n);
}

static bool drive(struct run *run, int64_t seconds)
{
    struct customers *customers = &run->customers;
    int64_t patience = run->drain_s * US_PER_S;

    customers->plan.until = customers->began + seconds * US_PER_S;
    int64_t last = customers->plan.orders ? TIME_NEVER : customers->plan.until + patience;
    for (int64_t now = customers->began; !customers_are_done(customers, now); now = clock_monotonic()) {
        /* the end of the time is looked for even when no answer comes */
        int64_t wake = customers->plan.orders || now >= customers->plan.until ? now + US_PER_S : customers->plan.until;
        if (now > last || !turn(run, true, wake))
            return false;
    }
    run->answered_at = clock_monotonic();
    if (run->watch.address)
        customers_watch_last(customers);
    while (run->watch.n > 0) {
        int64_t now = clock_monotonic();
        if (now > run->answered_at + patience || !turn(run, false, now + US_PER_S))
            return false;
    }
    run->completed_at = clock_monotonic();
    return true;
}

static void write_latencies(struct buf *out, const char *name, const struct latencies *latencies)
{
    buf_printf(out,
               ", \"%s\": {\"n\": %llu, \"p50\": %lld, \"p90\": %lld, \"p99\": %lld, \"p999\": %lld, \"max\": %lld}",
               name, (unsigned long long)latencies->n, (long long)latencies_quantile(latencies, 0.5),
               (long long)latencies_quantile(latencies, 0.9), (long long)latencies_quantile(latencies, 0.99),
               (long long)latencies_quantile(latencies, 0.999), (long long)latencies->largest);
}

static int64_t since(int64_t moment, int64_t began)
{
    return moment > began ? moment - began : 0; /* it never came */
}

static void report(const struct run *run, bool fine)
{
    const struct customers *customers = &run->customers;
    struct buf out = {0};

    buf_printf(
        &out, "{\"finished\": %s, \"orders\": %lld, \"refused\": %lld, \"answered_us\": %lld, \"completed_us\": %lld",
        fine ? "true" : "false", (long long)customers->accepted, (long long)customers->refused,
        (long long)since(run->answered_at, customers->began), (long long)since(run->completed_at, customers->began));
    write_latencies(&out, "answer", &customers->answered);
    write_latencies(&out, "completed", &run->watch.completed);
    buf_printf(&out, ", \"unwatched\": %llu, \"unfinished\": %zu}\n", (unsigned long long)run->watch.skipped,
               run->watch.n);
    fwrite(out.p, 1, out.n, stdout);
    buf_free(&out);
}

int main(int argc, char **argv)
{
    static struct run run; /* its buffers are too large for the stack */
    int64_t seconds = 10;
    struct buf request = {0};

    run.customers.plan =
        (struct customers_plan){.path = "/orders", .body = "{\"productName\":\"Latte\",\"qty\":1}", .connections = 64};
    run.watch.path = "/mypages/search/findByOrderId?orderId=";
    run.watch.until = "\"orderStatus\":\"Completed\"";
    run.drain_s = 120;
    run.customers.watch = &run.watch;
    if (!read_options(&run, &seconds, argc, argv))
        return 2;
    write_request(&run.customers.plan, &request);
    run.customers.request = buf_str(&request);
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    watch_open(&run.watch, run.epoll);
    bool fine = !request.failed && run.epoll >= 0 && customers_open(&run.customers, run.epoll);
    if (!fine)
        fprintf(stderr, "load: can't connect to %s\n", run.customers.plan.address);
    else if (!(fine = drive(&run, seconds)))
        fprintf(stderr, "load: a server hung up or did not finish\n");
    report(&run, fine);
    customers_close(&run.customers);
    watch_close(&run.watch);
    buf_free(&request);
    return fine ? 0 : 1;
}
