/* Payment's use cases over a repository in memory: purchases and their keys, order's facts, what expires, what is asked
 * of a provider, failures at every call. */
#include "payment_app.h"

#include "alloc.h"
#include "errors.h"
#include "fake_payment_repo.h"
#include "ledger_provider.h"
#include "payment_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MOST = 8, AUTHORIZATION = 1000000, SECOND = 1000000, PRICE = 4500 };

struct till {
    struct fake_payment_repo *repo;
    struct ledger_provider ledger;
    struct payment_provider slow; /* asks, and hears nothing by itself */
    struct provider_question asked[32];
    size_t n_asked;
    bool is_slow;
    struct order_feed orders;
    int64_t complete_at; /* what order had said by then is known */
    struct cell cell;
    struct payment_app app;
    struct event_sink sink;
    uint64_t published; /* events */
    int64_t now;
    uint64_t position; /* of order's feed */
};

/* ---- what is around it ---- */

static bool is_asked_first(struct payment_provider *self, const struct provider_question *question,
                           struct payment_intent *answer)
{
    UNUSED(self);
    UNUSED(question);
    UNUSED(answer);
    return false;
}

static void note_question(struct payment_provider *self, const struct provider_question *question)
{
    struct till *till = CONTAINER_OF(self, struct till, slow);

    assert_true(till->n_asked < COUNT_OF(till->asked));
    assert_non_null(fake_payment_repo_find(till->repo, question->payment_id)); /* committed before it is asked */
    till->asked[till->n_asked++] = *question;
}

static void flush(struct payment_provider *self)
{
    UNUSED(self);
}

static int64_t complete_at(struct order_feed *self, int32_t cell, uint64_t epoch, uint64_t position)
{
    UNUSED(cell);
    UNUSED(epoch);
    UNUSED(position);
    return CONTAINER_OF(self, struct till, orders)->complete_at;
}

static void publish(struct event_sink *self, struct outbox *outbox)
{
    struct till *till = CONTAINER_OF(self, struct till, sink);

    assert_true(till->repo->outbox.last >= outbox->first + outbox->count - 1); /* committed before it is told */
    till->published += outbox->count;
}

static int start_app(struct till *till)
{
    static const struct cursors sources = {.source = {"order"}, .n = 1};
    static const struct payment_policy policy = {
        .authorization_us = AUTHORIZATION, .retry_us = 1000, .retry_most_us = 8000};
    struct payment_ports ports = {&till->repo->port, till->is_slow ? &till->slow : &till->ledger.port, &till->orders,
                                  &till->sink, payment_event_write};

    return payment_app_init(&till->app, &ports, till->cell, &policy, &sources);
}

static void restart(struct till *till)
{
    payment_app_free(&till->app);
    assert_int_equal(start_app(till), OK);
}

static int open_till(void **state)
{
    struct till *till = test_calloc(1, sizeof(*till));

    till->repo = fake_payment_repo_new();
    till->cell = CELL_ONLY;
    ledger_provider_init(&till->ledger, STR("KRW"), (int64_t)10 * PRICE);
    till->slow = (struct payment_provider){is_asked_first, note_question, flush, 0};
    till->orders.complete_at = complete_at;
    till->complete_at = INT64_MIN;
    till->sink.publish = publish;
    till->now = SECOND;
    assert_int_equal(start_app(till), OK);
    *state = till;
    return 0;
}

static int open_slow_till(void **state)
{
    open_till(state);
    ((struct till *)*state)->is_slow = true;
    restart(*state);
    return 0;
}

static int close_till(void **state)
{
    struct till *till = *state;

    heap_fail_at(0);
    payment_app_free(&till->app);
    fake_payment_repo_free(till->repo);
    test_free(till);
    return 0;
}

/* ---- commands ---- */

static int run(struct till *till, struct payment_command *commands, size_t n)
{
    struct command *list[MOST];

    for (size_t i = 0; i < n; i++)
        list[i] = &commands[i].base;
    return core_run(&till->app.core, list, n, ++till->now);
}

static struct payment_step buying(const char *key, int64_t amount, const char *method)
{
    return (struct payment_step){.intent = {.kind = PAYMENT_AUTHORIZE,
                                            .key = str_of(key),
                                            .amount = amount,
                                            .currency = STR("KRW"),
                                            .method = str_of(method)}};
}

static struct payment buy_by(struct till *till, const char *key, const char *method)
{
    struct payment_step step = buying(key, PRICE, method);
    struct payment_command command = {.base = {.origin = FROM_CLIENT}, .steps = &step, .n = 1};

    assert_int_equal(run(till, &command, 1), OK);
    return step.payment;
}

