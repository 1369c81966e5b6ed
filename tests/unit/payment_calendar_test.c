/* The days of the shop's calendar: no moment is of two days or of none, however the zone puts its clocks. */
#include "base.h"
#include "calendar_day.h"
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const int64_t hour = 3600 * US_PER_S;

static void be_in(const char *zone)
{
    assert_int_equal(setenv("TZ", zone, 1), 0);
    tzset();
}

static int64_t day_called(const char *text)
{
    int64_t day;

    assert_true(calendar_day_read(str_of(text), &day));
    return day;
}

/* The moment that UTC calls so, us. */
static int64_t utc(int year, int month, int day, int hours, int minutes)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hours, .tm_min = minutes};

    return (int64_t)timegm(&tm) * US_PER_S;
}

static void a_day_is_as_long_as_the_zone_says(void **state)
{
    static const struct {
        const char *zone, *day;
        int hours;
    } days[] = {
        {"Asia/Seoul", "2026-11-29", 24},       {"Europe/Berlin", "2026-03-29", 23},
        {"Europe/Berlin", "2026-10-25", 25},    {"America/New_York", "2026-03-08", 23},
        {"America/New_York", "2026-11-01", 25}, {"America/Havana", "2026-03-08", 23}, /* midnight is passed over */
        {"America/Havana", "2026-11-01", 25},                                         /* and comes twice */
        {"Africa/Cairo", "2026-04-24", 23},                                           /* midnight is passed over */
        {"Africa/Cairo", "2026-10-29", 25}, /* the hour before midnight comes twice */
        {"Pacific/Apia", "2011-12-30", 0},  /* a day that wasn't */
        {"Pacific/Apia", "2011-12-31", 24},
    };
    UNUSED(state);

    for (size_t i = 0; i < COUNT_OF(days); i++) {
        be_in(days[i].zone);
        int64_t day = day_called(days[i].day);
        assert_int_equal(calendar_day_begin(day + 1) - calendar_day_begin(day), days[i].hours * hour);
    }
}

static void a_moment_is_of_the_day_that_the_calendar_shows_and_of_no_other(void **state)
{
    static const char *const zones[] = {
        "UTC",          "Asia/Seoul",         "Europe/Berlin",       "America/New_York",
        "Africa/Cairo", "Pacific/Kiritimati", "Pacific/Pago_Pago",   "America/Havana",
        "Asia/Kolkata", "Asia/Beirut",        "Australia/Lord_Howe", "America/Santiago"};
    UNUSED(state);

    for (size_t z = 0; z < COUNT_OF(zones); z++) {
        be_in(zones[z]);
        for (int64_t day = day_called("2025-12-30"); day < day_called("2027-01-02"); day++) {
            int64_t begin = calendar_day_begin(day);
            int64_t end = calendar_day_begin(day + 1);
            assert_int_equal(calendar_day_of(begin), day);
            assert_int_equal(calendar_day_of(begin - 1), day - 1);
            for (int64_t moment = begin; moment < end; moment += hour / 2)
                assert_int_equal(calendar_day_of(moment), day);
        }
    }
}

static void the_hour_that_comes_twice_is_of_the_day_that_it_is_in(void **state)
{
    UNUSED(state);

    be_in("America/Havana"); /* 2026-11-01 at 05:00 UTC it is 00:00 for the second time */
    assert_int_equal(calendar_day_begin(day_called("2026-11-01")), utc(2026, 11, 1, 4, 0));
    assert_int_equal(calendar_day_of(utc(2026, 11, 1, 4, 30)), day_called("2026-11-01"));
    be_in("America/New_York");
    assert_int_equal(calendar_day_begin(day_called("2026-11-01")), utc(2026, 11, 1, 4, 0));
    assert_int_equal(calendar_day_begin(day_called("2026-11-02")), utc(2026, 11, 2, 5, 0));
    be_in("Europe/Berlin");
    assert_int_equal(calendar_day_begin(day_called("2026-03-29")), utc(2026, 3, 28, 23, 0));
    assert_int_equal(calendar_day_begin(day_called("2026-03-30")), utc(2026, 3, 29, 22, 0));
}

static void a_day_is_read_as_it_is_written(void **state)
{
    static const char *const days[] = {"1970-01-01", "2000-02-29", "2026-11-29", "9999-12-31"};
    UNUSED(state);

    be_in("America/New_York");
    for (size_t i = 0; i < COUNT_OF(days); i++) {
        char text[CALENDAR_DAY_TEXT];
        calendar_day_text(day_called(days[i]), text);
        assert_string_equal(text, days[i]);
    }
    assert_int_equal(day_called("1970-01-01"), 0);
    assert_int_equal(day_called("2024-03-01") - day_called("2024-02-28"), 2);
}

static void what_is_no_day_is_refused(void **state)
{
    static const char *const none[] = {"",           "tomorrow",   "2026-02-30", "2026-2-3",    "2026-13-01",
                                       "2026-00-01", "2026-01-00", "1969-12-31", "10000-01-01", "2026-11-29T",
                                       "2026-11",    "2026--1-01", "+026-01-01", " 2026-01-01"};
    UNUSED(state);

    for (size_t i = 0; i < COUNT_OF(none); i++) {
        int64_t day;
        assert_false(calendar_day_read(str_of(none[i]), &day));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_is_as_long_as_the_zone_says),
        cmocka_unit_test(a_moment_is_of_the_day_that_the_calendar_shows_and_of_no_other),
        cmocka_unit_test(the_hour_that_comes_twice_is_of_the_day_that_it_is_in),
        cmocka_unit_test(a_day_is_read_as_it_is_written),
        cmocka_unit_test(what_is_no_day_is_refused),
    };

    return cmocka_run_group_tests_name("payment_calendar", tests, NULL, NULL);
}
