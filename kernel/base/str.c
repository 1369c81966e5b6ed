#include "str.h"

#include <strings.h>

bool str_eq_nocase(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

int str_compare(struct str a, struct str b)
{
    size_t shorter = a.n < b.n ? a.n : b.n;
    int order = shorter ? memcmp(a.p, b.p, shorter) : 0;

    if (order != 0)
        return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str text)
{
    while (text.n > 0 && is_blank(text.p[0])) {
        text.p++;
        text.n--;
    }
    while (text.n > 0 && is_blank(text.p[text.n - 1]))
        text.n--;
    return text;
}

struct str str_split(struct str text, char separator, struct str *rest)
{
    const char *at = text.n ? memchr(text.p, separator, text.n) : NULL;

    if (!at) {
        *rest = (struct str){NULL, 0};
        return text;
    }
    size_t before = (size_t)(at - text.p);
    *rest = (struct str){at + 1, text.n - before - 1};
    return (struct str){text.p, before};
}

int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool str_to_u64(struct str text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.n == 0)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.p[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool str_to_i64(struct str text, int64_t *out)
{
    uint64_t magnitude;
    bool negative = text.n > 0 && text.p[0] == '-';

    if (negative) {
        text.p++;
        text.n--;
    }
    if (!str_to_u64(text, &magnitude))
        return false;
    if (negative) {
        if (magnitude > (uint64_t)INT64_MAX + 1)
            return false;
        *out = magnitude == 0 ? 0 : -(int64_t)(magnitude - 1) - 1;
        return true;
    }
    if (magnitude > INT64_MAX)
        return false;
    *out = (int64_t)magnitude;
    return true;
}

/* How many bytes the sequence that starts with `lead` has; 0 when no sequence starts so. */
static size_t utf8_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    if (lead >= 0xF0 && lead <= 0xF4)
        return 4;
    return 0;
}

/* The second byte rules out overlong forms, surrogates and what lies above U+10FFFF (RFC 3629, section 4). */
static bool utf8_second_is_legal(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    default:
        return second >= 0x80 && second <= 0xBF;
    }
}

bool str_is_utf8(struct str text)
{
    const unsigned char *p = (const unsigned char *)text.p;

    for (size_t i = 0; i < text.n;) {
        size_t length = utf8_length(p[i]);
        if (length == 0 || length > text.n - i)
            return false;
        if (length > 1 && !utf8_second_is_legal(p[i], p[i + 1]))
            return false;
        for (size_t k = 2; k < length; k++) {
            if ((p[i + k] & 0xC0) != 0x80)
                return false;
        }
        i += length;
    }
    return true;
}

size_t str_characters(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += ((unsigned char)text.p[i] & 0xC0) != 0x80;
    return n;
}

struct str str_beginning(struct str text, size_t most)
{
    if (text.n <= most)
        return text;
    while (most > 0 && ((unsigned char)text.p[most] & 0xC0) == 0x80)
        most--;
    return (struct str){text.p, most};
}

struct str str_without_bom(struct str text)
{
    static const struct str mark = STR_INIT("\xEF\xBB\xBF");

    return str_starts_with(text, mark) ? (struct str){text.p + mark.n, text.n - mark.n} : text;
}

uint64_t str_hash(struct str text)
{
    uint64_t hash = 14695981039346656037ULL;

    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ (unsigned char)text.p[i]) * 1099511628211ULL;
    return hash;
}
