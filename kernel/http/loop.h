/** loop.h: one thread's event loop: epoll, timers, and jobs posted from other threads.
 *
 *  HTTP server, HTTP client and feeds of a service live on one loop. Everything here is for the loop's own thread,
 * except loop_post() and loop_stop().
 */
#ifndef COFFEESHOP_LOOP_H
#define COFFEESHOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/** A job from another thread. Embed it; it belongs to the loop from loop_post() until `run` is called. Posting a job
 * that is already posted is harmless and does nothing (so a "wake" job can be embedded once and posted often). */
struct loop_job {
    void (*run)(struct loop_job *self);
    struct loop_job *next;
    _Atomic bool posted;
};

/** Something with a file descriptor. `events` are EPOLLIN… */
struct loop_watch {
    int fd;
    void (*ready)(struct loop_watch *self, uint32_t events);
};

struct loop_timer {
    void (*fire)(struct loop_timer *self);
    int64_t due_us;          /* monotonic; 0: not set */
    struct loop_timer *next; /* the loop's */
};

/** Called every turn after the events, before sleeping. For libraries that want to be run. Returns the monotonic time
 * by which it wants to be called again (TIME_NEVER: no wish). */
struct loop_hook {
    int64_t (*turn)(struct loop_hook *self, int64_t now_us);
    struct loop_hook *next; /* the loop's */
};

/** NULL when the system has no more descriptors or memory. */
struct loop *loop_new(void);
/** Nothing may be registered any more. */
void loop_free(struct loop *loop);
/** Runs until loop_stop(). */
void loop_run(struct loop *loop);
/** Any thread, also from a signal handler. */
void loop_stop(struct loop *loop);
/** Any thread. Jobs run in the order of posting; an eventfd is written only when the list was empty. */
void loop_post(struct loop *loop, struct loop_job *job);

int loop_watch_add(struct loop *loop, struct loop_watch *watch, uint32_t events);
int loop_watch_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
void loop_watch_remove(struct loop *loop, struct loop_watch *watch);
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t due_us);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);
void loop_hook_add(struct loop *loop, struct loop_hook *hook);
void loop_hook_remove(struct loop *loop, struct loop_hook *hook);
/** When the current turn began, monotonic; the last turn's age tells /livez whether the loop turns (any thread may read
 * it). */
int64_t loop_turned_at(const struct loop *loop);
bool loop_is_current(const struct loop *loop);

#endif
