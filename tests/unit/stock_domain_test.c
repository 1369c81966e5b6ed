/* The tables of stock: every state x command cell of the row and of the reservation, and the arithmetic behind them. */
#include "reservation.h"
#include "stock.h"

#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { NOW = 1000 };

static struct stock row(enum stock_state state, int64_t on_hand)
{
    return (struct stock){.id = state == STOCK_NONE ? 0 : 7,
                          .state = state,
                          .product_name = STR("Latte"),
                          .on_hand = on_hand,
                          .version = state == STOCK_NONE ? 0 : 3};
}

static struct stock_intent intent(enum stock_command_kind kind, int64_t qty)
{
    return (struct stock_intent){
        .kind = kind, .id = 7, .product_name = STR("Latte"), .qty = qty, .change = -3, .reservation_id = STR("o42.1")};
}

/* ---- the row ---- */

static const struct {
    enum stock_state state;
    enum stock_command_kind command;
    enum stock_verdict verdict;
    enum stock_event_kind event;
    enum stock_refusal refusal;
    int64_t on_hand; /* afterwards; there were 10, and 4 are asked for, or 3 taken off */
} row_cells[] = {
    {STOCK_NONE, STOCK_ADD, STOCK_DECIDED, STOCK_EVENT_RECEIVED, STOCK_REFUSAL_NONE, 4},
    {STOCK_NONE, STOCK_RECEIVE, STOCK_REFUSED, 0, STOCK_REFUSAL_NOT_KEPT, 0},
    {STOCK_NONE, STOCK_CORRECT, STOCK_REFUSED, 0, STOCK_REFUSAL_NOT_KEPT, 0},
    {STOCK_NONE, STOCK_REMOVE, STOCK_REFUSED, 0, STOCK_REFUSAL_NOT_KEPT, 0},
    {STOCK_NONE, STOCK_REDUCE, STOCK_DECLINED, 0, STOCK_REFUSAL_NONE, 0},
    {STOCK_NONE, STOCK_GIVE_BACK, STOCK_BROKEN, 0, STOCK_REFUSAL_NONE, 0},
    {STOCK_NONE, STOCK_MARK, STOCK_REFUSED, 0, STOCK_REFUSAL_NOT_KEPT, 0},
    {STOCK_NONE, STOCK_ADJUST, STOCK_REFUSED, 0, STOCK_REFUSAL_NOT_KEPT, 0},
    {STOCK_KEPT, STOCK_ADD, STOCK_REFUSED, 0, STOCK_REFUSAL_KEPT_ALREADY, 10},
    {STOCK_KEPT, STOCK_RECEIVE, STOCK_DECIDED, STOCK_EVENT_RECEIVED, STOCK_REFUSAL_NONE, 14},
    {STOCK_KEPT, STOCK_CORRECT, STOCK_DECIDED, STOCK_EVENT_CORRECTED, STOCK_REFUSAL_NONE, 4},
    {STOCK_KEPT, STOCK_REMOVE, STOCK_DECIDED, STOCK_EVENT_REMOVED, STOCK_REFUSAL_NONE, 0},
    {STOCK_KEPT, STOCK_REDUCE, STOCK_DECIDED, STOCK_EVENT_REDUCED, STOCK_REFUSAL_NONE, 6},
    {STOCK_KEPT, STOCK_GIVE_BACK, STOCK_DECIDED, STOCK_EVENT_RELEASED, STOCK_REFUSAL_NONE, 14},
    {STOCK_KEPT, STOCK_MARK, STOCK_NOTED, 0, STOCK_REFUSAL_NONE, 10},
    {STOCK_KEPT, STOCK_ADJUST, STOCK_DECIDED, STOCK_EVENT_CORRECTED, STOCK_REFUSAL_NONE, 7},
    {STOCK_REMOVED, STOCK_ADD, STOCK_BROKEN, 0, STOCK_REFUSAL_NONE, 0},
    {STOCK_REMOVED, STOCK_RECEIVE, STOCK_REFUSED, 0, STOCK_REFUSAL_NOT_KEPT, 0},
    {STOCK_REMOVED, STOCK_CORRECT, STOCK_REFUSED, 0, STOCK_REFUSAL_NOT_KEPT, 0},
    {STOCK_REMOVED, STOCK_REMOVE, STOCK_REFUSED, 0, STOCK_REFUSAL_NOT_KEPT, 0},
    {STOCK_REMOVED, STOCK_REDUCE, STOCK_DECLINED, 0, STOCK_REFUSAL_NONE, 0},
    {STOCK_REMOVED, STOCK_GIVE_BACK, STOCK_REPEAT, 0, STOCK_REFUSAL_NONE, 0},
    {STOCK_REMOVED, STOCK_MARK, STOCK_REFUSED, 0, STOCK_REFUSAL_NOT_KEPT, 0},
    {STOCK_REMOVED, STOCK_ADJUST, STOCK_REFUSED, 0, STOCK_REFUSAL_NOT_KEPT, 0},
};
_Static_assert(COUNT_OF(row_cells) == (size_t)STOCK_STATE_COUNT * STOCK_COMMAND_COUNT, "every cell is tested");

