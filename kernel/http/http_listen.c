#include "http_internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

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

static int listen_on(const struct addrinfo *address)
{
    int yes = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
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

int http_listen(const char *where, uint16_t *port, struct buf *problem)
{
    char host[256] = "";
    const char *service = NULL;
    if (!split_address(where, host, &service)) {
        buf_printf(problem, "can't listen on \"%s\": it is not host:port", where);
        return -1;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host[0] ? host : NULL, service, &hints, &found);
    if (rc) {
        buf_printf(problem, "can't listen on %s: %s", where, gai_strerror(rc));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *address = found; address && fd < 0; address = address->ai_next)
        fd = listen_on(address);
    int error = errno;
    freeaddrinfo(found);
    if (fd < 0)
        buf_printf(problem, "can't listen on %s: %s", where, strerror(error));
    else
        *port = port_of(fd);
    return fd;
}
