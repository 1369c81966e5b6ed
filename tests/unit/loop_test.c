/* loop_test.c: order and exactly-once of jobs, timers, hooks and descriptors. Nothing here measures time. */
#include "base.h"
#include "clock.h"
#include "loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_SEEN = 64 };

/* What happened, in order; everything in a test runs on the loop. */
struct bench {
    struct loop *loop;
    int seen[MAX_SEEN];
    size_t n;
};

struct numbered_job {
    struct loop_job job;
    struct bench *bench;
    int number;
    bool stops;
};

struct numbered_timer {
    struct loop_timer timer;
    struct bench *bench;
    int number;
    int again; /* how often it sets itself anew */
    bool stops;
    struct loop_timer *cancels;
};

static void note(struct bench *bench, int number)
{
    assert_true(bench->n < MAX_SEEN);
    bench->seen[bench->n++] = number;
}

static void run_numbered(struct loop_job *self)
{
    struct numbered_job *job = CONTAINER_OF(self, struct numbered_job, job);
    note(job->bench, job->number);
    if (job->stops)
        loop_stop(job->bench->loop);
}

static void fire_numbered(struct loop_timer *self)
{
    struct numbered_timer *timer = CONTAINER_OF(self, struct numbered_timer, timer);
    note(timer->bench, timer->number);
    if (timer->cancels)
        loop_timer_cancel(timer->bench->loop, timer->cancels);
    if (timer->again-- > 0)
        loop_timer_set(timer->bench->loop, self, 1);
    else if (timer->stops)
        loop_stop(timer->bench->loop);
}

static void expect_order(const struct bench *bench, const int *expected, size_t n)
{
    assert_int_equal(bench->n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(bench->seen[i], expected[i]);
}

static int set_up(void **state)
{
    static struct bench bench;
    bench = (struct bench){.loop = loop_new()};
    *state = &bench;
    return bench.loop ? 0 : -1;
}

static int tear_down(void **state)
{
    loop_free(((struct bench *)*state)->loop);
    return 0;
}

static void jobs_run_in_the_order_of_posting(void **state)
{
    struct bench *bench = *state;
    struct numbered_job jobs[4] = {0};
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct numbered_job){{.run = run_numbered}, bench, i, i == 3};
        loop_post(bench->loop, &jobs[i].job);
    }
    loop_run(bench->loop);
    expect_order(bench, (const int[]){0, 1, 2, 3}, 4);
}

static void a_job_posted_twice_runs_once(void **state)
{
    struct bench *bench = *state;
    struct numbered_job job = {{.run = run_numbered}, bench, 1, true};
    loop_post(bench->loop, &job.job);
    loop_post(bench->loop, &job.job);
    loop_run(bench->loop);
    expect_order(bench, (const int[]){1}, 1);
}

static void a_job_posted_before_the_stop_is_not_lost(void **state)
{
    struct bench *bench = *state;
    struct numbered_job job = {{.run = run_numbered}, bench, 1, false};
    loop_post(bench->loop, &job.job);
    loop_stop(bench->loop);
    loop_run(bench->loop);
    expect_order(bench, (const int[]){1}, 1);
}

/* A job that counts how often it ran, posted by several threads as fast as they can. */
struct wake_job {
    struct loop_job job;
    struct loop *loop;
    _Atomic int wanted; /* raised before each post */
    int seen;           /* by the loop */
    int last;
};

static void see_wanted(struct loop_job *self)
{
    struct wake_job *wake = CONTAINER_OF(self, struct wake_job, job);
    wake->seen = wake->wanted;
    if (wake->seen >= wake->last)
        loop_stop(wake->loop);
}

enum { POSTERS = 4, POSTS = 5000 };

static void *post_often(void *arg)
{
    struct wake_job *wake = arg;
    for (int i = 0; i < POSTS; i++) {
        wake->wanted++;
        loop_post(wake->loop, &wake->job);
    }
    return NULL;
}

static void no_wake_up_from_another_thread_is_lost(void **state)
{
    struct bench *bench = *state;
    struct wake_job wake = {.job = {.run = see_wanted}, .loop = bench->loop, .last = POSTERS * POSTS};
    pthread_t posters[POSTERS];
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&posters[i], NULL, post_often, &wake), 0);
    loop_run(bench->loop); /* hangs, and the test's time-out says so, when the last post wakes nobody */
    for (int i = 0; i < POSTERS; i++)
        pthread_join(posters[i], NULL);
    assert_int_equal(wake.seen, POSTERS * POSTS);
}

static void timers_fire_by_their_due_times(void **state)
{
    struct bench *bench = *state;
    int64_t now = clock_monotonic();
    struct numbered_timer late = {{.fire = fire_numbered}, bench, 3, 0, true, NULL};
    struct numbered_timer early = {{.fire = fire_numbered}, bench, 1, 0, false, NULL};
    struct numbered_timer middle = {{.fire = fire_numbered}, bench, 2, 0, false, NULL};
    loop_timer_set(bench->loop, &late.timer, now + 3 * US_PER_MS);
    loop_timer_set(bench->loop, &early.timer, now + 1 * US_PER_MS);
    loop_timer_set(bench->loop, &middle.timer, now + 2 * US_PER_MS);
    loop_run(bench->loop);
    expect_order(bench, (const int[]){1, 2, 3}, 3);
    assert_true(clock_monotonic() >= now + 3 * US_PER_MS); /* never early */
    assert_int_equal(late.timer.due_us, 0);
}

