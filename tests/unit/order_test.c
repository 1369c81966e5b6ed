/* The order's table: every state x command cell, read from the same list and held against what a customer would expect.
 */
#include "order.h"

#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { NOW = 5000, BEFORE = 1000 };

/* "Canceled+": it becomes so, and others hear of it. "Producing": it becomes so. "-": nothing new. "ask" (product),
 * "pay" (payment is asked), "bug", and the reason of a refusal. */
static const char *const expected[ORDER_STATE_COUNT][ORDER_COMMAND_COUNT] = {
    [ORDER_NONE] =
        {
            [ORDER_PLACE] = "Requested+",
            [ORDER_CANCEL] = "none such",
            [ORDER_CANCEL_CONFIRMED] = "bug",
            [ORDER_CANCEL_REFUSED] = "bug",
            [ORDER_STARTED] = "none such",
            [ORDER_RAN_OUT] = "none such",
            [ORDER_REQUEUED] = "none such",
            [ORDER_PRODUCED] = "none such",
            [ORDER_PRODUCT_CANCELED] = "none such",
            [ORDER_BUY] = "pay",
            [ORDER_DECLINED] = "declined",
            [ORDER_REFUNDED] = "none such",
        },
    [ORDER_REQUESTED] =
        {
            [ORDER_PLACE] = "bug",
            [ORDER_CANCEL] = "ask",
            [ORDER_CANCEL_CONFIRMED] = "Canceled+",
            [ORDER_CANCEL_REFUSED] = "started",
            [ORDER_STARTED] = "Producing",
            [ORDER_RAN_OUT] = "Out of stock",
            [ORDER_REQUEUED] = "Requested",
            [ORDER_PRODUCED] = "Completed",
            [ORDER_PRODUCT_CANCELED] = "Canceled+",
            [ORDER_BUY] = "bug",
            [ORDER_DECLINED] = "bug",
            [ORDER_REFUNDED] = "Requested",
        },
    [ORDER_OUT_OF_STOCK] =
        {
            [ORDER_PLACE] = "bug",
            [ORDER_CANCEL] = "ask",
            [ORDER_CANCEL_CONFIRMED] = "Canceled+",
            [ORDER_CANCEL_REFUSED] = "started",
            [ORDER_STARTED] = "Producing",
            [ORDER_RAN_OUT] = "Out of stock",
            [ORDER_REQUEUED] = "Requested",
            [ORDER_PRODUCED] = "Completed",
            [ORDER_PRODUCT_CANCELED] = "Canceled+",
            [ORDER_BUY] = "bug",
            [ORDER_DECLINED] = "bug",
            [ORDER_REFUNDED] = "Out of stock",
        },
    [ORDER_PRODUCING] =
        {
            [ORDER_PLACE] = "bug",
            [ORDER_CANCEL] = "started",
            [ORDER_CANCEL_CONFIRMED] = "bug",
            [ORDER_CANCEL_REFUSED] = "started",
            [ORDER_STARTED] = "-",
            [ORDER_RAN_OUT] = "bug",
            [ORDER_REQUEUED] = "bug",
            [ORDER_PRODUCED] = "Completed",
            [ORDER_PRODUCT_CANCELED] = "bug",
            [ORDER_BUY] = "bug",
            [ORDER_DECLINED] = "bug",
            [ORDER_REFUNDED] = "Producing",
        },
    [ORDER_COMPLETED] =
        {
            [ORDER_PLACE] = "bug",
            [ORDER_CANCEL] = "done",
            [ORDER_CANCEL_CONFIRMED] = "bug",
            [ORDER_CANCEL_REFUSED] = "done",
            [ORDER_STARTED] = "bug",
            [ORDER_RAN_OUT] = "bug",
            [ORDER_REQUEUED] = "bug",
            [ORDER_PRODUCED] = "-",
            [ORDER_PRODUCT_CANCELED] = "bug",
            [ORDER_BUY] = "bug",
            [ORDER_DECLINED] = "bug",
            [ORDER_REFUNDED] = "Completed",
        },
    [ORDER_CANCELED] =
        {
            [ORDER_PLACE] = "bug",
            [ORDER_CANCEL] = "-",
            [ORDER_CANCEL_CONFIRMED] = "-",
            [ORDER_CANCEL_REFUSED] = "bug",
            [ORDER_STARTED] = "bug",
            [ORDER_RAN_OUT] = "-",
            [ORDER_REQUEUED] = "-",
            [ORDER_PRODUCED] = "bug",
            [ORDER_PRODUCT_CANCELED] = "-",
            [ORDER_BUY] = "bug",
            [ORDER_DECLINED] = "bug",
            [ORDER_REFUNDED] = "Canceled",
        },
};

