#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static bool parse_address(const char *text, struct sockaddr_in *address)
{
    char host[INET_ADDRSTRLEN] = {0};
    struct str port;
    uint64_t number = 0;
    struct str name = str_split(str_of(text), ':', &port);

    if (name.n >= sizeof(host) || !str_to_u64(port, &number) || number > UINT16_MAX)
        return false;
    memcpy(host, name.p, name.n);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
    return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

bool connection_open(struct connection *connection, enum connection_role role, const char *address, int epoll)
{
    struct sockaddr_in to;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int on = 1;

    *connection = (struct connection){.role = role, .fd = -1};
    if (!parse_address(address, &to))
        return false;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
        return false;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fcntl(connection->fd, F_SETFL, O_NONBLOCK) == 0 &&
           epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

void connection_close(struct connection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
    connection->busy = false;
}

bool connection_send(struct connection *connection, struct str request)
{
    connection->n = 0;
    connection->busy = true;
    /* a request is a few hundred bytes and the buffer is empty: it goes in one piece or the server is gone */
    return send(connection->fd, request.p, request.n, MSG_NOSIGNAL) == (ssize_t)request.n;
}

static struct str text_after(struct str text, const char *mark)
{
    size_t n = strlen(mark);
    const char *found = text.n >= n ? memmem(text.p, text.n, mark, n) : NULL;

    if (!found)
        return (struct str){NULL, 0};
    return (struct str){found + n, text.n - (size_t)(found - text.p) - n};
}

static bool parse(struct str text, struct answer *answer, bool *broken)
{
    struct str body = text_after(text, "\r\n\r\n");
    struct str head = {text.p, text.n - body.n};
    struct str rest;
    int64_t status;
    int64_t length;

    if (!body.p)
        return false;
    struct str value = str_split(text_after(head, "Content-Length: "), '\r', &rest);
    *broken = head.n < 12 || !str_starts_with(head, STR("HTTP/1.1 ")) ||
              !str_to_i64((struct str){head.p + 9, 3}, &status) || !str_to_i64(value, &length) || length < 0;
    if (*broken || body.n < (size_t)length)
        return false;
    *answer = (struct answer){.status = (int)status, .body = {body.p, (size_t)length}};
    return true;
}

enum connection_progress connection_receive(struct connection *connection, struct answer *answer)
{
    bool broken = false;
    ssize_t n = recv(connection->fd, connection->in + connection->n, sizeof(connection->in) - connection->n, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return CONNECTION_WAITS;
    if (n <= 0)
        return CONNECTION_BROKEN;
    connection->n += (size_t)n;
    if (parse((struct str){connection->in, connection->n}, answer, &broken)) {
        connection->busy = false;
        return CONNECTION_ANSWERED;
    }
    return broken || connection->n == sizeof(connection->in) ? CONNECTION_BROKEN : CONNECTION_WAITS;
}
