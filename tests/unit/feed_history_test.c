/* Whether a cursor was read in this store's history: the table of cases. */
#include "feed_history.h"

#include "base.h"
#include "errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Three starts: at the beginning, after 10 events, after 25. 30 events, of which those from 8 on are kept. */
enum { FIRST = 101, SECOND = 102, THIRD = 103, STRANGER = 999, NEWEST = 30, OLDEST = 8 };

static void fill(struct feed_history *history)
{
    assert_int_equal(feed_history_add(history, (struct feed_epoch){FIRST, 0}), OK);
    assert_int_equal(feed_history_add(history, (struct feed_epoch){SECOND, 10}), OK);
    assert_int_equal(feed_history_add(history, (struct feed_epoch){THIRD, 25}), OK);
}

static const struct {
    const char *who;
    struct feed_cursor cursor;
    enum cursor_verdict verdict;
} cases[] = {
    {"has read all of it", {THIRD, 30}, CURSOR_GOES_ON},
    {"is behind, in the epoch in force", {THIRD, 12}, CURSOR_GOES_ON},
    {"was there before the last start, and has missed nothing", {SECOND, 25}, CURSOR_GOES_ON},
    {"was there before the last start, and is behind", {SECOND, 7}, CURSOR_GOES_ON},
    {"was there two starts ago", {FIRST, 10}, CURSOR_GOES_ON},
    {"has read in an epoch what was said after it had ended: a backup was put back", {FIRST, 11}, CURSOR_FOREIGN},
    {"the same, one start later", {SECOND, 26}, CURSOR_FOREIGN},
    {"the same, beyond the newest", {SECOND, 31}, CURSOR_FOREIGN},
    {"is beyond the newest in the epoch in force", {THIRD, 31}, CURSOR_FOREIGN},
    {"comes from another store, or from one that was lost", {STRANGER, 9}, CURSOR_FOREIGN},
    {"the same, beyond the newest", {STRANGER, 31}, CURSOR_FOREIGN},
    {"was refused before there were epochs", {EPOCH_REFUSED, 9}, CURSOR_FOREIGN},
    {"is from before there were epochs", {EPOCH_UNKNOWN, 9}, CURSOR_GOES_ON},
    {"is from before there were epochs, and up to date", {EPOCH_UNKNOWN, 30}, CURSOR_GOES_ON},
    {"is from before there were epochs, and beyond the newest", {EPOCH_UNKNOWN, 31}, CURSOR_FOREIGN},
    {"needs what is just no longer kept", {THIRD, 6}, CURSOR_TOO_OLD},
    {"needs what is no longer kept, and comes from another store", {STRANGER, 3}, CURSOR_FOREIGN},
    {"has read nothing, and the first events are gone", {EPOCH_UNKNOWN, 0}, CURSOR_TOO_OLD},
    {"has followed another store and read nothing of it", {STRANGER, 0}, CURSOR_TOO_OLD},
};

static void a_cursor_goes_on_exactly_when_this_store_has_said_what_it_has_read(void **state)
{
    struct feed_history history = {0};

    UNUSED(state);
    fill(&history);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum cursor_verdict verdict = feed_history_check(&history, cases[i].cursor, NEWEST, OLDEST);
        if (verdict != cases[i].verdict)
            fail_msg("one that %s: %d", cases[i].who, (int)verdict);
    }
    feed_history_free(&history);
}

static void whoever_has_read_nothing_goes_on_with_any_feed_that_keeps_everything(void **state)
{
    struct feed_history history = {0};

    UNUSED(state);
    fill(&history);
    for (uint64_t oldest = 0; oldest <= 1; oldest++) {
        assert_int_equal(feed_history_check(&history, (struct feed_cursor){STRANGER, 0}, NEWEST, oldest),
                         CURSOR_GOES_ON);
        assert_int_equal(feed_history_check(&history, (struct feed_cursor){0}, 0, 0), CURSOR_GOES_ON);
    }
    feed_history_free(&history);
}

static void whoever_has_read_everything_misses_nothing_when_nothing_is_kept(void **state)
{
    struct feed_history history = {0};

    UNUSED(state);
    fill(&history);
    assert_int_equal(feed_history_check(&history, (struct feed_cursor){THIRD, 30}, NEWEST, 31), CURSOR_GOES_ON);
    feed_history_free(&history);
}

static void a_feed_without_epochs_looks_at_positions_alone(void **state)
{
    const struct feed_history none = {0};

    UNUSED(state);
    assert_int_equal(feed_history_epoch(&none), EPOCH_UNKNOWN);
    assert_int_equal(feed_history_check(&none, (struct feed_cursor){EPOCH_UNKNOWN, 30}, NEWEST, 0), CURSOR_GOES_ON);
    assert_int_equal(feed_history_check(&none, (struct feed_cursor){EPOCH_UNKNOWN, 31}, NEWEST, 0), CURSOR_FOREIGN);
}

static void epochs_are_never_the_same_and_never_one_of_the_words(void **state)
{
    UNUSED(state);
    uint64_t one = feed_epoch_new(), other = feed_epoch_new();

    assert_true(one > EPOCH_REFUSED && one <= INT64_MAX);
    assert_true(other > EPOCH_REFUSED && other <= INT64_MAX);
    assert_true(one != other);
}

static void the_epoch_in_force_is_the_last_and_all_are_known(void **state)
{
    struct feed_history history = {0};

    UNUSED(state);
    fill(&history);
    assert_int_equal(feed_history_epoch(&history), THIRD);
    assert_true(feed_history_knows(&history, FIRST) && feed_history_knows(&history, THIRD));
    assert_false(feed_history_knows(&history, STRANGER));
    feed_history_free(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_goes_on_exactly_when_this_store_has_said_what_it_has_read),
        cmocka_unit_test(whoever_has_read_nothing_goes_on_with_any_feed_that_keeps_everything),
        cmocka_unit_test(whoever_has_read_everything_misses_nothing_when_nothing_is_kept),
        cmocka_unit_test(a_feed_without_epochs_looks_at_positions_alone),
        cmocka_unit_test(epochs_are_never_the_same_and_never_one_of_the_words),
        cmocka_unit_test(the_epoch_in_force_is_the_last_and_all_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
