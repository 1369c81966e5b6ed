/* http_room.c: requests that leave no room for their answer.
 *
 * MHD keeps a request's head and the head of its answer in one pool, http.connection_memory. A request that all but
 * fills it would be carried out, and its connection closed without a word. So what is left is counted before a handler
 * is called. The refusal goes past MHD, straight to the socket: all answers before it have gone out, and MHD hangs up
 * next. */
#include "http_internal.h"

#include <sys/socket.h>

enum {
    OF_A_FIELD = 64,   /* what MHD notes of a header, query parameter or cookie, aligned */
    LEAST_ROOM = 400,  /* status, our own headers but those below, MHD's */
    LOCATION_ROOM = 64 /* "Location: " and an id */
};

static enum MHD_Result count_cookie(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_size,
                                    const char *value, size_t value_size)
{
    size_t *n = cls;
    UNUSED(kind);
    UNUSED(name);
    UNUSED(value);
    *n += name_size + value_size + 4; /* "=", "; " and a NUL: the text is copied */
    return MHD_YES;
}

static size_t taken(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    enum MHD_ValueKind all = MHD_HEADER_KIND | MHD_GET_ARGUMENT_KIND | MHD_COOKIE_KIND;
    size_t n = info ? info->header_size : 0;

    n += OF_A_FIELD * (size_t)MHD_get_connection_values(connection, all, NULL, NULL);
    MHD_get_connection_values_n(connection, MHD_COOKIE_KIND, count_cookie, &n);
    return n;
}

static size_t needed(const struct http_request *request)
{
    size_t n = LEAST_ROOM + request->correlation_id.n;

    return request->method == HTTP_POST ? n + LOCATION_ROOM + request->base.n + request->path.n : n;
}

static void refuse(struct exchange *exchange, int status, const char *detail)
{
    http_count_refusal(status);
    http_say_no(exchange->peer->fd, status, detail);
    shutdown(exchange->peer->fd, SHUT_RD); /* MHD sees the end, wherever it is */
    exchange->turned_away = true;
}

/* MHD takes the query to pieces next, and one for which it has no memory would leave the client waiting. */
void http_room_for_target(struct exchange *exchange)
{
    struct str query;
    size_t n = str_split(exchange->target, '?', &query).n + query.n + 2 * (size_t)LEAST_ROOM;

    for (size_t i = 0; i < query.n; i++)
        if (i == 0 || query.p[i] == '&')
            n += OF_A_FIELD;
    if (n > (size_t)exchange->server->settings.connection_memory)
        refuse(exchange, 414, "the request's line is longer than this service takes");
}

void http_room_for_answer(struct exchange *exchange)
{
    size_t all = (size_t)exchange->server->settings.connection_memory;

    if (!exchange->turned_away && taken(exchange->connection) + needed(&exchange->request) > all)
        refuse(exchange, 431, "the request's head is larger than this service takes");
}
