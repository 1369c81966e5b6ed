/* http_admission.c: who is let in. We accept ourselves: libmicrohttpd listens at one address only, lets whoever is too
 * many wait without a word, and without a descriptor left it stops accepting silently.
 *
 * One connection too many gets a 503 (http_exit.c). The descriptors for that, and one that is given up when there are
 * none at all (the trick of libev's manual), are counted in before connections are (HTTP_OWN_FILES). */
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
    AT_ONCE = 64,   /* accepted in one turn of the loop */
    PAUSE_MS = 100, /* not even the spare descriptor helped */
};

static struct metric refused_total = METRIC_COUNTER_INIT("coffeeshop_http_connections_refused_total",
                                                         "Connections answered with 503 because there were too many.");

static const char too_many[] = "there are too many connections; try again a little later";

static void tell(struct http_server *server, const char *why)
{
    int64_t n;

    metric_add(&refused_total, 1);
    if (log_seldom(&server->admission.refusals, &n))
        log_warning("connections are refused", LOG_T("why", why), LOG_I("open", server->n_connections),
                    LOG_I("refused", n), LOG_T("more", "coffeeshop_http_connections_refused_total"));
}

/* Letting in ------------------------------------------------------------------------------------------------------ */

/* Some may have hung up a moment ago. */
static bool make_room(struct http_server *server)
{
    if (server->n_connections < (size_t)server->settings.max_connections)
        return true;
    http_hangups_look(server);
    http_run(server);
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
        http_say_no(fd, 503, too_many);
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

static void let_in(struct http_server *server, const struct http_peer *who)
{
    if (!make_room(server)) {
        http_turn_away(server, who->fd, 503, too_many);
        tell(server, "http.max_connections");
    } else if (!http_newcomer_welcome(server, who)) {
        close(who->fd); /* there is no memory */
    }
}

/* False: nobody waits, or nobody can be let in at the moment. */
static bool admit_one(struct http_server *server, int listen_fd)
{
    struct http_peer who = {.address_size = sizeof who.address};

    who.fd = accept4(listen_fd, &who.address.any, &who.address_size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (who.fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return false;
    if (who.fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        run_short(server, listen_fd);
        return false;
    }
    if (who.fd >= 0) /* otherwise that one has gone already */
        let_in(server, &who);
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
    if (server->admission.spare_fd >= 0)
        close(server->admission.spare_fd);
}
