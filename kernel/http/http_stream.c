#include "http_internal.h"

#include "errors.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

static void list_add(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    exchange->older_stream = server->streams;
    exchange->newer_stream = NULL;
    if (server->streams)
        server->streams->newer_stream = exchange;
    server->streams = exchange;
    server->n_streams++;
}

static void list_remove(struct exchange *exchange)
{
    if (exchange->newer_stream)
        exchange->newer_stream->older_stream = exchange->older_stream;
    else
        exchange->server->streams = exchange->older_stream;
    if (exchange->older_stream)
        exchange->older_stream->newer_stream = exchange->newer_stream;
    exchange->server->n_streams--;
}

static ssize_t read_stream(void *cls, uint64_t position, char *out, size_t max)
{
    struct exchange *exchange = cls;
    struct http_stream *stream = exchange->stream;
    UNUSED(position);
    if (!stream)
        return MHD_CONTENT_READER_END_OF_STREAM;
    int64_t n = stream->read(stream, out, max);
    ASSERT(n >= -1 && n <= (int64_t)max);
    if (n > 0)
        return (ssize_t)n;
    if (n < 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    stream->asleep = true;
    MHD_suspend_connection(exchange->connection);
    return 0;
}

void http_stream_wake(struct http_stream *stream)
{
    struct exchange *exchange = stream->connection;
    if (!exchange || !stream->asleep)
        return;
    stream->asleep = false;
    exchange->server->must_run = true;
    MHD_resume_connection(exchange->connection);
}

static void unwatch_client(struct exchange *exchange)
{
    struct epoll_event none = {0};
    (void)epoll_ctl(exchange->server->hangups.fd, EPOLL_CTL_DEL, exchange->peer->fd, &none);
}

void http_stream_end(struct exchange *exchange)
{
    struct http_stream *stream = exchange->stream;
    http_stream_wake(stream); /* a suspended connection can't be ended */
    exchange->stream = NULL;
    stream->connection = NULL;
    unwatch_client(exchange);
    list_remove(exchange);
    http_places_leave(stream->places, stream);
    stream->close(stream);
}

/* Hanging up ------------------------------------------------------------------------------------------------------ */

/* MHD doesn't look at a connection that sleeps, nor reads from one to which it writes: that the client has gone it
 * would notice at the second heartbeat that can't be sent. So the clients of streams are in an epoll set of their own.
 * One that ends its half of the connection has gone as well: nothing can be asked on it any more. */
void http_end_hung_up(struct http_server *server)
{
    struct epoll_event gone[64];
    int n;
    while ((n = epoll_wait(server->hangups.fd, gone, COUNT_OF(gone), 0)) > 0) {
        for (int i = 0; i < n; i++) {
            struct exchange *exchange = gone[i].data.ptr;
            shutdown(exchange->peer->fd, SHUT_RDWR); /* MHD writes nothing more, and closes it */
            http_stream_end(exchange);
        }
        server->must_run = true;
    }
}

static void some_hung_up(struct loop_watch *watch, uint32_t events)
{
    UNUSED(events);
    http_end_hung_up(CONTAINER_OF(watch, struct http_server, hangups));
}

int http_hangups_open(struct http_server *server)
{
    server->hangups = (struct loop_watch){.fd = epoll_create1(EPOLL_CLOEXEC), .ready = some_hung_up};
    if (server->hangups.fd < 0)
        return E_UNAVAILABLE;
    int rc = loop_watch_add(server->loop, &server->hangups, EPOLLIN);
    if (rc)
        close(server->hangups.fd);
    return rc;
}

void http_hangups_close(struct http_server *server)
{
    loop_watch_remove(server->loop, &server->hangups);
    close(server->hangups.fd);
}

/* Without memory for it the heartbeats notice. */
static void watch_client(struct exchange *exchange)
{
    struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = exchange};
    (void)epoll_ctl(exchange->server->hangups.fd, EPOLL_CTL_ADD, exchange->peer->fd, &event);
}

/* Answering ------------------------------------------------------------------------------------------------------- */

static enum MHD_Result refuse(struct exchange *exchange)
{
    struct http_stream *stream = exchange->stream;
    exchange->stream = NULL;
    stream->connection = NULL;
    stream->close(stream);
    return http_answer(exchange);
}

static struct MHD_Response *stream_response(struct exchange *exchange)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, exchange, NULL);
    if (!response)
        return NULL;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* nginx: pass on every event at once */
    return response;
}

static bool has_room(const struct http_server *server, const struct http_stream *stream)
{
    return (int64_t)server->n_streams < server->settings.max_connections - server->settings.max_connections / 4 &&
           http_places_has_room(stream->places, &stream->address);
}

static enum MHD_Result send_stream(struct exchange *exchange, struct MHD_Response *response)
{
    exchange->request.status = 200;
    http_add_own_headers(&exchange->request, response);
    http_count(&exchange->request);
    exchange->state = EXCHANGE_ANSWERED;
    enum MHD_Result result = MHD_queue_response(exchange->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static void begin(struct exchange *exchange)
{
    exchange->stream->asleep = false;
    exchange->counted = false; /* it goes on for ever */
    exchange->server->begun--;
    list_add(exchange);
    watch_client(exchange);
}

enum MHD_Result http_stream_answer(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    struct http_stream *stream = exchange->stream;
    if (!exchange->takes_stream) {
        http_fill_problem(request, 406, NULL, "Only text/event-stream is served here.");
        return refuse(exchange);
    }
    stream->address = http_client_address(request);
    if (!has_room(exchange->server, stream))
        http_end_hung_up(exchange->server); /* some may have left a moment ago, and come back */
    if (!has_room(exchange->server, stream)) {
        exchange->close = true; /* its connection is for somebody else */
        http_fill_problem(request, 503, NULL, "Too many follow already.");
        return refuse(exchange);
    }
    struct MHD_Response *response = stream_response(exchange);
    if (!response) {
        http_fill_problem(request, 503, NULL, "There is no memory for the stream.");
        return refuse(exchange);
    }
    if (request->head) {
        /* Its headers, and the end: chunked, MHD 0.9 would send the last chunk where the next answer is looked for. */
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
        exchange->stream = NULL;
        stream->connection = NULL;
        stream->close(stream);
    } else {
        struct http_stream *oldest = http_places_oldest(stream->places, &stream->address);
        if (oldest)
            http_stream_end(oldest->connection);
        http_places_take(stream->places, stream);
        begin(exchange);
    }
    return send_stream(exchange, response);
}

void http_stream(struct http_request *request, struct http_stream *stream)
{
    struct exchange *exchange = request->connection;
    struct http_server *server = exchange->server;
    ASSERT(loop_is_current(server->loop) && !exchange->stream);
    exchange->stream = stream;
    stream->connection = exchange;
    if (exchange->state == EXCHANGE_RUNNING) {
        exchange->answered_inside = true;
        return;
    }
    ASSERT(exchange->state == EXCHANGE_WAITING);
    server->in_flight--;
    server->must_run = true;
    if (http_stream_answer(exchange) != MHD_YES)
        shutdown(exchange->peer->fd, SHUT_RDWR);
    MHD_resume_connection(exchange->connection);
}
