/* The benchmark's durations: what it says about a tail has to be true of the tail. */
#include "latencies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct latencies *empty(void)
{
    static struct latencies latencies;

    latencies = (struct latencies){0};
    return &latencies;
}

static void nothing_measured_is_zero(void **state)
{
    (void)state;
    assert_int_equal(latencies_quantile(empty(), 0.5), 0);
}

static void short_durations_are_exact(void **state)
{
    struct latencies *latencies = empty();

    (void)state;
    for (int64_t us = 1; us <= 100; us++)
        latencies_add(latencies, us);
    assert_int_equal(latencies_quantile(latencies, 0.5), 50);
    assert_int_equal(latencies_quantile(latencies, 0.99), 99);
    assert_int_equal(latencies_quantile(latencies, 1), 100);
}

static void a_quantile_is_never_too_small_and_at_most_two_percent_too_large(void **state)
{
    (void)state;
    for (int64_t us = 1; us < INT64_C(3600) * 1000 * 1000; us += us / 7 + 1) {
        struct latencies *latencies = empty();
        latencies_add(latencies, us);
        latencies_add(latencies, us * 3);
        int64_t told = latencies_quantile(latencies, 0.5);
        assert_true(told >= us);
        assert_true(told <= us + us / 50);
    }
}

static void one_slow_order_in_a_hundred_does_not_move_the_median(void **state)
{
    struct latencies *latencies = empty();

    (void)state;
    for (int i = 0; i < 99; i++)
        latencies_add(latencies, 50);
    latencies_add(latencies, 1000000);
    assert_int_equal(latencies_quantile(latencies, 0.5), 50);
    assert_int_equal(latencies_quantile(latencies, 0.99), 50);
    assert_int_equal(latencies_quantile(latencies, 1), 1000000);
}

static void a_duration_beyond_the_last_bucket_is_the_longest(void **state)
{
    struct latencies *latencies = empty();

    (void)state;
    latencies_add(latencies, INT64_MAX);
    assert_int_equal(latencies_quantile(latencies, 0.5), INT64_MAX);
}

static void a_clock_that_went_back_counts_as_no_time(void **state)
{
    struct latencies *latencies = empty();

    (void)state;
    latencies_add(latencies, -5);
    assert_int_equal(latencies->n, 1);
    assert_int_equal(latencies_quantile(latencies, 0.5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_measured_is_zero),
        cmocka_unit_test(short_durations_are_exact),
        cmocka_unit_test(a_quantile_is_never_too_small_and_at_most_two_percent_too_large),
        cmocka_unit_test(one_slow_order_in_a_hundred_does_not_move_the_median),
        cmocka_unit_test(a_duration_beyond_the_last_bucket_is_the_longest),
        cmocka_unit_test(a_clock_that_went_back_counts_as_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
