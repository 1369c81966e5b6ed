/* What /metrics shows: Prometheus' text format 0.0.4. */
#include "alloc.h"
#include "base.h"
#include "metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct metric placed = METRIC_COUNTER_INIT("coffeeshop_test_placed_total", "Orders placed.");
static struct metric waiting = METRIC_GAUGE_INIT("coffeeshop_test_waiting", "Commands waiting.");
static struct metric lasting = METRIC_DURATION_INIT("coffeeshop_test_lasting_seconds", "How long it took.");
static struct metric found = {
    .name = "coffeeshop_test_answers_total", .help = "Answers.", .labels = "code=\"200\"", .kind = METRIC_COUNTER};
static struct metric missing = {
    .name = "coffeeshop_test_answers_total", .help = "Answers.", .labels = "code=\"404\"", .kind = METRIC_COUNTER};
static struct metric labelled = {
    .name = "coffeeshop_test_bytes", .help = "Sizes.", .labels = "to=\"a\"", .kind = METRIC_HISTOGRAM};
static struct metric raced = METRIC_COUNTER_INIT("coffeeshop_test_raced_total", "Counted by many threads.");

/* The whole text, NUL-terminated; freed by the caller. */
static struct buf shown(void)
{
    struct buf out = {0};

    metrics_write(&out);
    buf_char(&out, '\0');
    assert_false(out.failed);
    return out;
}

static size_t times(const char *text, const char *part)
{
    size_t n = 0;

    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        n++;
    return n;
}

static void assert_shows(const char *part)
{
    struct buf out = shown();

    if (times(out.p, part) != 1)
        fail_msg("%zu times %s in\n%s", times(out.p, part), part, out.p);
    buf_free(&out);
}

static void a_counter_counts(void **state)
{
    UNUSED(state);
    metric_add(&placed, 1);
    metric_add(&placed, 41);
    assert_int_equal(metric_value(&placed), 42);
    assert_shows("# HELP coffeeshop_test_placed_total Orders placed.\n# TYPE coffeeshop_test_placed_total counter\n"
                 "coffeeshop_test_placed_total 42\n");
}

static void a_registered_metric_is_shown_before_its_first_use(void **state)
{
    UNUSED(state);
    metric_register(&waiting);
    metric_register(&waiting);
    assert_shows("# TYPE coffeeshop_test_waiting gauge\ncoffeeshop_test_waiting 0\n");
    metric_set(&waiting, -7);
    assert_shows("\ncoffeeshop_test_waiting -7\n");
}

static void metrics_of_one_name_share_their_explanation(void **state)
{
    UNUSED(state);
    metric_add(&missing, 2);
    metric_add(&found, 1);
    assert_shows("# TYPE coffeeshop_test_answers_total counter\ncoffeeshop_test_answers_total{code=\"200\"} 1\n"
                 "coffeeshop_test_answers_total{code=\"404\"} 2\n");
    assert_shows("# HELP coffeeshop_test_answers_total");
}

static void a_duration_is_shown_in_seconds_and_its_buckets_add_up(void **state)
{
    UNUSED(state);
    metric_observe(&lasting, 0);
    metric_observe(&lasting, 16);
    metric_observe(&lasting, 17);
    metric_observe(&lasting, 32);
    metric_observe(&lasting, 33);
    metric_observe(&lasting, INT64_C(16) << 23);
    metric_observe(&lasting, (INT64_C(16) << 23) + 1);
    assert_shows("coffeeshop_test_lasting_seconds_bucket{le=\"1.6e-05\"} 2\n"
                 "coffeeshop_test_lasting_seconds_bucket{le=\"3.2e-05\"} 4\n"
                 "coffeeshop_test_lasting_seconds_bucket{le=\"6.4e-05\"} 5\n");
    assert_shows("coffeeshop_test_lasting_seconds_bucket{le=\"134.217728\"} 6\n"
                 "coffeeshop_test_lasting_seconds_bucket{le=\"+Inf\"} 7\n"
                 "coffeeshop_test_lasting_seconds_sum 268.435555\n"
                 "coffeeshop_test_lasting_seconds_count 7\n");
}

static void a_histograms_own_labels_stand_before_its_bound(void **state)
{
    UNUSED(state);
    metric_observe(&labelled, 20);
    assert_shows("coffeeshop_test_bytes_bucket{to=\"a\",le=\"32\"} 1\n");
    assert_shows("coffeeshop_test_bytes_sum{to=\"a\"} 20\ncoffeeshop_test_bytes_count{to=\"a\"} 1\n");
}

static void names_are_in_order(void **state)
{
    struct buf out = shown();
    const char *last = "";
    UNUSED(state);

    size_t n = 0;
    for (const char *at = strstr(out.p, "# HELP coffeeshop_"); at; at = strstr(at + 1, "# HELP coffeeshop_"), n++) {
        assert_true(strncmp(last, at, strcspn(at + 7, " ") + 7) < 0);
        last = at;
    }
    assert_true(n >= 2);
    buf_free(&out);
}

static void the_process_tells_of_itself(void **state)
{
    static const char *const names[] = {"process_cpu_seconds_total", "process_open_fds",
                                        "process_resident_memory_bytes", "process_start_time_seconds"};
    UNUSED(state);

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buf out = shown();
        struct buf line = {0};
        buf_printf(&line, "\n%s ", names[i]);
        const char *at = strstr(out.p, line.p);
        assert_non_null(at);
        assert_true(strtod(at + line.n, NULL) > 0);
        buf_free(&line);
        buf_free(&out);
    }
}

static void the_start_does_not_move(void **state)
{
    struct buf first = shown();
    struct buf second = shown();
    const char *name = "\nprocess_start_time_seconds ";
    UNUSED(state);

    assert_string_equal(strstr(first.p, name), strstr(second.p, name));
    buf_free(&first);
    buf_free(&second);
}

enum { THREADS = 4, ROUNDS = 10000 };

static void *count_many(void *unused)
{
    UNUSED(unused);
    for (int i = 0; i < ROUNDS; i++)
        metric_add(&raced, 1);
    return NULL;
}

static void threads_that_count_together_lose_nothing(void **state)
{
    pthread_t threads[THREADS];
    UNUSED(state);

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metric_value(&raced), THREADS * ROUNDS);
    assert_shows("\ncoffeeshop_test_raced_total 40000\n");
}

static void without_memory_the_text_is_marked_as_failed(void **state)
{
    struct buf out = {0};
    UNUSED(state);

    heap_fail_at(1);
    metrics_write(&out);
    assert_true(heap_has_failed());
    heap_fail_at(0);
    assert_true(out.failed);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_counts),
        cmocka_unit_test(a_registered_metric_is_shown_before_its_first_use),
        cmocka_unit_test(metrics_of_one_name_share_their_explanation),
        cmocka_unit_test(a_duration_is_shown_in_seconds_and_its_buckets_add_up),
        cmocka_unit_test(a_histograms_own_labels_stand_before_its_bound),
        cmocka_unit_test(names_are_in_order),
        cmocka_unit_test(the_process_tells_of_itself),
        cmocka_unit_test(the_start_does_not_move),
        cmocka_unit_test(threads_that_count_together_lose_nothing),
        cmocka_unit_test(without_memory_the_text_is_marked_as_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
