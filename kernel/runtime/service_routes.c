#include "service_bus.h"

#include "clock.h"
#include "dead_letters.h"
#include "errors.h"
#include "feeds_http.h"
#include "metrics.h"
#include "service_history.h"

static http_handler show_links, show_live, show_ready, show_metrics, serve_events, show_newest;

const struct route service_routes[] = {
    {HTTP_GET, "/", show_links, .doc = "What is here."},
    {HTTP_GET, "/actuator/health", show_ready, .doc = "The same as /readyz, where the seed had it."},
    {HTTP_GET, "/livez", show_live, .doc = "200 while the loop and the writer turn."},
    {HTTP_GET, "/readyz", show_ready, .doc = "200 while the service can do its work."},
    {HTTP_GET, "/metrics", show_metrics, .doc = "Prometheus text.", .inner = true},
    {HTTP_GET, "/events", serve_events,
     .doc = "The outbox as Server-Sent Events, resumable with Last-Event-ID. Internal.", .inner = true},
    {HTTP_GET, "/events/newest", show_newest, .doc = "How far the outbox has got. Internal.", .inner = true},
    {HTTP_GET, "/dead-letters", dead_letters_list, .doc = "Events that could not be used, with the reason. Internal.",
     .inner = true},
    {HTTP_GET, "/feeds", feeds_list, .doc = "The feeds that are followed, and how far. Internal.", .inner = true},
    {HTTP_POST, "/feeds/resume", feeds_resume, .doc = "Go on behind events that a producer no longer keeps. Internal.",
     .inner = true},
    {HTTP_POST, "/dead-letters/replay", dead_letters_replay, .doc = "Try one of them again. Internal.", .inner = true},
    {.path = NULL},
};

/* A loop or writer that has not turned for so long is stuck: restarting it is better than waiting. A batch may wait for
 * several answers of a slow server. */
enum { STUCK_AFTER_S = 10, STUCK_ON_SERVER_AFTER_S = 60 };

static struct service *service_of(void *context)
{
    return ((struct service_http *)context)->service;
}

static void show_links(void *context, struct http_request *request)
{
    struct service *service = service_of(context);
    struct buf *reply = &request->reply;

    request->status = 200;
    BUF_LIT(reply, "{\"_links\":{\"");
    buf_add(reply, str_of(service->parts.collection));
    BUF_LIT(reply, "\":{\"href\":\"");
    buf_add(reply, request->base);
    buf_char(reply, '/');
    buf_add(reply, str_of(service->parts.collection));
    BUF_LIT(reply, "{?page,size,sort}\",\"templated\":true}}}");
    http_reply(request);
}

/* A fault that was asked for is no trouble: it is said, so that nobody looks for another reason. */
static void reply_health(struct http_request *request, const char *trouble, struct str notice, int64_t fault_delay_ms)
{
    request->status = trouble ? 503 : 200;
    request->content_type = "application/json";
    if (trouble) {
        BUF_LIT(&request->reply, "{\"status\":\"DOWN\",\"reason\":");
        buf_json_string(&request->reply, str_of(trouble));
        buf_char(&request->reply, '}');
        http_add_header(request, "Retry-After", STR("1"));
    } else {
        BUF_LIT(&request->reply, "{\"status\":\"UP\"");
        if (fault_delay_ms > 0)
            buf_printf(&request->reply, ",\"fault\":\"told to be slow: every request waits %lld ms\"",
                       (long long)fault_delay_ms);
        if (notice.n) {
            BUF_LIT(&request->reply, ",\"events\":");
            buf_json_string(&request->reply, notice);
        }
        buf_char(&request->reply, '}');
    }
    http_reply(request);
}

