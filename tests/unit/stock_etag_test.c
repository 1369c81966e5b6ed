/* Rows' entity tags, and the If-Match that names them. */
#include "stock_etag.h"

#include "base.h"
#include "errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int read_if_match(struct arena *arena, const char *value, struct stock_expectation *expected)
{
    return stock_if_match(arena, str_of(value), expected);
}

static void a_tag_names_the_edition_that_it_was_made_of(void **state)
{
    struct arena arena;
    struct stock stock = {.version = 12, .low_mark = 5};
    struct stock_expectation expected;

    UNUSED(state);
    arena_init(&arena, 0);
    struct str tag = stock_etag(&arena, &stock);
    assert_true(str_is(tag, "\"12-5\""));
    assert_int_equal(stock_if_match(&arena, tag, &expected), OK);
    assert_true(expected.given);
    assert_int_equal(expected.n, 1);
    assert_int_equal(expected.one_of[0].version, 12);
    assert_int_equal(expected.one_of[0].low_mark, 5);
    arena_free(&arena);
}

static void several_tags_are_several_editions_and_foreign_or_weak_ones_are_none(void **state)
{
    struct arena arena;
    struct stock_expectation expected;

    UNUSED(state);
    arena_init(&arena, 0);
    assert_int_equal(read_if_match(&arena, "\"1-0\" ,W/\"2-0\",  \"a,b\", \"\", \"3-7\"", &expected), OK);
    assert_int_equal(expected.n, 2);
    assert_int_equal(expected.one_of[1].version, 3);
    assert_int_equal(read_if_match(&arena, "W/\"1-0\"", &expected), OK);
    assert_true(expected.given);
    assert_int_equal(expected.n, 0);
    arena_free(&arena);
}

static void none_and_a_star_expect_nothing_of_a_row(void **state)
{
    struct arena arena;
    struct stock_expectation expected;

    UNUSED(state);
    arena_init(&arena, 0);
    assert_int_equal(read_if_match(&arena, "", &expected), OK);
    assert_false(expected.given);
    assert_int_equal(read_if_match(&arena, " * ", &expected), OK);
    assert_false(expected.given);
    arena_free(&arena);
}

static void what_is_no_list_of_tags_is_malformed(void **state)
{
    static const char *const wrong[] = {"1-0",      "\"1-0", "\"1-0\" \"2-0\"", "\"1-0\",",
                                        ",\"1-0\"", "W/1-0", "*, \"1-0\"",      "w/\"1-0\""};
    struct arena arena;
    struct stock_expectation expected;

    UNUSED(state);
    arena_init(&arena, 0);
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(read_if_match(&arena, wrong[i], &expected), E_MALFORMED);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_names_the_edition_that_it_was_made_of),
        cmocka_unit_test(several_tags_are_several_editions_and_foreign_or_weak_ones_are_none),
        cmocka_unit_test(none_and_a_star_expect_nothing_of_a_row),
        cmocka_unit_test(what_is_no_list_of_tags_is_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
