/* The ticket's table: every state x command cell, read from the same list and held against what a kitchen would expect.
 */
#include "ticket.h"

#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { NOW = 5000, BEFORE = 1000, START_AFTER = 300, BREW = 700, GIVE_UP_AFTER = 900 };

/* As in order_test.c: "Producing+" others hear of, "Ready" nobody has to, "-" nothing new, "ask", "bug", or why not.
 * The columns: ORDERED OPEN REDUCED REFUSED REFUSED_LATE UNANSWERED GOODS_IN START FINISH CANCEL CANCEL_ORDER RELEASED
 * GIVE_UP
 */
static const char *const expected[TICKET_STATE_COUNT][TICKET_COMMAND_COUNT] = {
    [TICKET_NONE] = {"Ready", "Pending", "bug", "bug", "bug", "-", "-", "none such", "none such", "none such",
                     "Tombstone", "-", "-"},
    [TICKET_PENDING] = {"bug", "bug", "Producing+", "Out of stock+", "Pending", "Void", "-", "none such", "none such",
                        "none such", "bug", "-", "-"},
    [TICKET_READY] = {"-", "bug", "Producing+", "Out of stock+", "Ready", "-", "-", "ask", "not started", "Canceled+",
                      "Canceled+", "-", "-"},
    [TICKET_OUT_OF_STOCK] = {"-", "bug", "bug", "-", "-", "-", "Ready+", "out of stock", "not started", "Canceled+",
                             "Canceled+", "-", "Canceled+"},
    [TICKET_PRODUCING] = {"-", "bug", "-", "bug", "bug", "-", "-", "-", "Completed+", "started", "started", "bug", "-"},
    [TICKET_COMPLETED] = {"-", "bug", "-", "bug", "bug", "-", "-", "done", "-", "done", "done", "bug", "-"},
    [TICKET_CANCELED] = {"-", "bug", "-", "-", "-", "-", "-", "canceled", "canceled", "-", "-", "Canceled", "-"},
    [TICKET_VOID] = {"bug", "bug", "-", "-", "-", "-", "-", "none such", "none such", "none such", "bug", "Void", "-"},
    [TICKET_TOMBSTONE] = {"Canceled+", "bug", "bug", "bug", "bug", "-", "-", "canceled", "canceled", "-", "-", "-",
                          "-"},
};

static const struct {
    enum ticket_state state;
    enum ticket_command_kind command;
} cells[] = {
#define CELL(state, command, ...) {TICKET_##state, TICKET_##command},
#include "ticket_states.def"
#undef CELL
};

static const struct ticket_policy policy = {START_AFTER, BREW, GIVE_UP_AFTER};

static struct ticket a_ticket(enum ticket_state state)
{
    if (state == TICKET_NONE)
        return (struct ticket){.id = 7};
    return (struct ticket){.id = 7,
                           .order_id = 42,
                           .state = state,
                           .product_name = STR("Latte"),
                           .qty = 2,
                           .attempt = 1,
                           .version = 1,
                           .updated_at = BEFORE};
}

static struct ticket_intent an_intent(enum ticket_command_kind kind)
{
    return (struct ticket_intent){
        .kind = kind, .product_name = STR("Latte"), .qty = 2, .order_id = kind == TICKET_OPEN ? 0 : 42, .attempt = 1};
}

static const char *refusal_word(enum ticket_refusal refusal)
{
    static const char *const words[] = {
        [TICKET_REFUSAL_NONE] = "?",
        [TICKET_REFUSAL_NO_SUCH_TICKET] = "none such",
        [TICKET_REFUSAL_NOT_STARTED] = "not started",
        [TICKET_REFUSAL_OUT_OF_STOCK] = "out of stock",
        [TICKET_REFUSAL_PRODUCTION_STARTED] = "started",
        [TICKET_REFUSAL_PRODUCTION_DONE] = "done",
        [TICKET_REFUSAL_CANCELED] = "canceled",
    };

    return words[refusal];
}

static const char *what_happens_at(int64_t now, struct ticket *ticket, const struct ticket_intent *intent,
                                   char text[32])
{
    struct ticket_decision decision;

    switch (ticket_decide(ticket, intent, &policy, now, &decision)) {
    case TICKET_DECIDED:
        ticket_apply(ticket, &decision.event);
        /* A tombstone is shown as the cancelled ticket it stands for; here the two are told apart. */
        snprintf(text, 32, "%.*s%s",
                 STR_ARG(ticket->state == TICKET_TOMBSTONE ? STR("Tombstone") : ticket_state_text(ticket->state)),
                 decision.event.kind == TICKET_EVENT_NOTED ? "" : "+");
        return text;
    case TICKET_REPEAT:
        return "-";
    case TICKET_ASK_STOCK:
        return "ask";
    case TICKET_REFUSAL:
        return refusal_word(decision.refusal);
    case TICKET_BROKEN:
        break;
    }
    return "bug";
}

