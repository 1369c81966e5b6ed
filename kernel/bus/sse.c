#include "sse.h"

#include "errors.h"

void sse_init(struct sse_parser *parser, size_t max_event)
{
    *parser = (struct sse_parser){.max_event = max_event};
}

void sse_free(struct sse_parser *parser)
{
    buf_free(&parser->line);
    buf_free(&parser->data);
    buf_free(&parser->id);
    buf_free(&parser->event);
}

/* What is held of the event so far, and what would come to it. */
static bool is_too_large(const struct sse_parser *parser, size_t more)
{
    size_t held = parser->line.n + parser->data.n + parser->event.n;

    return held > parser->max_event || more > parser->max_event - held;
}

static int set(struct buf *buf, struct str value)
{
    buf_clear(buf);
    buf_add(buf, value);
    return buf->failed ? E_MEMORY : OK;
}

static int add_data(struct sse_parser *parser, struct str value)
{
    if (parser->has_data)
        buf_char(&parser->data, '\n');
    parser->has_data = true;
    buf_add(&parser->data, value);
    return parser->data.failed ? E_MEMORY : OK;
}

/* An empty line ends the event; without data there is none, but the name is forgotten all the same. */
static int dispatch(struct sse_parser *parser, sse_on_event *on_event, void *context)
{
    int rc = OK;

    if (parser->has_data) {
        struct sse_event event = {buf_str(&parser->id), buf_str(&parser->event), buf_str(&parser->data)};
        rc = on_event(context, &event);
    }
    buf_clear(&parser->data);
    buf_clear(&parser->event);
    parser->has_data = false;
    return rc;
}

static int take_line(struct sse_parser *parser, struct str line, sse_on_event *on_event, void *context)
{
    struct str value, name;

    if (line.n == 0)
        return dispatch(parser, on_event, context);
    name = str_split(line, ':', &value);
    if (name.n == 0) /* a comment */
        return OK;
    if (value.n > 0 && value.p[0] == ' ') {
        value.p++;
        value.n--;
    }
    if (str_eq(name, STR("data")))
        return add_data(parser, value);
    if (str_eq(name, STR("event")))
        return set(&parser->event, value);
    /* An id with a NUL in it is ignored, as the standard says. */
    if (str_eq(name, STR("id")) && (value.n == 0 || !memchr(value.p, '\0', value.n)))
        return set(&parser->id, value);
    return OK;
}

/* The first of CR and LF in the bytes, or NULL. */
static const char *find_end(const char *bytes, size_t n)
{
    const char *lf = memchr(bytes, '\n', n);
    const char *cr = memchr(bytes, '\r', lf ? (size_t)(lf - bytes) : n);

    return cr ? cr : lf;
}

/* A whole line whose last part is `rest`; what came before is in parser->line. */
static int end_line(struct sse_parser *parser, struct str rest, sse_on_event *on_event, void *context)
{
    struct str line = rest;

    if (is_too_large(parser, rest.n))
        return E_TOO_LARGE;
    if (parser->line.n > 0) {
        buf_add(&parser->line, rest);
        if (parser->line.failed)
            return E_MEMORY;
        line = buf_str(&parser->line);
    }
    if (!parser->started && str_starts_with(line, STR("\xEF\xBB\xBF"))) {
        line.p += 3;
        line.n -= 3;
    }
    parser->started = true;
    int rc = take_line(parser, line, on_event, context);
    buf_clear(&parser->line);
    return rc;
}

int sse_feed(struct sse_parser *parser, const char *bytes, size_t n, sse_on_event *on_event, void *context)
{
    const char *end = bytes + n;

    while (bytes < end) {
        if (parser->skip_lf) {
            parser->skip_lf = false;
            if (*bytes == '\n') {
                bytes++;
                continue;
            }
        }
        const char *stop = find_end(bytes, (size_t)(end - bytes));
        if (!stop) {
            struct str rest = {bytes, (size_t)(end - bytes)};
            if (is_too_large(parser, rest.n))
                return E_TOO_LARGE;
            buf_add(&parser->line, rest);
            return parser->line.failed ? E_MEMORY : OK;
        }
        parser->skip_lf = *stop == '\r';
        int rc = end_line(parser, (struct str){bytes, (size_t)(stop - bytes)}, on_event, context);
        if (rc)
            return rc;
        bytes = stop + 1;
    }
    return OK;
}
