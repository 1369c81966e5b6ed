#include "errors.h"
#include "kv_redis_internal.h"
#include "kv_redis_tls.h"

#include <string.h>

static const struct str scheme = STR_INIT("redis://"), tls_scheme = STR_INIT("rediss://");
static const struct str default_port = STR_INIT("6379");

enum { MOST_DATABASES = 1 << 20 };
static const int64_t token_max = INT64_C(1) << 53; /* Redis's functions count in doubles */

static int refuse(struct buf *problem, const char *why)
{
    buf_printf(problem, "the address of Redis %s; it is redis://[USER@]HOST[:PORT][/DATABASE], or rediss:// for TLS",
               why);
    return E_MALFORMED;
}

static bool keep(char *out, size_t size, struct str text)
{
    if (text.n >= size || (text.n && memchr(text.p, '\0', text.n)))
        return false;
    if (text.n)
        memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return true;
}

/* HOST, HOST:PORT, [::1]:PORT */
static bool take_place(struct redis_place *place, struct str text)
{
    struct str port = {NULL, 0};
    struct str host;
    int64_t number = 0;

    if (str_starts_with(text, STR("["))) {
        host = str_split((struct str){text.p + 1, text.n - 1}, ']', &port);
        if (!port.p || (port.n && port.p[0] != ':'))
            return false;
        port = port.n ? (struct str){port.p + 1, port.n - 1} : default_port;
    } else {
        host = str_split(text, ':', &port);
        port = port.p ? port : default_port;
    }
    return host.n && str_to_i64(port, &number) && number > 0 && number <= UINT16_MAX &&
           keep(place->host, sizeof(place->host), host) && keep(place->port, sizeof(place->port), port);
}

static int take_url(struct kv_redis *self, struct buf *problem)
{
    struct str url = str_of(self->options.url);
    struct str database;

    size_t begin = str_starts_with(url, tls_scheme) ? tls_scheme.n : str_starts_with(url, scheme) ? scheme.n : 0;

    if (!begin)
        return refuse(problem, "is of no kind that is known");
    struct str rest = str_split((struct str){url.p + begin, url.n - begin}, '/', &database);
    const char *at = rest.n ? memrchr(rest.p, '@', rest.n) : NULL;
    struct str user = {rest.p, at ? (size_t)(at - rest.p) : 0};
    if (user.n && memchr(user.p, ':', user.n)) /* not shown: it may be one */
        return refuse(problem, "has a password in it, where everybody may see it");
    if (at)
        rest = (struct str){at + 1, rest.n - user.n - 1};
    if (!keep(self->user, sizeof(self->user), user) || !take_place(&self->place, rest))
        return refuse(problem, "can't be read");
    if (database.n && (!str_to_i64(database, &self->database) || self->database < 0 || self->database > MOST_DATABASES))
        return refuse(problem, "names no database by its number");
    return OK;
}

bool kv_redis_check_address(const char *url, struct buf *problem)
{
    struct kv_redis self = {.options = {.url = url}};

    return take_url(&self, problem) == OK;
}

static const char *given(const char *file)
{
    return file && *file ? file : NULL;
}

static int take_tls(struct kv_redis *self, struct buf *problem)
{
    const struct kv_redis_options *options = &self->options;

    if (!str_starts_with(str_of(options->url), tls_scheme))
        return OK;
    self->tls = redis_tls_new(given(options->ca_file), given(options->cert_file), given(options->key_file), problem);
    return self->tls ? OK : E_SYSTEM;
}

static bool is_cell(struct str cell)
{
    for (size_t i = 0; i < cell.n; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:", cell.p[i]))
            return false;
    }
    return cell.n > 0 && cell.n <= KV_REDIS_CELL_MAX;
}

static void name_key(const struct kv_redis *self, char *out, const char *what)
{
    stpcpy(stpcpy(stpcpy(stpcpy(out, "{"), self->options.cell), "}:"), what);
}

int kv_redis_set(struct kv_redis *self, struct buf *problem)
{
    int error = take_url(self, problem);
    if (error)
        return error;
    if (!is_cell(str_of(self->options.cell)) || self->options.token < 0 || self->options.token > token_max) {
        buf_printf(problem, "a cell's name has 1 to %d letters, digits or . _ - : and its token is 0 to 2^53",
                   KV_REDIS_CELL_MAX);
        return E_MALFORMED;
    }
    name_key(self, self->meta, "meta");
    name_key(self, self->data, "data");
    name_key(self, self->names, "names");
    name_key(self, self->held, "held");
    if (self->options.patience_ms <= 0)
        self->options.patience_ms = KV_REDIS_PATIENCE_MS;
    if (self->options.look_again_ms <= 0)
        self->options.look_again_ms = KV_REDIS_LOOK_AGAIN_MS;
    return take_tls(self, problem);
}
