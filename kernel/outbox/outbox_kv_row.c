#include "outbox_kv_row.h"

void row_put_number(struct row_place *at, uint64_t number)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        *at->p++ = (char)(number >> shift);
}

void row_put_text(struct row_place *at, struct str text)
{
    if (text.n)
        memcpy(at->p, text.p, text.n);
    at->p += text.n;
}

bool row_take_number(struct str *rest, uint64_t *number)
{
    if (rest->n < ROW_NUMBER)
        return false;
    *number = 0;
    for (size_t i = 0; i < ROW_NUMBER; i++)
        *number = *number << 8 | (unsigned char)rest->p[i];
    rest->p += ROW_NUMBER;
    rest->n -= ROW_NUMBER;
    return true;
}

bool row_take_text(struct str *rest, uint64_t n, struct str *text)
{
    if (n > rest->n)
        return false;
    *text = (struct str){rest->p, (size_t)n};
    rest->p += n;
    rest->n -= (size_t)n;
    return true;
}

struct str row_key(struct arena *arena, struct str prefix, const uint64_t *number, struct str text)
{
    size_t n = prefix.n + (number ? ROW_NUMBER : 0) + text.n;
    char *p = prefix.p && text.p ? arena_alloc(arena, n) : NULL;
    struct row_place at = {p};

    if (!p)
        return (struct str){NULL, 0};
    row_put_text(&at, prefix);
    if (number)
        row_put_number(&at, *number);
    row_put_text(&at, text);
    return (struct str){p, n};
}
