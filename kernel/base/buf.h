/** buf.h: text under construction, with a sticky error.
 *
 *  Append as much as you like and look once, at the end: when memory ran out (or the limit was reached) `failed` is set
 *  and every later append does nothing. Not thread-safe. buf_free() gives the memory back.
 */
#ifndef COFFEESHOP_BUF_H
#define COFFEESHOP_BUF_H

#include "base.h"
#include "str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct buf {
    char *p;
    size_t n;   /* bytes written */
    size_t cap; /* bytes owned */
    bool failed;
};

/** Start with all zero: `struct buf text = {0};` */
void buf_free(struct buf *buf);
/** n becomes 0 and the error is forgotten; the memory is kept. */
void buf_clear(struct buf *buf);
/** buf_reserve() where there is no room yet: takes it from the heap. */
bool buf_grow(struct buf *buf, size_t more);

/** Room for `more` bytes behind the text; false (and failed) when there is no memory. */
static inline bool buf_reserve(struct buf *buf, size_t more)
{
    return (buf->p && !buf->failed && buf->cap - buf->n >= more) || buf_grow(buf, more);
}

static inline void buf_add(struct buf *buf, struct str text)
{
    if (text.n == 0 || !buf_reserve(buf, text.n))
        return;
    memcpy(buf->p + buf->n, text.p, text.n);
    buf->n += text.n;
}

static inline void buf_char(struct buf *buf, char c)
{
    if (buf_reserve(buf, 1))
        buf->p[buf->n++] = c;
}

void buf_u64(struct buf *buf, uint64_t number);
void buf_i64(struct buf *buf, int64_t number);
/** printf for the rare places: messages, not hot paths. */
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/** A JSON string with its quotes; `text` has to be UTF-8 (RFC 8259: control characters, quote and backslash escaped).
 */
void buf_json_string(struct buf *buf, struct str text);
/** A moment as RFC 3339, UTC, milliseconds: 2026-11-23T09:30:00.123Z. `us` is microseconds since the epoch. */
void buf_time(struct buf *buf, int64_t us);
/** Append `text` percent-encoded for a query component (RFC 3986 unreserved characters stay). */
void buf_url(struct buf *buf, struct str text);

#define BUF_LIT(buf, literal) buf_add((buf), STR(literal))

static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->p, buf->n};
}

#endif
