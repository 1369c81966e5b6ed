/* Whose an item, a row and what is reserved from it are. */
#include "stock_cell.h"

#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int32_t cell_of(const char *name, int32_t count)
{
    struct arena arena;
    int32_t cell = -1;

    arena_init(&arena, 0);
    assert_true(stock_cell_of_name(&arena, str_of(name), count, &cell));
    arena_free(&arena);
    return cell;
}

static void an_item_is_in_one_cell_however_it_is_spelled(void **state)
{
    static const int32_t counts[] = {1, 2, 4, 16, 64, CELLS_MOST};
    static const char *const same[][2] = {
        {"Americano", "AMERICANO"},
        {"Caff\u00c8 Latte", "caffe\u0300 LATTE"},
        {"\uc544\uba54", "\u110b\u1161\u1106\u1166"},
        {"Stra\u00dfe", "STRASSE"},
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        for (size_t j = 0; j < COUNT_OF(counts); j++) {
            int32_t cell = cell_of(same[i][0], counts[j]);
            assert_in_range(cell, 0, counts[j] - 1);
            assert_int_equal(cell_of(same[i][1], counts[j]), cell);
        }
    }
}

/* As long as a shop lives its items have to be found where they were put. */
static void an_item_is_where_it_always_was(void **state)
{
    UNUSED(state);
    assert_int_equal(cell_of("Americano", 16), cell_of_key(STR("americano"), 16));
    assert_int_equal(cell_of("Americano", 16), 5);
    assert_int_equal(cell_of("Latte", 16), 10);
    assert_int_equal(cell_of("Cappuccino", 16), 11);
    assert_int_equal(cell_of("Mocha", 16), 2);
    assert_int_equal(cell_of("Tea", 16), 2);
}

static void in_a_shop_of_one_cell_everything_is_in_it(void **state)
{
    UNUSED(state);
    assert_int_equal(cell_of("Americano", 1), 0);
    assert_int_equal(stock_cell_of_id(1, 1), 0);
    assert_int_equal(stock_cell_of_id(INT64_MAX, 1), 0);
}

static void a_row_is_in_the_cell_that_gave_its_id(void **state)
{
    enum { CELLS = 16, ROWS = 100 };

    UNUSED(state);
    for (int32_t number = 0; number < CELLS; number++) {
        int64_t id = 0;
        for (int i = 0; i < ROWS; i++) {
            id = cell_next_number((struct cell){number, CELLS}, id);
            assert_int_equal(stock_cell_of_id(id, CELLS), number);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_is_in_one_cell_however_it_is_spelled),
        cmocka_unit_test(an_item_is_where_it_always_was),
        cmocka_unit_test(in_a_shop_of_one_cell_everything_is_in_it),
        cmocka_unit_test(a_row_is_in_the_cell_that_gave_its_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