static struct payment buy(struct till *till, const char *key)
{
    return buy_by(till, key, "card");
}

static int tell(struct till *till, enum payment_command_kind kind, int64_t payment_id, int64_t order_id)
{
    struct payment_step step = {.intent = {.kind = kind, .order_id = order_id, .amount = PRICE},
                                .payment_id = payment_id};
    struct payment_command command = {
        .base = {.origin = FROM_FEED, .position = ++till->position, .frame = STR("{}")}, .steps = &step, .n = 1};

    return run(till, &command, 1);
}

/* The provider's answer. */
static void hear(struct till *till, enum payment_command_kind kind, int64_t payment_id, bool was_taken)
{
    struct payment_step step = {.intent = {.kind = kind, .reference = STR("r"), .was_taken = was_taken},
                                .payment_id = payment_id};
    struct payment_command command = {.base = {.origin = FROM_EFFECT}, .steps = &step, .n = 1};

    assert_int_equal(run(till, &command, 1), OK);
}

static struct payment_step refund(struct till *till, int64_t payment_id)
{
    struct payment_step step = {.intent = {.kind = PAYMENT_REFUND, .reason = STR("cold"), .order_is_over = true},
                                .payment_id = payment_id};
    struct payment_command command = {.base = {.origin = FROM_CLIENT}, .steps = &step, .n = 1};

    assert_int_equal(run(till, &command, 1), OK);
    return step;
}

static void wait_until_due(struct till *till)
{
    int64_t due = till->app.core.next_due(&till->app.core);

    assert_true(due < INT64_MAX);
    till->now = due - 1 > till->now ? due - 1 : till->now; /* run() is a moment later */
    assert_int_equal(run(till, NULL, 0), OK);
}

static enum payment_state state_of(struct till *till, int64_t id)
{
    const struct payment *payment = fake_payment_repo_find(till->repo, id);

    return payment ? payment->state : PAYMENT_NONE;
}

static int64_t in_the_till(const struct till *till)
{
    int64_t sum = 0;

    for (size_t i = 0; i < till->repo->n_bookings; i++)
        sum += till->repo->bookings[i].amount;
    return sum;
}

/* ---- purchases ---- */

static void what_is_approved_is_one_commit_and_no_money_moves(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    assert_int_equal(payment.state, PAYMENT_AUTHORIZED);
    assert_int_equal(till->repo->n_commits, 1);
    assert_int_equal(till->repo->n_bookings, 0);
    assert_int_equal(till->published, 0);
}

static void many_are_decided_at_once_each_by_itself(void **state)
{
    struct till *till = *state;
    struct payment_step steps[] = {buying("a", PRICE, "card"), buying("b", PRICE, "test-declined"),
                                   buying("c", (int64_t)11 * PRICE, "card"), buying("d", PRICE, "test-unknown"),
                                   buying("e", PRICE, "test-insufficient")};
    struct payment_command command = {.base = {.origin = FROM_CLIENT}, .steps = steps, .n = COUNT_OF(steps)};

    steps[4].intent.currency = STR("USD");
    steps[4].intent.method = STR("card");
    assert_int_equal(run(till, &command, 1), OK);
    assert_int_equal(steps[0].payment.state, PAYMENT_AUTHORIZED);
    assert_true(str_is(steps[1].payment.reason, "the bank said no"));
    assert_true(str_is(steps[2].payment.reason, "the amount is over the limit"));
    assert_int_equal(steps[3].payment.state, PAYMENT_PENDING);
    assert_true(str_is(steps[4].payment.reason, "the currency is not taken here"));
    assert_int_equal(till->repo->n_commits, 1);
}

static void the_same_key_is_the_same_payment_in_one_batch_and_in_another(void **state)
{
    struct till *till = *state;
    struct payment_step steps[] = {buying("k", PRICE, "card"), buying("k", PRICE, "card")};
    struct payment_command command = {.base = {.origin = FROM_CLIENT}, .steps = steps, .n = COUNT_OF(steps)};

    assert_int_equal(run(till, &command, 1), OK);
    assert_int_equal(steps[0].payment_id, steps[1].payment_id);
    restart(till);
    assert_int_equal(buy(till, "k").id, steps[0].payment_id);
    assert_int_equal(till->repo->n, 1);
}

static void a_key_is_not_good_for_another_purchase(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");
    struct payment_step steps[] = {buying("k", PRICE + 1, "card"), buying("k", PRICE, "cash")};
    struct payment_command command = {.base = {.origin = FROM_CLIENT}, .steps = steps, .n = COUNT_OF(steps)};

    assert_int_equal(run(till, &command, 1), OK);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_true(steps[i].key_of_another);
        assert_int_equal(steps[i].payment_id, payment.id);
    }
    assert_int_equal(till->repo->n, 1);
}

