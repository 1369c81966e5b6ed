/* nginx_routes.c: what goes to which service: the paths, the headers, where the services are. */
#include "nginx_parts.h"

#include <inttypes.h>

static const char *const services[] = {"order", "product", "stock", "customercenter", "payment"};

enum location { PLAIN, FOR_OPERATORS, IN_THE_TEMPLATE };
struct route {
    const char *path, *service;
    enum location location;
};

/* What is passed on: paths of exactly these shapes, {…} being any one segment. What services say to each other is not
 * among them. tests/api holds these against api/openapi.yaml. */
static const struct route routes[] = {
    {"/orders", "order", PLAIN},
    {"/orders/{id}", "order", PLAIN},
    {"/products", "product", PLAIN},
    {"/products/kitchen", "product", PLAIN},
    {"/products/search/findByOrderId", "product", PLAIN},
    {"/products/search/open", "product", PLAIN},
    {"/products/{id}", "product", PLAIN},
    {"/stocks", "stock", PLAIN},
    {"/stocks/receive", "stock", PLAIN},
    {"/stocks/reduce", "stock", PLAIN},
    {"/stocks/release", "stock", PLAIN},
    {"/stocks/search/findByProductName", "stock", PLAIN},
    {"/stocks/{id}", "stock", PLAIN},
    {"/stocks/{id}/lowMark", "stock", PLAIN},
    {"/stocks/{id}/movements", "stock", PLAIN},
    {"/menu", "customercenter", IN_THE_TEMPLATE},
    {"/mypages", "customercenter", PLAIN},
    {"/mypages/search", "customercenter", PLAIN},
    {"/mypages/search/findByOrderId", "customercenter", PLAIN},
    {"/mypages/stream", "customercenter", IN_THE_TEMPLATE},
    {"/mypages/{id}", "customercenter", PLAIN},
    {"/payments", "payment", FOR_OPERATORS},
    {"/payments/search/findByOrderId", "payment", FOR_OPERATORS},
    {"/payments/summary", "payment", FOR_OPERATORS},
    {"/payments/webhook", "payment", PLAIN}, /* everybody's: it is signed */
    {"/payments/{id}", "payment", FOR_OPERATORS},
};

/* What a service reads of a client's request, and which one, if not all do: what is looked for in vain costs each
 * request something. Of a header given twice the first. tests/api holds these against the services' list
 * (kernel/http/http_guard.c). */
static const struct {
    const char *name, *variable, *only;
} headers[] = {
    {"Accept", "$http_accept", NULL},
    {"Content-Type", "$content_type", NULL},
    {"Content-Encoding", "$http_content_encoding", NULL},
    {"Idempotency-Key", "$http_idempotency_key", NULL},
    {"If-Match", "$http_if_match", "stock"},
    {"If-None-Match", "$http_if_none_match", NULL},
    {"Last-Event-ID", "$http_last_event_id", "customercenter"},
    {"Coffeeshop-Signature", "$http_coffeeshop_signature", "payment"},
    {"X-Correlation-ID", "$http_x_correlation_id", NULL},
    {"traceparent", "$http_traceparent", NULL},
};

static const char *url_of(const struct gateway_settings *settings, const char *service)
{
    const char *const urls[] = {settings->order_url, settings->product_url, settings->stock_url,
                                settings->customercenter_url, settings->payment_url};

    size_t i = 0;
    while (strcmp(service, services[i]) != 0) {
        i++;
        ASSERT(i < COUNT_OF(services));
    }
    return urls[i];
}

/* One that can't be reached is left out for a second, if there is another; a service's only one is asked each time. */
static void write_servers(const struct filler *filler, const char *service, const char *role, struct buf *out)
{
    struct str rest = str_trim(str_of(url_of(filler->settings, service)));
    bool alone = !memchr(rest.p, ' ', rest.n);

    while (rest.n > 0) {
        struct str url = str_split(rest, ' ', &rest);
        if (url.n > 0)
            buf_printf(out, "        server %.*s %s%s;\n", (int)(url.n - strlen("http://")), url.p + strlen("http://"),
                       alone ? "max_fails=0" : "max_fails=1 fail_timeout=1s", role);
    }
}

static void begin_upstream(const char *name, struct buf *out)
{
    buf_printf(out, "    upstream %s {\n", name);
}

static void end_upstream(struct buf *out)
{
    BUF_LIT(out, "        keepalive 64;\n        keepalive_requests 1000000;\n        keepalive_timeout 30s;\n    }\n");
}