static const char *what_happens(struct ticket *ticket, const struct ticket_intent *intent, char text[32])
{
    return what_happens_at(NOW, ticket, intent, text);
}

static struct ticket after(enum ticket_state from, enum ticket_command_kind kind)
{
    struct ticket ticket = a_ticket(from);
    struct ticket_intent intent = an_intent(kind);
    char text[32];

    what_happens(&ticket, &intent, text);
    return ticket;
}

static void every_state_answers_every_command_as_its_table_says(void **state)
{
    char text[32];

    UNUSED(state);
    assert_int_equal(COUNT_OF(cells), TICKET_STATE_COUNT * TICKET_COMMAND_COUNT);
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        struct ticket ticket = a_ticket(cells[i].state);
        struct ticket_intent intent = an_intent(cells[i].command);
        print_message("%s + %s\n", ticket_state_name(ticket.state), ticket_command_name(intent.kind));
        assert_string_equal(what_happens(&ticket, &intent, text), expected[cells[i].state][cells[i].command]);
    }
}

static void what_changes_nothing_leaves_the_ticket_as_it_was(void **state)
{
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        struct ticket ticket = a_ticket(cells[i].state);
        struct ticket before = ticket;
        struct ticket_intent intent = an_intent(cells[i].command);
        const char *word = what_happens(&ticket, &intent, text);
        if (word != text)
            assert_memory_equal(&ticket, &before, sizeof(ticket));
        assert_int_equal(ticket.version, before.version + (word[strlen(word) - 1] == '+'));
    }
}

static void an_answer_to_another_question_changes_nothing(void **state)
{
    static const enum ticket_command_kind answers[] = {TICKET_REDUCED, TICKET_REFUSED, TICKET_REFUSED_LATE,
                                                       TICKET_UNANSWERED};
    char text[32];

    UNUSED(state);
    for (int from = TICKET_PENDING; from < TICKET_STATE_COUNT; from++) {
        for (size_t i = 0; i < COUNT_OF(answers); i++) {
            struct ticket ticket = a_ticket((enum ticket_state)from);
            struct ticket_intent intent = an_intent(answers[i]);
            ticket.attempt = 2;
            assert_string_equal(what_happens(&ticket, &intent, text), "-");
            intent.attempt = 3;
            assert_string_equal(what_happens(&ticket, &intent, text), "-");
        }
    }
}

static void the_customer_has_time_to_think_from_when_the_kitchen_hears_of_the_order(void **state)
{
    UNUSED(state);
    assert_int_equal(after(TICKET_NONE, TICKET_ORDERED).due_at, NOW + START_AFTER);
}

static void a_coffee_takes_its_time(void **state)
{
    UNUSED(state);
    assert_int_equal(after(TICKET_READY, TICKET_REDUCED).due_at, NOW + BREW);
    assert_int_equal(after(TICKET_PENDING, TICKET_REDUCED).due_at, NOW + BREW);
    assert_int_equal(after(TICKET_PRODUCING, TICKET_FINISH).due_at, 0);
}

static void a_cancelled_ticket_owes_a_release_if_stock_may_have_been_asked(void **state)
{
    UNUSED(state);
    assert_int_equal(after(TICKET_READY, TICKET_CANCEL).due_at, NOW + 1);
    assert_int_equal(after(TICKET_READY, TICKET_CANCEL_ORDER).due_at, NOW + 1);
    assert_int_equal(after(TICKET_PENDING, TICKET_UNANSWERED).due_at, NOW + 1);
    assert_int_equal(after(TICKET_OUT_OF_STOCK, TICKET_CANCEL).due_at, 0); /* its no is final */
    assert_int_equal(after(TICKET_NONE, TICKET_CANCEL_ORDER).due_at, 0);   /* a tombstone never asked */
}