static void a_body_is_the_same_purchase_whatever_it_costs_by_now_and_another_body_is_not(void **state)
{
    struct till *till = *state;
    struct payment_step steps[] = {buying("k", PRICE, "card"), buying("k", PRICE + 1, "cash"),
                                   buying("k", PRICE, "card"), buying("k", PRICE, "card")};
    struct payment_command command = {.base = {.origin = FROM_CLIENT}, .steps = steps, .n = COUNT_OF(steps)};

    steps[0].intent.body = steps[1].intent.body = -7;
    steps[2].intent.body = 8; /* the last one doesn't tell */
    assert_int_equal(run(till, &command, 1), OK);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        assert_int_equal(steps[i].key_of_another, i == 2);
        assert_int_equal(steps[i].payment.amount, PRICE);
        assert_int_equal(steps[i].payment_id, 1);
    }
    assert_int_equal(till->repo->n, 1);
}

static void who_only_looks_for_a_purchase_begins_none(void **state)
{
    struct till *till = *state;
    struct payment_step looking = buying("k", PRICE, "card");
    struct payment_command command = {.base = {.origin = FROM_CLIENT}, .steps = &looking, .n = 1};

    looking.only_if_known = true;
    assert_int_equal(run(till, &command, 1), OK);
    assert_int_equal(looking.payment_id, 0);
    assert_int_equal(till->repo->n, 0);
    struct payment first = buy(till, "k");
    assert_int_equal(run(till, &command, 1), OK);
    assert_int_equal(looking.payment_id, first.id);
    assert_int_equal(tell(till, PAYMENT_ORDERED, first.id, 42), OK);
    assert_int_equal(run(till, &command, 1), OK);
    assert_int_equal(looking.payment_id, 0); /* that one is over */
}

static void a_key_used_again_after_its_order_is_another_payment(void **state)
{
    struct till *till = *state;
    struct payment first = buy(till, "k");

    assert_int_equal(tell(till, PAYMENT_ORDERED, first.id, 42), OK);
    struct payment second = buy(till, "k");
    assert_int_not_equal(first.id, second.id);
    assert_int_equal(state_of(till, first.id), PAYMENT_CAPTURED);
    assert_int_equal(state_of(till, second.id), PAYMENT_AUTHORIZED);
    assert_int_equal(in_the_till(till), PRICE);
}

/* ---- orders ---- */

static void an_order_takes_the_money_once_however_often_it_is_told(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    for (int i = 0; i < 3; i++)
        assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK);
    assert_int_equal(state_of(till, payment.id), PAYMENT_CAPTURED);
    assert_int_equal(till->repo->n_bookings, 1);
    assert_int_equal(in_the_till(till), PRICE);
    assert_int_equal(till->published, 1);
}

static void a_canceled_order_gets_it_back_once(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tell(till, PAYMENT_ORDER_CANCELED, payment.id, 42), OK);
    assert_int_equal(state_of(till, payment.id), PAYMENT_RETURNED);
    assert_int_equal(till->repo->n_bookings, 2);
    assert_int_equal(in_the_till(till), 0);
    assert_int_equal(till->published, 2);
}

static void ordered_and_canceled_in_one_batch_is_taken_and_given_back(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");
    struct payment_step steps[] = {
        {.intent = {.kind = PAYMENT_ORDERED, .order_id = 42, .amount = PRICE}, .payment_id = payment.id},
        {.intent = {.kind = PAYMENT_ORDER_CANCELED, .order_id = 42}, .payment_id = payment.id}};
    struct payment_command commands[] = {
        {.base = {.origin = FROM_FEED, .position = 1, .frame = STR("{}")}, .steps = &steps[0], .n = 1},
        {.base = {.origin = FROM_FEED, .position = 2, .frame = STR("{}")}, .steps = &steps[1], .n = 1}};

    assert_int_equal(run(till, commands, 2), OK);
    assert_int_equal(till->repo->n_bookings, 2);
    assert_int_equal(in_the_till(till), 0);
    assert_int_equal(state_of(till, payment.id), PAYMENT_RETURNED);
}

static void an_order_that_contradicts_its_payment_is_put_aside(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    assert_int_equal(tell(till, PAYMENT_ORDERED, 99, 1), OK); /* no such payment */
    struct payment declined = buy_by(till, "d", "test-declined");
    assert_int_equal(tell(till, PAYMENT_ORDERED, declined.id, 1), OK);
    assert_int_equal(till->repo->outbox.n_dead, 2);
    assert_int_equal(state_of(till, payment.id), PAYMENT_AUTHORIZED);
    assert_int_equal(till->repo->outbox.cursors.position[0], 2);
}

