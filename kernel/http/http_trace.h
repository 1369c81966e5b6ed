/** http_trace.h: correlation ids and W3C trace parents for requests that came without.
 *
 *  Loop thread. Random bytes are taken from the kernel by the page.
 */
#ifndef COFFEESHOP_HTTP_TRACE_H
#define COFFEESHOP_HTTP_TRACE_H

#include "arena.h"
#include "http_guard.h"

struct http_trace {
    size_t used; /* of random[] */
    unsigned char random[4096];
};

void http_trace_init(struct http_trace *trace);
/** The client's X-Correlation-ID when it is 1 to 128 visible ASCII characters, else 128 random bits in hexadecimal. */
struct str http_trace_correlation(struct http_trace *trace, const struct http_head *head, struct arena *arena);
/** The client's traceparent when it is a valid one, else a new one, not sampled. */
struct str http_trace_parent(struct http_trace *trace, const struct http_head *head, struct arena *arena);

#endif
