/* http_admission.c: who is let in. We accept ourselves: libmicrohttpd listens at one address only, lets whoever is too
 * many wait without a word, and without a descriptor left it stops accepting silently.
 *
 * One connection too many gets a 503 and is closed. Closed at once, what it still sends would be answered with a reset,
 * which can overtake the 503; so a few of those linger until they have hung up. Descriptors for them, and one that is
 * given up when there are none at all (the trick of libev's manual), are counted in before connections are
 * (HTTP_OWN_FILES). */
#include "http_internal.h"

#include "clock.h"
#include "log.h"
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    AT_ONCE = 64, /* accepted in one turn of the loop */
    LINGER_MS = 1000,
    PAUSE_MS = 100, /* not even the spare descriptor helped */
    TELL_EVERY_S = 60,
};

static struct metric refused_total = METRIC_COUNTER_INIT("coffeeshop_http_connections_refused_total",
                                                         "Connections answered with 503 because there were too many.");

static const struct str answer =
    STR_INIT("HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: 134\r\n"
             "Retry-After: 1\r\nConnection: close\r\n\r\n"
             "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
             "\"detail\":\"There are too many connections; try again a little later.\"}");

/* One line for all that are refused within a minute: a crowd must not fill the log as well. */
static void tell(struct http_server *server, const char *why)
{
    struct http_admission *door = &server->admission;
    int64_t now = clock_monotonic();

    metric_add(&refused_total, 1);
    door->untold++;
    if (door->told_us && now - door->told_us < TELL_EVERY_S * US_PER_S)
        return;
    log_warning("connections are refused", LOG_T("why", why), LOG_I("open", server->n_connections),
                LOG_I("refused", door->untold), LOG_T("more", "coffeeshop_http_connections_refused_total"));
    door->told_us = now;
    door->untold = 0;
}

/* Lingering ------------------------------------------------------------------------------------------------------- */

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

static void end_lingerers(struct http_server *server, int64_t due_us)
{
    for (size_t i = 0; i < HTTP_LINGERERS; i++) {
        struct http_lingerer *one = &server->admission.lingerers[i];
        if (one->server && one->due_us <= due_us)
            let_go(one);
    }
}

static void linger_is_over(struct loop_timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, admission.linger);
    int64_t soonest = TIME_NEVER;

    end_lingerers(server, clock_monotonic());
    for (size_t i = 0; i < HTTP_LINGERERS; i++) {
        const struct http_lingerer *one = &server->admission.lingerers[i];
        if (one->server && one->due_us < soonest)
            soonest = one->due_us;
    }
    if (soonest != TIME_NEVER)
        loop_timer_set(server->loop, timer, soonest);
}

/* A free one; if need be that of who lingers longest. */
static struct http_lingerer *place_to_linger(struct http_admission *door)
{
    struct http_lingerer *oldest = &door->lingerers[0];

    for (size_t i = 0; i < HTTP_LINGERERS; i++) {
        struct http_lingerer *one = &door->lingerers[i];
        if (!one->server)
            return one;
        if (one->due_us < oldest->due_us)
            oldest = one;
    }
    let_go(oldest);
    return oldest;
}

