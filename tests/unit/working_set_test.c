/* The distinct keys of a batch. */
#include "working_set.h"

#include "alloc.h"
#include "base.h"
#include "buf.h"

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

static void numbers_get_indexes_in_the_order_in_which_they_come(void **state)
{
    struct working_set set;

    UNUSED(state);
    assert_true(working_set_init(&set, 4, &arena));
    assert_int_equal(working_set_number(&set, 42), 0);
    assert_int_equal(working_set_number(&set, -1), 1);
    assert_int_equal(working_set_number(&set, 42), 0);
    assert_int_equal(working_set_number(&set, 0), 2);
    assert_int_equal(working_set_number(&set, INT64_MIN), 3);
    assert_int_equal(set.n, 4);
    assert_int_equal(set.number[3], INT64_MIN);
}

static void a_full_set_still_finds_what_it_has(void **state)
{
    enum { MOST = 1000 };
    struct working_set set;

    UNUSED(state);
    assert_true(working_set_init(&set, MOST, &arena));
    for (int64_t i = 0; i < MOST; i++)
        assert_int_equal(working_set_number(&set, i * 1024), i);
    for (int64_t i = MOST; i-- > 0;)
        assert_int_equal(working_set_number(&set, i * 1024), i);
    assert_int_equal(set.n, MOST);
}

/* Keys that fall into one slot of an unseeded table of 2,048 slots: what anybody can look up at home. */
static struct str *texts_that_collide(size_t n)
{
    struct str *texts = ARENA_ARRAY(&arena, struct str, n);
    size_t found = 0;

    assert_non_null(texts);
    for (int64_t i = 0; found < n; i++) {
        struct buf text = {0};
        buf_i64(&text, i);
        if ((str_hash(buf_str(&text)) & 2047) == 0)
            texts[found++] = arena_copy(&arena, buf_str(&text));
        buf_free(&text);
    }
    return texts;
}

static void texts_chosen_to_collide_cost_no_more_than_others(void **state)
{
    enum { MOST = 1000 };
    const struct str *texts = texts_that_collide(MOST);
    struct working_set set;

    UNUSED(state);
    assert_true(working_set_init(&set, MOST, &arena));
    assert_int_equal(set.slots, 2048);
    for (size_t i = 0; i < MOST; i++)
        assert_int_equal(working_set_text(&set, texts[i]), i);
    assert_true(set.probes < (size_t)MOST * 8); /* 1.5 a key on average; in one slot it would be 500 */
}

static void numbers_chosen_to_collide_cost_no_more_than_others(void **state)
{
    enum { MOST = 1000 };
    static const int64_t strides[] = {1, 1024, INT64_C(1) << 32, INT64_C(1) << 48};
    struct working_set set;

    UNUSED(state);
    for (size_t k = 0; k < COUNT_OF(strides); k++) {
        assert_true(working_set_init(&set, MOST, &arena));
        for (int64_t i = 0; i < MOST; i++)
            assert_int_equal(working_set_number(&set, i * strides[k]), i);
        assert_true(set.probes < (size_t)MOST * 8);
    }
}

static void asking_whether_a_number_is_there_does_not_add_it(void **state)
{
    struct working_set set;

    UNUSED(state);
    assert_true(working_set_init(&set, 2, &arena));
    assert_false(working_set_has_number(&set, 5));
    assert_int_equal(set.n, 0);
    working_set_number(&set, 5);
    assert_true(working_set_has_number(&set, 5));
    assert_false(working_set_has_number(&set, 6));
}

static void texts_are_the_same_by_their_bytes_not_their_place(void **state)
{
    char copy[] = "Latte";
    struct working_set set;

    UNUSED(state);
    assert_true(working_set_init(&set, 3, &arena));
    assert_int_equal(working_set_text(&set, STR("Latte")), 0);
    assert_int_equal(working_set_text(&set, STR("latte")), 1);
    assert_int_equal(working_set_text(&set, str_of(copy)), 0);
    assert_int_equal(working_set_text(&set, STR("")), 2);
    assert_int_equal(working_set_text(&set, (struct str){NULL, 0}), 2);
}

static void a_set_for_nothing_is_a_set(void **state)
{
    struct working_set set;

    UNUSED(state);
    assert_true(working_set_init(&set, 0, &arena));
    assert_false(working_set_has_number(&set, 1));
}

static void without_memory_there_is_no_set(void **state)
{
    struct working_set set;

    UNUSED(state);
    heap_fail_at(1);
    assert_false(working_set_init(&set, 10, &arena));
    assert_true(heap_has_failed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_get_indexes_in_the_order_in_which_they_come, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_full_set_still_finds_what_it_has, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(texts_chosen_to_collide_cost_no_more_than_others, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(numbers_chosen_to_collide_cost_no_more_than_others, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(asking_whether_a_number_is_there_does_not_add_it, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(texts_are_the_same_by_their_bytes_not_their_place, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_set_for_nothing_is_a_set, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(without_memory_there_is_no_set, open_arena, close_arena),
    };

    return cmocka_run_group_tests_name("working_set", tests, NULL, NULL);
}
