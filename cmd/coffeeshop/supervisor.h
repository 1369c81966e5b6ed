/** supervisor.h: keeps a set of child processes alive: starts them, starts again what dies (exponential back-off),
 * stops them all.
 *
 *  A child is this same program with another command. One that ends with a failure in its first, short life can't start
 * (its port is taken, a program is missing, the data is foreign): starting it again would not help, so everything is
 * stopped. A death by a signal is no such failure, nor is an exit status above 128, which says that what the child
 * stood for (the gateway's nginx) died by one. One thread: the caller's. The children get SIGTERM when the supervisor
 * dies, however it dies.
 */
#ifndef COFFEESHOP_SUPERVISOR_H
#define COFFEESHOP_SUPERVISOR_H

#include "buf.h"
#include "probe.h"

#include <stdint.h>
#include <sys/types.h>

struct supervisor_settings {
    int64_t backoff_ms;     /* before the first restart; doubles with each */
    int64_t backoff_max_ms; /* up to this */
    int64_t steady_ms;      /* who lived so long starts again without having doubled */
    int64_t stop_ms;        /* from SIGTERM to SIGKILL */
};

struct child {
    const char *name; /* the command that it runs; must outlive the supervisor */
    struct probe probe;

    /* the supervisor's */
    pid_t pid; /* 0: not running */
    bool ready;
    uint64_t starts;
    int64_t started_us;
    int64_t start_at_us; /* when not running: when to start it */
    int64_t backoff_ms;
};

struct supervisor {
    const struct supervisor_settings *settings;
    struct child *children;
    size_t n_children;
    char *const *environment; /* of the children */
    /** Called once, when every child has said that it is ready. */
    void (*all_ready)(struct supervisor *self);

    /* the supervisor's */
    int signals; /* a signalfd */
    bool announced;
    bool stopping;
    bool killed;
    int64_t kill_at_us;
    const char *cannot_start; /* the child that couldn't */
};

/** Runs until SIGTERM or SIGINT, or until a child can't start; then stops all children. Returns the exit status, 0, or
 * 1 with a sentence in `problem`. */
int supervisor_run(struct supervisor *supervisor, struct buf *problem);

#endif
