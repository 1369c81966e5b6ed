/* How often goods have come. */
#include "goods.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void every_delivery_counts_for_its_item_alone(void **state)
{
    struct goods goods;

    UNUSED(state);
    assert_int_equal(goods_init(&goods), OK);
    assert_int_equal(goods_count(&goods, STR("Latte")), 0);
    assert_int_equal(goods_came(&goods, STR("Latte")), OK);
    assert_int_equal(goods_came(&goods, STR("Tea")), OK);
    assert_int_equal(goods_came(&goods, STR("Latte")), OK);
    assert_int_equal(goods_count(&goods, STR("Latte")), 2);
    assert_int_equal(goods_count(&goods, STR("Tea")), 1);
    assert_int_equal(goods_count(&goods, STR("Mocha")), 0);
    goods_free(&goods);
}

static void an_item_is_one_however_its_name_is_spelled(void **state)
{
    struct goods goods;

    UNUSED(state);
    assert_int_equal(goods_init(&goods), OK);
    assert_int_equal(goods_came(&goods, STR("LATTE")), OK);
    assert_int_equal(goods_came(&goods, STR("\xc3\x89"
                                            "clair")),
                     OK); /* É */
    assert_int_equal(goods_came(&goods, STR("e\xcc\x81"
                                            "CLAIR")),
                     OK); /* e and its accent */
    assert_int_equal(goods_count(&goods, STR("Latte")), 1);
    assert_int_equal(goods_count(&goods, STR("\xc3\xa9"
                                             "clair")),
                     2);
    assert_int_equal(goods.n, 2);
    goods_free(&goods);
}

static void a_name_is_kept_as_a_copy(void **state)
{
    struct goods goods;
    char name[] = "Latte";

    UNUSED(state);
    assert_int_equal(goods_init(&goods), OK);
    assert_int_equal(goods_came(&goods, str_of(name)), OK);
    name[0] = 'M';
    assert_int_equal(goods_count(&goods, STR("Latte")), 1);
    goods_free(&goods);
}

/* With more names than there is room for, a delivery of one is seen as one of others: asked once more, never once too
 * few. */
static void names_beyond_the_room_share_a_count(void **state)
{
    struct goods goods;
    char name[32];

    UNUSED(state);
    assert_int_equal(goods_init(&goods), OK);
    for (int i = 0; i < GOODS_MAX_ITEMS + 10; i++) {
        snprintf(name, sizeof(name), "item %d", i);
        int64_t before = goods_count(&goods, str_of(name));
        assert_int_equal(goods_came(&goods, str_of(name)), OK);
        assert_int_equal(goods_count(&goods, str_of(name)), before + 1);
    }
    assert_int_equal(goods.n, GOODS_MAX_ITEMS);
    goods_free(&goods);
}

static void what_is_set_free_is_offered_once(void **state)
{
    struct goods goods;

    UNUSED(state);
    assert_int_equal(goods_init(&goods), OK);
    goods_set_free(&goods, STR("Latte"), 0);
    assert_false(goods.has_spare);
    goods_set_free(&goods, STR("Latte"), 2);
    goods_set_free(&goods, STR("Latte"), 3);
    assert_true(goods.has_spare);
    assert_int_equal(goods.spare[0], 5);
    assert_int_equal(goods_count(&goods, STR("Latte")), 0); /* nothing has come */
    goods_begin(&goods);
    goods_were_offered(&goods);
    assert_false(goods.has_spare);
    assert_int_equal(goods.spare[0], 0);
    goods_free(&goods);
}

static void what_one_batch_is_too_small_for_is_spare_in_the_next(void **state)
{
    struct goods goods;

    UNUSED(state);
    assert_int_equal(goods_init(&goods), OK);
    goods_begin(&goods);
    goods_leave_over(&goods, STR("Latte"), 7);
    assert_false(goods.has_spare);
    goods_begin(&goods); /* that batch was not committed */
    goods_leave_over(&goods, STR("Latte"), 5);
    goods_were_offered(&goods);
    assert_true(goods.has_spare);
    assert_int_equal(goods.spare[0], 5);
    goods_begin(&goods);
    goods_were_offered(&goods);
    assert_false(goods.has_spare);
    assert_int_equal(goods.spare[0], 0);
    goods_free(&goods);
}

static void what_was_too_little_for_anybody_is_set_free_with_the_rest(void **state)
{
    struct goods goods;

    UNUSED(state);
    assert_int_equal(goods_init(&goods), OK);
    goods_rest(&goods, STR("Latte"), 4);
    goods_set_free(&goods, STR("Latte"), 2);
    assert_int_equal(goods.spare[0], 6);
    goods_set_free(&goods, STR("Latte"), 3);
    assert_int_equal(goods.spare[0], 9); /* it is there once */
    goods_free(&goods);
}

static void stocks_no_is_the_most_that_there_can_be(void **state)
{
    struct goods goods;

    UNUSED(state);
    assert_int_equal(goods_init(&goods), OK);
    goods_are_at_most(&goods, STR("Latte"), 0);
    assert_false(goods.has_spare);
    goods_rest(&goods, STR("Latte"), 4);
    goods_are_at_most(&goods, STR("Latte"), 2);
    goods_are_at_most(&goods, STR("Latte"), 1);
    assert_true(goods.has_spare);
    assert_int_equal(goods.spare[0], 2);
    goods_set_free(&goods, STR("Latte"), 1);
    assert_int_equal(goods.spare[0], 3); /* what had been reckoned as left was wrong */
    goods_free(&goods);
}

static void without_memory_a_delivery_fails_and_counts_the_next_time(void **state)
{
    struct goods goods;
    char name[20000] = {0}; /* more than a block of the arena has left */

    UNUSED(state);
    memset(name, 'x', sizeof(name) - 1);
    assert_int_equal(goods_init(&goods), OK);
    heap_fail_at(1);
    assert_int_equal(goods_came(&goods, str_of(name)), E_MEMORY);
    heap_fail_at(0);
    assert_int_equal(goods_count(&goods, str_of(name)), 0);
    assert_int_equal(goods_came(&goods, str_of(name)), OK);
    assert_int_equal(goods_count(&goods, str_of(name)), 1);
    goods_free(&goods);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_delivery_counts_for_its_item_alone),
        cmocka_unit_test(an_item_is_one_however_its_name_is_spelled),
        cmocka_unit_test(a_name_is_kept_as_a_copy),
        cmocka_unit_test(names_beyond_the_room_share_a_count),
        cmocka_unit_test(what_is_set_free_is_offered_once),
        cmocka_unit_test(what_one_batch_is_too_small_for_is_spare_in_the_next),
        cmocka_unit_test(what_was_too_little_for_anybody_is_set_free_with_the_rest),
        cmocka_unit_test(stocks_no_is_the_most_that_there_can_be),
        cmocka_unit_test(without_memory_a_delivery_fails_and_counts_the_next_time),
    };

    return cmocka_run_group_tests_name("goods", tests, NULL, NULL);
}
