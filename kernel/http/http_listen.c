#include "http_listen.h"

#include "http_internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

/* Who is connected and not yet accepted; the kernel takes no more than net.core.somaxconn. A service that is busy for a
 * moment keeps a crowd waiting here: who finds no room tries again a second later, which is too late for a gateway. */
enum { BACKLOG = 4096 };

/* "host:port", "[v6]:port" or ":port" (every address). */
static bool split_address(const char *where, char host[256], const char **port)
{
    const char *colon = strrchr(where, ':');
    if (!colon)
        return false;
    struct str name = {where, (size_t)(colon - where)};
    if (name.n >= 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
        name = (struct str){name.p + 1, name.n - 2};
    if (name.n >= 256)
        return false;
    memcpy(host, name.p, name.n);
    host[name.n] = '\0';
    uint64_t number = 0;
    *port = colon + 1;
    return str_to_u64(str_of(*port), &number) && number <= 65535;
}

/* An IPv6 address is that alone, as nginx has it: "[::]" beside "0.0.0.0" is no conflict. */
static int listen_on(const struct addrinfo *address)
{
    int yes = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (address->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) || bind(fd, address->ai_addr, address->ai_addrlen) ||
        listen(fd, BACKLOG)) {
        int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {0}};
    socklen_t size = sizeof bound;
    if (getsockname(fd, &bound.any, &size))
        return 0;
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

/* A name may stand for several addresses ("localhost": 127.0.0.1 and ::1); one that this machine hasn't got is passed
 * over as long as there is another. */
static bool listen_on_all(struct http_admission *door, const struct addrinfo *found, const char *where,
                          struct buf *problem)
{
    int error = EADDRNOTAVAIL;
    size_t before = door->n_listeners;
    for (const struct addrinfo *address = found; address; address = address->ai_next) {
        int fd = door->n_listeners < HTTP_MAX_LISTENERS ? listen_on(address) : -1;
        if (fd >= 0) {
            door->listeners[door->n_listeners++].watch.fd = fd;
            continue;
        }
        if (door->n_listeners == HTTP_MAX_LISTENERS)
            errno = E2BIG;
        error = errno;
        if (error != EADDRNOTAVAIL && error != EAFNOSUPPORT && error != EPROTONOSUPPORT)
            break;
    }
    if (door->n_listeners > before && (error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT))
        return true;
    buf_printf(problem, "can't listen on %s: %s", where, strerror(error));
    return false;
}

static bool listen_at(struct http_admission *door, const char *where, uint16_t port_so_far, struct buf *problem)
{
    char host[256] = "", number[8];
    const char *service = NULL;
    if (!split_address(where, host, &service)) {
        buf_printf(problem, "can't listen on \"%s\": it is not host:port", where);
        return false;
    }
    if (strcmp(service, "0") == 0) { /* any free one, but the same at every address */
        snprintf(number, sizeof number, "%u", port_so_far);
        service = number;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host[0] ? host : NULL, service, &hints, &found);
    if (rc) {
        buf_printf(problem, "can't listen on %s: %s", where, gai_strerror(rc));
        return false;
    }
    bool fine = listen_on_all(door, found, where, problem);
    freeaddrinfo(found);
    return fine;
}

bool http_listen(const char *list, struct http_admission *door, uint16_t *port, struct buf *problem)
{
    struct str rest = str_of(list);
    *port = 0;
    while (rest.n) {
        char where[300];
        struct str one = str_split(rest, ' ', &rest);
        if (one.n == 0)
            continue;
        size_t n = one.n < sizeof where ? one.n : sizeof where - 1;
        memcpy(where, one.p, n);
        where[n] = '\0';
        if (!listen_at(door, where, *port, problem)) {
            http_listeners_close(door);
            return false;
        }
        *port = port_of(door->listeners[0].watch.fd);
    }
    if (door->n_listeners == 0)
        buf_printf(problem, "can't listen on \"%s\": it is not host:port", list);
    return door->n_listeners > 0;
}

void http_listeners_close(struct http_admission *door)
{
    for (size_t i = 0; i < door->n_listeners; i++)
        close(door->listeners[i].watch.fd);
    door->n_listeners = 0;
}

bool http_can_listen(const char *list, struct buf *problem)
{
    struct http_admission door = {.n_listeners = 0};
    uint16_t port;
    bool can = http_listen(list, &door, &port, problem);

    http_listeners_close(&door);
    return can;
}