static void an_order_that_names_another_cells_payment_is_put_aside(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    till->cell = (struct cell){(cell_of_id(payment.id, 4) + 1) % 4, 4};
    restart(till);
    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK);
    assert_int_equal(till->repo->outbox.n_dead, 1);
    assert_int_equal(state_of(till, payment.id), PAYMENT_AUTHORIZED);
    till->cell.number = cell_of_id(payment.id, 4);
    restart(till);
    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK);
    assert_int_equal(state_of(till, payment.id), PAYMENT_CAPTURED);
}

static void an_operator_refunds_once(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    assert_int_equal(refund(till, payment.id).refusal, PAYMENT_REFUSAL_NOT_TAKEN);
    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK);
    assert_int_equal(refund(till, payment.id).payment.state, PAYMENT_RETURNED);
    assert_int_equal(refund(till, payment.id).refusal, PAYMENT_REFUSAL_GONE_BACK);
    assert_int_equal(refund(till, 99).refusal, PAYMENT_REFUSAL_NO_SUCH_PAYMENT);
    assert_int_equal(in_the_till(till), 0);
}

/* ---- what expires ---- */

static void an_authorisation_whose_order_never_came_is_given_back(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    till->complete_at = till->now + AUTHORIZATION;
    wait_until_due(till);
    assert_int_equal(till->now, payment.expires_at);
    assert_int_equal(state_of(till, payment.id), PAYMENT_RETURNED);
    assert_int_equal(till->repo->n_bookings, 0);
    assert_int_equal(till->published, 1);
    assert_int_equal(till->app.core.next_due(&till->app.core), INT64_MAX);
}

static void an_order_whose_authorisation_had_ended_hears_that_it_is_not_paid_and_blocks_nothing(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    till->complete_at = till->now + AUTHORIZATION;
    wait_until_due(till);
    for (int i = 0; i < 2; i++) { /* and a feed may say it again */
        assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK);
        assert_int_equal(till->published, 2);
        assert_int_equal(till->repo->outbox.n_dead, 0);
    }
    assert_int_equal(tell(till, PAYMENT_ORDER_CANCELED, payment.id, 42), OK);
    const struct payment *found = fake_payment_repo_find(till->repo, payment.id);
    assert_int_equal(found->state, PAYMENT_RETURNED);
    assert_int_equal(found->order_id, 42);
    assert_true(str_is(found->reason, "its order came when the authorisation had ended"));
    assert_int_equal(till->repo->n_bookings, 0);
    assert_int_equal(till->published, 2);
}

static void it_is_kept_as_long_as_its_order_may_still_be_heard_of(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    till->complete_at = payment.expires_at - 1;
    for (int i = 0; i < 5; i++)
        wait_until_due(till);
    assert_int_equal(state_of(till, payment.id), PAYMENT_AUTHORIZED);
    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK); /* here it is */
    till->complete_at = till->now + AUTHORIZATION;
    assert_int_equal(state_of(till, payment.id), PAYMENT_CAPTURED);
}

/* What can't be read may be its order. */
static void nothing_is_given_up_while_something_of_orders_lies_aside(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");
    struct command unreadable = {
        .origin = FROM_FEED, .fate = COMMAND_DEAD, .position = 1, .reason = STR("?"), .frame = STR("{}")};
    struct command *batch[] = {&unreadable};

    till->now = payment.expires_at;
    till->complete_at = INT64_MAX;
    assert_int_equal(core_run(&till->app.core, batch, 1, ++till->now), OK); /* put aside in that batch */
    assert_int_equal(state_of(till, payment.id), PAYMENT_AUTHORIZED);
    wait_until_due(till);
    assert_int_equal(state_of(till, payment.id), PAYMENT_AUTHORIZED);

    struct payment_step step = {.intent = {.kind = PAYMENT_ORDERED, .order_id = 42, .amount = PRICE},
                                .payment_id = payment.id};
    struct payment_command again = {
        .base = {.origin = FROM_REPLAY, .position = 1, .frame = STR("{}")}, .steps = &step, .n = 1};
    assert_int_equal(run(till, &again, 1), OK);
    assert_int_equal(state_of(till, payment.id), PAYMENT_CAPTURED);
    assert_int_equal(till->repo->outbox.n_dead, 0);
}

static void an_order_in_the_batch_in_which_its_payment_would_expire_gets_it(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    till->now = payment.expires_at + 1;
    till->complete_at = till->now;
    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK);
    assert_int_equal(state_of(till, payment.id), PAYMENT_CAPTURED);
}

