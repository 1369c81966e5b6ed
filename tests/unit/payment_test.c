/* The payment's table: every state x command cell, read from the same list and held against what becomes of money. */
#include "payment.h"

#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { NOW = 5000000, WALL = 9000000, BEFORE = 1000, AMOUNT = 4500 };

static const struct payment_policy policy = {.authorization_us = 1000000, .retry_us = 100, .retry_most_us = 1000};

/* The state that it becomes; with "+" others hear of it. "-": nothing new; "bug"; otherwise why it is refused. */
static const char *const expected[PAYMENT_STATE_COUNT][PAYMENT_COMMAND_COUNT] = {
    [PAYMENT_NONE] = {"PENDING", "bug", "bug", "none such", "none such", "none such", "bug", "bug", "none such"},
    [PAYMENT_PENDING] = {"-", "AUTHORIZED", "DECLINED", "bug", "bug", "RETURNING", "bug", "bug", "not taken"},
    [PAYMENT_AUTHORIZED] = {"AUTHORIZED", "-", "bug", "CAPTURING", "RETURNING", "RETURNING", "bug", "bug", "not taken"},
    [PAYMENT_CAPTURING] = {"-", "-", "bug", "-", "RETURNING", "-", "CAPTURED+", "bug", "not taken"},
    [PAYMENT_CAPTURED] = {"-", "-", "bug", "-", "RETURNING", "-", "-", "bug", "RETURNING"},
    [PAYMENT_RETURNING] = {"-", "-", "-", "RETURNING", "-", "-", "bug", "RETURNED+", "going back"},
    [PAYMENT_RETURNED] = {"-", "-", "-", "RETURNED+", "-", "-", "bug", "-", "gone back"},
    [PAYMENT_DECLINED] = {"-", "bug", "-", "bug", "bug", "-", "bug", "-", "not taken"},
};

static const struct {
    enum payment_state state;
    enum payment_command_kind command;
} cells[] = {
#define CELL(state, command, ...) {PAYMENT_##state, PAYMENT_##command},
#include "payment_states.def"
#undef CELL
};

static struct payment a_payment(enum payment_state state)
{
    if (state == PAYMENT_NONE)
        return (struct payment){.id = 7};
    return (struct payment){.id = 7,
                            .state = state,
                            .key = STR("k"),
                            .method = STR("card"),
                            .currency = STR("KRW"),
                            .amount = AMOUNT,
                            .captured = state == PAYMENT_CAPTURED ? AMOUNT : 0,
                            .order_id = state == PAYMENT_CAPTURING || state == PAYMENT_CAPTURED ? 42 : 0,
                            .due_at = NOW + 1,
                            .expires_at = NOW + 500,
                            .attempt = 3,
                            .version = 1,
                            .updated_at = BEFORE};
}

static struct payment_intent an_intent(enum payment_command_kind kind)
{
    return (struct payment_intent){.kind = kind,
                                   .key = STR("k"),
                                   .method = STR("card"),
                                   .currency = STR("KRW"),
                                   .amount = AMOUNT,
                                   .order_id = 42,
                                   .reference = STR("r"),
                                   .reason = STR("because"),
                                   .order_is_over = true};
}

static const char *refusal_word(enum payment_refusal refusal)
{
    static const char *const words[] = {
        [PAYMENT_REFUSAL_NONE] = "?",
        [PAYMENT_REFUSAL_NO_SUCH_PAYMENT] = "none such",
        [PAYMENT_REFUSAL_NOT_TAKEN] = "not taken",
        [PAYMENT_REFUSAL_GOING_BACK] = "going back",
        [PAYMENT_REFUSAL_GONE_BACK] = "gone back",
        [PAYMENT_REFUSAL_ORDER_NOT_OVER] = "not over",
    };

    return words[refusal];
}

/* What happened, in the table's words above; `text` has room. */
static const char *what_happens(struct payment *payment, const struct payment_intent *intent, char text[32])
{
    struct payment_decision decision;

    switch (payment_decide(payment, intent, &policy, NOW, WALL, &decision)) {
    case PAYMENT_DECIDED:
        payment_apply(payment, &decision.event);
        snprintf(text, 32, "%s%s", payment_state_name(payment->state),
                 decision.event.kind == PAYMENT_EVENT_NOTED ? "" : "+");
        return text;
    case PAYMENT_REPEAT:
        return "-";
    case PAYMENT_REFUSED:
        return refusal_word(decision.refusal);
    case PAYMENT_BROKEN:
        break;
    }
    return "bug";
}

