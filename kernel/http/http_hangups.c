/* http_hangups.c: clients that have ended their half of the connection, or all of it.
 *
 * MHD doesn't look at a connection that sleeps, nor reads from one to which it writes: that a stream's client has gone
 * it would notice at the second heartbeat that can't be sent. And an end that comes together with a request is never
 * noticed: its edge is over when MHD looks again. So all connections are in an epoll set of their own, each for one
 * event.
 *
 * To end one's half behind the last request is a client's right ("nc -N"): what it has asked for is answered, then the
 * connection ends. On a stream nothing more can be asked: there it means that the client has gone. */
#include "http_internal.h"

#include "errors.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* MHD looks again, and reads what there may still be, up to the end. */
static void ring(struct http_peer *peer)
{
    shutdown(peer->fd, SHUT_RD);
    peer->server->must_run = true;
}

static void has_hung_up(struct http_peer *peer)
{
    struct exchange *exchange = peer->exchange;

    peer->has_ended = true;
    if (!exchange || !exchange->stream) {
        ring(peer);
        return;
    }
    shutdown(peer->fd, SHUT_RDWR); /* MHD writes nothing more, and closes it */
    http_stream_end(exchange);
    peer->server->must_run = true;
}

void http_hangups_look(struct http_server *server)
{
    struct epoll_event gone[64];
    int n;

    while ((n = epoll_wait(server->hangups.fd, gone, COUNT_OF(gone), 0)) > 0)
        for (int i = 0; i < n; i++)
            has_hung_up(gone[i].data.ptr);
}

static void some_hung_up(struct loop_watch *watch, uint32_t events)
{
    UNUSED(events);
    http_hangups_look(CONTAINER_OF(watch, struct http_server, hangups));
}

int http_hangups_open(struct http_server *server)
{
    server->hangups = (struct loop_watch){.fd = epoll_create1(EPOLL_CLOEXEC), .ready = some_hung_up};
    if (server->hangups.fd < 0)
        return E_UNAVAILABLE;
    int rc = loop_watch_add(server->loop, &server->hangups, EPOLLIN);
    if (rc)
        close(server->hangups.fd);
    return rc;
}

void http_hangups_close(struct http_server *server)
{
    loop_watch_remove(server->loop, &server->hangups);
    close(server->hangups.fd);
}

void http_hangups_watch(struct http_peer *peer)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = peer};

    (void)epoll_ctl(peer->server->hangups.fd, EPOLL_CTL_ADD, peer->fd, &event);
}

void http_hangups_forget(struct http_peer *peer)
{
    struct epoll_event none = {0};

    (void)epoll_ctl(peer->server->hangups.fd, EPOLL_CTL_DEL, peer->fd, &none);
}

void http_hangups_answered(struct http_peer *peer)
{
    if (peer->has_ended)
        ring(peer);
}