static void every_row_state_answers_every_command_as_its_table_says(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(row_cells); i++) {
        struct stock stock = row(row_cells[i].state, row_cells[i].state == STOCK_KEPT ? 10 : 0);
        struct stock_intent asked = intent(row_cells[i].command, 4);
        struct stock_decision decision;
        int64_t version = stock.version;

        enum stock_verdict verdict = stock_decide(&stock, &asked, NOW, &decision);
        print_message("%s + %s\n", stock_state_name(stock.state), stock_command_name(asked.kind));
        assert_int_equal(verdict, row_cells[i].verdict);
        assert_int_equal(decision.refusal, row_cells[i].refusal);
        if (verdict == STOCK_DECIDED) {
            assert_int_equal(decision.event.kind, row_cells[i].event);
            stock_apply(&stock, &decision.event);
            assert_int_equal(stock.version, version + 1);
            assert_int_equal(stock.updated_at, NOW);
            assert_int_equal(stock.state, row_cells[i].command == STOCK_REMOVE ? STOCK_REMOVED : STOCK_KEPT);
        }
        assert_int_equal(stock.on_hand, row_cells[i].on_hand);
    }
}

static enum stock_verdict decide_row(int64_t on_hand, enum stock_command_kind kind, int64_t qty,
                                     struct stock_decision *out)
{
    struct stock stock = row(STOCK_KEPT, on_hand);
    struct stock_intent asked = intent(kind, qty);

    return stock_decide(&stock, &asked, NOW, out);
}

static void the_last_cup_can_be_taken_and_one_more_can_not(void **state)
{
    struct stock_decision decision;

    UNUSED(state);
    assert_int_equal(decide_row(4, STOCK_REDUCE, 4, &decision), STOCK_DECIDED);
    assert_int_equal(decision.event.on_hand, 0);
    assert_int_equal(decide_row(4, STOCK_REDUCE, 5, &decision), STOCK_DECLINED);
    assert_int_equal(decide_row(0, STOCK_REDUCE, 1, &decision), STOCK_DECLINED);
    assert_int_equal(decide_row(4, STOCK_REDUCE, INT64_MAX, &decision), STOCK_DECLINED);
}

static void a_row_is_not_filled_above_its_limit_but_takes_everything_back(void **state)
{
    struct stock_decision decision;

    UNUSED(state);
    assert_int_equal(decide_row(10, STOCK_RECEIVE, STOCK_ON_HAND_MAX - 10, &decision), STOCK_DECIDED);
    assert_int_equal(decide_row(10, STOCK_RECEIVE, STOCK_ON_HAND_MAX - 9, &decision), STOCK_REFUSED);
    assert_int_equal(decision.refusal, STOCK_REFUSAL_TOO_MUCH);
    assert_int_equal(decide_row(10, STOCK_RECEIVE, INT64_MAX, &decision), STOCK_REFUSED);
    assert_int_equal(decide_row(10, STOCK_CORRECT, INT64_MAX, &decision), STOCK_REFUSED);
    assert_int_equal(decide_row(STOCK_ON_HAND_MAX, STOCK_GIVE_BACK, 5, &decision), STOCK_DECIDED);
    assert_int_equal(decision.event.on_hand, STOCK_ON_HAND_MAX + 5);
    assert_int_equal(decide_row(STOCK_ON_HAND_MAX + 5, STOCK_RECEIVE, 1, &decision), STOCK_REFUSED);
}