static void every_state_answers_every_command_as_its_table_says(void **state)
{
    char text[32];

    UNUSED(state);
    assert_int_equal(COUNT_OF(cells), PAYMENT_STATE_COUNT * PAYMENT_COMMAND_COUNT);
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        struct payment payment = a_payment(cells[i].state);
        struct payment_intent intent = an_intent(cells[i].command);
        print_message("%s + %s\n", payment_state_name(payment.state), payment_command_name(intent.kind));
        assert_string_equal(what_happens(&payment, &intent, text), expected[cells[i].state][cells[i].command]);
    }
}

static void what_changes_nothing_leaves_the_payment_as_it_was(void **state)
{
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        struct payment payment = a_payment(cells[i].state);
        struct payment before = payment;
        struct payment_intent intent = an_intent(cells[i].command);
        if (what_happens(&payment, &intent, text) != text)
            assert_memory_equal(&payment, &before, sizeof(payment));
        else
            assert_int_equal(payment.updated_at, WALL);
    }
}

static void only_what_others_hear_of_has_a_new_version(void **state)
{
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        struct payment payment = a_payment(cells[i].state);
        int64_t version = payment.version;
        struct payment_intent intent = an_intent(cells[i].command);
        const char *word = what_happens(&payment, &intent, text);
        assert_int_equal(payment.version, version + (word[strlen(word) - 1] == '+'));
    }
}

/* Rule 7: authorised >= captured >= returned, whatever happens. */
static void never_more_is_taken_than_was_authorised_nor_more_given_back_than_taken(void **state)
{
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        for (int was_taken = 0; was_taken <= 1; was_taken++) {
            struct payment payment = a_payment(cells[i].state);
            struct payment_intent intent = an_intent(cells[i].command);
            intent.was_taken = was_taken;
            what_happens(&payment, &intent, text);
            assert_true(payment.amount >= payment.captured && payment.captured >= payment.returned);
        }
    }
}

static void whoever_owes_an_answer_is_asked_again_with_a_growing_pause(void **state)
{
    int64_t before = 0;

    UNUSED(state);
    for (int i = 0; i < PAYMENT_STATE_COUNT; i++) {
        struct payment payment = a_payment((enum payment_state)i);
        bool owes = i == PAYMENT_PENDING || i == PAYMENT_CAPTURING || i == PAYMENT_RETURNING;
        assert_int_equal(payment_is_owed(&payment), owes);
    }
    struct payment payment = a_payment(PAYMENT_PENDING);
    payment.attempt = 1;
    for (int i = 0; i < 20; i++) {
        payment_ask_again(&payment, &policy, NOW);
        int64_t pause = payment.due_at - NOW;
        assert_true(pause >= before || pause >= policy.retry_most_us);
        assert_true(pause >= policy.retry_us && pause <= policy.retry_most_us * 5 / 4);
        before = pause;
    }
}

static void an_authorisation_is_kept_so_long_and_as_long_again_when_it_is_asked_for_again(void **state)
{
    struct payment payment = a_payment(PAYMENT_PENDING);
    struct payment_intent approved = an_intent(PAYMENT_APPROVED), again = an_intent(PAYMENT_AUTHORIZE);
    char text[32];

    UNUSED(state);
    assert_string_equal(what_happens(&payment, &approved, text), "AUTHORIZED");
    assert_int_equal(payment.due_at, payment.expires_at);
    assert_string_equal(what_happens(&payment, &again, text), "AUTHORIZED");
    assert_int_equal(payment.expires_at, NOW + policy.authorization_us);
    assert_int_equal(payment.created_at, 0); /* it is the same one */
}

static void one_whose_time_is_over_is_kept_no_longer(void **state)
{
    struct payment payment = a_payment(PAYMENT_AUTHORIZED);
    struct payment_intent again = an_intent(PAYMENT_AUTHORIZE);
    char text[32];

    UNUSED(state);
    payment.expires_at = NOW;
    assert_string_equal(what_happens(&payment, &again, text), "-");
    assert_int_equal(payment.expires_at, NOW);
}

