#include "json_escape.h"

/* The code unit of the \uXXXX at `at`; -1 when there is none. */
static int32_t code_unit(struct str raw, size_t at)
{
    int32_t unit = 0;

    if (raw.n - at < 6 || raw.p[at] != '\\' || raw.p[at + 1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit = str_hex_digit(raw.p[at + i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* The character of the \uXXXX, or pair of them, at *at, which moves behind it; -1 when it isn't one. */
static int32_t take_character(struct str raw, size_t *at)
{
    int32_t unit = code_unit(raw, *at);

    if (unit <= 0 || (unit >= 0xDC00 && unit <= 0xDFFF))
        return -1;
    *at += 6;
    if (unit < 0xD800 || unit > 0xDBFF)
        return unit;
    int32_t low = code_unit(raw, *at);
    if (low < 0xDC00 || low > 0xDFFF)
        return -1;
    *at += 6;
    return 0x10000 + (unit - 0xD800) * 0x400 + (low - 0xDC00);
}

/* The byte that a two-character escape stands for; 0 when there is no such escape. */
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

bool json_escapes_are_legal(struct str raw)
{
    for (size_t at = 0; at < raw.n;) {
        if (raw.p[at] != '\\') {
            at++;
        } else if (raw.n - at >= 2 && short_escape(raw.p[at + 1])) {
            at += 2;
        } else if (take_character(raw, &at) < 0) {
            return false;
        }
    }
    return true;
}

static char *put_utf8(char *out, int32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

size_t json_unescape(struct str raw, char *out)
{
    char *p = out;

    for (size_t at = 0; at < raw.n;) {
        if (raw.p[at] != '\\') {
            *p++ = raw.p[at++];
        } else if (raw.p[at + 1] != 'u') {
            *p++ = short_escape(raw.p[at + 1]);
            at += 2;
        } else {
            p = put_utf8(p, take_character(raw, &at));
        }
    }
    return (size_t)(p - out);
}
