#include "http_internal.h"

#include "clock.h"
#include "metrics.h"

/* Metrics --------------------------------------------------------------------------------------------------------- */

#define REQUESTS(class_)                                                                                               \
    {                                                                                                                  \
        .name = "coffeeshop_http_requests_total", .help = "Requests answered, by class of status.",                    \
        .labels = "code=\"" class_ "\"", .kind = METRIC_COUNTER                                                        \
    }

static struct metric answers[] = {REQUESTS("1xx"), REQUESTS("2xx"), REQUESTS("3xx"), REQUESTS("4xx"), REQUESTS("5xx")};
static struct metric duration =
    METRIC_DURATION_INIT("coffeeshop_http_request_duration_seconds", "From a request's first line to its answer.");

void http_metrics_register(void)
{
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        metric_register(&answers[i]);
    metric_register(&duration);
}

void http_count(const struct http_request *request)
{
    metric_add(&answers[request->status / 100 - 1], 1);
    metric_observe(&duration, clock_monotonic() - request->arrived_us);
}

void http_count_refusal(int status)
{
    metric_add(&answers[status / 100 - 1], 1);
}

/* Answers --------------------------------------------------------------------------------------------------------- */

static const char *content_type_of(const struct http_request *request)
{
    if (request->content_type)
        return request->content_type;
    return request->wants_hal ? "application/hal+json" : "application/json";
}

/* What can't be sent as it stands becomes a problem document. */
static void settle(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    ASSERT(request->status >= 200 && request->status <= 599);
    if (request->reply.failed) {
        http_fill_problem(request, 503, NULL, "there is no memory for the answer");
        if (request->reply.failed)
            buf_free(&request->reply);
    } else if (!request->content_type && request->reply.n && request->status < 300 && !exchange->takes_entity) {
        request->n_headers = 0;
        http_fill_problem(request, 406, NULL, "only application/hal+json and application/json are served");
    }
}

static bool add_text(struct MHD_Response *response, const char *name, struct str value)
{
    char text[256];
    if (value.n >= sizeof text)
        return false;
    memcpy(text, value.p, value.n);
    text[value.n] = '\0';
    return MHD_add_response_header(response, name, text) == MHD_YES;
}

static void add_long_text(struct arena *arena, struct MHD_Response *response, const char *name, struct str value)
{
    struct str copy = arena_copy(arena, value);
    if (copy.p)
        MHD_add_response_header(response, name, copy.p);
}

void http_add_own_headers(struct http_request *request, struct MHD_Response *response)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (!add_text(response, request->header[i].name, request->header[i].value))
            add_long_text(&request->arena, response, request->header[i].name, request->header[i].value);
}

static void add_headers(struct exchange *exchange, struct MHD_Response *response)
{
    struct http_request *request = &exchange->request;
    if (request->reply.n)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type_of(request));
    if (request->correlation_id.n)
        add_text(response, "X-Correlation-ID", request->correlation_id);
    http_add_own_headers(request, response);
    if (exchange->close || exchange->server->retiring)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

enum MHD_Result http_answer(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    settle(exchange);
    exchange->state = EXCHANGE_ANSWERED;
    http_count(request);
    /* The text is the exchange's, which lives until MHD says that the request is completed. */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(request->reply.n, request->reply.p, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    add_headers(exchange, response);
    enum MHD_Result result = MHD_queue_response(exchange->connection, (unsigned)request->status, response);
    MHD_destroy_response(response);
    return result;
}
