/** sse.h: cutting a byte stream into Server-Sent Events (WHATWG HTML, 9.2). Pure, incremental, bounded: an event may
 * have at most `max_event` bytes. */
#ifndef COFFEESHOP_SSE_H
#define COFFEESHOP_SSE_H

#include "buf.h"
#include "str.h"

struct sse_event {
    struct str id;    /* the last id seen, also from earlier events */
    struct str event; /* "" when not named */
    struct str data;  /* several data lines joined by \n */
};

struct sse_parser {
    struct buf line; /* an incomplete line */
    struct buf data;
    struct buf id;
    struct buf event;
    size_t max_event;
    bool has_data;
    bool skip_lf; /* the last byte was CR */
    bool started; /* a byte order mark can't come any more */
};

/** Returns non-zero to stop; sse_feed() returns it. Texts are valid inside the call. */
typedef int sse_on_event(void *context, const struct sse_event *event);

void sse_init(struct sse_parser *parser, size_t max_event);
void sse_free(struct sse_parser *parser);
/** 0, what on_event returned, E_TOO_LARGE, or E_MEMORY. */
int sse_feed(struct sse_parser *parser, const char *bytes, size_t n, sse_on_event *on_event, void *context);

#endif
