/** guarded_caller.h: synchronous calls to another service: an HTTP call wrapped by a time-out and a circuit breaker.
 *
 *  One per called service. guarded_call() may be used from any thread (the call is made on the loop); `done` comes on
 * the loop thread. With the breaker open it comes with E_UNAVAILABLE, at once and without a call. Answers of 5xx count
 * as failures for the breaker and come as E_TIMEOUT (unknown), or as E_UNAVAILABLE when it is a 503 by which the other
 * side itself says that it did nothing (peer_problem.h).
 */
#ifndef COFFEESHOP_GUARDED_CALLER_H
#define COFFEESHOP_GUARDED_CALLER_H

#include "breaker.h"
#include "http_client.h"
#include "loop.h"

struct guarded_caller;

struct guarded_call {
    struct http_call http; /* method, url, body, ids: the caller's; timeout and done are the guard's */
    void (*done)(struct guarded_call *self, int error); /* 0: http.status < 500 and http.reply are valid */
    struct guarded_caller *caller;
    struct loop_job job;
};

/** `name` is the called service's, for metrics and logs ("product"); static. It lives as long as the process, because
 * its metrics do. NULL when memory is exhausted. */
struct guarded_caller *guarded_caller_new(const char *name, struct loop *loop, struct http_client *client,
                                          const struct breaker_settings *settings, int64_t timeout_ms);
/** Starts the call; `call` lives until done. Any thread. */
void guarded_call(struct guarded_caller *caller, struct guarded_call *call);
/** Seconds until the breaker may let a call through, at least 1: for Retry-After. Any thread. */
int64_t guarded_caller_retry_after_s(const struct guarded_caller *caller);

#endif