static void a_payment_is_one_orders_and_of_its_amount(void **state)
{
    struct payment taken = a_payment(PAYMENT_CAPTURED), promised = a_payment(PAYMENT_AUTHORIZED);
    struct payment_intent another = an_intent(PAYMENT_ORDERED), canceled = an_intent(PAYMENT_ORDER_CANCELED);
    struct payment_intent dearer = an_intent(PAYMENT_ORDERED);
    char text[32];

    UNUSED(state);
    another.order_id = canceled.order_id = 43;
    dearer.amount = AMOUNT + 1;
    assert_string_equal(what_happens(&taken, &another, text), "bug");
    assert_string_equal(what_happens(&taken, &canceled, text), "bug");
    assert_string_equal(what_happens(&promised, &dearer, text), "bug");
}

static void an_order_that_is_heard_of_again_changes_nothing_wherever_its_money_is(void **state)
{
    static const enum payment_state with_order[] = {PAYMENT_CAPTURING, PAYMENT_CAPTURED, PAYMENT_RETURNING,
                                                    PAYMENT_RETURNED};
    struct payment_intent ordered = an_intent(PAYMENT_ORDERED);
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(with_order); i++) {
        struct payment payment = a_payment(with_order[i]);
        payment.order_id = ordered.order_id;
        assert_string_equal(what_happens(&payment, &ordered, text), "-");
    }
}

static void a_cancel_that_is_heard_before_its_order_gives_back_and_its_order_changes_nothing(void **state)
{
    struct payment payment = a_payment(PAYMENT_AUTHORIZED);
    struct payment_intent canceled = an_intent(PAYMENT_ORDER_CANCELED);
    struct payment_intent ordered = an_intent(PAYMENT_ORDERED);
    char text[32];

    UNUSED(state);
    assert_string_equal(what_happens(&payment, &canceled, text), "RETURNING");
    assert_int_equal(payment.order_id, canceled.order_id);
    assert_string_equal(what_happens(&payment, &ordered, text), "-");
}

static void what_was_only_promised_is_voided_and_what_was_taken_refunded(void **state)
{
    struct payment payment = a_payment(PAYMENT_RETURNING);
    struct payment_intent given_back = an_intent(PAYMENT_GIVEN_BACK);
    char text[32];

    UNUSED(state);
    what_happens(&payment, &given_back, text);
    assert_true(str_is(payment_status_text(&payment), "Voided"));
    assert_int_equal(payment.captured + payment.returned, 0);
    payment = a_payment(PAYMENT_RETURNING);
    payment.order_id = 42;
    given_back.was_taken = true;
    what_happens(&payment, &given_back, text);
    assert_true(str_is(payment_status_text(&payment), "Refunded"));
    assert_int_equal(payment.captured, AMOUNT);
    assert_int_equal(payment.returned, AMOUNT);
}

/* Its order says "Refunded" of it, as of all that was paid. */
static void what_costs_nothing_is_refunded_when_its_order_is_canceled_and_voided_when_that_never_came(void **state)
{
    static const struct {
        enum payment_state from;
        enum payment_command_kind why;
        const char *on_its_way, *then;
    } ways[] = {{PAYMENT_AUTHORIZED, PAYMENT_EXPIRE, "Authorized", "Voided"},
                {PAYMENT_CAPTURED, PAYMENT_ORDER_CANCELED, "Captured", "Refunded"},
                {PAYMENT_CAPTURED, PAYMENT_REFUND, "Captured", "Refunded"}};
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct payment payment = a_payment(ways[i].from);
        struct payment_intent why = an_intent(ways[i].why);
        struct payment_intent given_back = an_intent(PAYMENT_GIVEN_BACK);
        payment.amount = payment.captured = 0;
        assert_string_equal(what_happens(&payment, &why, text), "RETURNING");
        assert_true(str_is(payment_status_text(&payment), ways[i].on_its_way));
        what_happens(&payment, &given_back, text);
        assert_true(str_is(payment_status_text(&payment), ways[i].then));
    }
}

static void what_is_not_made_yet_is_not_given_back_by_an_operator(void **state)
{
    char text[32];

    UNUSED(state);
    for (int i = 0; i < PAYMENT_STATE_COUNT; i++) {
        struct payment payment = a_payment((enum payment_state)i);
        struct payment_intent refund = an_intent(PAYMENT_REFUND);
        refund.order_is_over = false;
        const char *why = i == PAYMENT_CAPTURED ? "not over" : expected[i][PAYMENT_REFUND];
        assert_string_equal(what_happens(&payment, &refund, text), why);
    }
}

