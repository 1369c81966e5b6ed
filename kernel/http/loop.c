#include "loop.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAX_EVENTS = 64 };

struct loop {
    int epoll_fd;
    int wake_fd;
    _Atomic(struct loop_job *) jobs; /* newest first */
    atomic_bool stopping;
    _Atomic int64_t turned_at;
    _Atomic pthread_t owner;

    struct loop_timer *timers; /* by due_us; of equal ones the older first */
    struct loop_timer *firing; /* due in this turn, not fired yet */
    struct loop_hook *hooks;
    struct loop_hook *next_hook; /* the one to be called next in this turn */
    size_t n_watches;

    struct epoll_event events[MAX_EVENTS];
    int n_events, at_event; /* of the turn being worked on */
};

static int open_descriptors(struct loop *loop)
{
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->wake_fd < 0)
        return E_UNAVAILABLE;
    /* Edge-triggered: every write is an event of its own, and nobody has to read the counter. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) ? E_UNAVAILABLE : OK;
}

static void close_descriptors(struct loop *loop)
{
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
}

struct loop *loop_new(void)
{
    struct loop *loop = heap_alloc(sizeof *loop);
    if (!loop)
        return NULL;
    if (open_descriptors(loop)) {
        close_descriptors(loop);
        heap_free(loop);
        return NULL;
    }
    atomic_store(&loop->owner, pthread_self());
    atomic_store(&loop->turned_at, clock_monotonic());
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    ASSERT(loop->n_watches == 0 && !loop->timers && !loop->hooks);
    close_descriptors(loop);
    heap_free(loop);
}

/* Waking up ------------------------------------------------------------------------------------------------------- */

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    int kept = errno; /* a signal handler may be the caller */
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    errno = kept;
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    wake(loop);
}

void loop_post(struct loop *loop, struct loop_job *job)
{
    if (atomic_exchange(&job->posted, true))
        return;
    struct loop_job *head = atomic_load_explicit(&loop->jobs, memory_order_relaxed);
    do
        job->next = head;
    while (!atomic_compare_exchange_weak(&loop->jobs, &head, job));
    if (!head)
        wake(loop);
}

static void run_jobs(struct loop *loop)
{
    struct loop_job *newest = atomic_exchange(&loop->jobs, NULL);
    struct loop_job *oldest = NULL;
    while (newest) {
        struct loop_job *job = newest;
        newest = job->next;
        job->next = oldest;
        oldest = job;
    }
    while (oldest) {
        struct loop_job *job = oldest;
        oldest = job->next;
        /* Before run(): what is posted from now on must be seen by another run. */
        atomic_store(&job->posted, false);
        job->run(job);
    }
}

/* Descriptors ----------------------------------------------------------------------------------------------------- */

static int control(struct loop *loop, int operation, struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) ? E_UNAVAILABLE : OK;
}

int loop_watch_add(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    int rc = control(loop, EPOLL_CTL_ADD, watch, events);
    if (rc == OK)
        loop->n_watches++;
    return rc;
}

int loop_watch_change(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    return control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_watch_remove(struct loop *loop, struct loop_watch *watch)
{
    /* It may already be closed: then the kernel has forgotten it, which is what we want. */
    (void)control(loop, EPOLL_CTL_DEL, watch, 0);
    ASSERT(loop->n_watches > 0);
    loop->n_watches--;
    for (int i = loop->at_event + 1; i < loop->n_events; i++)
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
}

static void run_events(struct loop *loop)
{
    for (loop->at_event = 0; loop->at_event < loop->n_events; loop->at_event++) {
        const struct epoll_event *event = &loop->events[loop->at_event];
        struct loop_watch *watch = event->data.ptr;
        if (watch)
            watch->ready(watch, event->events);
    }
    loop->n_events = 0;
}

/* Timers ---------------------------------------------------------------------------------------------------------- */

/* A service has a handful of timers (connections are not among them), so a sorted list is the fastest thing there is.
 */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t due_us)
{
    loop_timer_cancel(loop, timer);
    timer->due_us = due_us > 0 ? due_us : 1;
    struct loop_timer **link = &loop->timers;
    while (*link && (*link)->due_us <= timer->due_us)
        link = &(*link)->next;
    timer->next = *link;
    *link = timer;
}