static void what_is_asked_for_again_is_kept_as_long_again(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    till->now = payment.expires_at - 10;
    assert_int_equal(buy(till, "k").id, payment.id);
    till->complete_at = INT64_MAX;
    till->now = payment.expires_at + 1;
    assert_int_equal(run(till, NULL, 0), OK);
    assert_int_equal(state_of(till, payment.id), PAYMENT_AUTHORIZED);
    wait_until_due(till);
    assert_int_equal(state_of(till, payment.id), PAYMENT_RETURNED);
}

static void what_expired_while_it_was_away_is_given_back_after_a_restart(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    restart(till);
    till->now = payment.expires_at + 1;
    till->complete_at = till->now;
    assert_int_equal(run(till, NULL, 0), OK);
    till->complete_at = till->now + AUTHORIZATION / 2;
    wait_until_due(till);
    assert_int_equal(state_of(till, payment.id), PAYMENT_RETURNED);
}

/* It may have been away for no time at all, and order holds its approval for half the time. */
static void a_clock_set_ahead_while_it_was_away_gives_up_nothing_that_order_is_about_to_use(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    restart(till);
    till->now += 1000 * (int64_t)AUTHORIZATION;
    assert_int_equal(run(till, NULL, 0), OK);
    till->complete_at = till->now + AUTHORIZATION / 2 - 1;
    wait_until_due(till);
    assert_int_equal(state_of(till, payment.id), PAYMENT_AUTHORIZED);
    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK);
    assert_int_equal(state_of(till, payment.id), PAYMENT_CAPTURED);
}

static void a_clock_set_back_while_it_was_away_keeps_nothing_for_longer(void **state)
{
    struct till *till = *state;
    struct payment payment;

    till->now = 100 * (int64_t)SECOND;
    payment = buy(till, "k");
    restart(till);
    till->now = SECOND;
    assert_int_equal(run(till, NULL, 0), OK);
    assert_true(fake_payment_repo_find(till->repo, payment.id)->expires_at <= till->now + AUTHORIZATION);
}

/* ---- a provider that has to be asked ---- */

static void it_is_asked_after_the_commit_and_again_until_its_answer_is_known(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    assert_int_equal(payment.state, PAYMENT_PENDING);
    assert_int_equal(till->n_asked, 1);
    wait_until_due(till);
    restart(till);
    wait_until_due(till); /* looks what is due when */
    wait_until_due(till);
    assert_int_equal(till->n_asked, 3);
    for (size_t i = 0; i < till->n_asked; i++)
        assert_true(till->asked[i].payment_id == payment.id && till->asked[i].operation == PROVIDER_AUTHORIZE);
    hear(till, PAYMENT_APPROVED, payment.id, false);
    hear(till, PAYMENT_APPROVED, payment.id, false); /* twice */
    assert_int_equal(state_of(till, payment.id), PAYMENT_AUTHORIZED);
}

static void a_cancel_while_it_is_being_taken_gives_back_what_was_taken(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    hear(till, PAYMENT_APPROVED, payment.id, false);
    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK);
    assert_int_equal(till->asked[till->n_asked - 1].operation, PROVIDER_CAPTURE);
    assert_int_equal(tell(till, PAYMENT_ORDER_CANCELED, payment.id, 42), OK);
    assert_int_equal(till->asked[till->n_asked - 1].operation, PROVIDER_RETURN);
    hear(till, PAYMENT_TAKEN, payment.id, false); /* overtaken by the cancel */
    assert_int_equal(state_of(till, payment.id), PAYMENT_RETURNING);
    hear(till, PAYMENT_GIVEN_BACK, payment.id, true);
    const struct payment *kept = fake_payment_repo_find(till->repo, payment.id);
    assert_true(kept->captured == PRICE && kept->returned == PRICE);
    assert_int_equal(till->published, 1); /* it was never approved for others */
}

static void what_nobody_knows_is_given_back_when_its_time_is_over(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    till->complete_at = INT64_MAX;
    till->now = payment.expires_at + 8000;
    assert_int_equal(run(till, NULL, 0), OK);
    assert_int_equal(state_of(till, payment.id), PAYMENT_RETURNING);
    hear(till, PAYMENT_APPROVED, payment.id, false); /* late */
    assert_int_equal(state_of(till, payment.id), PAYMENT_RETURNING);
    hear(till, PAYMENT_GIVEN_BACK, payment.id, false);
    assert_true(str_is(payment_status_text(fake_payment_repo_find(till->repo, payment.id)), "Voided"));
}

/* ---- failures ---- */

/* ---- order's question while the provider thinks ---- */

enum { PATIENCE = 500000 };

