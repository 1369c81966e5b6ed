#include "service_bus.h"

#include "alloc.h"
#include "base.h"
#include "cells_core.h"
#include "file_budget.h"
#include "log.h"
#include "open_files.h"
#include "reader.h"
#include "service_history.h"

#include <string.h>
#include <unistd.h>

/* ---- making it ---- */

static void publish(struct event_sink *self, struct outbox *outbox)
{
    struct cell_events *events = CONTAINER_OF(self, struct cell_events, sink);

    events->service->bus->publish(events->service, events->cell, outbox);
}

/* What there is of each cell. */
static bool make_cells(struct service *service)
{
    size_t n = (size_t)service->n_cells;

    service->events = ARENA_ARRAY(&service->arena, struct cell_events, n);
    service->cells = ARENA_ARRAY(&service->arena, struct service_cell, n);
    service->began = ARENA_ARRAY(&service->arena, struct cursors, n);
    for (size_t i = 0; service->events && i < n; i++)
        service->events[i] = (struct cell_events){{.publish = publish}, service, (int32_t)i};
    return service->events && service->cells && service->began;
}

/* Feeds are a whole service's; a topic has a partition for each cell. */
static bool can_have_cells(const struct common_settings *common, struct buf *problem)
{
    if (common->shop_cells == 1 || common->kafka.servers[0])
        return true;
    buf_printf(problem,
               "shop.cells is %lld, and several cells tell each other by Kafka: set kafka.servers, or leave it at 1",
               (long long)common->shop_cells);
    return false;
}

struct service *service_new(const struct program *program, const struct common_settings *common, struct buf *problem)
{
    struct service *service = can_have_cells(common, problem) ? heap_alloc(sizeof(*service)) : NULL;

