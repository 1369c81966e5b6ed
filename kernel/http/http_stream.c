#include "http_internal.h"

#include <sys/socket.h>

enum { BLOCK = 64 * 1024 };

static void list_add(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    exchange->older_stream = server->streams;
    exchange->newer_stream = NULL;
    if (server->streams)
        server->streams->newer_stream = exchange;
    server->streams = exchange;
}

static void list_remove(struct exchange *exchange)
{
    if (exchange->newer_stream)
        exchange->newer_stream->older_stream = exchange->older_stream;
    else
        exchange->server->streams = exchange->older_stream;
    if (exchange->older_stream)
        exchange->older_stream->newer_stream = exchange->newer_stream;
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

void http_stream_end(struct exchange *exchange)
{
    struct http_stream *stream = exchange->stream;
    http_stream_wake(stream); /* a suspended connection can't be ended */
    exchange->stream = NULL;
    stream->connection = NULL;
    list_remove(exchange);
    stream->close(stream);
}

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

enum MHD_Result http_stream_answer(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    if (!exchange->takes_stream) {
        http_fill_problem(request, 406, NULL, "Only text/event-stream is served here.");
        return refuse(exchange);
    }
    if (request->head) {
        request->status = 200;
        request->content_type = "text/event-stream";
        return refuse(exchange);
    }
    struct MHD_Response *response = stream_response(exchange);
    if (!response) {
        http_fill_problem(request, 503, NULL, "There is no memory for the stream.");
        return refuse(exchange);
    }
    request->status = 200;
    http_count(request);
    exchange->state = EXCHANGE_ANSWERED;
    exchange->stream->asleep = false;
    exchange->counted = false; /* it goes on for ever */
    exchange->server->begun--;
    list_add(exchange);
    enum MHD_Result result = MHD_queue_response(exchange->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
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