struct question {
    struct payment_command command;
    struct payment_step steps[2];
    struct arena memory;
    size_t rendered, finished;
    bool was_pending; /* when it was rendered last: any of them */
};

static void render_question(struct payment_command *command)
{
    struct question *question = CONTAINER_OF(command, struct question, command);

    question->rendered++;
    question->was_pending = false;
    for (size_t i = 0; i < command->n; i++)
        question->was_pending |= command->steps[i].payment.state == PAYMENT_PENDING;
}

static void finish_question(struct command *base, int rc)
{
    assert_int_equal(rc, OK);
    CONTAINER_OF(base, struct question, command.base)->finished++;
}

static void prepare(struct question *question, const char *first, const char *second, int64_t waited)
{
    *question = (struct question){.steps = {buying(first, PRICE, "card"), buying(second, PRICE, "card")}};
    arena_init(&question->memory, 0);
    question->command = (struct payment_command){.base = {.origin = FROM_CLIENT, .finish = finish_question},
                                                 .steps = question->steps,
                                                 .n = 2,
                                                 .render = render_question,
                                                 .waited_us = waited,
                                                 .memory = &question->memory};
}

static void ask_again(struct till *till, struct question *question, const char *first, const char *second,
                      int64_t waited)
{
    struct command *list[] = {&question->command.base};

    prepare(question, first, second, waited);
    assert_int_equal(core_run(&till->app.core, list, 1, ++till->now), OK);
}

static void ask_patiently(struct till *till, struct question *question, const char *first, const char *second)
{
    ask_again(till, question, first, second, 0);
}

static int open_patient_till(void **state)
{
    open_till(state);
    struct till *till = *state;
    till->is_slow = true;
    till->slow.patience_us = PATIENCE;
    restart(till);
    return 0;
}

static void nobody_waits_for_anothers_card(void **state)
{
    struct till *till = *state;
    struct question question;
    int64_t began = till->now;

    ask_patiently(till, &question, "a", "b");
    hear(till, PAYMENT_APPROVED, question.steps[0].payment_id, false);
    assert_int_equal(question.finished, 0); /* what else is decided in the same moment goes with it */
    while (!question.finished && till->now < began + PATIENCE / 2) {
        till->now = till->app.core.next_due(&till->app.core);
        assert_int_equal(run(till, NULL, 0), OK);
    }
    assert_int_equal(question.finished, 1);
    assert_true(question.was_pending);
    assert_int_equal(question.steps[0].payment.state, PAYMENT_AUTHORIZED);
    assert_int_equal(question.steps[1].payment.state, PAYMENT_PENDING);
    arena_free(&question.memory);
}

static void what_is_known_already_is_answered_at_once(void **state)
{
    struct till *till = *state;
    struct question first;
    struct question second;

    ask_patiently(till, &first, "a", "b");
    hear(till, PAYMENT_APPROVED, first.steps[0].payment_id, false);
    ask_patiently(till, &second, "a", "c");
    assert_false(second.command.base.kept);
    assert_int_equal(second.steps[0].payment.state, PAYMENT_AUTHORIZED);
    hear(till, PAYMENT_APPROVED, first.steps[1].payment_id, false);
    assert_int_equal(first.finished, 1);
    arena_free(&first.memory);
    arena_free(&second.memory);
}

static void what_is_decided_in_the_batch_that_asks_is_answered_with_it(void **state)
{
    struct till *till = *state;
    struct question first;
    struct question second;

    ask_patiently(till, &first, "a", "b");
    struct payment_step approved = {.intent = {.kind = PAYMENT_APPROVED, .reference = STR("r")},
                                    .payment_id = first.steps[0].payment_id};
    struct payment_command answer = {.base = {.origin = FROM_EFFECT}, .steps = &approved, .n = 1};
    prepare(&second, "a", "b", 0);
    struct command *batch[] = {&second.command.base, &answer.base};
    assert_int_equal(core_run(&till->app.core, batch, 2, ++till->now), OK);
    assert_false(second.command.base.kept);
    assert_int_equal(second.steps[0].payment.state, PAYMENT_AUTHORIZED);
    assert_int_equal(second.rendered, 2);
    assert_true(first.command.base.kept);
    payment_app_let_go(&till->app);
    arena_free(&first.memory);
    arena_free(&second.memory);
}

static void who_is_asked_for_again_waits_for_what_is_left_of_their_time(void **state)
{
    struct till *till = *state;
    struct question question;
    struct question late;

    ask_again(till, &question, "a", "b", PATIENCE - 5);
    assert_true(question.command.base.kept);
    till->now += 3;
    assert_int_equal(run(till, NULL, 0), OK);
    assert_int_equal(question.finished, 0);
    assert_int_equal(run(till, NULL, 0), OK);
    assert_int_equal(question.finished, 1);
    ask_again(till, &late, "a", "b", PATIENCE);
    assert_false(late.command.base.kept);
    arena_free(&question.memory);
    arena_free(&late.memory);
}

