/* http_exit.c: clients that are turned away, with an answer, before MHD has seen them.
 *
 * Closed at once, what such a client still sends would be answered with a reset, which can overtake the answer; so a
 * few of those linger until they have hung up. */
#include "http_internal.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER_MS = 1000 };

static void let_go(struct http_lingerer *one)
{
    loop_watch_remove(one->server->loop, &one->watch);
    close(one->watch.fd);
    one->server = NULL;
}

/* False: it has hung up, or is broken. */
static bool is_still_talking(int fd)
{
    char dropped[4096];
    ssize_t n = recv(fd, dropped, sizeof dropped, MSG_DONTWAIT);

    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void lingerer_ready(struct loop_watch *watch, uint32_t events)
{
    UNUSED(events);
    if (!is_still_talking(watch->fd))
        let_go(CONTAINER_OF(watch, struct http_lingerer, watch));
}

static void end_lingerers(struct http_exit *way_out, int64_t due_us)
{
    for (size_t i = 0; i < HTTP_LINGERERS; i++) {
        struct http_lingerer *one = &way_out->lingerers[i];
        if (one->server && one->due_us <= due_us)
            let_go(one);
    }
}

static void linger_is_over(struct loop_timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, exit.timer);
    int64_t soonest = TIME_NEVER;

    end_lingerers(&server->exit, clock_monotonic());
    for (size_t i = 0; i < HTTP_LINGERERS; i++) {
        const struct http_lingerer *one = &server->exit.lingerers[i];
        if (one->server && one->due_us < soonest)
            soonest = one->due_us;
    }
    if (soonest != TIME_NEVER)
        loop_timer_set(server->loop, timer, soonest);
}

/* A free one; if need be that of who lingers longest. */
static struct http_lingerer *place_to_linger(struct http_exit *way_out)
{
    struct http_lingerer *oldest = &way_out->lingerers[0];

    for (size_t i = 0; i < HTTP_LINGERERS; i++) {
        struct http_lingerer *one = &way_out->lingerers[i];
        if (!one->server)
            return one;
        if (one->due_us < oldest->due_us)
            oldest = one;
    }
    let_go(oldest);
    return oldest;
}

void http_exit_open(struct http_server *server)
{
    server->exit.timer.fire = linger_is_over;
}

void http_say_no(int fd, int status, const char *detail)
{
    const char *title = MHD_get_reason_phrase_for((unsigned)status);
    char body[256], answer[512];
    int n = snprintf(body, sizeof body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}",
                     title, status, detail);
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n%s"
                        "Connection: close\r\n\r\n%s",
                        status, title, n, status == 503 ? "Retry-After: 1\r\n" : "", body);

    ASSERT(n > 0 && n < (int)sizeof body && size > 0 && size < (int)sizeof answer); /* `detail` is ours */
    (void)send(fd, answer, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
}

void http_linger(struct http_server *server, int fd)
{
    struct http_exit *way_out = &server->exit;
    struct http_lingerer *one = place_to_linger(way_out);

    *one = (struct http_lingerer){.watch = {.fd = fd, .ready = lingerer_ready},
                                  .server = server,
                                  .due_us = clock_monotonic() + LINGER_MS * US_PER_MS};
    if (loop_watch_add(server->loop, &one->watch, EPOLLIN)) {
        close(fd);
        one->server = NULL;
    } else if (way_out->timer.due_us == 0) {
        loop_timer_set(server->loop, &way_out->timer, one->due_us);
    }
}

void http_turn_away(struct http_server *server, int fd, int status, const char *detail)
{
    http_say_no(fd, status, detail);
    http_linger(server, fd);
}

void http_exit_close(struct http_server *server)
{
    end_lingerers(&server->exit, TIME_NEVER);
    loop_timer_cancel(server->loop, &server->exit.timer);
}
