/* http_streams.c: the streams that go on: which there are, waking one, ending one. */
#include "http_internal.h"

void http_streams_add(struct exchange *exchange)
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
    http_places_leave(stream->places, stream);
    stream->close(stream);
}