static void order_is_answered_once_the_provider_has_answered_all_that_was_asked(void **state)
{
    struct till *till = *state;
    struct question question;

    ask_patiently(till, &question, "a", "b");
    assert_true(question.command.base.kept);
    hear(till, PAYMENT_APPROVED, question.steps[0].payment_id, false);
    assert_int_equal(question.finished, 0);
    hear(till, PAYMENT_DECLINED_BY, question.steps[1].payment_id, false);
    assert_int_equal(question.finished, 1);
    assert_false(question.was_pending);
    assert_int_equal(question.steps[0].payment.state, PAYMENT_AUTHORIZED);
    assert_true(question.steps[0].valid_us > 0);
    assert_int_equal(question.steps[1].payment.state, PAYMENT_DECLINED);
    assert_int_equal(till->app.core.next_due(&till->app.core) < INT64_MAX, true);
    arena_free(&question.memory);
}

static void order_is_told_that_it_is_not_known_when_the_provider_takes_too_long(void **state)
{
    struct till *till = *state;
    struct question question;

    ask_patiently(till, &question, "a", "b");
    int64_t until = till->now + PATIENCE;
    assert_true(till->app.core.next_due(&till->app.core) <= until);
    till->now = until - 2;
    assert_int_equal(run(till, NULL, 0), OK);
    assert_int_equal(question.finished, 0);
    assert_int_equal(run(till, NULL, 0), OK);
    assert_int_equal(question.finished, 1);
    assert_true(question.was_pending);
    arena_free(&question.memory);
}

static void two_who_ask_for_the_same_purchase_are_both_answered(void **state)
{
    struct till *till = *state;
    struct question first;
    struct question second;

    ask_patiently(till, &first, "a", "b");
    ask_patiently(till, &second, "b", "a");
    hear(till, PAYMENT_APPROVED, first.steps[0].payment_id, false);
    hear(till, PAYMENT_APPROVED, first.steps[1].payment_id, false);
    assert_int_equal(first.finished, 1);
    assert_int_equal(second.finished, 1);
    assert_int_equal(second.steps[1].payment_id, first.steps[0].payment_id);
    arena_free(&first.memory);
    arena_free(&second.memory);
}

static void whoever_waits_when_the_service_ends_is_answered_with_what_is_known(void **state)
{
    struct till *till = *state;
    struct question question;

    ask_patiently(till, &question, "a", "b");
    payment_app_let_go(&till->app);
    assert_int_equal(question.finished, 1);
    assert_true(question.was_pending);
    arena_free(&question.memory);
}

static void what_the_provider_took_and_gave_back_is_booked_once(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    hear(till, PAYMENT_APPROVED, payment.id, false);
    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 7), OK);
    hear(till, PAYMENT_TAKEN, payment.id, false);
    hear(till, PAYMENT_TAKEN, payment.id, false);
    assert_int_equal(in_the_till(till), PRICE);
    assert_int_equal(till->repo->n_bookings, 1);
    assert_int_equal(tell(till, PAYMENT_ORDER_CANCELED, payment.id, 7), OK);
    hear(till, PAYMENT_GIVEN_BACK, payment.id, true);
    hear(till, PAYMENT_GIVEN_BACK, payment.id, true);
    assert_int_equal(in_the_till(till), 0);
    assert_int_equal(till->repo->n_bookings, 2);
}

static void nothing_has_happened_when_the_commit_fails(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");

    till->repo->commits = (struct fake_trap){1, E_FULL};
    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), E_FULL);
    assert_int_equal(till->published, 0);
    assert_int_equal(till->repo->n_bookings, 0);
    till->position--; /* it comes again */
    assert_int_equal(tell(till, PAYMENT_ORDERED, payment.id, 42), OK);
    assert_int_equal(in_the_till(till), PRICE);
}

static void ids_that_were_not_committed_are_given_again(void **state)
{
    struct till *till = *state;
    struct payment_step step = buying("k", PRICE, "card");
    struct payment_command command = {.base = {.origin = FROM_CLIENT}, .steps = &step, .n = 1};

    assert_int_equal(run(till, NULL, 0), OK);
    till->repo->commits = (struct fake_trap){1, E_UNAVAILABLE};
    assert_int_equal(run(till, &command, 1), E_UNAVAILABLE);
    assert_int_equal(buy(till, "k").id, 1);
}

