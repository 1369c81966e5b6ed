#include "probe.h"

#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* An address to connect to: whoever listens everywhere is asked at loopback. */
static bool set_v4(struct probe *probe, const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return false;
    if (address.sin_addr.s_addr == htonl(INADDR_ANY))
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&probe->address, &address, sizeof(address));
    probe->address_length = sizeof(address);
    return true;
}

static bool set_v6(struct probe *probe, const char *host, uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (inet_pton(AF_INET6, host, &address.sin6_addr) != 1)
        return false;
    if (IN6_IS_ADDR_UNSPECIFIED(&address.sin6_addr))
        address.sin6_addr = in6addr_loopback;
    memcpy(&probe->address, &address, sizeof(address));
    probe->address_length = sizeof(address);
    return true;
}

bool probe_init(struct probe *probe, const char *listen)
{
    char host[INET6_ADDRSTRLEN];
    const char *colon = strrchr(listen, ':');
    bool is_v6 = listen[0] == '[';
    uint64_t port;

    *probe = (struct probe){.fd = -1};
    if (!colon || !str_to_u64(str_of(colon + 1), &port) || port == 0 || port > UINT16_MAX)
        return false;
    const char *from = listen + is_v6;
    size_t n = (size_t)(colon - from) - is_v6;
    if (n >= sizeof(host))
        return false;
    memcpy(host, from, n);
    host[n] = '\0';
    return is_v6 ? set_v6(probe, host, (uint16_t)port) : set_v4(probe, host, (uint16_t)port);
}

static void put_down(struct probe *probe, int64_t next_us)
{
    if (probe->fd >= 0)
        close(probe->fd);
    probe->fd = -1;
    probe->asked = false;
    probe->next_us = next_us;
}

void probe_reset(struct probe *probe, int64_t now)
{
    put_down(probe, now);
}

struct pollfd probe_wish(const struct probe *probe)
{
    return (struct pollfd){.fd = probe->fd, .events = probe->asked ? POLLIN : POLLOUT};
}

static void dial(struct probe *probe, int64_t now)
{
    probe->fd = socket(probe->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe->fd < 0 || (connect(probe->fd, (const struct sockaddr *)&probe->address, probe->address_length) != 0 &&
                          errno != EINPROGRESS)) {
        put_down(probe, now + PROBE_INTERVAL_MS * US_PER_MS);
        return;
    }
    probe->next_us = now + PROBE_PATIENCE_MS * US_PER_MS;
}

static bool ask(struct probe *probe)
{
    const struct str question = STR("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    int error = 0;
    socklen_t length = sizeof(error);

    if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0)
        return false;
    probe->asked = send(probe->fd, question.p, question.n, MSG_NOSIGNAL) == (ssize_t)question.n;
    return probe->asked;
}

static bool hears_yes(const struct probe *probe)
{
    const struct str yes = STR("HTTP/1.1 200 ");
    char answer[16];
    ssize_t n = recv(probe->fd, answer, sizeof(answer), 0);

    return n > 0 && str_starts_with((struct str){answer, (size_t)n}, yes);
}

bool probe_turn(struct probe *probe, short revents, int64_t now)
{
    if (probe->fd < 0) {
        if (now >= probe->next_us)
            dial(probe, now);
        return false;
    }
    if (revents == 0) {
        if (now >= probe->next_us)
            put_down(probe, now);
        return false;
    }
    if (!probe->asked) {
        if (!ask(probe))
            put_down(probe, now + PROBE_INTERVAL_MS * US_PER_MS);
        return false;
    }
    bool ready = hears_yes(probe);
    put_down(probe, now + PROBE_INTERVAL_MS * US_PER_MS);
    return ready;
}
