#include "nginx_conf.h"

#include "embedded.h"

#include <inttypes.h>

/* What a template is filled from. */
struct filler {
    const struct gateway_settings *settings;
    const struct nginx_surroundings *surroundings;
};

typedef void write_part(const struct filler *filler, struct buf *out);

struct part {
    const char *name;
    write_part *write;
};

static const struct {
    const char *path, *service;
} routes[] = {
    {"/orders", "order"},           {"/products", "product"},    {"/stocks", "stock"},
    {"/mypages", "customercenter"}, {"/menu", "customercenter"},
};

static const char *const services[] = {"order", "product", "stock", "customercenter"};

static const struct {
    int status;
    const char *title, *detail;
    const char *header; /* one more, or "" */
} problems[] = {
    {400, "Bad Request", "the request can't be read", ""},
    {403, "Forbidden", "this is not for everyone", ""},
    {404, "Not Found", "there is nothing here", ""},
    {405, "Method Not Allowed", "this can only be read", "add_header Allow \"GET, HEAD\" always; "},
    {408, "Request Timeout", "the request took too long to arrive", ""},
    {411, "Length Required", "the request needs a Content-Length", ""},
    {413, "Content Too Large", "the body is larger than is taken here", ""},
    {414, "URI Too Long", "the request's line is longer than is taken here", ""},
    {429, "Too Many Requests", "more requests than one client may send; try again a little later",
     "add_header Retry-After 1 always; "},
    {431, "Request Header Fields Too Large", "the headers are larger than is taken here", ""},
    {500, "Internal Server Error", "something is broken here", ""},
    {501, "Not Implemented", "this is not understood here", ""},
    {503, "Service Unavailable", "the service behind this does not answer at the moment; try again a little later",
     "add_header Retry-After 1 always; "},
    {505, "HTTP Version Not Supported", "only HTTP/1.0 and HTTP/1.1 are spoken here", ""},
};

static const char *url_of(const struct gateway_settings *settings, const char *service)
{
    const char *const urls[] = {settings->order_url, settings->product_url, settings->stock_url,
                                settings->customercenter_url};

    size_t i = 0;
    while (strcmp(service, services[i]) != 0) {
        i++;
        ASSERT(i < COUNT_OF(services));
    }
    return urls[i];
}

static void write_upstreams(const struct filler *filler, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        const char *server = url_of(filler->settings, services[i]) + strlen("http://");
        buf_printf(out,
                   "    upstream %s {\n        server %s max_fails=0;\n        keepalive 64;\n"
                   "        keepalive_requests 1000000;\n        keepalive_timeout 30s;\n    }\n",
                   services[i], server);
    }
}

static void write_routes(const struct filler *filler, struct buf *out)
{
    UNUSED(filler);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        buf_printf(out, "        location = %s { proxy_pass http://%s; }\n", routes[i].path, routes[i].service);
        buf_printf(out, "        location ^~ %s/ { proxy_pass http://%s; }\n", routes[i].path, routes[i].service);
    }
    for (size_t i = 0; i < COUNT_OF(services); i++)
        buf_printf(out,
                   "        location = /health/%s { proxy_pass http://%s/readyz; }\n"
                   "        location = /ops/%s/metrics {\n            if ($is_operator = 0) { return 403; }\n          "
                   "  set $outside \"\"; # to this very path\n"
                   "            add_header Cache-Control no-store always; # and, without those of CORS, for our own "
                   "page only\n"
                   "            gzip on; # ten times less, every five seconds\n"
                   "            gzip_types *;\n"
                   "            proxy_pass http://%s/metrics;\n        }\n",
                   services[i], services[i], services[i], services[i]);
}

/* add_header is not inherited by a level that has one of its own. */
static void write_cors_headers(struct buf *out)
{
    BUF_LIT(out, "add_header Vary Origin always; add_header Access-Control-Allow-Origin $cors_origin always; "
                 "add_header Access-Control-Allow-Credentials $cors_credentials always; "
                 "add_header Access-Control-Expose-Headers $cors_exposed always; ");
}

static void write_problems(const struct filler *filler, struct buf *out)
{
    UNUSED(filler);
    for (size_t i = 0; i < COUNT_OF(problems); i++) {
        int status = problems[i].status;
        buf_printf(out, "        error_page %d /.problem/%d;\n", status, status);
        buf_printf(out,
                   "        location = /.problem/%d {\n            internal; "
                   "if ($wants_page) { rewrite ^ /pages/error-%d.$page_language.html last; } ",
                   status, status);
        if (problems[i].header[0]) {
            write_cors_headers(out);
            buf_add(out, str_of(problems[i].header));
        }
        buf_printf(out,
                   "\n            return %d '{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"",
                   status, problems[i].title, status);
        for (const char *c = problems[i].detail; *c; c++) {
            if (*c == '\'')
                buf_char(out, '\\');
            buf_char(out, *c);
        }
        BUF_LIT(out, "\"$instance}';\n        }\n");
    }
}

static void write_page_headers(const struct filler *filler, struct buf *out)
{
    UNUSED(filler);
    buf_printf(
        out,
        "add_header Content-Security-Policy \"default-src 'none'; script-src 'self'; style-src %s; connect-src 'self'; "
        "img-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'\" always; "
        "add_header X-Content-Type-Options nosniff always; add_header Referrer-Policy no-referrer always; "
        "add_header Cross-Origin-Opener-Policy same-origin always; "
        "add_header Cross-Origin-Resource-Policy same-origin always; "
        "add_header Permissions-Policy \"camera=(), geolocation=(), microphone=(), payment=(), usb=()\" always;",
        embedded_styles);
}