static void a_batch_without_memory_changes_nothing_and_can_be_tried_again(void **state)
{
    struct till *till = *state;
    struct payment payment = buy(till, "k");
    int rc = E_MEMORY;

    for (size_t at = 1; rc == E_MEMORY; at++) {
        restart(till);
        heap_fail_at(at);
        rc = tell(till, PAYMENT_ORDERED, payment.id, 42);
        heap_fail_at(0);
        till->position -= rc == E_MEMORY;
        assert_int_equal(till->repo->n_bookings, rc == OK);
    }
    assert_int_equal(rc, OK);
}

static void a_payment_has_an_id_of_its_cell_also_behind_one_that_was_not_committed(void **state)
{
    static const struct cell cell = {3, 16};
    struct till *till = *state;
    struct payment_step step = buying("lost", PRICE, "card");
    struct payment_command lost = {.base = {.origin = FROM_CLIENT}, .steps = &step, .n = 1};

    till->app.cell = cell;
    int64_t first = buy(till, "a").id;
    assert_int_equal(first, cell_next_id(cell, 0));
    till->repo->commits = (struct fake_trap){1, E_FULL};
    assert_int_equal(run(till, &lost, 1), E_FULL);
    assert_int_equal(buy(till, "b").id, cell_next_id(cell, first));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_till, close_till)
#define SLOW(name) cmocka_unit_test_setup_teardown(name, open_slow_till, close_till)
#define PATIENT(name) cmocka_unit_test_setup_teardown(name, open_patient_till, close_till)
    const struct CMUnitTest tests[] = {
        CASE(what_is_approved_is_one_commit_and_no_money_moves),
        CASE(a_payment_has_an_id_of_its_cell_also_behind_one_that_was_not_committed),
        CASE(many_are_decided_at_once_each_by_itself),
        CASE(the_same_key_is_the_same_payment_in_one_batch_and_in_another),
        CASE(a_key_is_not_good_for_another_purchase),
        CASE(a_body_is_the_same_purchase_whatever_it_costs_by_now_and_another_body_is_not),
        CASE(who_only_looks_for_a_purchase_begins_none),
        CASE(a_key_used_again_after_its_order_is_another_payment),
        CASE(an_order_takes_the_money_once_however_often_it_is_told),
        CASE(a_canceled_order_gets_it_back_once),
        CASE(ordered_and_canceled_in_one_batch_is_taken_and_given_back),
        CASE(an_order_that_contradicts_its_payment_is_put_aside),
        CASE(an_order_that_names_another_cells_payment_is_put_aside),
        CASE(an_operator_refunds_once),
        CASE(an_authorisation_whose_order_never_came_is_given_back),
        CASE(an_order_whose_authorisation_had_ended_hears_that_it_is_not_paid_and_blocks_nothing),
        CASE(it_is_kept_as_long_as_its_order_may_still_be_heard_of),
        CASE(nothing_is_given_up_while_something_of_orders_lies_aside),
        CASE(an_order_in_the_batch_in_which_its_payment_would_expire_gets_it),
        CASE(what_is_asked_for_again_is_kept_as_long_again),
        CASE(what_expired_while_it_was_away_is_given_back_after_a_restart),
        CASE(a_clock_set_ahead_while_it_was_away_gives_up_nothing_that_order_is_about_to_use),
        CASE(a_clock_set_back_while_it_was_away_keeps_nothing_for_longer),
        SLOW(it_is_asked_after_the_commit_and_again_until_its_answer_is_known),
        SLOW(a_cancel_while_it_is_being_taken_gives_back_what_was_taken),
        SLOW(what_nobody_knows_is_given_back_when_its_time_is_over),
        SLOW(what_the_provider_took_and_gave_back_is_booked_once),
        PATIENT(nobody_waits_for_anothers_card),
        PATIENT(what_is_known_already_is_answered_at_once),
        PATIENT(what_is_decided_in_the_batch_that_asks_is_answered_with_it),
        PATIENT(who_is_asked_for_again_waits_for_what_is_left_of_their_time),
        PATIENT(order_is_answered_once_the_provider_has_answered_all_that_was_asked),
        PATIENT(order_is_told_that_it_is_not_known_when_the_provider_takes_too_long),
        PATIENT(two_who_ask_for_the_same_purchase_are_both_answered),
        PATIENT(whoever_waits_when_the_service_ends_is_answered_with_what_is_known),
        CASE(nothing_has_happened_when_the_commit_fails),
        CASE(ids_that_were_not_committed_are_given_again),
        CASE(a_batch_without_memory_changes_nothing_and_can_be_tried_again),
    };

    return cmocka_run_group_tests_name("payment_app", tests, NULL, NULL);
}
