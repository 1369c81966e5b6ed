/* The circuit breaker, transition by transition: a test is a table of what is done when, and the state that follows. */
#include "base.h"
#include "breaker.h"
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum action { CALL_GOOD, CALL_BAD, MAY_CALL, MAY_NOT_CALL, ANSWER_GOOD, ANSWER_BAD };

struct step {
    int64_t ms; /* when */
    enum action action;
    int times;
    enum breaker_state state; /* afterwards */
};

static const struct breaker_settings hystrix = {
    .window_ms = 10000, .volume = 20, .error_percent = 50, .sleep_window_ms = 5000};

static void act(struct breaker *breaker, int64_t now, enum action action)
{
    switch (action) {
    case CALL_GOOD:
    case CALL_BAD:
        assert_true(breaker_allows(breaker, now));
        breaker_record(breaker, now, action == CALL_GOOD);
        return;
    case MAY_CALL:
        assert_true(breaker_allows(breaker, now));
        return;
    case MAY_NOT_CALL:
        assert_false(breaker_allows(breaker, now));
        return;
    case ANSWER_GOOD:
    case ANSWER_BAD:
        breaker_record(breaker, now, action == ANSWER_GOOD);
        return;
    }
}

static void walk(const struct step *steps, size_t n)
{
    struct breaker breaker;
    const int64_t start = 1000 * US_PER_S;

    breaker_init(&breaker, &hystrix);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < steps[i].times; k++)
            act(&breaker, start + steps[i].ms * US_PER_MS, steps[i].action);
        if (breaker.state != steps[i].state)
            fail_msg("step %zu: state %d, not %d", i, (int)breaker.state, (int)steps[i].state);
    }
}

#define WALK(...)                                                                                                      \
    do {                                                                                                               \
        static const struct step steps[] = {__VA_ARGS__};                                                              \
        walk(steps, COUNT_OF(steps));                                                                                  \
    } while (0)

static void too_few_calls_say_nothing(void **state)
{
    UNUSED(state);
    WALK({0, CALL_BAD, 19, BREAKER_CLOSED}, {1, CALL_BAD, 1, BREAKER_OPEN});
}

static void it_opens_at_half_of_the_calls_failing_and_not_before(void **state)
{
    UNUSED(state);
    WALK({0, CALL_GOOD, 11, BREAKER_CLOSED}, {1, CALL_BAD, 10, BREAKER_CLOSED}, {2, CALL_BAD, 1, BREAKER_OPEN});
}

static void a_success_that_completes_the_volume_opens_it_too(void **state)
{
    UNUSED(state);
    WALK({0, CALL_BAD, 19, BREAKER_CLOSED}, {1, CALL_GOOD, 1, BREAKER_OPEN});
}

static void only_successes_never_open_it(void **state)
{
    UNUSED(state);
    WALK({0, CALL_GOOD, 1000, BREAKER_CLOSED});
}

static void an_open_one_lets_nothing_through_until_the_sleep_window_is_over(void **state)
{
    UNUSED(state);
    WALK({0, CALL_BAD, 20, BREAKER_OPEN}, {0, MAY_NOT_CALL, 3, BREAKER_OPEN}, {4999, MAY_NOT_CALL, 1, BREAKER_OPEN},
         {5000, MAY_CALL, 1, BREAKER_HALF_OPEN});
}

static void half_open_lets_one_probe_through(void **state)
{
    UNUSED(state);
    WALK({0, CALL_BAD, 20, BREAKER_OPEN}, {5000, MAY_CALL, 1, BREAKER_HALF_OPEN},
         {5000, MAY_NOT_CALL, 5, BREAKER_HALF_OPEN}, {5600, MAY_NOT_CALL, 1, BREAKER_HALF_OPEN});
}

static void a_good_probe_closes_it_and_empties_the_window(void **state)
{
    UNUSED(state);
    WALK({0, CALL_BAD, 20, BREAKER_OPEN}, {5000, MAY_CALL, 1, BREAKER_HALF_OPEN},
         {5100, ANSWER_GOOD, 1, BREAKER_CLOSED}, {5101, CALL_BAD, 19, BREAKER_CLOSED},
         {5102, CALL_BAD, 1, BREAKER_OPEN});
}

static void a_bad_probe_opens_it_for_another_sleep_window(void **state)
{
    UNUSED(state);
    WALK({0, CALL_BAD, 20, BREAKER_OPEN}, {5000, MAY_CALL, 1, BREAKER_HALF_OPEN}, {5600, ANSWER_BAD, 1, BREAKER_OPEN},
         {10599, MAY_NOT_CALL, 1, BREAKER_OPEN}, {10600, MAY_CALL, 1, BREAKER_HALF_OPEN});
}

static void a_lost_probe_is_given_up_after_a_sleep_window(void **state)
{
    UNUSED(state);
    WALK({0, CALL_BAD, 20, BREAKER_OPEN}, {5000, MAY_CALL, 1, BREAKER_HALF_OPEN},
         {9999, MAY_NOT_CALL, 1, BREAKER_HALF_OPEN}, {10000, MAY_CALL, 1, BREAKER_HALF_OPEN},
         {10001, MAY_NOT_CALL, 1, BREAKER_HALF_OPEN}, {10100, ANSWER_GOOD, 1, BREAKER_CLOSED});
}

