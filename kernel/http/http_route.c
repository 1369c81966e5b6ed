#include "http_route.h"

#include "alloc.h"
#include "errors.h"
#include "http_text.h"

static const struct {
    const char *name, *allow;
} methods[] = {
    [HTTP_GET] = {"GET", "GET, HEAD"},       [HTTP_HEAD] = {"HEAD", "HEAD"},
    [HTTP_POST] = {"POST", "POST"},          [HTTP_PUT] = {"PUT", "PUT"},
    [HTTP_PATCH] = {"PATCH", "PATCH"},       [HTTP_DELETE] = {"DELETE", "DELETE"},
    [HTTP_OPTIONS] = {"OPTIONS", "OPTIONS"},
};

struct pattern {
    const struct route *route;
    struct str segment[HTTP_MAX_SEGMENTS]; /* empty: a parameter */
    size_t n;
};

struct http_router {
    size_t n;
    struct pattern pattern[];
};

enum http_method http_method_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (strcmp(name, methods[i].name) == 0)
            return (enum http_method)i;
    return HTTP_OTHER;
}

/* Paths ----------------------------------------------------------------------------------------------------------- */

/* What a proxy, a file system or another decoding could take for something else than a name. */
static bool is_ambiguous(struct str raw, struct str decoded)
{
    for (size_t i = 0; i < decoded.n; i++)
        if (decoded.p[i] == '/' || decoded.p[i] == '\\' || decoded.p[i] == ';')
            return true;
    return str_is(decoded, ".") || str_is(decoded, "..") || (raw.n && memchr(raw.p, '#', raw.n));
}

static int add_segment(struct arena *arena, struct http_path *path, struct str raw)
{
    struct str decoded;
    int rc = http_decode(arena, raw, false, &decoded);
    if (rc)
        return rc;
    if (is_ambiguous(raw, decoded))
        return E_MALFORMED;
    if (path->n == HTTP_MAX_SEGMENTS)
        return E_NOT_FOUND;
    path->segment[path->n] = raw;
    path->value[path->n++] = decoded;
    return OK;
}

int http_path_read(struct arena *arena, struct str raw, struct http_path *path)
{
    path->n = 0;
    if (raw.n == 0 || raw.p[0] != '/')
        return E_MALFORMED;
    if (raw.n == 1)
        return OK;
    struct str rest = {raw.p + 1, raw.n - 1};
    do {
        int rc = add_segment(arena, path, str_split(rest, '/', &rest));
        if (rc)
            return rc;
    } while (rest.p);
    return OK;
}

/* Routes ---------------------------------------------------------------------------------------------------------- */

static void compile(struct pattern *pattern, const struct route *route)
{
    size_t params = 0;
    struct str rest = str_of(route->path);
    pattern->route = route;
    ASSERT(rest.n && rest.p[0] == '/');
    while (rest.n) {
        struct str segment = str_split(rest, '/', &rest);
        if (segment.n == 0)
            continue; /* before the first slash */
        ASSERT(pattern->n < HTTP_MAX_SEGMENTS);
        bool is_param = segment.p[0] == '{';
        params += is_param;
        pattern->segment[pattern->n++] = is_param ? (struct str){NULL, 0} : segment;
    }
    ASSERT(params <= HTTP_MAX_PARAMS);
}

struct http_router *http_router_new(const struct route *routes)
{
    size_t n = 0;
    while (routes[n].path)
        n++;
    struct http_router *router = heap_alloc(sizeof *router + n * sizeof router->pattern[0]);
    if (!router)
        return NULL;
    router->n = n;
    for (size_t i = 0; i < n; i++)
        compile(&router->pattern[i], &routes[i]);
    return router;
}

void http_router_free(struct http_router *router)
{
    heap_free(router);
}

static bool fits(const struct pattern *pattern, const struct http_path *path, bool outside)
{
    if (pattern->n != path->n || (outside && pattern->route->inner))
        return false;
    for (size_t i = 0; i < path->n; i++)
        if (pattern->segment[i].n ? !str_eq(pattern->segment[i], path->segment[i]) : path->segment[i].n == 0)
            return false;
    return true;
}

/* Of two patterns that fit the same path: negative when `a` is literal where `b` has a parameter, 0 when they are
 * alike. */
static int compare(const struct pattern *a, const struct pattern *b)
{
    for (size_t i = 0; i < a->n; i++) {
        bool a_literal = a->segment[i].n != 0;
        bool b_literal = b->segment[i].n != 0;
        if (a_literal != b_literal)
            return a_literal ? -1 : 1;
    }
    return 0;
}

static const struct pattern *best_pattern(const struct http_router *router, const struct http_path *path, bool outside)
{
    const struct pattern *best = NULL;
    for (size_t i = 0; i < router->n; i++) {
        const struct pattern *pattern = &router->pattern[i];
        if (fits(pattern, path, outside) && (!best || compare(pattern, best) < 0))
            best = pattern;
    }
    return best;
}

static bool is_alike(const struct pattern *pattern, const struct pattern *best, const struct http_path *path,
                     bool outside)
{
    return fits(pattern, path, outside) && compare(pattern, best) == 0;
}

static void take_params(const struct pattern *pattern, const struct http_path *path, struct http_match *match)
{
    size_t at = 0;
    for (size_t i = 0; i < pattern->n; i++)
        if (pattern->segment[i].n == 0)
            match->param[at++] = path->value[i];
}

struct http_match http_router_find(const struct http_router *router, enum http_method method,
                                   const struct http_path *path, bool outside)
{
    struct http_match match = {0};
    const struct pattern *best = best_pattern(router, path, outside);
    match.path_known = best != NULL;
    for (size_t i = 0; best && !match.route && i < router->n; i++) {
        const struct pattern *pattern = &router->pattern[i];
        if (pattern->route->method != method || !is_alike(pattern, best, path, outside))
            continue;
        match.route = pattern->route;
        take_params(pattern, path, &match);
    }
    return match;
}

void http_router_allow(const struct http_router *router, const struct http_path *path, bool outside, struct buf *out)
{
    const struct pattern *best = best_pattern(router, path, outside);
    for (size_t i = 0; best && i < router->n; i++) {
        const struct pattern *pattern = &router->pattern[i];
        if (!is_alike(pattern, best, path, outside) || pattern->route->method >= HTTP_OTHER)
            continue;
        buf_add(out, str_of(methods[pattern->route->method].allow));
        BUF_LIT(out, ", ");
    }
    BUF_LIT(out, "OPTIONS");
}
