/** http_body.h: what handlers do with bodies: read one by its descriptor, answer with a kept one, add a member to a
 * problem.
 */
#ifndef COFFEESHOP_HTTP_BODY_H
#define COFFEESHOP_HTTP_BODY_H

#include "http_server.h"
#include "json.h"

/** Decodes the body into `out`; texts live in the request's arena. On failure the problem (400, 422) that names the
 * member is sent, the request is gone, and false is returned. Loop thread. */
bool http_read_json(struct http_request *request, const struct json_desc *desc, void *out);
/** Sends the problem for a decoding error. */
void http_json_problem(struct http_request *request, const struct json_error *error);
/** "POST /orders <key>" (or PATCH) in the request's arena; empty when the client sent no key or there is no memory. */
struct str http_scoped_key(struct http_request *request);
/** Fills the reply with an answer that was kept: status, Location and body as they were, its links, which were kept as
 * paths (http_links.h), on the host that asks now. */
void http_fill_stored(struct http_request *request, int status, struct str location, struct str body);
/** The path of the Location header that the reply has; empty when it has none. */
struct str http_location_path(const struct http_request *request);
/** Adds an extension member (RFC 9457, 3.2) to the problem that was filled in; `json` is the value's text. */
void http_extend_problem(struct http_request *request, const char *member, struct str json);

#endif
