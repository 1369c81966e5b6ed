/* nginx_door.c: where the gateway listens, and who may come in: addresses, host names, origins. */
#include "nginx_parts.h"

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

static bool speaks_tls(const struct filler *filler)
{
    return filler->settings->tls_certificate[0] != '\0';
}

void write_listen(const struct filler *filler, struct buf *out)
{
    write_words(filler->settings->listen, "listen ", speaks_tls(filler) ? " backlog=4096 ssl http2;" : " backlog=4096;",
                out);
}

/* Protocols and ciphers with forward secrecy and nothing that is known to be weak (RFC 9325). */
void write_tls(const struct filler *filler, struct buf *out)
{
    if (!speaks_tls(filler))
        return;
    buf_printf(out,
               "        ssl_certificate \"%s\";\n        ssl_certificate_key \"%s\";\n"
               "        ssl_protocols TLSv1.2 TLSv1.3;\n"
               "        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;\n"
               "        ssl_prefer_server_ciphers off;\n"
               "        ssl_session_cache shared:tls:10m;\n        ssl_session_tickets off;\n"
               "        # who asks without TLS is shown where to; only our health is told to everybody\n"
               "        error_page 497 = /.plain;\n"
               "        location = /.plain {\n            internal;\n"
               "            if ($refused ~ ^refused/) { rewrite ^ /.$refused last; }\n"
               "            if ($request_uri ~ \"^(?<health>/livez|/readyz|/actuator/health)$\") "
               "{ rewrite ^ $health last; }\n"
               "            return 308 https://$client_host$request_uri;\n        }\n",
               filler->surroundings->tls_certificate, filler->surroundings->tls_key);
}

void write_unlimited(const struct filler *filler, struct buf *out)
{
    write_words(filler->settings->unlimited, "", " 1;", out);
}

void write_operators(const struct filler *filler, struct buf *out)
{
    write_words(filler->settings->operators, "", " 1;", out);
}

void write_trusted_proxies(const struct filler *filler, struct buf *out)
{
    write_words(filler->settings->trusted_proxy, "", " 1;", out);
}

void write_real_ip(const struct filler *filler, struct buf *out)
{
    write_words(filler->settings->trusted_proxy, "set_real_ip_from ", ";", out);
}

/* With no proxy to believe, what it says of its client is never looked at. */
static bool has_proxies(const struct filler *filler)
{
    return filler->settings->trusted_proxy[0] != '\0';
}

void write_client_host(const struct filler *filler, struct buf *out)
{
    buf_add(out, has_proxies(filler) ? STR("$client_host") : STR("$asked_host"));
}

void write_client_scheme(const struct filler *filler, struct buf *out)
{
    buf_add(out, has_proxies(filler) ? STR("$client_scheme") : STR("$scheme"));
}

/* The rules of http_is_host() in kernel/http/http_guard.c: what a name is made of, and a port. */
static const char is_name[] = "(?=[\\w.~-]{1,253}(?::|$))";
static const char port[] = "(?::(?:[0-5]?\\d{0,4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5]))?";

void write_is_name(const struct filler *filler, struct buf *out)
{
    UNUSED(filler);
    buf_add(out, str_of(is_name));
}

/* Of an IPv4 address, as inet_pton(3) takes it. */
void write_octet(const struct filler *filler, struct buf *out)
{
    UNUSED(filler);
    BUF_LIT(out, "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)");
}

void write_port(const struct filler *filler, struct buf *out)
{
    UNUSED(filler);
    buf_add(out, str_of(port));
}

/* A host's name, behind `before`, as a regular expression. */
static void write_host(struct str name, const char *before, struct buf *out)
{
    buf_printf(out, "        \"~*^%s%s", is_name, before);
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '.')
            buf_char(out, '\\');
        buf_char(out, name.p[i]);
    }
    buf_printf(out, "\\.?%s$\" $refused;\n", port);
}

void write_hosts(const struct filler *filler, struct buf *out)
{
    struct str rest = str_of(filler->settings->hosts);

    if (filler->surroundings->host_name[0])
        write_host(str_of(filler->surroundings->host_name), "", out);
    while (rest.n > 0) {
        struct str word = str_split(rest, ' ', &rest);
        if (str_is(word, "*"))
            buf_printf(out, "        \"~^%s[^:]+%s$\" $refused;\n", is_name, port);
        else if (str_starts_with(word, STR("*.")))
            write_host((struct str){word.p + 1, word.n - 1}, "[^:]+", out);
        else if (word.n > 0)
            write_host(word, "", out);
    }
}

static bool takes_any_origin(const struct filler *filler)
{
    return strcmp(filler->settings->cors_origins, "*") == 0;
}

void write_cors_default(const struct filler *filler, struct buf *out)
{
    if (takes_any_origin(filler))
        buf_char(out, '*');
}

/* Whether `list`, up to there, has the word already; a map's keys are without case. */
static bool stands_before(const char *list, struct str word)
{
    struct str rest = {list, (size_t)(word.p - list)};

    while (rest.n > 0) {
        struct str one = str_split(rest, ' ', &rest);
        if (str_eq_nocase(one, word))
            return true;
    }
    return false;
}

void write_cors_origins(const struct filler *filler, struct buf *out)
{
    const char *origins = filler->settings->cors_origins;
    struct str rest = str_of(origins);

    while (rest.n > 0 && !takes_any_origin(filler)) {
        struct str origin = str_split(rest, ' ', &rest);
        if (origin.n > 0 && !stands_before(origins, origin))
            buf_printf(out, "        \"%.*s\" $http_origin;\n", STR_ARG(origin));
    }
}

/* Room for a map's longest key, as nginx counts it: two pointers and the key's length more. The usual size for all that
 * is short, since a larger one makes longer chains. */
void write_map_bucket(const struct filler *filler, struct buf *out)
{
    enum { USUAL = 64, MORE = 32 };
    struct str rest = str_of(filler->settings->cors_origins);
    size_t size = USUAL;

    while (rest.n > 0) {
        struct str key = str_split(rest, ' ', &rest);
        while (size < key.n + MORE)
            size *= 2;
    }
    buf_printf(out, "%zu", size);
}

/* With no other origin let in, nothing has to be found out for each request. */
static bool takes_other_origins(const struct filler *filler)
{
    return filler->settings->cors_origins[0] != '\0';
}

void write_cors_headers(const struct filler *filler, struct buf *out)
{
    BUF_LIT(out, "add_header Vary Origin always; ");
    if (takes_other_origins(filler))
        BUF_LIT(out, "add_header Access-Control-Allow-Origin $cors_origin always; "
                     "add_header Access-Control-Allow-Credentials $cors_credentials always; "
                     "add_header Access-Control-Expose-Headers $cors_exposed always; ");
}

void write_told_origin(const struct filler *filler, struct buf *out)
{
    buf_add(out, takes_other_origins(filler) ? STR("$told_origin") : STR("$http_origin"));
}

void write_told_site(const struct filler *filler, struct buf *out)
{
    buf_add(out, takes_other_origins(filler) ? STR("$told_site") : STR("$http_sec_fetch_site"));
}
