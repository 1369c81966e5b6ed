/* What a log line looks like, and that nobody can write lines of their own into it. */
#include "base.h"
#include "captured_log.h"
#include "clock.h"
#include "log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void a_line_for_people_says_when_who_what_and_about_what(void **state)
{
    struct captured_log captured;
    UNUSED(state);

    log_init("order", LOG_INFO, LOG_HUMAN);
    captured_log_begin(&captured);
    log_info("listening", LOG_T("address", "127.0.0.1:8081"), LOG_I("workers", -1));
    const char *line = captured_log_end(&captured);
    assert_int_equal(line[2], ':');
    assert_string_equal(line + sizeof("09:30:00.123") - 1, " order  listening  address=127.0.0.1:8081 workers=-1\n");
}

static void a_warning_is_called_one(void **state)
{
    struct captured_log captured;
    UNUSED(state);

    log_init("order", LOG_INFO, LOG_HUMAN);
    captured_log_begin(&captured);
    log_warning("the disk is slow", LOG_I("ms", 900));
    assert_non_null(strstr(captured_log_end(&captured), " order  warning: the disk is slow  ms=900\n"));
}

static void a_line_for_machines_is_one_json_object(void **state)
{
    struct captured_log captured;
    UNUSED(state);

    log_init("order", LOG_INFO, LOG_JSON);
    captured_log_begin(&captured);
    log_error("order refused", LOG_I("order", 42), LOG_T("name", "카페 \"라떼\"\n"));
    const char *line = captured_log_end(&captured);
    assert_true(str_starts_with(str_of(line), STR("{\"at\":\"20")));
    assert_non_null(strstr(line,
                           "Z\",\"level\":\"error\",\"service\":\"order\",\"event\":\"order refused\",\"order\":42,"
                           "\"name\":\"카페 \\\"라떼\\\"\\n\"}\n"));
}

static void a_text_that_is_not_utf8_still_makes_a_json_line(void **state)
{
    struct captured_log captured;
    UNUSED(state);

    log_init("order", LOG_INFO, LOG_JSON);
    captured_log_begin(&captured);
    log_info("came in", LOG_T("name", "a\xff\xc3"));
    assert_non_null(strstr(captured_log_end(&captured), "\"name\":\"a??\"}\n"));
}

static void nobody_can_forge_a_line_by_what_they_send(void **state)
{
    struct captured_log captured;
    UNUSED(state);

    log_init("order", LOG_INFO, LOG_HUMAN);
    captured_log_begin(&captured);
    log_info("came in", LOG_T("name", "x\n09:30:00.123 order  all is well\x1b[2J"), LOG_T("empty", ""));
    const char *line = captured_log_end(&captured);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_null(strchr(line, '\x1b'));
    assert_non_null(strstr(line, "empty=\"\"\n"));
}

static void what_is_less_important_than_asked_for_is_not_written(void **state)
{
    struct captured_log captured;
    UNUSED(state);

    log_init("order", LOG_WARNING, LOG_HUMAN);
    captured_log_begin(&captured);
    log_debug("a", LOG_I("n", 1));
    log_info("b", LOG_I("n", 1));
    log_write(LOG_INFO, "c", NULL, 0);
    log_warning("d", LOG_I("n", 1));
    const char *text = captured_log_end(&captured);
    assert_non_null(strstr(text, "warning: d"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void a_closed_standard_error_is_no_reason_to_stop(void **state)
{
    UNUSED(state);
    int kept = dup(STDERR_FILENO);

    log_init("order", LOG_INFO, LOG_HUMAN);
    close(STDERR_FILENO);
    log_info("nobody hears this", LOG_I("n", 1));
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    close(kept);
}

static void what_comes_often_is_told_once_a_minute_with_how_often_it_came(void **state)
{
    struct log_seldom seldom = {0};
    int64_t n = 0;
    UNUSED(state);

    assert_true(log_seldom(&seldom, &n));
    assert_int_equal(n, 1);
    for (int i = 0; i < 3; i++)
        assert_false(log_seldom(&seldom, &n));
    seldom.told_us -= 60 * US_PER_S;
    assert_true(log_seldom(&seldom, &n));
    assert_int_equal(n, 4);
    assert_false(log_seldom(&seldom, &n));
}

static void a_reason_that_lasts_is_told_once_a_minute_and_another_one_at_once(void **state)
{
    struct log_reason last = {0};
    UNUSED(state);

    assert_true(log_is_news(&last, 13));
    assert_false(log_is_news(&last, 13));
    assert_true(log_is_news(&last, 28));
    assert_false(log_is_news(&last, 28));
    last.told_us -= 60 * US_PER_S;
    assert_true(log_is_news(&last, 28));
    assert_false(log_is_news(&last, 28));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_for_people_says_when_who_what_and_about_what),
        cmocka_unit_test(a_warning_is_called_one),
        cmocka_unit_test(a_line_for_machines_is_one_json_object),
        cmocka_unit_test(a_text_that_is_not_utf8_still_makes_a_json_line),
        cmocka_unit_test(nobody_can_forge_a_line_by_what_they_send),
        cmocka_unit_test(what_is_less_important_than_asked_for_is_not_written),
        cmocka_unit_test(a_closed_standard_error_is_no_reason_to_stop),
        cmocka_unit_test(what_comes_often_is_told_once_a_minute_with_how_often_it_came),
        cmocka_unit_test(a_reason_that_lasts_is_told_once_a_minute_and_another_one_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
