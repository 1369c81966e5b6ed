#include "provider_url.h"

static bool has(struct str text, char c)
{
    return text.n > 0 && memchr(text.p, c, text.n) != NULL;
}

static bool cut_prefix(struct str *text, struct str prefix)
{
    if (!str_starts_with(*text, prefix))
        return false;
    *text = (struct str){text->p + prefix.n, text->n - prefix.n};
    return true;
}

/* An IPv4 address of 127.0.0.0/8, in full: names that begin like one are somebody's. */
static bool is_loopback_v4(struct str host)
{
    uint64_t number;
    size_t n = 0;

    if (!str_starts_with(host, STR("127.")))
        return false;
    while (host.n > 0) {
        struct str part = str_split(host, '.', &host);
        if (part.n > 3 || !str_to_u64(part, &number) || number > UINT8_MAX)
            return false;
        n++;
    }
    return n == 4;
}

static bool is_loopback(struct str authority)
{
    struct str port;

    if (str_starts_with(authority, STR("[::1]")))
        return authority.n == strlen("[::1]") || authority.p[strlen("[::1]")] == ':';
    struct str host = str_split(authority, ':', &port);
    return str_is(host, "localhost") || is_loopback_v4(host);
}

const char *provider_url_problem(struct str url)
{
    static const char odd[] = "@?#\\ \"";
    struct str rest = url;
    struct str path;

    bool secure = cut_prefix(&rest, STR("https://"));
    if (!secure && !cut_prefix(&rest, STR("http://")))
        return "has to begin with https:// (or http:// and an address of this machine)";
    for (size_t i = 0; i < sizeof(odd) - 1; i++) {
        if (has(rest, odd[i]))
            return "has to be a scheme, a host, perhaps a port and a path, and nothing else";
    }
    if (rest.n > 0 && rest.p[rest.n - 1] == '/')
        return "has to end without a slash";
    struct str authority = str_split(rest, '/', &path);
    if (authority.n == 0 || authority.p[0] == ':')
        return "has to name a host";
    if (!secure && !is_loopback(authority))
        return "has to be https: http is for an address of this machine only";
    return NULL;
}
