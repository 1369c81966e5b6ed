#include "http_forwarded.h"

#include "base.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* Whom to believe ------------------------------------------------------------------------------------------------- */

static bool read_prefix(struct str text, unsigned most, unsigned *prefix)
{
    uint64_t number = most;
    if (text.p && (!str_to_u64(text, &number) || number > most))
        return false;
    *prefix = (unsigned)number;
    return true;
}

bool http_trust_read(const char *text, struct http_trust *trust)
{
    char address[INET6_ADDRSTRLEN + 1] = {0};
    struct str prefix;
    *trust = (struct http_trust){0};
    if (!text || !*text)
        return true;
    if (strcmp(text, "loopback") == 0) {
        trust->loopback = true;
        return true;
    }
    struct str name = str_split(str_of(text), '/', &prefix);
    if (name.n >= sizeof address)
        return false;
    memcpy(address, name.p, name.n);
    if (inet_pton(AF_INET, address, trust->address) == 1) {
        trust->family = AF_INET;
        return read_prefix(prefix, 32, &trust->prefix);
    }
    if (inet_pton(AF_INET6, address, trust->address) != 1)
        return false;
    trust->family = AF_INET6;
    return read_prefix(prefix, 128, &trust->prefix);
}

/* An IPv6 address, or the IPv4 address that is mapped into it. */
static sa_family_t unmap(unsigned char address[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(address, mapped, sizeof mapped) != 0)
        return AF_INET6;
    memmove(address, address + sizeof mapped, 4);
    return AF_INET;
}

static sa_family_t peer_address(const struct sockaddr *peer, unsigned char out[16])
{
    if (peer->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)peer;
        memcpy(out, &v4->sin_addr, 4);
        return AF_INET;
    }
    if (peer->sa_family != AF_INET6)
        return 0;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)peer;
    memcpy(out, &v6->sin6_addr, 16);
    return unmap(out);
}

static bool is_loopback(sa_family_t family, const unsigned char *address)
{
    static const unsigned char one[16] = {[15] = 1};
    return family == AF_INET ? address[0] == 127 : memcmp(address, one, sizeof one) == 0;
}

bool http_trust_has(const struct http_trust *trust, const struct sockaddr *peer)
{
    unsigned char address[16] = {0};
    sa_family_t family = peer ? peer_address(peer, address) : 0;
    if (family == 0)
        return false;
    if (trust->loopback)
        return is_loopback(family, address);
    if (family != trust->family)
        return false;
    unsigned bytes = trust->prefix / 8;
    unsigned bits = trust->prefix % 8;
    if (memcmp(address, trust->address, bytes) != 0)
        return false;
    return bits == 0 || ((address[bytes] ^ trust->address[bytes]) >> (8 - bits)) == 0;
}

/* Who asks -------------------------------------------------------------------------------------------------------- */

static struct http_address address_from(sa_family_t family, const unsigned char *bytes)
{
    struct http_address address = {.bytes = {[10] = 0xff, [11] = 0xff}, .local = is_loopback(family, bytes)};
    if (family == AF_INET) {
        memcpy(address.bytes + 12, bytes, 4);
    } else {
        memset(address.bytes, 0, sizeof address.bytes);
        memcpy(address.bytes, bytes, 8); /* the network */
    }
    return address;
}

/* The last one: the proxy that is believed has seen it itself, those before it are hearsay. */
static sa_family_t read_last(struct str forwarded_for, unsigned char bytes[16])
{
    char name[INET6_ADDRSTRLEN + 1] = {0};
    struct str last = {NULL, 0};
    while (forwarded_for.n)
        last = str_trim(str_split(forwarded_for, ',', &forwarded_for));
    if (last.n == 0 || last.n >= sizeof name)
        return 0;
    memcpy(name, last.p, last.n);
    if (inet_pton(AF_INET, name, bytes) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, name, bytes) == 1 ? unmap(bytes) : 0;
}

struct http_address http_address_of(struct str forwarded_for, const struct sockaddr *peer)
{
    unsigned char bytes[16] = {0};
    sa_family_t family = read_last(forwarded_for, bytes);
    if (family == 0 && peer)
        family = peer_address(peer, bytes);
    return family ? address_from(family, bytes) : (struct http_address){.local = true};
}

bool http_address_is(const struct http_address *a, const struct http_address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The address ----------------------------------------------------------------------------------------------------- */

/* Each proxy adds what it saw behind a comma; the first is the client's own. */
static struct str first_of(const struct http_head *head, enum http_header header)
{
    struct str rest;
    return str_trim(str_split(head->value[header], ',', &rest));
}

static struct str forwarded_scheme(const struct http_head *head)
{
    return str_eq_nocase(first_of(head, HTTP_FORWARDED_PROTO), STR("https")) ? STR("https") : STR("http");
}

static bool has_port(struct str host)
{
    struct str rest = host;
    if (host.n && host.p[0] == '[')
        (void)str_split(host, ']', &rest);
    return rest.n && memchr(rest.p, ':', rest.n) != NULL;
}

/* The port to add behind the host; empty when it has one or the scheme implies it. */
static struct str forwarded_port(const struct http_head *head, struct str scheme, struct str host)
{
    struct str none = {NULL, 0};
    struct str port = first_of(head, HTTP_FORWARDED_PORT);
    uint64_t number = 0;
    if (port.n == 0 || port.n > 5 || !str_to_u64(port, &number) || number == 0 || number > 65535 || has_port(host))
        return none;
    return number == (scheme.n == 5 ? 443 : 80) ? none : port;
}

static struct str forwarded_prefix(const struct http_head *head)
{
    struct str prefix = first_of(head, HTTP_FORWARDED_PREFIX);
    while (prefix.n && prefix.p[prefix.n - 1] == '/')
        prefix.n--;
    if (prefix.n == 0 || prefix.p[0] != '/' || !http_is_visible(prefix, 1, 200))
        return (struct str){NULL, 0};
    for (size_t i = 0; i < prefix.n; i++)
        if (strchr("\"<>\\^`{|}?#", prefix.p[i]))
            return (struct str){NULL, 0};
    return prefix;
}

static struct str concatenate(struct arena *arena, const struct str *parts, size_t n_parts)
{
    size_t size = 0;
    for (size_t i = 0; i < n_parts; i++)
        size += parts[i].n;
    char *text = arena_alloc(arena, size);
    if (!text)
        return (struct str){NULL, 0};
    size_t at = 0;
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i].n)
            memcpy(text + at, parts[i].p, parts[i].n);
        at += parts[i].n;
    }
    return (struct str){text, at};
}

struct str http_base_url(struct arena *arena, const struct http_head *head, struct str host, bool believed)
{
    struct str parts[] = {STR("http"), STR("://"), host, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    if (believed) {
        struct str forwarded_host = first_of(head, HTTP_FORWARDED_HOST);
        if (http_is_host(forwarded_host))
            parts[2] = forwarded_host;
        parts[0] = forwarded_scheme(head);
        struct str port = forwarded_port(head, parts[0], parts[2]);
        if (port.n) {
            parts[3] = STR(":");
            parts[4] = port;
        }
        parts[5] = forwarded_prefix(head);
    }
    return concatenate(arena, parts, COUNT_OF(parts));
}
