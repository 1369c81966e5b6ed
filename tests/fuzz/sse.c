/* A stream cut anywhere gives the same events as the stream in one piece, and never more than the limit at once. */
#include "sse.h"

#include "base.h"
#include "errors.h"
#include "fuzz.h"

enum { MAX_EVENT = 64 };

static int hear(void *context, const struct sse_event *event)
{
    struct buf *heard = context;

    ASSERT(event->data.n <= MAX_EVENT);
    ASSERT(event->id.n == 0 || !memchr(event->id.p, '\0', event->id.n));
    buf_u64(heard, event->id.n);
    buf_add(heard, event->id);
    buf_u64(heard, event->event.n);
    buf_add(heard, event->event);
    buf_u64(heard, event->data.n);
    buf_add(heard, event->data);
    return OK;
}

/* In steps of `step` bytes. */
static int listen_to(const char *bytes, size_t n, size_t step, struct buf *heard)
{
    struct sse_parser parser;
    int rc = OK;

    sse_init(&parser, MAX_EVENT);
    for (size_t at = 0; at < n && rc == OK; at += step)
        rc = sse_feed(&parser, bytes + at, step < n - at ? step : n - at, hear, heard);
    sse_free(&parser);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, cut = {0};

    if (size < 2)
        return 0;
    const char *stream = (const char *)data + 1;
    size_t n = size - 1;
    int rc = listen_to(stream, n, n, &whole);
    ASSERT(rc == listen_to(stream, n, 1 + data[0] % 16, &cut));
    ASSERT(str_eq(buf_str(&whole), buf_str(&cut)));
    buf_free(&whole);
    buf_free(&cut);
    return 0;
}