static bool unlink_timer(struct loop_timer **link, struct loop_timer *timer)
{
    while (*link && *link != timer)
        link = &(*link)->next;
    if (!*link)
        return false;
    *link = timer->next;
    return true;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
    if (timer->due_us == 0)
        return;
    bool found = unlink_timer(&loop->timers, timer) || unlink_timer(&loop->firing, timer);
    ASSERT(found);
    timer->due_us = 0;
    timer->next = NULL;
}

static void run_timers(struct loop *loop, int64_t now_us)
{
    struct loop_timer **end = &loop->timers;
    while (*end && (*end)->due_us <= now_us)
        end = &(*end)->next;
    if (end == &loop->timers)
        return;
    /* Taken out first, so that one that sets itself again waits for the next turn. */
    loop->firing = loop->timers;
    loop->timers = *end;
    *end = NULL;
    while (loop->firing) {
        struct loop_timer *timer = loop->firing;
        loop->firing = timer->next;
        timer->next = NULL;
        timer->due_us = 0;
        timer->fire(timer);
    }
}

/* Hooks ----------------------------------------------------------------------------------------------------------- */

void loop_hook_add(struct loop *loop, struct loop_hook *hook)
{
    hook->next = loop->hooks;
    loop->hooks = hook;
}

void loop_hook_remove(struct loop *loop, struct loop_hook *hook)
{
    struct loop_hook **link = &loop->hooks;
    while (*link && *link != hook)
        link = &(*link)->next;
    ASSERT(*link == hook);
    *link = hook->next;
    if (loop->next_hook == hook)
        loop->next_hook = hook->next;
    hook->next = NULL;
}

static int64_t run_hooks(struct loop *loop, int64_t now_us)
{
    int64_t soonest = TIME_NEVER;
    struct loop_hook *hook = loop->hooks;
    while (hook) {
        loop->next_hook = hook->next;
        int64_t wish = hook->turn(hook, now_us);
        if (wish < soonest)
            soonest = wish;
        hook = loop->next_hook;
    }
    loop->next_hook = NULL;
    return soonest;
}

/* The turn -------------------------------------------------------------------------------------------------------- */

static int milliseconds_until(int64_t due_us)
{
    if (due_us == TIME_NEVER)
        return -1;
    int64_t now = clock_monotonic();
    if (due_us <= now)
        return 0;
    int64_t ms = (due_us - now - 1) / US_PER_MS + 1; /* rounded up: never too early, which would spin */
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static void turn(struct loop *loop)
{
    int64_t due = run_hooks(loop, clock_monotonic());
    if (loop->timers && loop->timers->due_us < due)
        due = loop->timers->due_us;
    int n = epoll_wait(loop->epoll_fd, loop->events, MAX_EVENTS, milliseconds_until(due));
    ASSERT(n >= 0 || errno == EINTR);
    loop->n_events = n > 0 ? n : 0;

    int64_t now = clock_monotonic();
    atomic_store_explicit(&loop->turned_at, now, memory_order_relaxed);
    run_events(loop);
    run_jobs(loop);
    run_timers(loop, now);
}

void loop_run(struct loop *loop)
{
    atomic_store(&loop->owner, pthread_self());
    while (!atomic_load(&loop->stopping))
        turn(loop);
    run_jobs(loop); /* what was posted before the stop is not lost */
    atomic_store(&loop->stopping, false);
}

int64_t loop_turned_at(const struct loop *loop)
{
    return atomic_load_explicit(&loop->turned_at, memory_order_relaxed);
}

bool loop_is_current(const struct loop *loop)
{
    return pthread_equal(atomic_load_explicit(&loop->owner, memory_order_relaxed), pthread_self()) != 0;
}
