/** sim_call.h: a synchronous call from one service to another over a network that loses, delays and repeats, behind a
 * time-out and a circuit breaker.
 */
#ifndef COFFEESHOP_SIM_CALL_H
#define COFFEESHOP_SIM_CALL_H

#include "sim_world.h"

struct sim_call;

struct sim_call_type {
    const char *name;
    /** The request is there: posts a command of the callee's. Called again when the network repeats it. */
    void (*arrive)(struct sim_call *call);
    /** The outcome, once: 0, or an errors.h code when nothing is known. The caller is alive. */
    void (*settle)(struct sim_call *call, int error);
    /** Instead of that: the caller has died. */
    void (*drop)(struct sim_call *call);
};

struct sim_call {
    const struct sim_call_type *type;
    struct sim_service *from, *to; /* to: NULL: somebody outside, who is always there */
    int64_t timeout_us;            /* 0: as it is set for calls between services */
    bool settled;
    struct sim_call *next; /* of the caller's calls */
    struct sim_timer start, request, repeat, answer, timeout;
    bool answered;   /* the callee has answered, or its connection broke */
    int error;       /* what the answer says */
    bool done_there; /* the callee has committed it; only where nothing is repeated */
};

/** Starts the call; `call` lives as long as the history. */
void sim_call_start(struct sim_call *call);
/** The callee's answer, after its commit: 0, or the error that its status means. Only the first counts. */
void sim_call_answer(struct sim_call *call, int error);
/** The breaker before calls of this kind. */
struct breaker *sim_call_breaker(struct sim_service *from, const struct sim_service *to);
/** The caller has died. */
void sim_calls_drop(struct sim_service *from);

#endif
