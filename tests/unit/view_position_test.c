/* A follower's position as a text: what was written is read again, and nonsense isn't taken for one. */
#include "view_position.h"

#include "base.h"
#include "cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1764455555 };

static void assert_is_written(const int64_t *last, int32_t cells, const char *expected)
{
    struct buf text = {0};

    view_position_write(&text, last, cells);
    assert_true(str_is(buf_str(&text), expected));
    buf_free(&text);
}

static void assert_comes_back(const int64_t *last, int32_t cells, size_t most)
{
    static int64_t read[CELLS_MOST];
    struct buf text = {0};

    view_position_write(&text, last, cells);
    assert_true(text.n <= most);
    assert_int_equal(view_position_read(buf_str(&text), read, cells), VIEW_POSITION_READ);
    assert_memory_equal(read, last, (size_t)cells * sizeof(last[0]));
    buf_free(&text);
}

static void of_one_cell_it_is_the_number_of_a_change(void **state)
{
    int64_t last = INT64_C(1764455555123456);

    UNUSED(state);
    assert_is_written(&last, 1, "1764455555123456");
    assert_comes_back(&last, 1, 19);
    last = INT64_MAX;
    assert_comes_back(&last, 1, 19);
    assert_is_written(&(int64_t){0}, 1, "0");
}

static void of_several_it_names_each_cells_last_change(void **state)
{
    const int64_t last[] = {1000, 0, 999, 1}, nothing[] = {0, 0, 0, 0};

    UNUSED(state);
    assert_is_written(last, 4, "1000.0..1.rr");
    assert_is_written(nothing, 4, "0");
    assert_comes_back(last, 4, 32);
    assert_comes_back(nothing, 4, 1);
    assert_comes_back((int64_t[]){INT64_MAX, 1}, 2, 64);
}

static void it_is_short_while_all_cells_are_busy_and_never_longer_than_a_head_has_room_for(void **state)
{
    static int64_t last[CELLS_MOST];

    UNUSED(state);
    for (int32_t i = 0; i < CELLS_MOST; i++) /* within a second */
        last[i] = INT64_C(1000000) * NOW + (int64_t)i * 900;
    assert_comes_back(last, 16, 16 + 16 * 5);
    assert_comes_back(last, 64, 16 + 64 * 5);
    for (int32_t i = 1; i < CELLS_MOST; i++)
        last[i] = 1;
    assert_comes_back(last, 512, 16 + 512 * 11);
    assert_comes_back(last, CELLS_MOST, 16 + CELLS_MOST * 11);
}

static void the_beginning_is_the_same_in_every_shop(void **state)
{
    int64_t last[3] = {7, 7, 7};

    UNUSED(state);
    assert_int_equal(view_position_read(STR("0"), last, 3), VIEW_POSITION_READ);
    assert_true(last[0] == 0 && last[1] == 0 && last[2] == 0);
    assert_int_equal(view_position_read(STR("0"), last, 1), VIEW_POSITION_READ);
    assert_int_equal(last[0], 0);
}

static void one_of_a_shop_of_other_cells_is_foreign(void **state)
{
    static const char *const of_others[] = {"1000", "1000.0.1", "1000.0.1.2.3.4", "1000.....", "5.0.1"};
    int64_t last[4];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(of_others); i++) {
        last[0] = 7;
        assert_int_equal(view_position_read(str_of(of_others[i]), last, 4), VIEW_POSITION_FOREIGN);
        assert_int_equal(last[0], 0);
    }
    assert_int_equal(view_position_read(STR("1000.0..1.rr"), last, 1), VIEW_POSITION_FOREIGN);
}

static void what_nobody_was_ever_given_is_malformed(void **state)
{
    static const char *const nonsense[] = {"",
                                           "soon",
                                           "-1",
                                           "1.5",
                                           "1.",
                                           ".",
                                           "0.0.0",
                                           "10.0.A",
                                           "10.0.-1",
                                           "10.0.a",
                                           "10.0. 1",
                                           "10.0.1x!",
                                           "1000.0x",
                                           "9.0.0.0.9",
                                           "-5.0.1",
                                           "+5.0.1",
                                           " 5.0.1",
                                           "5.0.1 ",
                                           "1e3.0.1",
                                           "5..0,1",
                                           "5.0.zzzzzzzzzzzzzz",
                                           "99999999999999999999",
                                           "99999999999999999999.0.1"};
    struct buf text = {0};
    int64_t last[4];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        for (int32_t cells = 1; cells <= 4; cells++)
            assert_int_equal(view_position_read(str_of(nonsense[i]), last, cells), VIEW_POSITION_MALFORMED);
    }
    BUF_LIT(&text, "9");
    for (int32_t i = 0; i <= CELLS_MOST; i++)
        BUF_LIT(&text, ".0");
    assert_int_equal(view_position_read(buf_str(&text), last, 4), VIEW_POSITION_MALFORMED);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_one_cell_it_is_the_number_of_a_change),
        cmocka_unit_test(of_several_it_names_each_cells_last_change),
        cmocka_unit_test(it_is_short_while_all_cells_are_busy_and_never_longer_than_a_head_has_room_for),
        cmocka_unit_test(the_beginning_is_the_same_in_every_shop),
        cmocka_unit_test(one_of_a_shop_of_other_cells_is_foreign),
        cmocka_unit_test(what_nobody_was_ever_given_is_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
