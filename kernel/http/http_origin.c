#include "http_origin.h"

/* Of "scheme://host:port/path" the host and port. */
static struct str authority_of(struct str url)
{
    struct str rest;
    (void)str_split(url, ':', &rest);
    if (!str_starts_with(rest, STR("//")))
        return (struct str){NULL, 0};
    return str_split((struct str){rest.p + 2, rest.n - 2}, '/', &rest);
}

const char *http_foreign_origin(const struct http_head *head, struct str base)
{
    if (head->seen[HTTP_SEC_FETCH_SITE]) {
        struct str site = head->value[HTTP_SEC_FETCH_SITE];
        return str_is(site, "same-origin") || str_is(site, "none") ? NULL : "Sec-Fetch-Site";
    }
    if (!head->seen[HTTP_ORIGIN])
        return NULL;
    struct str origin = authority_of(head->value[HTTP_ORIGIN]);
    return origin.n && str_eq_nocase(origin, authority_of(base)) ? NULL : "Origin";
}
