#include "sim_call.h"

#include "errors.h"
#include "sim_service.h"

static enum sim_who whom(const struct sim_call *call)
{
    return call->to ? call->to->who : SIM_WORLD;
}

struct breaker *sim_call_breaker(struct sim_service *from, const struct sim_service *to)
{
    return &from->breakers[to ? to->who : SIM_WORLD];
}

static void settle(struct sim_call *call, int error, bool by_breaker)
{
    if (call->settled)
        return;
    call->settled = true;
    if (by_breaker)
        sim_meet(call->from->sim, MET_BREAKER_REFUSED);
    else if (error == E_TIMEOUT)
        sim_meet(call->from->sim, MET_CALL_TIMED_OUT);
    sim_note(call->from->sim, call->from->who, call->type->name, error, by_breaker, 0);
    if (!by_breaker)
        breaker_record(sim_call_breaker(call->from, call->to), call->from->sim->now, error == OK);
    call->type->settle(call, error);
}

static void times_out(struct sim_timer *timer)
{
    settle(CONTAINER_OF(timer, struct sim_call, timeout), E_TIMEOUT, false);
}

static void is_refused(struct sim_timer *timer)
{
    settle(CONTAINER_OF(timer, struct sim_call, start), E_UNAVAILABLE, true);
}

static void answer_comes(struct sim_timer *timer)
{
    struct sim_call *call = CONTAINER_OF(timer, struct sim_call, answer);

    settle(call, call->error, false);
}

void sim_call_answer(struct sim_call *call, int error)
{
    struct sim *sim = call->from->sim;

    if (call->answered)
        return;
    call->answered = true;
    call->error = error;
    call->answer.fire = answer_comes;
    if (sim_fault(sim, sim->shape.answer_lost))
        return;
    if (sim_fault(sim, sim->shape.call_late))
        sim_set_timer_within(sim, &call->answer, 300 * US_PER_MS, 3 * US_PER_S);
    else
        sim_set_timer_within(sim, &call->answer, 100, 5 * US_PER_MS);
}

static void arrives(struct sim_call *call)
{
    bool is_up = !call->to || call->to->up;

    sim_note(call->from->sim, whom(call), "is called", call->settled, is_up, 0);
    if (is_up && call->settled)
        sim_meet(call->from->sim, MET_CALL_LANDED_LATE);
    if (!call->to || (is_up && !call->to->epochs.barred))
        call->type->arrive(call);
    else
        sim_call_answer(call, E_UNAVAILABLE);
}

static void request_comes(struct sim_timer *timer)
{
    arrives(CONTAINER_OF(timer, struct sim_call, request));
}

static void request_comes_again(struct sim_timer *timer)
{
    arrives(CONTAINER_OF(timer, struct sim_call, repeat));
}

static void send(struct sim_call *call)
{
    struct sim *sim = call->from->sim;

    call->timeout.fire = times_out;
    call->request.fire = request_comes;
    call->repeat.fire = request_comes_again;
    sim_set_timer(sim, &call->timeout,
                  sim->now + (call->timeout_us ? call->timeout_us : call->from->settings.call_timeout));
    if (sim_fault(sim, sim->shape.call_twice))
        sim_set_timer_within(sim, &call->repeat, 100, 20 * US_PER_S);
    if (sim_fault(sim, sim->shape.call_lost))
        return;
    if (sim_fault(sim, sim->shape.call_late))
        sim_set_timer_within(sim, &call->request, 400 * US_PER_MS, 9 * US_PER_S);
    else
        sim_set_timer_within(sim, &call->request, 100, 20 * US_PER_MS);
}

void sim_call_start(struct sim_call *call)
{
    struct sim *sim = call->from->sim;
    struct sim_call **open = &call->from->calls;

    while (*open && (*open)->settled)
        *open = (*open)->next;
    call->next = *open;
    *open = call;
    call->start.fire = is_refused;
    if (breaker_allows(sim_call_breaker(call->from, call->to), sim->now))
        send(call);
    else
        sim_set_timer_within(sim, &call->start, 10, 100);
}

void sim_calls_drop(struct sim_service *from)
{
    for (struct sim_call *call = from->calls; call; call = call->next) {
        if (call->settled)
            continue;
        call->settled = true;
        call->type->drop(call);
    }
    from->calls = NULL;
}
