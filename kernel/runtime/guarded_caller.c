#include "guarded_caller.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "metrics.h"
#include "peer_problem.h"

#include <stdatomic.h>

/* Nobody knows when whoever forced a breaker open lets it go. */
enum { FORCED_OPEN_RETRY_S = 30 };

struct guarded_caller {
    const char *name;
    struct loop *loop;
    struct http_client *client;
    struct breaker breaker; /* the loop's */
    int64_t timeout_ms;
    int64_t max_concurrent;
    int64_t under_way;          /* the loop's */
    enum breaker_state logged;  /* open or closed: that it looks whether the other side is well again isn't news */
    _Atomic int64_t shut_until; /* no call is let through before (monotonic us); a copy of what the breaker says, for
                                     other threads */
    char labels[64];
    struct metric calls, failures, refused, rejected, state;
};

static void metric_of(struct guarded_caller *caller, struct metric *metric, const char *name, const char *help,
                      enum metric_kind kind)
{
    metric->name = name;
    metric->help = help;
    metric->kind = kind;
    metric->labels = caller->labels;
    metric_register(metric);
}

struct guarded_settings guarded_settings_of(const struct common_settings *common, int64_t force)
{
    return (struct guarded_settings){
        .breaker = {.window_ms = common->breaker_window_ms,
                    .volume = common->breaker_volume,
                    .error_percent = common->breaker_error_percent,
                    .sleep_window_ms = common->breaker_sleep_window_ms,
                    .force = (enum breaker_force)force},
        .timeout_ms = common->call_timeout_ms,
        .max_concurrent = common->call_max_concurrent,
    };
}

struct guarded_caller *guarded_caller_new(const char *name, struct loop *loop, struct http_client *client,
                                          const struct guarded_settings *settings)
{
    struct guarded_caller *caller = heap_alloc(sizeof(*caller));
    struct buf labels = {0};

    if (!caller)
        return NULL;
    caller->name = name;
    caller->loop = loop;
    caller->client = client;
    caller->timeout_ms = settings->timeout_ms;
    caller->max_concurrent = settings->max_concurrent;
    breaker_init(&caller->breaker, &settings->breaker);
    caller->logged = caller->breaker.state;
    buf_printf(&labels, "service=\"%s\"", name);
    ASSERT(!labels.failed && labels.n < sizeof(caller->labels));
    memcpy(caller->labels, labels.p, labels.n);
    buf_free(&labels);
    metric_of(caller, &caller->calls, "coffeeshop_calls_total", "Synchronous calls made to another service.",
              METRIC_COUNTER);
    metric_of(caller, &caller->failures, "coffeeshop_call_failures_total", "Calls that failed or timed out.",
              METRIC_COUNTER);
    metric_of(caller, &caller->refused, "coffeeshop_calls_refused_total",
              "Calls not made because the breaker was open.", METRIC_COUNTER);
    metric_of(caller, &caller->rejected, "coffeeshop_calls_rejected_total",
              "Calls not made because too many were under way.", METRIC_COUNTER);
    metric_of(caller, &caller->state, "coffeeshop_breaker_state", "0 closed, 1 open, 2 half-open.", METRIC_GAUGE);
    metric_set(&caller->state, caller->breaker.state);
    return caller;
}

static void show_state(struct guarded_caller *caller)
{
    enum breaker_state state = caller->breaker.state;

    atomic_store_explicit(&caller->shut_until, breaker_opens_again_at(&caller->breaker), memory_order_relaxed);
    metric_set(&caller->state, state);
    if (state == BREAKER_HALF_OPEN || state == caller->logged)
        return;
    if (state == BREAKER_OPEN)
        log_warning("breaker opened", LOG_T("service", caller->name));
    else
        log_info("breaker closed", LOG_T("service", caller->name));
    caller->logged = state;
}

/* Whose fault a failure is. What ends because we stop, or never left us, says nothing about the other side. */
static bool is_our_own(int error)
{
    return error == E_CLOSING || error == E_MEMORY || error == E_BUSY;
}

static int outcome_of(const struct http_call *http, int error)
{
    struct peer_problem problem;

    if (error == E_BUSY)
        return E_UNAVAILABLE;
    if (error)
        return error;
    if (http->status < 500)
        return OK;
    bool nothing_done = http->status == 503 && peer_problem_read(http, &problem) && !problem.outcome_unknown;
    return nothing_done ? E_UNAVAILABLE : E_TIMEOUT;
}

static void on_done(struct http_call *http, int error)
{
    struct guarded_call *call = CONTAINER_OF(http, struct guarded_call, http);
    struct guarded_caller *caller = call->caller;
    int outcome = outcome_of(http, error);

    caller->under_way--;
    if (outcome && error != E_CLOSING)
        metric_add(&caller->failures, 1);
    if (!is_our_own(error)) {
        breaker_record(&caller->breaker, clock_monotonic(), outcome == OK);
        show_state(caller);
    }
    call->done(call, outcome);
}

static void start(struct loop_job *job)
{
    struct guarded_call *call = CONTAINER_OF(job, struct guarded_call, job);
    struct guarded_caller *caller = call->caller;

    /* Before the breaker is asked: a probe that it lets through has to be made. */
    if (caller->under_way >= caller->max_concurrent) {
        metric_add(&caller->rejected, 1);
        call->done(call, E_UNAVAILABLE);
        return;
    }
    bool allowed = breaker_allows(&caller->breaker, clock_monotonic());
    show_state(caller);
    if (!allowed) {
        metric_add(&caller->refused, 1);
        call->done(call, E_UNAVAILABLE);
        return;
    }
    metric_add(&caller->calls, 1);
    caller->under_way++;
    call->http.timeout_ms = call->timeout_ms ? call->timeout_ms : caller->timeout_ms;
    call->http.done = on_done;
    http_client_call(caller->client, &call->http);
}

void guarded_call(struct guarded_caller *caller, struct guarded_call *call)
{
    call->caller = caller;
    call->job = (struct loop_job){.run = start};
    loop_post(caller->loop, &call->job);
}

void guarded_call_here(struct guarded_caller *caller, struct guarded_call *call)
{
    call->caller = caller;
    start(&call->job);
}

int64_t guarded_caller_timeout_ms(const struct guarded_caller *caller)
{
    return caller->timeout_ms;
}

bool guarded_caller_refuses(struct guarded_caller *caller)
{
    bool open = caller->breaker.settings.force == BREAKER_FORCED_OPEN ||
                atomic_load_explicit(&caller->shut_until, memory_order_relaxed) > clock_monotonic();

    if (open)
        metric_add(&caller->refused, 1);
    return open;
}

int64_t guarded_caller_retry_after_s(const struct guarded_caller *caller)
{
    if (caller->breaker.settings.force == BREAKER_FORCED_OPEN)
        return FORCED_OPEN_RETRY_S;
    int64_t wait = atomic_load_explicit(&caller->shut_until, memory_order_relaxed) - clock_monotonic();

    return wait <= US_PER_S ? 1 : (wait + US_PER_S - 1) / US_PER_S;
}
