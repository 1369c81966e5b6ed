#include "http_internal.h"

#include "errors.h"
#include "http_origin.h"
#include "http_text.h"

/* The headers as MHD has them ------------------------------------------------------------------------------------- */

struct field_list {
    struct http_field field[HTTP_MAX_FIELDS];
    size_t n;
    bool too_many;
};

static enum MHD_Result collect(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_size,
                               const char *value, size_t value_size)
{
    struct field_list *list = cls;
    UNUSED(kind);
    if (list->n == HTTP_MAX_FIELDS) {
        list->too_many = true;
        return MHD_NO;
    }
    list->field[list->n++] = (struct http_field){{name, name_size}, {value, value_size}};
    return MHD_YES;
}

/* MHD is lenient about the text between the fields that it reports; its later versions are not. */
static bool is_plain(const struct exchange *exchange, const char *version, const struct field_list *list)
{
    for (size_t i = 0; i < exchange->target.n; i++)
        if ((unsigned char)exchange->target.p[i] <= ' ' || exchange->target.p[i] == 0x7f)
            return false;
    return !exchange->server->parses_in_place ||
           (exchange->uri_end + 1 == version && http_guard_is_plain(str_of(version), list->field, list->n));
}

static struct http_verdict judge(struct exchange *exchange, const char *version, struct http_head *head)
{
    struct field_list list; /* two kilobytes, not to be cleared for each request */
    list.n = 0;
    list.too_many = false;
    MHD_get_connection_values_n(exchange->connection, MHD_HEADER_KIND, collect, &list);
    bool http_1_1 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
    uint64_t max_body = (uint64_t)exchange->server->settings.max_body;
    struct http_verdict verdict = http_guard(list.field, list.n, http_1_1, max_body, head);
    if (verdict.status)
        return verdict;
    if (list.too_many)
        return (struct http_verdict){431, NULL, "the request has too many headers"};
    if (!is_plain(exchange, version, &list))
        return (struct http_verdict){400, NULL, "the request's head is malformed"};
    return verdict;
}

/* The target ------------------------------------------------------------------------------------------------------ */

/* "http://host/path" (RFC 9112, 3.2.2): its host counts, not Host. */
static void split_absolute(struct str *target, struct str *host)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        struct str scheme = str_of(schemes[i]);
        if (target->n < scheme.n || !str_eq_nocase((struct str){target->p, scheme.n}, scheme))
            continue;
        struct str rest = {target->p + scheme.n, target->n - scheme.n};
        size_t n = 0;
        while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
            n++;
        *host = (struct str){rest.p, n};
        *target = n < rest.n ? (struct str){rest.p + n, rest.n - n} : STR("/");
        return;
    }
}

