/** guarded_caller.h: synchronous calls to another service: an HTTP call wrapped by a time-out, a circuit breaker and a
 * bulkhead (a limit of calls under way: Nygard, Release It!; Hystrix's semaphore isolation).
 *
 *  One per called service. guarded_call() may be used from any thread (the call is made on the loop); `done` comes on
 * the loop thread. With the breaker open, or with so many calls under way already, it comes with E_UNAVAILABLE, at once
 * and without a call. Answers of 5xx count as failures for the breaker and come as E_TIMEOUT (unknown), or as
 * E_UNAVAILABLE when it is a 503 by which the other side itself says that it did nothing (peer_problem.h).
 *
 *  What the breaker counts is what the other side did: answers, time-outs, connections that it refused. A call for
 * which there was no memory or no connection here, and one that the bulkhead rejects, says nothing of it (Hystrix
 * counts the latter as failures; ours would then open because of a crowd of our own making).
 */
#ifndef COFFEESHOP_GUARDED_CALLER_H
#define COFFEESHOP_GUARDED_CALLER_H

#include "breaker.h"
#include "http_client.h"
#include "loop.h"
#include "program.h"

struct guarded_caller;

struct guarded_call {
    struct http_call http; /* method, url, body, ids: the caller's; timeout and done are the guard's */
    int64_t timeout_ms;    /* 0: as the guard has it; for what is asked again within one time-out: what is left of it */
    void (*done)(struct guarded_call *self, int error); /* 0: http.status < 500 and http.reply are valid */
    struct guarded_caller *caller;
    struct loop_job job;
};

struct guarded_settings {
    struct breaker_settings breaker;
    int64_t timeout_ms;
    int64_t max_concurrent; /* calls under way, those that wait for a connection among them */
};

/** The settings call.* and breaker.*; `force` is the called service's own (enum breaker_force): the setting
 * <service>.<called>_breaker, whose row BREAKER_SETTING() is. */
struct guarded_settings guarded_settings_of(const struct common_settings *common, int64_t force);

#define BREAKER_SETTING(structure, member, name_, called)                                                              \
    {                                                                                                                  \
        .name = (name_), .type = SETTING_CHOICE, .fallback = "auto", .choices = "auto|open|closed",                    \
        .offset = offsetof(structure, member),                                                                         \
        .doc = "The circuit breaker before " called ": auto; open: it is never asked; closed: always.",                \
    }

/** `name` is the called service's, for metrics and logs ("product"); static. It lives as long as the process, because
 * its metrics do. NULL when memory is exhausted. */
struct guarded_caller *guarded_caller_new(const char *name, struct loop *loop, struct http_client *client,
                                          const struct guarded_settings *settings);
/** The time-out of each of its calls. Any thread. */
int64_t guarded_caller_timeout_ms(const struct guarded_caller *caller);
/** Starts the call; `call` lives until done. Any thread. */
void guarded_call(struct guarded_caller *caller, struct guarded_call *call);
/** The same from the loop's own thread, at once: `done` may come before it returns. */
void guarded_call_here(struct guarded_caller *caller, struct guarded_call *call);
/** Whether a call would be refused at the moment because the breaker is open: then it need not be tried, and counts as
 * refused. For doors that turn away at once who would only come to this. Any thread. */
bool guarded_caller_refuses(struct guarded_caller *caller);
/** Seconds until the breaker may let a call through, at least 1: for Retry-After. Any thread. */
int64_t guarded_caller_retry_after_s(const struct guarded_caller *caller);

#endif
