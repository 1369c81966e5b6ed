#include "http_internal.h"

#include <sys/socket.h>

enum { BLOCK = 64 * 1024 };

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
    http_streams_add(exchange);
}

enum MHD_Result http_stream_answer(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    struct http_stream *stream = exchange->stream;
    if (!exchange->takes_stream) {
        http_fill_problem(request, 406, NULL, "only text/event-stream is served here");
        return refuse(exchange);
    }
    stream->address = http_client_address(request);
    if (!has_room(exchange->server, stream))
        http_hangups_look(exchange->server); /* some may have left a moment ago, and come back */
    if (!has_room(exchange->server, stream)) {
        exchange->close = true; /* its connection is for somebody else */
        http_fill_problem(request, 503, NULL, "too many follow already");
        return refuse(exchange);
    }
    struct MHD_Response *response = stream_response(exchange);
    if (!response) {
        http_fill_problem(request, 503, NULL, "there is no memory for the stream");
        return refuse(exchange);
    }
    if (request->head || exchange->peer->has_ended) {
        /* Its headers, and the end: there is nobody to follow. Chunked, MHD 0.9 would send the last chunk where the
         * next answer is looked for. */
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
    ASSERT(exchange->state == EXCHANGE_WAITING && exchange->suspended);
    exchange->suspended = false;
    server->in_flight--;
    server->must_run = true;
    if (http_stream_answer(exchange) != MHD_YES)
        shutdown(exchange->peer->fd, SHUT_RDWR);
    MHD_resume_connection(exchange->connection);
}
