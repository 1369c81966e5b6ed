#include "buf.h"

#include "alloc.h"
#include "clock.h"
#include "text_word.h"

#include <stdio.h>

void buf_free(struct buf *buf)
{
    heap_free(buf->p);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf->n = 0;
    buf->failed = false;
}

bool buf_grow(struct buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (buf->cap - buf->n >= more)
        return true;
    size_t cap = buf->cap ? buf->cap : 256;
    while (cap - buf->n < more) {
        if (cap > SIZE_MAX / 2) {
            buf->failed = true;
            return false;
        }
        cap *= 2;
    }
    char *p = heap_resize(buf->p, cap);
    if (!p) {
        buf->failed = true;
        return false;
    }
    buf->p = p;
    buf->cap = cap;
    return true;
}

void buf_u64(struct buf *buf, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    buf_add(buf, (struct str){digits + at, sizeof(digits) - at});
}

void buf_i64(struct buf *buf, int64_t number)
{
    if (number < 0) {
        buf_char(buf, '-');
        buf_u64(buf, ~(uint64_t)number + 1);
    } else {
        buf_u64(buf, (uint64_t)number);
    }
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (needed < 0) {
        buf->failed = true;
        return;
    }
    if (!buf_reserve(buf, (size_t)needed + 1))
        return;
    va_start(args, format);
    vsnprintf(buf->p + buf->n, (size_t)needed + 1, format, args);
    va_end(args);
    buf->n += (size_t)needed;
}

static void add_escaped(struct buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    switch (c) {
    case '"':
        BUF_LIT(buf, "\\\"");
        break;
    case '\\':
        BUF_LIT(buf, "\\\\");
        break;
    case '\n':
        BUF_LIT(buf, "\\n");
        break;
    case '\r':
        BUF_LIT(buf, "\\r");
        break;
    case '\t':
        BUF_LIT(buf, "\\t");
        break;
    default:
        BUF_LIT(buf, "\\u00");
        buf_char(buf, hex[c >> 4]);
        buf_char(buf, hex[c & 15]);
    }
}

void buf_json_string(struct buf *buf, struct str text)
{
    const char *at = text.p, *end = text.n ? text.p + text.n : text.p;
    bool high = false;

    buf_char(buf, '"');
    while (at < end) {
        const char *special = text_skip_plain(at, end, &high);
        buf_add(buf, (struct str){at, (size_t)(special - at)});
        if (special == end)
            break;
        add_escaped(buf, (unsigned char)*special);
        at = special + 1;
    }
    buf_char(buf, '"');
}

void buf_time(struct buf *buf, int64_t us)
{
    char text[TIME_TEXT_SIZE];

    buf_add(buf, (struct str){text, time_text(us, text)});
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void buf_url(struct buf *buf, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (is_unreserved(text.p[i])) {
            buf_char(buf, text.p[i]);
            continue;
        }
        buf_char(buf, '%');
        buf_char(buf, hex[c >> 4]);
        buf_char(buf, hex[c & 15]);
    }
}
