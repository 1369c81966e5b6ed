/* Cells: whose an id or a key is, and ids that are nobody else's. */
#include "cell.h"

#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_key_is_in_the_cell_that_kafkas_own_client_puts_it_in(void **state)
{
    enum { WAYS = 4 };
    static const int32_t cells[WAYS] = {1, 3, 16, 64};
    /* partitionForKey() of Kafka 3.8.1's Java client says these. */
    static const struct {
        struct str key;
        int32_t cell[WAYS];
    } rows[] = {
        {STR_INIT("1"), {0, 0, 15, 15}},         {STR_INIT("2"), {0, 2, 8, 40}},
        {STR_INIT("3"), {0, 2, 15, 63}},         {STR_INIT("4"), {0, 1, 1, 33}},
        {STR_INIT("5"), {0, 0, 6, 6}},           {STR_INIT("6"), {0, 1, 6, 6}},
        {STR_INIT("7"), {0, 0, 3, 51}},          {STR_INIT("8"), {0, 0, 11, 11}},
        {STR_INIT("9"), {0, 2, 3, 3}},           {STR_INIT("10"), {0, 1, 14, 30}},
        {STR_INIT("42"), {0, 1, 12, 44}},        {STR_INIT("100"), {0, 0, 5, 53}},
        {STR_INIT("1234567890"), {0, 2, 5, 53}}, {STR_INIT("9223372036854775807"), {0, 0, 13, 61}},
        {STR_INIT("ticket-7"), {0, 2, 8, 40}},   {STR_INIT("payment-3"), {0, 2, 8, 8}},
        {STR_INIT("Americano"), {0, 2, 0, 32}},  {STR_INIT("아메리카노"), {0, 0, 8, 40}},
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t way = 0; way < WAYS; way++)
            assert_int_equal(cell_of_key(rows[i].key, cells[way]), rows[i].cell[way]);
    }
}

static void an_id_is_in_the_cell_of_its_decimal_text(void **state)
{
    UNUSED(state);
    assert_int_equal(cell_of_id(1, 16), cell_of_key(STR("1"), 16));
    assert_int_equal(cell_of_id(1234567890, 64), cell_of_key(STR("1234567890"), 64));
    assert_int_equal(cell_of_id(INT64_MAX, 1024), cell_of_key(STR("9223372036854775807"), 1024));
}

static void the_only_cell_gives_every_id(void **state)
{
    UNUSED(state);
    for (int64_t last = 0; last < 1000; last++)
        assert_int_equal(cell_next_id(CELL_ONLY, last), last + 1);
    assert_int_equal(cell_next_id(CELL_ONLY, INT64_MAX - 1), INT64_MAX);
}

/* Each id below the end is given once, by its own cell, in growing order. */
static void cells_give_only_their_own_ids_and_together_all(void **state)
{
    enum { CELLS = 16, END = 2000 };
    int given[END] = {0};

    UNUSED(state);
    for (int32_t number = 0; number < CELLS; number++) {
        const struct cell cell = {number, CELLS};
        int64_t last = 0;
        for (int64_t id = cell_next_id(cell, last); id < END; id = cell_next_id(cell, last)) {
            assert_true(id > last);
            assert_int_equal(cell_of_id(id, CELLS), number);
            given[id]++;
            last = id;
        }
        assert_true(last > 0);
    }
    for (int64_t id = 1; id < END; id++)
        assert_int_equal(given[id], 1);
}

static void a_cell_of_the_most_has_ids_too(void **state)
{
    UNUSED(state);
    for (int32_t number = 0; number < CELLS_MOST; number++) {
        int64_t id = cell_next_id((struct cell){number, CELLS_MOST}, 41);
        assert_true(id > 41);
        assert_int_equal(cell_of_id(id, CELLS_MOST), number);
    }
}

static void a_number_is_no_other_cells_either_and_says_whose_it_is(void **state)
{
    UNUSED(state);
    assert_int_equal(cell_next_number(CELL_ONLY, 0), 1);
    assert_int_equal(cell_next_number(CELL_ONLY, 1), 2);
    for (int32_t number = 0; number < 3; number++) {
        int64_t first = cell_next_number((struct cell){number, 3}, 0);
        assert_int_equal(first, number + 1);
        assert_int_equal(cell_next_number((struct cell){number, 3}, first), number + 4);
        assert_int_equal(cell_of_number(first, 3), number);
        assert_int_equal(cell_of_number(number + 4, 3), number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_in_the_cell_that_kafkas_own_client_puts_it_in),
        cmocka_unit_test(an_id_is_in_the_cell_of_its_decimal_text),
        cmocka_unit_test(the_only_cell_gives_every_id),
        cmocka_unit_test(cells_give_only_their_own_ids_and_together_all),
        cmocka_unit_test(a_cell_of_the_most_has_ids_too),
        cmocka_unit_test(a_number_is_no_other_cells_either_and_says_whose_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
