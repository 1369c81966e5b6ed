/* Names as text. */
#include "text.h"

#include "alloc.h"
#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static int open_arena(void **state)
{
    UNUSED(state);
    arena_init(&arena, 0);
    return 0;
}

static int close_arena(void **state)
{
    UNUSED(state);
    heap_fail_at(0);
    arena_free(&arena);
    return 0;
}

static bool is_one(const char *a, const char *b)
{
    return str_eq(text_fold(&arena, str_of(a)), text_fold(&arena, str_of(b)));
}

static void the_same_text_has_one_key_in_any_case_and_composition(void **state)
{
    UNUSED(state);
    assert_true(is_one("LATTE", "latte"));
    assert_true(is_one("CAFF\u00c8 LATTE", "caff\u00e8 latte"));
    assert_true(is_one("\u00c9clair", "e\u0301clair"));
    assert_true(is_one("\uc544\uba54", "\u110b\u1161\u1106\u1166")); /* a syllable, and its letters */
    assert_true(is_one("Stra\u00dfe", "STRASSE"));
    assert_true(is_one("\u03c3\u03ac\u03c2", "\u03a3\u0386\u03a3"));
    assert_false(is_one("caff\u00e8", "caffe"));
    assert_false(is_one("\ub77c\ub5bc", "\ub77c\ub5b4"));
}

static void a_name_is_kept_composed_and_in_its_own_case(void **state)
{
    UNUSED(state);
    assert_true(str_is(text_nfc(&arena, STR("E\u0301clair")), "\u00c9clair"));
    struct str ascii = STR("Latte");
    assert_ptr_equal(text_nfc(&arena, ascii).p, ascii.p);
    assert_int_equal(text_nfc(&arena, STR("")).n, 0);
}

static void two_spellings_of_one_text_are_the_same(void **state)
{
    UNUSED(state);
    assert_true(text_same(STR("Latte"), STR("LATTE")));
    assert_true(text_same(STR("\xc3\x89"
                              "clair"),
                          STR("e\xcc\x81"
                              "CLAIR")));
    assert_true(text_same(STR("Stra\xc3\x9f"
                              "e"),
                          STR("STRASSE"))); /* one of them is ASCII */
    assert_false(text_same(STR("Latte"), STR("Latt\xc3\xa9")));
    assert_false(text_same(STR("Latte"), STR("Latte ")));
    heap_fail_at(1);
    assert_false(text_same(STR("\xc3\x89"
                               "clair"),
                           STR("\xc3\xa9"
                               "clair")));
    heap_fail_at(1);
    assert_true(text_same(STR("\xc3\x89"
                              "clair"),
                          STR("\xc3\x89"
                              "clair")));
    heap_fail_at(0);
}

static void without_memory_there_is_no_key(void **state)
{
    UNUSED(state);
    heap_fail_at(1);
    assert_null(text_fold(&arena, STR("\u00c9")).p);
    heap_fail_at(1);
    assert_null(text_nfc(&arena, STR("e\u0301")).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_text_has_one_key_in_any_case_and_composition, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_name_is_kept_composed_and_in_its_own_case, open_arena, close_arena),
        cmocka_unit_test(two_spellings_of_one_text_are_the_same),
        cmocka_unit_test_setup_teardown(without_memory_there_is_no_key, open_arena, close_arena),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
