/* http_newcomers.c: who has connected and said nothing yet.
 *
 * MHD waits for the end of a line whatever comes first: TLS, another protocol or a port scanner would hold a connection
 * until the time-out. So what comes first is looked at here, once a connection, and only what may be the beginning of a
 * request is given to MHD. Until then a connection costs a descriptor and this struct, none of MHD's memory. */
#include "http_internal.h"

#include "alloc.h"
#include "clock.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum first_words { NOTHING_YET, MAY_BE_REQUEST, IS_NO_REQUEST, HAS_GONE };

/* One empty line may come before a request (RFC 9112, 2.2). It is taken away, so that what was looked at isn't news
 * again. */
static enum first_words listen_to(struct http_peer *peer)
{
    static const char empty_line[] = "\r\n";
    char bytes[HTTP_MAX_METHOD];
    ssize_t n;

    while ((n = recv(peer->fd, bytes, sizeof bytes, MSG_PEEK)) > 0 && peer->n_blank < 2 &&
           bytes[0] == empty_line[peer->n_blank]) {
        (void)recv(peer->fd, bytes, 1, 0);
        peer->n_blank++;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return NOTHING_YET;
    if (n <= 0)
        return HAS_GONE;
    return peer->n_blank != 1 && http_guard_may_begin((struct str){bytes, (size_t)n}) ? MAY_BE_REQUEST : IS_NO_REQUEST;
}

/* No newcomer any more. */
static void take_out(struct http_peer *peer)
{
    if (peer->watch.ready)
        loop_watch_remove(peer->server->loop, &peer->watch);
    peer->watch.ready = NULL;
    http_peer_leave(peer);
}

void http_peer_free(struct http_peer *peer)
{
    struct http_server *server = peer->server;

    take_out(peer);
    if (peer->silent)
        server->silent--;
    server->n_connections--;
    heap_free(peer);
}

static void hang_up(struct http_peer *peer)
{
    int fd = peer->fd;

    http_peer_free(peer);
    close(fd);
}

static void hand_over(struct http_peer *peer)
{
    struct http_server *server = peer->server;

    take_out(peer);
    server->arriving = peer;
    server->must_run = true;
    (void)MHD_add_connection(server->daemon, peer->fd, &peer->address.any,
                             peer->address_size); /* closes it if it fails */
    if (server->arriving)
        http_peer_free(peer); /* MHD has not even begun */
    server->arriving = NULL;
}

static void turn_away(struct http_peer *peer)
{
    struct http_server *server = peer->server;
    int fd = peer->fd;

    http_peer_free(peer);
    http_count_refusal(400);
    http_turn_away(server, fd, 400, "what was sent is not the beginning of an HTTP request");
}

/* False: it goes on being listened to. */
static bool is_decided(struct http_peer *peer)
{
    switch (listen_to(peer)) {
    case NOTHING_YET:
        return false;
    case MAY_BE_REQUEST:
        hand_over(peer);
        return true;
    case IS_NO_REQUEST:
        turn_away(peer);
        return true;
    case HAS_GONE:
        hang_up(peer);
        return true;
    }
    return false;
}

static void speaks(struct loop_watch *watch, uint32_t events)
{
    UNUSED(events);
    (void)is_decided(CONTAINER_OF(watch, struct http_peer, watch));
}

bool http_newcomer_welcome(struct http_server *server, const struct http_peer *who)
{
    struct http_peer *peer = heap_alloc(sizeof *peer);

    if (!peer)
        return false;
    *peer = *who;
    peer->server = server;
    peer->silent = true;
    peer->trusted = http_trust_has(&server->trust, &peer->address.any);
    server->silent++;
    server->n_connections++;
    if (is_decided(peer)) /* many have said it by the time they are accepted */
        return true;
    peer->watch = (struct loop_watch){.fd = peer->fd, .ready = speaks};
    if (loop_watch_add(server->loop, &peer->watch, EPOLLIN)) {
        peer->watch.ready = NULL;
        hang_up(peer);
        return true;
    }
    http_peers_add(&server->newcomers, peer, clock_monotonic());
    return true;
}

int64_t http_newcomers_expire(struct http_server *server, int64_t now_us)
{
    struct http_peers *newcomers = &server->newcomers;

    while (newcomers->oldest && newcomers->oldest->due_us <= now_us)
        hang_up(newcomers->oldest);
    return newcomers->oldest ? newcomers->oldest->due_us : TIME_NEVER;
}

void http_newcomers_close(struct http_server *server)
{
    (void)http_newcomers_expire(server, TIME_NEVER);
}