/* Each word of the list as a line "<before><word><after>". */
static void write_words(const char *list, const char *before, const char *after, struct buf *out)
{
    struct str rest = str_of(list);

    while (rest.n > 0) {
        struct str word = str_split(rest, ' ', &rest);
        if (word.n > 0)
            buf_printf(out, "        %s%.*s%s\n", before, STR_ARG(word), after);
    }
}

static void write_unlimited(const struct filler *filler, struct buf *out)
{
    write_words(filler->settings->unlimited, "", " 1;", out);
}

static void write_operators(const struct filler *filler, struct buf *out)
{
    write_words(filler->settings->operators, "", " 1;", out);
}

static bool takes_any_origin(const struct filler *filler)
{
    return strcmp(filler->settings->cors_origin, "*") == 0;
}

static void write_cors_default(const struct filler *filler, struct buf *out)
{
    buf_add(out, takes_any_origin(filler) ? STR("$http_origin") : STR("\"\""));
}

static void write_cors_origins(const struct filler *filler, struct buf *out)
{
    if (!takes_any_origin(filler))
        write_words(filler->settings->cors_origin, "\"", "\" $http_origin;", out);
}

static void write_user(const struct filler *filler, struct buf *out)
{
    const char *user = filler->settings->user;

    if (filler->surroundings->is_root)
        buf_printf(out, "user %s;", user[0] ? user : "root");
}

/* A line for every request that found a service down would bury everything else. */
static void write_error_level(const struct filler *filler, struct buf *out)
{
    buf_add(out, filler->surroundings->is_verbose ? STR("info") : STR("crit"));
}

/* A body that fits is never written to the disk. */
static void write_body_buffer(const struct filler *filler, struct buf *out)
{
    const int64_t most = 1 << 20;

    buf_i64(out, filler->settings->max_body < most ? filler->settings->max_body : most);
}

static void write_instance(const struct filler *filler, struct buf *out)
{
    buf_add(out, str_of(filler->surroundings->instance));
}

#define TEXT_PART(member)                                                                                              \
    static void write_##member(const struct filler *filler, struct buf *out)                                           \
    {                                                                                                                  \
        buf_add(out, str_of(filler->settings->member));                                                                \
    }
#define NUMBER_PART(member)                                                                                            \
    static void write_##member(const struct filler *filler, struct buf *out)                                           \
    {                                                                                                                  \
        buf_i64(out, filler->settings->member);                                                                        \
    }
TEXT_PART(listen)
TEXT_PART(access_log)
NUMBER_PART(workers)
NUMBER_PART(max_connections)
NUMBER_PART(max_body)
NUMBER_PART(rate)
NUMBER_PART(burst)
NUMBER_PART(connections)
NUMBER_PART(header_ms)
NUMBER_PART(body_ms)
NUMBER_PART(send_ms)
NUMBER_PART(idle_ms)
NUMBER_PART(connect_ms)
NUMBER_PART(answer_ms)
NUMBER_PART(stream_ms)

static void write_stop_ms(const struct filler *filler, struct buf *out)
{
    buf_i64(out, filler->surroundings->stop_ms);
}

#define PART(name)                                                                                                     \
    {                                                                                                                  \
#name, write_##name                                                                                            \
    }
static const struct part parts[] = {
    PART(listen),       PART(access_log),  PART(workers),     PART(max_connections), PART(max_body),
    PART(rate),         PART(burst),       PART(connections), PART(header_ms),       PART(body_ms),
    PART(send_ms),      PART(idle_ms),     PART(connect_ms),  PART(answer_ms),       PART(stream_ms),
    PART(stop_ms),      PART(user),        PART(body_buffer), PART(unlimited),       PART(cors_default),
    PART(cors_origins), PART(upstreams),   PART(routes),      PART(problems),        PART(page_headers),
    PART(operators),    PART(error_level), PART(instance),
};

static void write_named(const struct filler *filler, struct str name, struct buf *out)
{
    size_t i = 0;

    while (!str_is(name, parts[i].name)) {
        i++;
        ASSERT(i < COUNT_OF(parts)); /* the template names only what there is */
    }
    parts[i].write(filler, out);
}

/* @name@; an @ that no such name follows (as in a character class) is an @. */
static size_t name_length(struct str text)
{
    size_t n = 0;

    while (n < text.n && ((text.p[n] >= 'a' && text.p[n] <= 'z') || text.p[n] == '_'))
        n++;
    return n < text.n && text.p[n] == '@' ? n : 0;
}

void nginx_conf_write(const struct gateway_settings *settings, const struct nginx_surroundings *surroundings,
                      struct buf *out)
{
    const struct filler filler = {settings, surroundings};
    struct str rest = embedded_nginx_conf;

    while (rest.n > 0) {
        struct str after;
        struct str plain = str_split(rest, '@', &after);
        buf_add(out, plain);
        if (plain.n == rest.n)
            break;
        size_t n = name_length(after);
        if (n == 0) {
            buf_char(out, '@');
            rest = after;
            continue;
        }
        write_named(&filler, (struct str){after.p, n}, out);
        rest = (struct str){after.p + n + 1, after.n - n - 1};
    }
}
