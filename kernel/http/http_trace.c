#include "http_trace.h"

#include "base.h"

#include <errno.h>
#include <sys/random.h>

void http_trace_init(struct http_trace *trace)
{
    trace->used = sizeof trace->random;
}

static void refill(struct http_trace *trace)
{
    size_t have = 0;
    while (have < sizeof trace->random) {
        ssize_t n = getrandom(trace->random + have, sizeof trace->random - have, 0);
        ASSERT(n > 0 || errno == EINTR);
        have += n > 0 ? (size_t)n : 0;
    }
    trace->used = 0;
}

/* `bytes` random bytes as text behind `prefix`; returns where it ends. */
static char *add_random_hex(struct http_trace *trace, char *to, struct str prefix, size_t bytes)
{
    static const char hex[] = "0123456789abcdef";
    memcpy(to, prefix.p, prefix.n);
    to += prefix.n;
    if (sizeof trace->random - trace->used < bytes)
        refill(trace);
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = trace->random[trace->used++];
        *to++ = hex[byte >> 4];
        *to++ = hex[byte & 15];
    }
    return to;
}

struct str http_trace_correlation(struct http_trace *trace, const struct http_head *head, struct arena *arena)
{
    enum { BYTES = 16, LENGTH = 2 * BYTES };
    if (http_is_visible(head->value[HTTP_CORRELATION_ID], 1, 128))
        return head->value[HTTP_CORRELATION_ID];
    char *text = arena_alloc(arena, LENGTH);
    if (!text)
        return (struct str){NULL, 0};
    add_random_hex(trace, text, STR(""), BYTES);
    return (struct str){text, LENGTH};
}

struct str http_trace_parent(struct http_trace *trace, const struct http_head *head, struct arena *arena)
{
    enum { LENGTH = 55 };
    if (http_is_traceparent(head->value[HTTP_TRACEPARENT]))
        return head->value[HTTP_TRACEPARENT];
    char *text = arena_alloc(arena, LENGTH);
    if (!text)
        return (struct str){NULL, 0};
    char *at = add_random_hex(trace, text, STR("00-"), 16);
    at = add_random_hex(trace, at, STR("-"), 8);
    add_random_hex(trace, at, STR("-00"), 0);
    return (struct str){text, LENGTH};
}