void write_upstreams(const struct filler *filler, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        begin_upstream(services[i], out);
        write_servers(filler, services[i], "", out);
        end_upstream(out);
    }
    /* who says the menu, and who does when the first doesn't (ADR 36) */
    begin_upstream("menu", out);
    write_servers(filler, "customercenter", "", out);
    write_servers(filler, "order", " backup", out);
    end_upstream(out);
}

/* "/stocks/{id}/movements" as a regular expression. It is tried on the decoded path; by then what would decode to
 * another path has been refused. */
static void write_pattern(struct str path, struct buf *out)
{
    BUF_LIT(out, "~ \"^");
    while (path.n > 0) {
        struct str parameter;
        buf_add(out, str_split(path, '{', &parameter));
        if (parameter.n > 0)
            BUF_LIT(out, "[^/]+");
        (void)str_split(parameter, '}', &path);
    }
    BUF_LIT(out, "\\z\"");
}

void write_passed_texts(const struct filler *filler, struct buf *out)
{
    UNUSED(filler);
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        buf_add(out, str_of(headers[i].variable));
}

/* What the gateway itself says to a service. */
static void write_said_headers(const struct filler *filler, struct buf *out)
{
    static const struct {
        const char *name, *value;
        write_part *write;
    } said[] = {
        {"Connection", "\"\"", NULL},
        {"Host", "$proxy_host", NULL}, /* the service's name; the client's is the forwarded one */
        {"Origin", "", write_told_origin},
        {"Sec-Fetch-Site", "", write_told_site},
        {"X-Forwarded-Host", "", write_client_host},
        {"X-Forwarded-Proto", "", write_client_scheme},
        {"X-Forwarded-For", "$remote_addr", NULL},
        /* a service keeps what is said between services, and with operators, from whoever comes with this */
        {"X-Gateway", "1", NULL},
    };

    for (size_t i = 0; i < COUNT_OF(said); i++) {
        buf_printf(out, "    proxy_set_header %s %s", said[i].name, said[i].value);
        if (said[i].write)
            said[i].write(filler, out);
        BUF_LIT(out, ";\n");
    }
}

/* All that is passed on to a service; NULL: to one that reads nothing of its own. */
static void write_headers(const struct filler *filler, const char *service, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        if (!headers[i].only || (service && strcmp(service, headers[i].only) == 0))
            buf_printf(out, "    proxy_set_header %s %s;\n", headers[i].name, headers[i].variable);
    write_said_headers(filler, out);
}

void write_passed_headers(const struct filler *filler, struct buf *out)
{
    write_headers(filler, NULL, out);
}

void write_stream_headers(const struct filler *filler, struct buf *out)
{
    write_headers(filler, "customercenter", out);
}

static bool reads_its_own(const char *service)
{
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        if (headers[i].only && strcmp(service, headers[i].only) == 0)
            return true;
    return false;
}

static void write_route(const struct filler *filler, const struct route *route, struct buf *out)
{
    BUF_LIT(out, "        location ");
    if (strchr(route->path, '{'))
        write_pattern(str_of(route->path), out);
    else
        buf_printf(out, "= %s", route->path);
    BUF_LIT(out, " { ");
    if (route->location == FOR_OPERATORS)
        BUF_LIT(out, "if ($is_operator = 0) { return 403; } ");
    if (reads_its_own(route->service)) {
        buf_char(out, '\n');
        write_headers(filler, route->service, out);
    }
    buf_printf(out, "proxy_pass http://%s; }\n", route->service);
}

/* How a service is, for everybody and for operators. Who hangs takes connections and says nothing: that is known after
 * health_ms, and not only when a page has lost its patience. */
static void write_health(const struct filler *filler, const char *service, struct buf *out)
{
    buf_printf(out,
               "        location = /health/%s { proxy_read_timeout %" PRId64 "ms; proxy_pass http://%s/readyz; }\n"
               "        location = /ops/%s/metrics {\n            if ($is_operator = 0) { return 403; }\n"
               "            add_header Cache-Control no-store always; # and, without those of CORS, for our own "
               "page only\n"
               "            gzip on; # ten times less, every five seconds\n"
               "            gzip_types *;\n"
               "            # nothing else of the request, and without X-Gateway: whose it may be was judged here\n"
               "            proxy_set_header Host $proxy_host;\n"
               "            proxy_set_header Connection \"\";\n"
               "            proxy_read_timeout %" PRId64 "ms;\n"
               "            proxy_pass http://%s/metrics;\n        }\n",
               service, filler->settings->health_ms, service, service, filler->settings->health_ms, service);
}

void write_service_routes(const struct filler *filler, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        if (routes[i].location != IN_THE_TEMPLATE)
            write_route(filler, &routes[i], out);
    for (size_t i = 0; i < COUNT_OF(services); i++)
        write_health(filler, services[i], out);
}
