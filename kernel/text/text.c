#include "text.h"

#include <stdint.h>
#include <utf8proc.h>

bool text_is_ascii(struct str text)
{
    unsigned char all = 0;

    for (size_t i = 0; i < text.n; i++)
        all |= (unsigned char)text.p[i];
    return all < 0x80;
}

/* By utf8proc, in memory of ours: it first says how much it needs. What it refuses is no UTF-8, and stays as it is. */
static struct str map(struct arena *arena, struct str text, utf8proc_option_t options)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text.p;
    utf8proc_ssize_t n = utf8proc_decompose(bytes, (utf8proc_ssize_t)text.n, NULL, 0, options);

    if (n < 0)
        return text;
    /* a character is written over its own four bytes, and a NUL behind the last */
    utf8proc_int32_t *characters = ARENA_ARRAY(arena, utf8proc_int32_t, (size_t)n + 1);
    if (!characters)
        return (struct str){NULL, 0};
    n = utf8proc_decompose(bytes, (utf8proc_ssize_t)text.n, characters, n, options);
    n = utf8proc_reencode(characters, n, options);
    return n < 0 ? text : (struct str){(const char *)characters, (size_t)n};
}

bool text_same(struct str a, struct str b)
{
    struct arena arena;

    if (text_is_ascii(a) && text_is_ascii(b))
        return str_eq_nocase(a, b);
    if (str_eq(a, b))
        return true;
    arena_init(&arena, 0);
    a = text_fold(&arena, a);
    b = text_fold(&arena, b);
    bool same = a.p && b.p && str_eq(a, b);
    arena_free(&arena);
    return same;
}

struct str text_nfc(struct arena *arena, struct str text)
{
    return text_is_ascii(text) ? text : map(arena, text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

struct str text_fold(struct arena *arena, struct str text)
{
    if (!text_is_ascii(text))
        return map(arena, text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
    char *folded = arena_alloc(arena, text.n + 1);
    if (!folded)
        return (struct str){NULL, 0};
    for (size_t i = 0; i < text.n; i++)
        folded[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + ('a' - 'A') : text.p[i]);
    return (struct str){folded, text.n};
}