/* What a problem says it is about when the path can't be read: as it came, as far as it can stand in a URI. */
static struct str raw_instance(struct exchange *exchange)
{
    struct buf out = {0};
    struct str host, query, target = exchange->target;
    split_absolute(&target, &host);
    struct str path = str_split(target, '?', &query);
    if (path.n == 0 || path.p[0] != '/')
        BUF_LIT(&out, "/");
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (c > ' ' && c < 0x7f && c != '"' && c != '\\')
            buf_char(&out, path.p[i]);
        else
            buf_printf(&out, "%%%02X", c);
    }
    struct str text = out.failed ? STR("/") : arena_copy(&exchange->request.arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static int read_target(struct exchange *exchange, const struct http_head *head)
{
    struct http_request *request = &exchange->request;
    struct str host = head->value[HTTP_HOST];
    struct str target = exchange->target;
    split_absolute(&target, &host);
    if (!http_is_host(host))
        return E_MALFORMED;
    exchange->misdirected = !http_hosts_take(&exchange->server->hosts, host);
    request->base = http_base_url(&request->arena, head, host, exchange->peer->trusted);
    struct str raw_path = str_split(target, '?', &request->query);
    if (request->method == HTTP_OPTIONS && str_is(raw_path, "*"))
        raw_path = STR("/");
    int rc = http_path_read(&request->arena, raw_path, &exchange->path);
    if (rc)
        return rc;
    request->path = raw_path;
    if (!request->base.p || !request->correlation_id.p || !request->traceparent.p)
        return E_MEMORY;
    return http_query_check(&request->arena, request->query);
}

static void take_headers(struct exchange *exchange, const struct http_head *head)
{
    struct http_request *request = &exchange->request;
    request->correlation_id = http_trace_correlation(&exchange->server->trace, head, &request->arena);
    request->traceparent = http_trace_parent(&exchange->server->trace, head, &request->arena);
    request->outside = head->seen[HTTP_GATEWAY] != 0;
    request->idempotency_key = head->value[HTTP_IDEMPOTENCY_KEY];
    request->if_none_match = head->value[HTTP_IF_NONE_MATCH];
    request->caller = head->value[HTTP_CALLER];
    request->if_match = head->value[HTTP_IF_MATCH];
    request->signature = head->value[HTTP_SIGNATURE];
    request->last_event_id = head->value[HTTP_LAST_EVENT_ID];
    request->feed_epoch = head->value[HTTP_FEED_EPOCH];
    if (exchange->peer->trusted)
        request->forwarded_for = head->value[HTTP_FORWARDED_FOR];
    int hal = http_accept_quality(&head->accept, HTTP_OFFER_HAL);
    int json = http_accept_quality(&head->accept, HTTP_OFFER_JSON);
    request->wants_hal = hal >= json;
    exchange->takes_entity = hal > 0 || json > 0;
    exchange->takes_stream = http_accept_quality(&head->accept, HTTP_OFFER_STREAM) > 0;
    exchange->chunked = head->chunked;
    exchange->has_body = head->chunked || head->content_length > 0;
}

struct http_address http_client_address(const struct http_request *request)
{
    const struct exchange *exchange = request->connection;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return http_address_of(request->forwarded_for, info ? info->client_addr : NULL);
}

/* Finding the route ----------------------------------------------------------------------------------------------- */

static void tell_allowed(struct exchange *exchange)
{
    struct http_request *request = &exchange->request;
    struct buf allowed = {0};
    http_router_allow(exchange->server->router, &exchange->path, request->outside, &allowed);
    struct str text = arena_copy(&request->arena, buf_str(&allowed));
    buf_free(&allowed);
    if (text.p)
        http_add_header(request, MHD_HTTP_HEADER_ALLOW, text);
}

static bool is_wanted_media(const struct exchange *exchange, const struct http_head *head)
{
    return !exchange->has_body || exchange->request.method == HTTP_GET ||
           http_is_json(head->value[HTTP_CONTENT_TYPE], head->value[HTTP_CONTENT_ENCODING]);
}

/* Reading is free: no page of another origin sees the answer. */
static const char *foreign_change(const struct exchange *exchange, const struct http_head *head)
{
    return exchange->request.method == HTTP_GET ? NULL : http_foreign_origin(head, exchange->request.base);
}

/* Fills in a refusal, or sets the route. */
static void find_route(struct exchange *exchange, const struct http_head *head)
{
    struct http_request *request = &exchange->request;
    struct http_match match =
        http_router_find(exchange->server->router, request->method, &exchange->path, request->outside);
    const char *foreign;
    exchange->route = match.route;
    memcpy(request->param, match.param, sizeof match.param);
    if (request->method == HTTP_OPTIONS && !match.route && (match.path_known || exchange->path.n == 0)) {
        request->status = 204;
        tell_allowed(exchange);
    } else if (!match.path_known) {
        http_fill_problem(request, 404, NULL, "there is nothing at this path");
    } else if (!match.route) {
        http_fill_problem(request, 405, NULL, "this path does not have the method; Allow says which it has");
        tell_allowed(exchange);
    } else if ((foreign = foreign_change(exchange, head)) != NULL) {
        http_fill_problem(request, 403, foreign, "a page of another origin may not change anything here");
    } else if (request->method != HTTP_GET && !exchange->takes_entity) {
        http_fill_problem(request, 406, NULL, "only application/hal+json and application/json are served");
    } else if (!is_wanted_media(exchange, head)) {
        http_fill_problem(request, 415, "Content-Type",
                          "the body must be application/json, in UTF-8, without an encoding, and say so");
    }
    exchange->refused = request->status != 0;
}

static void refuse_target(struct exchange *exchange, int error)
{
    struct http_request *request = &exchange->request;
    exchange->refused = true;
    if (!request->path.n)
        request->path = raw_instance(exchange);
    if (error == E_MALFORMED)
        http_fill_problem(request, 400, NULL, "the path or the query can't be read");
    else if (error == E_NOT_FOUND)
        http_fill_problem(request, 404, NULL, "there is nothing at this path");
    else
        http_fill_failure(request, error);
}

static void refuse_host(struct exchange *exchange)
{
    exchange->refused = true;
    http_fill_problem(&exchange->request, 421, "Host",
                      "this service is not known by that name; the setting http.hosts has those it is known by");
}

static void take_method(struct http_request *request, const char *name)
{
    request->method = http_method_of(name);
    if (request->method == HTTP_HEAD) {
        request->method = HTTP_GET;
        request->head = true;
    }
}

void http_head_read(struct exchange *exchange, const char *method, const char *version)
{
    struct http_request *request = &exchange->request;
    struct http_head head;
    struct http_verdict verdict = judge(exchange, version, &head);
    take_method(request, method);
    take_headers(exchange, &head);
    if (verdict.status) {
        exchange->refused = true;
        exchange->close = true; /* where this request ends is not certain, or not worth waiting for */
        request->path = raw_instance(exchange);
        http_fill_problem(request, verdict.status, verdict.header, "%s", verdict.detail);
        return;
    }
    int rc = read_target(exchange, &head);
    if (rc)
        refuse_target(exchange, rc);
    else if (exchange->misdirected)
        refuse_host(exchange);
    else
        find_route(exchange, &head);
    if (!exchange->refused && head.content_length)
        (void)buf_reserve(&exchange->body, (size_t)head.content_length);
}