/* Where a payment may be when its provider says something. */
static const struct situation {
    const char *name;
    enum payment_state state;
    bool approved, ordered, captured, returned;
    /* approved, declined, captured, voided, refunded, voided to a capture: what is shown; "-": nothing new; "bug" */
    const char *then[6];
} situations[] = {
    {"asked", PAYMENT_PENDING, 0, 0, 0, 0, {"Authorized", "Declined", "bug", "bug", "bug", "bug"}},
    {"declined", PAYMENT_DECLINED, 0, 0, 0, 0, {"bug", "-", "bug", "-", "bug", "bug"}},
    {"approved", PAYMENT_AUTHORIZED, 1, 0, 0, 0, {"-", "bug", "bug", "bug", "bug", "bug"}},
    {"being taken", PAYMENT_CAPTURING, 1, 1, 0, 0, {"-", "bug", "Captured", "bug", "bug", "bug"}},
    {"taken", PAYMENT_CAPTURED, 1, 1, 1, 0, {"-", "bug", "-", "bug", "bug", "bug"}},
    {"given up, never known", PAYMENT_RETURNING, 0, 0, 0, 0, {"-", "-", "bug", "Voided", "Voided", "bug"}},
    {"given up, approved", PAYMENT_RETURNING, 1, 0, 0, 0, {"-", "bug", "bug", "Voided", "Voided", "bug"}},
    {"canceled while being taken", PAYMENT_RETURNING, 1, 1, 0, 0, {"-", "bug", "-", "Voided", "Refunded", "Voided"}},
    {"canceled when taken", PAYMENT_RETURNING, 1, 1, 1, 0, {"-", "bug", "-", "Refunded", "Refunded", "bug"}},
    {"given up and voided", PAYMENT_RETURNED, 0, 0, 0, 0, {"-", "-", "bug", "-", "-", "bug"}},
    {"canceled and voided", PAYMENT_RETURNED, 1, 1, 0, 0, {"-", "bug", "bug", "-", "bug", "-"}},
    {"refunded", PAYMENT_RETURNED, 1, 1, 1, 1, {"-", "bug", "-", "-", "-", "bug"}},
};

static struct payment payment_in(const struct situation *situation)
{
    struct payment payment = a_payment(situation->state);

    payment.reference = situation->approved ? STR("r") : STR("");
    payment.order_id = situation->ordered ? 42 : 0;
    payment.captured = situation->captured ? AMOUNT : 0;
    payment.returned = situation->returned ? AMOUNT : 0;
    return payment;
}

static void what_a_provider_says_never_takes_back_what_is_booked_whatever_it_is(void **state)
{
    static const enum payment_command_kind said[] = {PAYMENT_APPROVED,   PAYMENT_DECLINED_BY, PAYMENT_TAKEN,
                                                     PAYMENT_GIVEN_BACK, PAYMENT_GIVEN_BACK,  PAYMENT_GIVEN_BACK};
    char text[32];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(situations) * COUNT_OF(said); i++) {
        const struct situation *situation = &situations[i / COUNT_OF(said)];
        size_t word = i % COUNT_OF(said);
        struct payment payment = payment_in(situation);
        struct payment before = payment;
        struct payment_intent intent = an_intent(said[word]);
        intent.was_taken = word == 4;
        intent.of_capture = word == 5;
        const char *then = what_happens(&payment, &intent, text);
        print_message("%s: %s %d\n", situation->name, payment_command_name(intent.kind), intent.was_taken);
        if (then == text)
            assert_true(str_is(payment_status_text(&payment), situation->then[word]));
        else
            assert_string_equal(then, situation->then[word]);
        /* the ledger is only ever added to, and in the end holds what is left */
        assert_true(payment.captured >= before.captured && payment.returned >= before.returned);
        assert_true(payment.amount >= payment.captured && payment.captured >= payment.returned);
        assert_true(payment.order_id || payment.captured == 0);
        assert_true(payment.state != PAYMENT_RETURNED || payment.captured == payment.returned);
        if (then == text && strcmp(situation->then[word], "-") != 0) /* said again, it changes nothing */
            assert_string_equal(what_happens(&payment, &intent, text), "-");
    }
}

static void a_payment_is_over_once_it_has_an_order_or_has_gone_back(void **state)
{
    static const bool over[PAYMENT_STATE_COUNT] = {
        [PAYMENT_CAPTURING] = true, [PAYMENT_CAPTURED] = true, [PAYMENT_RETURNING] = true, [PAYMENT_RETURNED] = true};

    UNUSED(state);
    for (int i = 0; i < PAYMENT_STATE_COUNT; i++) {
        struct payment payment = a_payment((enum payment_state)i);
        assert_int_equal(payment_is_over(&payment), over[i]);
    }
}

