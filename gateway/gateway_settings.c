#include "gateway_settings.h"

#include <arpa/inet.h>

/* Letters and digits, and what `others` lists. nginx has no way to quote a $ or a quote, so they are refused. */
static bool is_made_of(struct str text, const char *others)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && !strchr(others, c))
            return false;
    }
    return true;
}

static bool is_address(struct str text)
{
    char host[INET6_ADDRSTRLEN];
    struct in6_addr address; /* large enough for both */
    uint64_t prefix = 0;
    struct str length;
    struct str base = str_split(text, '/', &length);
    bool is_v6 = base.n > 0 && memchr(base.p, ':', base.n) != NULL;

    if (base.n == 0 || base.n >= sizeof(host))
        return false;
    memcpy(host, base.p, base.n);
    host[base.n] = '\0';
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, host, &address) != 1)
        return false;
    return base.n == text.n || (str_to_u64(length, &prefix) && prefix <= (is_v6 ? 128U : 32U));
}

static bool are_addresses(struct str text)
{
    while (text.n > 0) {
        struct str one = str_split(text, ' ', &text);
        if (one.n > 0 && !is_address(one))
            return false;
    }
    return true;
}

static bool refuse(const char *name, const char *value, const char *what, struct buf *problem)
{
    buf_printf(problem, "gateway.%s is \"%s\" but has to be %s", name, value, what);
    return false;
}

enum {
    MOST_HOST_NAME = 253, /* RFC 1035, 2.3.4, as it is written */
    MOST_ORIGIN = 512,
};

/* "shop.example", "*.shop.example", "*". */
static bool are_hosts(struct str text)
{
    while (text.n > 0) {
        struct str one = str_split(text, ' ', &text);
        if (one.n == 0 || str_is(one, "*"))
            continue;
        if (str_starts_with(one, STR("*.")))
            one = (struct str){one.p + 2, one.n - 2};
        if (one.n == 0 || one.n > MOST_HOST_NAME || !is_made_of(one, ".-_"))
            return false;
    }
    return true;
}

/* The browser's spelling: scheme and host, without a slash at the end. */
static bool are_origins(struct str text)
{
    while (text.n > 0) {
        struct str one = str_split(text, ' ', &text);
        struct str host;
        struct str scheme = str_split(one, ':', &host);
        if (one.n == 0)
            continue;
        if (one.n > MOST_ORIGIN || scheme.n == 0 || !is_made_of(scheme, "-+.") || host.n < 3 ||
            !str_starts_with(host, STR("//")) || !is_made_of((struct str){host.p + 2, host.n - 2}, ".-_:[]"))
            return false;
    }
    return true;
}

/* "address:port" as the kernel takes it; config_value.c has seen that it is one. */
struct listener {
    struct in6_addr address; /* of an IPv4 address the first four bytes */
    uint64_t port;
    bool is_v6, is_everywhere;
};

static struct listener listener_of(struct str text)
{
    static const struct in6_addr everywhere;
    struct listener listener = {.is_v6 = text.p[0] == '[', .port = 0};
    const char *colon = memrchr(text.p, ':', text.n);
    struct str host = {text.p + listener.is_v6, (size_t)(colon - text.p) - 2 * (size_t)listener.is_v6};
    char name[INET6_ADDRSTRLEN];

    ASSERT(host.n < sizeof(name));
    memcpy(name, host.p, host.n);
    name[host.n] = '\0';
    (void)inet_pton(listener.is_v6 ? AF_INET6 : AF_INET, name, &listener.address);
    (void)str_to_u64((struct str){colon + 1, (size_t)(text.p + text.n - colon) - 1}, &listener.port);
    listener.is_everywhere = memcmp(&listener.address, &everywhere, sizeof(everywhere)) == 0;
    return listener;
}

static bool overlap(const struct listener *a, const struct listener *b)
{
    return a->is_v6 == b->is_v6 && a->port == b->port &&
           (a->is_everywhere || b->is_everywhere || memcmp(&a->address, &b->address, sizeof(a->address)) == 0);
}

/* nginx takes neither port 0 nor the same address twice; http_can_listen() would say of an address that is in another's
 * "everywhere" that somebody else has it. */
static bool listeners_are_fine(struct str text)
{
    while (text.n > 0) {
        struct str one = str_split(text, ' ', &text);
        struct str rest = text;
        struct listener listener;
        if (one.n == 0)
            continue;
        listener = listener_of(one);
        if (listener.port == 0)
            return false;
        while (rest.n > 0) {
            struct str other = str_split(rest, ' ', &rest);
            struct listener second = other.n > 0 ? listener_of(other) : (struct listener){.port = 0};
            if (overlap(&listener, &second))
                return false;
        }
    }
    return true;
}

static bool lists_are_fine(const struct gateway_settings *settings, struct buf *problem)
{
    static const char networks[] = "addresses or networks like 10.0.0.0/8, separated by blanks";

    if (!listeners_are_fine(str_of(settings->listen)))
        return refuse("listen", settings->listen,
                      "addresses with ports from 1, none of them twice or within another (0.0.0.0 and [::] are every "
                      "address)",
                      problem);
    if (!are_addresses(str_of(settings->unlimited)))
        return refuse("unlimited", settings->unlimited, networks, problem);
    if (!are_addresses(str_of(settings->operators)))
        return refuse("operators", settings->operators, networks, problem);
    if (!are_addresses(str_of(settings->trusted_proxy)))
        return refuse("trusted_proxy", settings->trusted_proxy, networks, problem);
    if (!are_hosts(str_of(settings->hosts)))
        return refuse("hosts", settings->hosts,
                      "names like shop.example or *.shop.example of at most 253 characters, separated by blanks, or *",
                      problem);
    if (strcmp(settings->cors_origins, "*") != 0 && !are_origins(str_of(settings->cors_origins)))
        return refuse("cors_origins", settings->cors_origins,
                      "origins like https://shop.example of at most 512 characters, separated by blanks, or *",
                      problem);
    return true;
}

bool gateway_settings_check(const struct gateway_settings *settings, struct buf *problem)
{
    static const char path[] = "a path of letters, digits and / - _ .";

    if (!lists_are_fine(settings, problem))
        return false;
    if (settings->user[0] == '\0' || !is_made_of(str_of(settings->user), "-_."))
        return refuse("user", settings->user, "a user's name", problem);
    if (!is_made_of(str_of(settings->access_log), "/-_."))
        return refuse("access_log", settings->access_log, "off or a path of letters, digits and / - _ .", problem);
    if (!is_made_of(str_of(settings->tls_certificate), "/-_."))
        return refuse("tls_certificate", settings->tls_certificate, path, problem);
    if (!is_made_of(str_of(settings->tls_key), "/-_."))
        return refuse("tls_key", settings->tls_key, path, problem);
    if ((settings->tls_certificate[0] == '\0') != (settings->tls_key[0] == '\0')) {
        BUF_LIT(problem,
                "gateway.tls_certificate and gateway.tls_key go together: set both, or neither for plain HTTP");
        return false;
    }
    return true;
}