static void a_low_mark_is_the_keepers_note_and_moves_nothing(void **state)
{
    struct stock stock = row(STOCK_KEPT, 10);
    struct stock_intent wanted = intent(STOCK_MARK, 4);
    struct stock_decision decision;

    UNUSED(state);
    assert_int_equal(stock_decide(&stock, &wanted, NOW, &decision), STOCK_NOTED);
    stock_note(&stock, &wanted);
    assert_int_equal(stock.low_mark, 4);
    assert_int_equal(stock.on_hand, 10);
    assert_int_equal(stock.version, 3);
    assert_int_equal(stock_decide(&stock, &wanted, NOW, &decision), STOCK_REPEAT);
}

static enum stock_verdict adjust(int64_t on_hand, int64_t change, struct stock_decision *out)
{
    struct stock stock = row(STOCK_KEPT, on_hand);
    struct stock_intent asked = {.kind = STOCK_ADJUST, .id = 7, .change = change};

    return stock_decide(&stock, &asked, NOW, out);
}

static void a_difference_is_added_to_what_is_there_now_and_never_goes_below_nothing(void **state)
{
    struct stock_decision decision;

    UNUSED(state);
    assert_int_equal(adjust(70, -2, &decision), STOCK_DECIDED);
    assert_int_equal(decision.event.kind, STOCK_EVENT_CORRECTED);
    assert_int_equal(decision.event.qty, -2);
    assert_int_equal(decision.event.on_hand, 68);
    assert_int_equal(adjust(70, 5, &decision), STOCK_DECIDED);
    assert_int_equal(decision.event.on_hand, 75);
    assert_int_equal(adjust(2, -2, &decision), STOCK_DECIDED);
    assert_int_equal(decision.event.on_hand, 0);
    assert_int_equal(adjust(2, -3, &decision), STOCK_REFUSED);
    assert_int_equal(decision.refusal, STOCK_REFUSAL_TOO_LITTLE);
    assert_int_equal(adjust(2, INT64_MIN, &decision), STOCK_REFUSED);
    assert_int_equal(adjust(2, 0, &decision), STOCK_REPEAT);
    assert_int_equal(adjust(STOCK_ON_HAND_MAX, 1, &decision), STOCK_REFUSED);
    assert_int_equal(decision.refusal, STOCK_REFUSAL_TOO_MUCH);
    assert_int_equal(adjust(2, INT64_MAX, &decision), STOCK_REFUSED);
    assert_int_equal(adjust(STOCK_ON_HAND_MAX + 5, -1, &decision), STOCK_DECIDED); /* what came back may be above it */
}

static void a_change_meant_for_another_edition_of_the_row_is_refused(void **state)
{
    static const enum stock_command_kind kinds[] = {STOCK_CORRECT, STOCK_ADJUST, STOCK_REMOVE, STOCK_MARK};
    static const struct stock_edition seen[] = {{2, 0}, {3, 5}}, as_it_is = {3, 0};
    struct stock stock = row(STOCK_KEPT, 10);
    struct stock_decision decision;

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct stock_intent asked = intent(kinds[i], 4);
        asked.expected = (struct stock_expectation){true, seen, COUNT_OF(seen)};
        assert_int_equal(stock_decide(&stock, &asked, NOW, &decision), STOCK_REFUSED);
        assert_int_equal(decision.refusal, STOCK_REFUSAL_CHANGED);
        asked.expected = (struct stock_expectation){true, &as_it_is, 1};
        assert_int_not_equal(stock_decide(&stock, &asked, NOW, &decision), STOCK_REFUSED);
        asked.expected = (struct stock_expectation){.given = true}; /* tags that aren't ours */
        assert_int_equal(stock_decide(&stock, &asked, NOW, &decision), STOCK_REFUSED);
    }
}

static void a_correction_tells_the_difference_and_nothing_when_there_is_none(void **state)
{
    struct stock_decision decision;

    UNUSED(state);
    assert_int_equal(decide_row(10, STOCK_CORRECT, 4, &decision), STOCK_DECIDED);
    assert_int_equal(decision.event.qty, -6);
    assert_int_equal(decision.event.on_hand, 4);
    assert_int_equal(decide_row(10, STOCK_CORRECT, 10, &decision), STOCK_REPEAT);
}

