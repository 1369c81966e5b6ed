/* service_shutdown.c: from a signal to the end, in phases: unready but serving, then what is in flight is finished. */
#include "service_bus.h"

#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    DRAIN_LOOK_MS = 2, /* how often it is looked whether the last request is answered */
    SILENCE_MS = 250,  /* who got a connection and said nothing for so long isn't about to */
};

/* ---- the phases ---- */

/* Nobody is left whose request would be lost. */
static bool is_served(const struct service *service, int64_t now)
{
    if (now >= service->stop_by)
        return true;
    return http_server_begun(service->server) == 0 &&
           (http_server_silent(service->server) == 0 || now >= service->hush_by);
}

static void on_drain_timer(struct loop_timer *timer)
{
    struct service *service = CONTAINER_OF(timer, struct service, timer);
    int64_t now = clock_monotonic();

    if (service->phase == PHASE_UNREADY) {
        service->phase = PHASE_DRAINING;
        service->stop_by = now + service->common->stop_ms * US_PER_MS;
        service->hush_by = now + SILENCE_MS * US_PER_MS;
        http_server_drain(service->server);
        service->bus->stop(service);
        loop_timer_set(service->loop, timer, now + DRAIN_LOOK_MS * US_PER_MS); /* who was let in last is read first */
        return;
    }
    if (is_served(service, now))
        loop_stop(service->loop);
    else
        loop_timer_set(service->loop, timer, now + DRAIN_LOOK_MS * US_PER_MS);
}

void service_end(struct service *service, int64_t drain_ms)
{
    if (service->phase != PHASE_SERVING)
        return;
    service->phase = PHASE_UNREADY;
    http_server_retire(service->server);
    service->timer.fire = on_drain_timer;
    loop_timer_set(service->loop, &service->timer, clock_monotonic() + drain_ms * US_PER_MS);
    log_info("stopping", LOG_I("in_flight", http_server_in_flight(service->server)));
}

void service_stop(struct service *service)
{
    service_end(service, service->common->drain_ms);
}

bool service_was_told_to_end(const struct service *service)
{
    return service->told_to_end;
}

/* ---- the signals that begin them ---- */

static void on_signal(struct loop_watch *watch, uint32_t events)
{
    struct service *service = CONTAINER_OF(watch, struct service, signals);
    struct signalfd_siginfo info;

    UNUSED(events);
    while (read(service->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        service->told_to_end = true;
        service_end(service, service->common->drain_ms);
    }
}

/* Through the loop, so that a shutdown is a sequence of ordinary steps. */
bool service_take_signals(struct service *service)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    service->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    service->signals = (struct loop_watch){.fd = service->signal_fd, .ready = on_signal};
    if (service->signal_fd >= 0 && loop_watch_add(service->loop, &service->signals, EPOLLIN) == OK)
        return true;
    if (service->signal_fd >= 0)
        close(service->signal_fd);
    service->signal_fd = -1;
    return false;
}