/* Whether the command makes something happen in that state, and what it leads to. */
static bool leads_on(enum payment_state state, enum payment_command_kind kind, enum payment_state *to)
{
    static const struct payment_policy any = {.authorization_us = 1000, .retry_us = 10, .retry_most_us = 10};
    struct payment payment = a_payment(state);
    struct payment_intent intent = an_intent(kind);
    struct payment_decision decision;

    bool decided = payment_decide(&payment, &intent, &any, 1, 1, &decision) == PAYMENT_DECIDED;
    *to = decided ? decision.event.state : state;
    return decided;
}

static void mark_reachable(enum payment_state from, bool *reachable)
{
    enum payment_state to;

    if (reachable[from])
        return;
    reachable[from] = true;
    for (int kind = 0; kind < PAYMENT_COMMAND_COUNT; kind++) {
        if (leads_on(from, (enum payment_command_kind)kind, &to))
            mark_reachable(to, reachable);
    }
}

/* So that its messages can be replayed without harm. */
static void what_a_provider_said_once_changes_nothing_ever_after(void **state)
{
    static const enum payment_command_kind said[] = {PAYMENT_APPROVED, PAYMENT_DECLINED_BY, PAYMENT_TAKEN,
                                                     PAYMENT_GIVEN_BACK};
    size_t times = 0;
    enum payment_state after;
    enum payment_state ignored;

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        for (int from = 0; from < PAYMENT_STATE_COUNT; from++) {
            bool reachable[PAYMENT_STATE_COUNT] = {false};
            if (!leads_on((enum payment_state)from, said[i], &after))
                continue;
            times++;
            mark_reachable(after, reachable);
            for (int later = 0; later < PAYMENT_STATE_COUNT; later++)
                assert_false(reachable[later] && leads_on((enum payment_state)later, said[i], &ignored));
        }
    }
    assert_int_equal(times, COUNT_OF(said));
}

static void every_name_and_sentence_is_there(void **state)
{
    UNUSED(state);
    for (int i = 0; i < PAYMENT_STATE_COUNT; i++) {
        struct payment payment = a_payment((enum payment_state)i);
        assert_int_equal(payment_status_text(&payment).n == 0, i == PAYMENT_NONE);
        assert_true(payment_state_name((enum payment_state)i)[0] != '\0');
    }
    for (int i = 0; i < PAYMENT_COMMAND_COUNT; i++)
        assert_true(payment_command_name((enum payment_command_kind)i)[0] != '\0');
    for (int i = PAYMENT_REFUSAL_NO_SUCH_PAYMENT; i <= PAYMENT_REFUSAL_ORDER_NOT_OVER; i++)
        assert_true(payment_refusal_text((enum payment_refusal)i)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_answers_every_command_as_its_table_says),
        cmocka_unit_test(what_changes_nothing_leaves_the_payment_as_it_was),
        cmocka_unit_test(only_what_others_hear_of_has_a_new_version),
        cmocka_unit_test(never_more_is_taken_than_was_authorised_nor_more_given_back_than_taken),
        cmocka_unit_test(whoever_owes_an_answer_is_asked_again_with_a_growing_pause),
        cmocka_unit_test(an_authorisation_is_kept_so_long_and_as_long_again_when_it_is_asked_for_again),
        cmocka_unit_test(one_whose_time_is_over_is_kept_no_longer),
        cmocka_unit_test(a_payment_is_one_orders_and_of_its_amount),
        cmocka_unit_test(an_order_that_is_heard_of_again_changes_nothing_wherever_its_money_is),
        cmocka_unit_test(a_cancel_that_is_heard_before_its_order_gives_back_and_its_order_changes_nothing),
        cmocka_unit_test(what_was_only_promised_is_voided_and_what_was_taken_refunded),
        cmocka_unit_test(what_costs_nothing_is_refunded_when_its_order_is_canceled_and_voided_when_that_never_came),
        cmocka_unit_test(what_is_not_made_yet_is_not_given_back_by_an_operator),
        cmocka_unit_test(what_a_provider_says_never_takes_back_what_is_booked_whatever_it_is),
        cmocka_unit_test(a_payment_is_over_once_it_has_an_order_or_has_gone_back),
        cmocka_unit_test(what_a_provider_said_once_changes_nothing_ever_after),
        cmocka_unit_test(every_name_and_sentence_is_there),
    };

    return cmocka_run_group_tests_name("payment", tests, NULL, NULL);
}