static void a_removal_tells_what_was_left(void **state)
{
    struct stock_decision decision;

    UNUSED(state);
    assert_int_equal(decide_row(10, STOCK_REMOVE, 0, &decision), STOCK_DECIDED);
    assert_int_equal(decision.event.qty, 10);
    assert_int_equal(decision.event.on_hand, 0);
}

/* ---- the reservation ---- */

static struct reservation reservation_in(enum reservation_state state)
{
    struct reservation reservation = {.id = STR("o42.1"), .state = state};

    if (state != RESERVATION_NONE) {
        reservation.product_name = STR("Latte");
        reservation.qty = 4;
        reservation.stock_id = 7;
        reservation.deducted = state == RESERVATION_REDUCED || state == RESERVATION_RELEASED;
    }
    return reservation;
}

static const struct {
    enum reservation_state state;
    enum reservation_command_kind command;
    int64_t on_hand; /* before; 4 are asked for */
    enum stock_verdict verdict;
    enum reservation_state after;
    bool yes;
    int64_t on_hand_after;
} reservation_cells[] = {
    {RESERVATION_NONE, RESERVATION_REDUCE, 10, STOCK_DECIDED, RESERVATION_REDUCED, true, 6},
    {RESERVATION_NONE, RESERVATION_REDUCE, 3, STOCK_DECIDED, RESERVATION_REFUSED, false, 3},
    {RESERVATION_NONE, RESERVATION_RELEASE, 10, STOCK_DECIDED, RESERVATION_RELEASED, false, 10},
    {RESERVATION_REDUCED, RESERVATION_REDUCE, 10, STOCK_REPEAT, RESERVATION_REDUCED, true, 10},
    {RESERVATION_REDUCED, RESERVATION_RELEASE, 10, STOCK_DECIDED, RESERVATION_RELEASED, true, 14},
    {RESERVATION_REFUSED, RESERVATION_REDUCE, 10, STOCK_REPEAT, RESERVATION_REFUSED, false, 10},
    {RESERVATION_REFUSED, RESERVATION_RELEASE, 10, STOCK_DECIDED, RESERVATION_RELEASED, false, 10},
    {RESERVATION_RELEASED, RESERVATION_REDUCE, 10, STOCK_REPEAT, RESERVATION_RELEASED, false, 10},
    {RESERVATION_RELEASED, RESERVATION_RELEASE, 10, STOCK_REPEAT, RESERVATION_RELEASED, true, 10},
};
_Static_assert(COUNT_OF(reservation_cells) == (size_t)RESERVATION_STATE_COUNT * RESERVATION_COMMAND_COUNT + 1,
               "every cell is tested, and both outcomes of the first");

static void every_reservation_state_answers_every_command_as_its_table_says(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(reservation_cells); i++) {
        struct stock stock = row(STOCK_KEPT, reservation_cells[i].on_hand);
        struct reservation reservation = reservation_in(reservation_cells[i].state);
        enum reservation_command_kind command = reservation_cells[i].command;
        struct stock_intent asked = intent(command == RESERVATION_REDUCE ? STOCK_REDUCE : STOCK_GIVE_BACK, 4);
        struct reservation_decision decision;

        print_message("%s + %s\n", reservation_state_name(reservation.state), reservation_command_name(command));
        enum stock_verdict verdict = reservation_decide(&reservation, &stock, &asked, NOW, &decision);
        assert_int_equal(verdict, reservation_cells[i].verdict);
        if (verdict == STOCK_DECIDED) {
            reservation_apply(&reservation, &stock, &decision.event);
            assert_int_equal(reservation.changed_at, NOW);
        }
        assert_int_equal(reservation.state, reservation_cells[i].after);
        assert_int_equal(reservation_answer(&reservation, command), reservation_cells[i].yes);
        assert_int_equal(stock.on_hand, reservation_cells[i].on_hand_after);
    }
}