static const struct {
    enum order_state state;
    enum order_command_kind command;
} cells[] = {
#define CELL(state, command, then) {ORDER_##state, ORDER_##command},
#include "order_states.def"
#undef CELL
};

static struct order an_order(enum order_state state)
{
    if (state == ORDER_NONE)
        return (struct order){.id = 42};
    return (struct order){
        .id = 42, .state = state, .product_name = STR("Latte"), .qty = 2, .version = 1, .updated_at = BEFORE};
}

static struct order_intent an_intent(enum order_command_kind kind)
{
    return (struct order_intent){
        .kind = kind, .product_name = STR("Latte"), .qty = 2, .amount = 9000, .currency = STR("KRW")};
}

static const char *refusal_word(enum order_refusal refusal)
{
    static const char *const words[] = {
        [ORDER_REFUSAL_NONE] = "?",
        [ORDER_REFUSAL_NO_SUCH_ORDER] = "none such",
        [ORDER_REFUSAL_PRODUCTION_STARTED] = "started",
        [ORDER_REFUSAL_PRODUCTION_DONE] = "done",
        [ORDER_REFUSAL_DECLINED] = "declined",
    };

    return words[refusal];
}

/* What happened, in the table's words above; `text` has room. */
static const char *what_happens(struct order *order, const struct order_intent *intent, char text[32])
{
    struct order_decision decision;

    switch (order_decide(order, intent, NOW, &decision)) {
    case ORDER_DECIDED:
        order_apply(order, &decision.event);
        snprintf(text, 32, "%.*s%s", STR_ARG(order_state_text(order->state)),
                 decision.event.kind == ORDER_EVENT_NOTED ? "" : "+");
        return text;
    case ORDER_REPEAT:
        return "-";
    case ORDER_ASK:
        return decision.effect == ORDER_EFFECT_AUTHORIZE ? "pay" : "ask";
    case ORDER_REFUSED:
        return refusal_word(decision.refusal);
    case ORDER_BROKEN:
        break;
    }
    return "bug";
}

static void every_state_answers_every_command_as_its_table_says(void **state)
{
    char text[32];

    UNUSED(state);
    assert_int_equal(COUNT_OF(cells), ORDER_STATE_COUNT * ORDER_COMMAND_COUNT);
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        struct order order = an_order(cells[i].state);
        struct order_intent intent = an_intent(cells[i].command);
        print_message("%s + %s\n", order_state_name(order.state), order_command_name(intent.kind));
        assert_string_equal(what_happens(&order, &intent, text), expected[cells[i].state][cells[i].command]);
    }
}

static void what_changes_nothing_leaves_the_order_as_it_was(void **state)
{
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        struct order order = an_order(cells[i].state);
        struct order before = order;
        struct order_intent intent = an_intent(cells[i].command);
        const char *word = what_happens(&order, &intent, text);
        if (word != text)
            assert_memory_equal(&order, &before, sizeof(order));
        else
            assert_int_equal(order.updated_at, NOW);
    }
}

static void only_what_others_hear_of_has_a_new_version(void **state)
{
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        struct order order = an_order(cells[i].state);
        int64_t version = order.version;
        struct order_intent intent = an_intent(cells[i].command);
        const char *word = what_happens(&order, &intent, text);
        assert_int_equal(order.version, version + (word[strlen(word) - 1] == '+'));
    }
}

static void a_placed_order_has_what_was_asked_for(void **state)
{
    struct order order = an_order(ORDER_NONE);
    struct order_intent intent = an_intent(ORDER_PLACE);
    char text[32];

    UNUSED(state);
    what_happens(&order, &intent, text);
    assert_int_equal(order.id, 42);
    assert_true(str_is(order.product_name, "Latte"));
    assert_int_equal(order.qty, 2);
    assert_int_equal(order.amount, 9000);
    assert_true(str_is(order.currency, "KRW"));
    assert_int_equal(order.created_at, NOW);
    assert_int_equal(order.version, 1);
    assert_int_equal(order.product_id, 0);
}

