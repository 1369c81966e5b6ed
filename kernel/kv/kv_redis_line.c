#include "kv_redis_line.h"

#include "clock.h"
#include "errors.h"
#include "kv_redis_tls.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 16 * 1024 };

/* --- commands: RESP, an array of bulk strings --- */

void redis_command(struct buf *command, size_t n)
{
    buf_clear(command);
    buf_char(command, '*');
    buf_u64(command, n);
    BUF_LIT(command, "\r\n");
}

void redis_word(struct buf *command, struct str word)
{
    buf_char(command, '$');
    buf_u64(command, word.n);
    BUF_LIT(command, "\r\n");
    buf_add(command, word);
    BUF_LIT(command, "\r\n");
}

void redis_number(struct buf *command, int64_t number)
{
    char digits[24];
    bool negative = number < 0;
    uint64_t left = negative ? 0 - (uint64_t)number : (uint64_t)number;
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (negative)
        digits[--at] = '-';
    redis_word(command, (struct str){digits + at, sizeof(digits) - at});
}

/* --- the line --- */

/* Until the socket can be read or written. False: the deadline has passed. */
static bool wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd waiting = {.fd = fd, .events = events};

    for (;;) {
        int64_t left = deadline - clock_monotonic();
        if (left <= 0)
            return false;
        int n = poll(&waiting, 1, (int)((left + US_PER_MS - 1) / US_PER_MS));
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

static int finish_connecting(int fd, int64_t deadline)
{
    int error = 0;
    socklen_t size = sizeof(error);

    if (!wait_for(fd, POLLOUT, deadline))
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 ? errno : error;
}

/* 0 or an errno. */
static int connect_to(const struct addrinfo *address, int64_t deadline, int *out)
{
    const int on = 1;

    int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
    if (fd < 0)
        return errno;
    int rc = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (rc == EINPROGRESS)
        rc = finish_connecting(fd, deadline);
    if (rc) {
        close(fd);
        return rc;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    *out = fd;
    return 0;
}

/* What TLS waits for after a result of one of its operations. False: it failed, or the deadline has passed. */
static bool wait_for_tls(const struct redis_line *line, int result, int64_t deadline)
{
    switch (SSL_get_error(line->session, result)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(line->fd, POLLIN, deadline);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(line->fd, POLLOUT, deadline);
    default:
        return false;
    }
}

static int greet(struct redis_line *line, const struct redis_place *place, SSL_CTX *tls, int64_t deadline,
                 const char **why)
{
    line->session = redis_tls_on(tls, line->fd, place->host);
    if (!line->session)
        return E_MEMORY;
    for (;;) {
        ERR_clear_error();
        int result = SSL_connect(line->session);
        if (result == 1)
            return OK;
        if (wait_for_tls(line, result, deadline))
            continue;
        bool refused = redis_tls_is_refusal();
        *why = refused ? redis_tls_why(line->session) : "it ended the greeting, or was silent";
        return refused ? E_SYSTEM : E_UNAVAILABLE;
    }
}

int redis_line_open(struct redis_line *line, const struct redis_place *place, SSL_CTX *tls, int64_t deadline,
                    const char **why)
{
    const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int fd = -1;

    int rc = getaddrinfo(place->host, place->port, &wanted, &found);
    if (rc) {
        *why = gai_strerror(rc);
        return E_UNAVAILABLE;
    }
    rc = EADDRNOTAVAIL;
    for (const struct addrinfo *address = found; address && rc; address = address->ai_next)
        rc = connect_to(address, deadline, &fd);
    freeaddrinfo(found);
    if (rc) {
        *why = strerror(rc);
        return E_UNAVAILABLE;
    }
    *line = (struct redis_line){.fd = fd, .reader = redisReaderCreate()};
    if (!line->reader) {
        close(fd);
        return E_MEMORY;
    }
    int error = tls ? greet(line, place, tls, deadline, why) : OK;
    if (error)
        redis_line_close(line);
    return error;
}

void redis_line_close(struct redis_line *line)
{
    if (!line->reader)
        return;
    redisReaderFree(line->reader);
    SSL_free(line->session);
    close(line->fd);
    *line = (struct redis_line){.fd = -1};
}

/* --- pieces: how many bytes, 0 when it has to be tried again, -1 at the end or the deadline --- */

static ssize_t send_some(struct redis_line *line, struct str left, int64_t deadline)
{
    if (line->session) {
        size_t sent = 0;
        ERR_clear_error();
        int result = SSL_write_ex(line->session, left.p, left.n, &sent);
        if (result == 1)
            return (ssize_t)sent;
        return wait_for_tls(line, result, deadline) ? 0 : -1;
    }
    ssize_t n = send(line->fd, left.p, left.n, MSG_NOSIGNAL);
    if (n > 0 || (n < 0 && errno == EINTR))
        return n > 0 ? n : 0;
    return n < 0 && errno == EAGAIN && wait_for(line->fd, POLLOUT, deadline) ? 0 : -1;
}

static ssize_t receive_some(struct redis_line *line, char *piece, size_t size, int64_t deadline)
{
    if (line->session) {
        size_t got = 0;
        ERR_clear_error();
        int result = SSL_read_ex(line->session, piece, size, &got);
        if (result == 1)
            return (ssize_t)got;
        return wait_for_tls(line, result, deadline) ? 0 : -1;
    }
    ssize_t n = recv(line->fd, piece, size, 0);
    if (n > 0 || (n < 0 && errno == EINTR))
        return n > 0 ? n : 0;
    return n < 0 && errno == EAGAIN && wait_for(line->fd, POLLIN, deadline) ? 0 : -1;
}

static bool send_all(struct redis_line *line, struct str left, int64_t deadline)
{
    while (left.n) {
        ssize_t n = send_some(line, left, deadline);
        if (n < 0)
            return false;
        left = (struct str){left.p + n, left.n - (size_t)n};
    }
    return true;
}

static bool receive_reply(struct redis_line *line, int64_t deadline, redisReply **reply)
{
    char piece[PIECE];
    void *got = NULL;

    while (redisReaderGetReply(line->reader, &got) == REDIS_OK) {
        *reply = got;
        if (got)
            return true;
        ssize_t n = receive_some(line, piece, sizeof(piece), deadline);
        if (n < 0 || (n > 0 && redisReaderFeed(line->reader, piece, (size_t)n) != REDIS_OK))
            return false;
    }
    return false; /* what came isn't Redis's protocol, or there is no memory */
}

/* A line that was closed at the other end while nobody used it would still take a whole command. */
static bool is_still_there(const struct redis_line *line)
{
    char byte;

    if (line->session) { /* not by the socket: what TLS says by itself may lie there */
        ERR_clear_error();
        int result = SSL_peek(line->session, &byte, 1);
        return result <= 0 && SSL_get_error(line->session, result) == SSL_ERROR_WANT_READ;
    }
    return recv(line->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
}

int redis_line_ask(struct redis_line *line, struct str command, int64_t deadline, redisReply **reply, bool *sent)
{
    *reply = NULL;
    *sent = is_still_there(line) && send_all(line, command, deadline);
    if (*sent && receive_reply(line, deadline, reply))
        return OK;
    bool refused = line->session && redis_tls_is_refusal();
    const char *why = refused ? redis_tls_why(line->session) : "it ended, or was silent";
    redis_line_close(line);
    line->why = why;
    line->refused = refused;
    return E_UNAVAILABLE;
}
