/* The simulation as a test: fixed seeds, fresh seeds, the same again, and whether it bites. */
#include "sim.h"

#include "clock.h"
#include "str.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIXED = 1000, FRESH = 300, BITES_WITHIN = 20000, SAME = 40 };

/* Plays seeds until one breaks a rule; says which and why. `met` gathers what happened. */
static bool all_hold(uint64_t from, uint64_t seeds, bool met[MET_COUNT])
{
    bool hold = true;

    for (uint64_t seed = from; seed < from + seeds && hold; seed++) {
        struct sim_result result;
        sim_play(&(struct sim_options){.seed = seed}, &result);
        hold = !result.broken;
        for (int i = 0; i < MET_COUNT; i++)
            met[i] |= result.met[i];
        if (!hold)
            printf("%.*sagain: make sim FROM=%llu SEEDS=1\n", STR_ARG(buf_str(&result.report)),
                   (unsigned long long)seed);
        buf_free(&result.report);
    }
    return hold;
}

static void no_rule_breaks_in_histories_known_by_number_and_they_meet_everything(void **state)
{
    bool met[MET_COUNT] = {false};

    (void)state;
    assert_true(all_hold(1, FIXED, met));
    for (int i = 0; i < MET_COUNT; i++) {
        if (!met[i])
            fail_msg("it never happens that %s", sim_met_sentence((enum sim_met)i));
    }
}

static void no_rule_breaks_in_histories_never_seen_before(void **state)
{
    uint64_t from = (uint64_t)clock_wall();
    bool met[MET_COUNT] = {false};

    (void)state;
    printf("fresh seeds: make sim FROM=%llu SEEDS=%d\n", (unsigned long long)from, FRESH);
    assert_true(all_hold(from, FRESH, met));
}

static void the_same_seed_is_the_same_history(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SAME; seed++) {
        struct sim_result once, again;
        sim_play(&(struct sim_options){.seed = seed}, &once);
        sim_play(&(struct sim_options){.seed = seed}, &again);
        assert_int_equal(once.hash, again.hash);
        assert_int_equal(once.steps, again.steps);
    }
}

static void another_seed_is_another_history(void **state)
{
    struct sim_result one, other;

    (void)state;
    sim_play(&(struct sim_options){.seed = 1}, &one);
    sim_play(&(struct sim_options){.seed = 2}, &other);
    assert_int_not_equal(one.hash, other.hash);
}

/* ---- planted bugs ---- */

enum { CAUGHT = 7, MISSED = 8 };

_Noreturn static void look_for(enum sim_plant plant)
{
    for (uint64_t seed = 1; seed <= BITES_WITHIN; seed++) {
        struct sim_result result;
        sim_play(&(struct sim_options){.seed = seed, .plant = plant}, &result);
        buf_free(&result.report);
        if (result.broken) {
            printf("%-24s seed %llu, step %llu\n", sim_plant_name(plant), (unsigned long long)seed,
                   (unsigned long long)result.steps);
            fflush(stdout);
            _exit(CAUGHT);
        }
    }
    _exit(MISSED);
}

/* In a process of its own: an assertion of the program's may be what catches it. */
static bool is_caught(enum sim_plant plant)
{
    int status = 0;

    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        look_for(plant);
    assert_int_equal(waitpid(child, &status, 0), child);
    return (WIFEXITED(status) && WEXITSTATUS(status) == CAUGHT) || (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void every_planted_bug_is_noticed(void **state)
{
    (void)state;
    for (int plant = PLANT_NONE + 1; plant < PLANT_COUNT; plant++) {
        if (!is_caught((enum sim_plant)plant))
            fail_msg("nobody notices that %s", sim_plant_sentence((enum sim_plant)plant));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rule_breaks_in_histories_known_by_number_and_they_meet_everything),
        cmocka_unit_test(no_rule_breaks_in_histories_never_seen_before),
        cmocka_unit_test(the_same_seed_is_the_same_history),
        cmocka_unit_test(another_seed_is_another_history),
        cmocka_unit_test(every_planted_bug_is_noticed),
    };

    return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