static void a_release_that_is_made_is_not_owed_any_more(void **state)
{
    struct ticket ticket = after(TICKET_READY, TICKET_CANCEL);
    struct ticket_intent released = an_intent(TICKET_RELEASED);
    char text[32];

    UNUSED(state);
    assert_string_equal(what_happens(&ticket, &released, text), "Canceled");
    assert_int_equal(ticket.due_at, 0);
    ticket = after(TICKET_PENDING, TICKET_UNANSWERED);
    assert_string_equal(what_happens(&ticket, &released, text), "Void");
    assert_int_equal(ticket.due_at, 0);
}

static void goods_that_come_mean_another_attempt(void **state)
{
    UNUSED(state);
    assert_int_equal(after(TICKET_OUT_OF_STOCK, TICKET_GOODS_IN).attempt, 2);
    assert_int_equal(after(TICKET_READY, TICKET_REFUSED_LATE).attempt, 2);
    assert_int_equal(after(TICKET_PENDING, TICKET_REFUSED_LATE).attempt, 2);
    assert_int_equal(after(TICKET_READY, TICKET_REFUSED).attempt, 1);
    assert_int_equal(after(TICKET_NONE, TICKET_ORDERED).attempt, 1);
    assert_int_equal(after(TICKET_OUT_OF_STOCK, TICKET_GOODS_IN).due_at, NOW + 1);
}

static void who_waits_for_goods_is_given_up_when_they_do_not_come_in_time(void **state)
{
    struct ticket ticket = after(TICKET_READY, TICKET_REFUSED);
    struct ticket_intent give_up = an_intent(TICKET_GIVE_UP);
    char text[32];

    UNUSED(state);
    assert_int_equal(ticket.due_at, NOW + GIVE_UP_AFTER);
    assert_true(str_is(ticket_cancel_reason(&ticket), ""));
    assert_string_equal(what_happens(&ticket, &give_up, text), "Canceled+");
    assert_int_equal(ticket.due_at, 0); /* stock's no is final: nothing is to be given back */
    assert_true(str_is(ticket_cancel_reason(&ticket), "Out of stock"));
}

static void waiting_is_counted_from_the_first_time_that_it_ran_out(void **state)
{
    struct ticket ticket = after(TICKET_READY, TICKET_REFUSED);
    struct ticket_intent goods = an_intent(TICKET_GOODS_IN), refused = an_intent(TICKET_REFUSED);
    char text[32];

    UNUSED(state);
    refused.attempt = 2;
    what_happens_at(NOW + 100, &ticket, &goods, text);
    assert_int_equal(ticket.due_at, NOW + 101); /* stock is asked */
    what_happens_at(NOW + 200, &ticket, &refused, text);
    assert_int_equal(ticket.due_at, NOW + GIVE_UP_AFTER);
    goods.attempt = 2;
    refused.attempt = 3;
    what_happens_at(NOW + 300, &ticket, &goods, text);
    what_happens_at(NOW + GIVE_UP_AFTER + 300, &ticket, &refused, text);
    assert_int_equal(ticket.due_at, NOW + GIVE_UP_AFTER + 301); /* its time was over while stock was asked */
}

static void a_clock_that_was_ahead_does_not_put_off_the_end_of_waiting(void **state)
{
    struct ticket ticket = a_ticket(TICKET_READY);
    struct ticket_intent refused = an_intent(TICKET_REFUSED);
    char text[32];

    UNUSED(state);
    ticket.waits_since = NOW + 100000;
    what_happens(&ticket, &refused, text);
    assert_int_equal(ticket.waits_since, NOW);
    assert_int_equal(ticket.due_at, NOW + GIVE_UP_AFTER);
}

static void a_customers_own_cancel_is_not_the_shops(void **state)
{
    struct ticket ticket = after(TICKET_OUT_OF_STOCK, TICKET_CANCEL_ORDER);
    struct ticket_intent give_up = an_intent(TICKET_GIVE_UP);
    char text[32];

    UNUSED(state);
    assert_string_equal(what_happens(&ticket, &give_up, text), "-");
    assert_true(str_is(ticket_cancel_reason(&ticket), ""));
}

static void nobody_is_given_up_where_it_is_not_set_and_no_counter_ticket_ever(void **state)
{
    static const struct ticket_policy never = {START_AFTER, BREW, 0};
    struct ticket_intent refused = an_intent(TICKET_REFUSED);
    struct ticket ticket = a_ticket(TICKET_READY), counter = a_ticket(TICKET_PENDING);
    struct ticket_decision decision;
    char text[32];

    UNUSED(state);
    assert_int_equal(ticket_decide(&ticket, &refused, &never, NOW, &decision), TICKET_DECIDED);
    assert_int_equal(decision.event.due_at, 0);
    counter.order_id = 0;
    what_happens(&counter, &refused, text);
    assert_int_equal(counter.state, TICKET_OUT_OF_STOCK);
    assert_int_equal(counter.due_at, 0);
}

