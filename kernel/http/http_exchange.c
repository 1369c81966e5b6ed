#include "http_internal.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"

enum {
    ARENA_BLOCK = 8 * 1024,
    KEPT_BUFFER = 64 * 1024, /* a larger one goes back to the heap after the request that needed it */
};

/* The pool -------------------------------------------------------------------------------------------------------- */

static struct exchange *take(struct http_server *server)
{
    struct exchange *exchange = server->spare;
    if (exchange) {
        server->spare = exchange->next;
        exchange->next = NULL;
        return exchange;
    }
    exchange = heap_alloc(sizeof *exchange);
    if (exchange)
        arena_init(&exchange->request.arena, ARENA_BLOCK);
    return exchange;
}

static void recycle_buffer(struct buf *buf)
{
    if (buf->cap > KEPT_BUFFER)
        buf_free(buf);
    else
        buf_clear(buf);
}

static void give_back(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    recycle_buffer(&exchange->body);
    recycle_buffer(&exchange->request.reply);
    arena_reset(&exchange->request.arena);
    *exchange = (struct exchange){
        .request = {.arena = exchange->request.arena, .reply = exchange->request.reply},
        .body = exchange->body,
        .next = server->spare,
    };
    server->spare = exchange;
}

void http_exchange_free(struct exchange *exchange)
{
    buf_free(&exchange->body);
    buf_free(&exchange->request.reply);
    arena_free(&exchange->request.arena);
    heap_free(exchange);
}

/* From the first line to the last byte ---------------------------------------------------------------------------- */

static struct http_peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void *http_exchange_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *server = cls;
    struct http_peer *peer = peer_of(connection);
    struct exchange *exchange = peer ? take(server) : NULL;
    if (!exchange)
        return NULL; /* http_exchange_continue() ends the connection */
    if (peer->silent)
        server->silent--;
    peer->silent = false;
    peer->exchange = exchange;
    server->begun++;
    exchange->counted = true;
    exchange->server = server;
    exchange->connection = connection;
    exchange->peer = peer;
    exchange->state = EXCHANGE_HEAD;
    exchange->request.connection = exchange;
    exchange->request.arrived_us = clock_monotonic();
    exchange->uri_end = uri + strlen(uri);
    exchange->target = arena_copy(&exchange->request.arena, str_of(uri));
    if (peer->in != &server->receiving) /* a connection's first request counts from its first byte */
        http_peers_add(&server->receiving, peer, exchange->request.arrived_us);
    http_room_for_target(exchange);
    return exchange;
}

/* MHD can't answer before the body's end. So what is too much is read past, within the request's deadline and a bound.
 */
static enum MHD_Result take_body(struct exchange *exchange, struct str piece)
{
    uint64_t limit = (uint64_t)exchange->server->settings.max_body;
    if (exchange->refused) {
        exchange->discarded += piece.n;
        return exchange->discarded <= 8 * limit ? MHD_YES : MHD_NO;
    }
    if (exchange->body.n + piece.n > limit) {
        exchange->refused = true;
        exchange->close = true;
        http_fill_problem(&exchange->request, 413, NULL, "the body is larger than this service takes");
        return MHD_YES;
    }
    buf_add(&exchange->body, piece);
    return MHD_YES;
}

static void refuse_bodyless(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    if (exchange->refused)
        return;
    if (exchange->body.failed) {
        http_fill_problem(request, 503, NULL, "there is no memory for the body");
        exchange->refused = true;
        return;
    }
    request->body = buf_str(&exchange->body);
    bool wants_body = request->method == HTTP_POST || request->method == HTTP_PUT || request->method == HTTP_PATCH;
    if (wants_body && request->body.n == 0 && !exchange->route->body_optional) {
        http_fill_problem(request, 400, NULL, "the request has no body");
        exchange->refused = true;
    }
}

static enum MHD_Result answer_inside(struct exchange *exchange)
{
    return exchange->stream ? http_stream_answer(exchange) : http_answer(exchange);
}

static enum MHD_Result dispatch(struct exchange *exchange)
{
    struct http_server *server = exchange->server;
    http_peer_leave(exchange->peer);
    refuse_bodyless(exchange);
    if (server->closing && !exchange->refused) {
        http_fill_failure(&exchange->request, E_CLOSING);
        exchange->refused = true;
    }
    if (exchange->refused)
        return http_answer(exchange);
    exchange->state = EXCHANGE_RUNNING;
    server->in_flight++;
    exchange->request.route = exchange->route;
    exchange->route->handle(server->context, &exchange->request);
    if (exchange->answered_inside) {
        server->in_flight--;
        return answer_inside(exchange);
    }
    exchange->state = EXCHANGE_WAITING;
    exchange->next_to_suspend = server->to_suspend;
    server->to_suspend = exchange;
    return MHD_YES;
}

/* Suspended in its callback, MHD would first read from the connection when it is resumed, and throw the answer away if
 * the client has ended its half. Now it knows that there is nothing to read before the answer. The answer is taken by
 * the loop, that is after this. */
static void suspend_who_waits(struct http_server *server)
{
    while (server->to_suspend) {
        struct exchange *exchange = server->to_suspend;
        server->to_suspend = exchange->next_to_suspend;
        exchange->next_to_suspend = NULL;
        exchange->suspended = true;
        MHD_suspend_connection(exchange->connection);
    }
}

void http_run(struct http_server *server)
{
    if (server->around)
        server->around(server->context, true);
    (void)MHD_run(server->daemon);
    if (server->around)
        server->around(server->context, false);
    suspend_who_waits(server);
}

enum MHD_Result http_exchange_continue(void *cls, struct MHD_Connection *connection, const char *url,
                                       const char *method, const char *version, const char *upload, size_t *upload_size,
                                       void **context)
{
    struct exchange *exchange = *context;
    UNUSED(cls);
    UNUSED(connection);
    UNUSED(url);
    if (!exchange)
        return MHD_NO;
    if (exchange->state == EXCHANGE_HEAD) {
        exchange->state = EXCHANGE_BODY;
        http_head_read(exchange, method, version);
        http_room_for_answer(exchange);
        if (exchange->turned_away)
            return MHD_NO;
        if (!exchange->refused || !exchange->close) {
            /* MHD takes line ends in chunked bodies that others don't: where one ends is not certain enough for another
             * request behind it. */
            exchange->close = exchange->chunked;
            return MHD_YES;
        }
        http_peer_leave(exchange->peer);
        return http_answer(exchange);
    }
    if (exchange->state != EXCHANGE_BODY)
        return MHD_YES;
    if (*upload_size) {
        enum MHD_Result result = take_body(exchange, (struct str){upload, *upload_size});
        *upload_size = 0;
        return result;
    }
    return dispatch(exchange);
}

void http_exchange_end(void *cls, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode reason)
{
    struct http_server *server = cls;
    struct exchange *exchange = *context;
    UNUSED(connection);
    UNUSED(reason);
    if (!exchange)
        return;
    ASSERT(exchange->state != EXCHANGE_WAITING && exchange->state != EXCHANGE_RUNNING);
    *context = NULL;
    if (exchange->counted)
        server->begun--;
    if (exchange->stream)
        http_stream_end(exchange);
    http_peers_add(&server->idle, exchange->peer, clock_monotonic());
    exchange->peer->exchange = NULL;
    exchange->peer->cut_off = exchange->state != EXCHANGE_ANSWERED || (exchange->refused && exchange->close);
    http_hangups_answered(exchange->peer);
    give_back(exchange);
}
