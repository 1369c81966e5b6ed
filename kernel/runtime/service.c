#include "service_internal.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "file.h"
#include "file_budget.h"
#include "log.h"
#include "open_files.h"
#include "reader.h"
#include "service_history.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DRAIN_LOOK_MS = 2, /* how often it is looked whether the last request is answered */
    SILENCE_MS = 250,  /* who got a connection and said nothing for so long isn't about to */
};

/* ---- making it ---- */

const char *service_path(struct service *service, const char *file)
{
    struct buf path = {0};

    buf_printf(&path, "%s/%s", service->common->data, file);
    struct str kept = path.failed ? (struct str){NULL, 0} : arena_copy(&service->arena, buf_str(&path));
    buf_free(&path);
    return kept.p;
}

/* One process a data file: two writers on the same state would undo each other. */
static bool lock_data(struct service *service, struct buf *problem)
{
    struct buf name = {0};

    int rc = file_make_directories(service->common->data);
    if (rc) {
        buf_printf(problem, "the data directory %s can't be made: %s", service->common->data, strerror(rc));
        return false;
    }
    buf_printf(&name, "%s.lock", service->program->name);
    buf_char(&name, '\0');
    const char *path = name.failed ? NULL : service_path(service, name.p);
    buf_free(&name);
    service->lock_fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (service->lock_fd < 0) {
        buf_printf(problem, "%s can't be opened: %s", path ? path : "the lock file", strerror(errno));
        return false;
    }
    if (flock(service->lock_fd, LOCK_EX | LOCK_NB)) {
        buf_printf(
            problem,
            "the data directory %s is in use by another %s service; stop it, or give this one its own with --data",
            service->common->data, service->program->name);
        return false;
    }
    return true;
}

static void on_signal(struct loop_watch *watch, uint32_t events)
{
    struct service *service = CONTAINER_OF(watch, struct service, signals);
    struct signalfd_siginfo info;

    UNUSED(events);
    while (read(service->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        service->told_to_end = true;
        service_end(service, service->common->drain_ms);
    }
}

/* Signals come through the loop, so that a shutdown is a sequence of ordinary steps. Before any thread is made. */
static bool take_signals(struct service *service)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    service->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    service->signals = (struct loop_watch){.fd = service->signal_fd, .ready = on_signal};
    if (service->signal_fd >= 0 && loop_watch_add(service->loop, &service->signals, EPOLLIN) == OK)
        return true;
    if (service->signal_fd >= 0)
        close(service->signal_fd);
    service->signal_fd = -1;
    return false;
}

static void publish(struct event_sink *self, struct outbox *outbox)
{
    feed_publish(CONTAINER_OF(self, struct service, events)->feed, outbox);
}

struct service *service_new(const struct program *program, const struct common_settings *common, struct buf *problem)
{
    struct service *service = heap_alloc(sizeof(*service));

    if (!service) {
        BUF_LIT(problem, "out of memory");
        return NULL;
    }
    *service = (struct service){
        .program = program, .common = common, .lock_fd = -1, .signal_fd = -1, .events = {.publish = publish}};
    service->clock = steady_clock_start();
    arena_init(&service->arena, 0);
    if (!lock_data(service, problem)) {
        service_free(service);
        return NULL;
    }
    service->loop = loop_new();
    service->client = service->loop ? http_client_new(service->loop, (size_t)common->call_max_connections) : NULL;
    if (!service->client || !take_signals(service)) {
        BUF_LIT(problem, "the operating system gives no more memory or file descriptors");
        service_free(service);
        return NULL;
    }
    return service;
}

struct loop *service_loop(struct service *service)
{
    return service->loop;
}

struct http_client *service_client(struct service *service)
{
    return service->client;
}

struct writer *service_writer(struct service *service)
{
    return service->writer;
}

int64_t service_now(const struct service *service)
{
    return steady_clock_now(&service->clock);
}