static void a_reservation_is_for_one_item_and_one_quantity(void **state)
{
    UNUSED(state);
    for (enum reservation_state in = RESERVATION_REDUCED; in < RESERVATION_STATE_COUNT; in++) {
        struct stock stock = row(STOCK_KEPT, 10);
        struct reservation reservation = reservation_in(in);
        struct reservation_decision decision;
        struct stock_intent other_qty = intent(STOCK_REDUCE, 5);
        struct stock_intent other_item = intent(STOCK_REDUCE, 4);
        struct stock_intent other_case = intent(STOCK_REDUCE, 4);

        other_item.product_name = STR("Tea");
        other_case.product_name = STR("LATTE");
        assert_int_equal(reservation_decide(&reservation, &stock, &other_qty, NOW, &decision), STOCK_REFUSED);
        assert_int_equal(decision.refusal, STOCK_REFUSAL_ANOTHER_RESERVATION);
        assert_int_equal(reservation_decide(&reservation, &stock, &other_item, NOW, &decision), STOCK_REFUSED);
        assert_int_equal(reservation_decide(&reservation, &stock, &other_case, NOW, &decision), STOCK_REPEAT);
    }
}

static void a_reservation_of_what_is_not_kept_is_refused_for_good(void **state)
{
    struct stock nothing = {0};
    struct stock later = row(STOCK_KEPT, 10);
    struct reservation reservation = reservation_in(RESERVATION_NONE);
    struct stock_intent asked = intent(STOCK_REDUCE, 4);
    struct reservation_decision decision;

    UNUSED(state);
    assert_int_equal(reservation_decide(&reservation, &nothing, &asked, NOW, &decision), STOCK_DECIDED);
    assert_false(decision.event.moves);
    reservation_apply(&reservation, &nothing, &decision.event);
    assert_int_equal(reservation_decide(&reservation, &later, &asked, NOW, &decision), STOCK_REPEAT);
    assert_false(reservation_answer(&reservation, RESERVATION_REDUCE));
}

static void what_comes_back_for_a_removed_row_is_written_off(void **state)
{
    struct stock stock = row(STOCK_REMOVED, 0);
    struct reservation reservation = reservation_in(RESERVATION_REDUCED);
    struct stock_intent asked = intent(STOCK_GIVE_BACK, 0);
    struct reservation_decision decision;

    UNUSED(state);
    assert_int_equal(reservation_decide(&reservation, &stock, &asked, NOW, &decision), STOCK_DECIDED);
    assert_false(decision.event.moves);
    reservation_apply(&reservation, &stock, &decision.event);
    assert_int_equal(stock.on_hand, 0);
    assert_true(reservation_answer(&reservation, RESERVATION_RELEASE));
}

static void what_was_taken_from_no_row_can_not_come_back(void **state)
{
    struct stock nothing = {.id = 7};
    struct reservation reservation = reservation_in(RESERVATION_REDUCED);
    struct stock_intent asked = intent(STOCK_GIVE_BACK, 0);
    struct reservation_decision decision;

    UNUSED(state);
    assert_int_equal(reservation_decide(&reservation, &nothing, &asked, NOW, &decision), STOCK_BROKEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_state_answers_every_command_as_its_table_says),
        cmocka_unit_test(the_last_cup_can_be_taken_and_one_more_can_not),
        cmocka_unit_test(a_row_is_not_filled_above_its_limit_but_takes_everything_back),
        cmocka_unit_test(a_difference_is_added_to_what_is_there_now_and_never_goes_below_nothing),
        cmocka_unit_test(a_change_meant_for_another_edition_of_the_row_is_refused),
        cmocka_unit_test(a_correction_tells_the_difference_and_nothing_when_there_is_none),
        cmocka_unit_test(a_low_mark_is_the_keepers_note_and_moves_nothing),
        cmocka_unit_test(a_removal_tells_what_was_left),
        cmocka_unit_test(every_reservation_state_answers_every_command_as_its_table_says),
        cmocka_unit_test(a_reservation_is_for_one_item_and_one_quantity),
        cmocka_unit_test(a_reservation_of_what_is_not_kept_is_refused_for_good),
        cmocka_unit_test(what_comes_back_for_a_removed_row_is_written_off),
        cmocka_unit_test(what_was_taken_from_no_row_can_not_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
