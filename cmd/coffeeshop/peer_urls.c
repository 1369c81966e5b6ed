#include "peer_urls.h"

void reachable_address(struct str listen, struct buf *out)
{
    static const struct {
        struct str everywhere, loopback;
    } rows[] = {{STR_INIT("0.0.0.0:"), STR_INIT("127.0.0.1:")}, {STR_INIT("[::]:"), STR_INIT("[::1]:")}};
    struct str others;
    struct str first = str_split(str_trim(listen), ' ', &others);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!str_starts_with(first, rows[i].everywhere))
            continue;
        buf_add(out, rows[i].loopback);
        first = (struct str){first.p + rows[i].everywhere.n, first.n - rows[i].everywhere.n};
    }
    buf_add(out, first);
}

/* The value of `<peer>.listen`; NULL where it isn't there, or has to be `given` and wasn't. */
static const char *listen_of(const struct setting_group *groups, size_t n_groups, struct str peer, bool given)
{
    const char *listen = NULL;

    for (size_t g = 0; g < n_groups; g++) {
        for (size_t i = 0; groups[g].into && i < groups[g].n_rows; i++) {
            struct str name = str_of(groups[g].rows[i].name);
            struct str owner = str_split(name, '.', &name);
            if ((groups[g].given[i] || !given) && str_eq(owner, peer) && str_is(name, "listen"))
                memcpy(&listen, (const char *)groups[g].into + groups[g].rows[i].offset, sizeof(listen));
        }
    }
    return listen;
}

/* "stock" for product.stock_url; empty for what is no such row. */
static struct str peer_of(const struct setting *row)
{
    const struct str suffix = STR("_url");
    struct str name = str_of(row->name);

    (void)str_split(name, '.', &name);
    if ((row->type != SETTING_URL && row->type != SETTING_URLS) || name.n <= suffix.n)
        return (struct str){NULL, 0};
    struct str end = {name.p + name.n - suffix.n, suffix.n};
    return str_eq(end, suffix) ? (struct str){name.p, name.n - suffix.n} : (struct str){NULL, 0};
}

static bool derive(const struct setting_group *group, size_t row, const char *listen, struct arena *arena)
{
    struct buf url = {0};

    BUF_LIT(&url, "http://");
    reachable_address(str_of(listen), &url);
    const char *kept = url.failed ? NULL : arena_copy(arena, buf_str(&url)).p;
    buf_free(&url);
    if (kept)
        memcpy((char *)group->into + group->rows[row].offset, &kept, sizeof(kept));
    return kept != NULL;
}

/* `all`: also those that may stay empty. */
static bool derive_urls(const struct setting_group *groups, size_t n_groups, bool all, struct arena *arena)
{
    for (size_t g = 0; g < n_groups; g++) {
        for (size_t i = 0; groups[g].into && i < groups[g].n_rows; i++) {
            bool may_be_empty = groups[g].rows[i].min == 0;
            struct str peer = may_be_empty && !all ? STR("") : peer_of(&groups[g].rows[i]);
            const char *listen =
                peer.n > 0 && !groups[g].given[i] ? listen_of(groups, n_groups, peer, !may_be_empty) : NULL;
            if (listen && !derive(&groups[g], i, listen, arena))
                return false;
        }
    }
    return true;
}

bool peer_urls_derive(const struct setting_group *groups, size_t n_groups, struct arena *arena)
{
    return derive_urls(groups, n_groups, false, arena);
}

bool peer_urls_derive_all(const struct setting_group *groups, size_t n_groups, struct arena *arena)
{
    return derive_urls(groups, n_groups, true, arena);
}