int64_t service_wall_ahead(const struct service *service)
{
    return steady_clock_wall_ahead(&service->clock);
}

struct event_sink *service_events(struct service *service)
{
    return &service->events;
}

/* ---- starting ---- */

static size_t count_routes(const struct route *routes)
{
    size_t n = 0;

    while (routes[n].path)
        n++;
    return n;
}

/* The context's routes, then the common ones. */
static bool join_routes(struct service *service)
{
    size_t own = count_routes(service->parts.routes);
    size_t common = count_routes(service_routes);

    service->routes = ARENA_ARRAY(&service->arena, struct route, own + common + 1);
    if (!service->routes)
        return false;
    memcpy(service->routes, service->parts.routes, own * sizeof(struct route));
    memcpy(service->routes + own, service_routes, (common + 1) * sizeof(struct route));
    return true;
}

static bool make_writer(struct service *service)
{
    const struct common_settings *common = service->common;
    struct writer_settings settings = {
        .batch = common->writer_batch,
        .queue = common->writer_queue,
        .linger_us = service->parts.linger_us,
        .retry_ms = common->writer_retry_ms,
        .clock = &service->clock,
        .store = service->parts.store,
        .on_lost = service_store_lost,
        .context = service,
    };

    service->writer = writer_new(&settings, service->parts.core);
    return service->writer != NULL;
}

static bool make_feed(struct service *service)
{
    const struct common_settings *common = service->common;
    struct feed_settings settings = {
        .tail_bytes = common->feed_tail_bytes,
        .heartbeat_ms = common->feed_heartbeat_ms,
        .max_followers = common->feed_max_followers,
        .followers_per_address = common->feed_followers_per_address,
    };

    service->feed = feed_new(service->loop, &settings, service->parts.last_position, service->parts.history,
                             service->parts.read_stored, service->parts.read_context);
    return service->feed != NULL;
}

static bool make_followers(struct service *service)
{
    const struct service_parts *parts = &service->parts;

    for (size_t i = 0; i < parts->n_producers; i++) {
        struct follower_options options = {
            .producer = parts->producers[i].name,
            .url = parts->producers[i].url,
            .source = i,
            .position = parts->cursors->position[i],
            .epoch = parts->cursors->epoch[i],
            .max_waiting = (size_t)service->common->feed_max_waiting,
            .silence_ms = service->common->feed_silence_ms,
            .decode = parts->decode,
            .context = parts->decode_context,
        };
        service_watch_producer(service, &options);
        service->followers[i] = follower_new(service->loop, service->client, service->writer, &options);
        if (!service->followers[i])
            return false;
        service->n_followers = i + 1;
    }
    return true;
}

bool service_start(struct service *service, const struct service_parts *parts, struct buf *problem)
{
    service->parts = *parts;
    service->parts.http->service = service;
    if (!join_routes(service) || !make_feed(service) || !make_writer(service)) {
        BUF_LIT(problem, "there is not enough memory to start");
        return false;
    }
    struct http_settings http = service->common->http;
    if (!file_budget_fit(service->common, open_files_raise(), &http, problem))
        return false;
    service->server = http_server_new(service->loop, &http, parts->listen, service->routes, parts->http, problem);
    if (!service->server)
        return false;
    service_check_data(service);
    service_store_watch(service);
    /* The writer's thread comes last: a service that can't start must not have begun to work. */
    if (!service_data_trouble(service) && (!make_followers(service) || writer_start(service->writer))) {
        BUF_LIT(problem, "there is not enough memory, or no thread, to follow the other services");
        return false;
    }
    service->phase = PHASE_SERVING;
    log_info("listening", LOG_T("address", parts->listen), LOG_T("version", COFFEESHOP_VERSION));
    return true;
}

uint16_t service_port(const struct service *service)
{
    return http_server_port(service->server);
}