/* NULL: they don't fail. */
static const char *why_commits_fail(const struct service *service)
{
    const struct store *store = service->parts.store;
    int trouble = writer_trouble_lately(service->writer);

    if (!trouble)
        return NULL;
    if (trouble == E_REFUSED)
        return "commits fail: what keeps its data refuses them: look at its tables and rights (the log has its words)";
    if (!store || !store->on_server)
        return "commits fail; is the disk full?";
    if (trouble == E_OUTCOME_UNKNOWN)
        return "it is not known what was committed last: the server that keeps its data is waited for";
    if (trouble == E_FULL)
        return "commits fail: the server that keeps its data is full";
    return "commits fail: the server that keeps its data is away, or refuses (the log says why)";
}

/* What keeps the service from doing its work; NULL: nothing. */
static const char *trouble_of(const struct service *service)
{
    if (service->starts_again)
        return "it is not known what was committed last: it is being started again";
    if (service->phase != PHASE_SERVING)
        return "it is stopping";
    if (service->store_trouble)
        return service->store_trouble;
    const char *trouble = why_commits_fail(service);
    if (!trouble && !service_can_read(service))
        trouble = "reads fail: the server that keeps its data lets no reader in (the log says why)";
    return trouble ? trouble : service_data_trouble(service);
}

static void show_ready(void *context, struct http_request *request)
{
    struct service *service = service_of(context);
    struct buf feeds = {0}, notice = {0};
    const char *trouble = trouble_of(service);

    if (service->common->instance[0])
        http_add_header(request, "X-Instance", str_of(service->common->instance));
    if (!trouble) {
        service->bus->add_trouble(service, &feeds);
        if (feeds.n > 0)
            buf_char(&feeds, '\0');
        trouble = feeds.failed ? "feeds can't be followed" : feeds.p;
    }
    if (!trouble)
        service->bus->add_notice(service, &notice);
    reply_health(request, trouble, buf_str(&notice), service->parts.fault_delay_ms);
    buf_free(&notice);
    buf_free(&feeds);
}

static void show_live(void *context, struct http_request *request)
{
    const struct service *service = service_of(context);
    const struct store *store = service->parts.store;
    int64_t patience_s = store && store->on_server ? STUCK_ON_SERVER_AFTER_S : STUCK_AFTER_S;
    /* One that has been stopped because the data isn't the one is not stuck: restarting it changes nothing. */
    int64_t silent = service_data_trouble(service) ? 0 : clock_monotonic() - writer_turned_at(service->writer);

    /* That this runs at all shows that the loop turns. */
    reply_health(request, silent > patience_s * US_PER_S ? "the writer does not turn" : NULL, (struct str){NULL, 0}, 0);
}

static void show_metrics(void *context, struct http_request *request)
{
    UNUSED(context);
    request->status = 200;
    request->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(&request->reply);
    http_reply(request);
}

static void serve_events(void *context, struct http_request *request)
{
    struct service *service = service_of(context);

    service->bus->serve_events(service, request);
}

/* What a follower has to have read so that nothing that was said until now is unknown to it: of several cells of each,
 * and their sum. */
static void show_newest(void *context, struct http_request *request)
{
    const struct service *service = service_of(context);
    struct buf cells = {0};
    struct feed_cursor newest = {0};
    uint64_t sum = 0;

    for (int32_t i = 0; i < service->n_cells; i++) {
        newest = service->bus->newest(service, i);
        sum += newest.position;
        if (service->n_cells > 1)
            buf_printf(&cells, "%s{\"cell\":%d,\"position\":%llu}", i ? "," : "", (int)i,
                       (unsigned long long)newest.position);
    }
    request->status = 200;
    request->content_type = "application/json";
    buf_printf(&request->reply, "{\"producer\":\"%s\",\"epoch\":%llu,\"position\":%llu", service->program->name,
               (unsigned long long)newest.epoch, (unsigned long long)sum);
    if (service->n_cells > 1)
        buf_printf(&request->reply, ",\"cells\":[%.*s]", STR_ARG(buf_str(&cells)));
    buf_char(&request->reply, '}');
    request->reply.failed |= cells.failed;
    buf_free(&cells);
    http_reply(request);
}