static void a_straggler_decides_nothing_while_it_is_open(void **state)
{
    UNUSED(state);
    WALK({0, MAY_CALL, 2, BREAKER_CLOSED}, {0, CALL_BAD, 20, BREAKER_OPEN}, {600, ANSWER_GOOD, 1, BREAKER_OPEN},
         {610, ANSWER_BAD, 1, BREAKER_OPEN}, {4999, MAY_NOT_CALL, 1, BREAKER_OPEN},
         {5000, MAY_CALL, 1, BREAKER_HALF_OPEN});
}

static void failures_roll_out_of_the_window_bucket_by_bucket(void **state)
{
    UNUSED(state);
    /* 10 failures in the first second, 9 in the third: at 10.0 s the first ten are forgotten. */
    WALK({0, CALL_BAD, 10, BREAKER_CLOSED}, {2000, CALL_BAD, 9, BREAKER_CLOSED}, {10000, CALL_BAD, 10, BREAKER_CLOSED},
         {11999, CALL_BAD, 1, BREAKER_OPEN});
}

static void the_last_moment_of_the_window_still_counts(void **state)
{
    UNUSED(state);
    WALK({999, CALL_BAD, 19, BREAKER_CLOSED}, {9999, CALL_BAD, 1, BREAKER_OPEN});
}

static void after_a_long_silence_everything_is_forgotten(void **state)
{
    UNUSED(state);
    WALK({0, CALL_BAD, 19, BREAKER_CLOSED}, {3600000, CALL_BAD, 19, BREAKER_CLOSED},
         {3600000, CALL_BAD, 1, BREAKER_OPEN});
}

static void a_clock_that_stands_still_is_one_bucket(void **state)
{
    UNUSED(state);
    WALK({0, CALL_GOOD, 10, BREAKER_CLOSED}, {0, CALL_BAD, 9, BREAKER_CLOSED}, {0, CALL_BAD, 1, BREAKER_OPEN},
         {0, MAY_NOT_CALL, 100, BREAKER_OPEN});
}

static void it_says_when_the_next_call_may_be_made(void **state)
{
    UNUSED(state);
    struct breaker breaker;
    const int64_t now = 77 * US_PER_S;

    breaker_init(&breaker, &hystrix);
    assert_true(breaker_opens_again_at(&breaker) <= now);
    for (int i = 0; i < 20; i++)
        breaker_record(&breaker, now, false);
    assert_int_equal(breaker_opens_again_at(&breaker), now + 5 * US_PER_S);
    assert_true(breaker_allows(&breaker, now + 6 * US_PER_S));
    assert_int_equal(breaker_opens_again_at(&breaker), now + 11 * US_PER_S);
    breaker_record(&breaker, now + 6 * US_PER_S, true);
    assert_true(breaker_opens_again_at(&breaker) <= now);
}

static void forced_open_it_stays_so(void **state)
{
    UNUSED(state);
    struct breaker_settings settings = hystrix;
    struct breaker breaker;

    settings.force = BREAKER_FORCED_OPEN;
    breaker_init(&breaker, &settings);
    assert_int_equal(breaker.state, BREAKER_OPEN);
    breaker_record(&breaker, 0, true);
    assert_false(breaker_allows(&breaker, 3600 * US_PER_S));
    assert_true(breaker_opens_again_at(&breaker) == TIME_NEVER);
    assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void forced_closed_it_stays_so(void **state)
{
    UNUSED(state);
    struct breaker_settings settings = hystrix;
    struct breaker breaker;

    settings.force = BREAKER_FORCED_CLOSED;
    breaker_init(&breaker, &settings);
    for (int i = 0; i < 100; i++) {
        assert_true(breaker_allows(&breaker, i));
        breaker_record(&breaker, i, false);
    }
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_calls_say_nothing),
        cmocka_unit_test(it_opens_at_half_of_the_calls_failing_and_not_before),
        cmocka_unit_test(a_success_that_completes_the_volume_opens_it_too),
        cmocka_unit_test(only_successes_never_open_it),
        cmocka_unit_test(an_open_one_lets_nothing_through_until_the_sleep_window_is_over),
        cmocka_unit_test(half_open_lets_one_probe_through),
        cmocka_unit_test(a_good_probe_closes_it_and_empties_the_window),
        cmocka_unit_test(a_bad_probe_opens_it_for_another_sleep_window),
        cmocka_unit_test(a_lost_probe_is_given_up_after_a_sleep_window),
        cmocka_unit_test(a_straggler_decides_nothing_while_it_is_open),
        cmocka_unit_test(failures_roll_out_of_the_window_bucket_by_bucket),
        cmocka_unit_test(the_last_moment_of_the_window_still_counts),
        cmocka_unit_test(after_a_long_silence_everything_is_forgotten),
        cmocka_unit_test(a_clock_that_stands_still_is_one_bucket),
        cmocka_unit_test(forced_open_it_stays_so),
        cmocka_unit_test(forced_closed_it_stays_so),
        cmocka_unit_test(it_says_when_the_next_call_may_be_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