void service_submit(struct service *service, struct http_request *request, struct command *command)
{
    const char *trouble = service_data_trouble(service);

    if (trouble) {
        http_problem(request, 503, NULL, "%s", trouble);
        return;
    }
    int rc = writer_post(service->writer, command);
    if (rc) {
        http_fill_failure(request, rc);
        http_reply(request);
    }
}

/* ---- stopping ---- */

/* Nobody is left whose request would be lost. */
static bool is_served(const struct service *service, int64_t now)
{
    if (now >= service->stop_by)
        return true;
    return http_server_begun(service->server) == 0 &&
           (http_server_silent(service->server) == 0 || now >= service->hush_by);
}

static void on_drain_timer(struct loop_timer *timer)
{
    struct service *service = CONTAINER_OF(timer, struct service, timer);
    int64_t now = clock_monotonic();

    if (service->phase == PHASE_UNREADY) {
        service->phase = PHASE_DRAINING;
        service->stop_by = now + service->common->stop_ms * US_PER_MS;
        service->hush_by = now + SILENCE_MS * US_PER_MS;
        http_server_drain(service->server);
        for (size_t i = 0; i < service->n_followers; i++)
            follower_stop(service->followers[i]);
        loop_timer_set(service->loop, timer, now + DRAIN_LOOK_MS * US_PER_MS); /* who was let in last is read first */
        return;
    }
    if (is_served(service, now))
        loop_stop(service->loop);
    else
        loop_timer_set(service->loop, timer, now + DRAIN_LOOK_MS * US_PER_MS);
}

void service_end(struct service *service, int64_t drain_ms)
{
    if (service->phase != PHASE_SERVING)
        return;
    service->phase = PHASE_UNREADY;
    http_server_retire(service->server);
    service->timer.fire = on_drain_timer;
    loop_timer_set(service->loop, &service->timer, clock_monotonic() + drain_ms * US_PER_MS);
    log_info("stopping", LOG_I("in_flight", http_server_in_flight(service->server)));
}

void service_stop(struct service *service)
{
    service_end(service, service->common->drain_ms);
}

bool service_was_told_to_end(const struct service *service)
{
    return service->told_to_end;
}

void service_run(struct service *service)
{
    loop_run(service->loop);
    if (service->starts_again)
        _exit(PROGRAM_START_AGAIN); /* nothing is closed in order: that would write */

    size_t left = http_server_in_flight(service->server);
    if (left) {
        /* They wait for somebody who doesn't answer. What is committed is committed; they get no answer, which means
         * "unknown". */
        writer_stop(service->writer);
        log_warning("stopped with requests unanswered", LOG_I("requests", left));
        _exit(0);
    }
}

/* The last batches have asked for calls; what is asked for ends, if only with E_CLOSING. */
static void run_posted_jobs(struct service *service)
{
    if (!service->loop)
        return;
    loop_stop(service->loop);
    loop_run(service->loop);
}

void service_free(struct service *service)
{
    if (!service)
        return;
    for (size_t i = 0; i < service->n_followers; i++)
        follower_stop(service->followers[i]);
    if (service->writer)
        writer_stop(service->writer);
    if (service->parts.reader)
        reader_stop(service->parts.reader);
    run_posted_jobs(service);
    for (size_t i = 0; i < service->n_followers; i++)
        follower_free(service->followers[i]);
    http_client_free(service->client);
    http_server_free(service->server); /* a request that comes in now is turned away, and the writer is asked first */
    writer_free(service->writer);
    if (service->feed)
        feed_free(service->feed);
    if (service->signal_fd >= 0) {
        loop_watch_remove(service->loop, &service->signals);
        close(service->signal_fd);
    }
    if (service->loop) {
        loop_timer_cancel(service->loop, &service->look);
        loop_timer_cancel(service->loop, &service->timer);
        loop_free(service->loop);
    }
    if (service->lock_fd >= 0)
        close(service->lock_fd);
    buf_free(&service->data_trouble);
    arena_free(&service->arena);
    heap_free(service);
}
