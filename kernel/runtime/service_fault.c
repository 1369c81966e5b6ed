/* service_fault.c: a service that is slow because it was told to be, to see how the others take it. What it says of
 * itself (health, metrics, its feed) is as prompt as ever. */
#include "service_internal.h"

#include "base.h"
#include "clock.h"
#include "log.h"

struct delayed_request {
    struct http_request *request;
    int64_t due_us;
    struct delayed_request *next;
};

static http_handler *handler_of(const struct service *service, const struct http_request *request)
{
    return service->parts.routes[request->route - service->routes].handle;
}

static void set_timer(struct service *service)
{
    if (service->fault.first)
        loop_timer_set(service->loop, &service->fault.timer, service->fault.first->due_us);
}

static void time_is_up(struct loop_timer *timer)
{
    struct service *service = CONTAINER_OF(timer, struct service, fault.timer);
    struct service_fault *fault = &service->fault;
    int64_t now = clock_monotonic();

    while (fault->first && fault->first->due_us <= now) {
        struct http_request *request = fault->first->request;
        fault->first = fault->first->next; /* it is in the request's arena, which an answer ends */
        if (!fault->first)
            fault->end = &fault->first;
        handler_of(service, request)(service->parts.http, request);
    }
    set_timer(service);
}

static void keep_waiting(void *context, struct http_request *request)
{
    struct service *service = ((struct service_http *)context)->service;
    struct service_fault *fault = &service->fault;
    struct delayed_request *delayed = ARENA_NEW(&request->arena, struct delayed_request);

    if (!delayed) {
        handler_of(service, request)(context, request);
        return;
    }
    *delayed = (struct delayed_request){.request = request, .due_us = clock_monotonic() + fault->delay_us};
    bool is_first = !fault->first;
    *fault->end = delayed;
    fault->end = &delayed->next;
    if (is_first)
        set_timer(service);
}

bool service_fault_prepare(struct service *service, struct buf *problem)
{
    int64_t delay_ms = service->parts.fault_delay_ms;

    service->fault.end = &service->fault.first;
    if (delay_ms <= 0)
        return true;
    if (!service->common->fault_enabled) {
        buf_printf(problem, "%s.fault.delay_ms is for trying things out; it takes fault.enabled=true besides",
                   service->program->name);
        return false;
    }
    service->fault.delay_us = delay_ms * US_PER_MS;
    service->fault.timer.fire = time_is_up;
    for (size_t i = 0; service->parts.routes[i].path; i++)
        service->routes[i].handle = keep_waiting;
    log_warning("told to be slow: every request waits", LOG_I("ms", delay_ms));
    return true;
}

void service_fault_free(struct service *service)
{
    loop_timer_cancel(service->loop, &service->fault.timer);
}
