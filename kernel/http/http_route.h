/** http_route.h: paths and the table of routes.
 *
 *  Loop thread. A path is matched as it came or refused, never normalised: a proxy in front may have normalised it
 * differently when it decided whether to pass it on. So "/orders/", "//orders" and "/%6frders" are not "/orders" but
 * nothing (404), and what some program might take for another path is malformed (400): dot segments, encoded or
 * encoded in part, separators within a segment. Where several routes fit a path the one with the earlier literal
 * segment wins: "/mypages/stream" before "/mypages/{id}". For who comes from outside the inner routes are not in the
 * table.
 */
#ifndef COFFEESHOP_HTTP_ROUTE_H
#define COFFEESHOP_HTTP_ROUTE_H

#include "buf.h"
#include "http_server.h"

enum { HTTP_MAX_SEGMENTS = 12 };

struct http_path {
    struct str segment[HTTP_MAX_SEGMENTS]; /* as they came: what routes are compared with */
    struct str value[HTTP_MAX_SEGMENTS];   /* decoded: what a parameter is given */
    size_t n;
};

/** OK, E_MEMORY, E_MALFORMED (a broken escape, not UTF-8, a control character; after decoding a dot segment, a slash,
 * backslash or semicolon; a "#") or E_NOT_FOUND (deeper than any route). Texts live in `arena` or are those of `raw`.
 */
int http_path_read(struct arena *arena, struct str raw, struct http_path *path);

struct http_router;
/** NULL when memory ran out. `routes` stays the caller's; its paths are well-formed (ASSERT). */
struct http_router *http_router_new(const struct route *routes);
void http_router_free(struct http_router *router);

struct http_match {
    const struct route *route; /* NULL: no route has this path and this method */
    bool path_known;           /* the path exists, with whichever method */
    struct str param[HTTP_MAX_PARAMS];
};
struct http_match http_router_find(const struct http_router *router, enum http_method method,
                                   const struct http_path *path, bool outside);
/** Appends what Allow says for `path`: "GET, HEAD, POST, OPTIONS". */
void http_router_allow(const struct http_router *router, const struct http_path *path, bool outside, struct buf *out);

/** HTTP_OTHER when it is none that we know. */
enum http_method http_method_of(const char *name);

#endif
