#include "probe.h"

#include "clock.h"
#include "peer_urls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static bool set_v4(struct probe *probe, const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return false;
    memcpy(&probe->address, &address, sizeof(address));
    probe->address_length = sizeof(address);
    return true;
}

static bool set_v6(struct probe *probe, const char *host, uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (inet_pton(AF_INET6, host, &address.sin6_addr) != 1)
        return false;
    memcpy(&probe->address, &address, sizeof(address));
    probe->address_length = sizeof(address);
    return true;
}

static bool set_address(struct probe *probe, const char *address)
{
    char host[INET6_ADDRSTRLEN];
    const char *colon = strrchr(address, ':');
    bool is_v6 = address[0] == '[';
    uint64_t port;

    if (!colon || !str_to_u64(str_of(colon + 1), &port) || port == 0 || port > UINT16_MAX)
        return false;
    const char *from = address + is_v6;
    size_t n = (size_t)(colon - from) - is_v6;
    if (n >= sizeof(host))
        return false;
    memcpy(host, from, n);
    host[n] = '\0';
    return is_v6 ? set_v6(probe, host, (uint16_t)port) : set_v4(probe, host, (uint16_t)port);
}

bool probe_init(struct probe *probe, const char *listen, const char *instance)
{
    struct buf address = {0};

    *probe = (struct probe){.fd = -1, .instance = instance};
    reachable_address(str_of(listen), &address);
    buf_char(&address, '\0');
    bool ok = !address.failed && set_address(probe, address.p);
    buf_free(&address);
    return ok;
}

static void put_down(struct probe *probe, int64_t next_us)
{
    if (probe->fd >= 0)
        close(probe->fd);
    probe->fd = -1;
    probe->asked = false;
    probe->n_answer = 0;
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

static bool is_yes(const struct probe *probe)
{
    struct str answer = {probe->answer, probe->n_answer};
    struct buf sign = {0};

    buf_printf(&sign, "\r\nX-Instance: %s\r\n", probe->instance);
    bool is_ours = !sign.failed && memmem(answer.p, answer.n, sign.p, sign.n);
    buf_free(&sign);
    return is_ours && str_starts_with(answer, STR("HTTP/1.1 200 "));
}

/* Reads on; true when the answer's head is there, or will never be. */
static bool is_answered(struct probe *probe)
{
    size_t room = sizeof(probe->answer) - probe->n_answer;
    ssize_t n = recv(probe->fd, probe->answer + probe->n_answer, room, 0);

    if (n <= 0)
        return true;
    probe->n_answer += (size_t)n;
    return probe->n_answer == sizeof(probe->answer) || memmem(probe->answer, probe->n_answer, "\r\n\r\n", 4);
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
    if (!is_answered(probe))
        return false;
    bool ready = is_yes(probe);
    put_down(probe, now + PROBE_INTERVAL_MS * US_PER_MS);
    return ready;
}