static void who_has_a_key_is_looked_for_before_they_are_told_another_price(void **state)
{
    static const struct order_shown shown = {.price = -1, .amount = 8000};
    struct order order = an_order(ORDER_NONE);
    struct order_intent intent = an_intent(ORDER_BUY);
    struct order_decision decision;

    UNUSED(state);
    intent.may_be_known = true;
    assert_int_equal(order_decide(&order, &intent, NOW, &decision), ORDER_ASK);
    assert_int_equal(decision.effect, ORDER_EFFECT_AUTHORIZE);
    intent.shown = &shown;
    assert_int_equal(order_decide(&order, &intent, NOW, &decision), ORDER_ASK);
    assert_int_equal(decision.effect, ORDER_EFFECT_FIND_PURCHASE);
    intent.may_be_known = false; /* payment knows of none */
    assert_int_equal(order_decide(&order, &intent, NOW, &decision), ORDER_REFUSED);
    assert_int_equal(decision.refusal, ORDER_REFUSAL_OTHER_AMOUNT);
    intent.kind = ORDER_PLACE; /* it knows of one */
    intent.may_be_known = true;
    intent.amount = 8000;
    assert_int_equal(order_decide(&order, &intent, NOW, &decision), ORDER_DECIDED);
}

static void nobody_is_charged_what_they_were_not_shown(void **state)
{
    static const struct {
        struct order_shown shown;
        enum order_refusal refusal;
    } told[] = {
        {{-1, -1, {0}}, ORDER_REFUSAL_NONE},
        {{4500, 9000, STR_INIT("KRW")}, ORDER_REFUSAL_NONE},
        {{4500, 9001, STR_INIT("KRW")}, ORDER_REFUSAL_OTHER_AMOUNT},
        {{4499, -1, {0}}, ORDER_REFUSAL_OTHER_PRICE},
        {{0, 9000, {0}}, ORDER_REFUSAL_OTHER_PRICE},
        {{4500, 9000, STR_INIT("USD")}, ORDER_REFUSAL_OTHER_CURRENCY},
        {{-1, -1, STR_INIT("krw")}, ORDER_REFUSAL_OTHER_CURRENCY},
    };
    static const enum order_command_kind kinds[] = {ORDER_PLACE, ORDER_BUY};

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(told) * COUNT_OF(kinds); i++) {
        struct order order = an_order(ORDER_NONE);
        struct order_intent intent = an_intent(kinds[i % 2]);
        struct order_decision decision;
        intent.price = 4500;
        intent.shown = &told[i / 2].shown;
        enum order_verdict verdict = order_decide(&order, &intent, NOW, &decision);
        assert_int_equal(decision.refusal, told[i / 2].refusal);
        assert_int_equal(verdict == ORDER_REFUSED, told[i / 2].refusal != ORDER_REFUSAL_NONE);
        assert_int_equal(order_refusal_is_of_price(decision.refusal), verdict == ORDER_REFUSED);
    }
}

static void an_order_learns_its_ticket_from_the_first_fact(void **state)
{
    struct order order = an_order(ORDER_REQUESTED);
    struct order_intent intent = an_intent(ORDER_STARTED);
    char text[32];

    UNUSED(state);
    intent.ticket_id = 7;
    intent.ticket_version = 1;
    assert_string_equal(what_happens(&order, &intent, text), "Producing");
    assert_int_equal(order.product_id, 7);
    assert_int_equal(order.ticket_version, 1);
}

static void an_order_says_whether_the_shop_has_cancelled_it(void **state)
{
    static const enum order_command_kind ways[] = {ORDER_PRODUCT_CANCELED, ORDER_CANCEL_CONFIRMED};
    struct order_intent refunded = an_intent(ORDER_REFUNDED);
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct order by_customer = an_order(ORDER_OUT_OF_STOCK), by_shop = an_order(ORDER_OUT_OF_STOCK);
        struct order_intent intent = an_intent(ways[i]);
        what_happens(&by_customer, &intent, text);
        assert_true(str_is(order_cancel_reason(&by_customer), ""));
        intent.given_up = true;
        what_happens(&by_shop, &intent, text);
        assert_true(str_is(order_cancel_reason(&by_shop), "Out of stock"));
        what_happens(&by_shop, &refunded, text);
        assert_true(str_is(order_cancel_reason(&by_shop), "Out of stock"));
        what_happens(&by_customer, &intent, text); /* a repeat: it is told once */
        assert_true(str_is(order_cancel_reason(&by_customer), ""));
    }
    assert_true(order_is_given_up_for(STR("Out of stock")));
    assert_false(order_is_given_up_for(STR("")));
    assert_false(order_is_given_up_for(STR("Fire")));
}

