#include "http_internal.h"

#include "clock.h"
#include "metrics.h"

#include <stdatomic.h>
#include <sys/socket.h>

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

/* Answers --------------------------------------------------------------------------------------------------------- */

void http_add_header(struct http_request *request, const char *name, struct str value)
{
    if (request->n_headers < HTTP_MAX_HEADERS_OUT)
        request->header[request->n_headers++] = (struct http_reply_header){name, value};
}

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
        http_fill_problem(request, 503, NULL, "There is no memory for the answer.");
        if (request->reply.failed)
            buf_free(&request->reply);
    } else if (!request->content_type && request->reply.n && request->status < 300 && !exchange->takes_entity) {
        request->n_headers = 0;
        http_fill_problem(request, 406, NULL, "Only application/hal+json and application/json are served.");
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

static void add_headers(struct exchange *exchange, struct MHD_Response *response)
{
    struct http_request *request = &exchange->request;
    if (request->reply.n)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type_of(request));
    if (request->correlation_id.n)
        add_text(response, "X-Correlation-ID", request->correlation_id);
    for (size_t i = 0; i < request->n_headers; i++)
        if (!add_text(response, request->header[i].name, request->header[i].value))
            add_long_text(&request->arena, response, request->header[i].name, request->header[i].value);
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

/* From the handler's side ----------------------------------------------------------------------------------------- */

static void finish(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    if (exchange->state == EXCHANGE_RUNNING) {
        ASSERT(!exchange->answered_inside);
        exchange->answered_inside = true; /* dispatch() goes on when the handler returns */
        return;
    }
    ASSERT(exchange->state == EXCHANGE_WAITING);
    server->in_flight--;
    server->must_run = true;
    if (http_answer(exchange) != MHD_YES)
        shutdown(exchange->peer->fd, SHUT_RDWR);
    MHD_resume_connection(exchange->connection);
}

void http_answer_finished(struct loop_job *job)
{
    struct http_server *server = CONTAINER_OF(job, struct http_server, finish_job);
    struct exchange *newest = atomic_exchange(&server->finished, NULL);
    struct exchange *oldest = NULL;
    while (newest) {
        struct exchange *exchange = newest;
        newest = exchange->next;
        exchange->next = oldest;
        oldest = exchange;
    }
    while (oldest) {
        struct exchange *exchange = oldest;
        oldest = exchange->next;
        exchange->next = NULL;
        finish(exchange);
    }
}

/* `newest` to `oldest` are linked by `next`. One wake-up, and none when the loop has not yet seen the last one. */
static void hand_over(struct http_server *server, struct exchange *newest, struct exchange *oldest)
{
    struct exchange *head = atomic_load_explicit(&server->finished, memory_order_relaxed);
    do
        oldest->next = head;
    while (!atomic_compare_exchange_weak(&server->finished, &head, newest));
    if (!head)
        loop_post(server->loop, &server->finish_job);
}

void http_reply(struct http_request *request)
{
    struct exchange *exchange = request->connection;
    if (loop_is_current(exchange->server->loop))
        finish(exchange);
    else
        hand_over(exchange->server, exchange, exchange);
}

void http_reply_all(struct http_request *const *requests, size_t n)
{
    if (n == 0)
        return;
    struct exchange *oldest = requests[0]->connection;
    if (loop_is_current(oldest->server->loop)) {
        for (size_t i = 0; i < n; i++)
            http_reply(requests[i]);
        return;
    }
    struct exchange *newest = oldest;
    for (size_t i = 1; i < n; i++) {
        struct exchange *exchange = requests[i]->connection;
        exchange->next = newest;
        newest = exchange;
    }
    hand_over(oldest->server, newest, oldest);
}