    if (problem->n)
        return NULL;
    if (!service) {
        BUF_LIT(problem, "out of memory");
        return NULL;
    }
    *service = (struct service){.bus = common->kafka.servers[0] ? &service_on_topic : &service_feeds,
                                .program = program,
                                .common = common,
                                .lock_fd = -1,
                                .signal_fd = -1,
                                .n_cells = (int32_t)common->shop_cells};
    service->clock = steady_clock_start();
    pthread_mutex_init(&service->decoding, NULL);
    arena_init(&service->arena, 0);
    if (!service_lock_data(service, problem)) {
        service_free(service);
        return NULL;
    }
    service->loop = loop_new();
    service->client = service->loop ? http_client_new(service->loop, (size_t)common->call_max_connections) : NULL;
    if (!service->client || !make_cells(service) || !service_take_signals(service)) {
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

struct http_client *service_client_apart(struct service *service, int64_t max_connections)
{
    ASSERT(!service->client_apart && !service->server);
    service->client_apart = http_client_new(service->loop, (size_t)max_connections);
    service->connections_apart = max_connections;
    return service->client_apart;
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

struct event_sink *service_events(struct service *service, int32_t cell)
{
    return &service->events[cell].sink;
}

int32_t service_cells(const struct service *service)
{
    return service->n_cells;
}

int32_t service_cell_of_id(const struct service *service, int64_t id)
{
    return cell_of_id(id, service->n_cells);
}

int32_t service_cell_for(struct service *service, struct str key, int64_t *number)
{
    *number = 0;
    if (service->n_cells == 1)
        return 0;
    if (key.n)
        return cell_of_key(key, service->n_cells);
    int64_t unused = atomic_exchange(&service->unused, 0);
    *number = unused ? unused : ++service->last_new;
    return cell_of_id(*number, service->n_cells);
}

/* Of several at a time one is remembered: the others leave a gap, which harms nobody. */
void service_number_unused(struct service *service, int64_t number)
{
    int64_t none = 0;

    if (number)
        atomic_compare_exchange_strong(&service->unused, &none, number);
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

static struct core *join_cores(struct service *service)
{
    const struct service_cell *cells = service->cells;

    if (service->n_cells == 1)
        return cells[0].core;
    service->joined = cells_core_new(service->n_cells, service->parts.joint);
    for (int32_t i = 0; service->joined && i < service->n_cells; i++)
        cells_core_put(service->joined, i, cells[i].core);
    return service->joined;
}

static bool make_writer(struct service *service)
{
    const struct common_settings *common = service->common;
    struct core *core = join_cores(service);
    struct writer_settings settings = {
        .batch = common->writer_batch,
        .queue = common->writer_queue,
        .by_cell = service->joined && !service->parts.joint,
        .linger_us = service->parts.linger_us,
        .retry_ms = common->writer_retry_ms,
        .unwell_ms = common->writer_unwell_ms,
        .clock = &service->clock,
        .store = service->parts.store,
        .on_lost = service_store_lost,
        .on_asked = service_store_asked,
        .context = service,
    };

    service->writer = core ? writer_new(&settings, core) : NULL;
    return service->writer != NULL;
}

/* What is read within a turn may be told from one snapshot. */
static void share_reads(void *context, bool begins)
{
    const struct service_http *http = context;
    struct sql *reads = http->service->parts.reads;

    reads->share(reads, begins);
}

bool service_join(struct service *service, struct cursors *sources, bool says, struct buf *problem)
{
    return service->bus->join(service, sources, says, problem);
}

bool service_start(struct service *service, const struct service_parts *parts, struct buf *problem)
{
    service->parts = *parts;
    ASSERT(parts->n_producers <= CURSOR_MAX_SOURCES);
    for (size_t i = 0; i < parts->n_producers; i++)
        service->producers[i] = parts->producers[i];
    service->parts.producers = service->producers;
    for (int32_t i = 0; i < service->n_cells; i++) {
        service->cells[i] = parts->cells[i];
        service->began[i] = *parts->cells[i].cursors;
        service->cells[i].cursors = &service->began[i];
        if (service->cells[i].last_id > service->last_new)
            service->last_new = service->cells[i].last_id;
    }
    service->parts.cells = service->cells;
    service->parts.http->service = service;
    if (!join_routes(service) || !service->bus->open(service) || !make_writer(service)) {
        BUF_LIT(problem, "there is not enough memory to start");
        return false;
    }
    if (!service_fault_prepare(service, problem))
        return false;
    struct http_settings http = service->common->http;
    int64_t connections_out = service->common->call_max_connections + service->connections_apart;
    if (!file_budget_fit(connections_out, open_files_raise(), &http, problem))
        return false;
    service->server = http_server_new(service->loop, &http, parts->listen, service->routes, parts->http, problem);
    if (!service->server)
        return false;
    if (parts->reads)
        http_server_tell_turns(service->server, share_reads);
    service_check_data(service);
    service_store_watch(service);
    /* The writer's thread comes last: a service that can't start must not have begun to work. */
    if (!service_data_trouble(service)) {
        if (!service->bus->begin(service, problem))
            return false;
        if (writer_start(service->writer)) {
            BUF_LIT(problem, "there is no thread for the writer");
            return false;
        }
    }
    service->phase = PHASE_SERVING;
    log_info("listening", LOG_T("address", parts->listen), LOG_T("version", COFFEESHOP_VERSION));
    return true;
}

uint16_t service_port(const struct service *service)
{
    return http_server_port(service->server);
}

bool service_takes_changes(const struct service *service)
{
    return !service_data_trouble(service) && !writer_trouble(service->writer);
}

bool service_lets_in(const struct service *service, struct http_request *request)
{
    const char *trouble = service_data_trouble(service);

    if (trouble)
        http_problem(request, 503, NULL, "%s", trouble);
    return !trouble;
}

void service_submit(struct service *service, struct http_request *request, struct command *command)
{
    if (!service_lets_in(service, request))
        return;
    int rc = writer_post(service->writer, command);
    if (rc) {
        http_fill_failure(request, rc);
        http_reply(request);
    }
}

/* ---- stopping ---- */

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
        service_note_data(service);
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
    service->bus->stop(service);
    if (service->writer)
        writer_stop(service->writer);
    service_note_data(service);
    if (service->parts.reader)
        reader_stop(service->parts.reader);
    run_posted_jobs(service);
    service->bus->end(service);
    http_client_free(service->client);
    http_client_free(service->client_apart);
    http_server_free(service->server); /* a request that comes in now is turned away, and the writer is asked first */
    writer_free(service->writer);
    cells_core_free(service->joined);
    if (service->feed)
        feed_free(service->feed);
    if (service->signal_fd >= 0) {
        loop_watch_remove(service->loop, &service->signals);
        close(service->signal_fd);
    }
    if (service->loop) {
        service_fault_free(service);
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