static void each_step_of_the_way_back_has_its_time(void **state)
{
    struct order order = an_order(ORDER_OUT_OF_STOCK);
    struct order_intent canceled = an_intent(ORDER_CANCEL_CONFIRMED), refunded = an_intent(ORDER_REFUNDED);
    char text[32];

    UNUSED(state);
    refunded.given_back_at = NOW + 77; /* payment says so, and is heard when it is heard */
    what_happens(&order, &canceled, text);
    assert_int_equal(order.canceled_at, NOW);
    assert_int_equal(order.refunded_at, 0);
    what_happens(&order, &refunded, text);
    assert_int_equal(order.canceled_at, NOW);
    assert_int_equal(order.refunded_at, NOW + 77);
}

static void a_fact_told_twice_is_taken_once(void **state)
{
    struct order order = an_order(ORDER_OUT_OF_STOCK);
    struct order_intent requeued = an_intent(ORDER_REQUEUED);
    struct order_intent ran_out = an_intent(ORDER_RAN_OUT);
    char text[32];

    UNUSED(state);
    order.ticket_version = 1;
    requeued.ticket_version = 2;
    ran_out.ticket_version = 1;
    assert_string_equal(what_happens(&order, &requeued, text), "Requested");
    assert_string_equal(what_happens(&order, &ran_out, text), "-"); /* the old one again */
    assert_string_equal(what_happens(&order, &requeued, text), "-");
    assert_int_equal(order.state, ORDER_REQUESTED);
}

static void a_fact_that_was_put_aside_and_comes_behind_newer_ones_changes_nothing(void **state)
{
    static const struct {
        enum order_state is;
        enum order_command_kind newer, older;
    } cases[] = {
        {ORDER_REQUESTED, ORDER_REQUEUED, ORDER_RAN_OUT},
        {ORDER_OUT_OF_STOCK, ORDER_RAN_OUT, ORDER_REQUEUED},
    };
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct order order = an_order(cases[i].is);
        struct order_intent intent = an_intent(cases[i].newer);
        intent.ticket_version = 3;
        what_happens(&order, &intent, text);
        intent = an_intent(cases[i].older);
        intent.ticket_version = 2;
        assert_string_equal(what_happens(&order, &intent, text), "-");
        assert_int_equal(order.state, cases[i].is);
    }
}

static void an_old_fact_contradicts_nothing(void **state)
{
    struct order order = an_order(ORDER_COMPLETED);
    struct order_intent started = an_intent(ORDER_STARTED);
    char text[32];

    UNUSED(state);
    order.ticket_version = 2;
    started.ticket_version = 1;
    assert_string_equal(what_happens(&order, &started, text), "-");
    started.ticket_version = 3;
    assert_string_equal(what_happens(&order, &started, text), "bug");
}

static void every_name_and_sentence_is_there(void **state)
{
    UNUSED(state);
    for (int i = 0; i < ORDER_STATE_COUNT; i++)
        assert_string_not_equal(order_state_name((enum order_state)i), "?");
    for (int i = 0; i < ORDER_COMMAND_COUNT; i++)
        assert_string_not_equal(order_command_name((enum order_command_kind)i), "?");
    for (int i = 1; i <= ORDER_REFUSAL_PRODUCTION_DONE; i++)
        assert_true(strlen(order_refusal_text((enum order_refusal)i)) > 0);
    assert_string_equal(order_refusal_text(ORDER_REFUSAL_NONE), "");
    assert_string_equal(order_state_name(ORDER_STATE_COUNT), "?");
    assert_string_equal(order_command_name(ORDER_COMMAND_COUNT), "?");
    assert_true(str_is(order_state_text(ORDER_OUT_OF_STOCK), "Out of stock"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_answers_every_command_as_its_table_says),
        cmocka_unit_test(what_changes_nothing_leaves_the_order_as_it_was),
        cmocka_unit_test(only_what_others_hear_of_has_a_new_version),
        cmocka_unit_test(a_placed_order_has_what_was_asked_for),
        cmocka_unit_test(nobody_is_charged_what_they_were_not_shown),
        cmocka_unit_test(who_has_a_key_is_looked_for_before_they_are_told_another_price),
        cmocka_unit_test(an_order_learns_its_ticket_from_the_first_fact),
        cmocka_unit_test(an_order_says_whether_the_shop_has_cancelled_it),
        cmocka_unit_test(each_step_of_the_way_back_has_its_time),
        cmocka_unit_test(a_fact_told_twice_is_taken_once),
        cmocka_unit_test(a_fact_that_was_put_aside_and_comes_behind_newer_ones_changes_nothing),
        cmocka_unit_test(an_old_fact_contradicts_nothing),
        cmocka_unit_test(every_name_and_sentence_is_there),
    };

    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
