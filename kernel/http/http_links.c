#include "http_links.h"

#include "base.h"

static const char *earlier(const char *a, const char *b)
{
    return !a || (b && b < a) ? b : a;
}

/* Takes everything up to and with `"href":"` off the front of the text; all of it when no link is left. */
static struct str take_up_to_link(struct str *json)
{
    static const struct str href = {"\"href\":\"", 8}, existing = {"\"existing\":\"", 12};
    const char *at =
        earlier(memmem(json->p, json->n, href.p, href.n), memmem(json->p, json->n, existing.p, existing.n));
    size_t n = json->n;

    if (at)
        n = (size_t)(at - json->p) + (at[1] == 'h' ? href.n : existing.n);
    struct str taken = {json->p, n};
    json->p += n;
    json->n -= n;
    return taken;
}

static bool is_path_behind(struct str json, struct str base)
{
    return str_starts_with(json, base) && json.n > base.n && json.p[base.n] == '/';
}

struct str http_links_to_paths(struct str json, struct str base, struct arena *arena)
{
    char *text = arena_alloc(arena, json.n);
    size_t n = 0;

    while (text && json.n) {
        struct str before = take_up_to_link(&json);
        memcpy(text + n, before.p, before.n);
        n += before.n;
        if (is_path_behind(json, base))
            json = (struct str){json.p + base.n, json.n - base.n};
    }
    return (struct str){text, n};
}

void http_links_from_paths(struct buf *out, struct str json, struct str base)
{
    while (json.n) {
        buf_add(out, take_up_to_link(&json));
        if (json.n && json.p[0] == '/')
            buf_add(out, base);
    }
}