static void a_tombstone_is_told_of_when_its_order_arrives(void **state)
{
    struct ticket tombstone = after(TICKET_NONE, TICKET_CANCEL_ORDER);
    struct ticket_intent ordered = an_intent(TICKET_ORDERED);
    char text[32];

    UNUSED(state);
    assert_int_equal(tombstone.order_id, 42);
    assert_int_equal(tombstone.version, 0);
    assert_string_equal(what_happens(&tombstone, &ordered, text), "Canceled+");
    assert_true(str_is(tombstone.product_name, "Latte"));
    assert_int_equal(tombstone.qty, 2);
    assert_int_equal(tombstone.due_at, 0); /* stock was never asked */
    assert_int_equal(tombstone.version, 1);
    assert_string_equal(what_happens(&tombstone, &ordered, text), "-");
}

static void a_counter_ticket_belongs_to_no_order(void **state)
{
    struct ticket ticket = a_ticket(TICKET_NONE);
    struct ticket_intent open = an_intent(TICKET_OPEN);
    char text[32];

    UNUSED(state);
    open.reference = 1;
    what_happens(&ticket, &open, text);
    assert_int_equal(ticket.order_id, 0);
    assert_int_equal(ticket.reference, 1);
    assert_int_equal(ticket.due_at, NOW + 1); /* should nobody wait for it any more */
}

static void only_pending_and_void_are_hidden(void **state)
{
    UNUSED(state);
    for (int i = TICKET_NONE; i < TICKET_STATE_COUNT; i++) {
        struct ticket ticket = a_ticket((enum ticket_state)i);
        assert_int_equal(ticket_is_hidden(&ticket), i == TICKET_NONE || i == TICKET_PENDING || i == TICKET_VOID);
    }
}

static void every_name_and_sentence_is_there(void **state)
{
    UNUSED(state);
    for (int i = 0; i < TICKET_STATE_COUNT; i++)
        assert_string_not_equal(ticket_state_name((enum ticket_state)i), "?");
    for (int i = 0; i < TICKET_COMMAND_COUNT; i++)
        assert_string_not_equal(ticket_command_name((enum ticket_command_kind)i), "?");
    for (int i = 1; i <= TICKET_REFUSAL_CANCELED; i++)
        assert_true(strlen(ticket_refusal_text((enum ticket_refusal)i)) > 0);
    assert_string_equal(ticket_refusal_text(TICKET_REFUSAL_NONE), "");
    assert_string_equal(ticket_state_name(TICKET_STATE_COUNT), "?");
    assert_string_equal(ticket_command_name(TICKET_COMMAND_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_answers_every_command_as_its_table_says),
        cmocka_unit_test(what_changes_nothing_leaves_the_ticket_as_it_was),
        cmocka_unit_test(an_answer_to_another_question_changes_nothing),
        cmocka_unit_test(the_customer_has_time_to_think_from_when_the_kitchen_hears_of_the_order),
        cmocka_unit_test(a_coffee_takes_its_time),
        cmocka_unit_test(a_cancelled_ticket_owes_a_release_if_stock_may_have_been_asked),
        cmocka_unit_test(a_release_that_is_made_is_not_owed_any_more),
        cmocka_unit_test(goods_that_come_mean_another_attempt),
        cmocka_unit_test(who_waits_for_goods_is_given_up_when_they_do_not_come_in_time),
        cmocka_unit_test(waiting_is_counted_from_the_first_time_that_it_ran_out),
        cmocka_unit_test(a_clock_that_was_ahead_does_not_put_off_the_end_of_waiting),
        cmocka_unit_test(a_customers_own_cancel_is_not_the_shops),
        cmocka_unit_test(nobody_is_given_up_where_it_is_not_set_and_no_counter_ticket_ever),
        cmocka_unit_test(a_tombstone_is_told_of_when_its_order_arrives),
        cmocka_unit_test(a_counter_ticket_belongs_to_no_order),
        cmocka_unit_test(only_pending_and_void_are_hidden),
        cmocka_unit_test(every_name_and_sentence_is_there),
    };

    return cmocka_run_group_tests_name("ticket", tests, NULL, NULL);
}
