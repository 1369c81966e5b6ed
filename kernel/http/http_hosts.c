#include "http_hosts.h"

#include "http_guard.h"

#include <arpa/inet.h>
#include <unistd.h>

static bool is_name(struct str word)
{
    if (str_is(word, "*"))
        return true;
    if (str_starts_with(word, STR("*.")))
        word = (struct str){word.p + 2, word.n - 2};
    return http_is_host(word) && !memchr(word.p, ':', word.n);
}

bool http_hosts_read(const char *more, struct http_hosts *hosts, struct str *wrong)
{
    *hosts = (struct http_hosts){.more = more ? more : ""};
    if (gethostname(hosts->own, sizeof hosts->own - 1))
        hosts->own[0] = '\0';
    for (struct str rest = str_of(hosts->more); rest.n;) {
        *wrong = str_split(rest, ' ', &rest);
        if (wrong->n && !is_name(*wrong))
            return false;
    }
    return true;
}

static bool ends_with(struct str text, struct str end)
{
    return text.n >= end.n && str_eq_nocase((struct str){text.p + text.n - end.n, end.n}, end);
}

static bool is_ipv4(struct str name)
{
    char text[INET_ADDRSTRLEN] = {0};
    struct in_addr address;
    if (name.n >= sizeof text)
        return false;
    memcpy(text, name.p, name.n);
    return inet_pton(AF_INET, text, &address) == 1;
}

static bool is_listed(const char *more, struct str name)
{
    for (struct str rest = str_of(more); rest.n;) {
        struct str word = str_split(rest, ' ', &rest);
        bool any_below = str_starts_with(word, STR("*"));
        struct str end = any_below ? (struct str){word.p + 1, word.n - 1} : word;
        if (word.n && (any_below ? ends_with(name, end) : str_eq_nocase(name, word)))
            return true;
    }
    return false;
}

bool http_hosts_take(const struct http_hosts *hosts, struct str host)
{
    struct str port;
    if (host.n && host.p[0] == '[')
        return true; /* nothing but an address stands in brackets */
    struct str name = str_split(host, ':', &port);
    if (name.n && name.p[name.n - 1] == '.')
        name.n--; /* the root's */
    if (name.n == 0)
        return false;
    return !memchr(name.p, '.', name.n) || is_ipv4(name) || ends_with(name, STR(".localhost")) ||
           str_eq_nocase(name, str_of(hosts->own)) || is_listed(hosts->more, name);
}
