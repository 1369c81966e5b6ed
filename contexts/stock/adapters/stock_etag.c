#include "stock_etag.h"

#include "base.h"
#include "buf.h"
#include "errors.h"

struct str stock_etag(struct arena *arena, const struct stock *stock)
{
    struct buf text = {0};

    buf_printf(&text, "\"%lld-%lld\"", (long long)stock->version, (long long)stock->low_mark);
    struct str tag = text.failed ? (struct str){NULL, 0} : arena_copy(arena, buf_str(&text));
    buf_free(&text);
    return tag;
}

/* Whether the tag is one of ours. */
static bool read_edition(struct str opaque, struct stock_edition *edition)
{
    struct str mark;
    struct str version = str_split(opaque, '-', &mark);

    return str_to_i64(version, &edition->version) && str_to_i64(mark, &edition->low_mark);
}

/* Takes an entity tag off the front of `*list`: what is between its quotes, and whether it is weak. */
static bool take_tag(struct str *list, struct str *opaque, bool *weak)
{
    *weak = str_starts_with(*list, STR("W/"));
    size_t open = *weak ? 2 : 0;
    if (list->n <= open || list->p[open] != '"')
        return false;
    const char *start = list->p + open + 1;
    const char *close = memchr(start, '"', list->n - open - 1);
    if (!close)
        return false;
    *opaque = (struct str){start, (size_t)(close - start)};
    *list = str_trim((struct str){close + 1, list->n - (size_t)(close + 1 - list->p)});
    return true;
}

int stock_if_match(struct arena *arena, struct str value, struct stock_expectation *expected)
{
    struct str list = str_trim(value);

    *expected = (struct stock_expectation){.given = list.n && !str_is(list, "*")};
    if (!expected->given)
        return OK;
    struct stock_edition *editions = ARENA_ARRAY(arena, struct stock_edition, list.n);
    if (!editions)
        return E_MEMORY;
    expected->one_of = editions;
    for (bool more = true; more;) {
        struct str opaque;
        bool weak;
        if (!take_tag(&list, &opaque, &weak))
            return E_MALFORMED;
        if (!weak && read_edition(opaque, &editions[expected->n]))
            expected->n++;
        more = list.n > 0;
        if (more && list.p[0] != ',')
            return E_MALFORMED;
        if (more)
            list = str_trim((struct str){list.p + 1, list.n - 1});
    }
    return OK;
}
