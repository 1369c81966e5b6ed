/** service_bench.h: a real service, with its signals, for a test of what stands around its core: on a free port and in
 * a directory of its own, with the usual settings, and following nobody.
 *
 *  The test's own thread runs it while somebody else acts in a thread of theirs, until that one ends it by a signal.
 * What goes wrong ends the test by an assertion.
 */
#ifndef COFFEESHOP_SERVICE_BENCH_H
#define COFFEESHOP_SERVICE_BENCH_H

#include "scratch.h"
#include "service.h"

struct service_bench {
    struct service_http http; /* first: the routes' context */
    struct program program;
    struct scratch scratch;
    struct arena arena;
    struct common_settings common;
    struct service *service;
    struct buf problem;
};

/** Makes the service, which takes the signals from all threads that are made after it; it is not started yet. */
void service_bench_open(struct service_bench *bench, const char *name);
/** Starts it with the core, routes, collection and reader that `parts` names. false and a sentence in `problem`. */
bool service_bench_start(struct service_bench *bench, struct core *core, struct service_parts parts);
/** Runs it until its end, with `act` in another thread; that has returned, too. */
void service_bench_run(struct service_bench *bench, void *(*act)(void *argument), void *argument);
void service_bench_close(struct service_bench *bench);

#endif