static void say_no(int fd)
{
    (void)send(fd, answer.p, answer.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
}

static void refuse(struct http_server *server, int fd)
{
    struct http_admission *door = &server->admission;
    struct http_lingerer *one = place_to_linger(door);

    say_no(fd);
    *one = (struct http_lingerer){.watch = {.fd = fd, .ready = lingerer_ready},
                                  .server = server,
                                  .due_us = clock_monotonic() + LINGER_MS * US_PER_MS};
    if (loop_watch_add(server->loop, &one->watch, EPOLLIN)) {
        close(fd);
        one->server = NULL;
    } else if (door->linger.due_us == 0) {
        loop_timer_set(server->loop, &door->linger, one->due_us);
    }
    tell(server, "http.max_connections");
}

/* Letting in ------------------------------------------------------------------------------------------------------ */

/* Some may have hung up a moment ago. */
static bool make_room(struct http_server *server)
{
    if (server->n_connections < (size_t)server->settings.max_connections)
        return true;
    http_end_hung_up(server);
    (void)MHD_run(server->daemon);
    return server->n_connections < (size_t)server->settings.max_connections;
}

static void listen_for(struct http_server *server, uint32_t events)
{
    for (size_t i = 0; i < server->admission.n_listeners; i++)
        (void)loop_watch_change(server->loop, &server->admission.listeners[i].watch, events);
}

static void pause_is_over(struct loop_timer *timer)
{
    listen_for(CONTAINER_OF(timer, struct http_server, admission.pause), EPOLLIN);
}

/* There is no descriptor: the spare one's place serves to say so. False: somebody was quicker to take it; asking again
 * at once would be asking all the time. */
static bool refuse_with_spare(struct http_server *server, int listen_fd)
{
    struct http_admission *door = &server->admission;

    if (door->spare_fd >= 0)
        close(door->spare_fd);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        say_no(fd);
        while (recv(fd, (char[4096]){0}, 4096, MSG_DONTWAIT) > 0)
            continue;
        close(fd);
    }
    door->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    tell(server, "there are no file descriptors left");
    return fd >= 0;
}

static void run_short(struct http_server *server, int listen_fd)
{
    if (refuse_with_spare(server, listen_fd))
        return;
    listen_for(server, 0);
    loop_timer_set(server->loop, &server->admission.pause, clock_monotonic() + PAUSE_MS * US_PER_MS);
}

/* False: nobody waits, or nobody can be let in at the moment. */
static bool admit_one(struct http_server *server, int listen_fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int fd = accept4(listen_fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        run_short(server, listen_fd);
        return false;
    }
    if (fd < 0)
        return true; /* that one has gone already */
    if (make_room(server))
        (void)MHD_add_connection(server->daemon, fd, (struct sockaddr *)&address, size); /* closes it when it fails */
    else
        refuse(server, fd);
    server->must_run = true;
    return true;
}

static void somebody_comes(struct loop_watch *watch, uint32_t events)
{
    struct http_server *server = CONTAINER_OF(watch, struct http_listener, watch)->server;

    UNUSED(events);
    for (int i = 0; i < AT_ONCE && admit_one(server, watch->fd); i++)
        continue;
}

/* Life ------------------------------------------------------------------------------------------------------------ */

int http_admission_open(struct http_server *server)
{
    struct http_admission *door = &server->admission;
    size_t n = 0;
    int rc = 0;

    metric_register(&refused_total);
    door->linger.fire = linger_is_over;
    door->pause.fire = pause_is_over;
    door->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (; n < door->n_listeners && rc == 0; n++) {
        door->listeners[n].server = server;
        door->listeners[n].watch.ready = somebody_comes;
        rc = loop_watch_add(server->loop, &door->listeners[n].watch, EPOLLIN);
    }
    if (rc == 0)
        return rc;
    for (size_t i = 0; i + 1 < n; i++)
        loop_watch_remove(server->loop, &door->listeners[i].watch);
    if (door->spare_fd >= 0)
        close(door->spare_fd);
    return rc;
}

void http_admission_end(struct http_server *server, bool let_in)
{
    struct http_admission *door = &server->admission;

    loop_timer_cancel(server->loop, &door->pause);
    for (size_t i = 0; i < door->n_listeners; i++) {
        loop_watch_remove(server->loop, &door->listeners[i].watch);
        /* Clients whose connection the kernel has made for us already may have sent their request. */
        while (let_in && admit_one(server, door->listeners[i].watch.fd))
            continue;
    }
    loop_timer_cancel(server->loop, &door->pause);
    http_listeners_close(door);
}

void http_admission_close(struct http_server *server)
{
    http_admission_end(server, false);
    end_lingerers(server, TIME_NEVER);
    loop_timer_cancel(server->loop, &server->admission.linger);
    if (server->admission.spare_fd >= 0)
        close(server->admission.spare_fd);
}