static void a_timer_set_anew_moves(void **state)
{
    struct bench *bench = *state;
    int64_t now = clock_monotonic();
    struct numbered_timer moved = {{.fire = fire_numbered}, bench, 1, 0, true, NULL};
    struct numbered_timer other = {{.fire = fire_numbered}, bench, 2, 0, false, NULL};
    loop_timer_set(bench->loop, &moved.timer, now);
    loop_timer_set(bench->loop, &other.timer, now + 1);
    loop_timer_set(bench->loop, &moved.timer, now + 2);
    loop_run(bench->loop);
    expect_order(bench, (const int[]){2, 1}, 2);
}

static void a_canceled_timer_does_not_fire(void **state)
{
    struct bench *bench = *state;
    struct numbered_timer canceled = {{.fire = fire_numbered}, bench, 9, 0, false, NULL};
    struct numbered_timer canceling = {{.fire = fire_numbered}, bench, 1, 0, false, &canceled.timer};
    struct numbered_timer last = {{.fire = fire_numbered}, bench, 2, 0, true, NULL};
    /* All three are due in the same turn: the first takes the second out of it. */
    loop_timer_set(bench->loop, &canceling.timer, 1);
    loop_timer_set(bench->loop, &canceled.timer, 2);
    loop_timer_set(bench->loop, &last.timer, 3);
    loop_run(bench->loop);
    expect_order(bench, (const int[]){1, 2}, 2);
}

static void a_timer_that_sets_itself_anew_lets_the_others_have_their_turn(void **state)
{
    struct bench *bench = *state;
    struct numbered_timer greedy = {{.fire = fire_numbered}, bench, 1, 2, true, NULL};
    struct numbered_timer other = {{.fire = fire_numbered}, bench, 2, 0, false, NULL};
    loop_timer_set(bench->loop, &greedy.timer, 1);
    loop_timer_set(bench->loop, &other.timer, 2);
    loop_run(bench->loop);
    expect_order(bench, (const int[]){1, 2, 1, 1}, 4);
}

struct watched {
    struct loop_watch watch;
    struct bench *bench;
    int number;
    struct loop_watch *removes;
};

static void ready_once(struct loop_watch *self, uint32_t events)
{
    struct watched *watched = CONTAINER_OF(self, struct watched, watch);
    assert_true(events & EPOLLIN);
    note(watched->bench, watched->number);
    loop_watch_remove(watched->bench->loop, self);
    if (watched->removes)
        loop_watch_remove(watched->bench->loop, watched->removes);
    loop_stop(watched->bench->loop);
}

static void a_watch_removed_in_the_same_turn_is_not_called(void **state)
{
    struct bench *bench = *state;
    struct watched one = {{eventfd(1, EFD_CLOEXEC), ready_once}, bench, 1, NULL};
    struct watched two = {{eventfd(1, EFD_CLOEXEC), ready_once}, bench, 1, &one.watch};
    one.removes = &two.watch; /* whichever comes first removes both */
    assert_int_equal(loop_watch_add(bench->loop, &one.watch, EPOLLIN), 0);
    assert_int_equal(loop_watch_add(bench->loop, &two.watch, EPOLLIN), 0);
    loop_run(bench->loop);
    expect_order(bench, (const int[]){1}, 1);
    close(one.watch.fd);
    close(two.watch.fd);
}

static void a_descriptor_that_is_closed_can_not_be_watched(void **state)
{
    struct bench *bench = *state;
    struct loop_watch watch = {.fd = -1};
    assert_int_not_equal(loop_watch_add(bench->loop, &watch, EPOLLIN), 0);
}

struct counting_hook {
    struct loop_hook hook;
    struct bench *bench;
    int turns;
};

static int64_t count_turns(struct loop_hook *self, int64_t now_us)
{
    struct counting_hook *hook = CONTAINER_OF(self, struct counting_hook, hook);
    if (++hook->turns < 3)
        return now_us; /* again at once */
    loop_hook_remove(hook->bench->loop, self);
    loop_stop(hook->bench->loop);
    return TIME_NEVER;
}

static void a_hook_is_called_again_when_it_wishes(void **state)
{
    struct bench *bench = *state;
    struct counting_hook hook = {{.turn = count_turns}, bench, 0};
    loop_hook_add(bench->loop, &hook.hook);
    loop_run(bench->loop);
    assert_int_equal(hook.turns, 3);
}

static void *ask_from_outside(void *arg)
{
    struct bench *bench = arg;
    assert_false(loop_is_current(bench->loop));
    return NULL;
}

static void only_its_own_thread_is_the_loops(void **state)
{
    struct bench *bench = *state;
    pthread_t outside;
    assert_true(loop_is_current(bench->loop));
    assert_int_equal(pthread_create(&outside, NULL, ask_from_outside, bench), 0);
    pthread_join(outside, NULL);
    assert_true(loop_turned_at(bench->loop) <= clock_monotonic());
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(jobs_run_in_the_order_of_posting),
        CASE(a_job_posted_twice_runs_once),
        CASE(a_job_posted_before_the_stop_is_not_lost),
        CASE(no_wake_up_from_another_thread_is_lost),
        CASE(timers_fire_by_their_due_times),
        CASE(a_timer_set_anew_moves),
        CASE(a_canceled_timer_does_not_fire),
        CASE(a_timer_that_sets_itself_anew_lets_the_others_have_their_turn),
        CASE(a_watch_removed_in_the_same_turn_is_not_called),
        CASE(a_descriptor_that_is_closed_can_not_be_watched),
        CASE(a_hook_is_called_again_when_it_wishes),
        CASE(only_its_own_thread_is_the_loops),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
