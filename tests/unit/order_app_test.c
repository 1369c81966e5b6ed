/* The order's use cases over a repository in memory: batches, keys, asking product, facts, failures at every call. */
#include "order_app.h"

#include "alloc.h"
#include "errors.h"
#include "fake_order_repo.h"
#include "order_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MOST = 8 };

struct shop {
    struct fake_order_repo *repo;
    struct order_app app;
    struct order_product_caller product;
    struct order_payment_caller payment;
    bool is_paid_first;
    struct event_sink sink;
    struct order_command *asked[MOST]; /* of product, or of payment */
    size_t n_asked;
    size_t n_flushed;   /* that payment was really asked for */
    uint64_t published; /* events */
    int64_t now;
};

static void cancel(struct order_product_caller *self, struct order_command *command)
{
    struct shop *shop = CONTAINER_OF(self, struct shop, product);

    assert_true(shop->n_asked < MOST);
    shop->asked[shop->n_asked++] = command;
}

static void authorize(struct order_payment_caller *self, struct order_command *command)
{
    struct shop *shop = CONTAINER_OF(self, struct shop, payment);

    assert_true(shop->n_asked < MOST && command->base.kept);
    shop->asked[shop->n_asked++] = command;
}

static void flush(struct order_payment_caller *self)
{
    struct shop *shop = CONTAINER_OF(self, struct shop, payment);

    shop->n_flushed = shop->n_asked;
}

static bool authorize_here(struct order_payment_caller *self, struct order_command *command)
{
    struct shop *shop = CONTAINER_OF(self, struct shop, payment);

    assert_true(shop->n_asked < MOST);
    shop->asked[shop->n_asked++] = command;
    return true;
}

static void publish(struct event_sink *self, struct outbox *outbox)
{
    struct shop *shop = CONTAINER_OF(self, struct shop, sink);

    assert_true(shop->repo->outbox.last >= outbox->first + outbox->count - 1); /* committed before it is told */
    shop->published += outbox->count;
}

static int start_app(struct shop *shop)
{
    static const struct cursors sources = {.source = {"product"}, .n = 1};
    struct order_ports ports = {&shop->repo->port, &shop->product, &shop->sink, order_event_write,
                                shop->is_paid_first ? &shop->payment : NULL};

    return order_app_init(&shop->app, &ports, CELL_ONLY, &sources);
}

static void restart(struct shop *shop)
{
    order_app_free(&shop->app);
    assert_int_equal(start_app(shop), OK);
}

static int open_shop(void **state)
{
    struct shop *shop = test_calloc(1, sizeof(*shop));

    shop->repo = fake_order_repo_new();
    shop->product.cancel = cancel;
    shop->sink.publish = publish;
    shop->now = 1000000;
    assert_int_equal(start_app(shop), OK);
    *state = shop;
    return 0;
}

/* One in which an order is paid for before it exists. */
static int open_paid_shop(void **state)
{
    open_shop(state);
    struct shop *shop = *state;
    shop->is_paid_first = true;
    shop->payment = (struct order_payment_caller){authorize, flush, authorize_here};
    restart(shop);
    return 0;
}

static int close_shop(void **state)
{
    struct shop *shop = *state;

    heap_fail_at(0);
    order_app_free(&shop->app);
    fake_order_repo_free(shop->repo);
    test_free(shop);
    return 0;
}

/* ---- commands ---- */

static void render(struct order_command *command)
{
    command->client.answer =
        (struct answer){.status = command->verdict == ORDER_REFUSED ? 409 : 201,
                        .location = STR("/orders/1"),
                        .body = command->order.state == ORDER_CANCELED ? STR("canceled") : STR("made")};
}

static struct order_command placing(int64_t qty)
{
    return (struct order_command){.base = {.origin = FROM_CLIENT},
                                  .intent = {.kind = ORDER_PLACE,
                                             .product_name = STR("Latte"),
                                             .qty = qty,
                                             .price = 4500,
                                             .amount = 4500 * qty,
                                             .currency = STR("KRW")},
                                  .render = render};
}

static struct order_command placing_with_key(int64_t qty, const char *key)
{
    struct order_command command = placing(qty);

    command.client.key = str_of(key);
    command.client.fingerprint.members = (uint64_t)qty;
    return command;
}

static struct order_command canceling(int64_t order_id)
{
    return (struct order_command){
        .base = {.origin = FROM_CLIENT}, .intent = {.kind = ORDER_CANCEL}, .order_id = order_id, .render = render};
}

static struct order_command fact(enum order_command_kind kind, int64_t order_id, int64_t version, uint64_t position)
{
    return (struct order_command){.base = {.origin = FROM_FEED, .position = position, .frame = STR("{}")},
                                  .intent = {.kind = kind, .ticket_id = 7, .ticket_version = version},
                                  .order_id = order_id};
}

static int run(struct shop *shop, struct order_command *commands, size_t n)
{
    struct command *list[MOST];

    for (size_t i = 0; i < n; i++) {
        commands[i].base.kept = false; /* as the writer does */
        list[i] = &commands[i].base;
    }
    return core_run(&shop->app.core, list, n, ++shop->now);
}

static int64_t place_one(struct shop *shop)
{
    struct order_command command = placing(2);

    assert_int_equal(run(shop, &command, 1), OK);
    return command.order_id;
}

static const struct order *kept(const struct shop *shop, int64_t id)
{
    const struct order *order = fake_order_repo_find(shop->repo, id);

    assert_non_null(order);
    return order;
}

static int run_answer(struct shop *shop, struct order_command *command, enum order_command_kind kind, int unanswered)
{
    command->base.origin = FROM_EFFECT;
    command->intent.kind = kind;
    command->unanswered = unanswered;
    return run(shop, command, 1);
}

/* ---- placing ---- */

static void a_placed_order_is_stored_told_and_answered(void **state)
{
    struct shop *shop = *state;
    struct order_command command = placing(2);

    assert_int_equal(run(shop, &command, 1), OK);
    assert_int_equal(command.verdict, ORDER_DECIDED);
    assert_int_equal(command.client.answer.status, 201);
    assert_int_equal(kept(shop, command.order_id)->state, ORDER_REQUESTED);
    assert_int_equal(kept(shop, command.order_id)->amount, 9000);
    assert_int_equal(shop->published, 1);
    assert_false(command.base.kept);
}

static void orders_of_one_batch_get_ids_one_after_the_other(void **state)
{
    struct shop *shop = *state;
    struct order_command commands[] = {placing(1), placing(2), placing(3)};

    assert_int_equal(run(shop, commands, 3), OK);
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(kept(shop, commands[0].order_id + i)->qty, i + 1);
    assert_int_equal(shop->repo->n_commits, 1);
    assert_int_equal(shop->published, 3);
}

static void ids_go_on_behind_the_last_one_after_a_restart(void **state)
{
    struct shop *shop = *state;
    int64_t first = place_one(shop);

    restart(shop);
    assert_int_equal(place_one(shop), first + 1);
    assert_int_equal(shop->app.outbox.next, 3);
}

/* ---- keys ---- */

static void the_same_key_gets_the_same_answer(void **state)
{
    struct shop *shop = *state;
    struct order_command first = placing_with_key(2, "a");
    struct order_command again = placing_with_key(2, "a");

    assert_int_equal(run(shop, &first, 1), OK);
    restart(shop);
    assert_int_equal(run(shop, &again, 1), OK);
    assert_true(again.client.replayed);
    assert_int_equal(again.client.answer.status, 201);
    assert_true(str_is(again.client.answer.body, "made"));
    assert_true(str_is(again.client.answer.location, "/orders/1"));
    assert_int_equal(shop->repo->n, 1);
}

static void the_same_key_twice_in_one_batch_is_one_order(void **state)
{
    struct shop *shop = *state;
    struct order_command commands[] = {placing_with_key(2, "a"), placing_with_key(2, "a")};

    assert_int_equal(run(shop, commands, 2), OK);
    assert_false(commands[0].client.replayed);
    assert_true(commands[1].client.replayed);
    assert_true(str_is(commands[1].client.answer.body, "made"));
    assert_ptr_not_equal(commands[1].client.answer.body.p,
                         commands[0].client.answer.body.p); /* the first one's is over first */
    assert_int_equal(shop->repo->n, 1);
}

static void the_same_key_with_another_body_is_refused(void **state)
{
    struct shop *shop = *state;
    struct order_command commands[] = {placing_with_key(2, "a"), placing_with_key(3, "a")};
    struct order_command later = placing_with_key(4, "a");

    assert_int_equal(run(shop, commands, 2), OK);
    assert_true(commands[1].client.key_reused);
    assert_int_equal(run(shop, &later, 1), OK);
    assert_true(later.client.key_reused);
    assert_int_equal(shop->repo->n, 1);
}

static void an_order_at_another_amount_than_was_shown_is_not_made_and_its_key_is_free(void **state)
{
    static const struct order_shown old_amount = {.price = -1, .amount = 4000};
    static const struct order_shown right_amount = {.price = 4500, .amount = 4500, .currency = STR_INIT("KRW")};
    struct shop *shop = *state;
    struct order_command wrong = placing_with_key(1, "k"), right = placing_with_key(1, "k"), next = placing(1);

    wrong.intent.shown = &old_amount;
    wrong.client.fingerprint.members = 1;
    right.intent.shown = &right_amount;
    right.client.fingerprint.members = 2;
    assert_int_equal(run(shop, &wrong, 1), OK);
    assert_int_equal(wrong.verdict, ORDER_REFUSED);
    assert_int_equal(wrong.refusal, ORDER_REFUSAL_OTHER_AMOUNT);
    assert_int_equal(shop->published, 0);
    assert_int_equal(run(shop, &right, 1), OK);
    assert_int_equal(right.verdict, ORDER_DECIDED);
    assert_int_equal(right.order_id, 1); /* no id was spent */
    assert_int_equal(run(shop, &next, 1), OK);
    assert_int_equal(next.order_id, 2);
}

static void an_order_has_an_id_of_its_cell_also_behind_those_that_were_not_made(void **state)
{
    static const struct order_shown old_amount = {.price = -1, .amount = 4000};
    static const struct cell cell = {3, 16};
    struct shop *shop = *state;
    struct order_command wrong = placing(1), lost = placing(1);

    shop->app.cell = cell;
    int64_t first = place_one(shop);
    assert_int_equal(first, cell_next_id(cell, 0));
    wrong.intent.shown = &old_amount;
    assert_int_equal(run(shop, &wrong, 1), OK);
    assert_int_equal(wrong.verdict, ORDER_REFUSED);
    shop->repo->commits = (struct fake_trap){1, E_FULL};
    assert_int_equal(run(shop, &lost, 1), E_FULL);
    assert_int_equal(place_one(shop), cell_next_id(cell, first));
}

static void a_key_repeated_gets_its_order_whatever_it_costs_by_now(void **state)
{
    static const struct order_shown shown = {.price = -1, .amount = 4500};
    struct shop *shop = *state;
    struct order_command first = placing_with_key(1, "k"), again = placing_with_key(1, "k");

    first.intent.shown = again.intent.shown = &shown;
    again.intent.amount = 5000;
    assert_int_equal(run(shop, &first, 1), OK);
    assert_int_equal(run(shop, &again, 1), OK);
    assert_true(again.client.replayed);
    assert_int_equal(shop->published, 1);
}

static void a_key_whose_commit_failed_is_free(void **state)
{
    struct shop *shop = *state;
    struct order_command first = placing_with_key(2, "a");
    struct order_command again = placing_with_key(2, "a");

    shop->repo->commits = (struct fake_trap){1, E_FULL};
    assert_int_equal(run(shop, &first, 1), E_FULL);
    assert_int_equal(run(shop, &again, 1), OK);
    assert_false(again.client.replayed);
    assert_int_equal(shop->repo->n, 1);
}

/* ---- cancelling ---- */

static void a_cancel_is_asked_of_product_and_nothing_is_written(void **state)
{
    struct shop *shop = *state;
    struct order_command command = canceling(place_one(shop));
    size_t commits = shop->repo->n_commits;

    assert_int_equal(run(shop, &command, 1), OK);
    assert_int_equal(command.verdict, ORDER_ASK);
    assert_true(command.base.kept);
    assert_int_equal(shop->n_asked, 1);
    assert_ptr_equal(shop->asked[0], &command);
    assert_int_equal(shop->repo->n_commits, commits);
    assert_int_equal(kept(shop, command.order_id)->state, ORDER_REQUESTED);
}

static void a_confirmed_cancel_is_stored_and_told(void **state)
{
    struct shop *shop = *state;
    struct order_command command = canceling(place_one(shop));

    run(shop, &command, 1);
    command.intent.ticket_id = 7;
    assert_int_equal(run_answer(shop, &command, ORDER_CANCEL_CONFIRMED, 0), OK);
    assert_false(command.base.kept);
    assert_int_equal(kept(shop, command.order_id)->state, ORDER_CANCELED);
    assert_int_equal(kept(shop, command.order_id)->product_id, 7);
    assert_true(str_is(command.client.answer.body, "canceled"));
    assert_int_equal(shop->published, 2);
}

static void a_refused_cancel_leaves_the_order_as_it_is(void **state)
{
    struct shop *shop = *state;
    struct order_command command = canceling(place_one(shop));

    run(shop, &command, 1);
    assert_int_equal(run_answer(shop, &command, ORDER_CANCEL_REFUSED, 0), OK);
    assert_int_equal(command.verdict, ORDER_REFUSED);
    assert_int_equal(command.refusal, ORDER_REFUSAL_PRODUCTION_STARTED);
    assert_int_equal(command.client.answer.status, 409);
    assert_int_equal(kept(shop, command.order_id)->state, ORDER_REQUESTED);
}

static void a_cancel_without_an_answer_changes_nothing_and_ends(void **state)
{
    struct shop *shop = *state;
    struct order_command command = canceling(place_one(shop));

    run(shop, &command, 1);
    assert_int_equal(run_answer(shop, &command, ORDER_CANCEL, E_TIMEOUT), OK);
    assert_false(command.base.kept);
    assert_int_equal(shop->n_asked, 1);
    assert_int_equal(kept(shop, command.order_id)->state, ORDER_REQUESTED);
}

static void a_cancel_that_comes_after_all_is_taken_from_the_event(void **state)
{
    struct shop *shop = *state;
    struct order_command command = canceling(place_one(shop));
    struct order_command canceled = fact(ORDER_PRODUCT_CANCELED, command.order_id, 1, 1);

    run(shop, &command, 1);
    run_answer(shop, &command, ORDER_CANCEL, E_TIMEOUT);
    assert_int_equal(run(shop, &canceled, 1), OK);
    assert_int_equal(kept(shop, command.order_id)->state, ORDER_CANCELED);
}

static void two_who_cancel_at_once_both_hear_that_it_is_done(void **state)
{
    struct shop *shop = *state;
    int64_t id = place_one(shop);
    struct order_command commands[] = {canceling(id), canceling(id)};

    assert_int_equal(run(shop, commands, 2), OK);
    assert_int_equal(shop->n_asked, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(run_answer(shop, &commands[i], ORDER_CANCEL_CONFIRMED, 0), OK);
        assert_true(str_is(commands[i].client.answer.body, "canceled"));
    }
    assert_int_equal(shop->published, 2); /* Ordered, and OrderCanceled once */
}

static void product_is_not_asked_when_the_commit_fails(void **state)
{
    struct shop *shop = *state;
    struct order_command commands[] = {canceling(place_one(shop)), placing(1)};

    shop->repo->commits = (struct fake_trap){1, E_UNAVAILABLE};
    assert_int_equal(run(shop, commands, 2), E_UNAVAILABLE);
    assert_int_equal(shop->n_asked, 0);
    assert_false(commands[0].base.kept);
}

/* ---- facts ---- */

static void facts_move_the_order_and_the_cursor_in_one_commit(void **state)
{
    struct shop *shop = *state;
    int64_t id = place_one(shop);
    struct order_command facts[] = {fact(ORDER_STARTED, id, 1, 1), fact(ORDER_PRODUCED, id, 2, 2)};
    size_t commits = shop->repo->n_commits;

    assert_int_equal(run(shop, facts, 2), OK);
    assert_int_equal(kept(shop, id)->state, ORDER_COMPLETED);
    assert_int_equal(kept(shop, id)->product_id, 7);
    assert_int_equal(shop->repo->outbox.cursors.position[0], 2);
    assert_int_equal(shop->repo->n_commits, commits + 1);
    assert_int_equal(shop->app.cursors.position[0], 2);
}

static void an_event_taken_before_is_passed_over(void **state)
{
    struct shop *shop = *state;
    int64_t id = place_one(shop);
    struct order_command ran_out = fact(ORDER_RAN_OUT, id, 1, 1);
    struct order_command again = fact(ORDER_STARTED, id, 2, 1);

    assert_int_equal(run(shop, &ran_out, 1), OK);
    restart(shop);
    assert_int_equal(run(shop, &again, 1), OK); /* the same position */
    assert_int_equal(kept(shop, id)->state, ORDER_OUT_OF_STOCK);
}

static void what_contradicts_is_put_aside_and_blocks_nothing(void **state)
{
    struct shop *shop = *state;
    int64_t id = place_one(shop);
    struct order_command facts[] = {fact(ORDER_PRODUCED, id, 2, 1), fact(ORDER_PRODUCT_CANCELED, id, 3, 2),
                                    fact(ORDER_STARTED, 99, 1, 3)};

    assert_int_equal(run(shop, facts, 3), OK);
    assert_int_equal(kept(shop, id)->state, ORDER_COMPLETED);
    assert_int_equal(shop->repo->outbox.n_dead, 2);
    assert_true(str_is(shop->repo->outbox.dead[0].reason, "contradicts what is known of the order"));
    assert_true(str_is(shop->repo->outbox.dead[1].reason, "there is no such order"));
    assert_int_equal(shop->repo->outbox.dead[1].position, 3);
    assert_int_equal(shop->repo->outbox.cursors.position[0], 3);
}

/* What the follower makes itself is no more than the core's part of a command. */
static void bare_commands_only_move_the_cursor(void **state)
{
    struct shop *shop = *state;
    struct command *skip = test_calloc(1, sizeof(*skip));
    struct command *dead = test_calloc(1, sizeof(*dead));
    struct command *both[] = {skip, dead};

    *skip = (struct command){.origin = FROM_FEED, .fate = COMMAND_SKIP, .position = 4};
    *dead = (struct command){
        .origin = FROM_FEED, .fate = COMMAND_DEAD, .position = 5, .reason = STR("unreadable"), .frame = STR("{")};
    assert_int_equal(core_run(&shop->app.core, both, 2, ++shop->now), OK);
    assert_int_equal(shop->repo->outbox.cursors.position[0], 5);
    assert_int_equal(shop->repo->outbox.n_dead, 1);
    test_free(skip);
    test_free(dead);
}

static void a_batch_of_nothing_commits_nothing(void **state)
{
    struct shop *shop = *state;

    assert_int_equal(core_run(&shop->app.core, NULL, 0, ++shop->now), OK);
    assert_int_equal(shop->repo->n_commits, 0);
    assert_int_equal(shop->app.core.next_due(&shop->app.core), INT64_MAX);
}

/* ---- failures: the nth call, the nth allocation ---- */

/* A little history; every batch is tried again until it succeeds. `*failed` counts the tries that didn't. */
static void live(struct shop *shop, size_t *failed)
{
    struct order_command first[] = {placing_with_key(1, "a"), placing(2), placing_with_key(1, "a")};
    struct order_command second[] = {canceling(2), fact(ORDER_STARTED, 1, 1, 1), placing(3)};
    struct order_command third[] = {fact(ORDER_PRODUCED, 1, 2, 2), fact(ORDER_STARTED, 99, 1, 3)};
    struct {
        struct order_command *commands;
        size_t n;
    } batches[] = {{first, COUNT_OF(first)}, {second, COUNT_OF(second)}, {third, COUNT_OF(third)}};

    for (size_t i = 0; i < COUNT_OF(batches); i++) {
        size_t commits = shop->repo->n_commits, orders = shop->repo->n, asked = shop->n_asked;
        uint64_t published = shop->published;
        while (run(shop, batches[i].commands, batches[i].n)) {
            ++*failed;
            assert_int_equal(shop->repo->n_commits, commits);
            assert_int_equal(shop->repo->n, orders);
            assert_int_equal(shop->published, published);
            assert_int_equal(shop->n_asked, asked);
        }
    }
    while (run_answer(shop, &second[0], ORDER_CANCEL_CONFIRMED, 0))
        ++*failed;
}

static void check_lived(struct shop *shop)
{
    assert_int_equal(shop->repo->n, 3);
    assert_int_equal(kept(shop, 1)->state, ORDER_COMPLETED);
    assert_int_equal(kept(shop, 2)->state, ORDER_CANCELED);
    assert_int_equal(kept(shop, 3)->state, ORDER_REQUESTED);
    assert_int_equal(kept(shop, 3)->qty, 3);
    assert_int_equal(shop->repo->outbox.last, 4);
    assert_int_equal(shop->repo->outbox.n_records, 1);
    assert_int_equal(shop->repo->outbox.n_dead, 1);
    assert_int_equal(shop->repo->outbox.cursors.position[0], 3);
    assert_int_equal(shop->published, 4);
    assert_int_equal(shop->n_asked, 1);
}

static void a_failing_call_of_the_store_leaves_nothing_half_done(void **state)
{
    static const int errors[] = {E_UNAVAILABLE, E_FULL, E_CONFLICT};

    UNUSED(state);
    for (size_t nth = 1; nth <= 4; nth++) {
        for (int commits = 0; commits <= 1; commits++) {
            void *one;
            size_t failed = 0;
            open_shop(&one);
            struct shop *shop = one;
            *(commits ? &shop->repo->commits : &shop->repo->reads) =
                (struct fake_trap){nth, errors[nth % COUNT_OF(errors)]};
            live(shop, &failed);
            assert_int_equal(failed, 1);
            check_lived(shop);
            close_shop(&one);
        }
    }
}

static void a_failing_allocation_leaves_nothing_half_done(void **state)
{
    size_t failures = 0;
    bool more = true;

    UNUSED(state);
    for (uint64_t nth = 1; more; nth++) {
        void *one;
        size_t failed = 0;
        open_shop(&one);
        heap_fail_at(nth);
        live(one, &failed);
        more = heap_has_failed();
        heap_fail_at(0);
        check_lived(one);
        assert_int_equal(failed, more);
        failures += failed;
        close_shop(&one);
    }
    assert_true(failures > 1);
}

static void an_app_that_can_not_restore_says_so(void **state)
{
    struct shop shop = {.product = {cancel}, .sink = {publish}};

    UNUSED(state);
    shop.repo = fake_order_repo_new();
    shop.repo->reads = (struct fake_trap){1, E_CORRUPT};
    assert_int_equal(start_app(&shop), E_CORRUPT);
    order_app_free(&shop.app);
    fake_order_repo_free(shop.repo);
}

/* ---- paid before it exists ---- */

static struct order_command buying(int64_t qty, const char *key)
{
    struct order_command command = placing_with_key(qty, key);

    command.intent.kind = ORDER_BUY;
    return command;
}

static void approve(struct shop *shop, struct order_command *command, int64_t payment_id)
{
    command->intent.kind = ORDER_PLACE;
    command->intent.payment_id = payment_id;
    command->paid_until = shop->now + 1000;
}

static void what_has_to_be_paid_is_asked_of_payment_and_nothing_is_written(void **state)
{
    struct shop *shop = *state;
    struct order_command commands[] = {buying(1, "a"), buying(2, "b")};

    assert_int_equal(run(shop, commands, 2), OK);
    assert_true(commands[0].base.kept && commands[1].base.kept);
    assert_int_equal(shop->n_flushed, 2);
    assert_int_equal(shop->repo->n_commits, 0);
    assert_int_equal(shop->app.last_id, 0);
}

static void what_is_paid_is_placed_and_names_its_payment(void **state)
{
    struct shop *shop = *state;
    struct order_command command = buying(2, "a");

    assert_int_equal(run(shop, &command, 1), OK);
    approve(shop, &command, 77);
    assert_int_equal(run(shop, &command, 1), OK);
    assert_false(command.base.kept);
    const struct order *order = fake_order_repo_find(shop->repo, 1);
    assert_non_null(order);
    assert_int_equal(order->payment_id, 77);
    assert_int_equal(order->payment, ORDER_PAID);
    assert_int_equal(shop->published, 1);
    assert_int_equal(shop->n_asked, 1);
}

static void what_is_declined_leaves_nothing_but_its_answer(void **state)
{
    struct shop *shop = *state;
    struct order_command command = buying(2, "a"), again = buying(2, "a"), other = buying(2, "b");

    assert_int_equal(run(shop, &command, 1), OK);
    command.intent.kind = ORDER_DECLINED;
    assert_int_equal(run(shop, &command, 1), OK);
    assert_int_equal(command.refusal, ORDER_REFUSAL_DECLINED);
    assert_int_equal(shop->repo->n, 0);
    assert_int_equal(shop->published, 0);
    assert_int_equal(run(shop, &again, 1), OK);
    assert_true(again.client.replayed);
    assert_int_equal(shop->n_asked, 1);
    assert_int_equal(run(shop, &other, 1), OK);
    approve(shop, &other, 78);
    assert_int_equal(run(shop, &other, 1), OK);
    assert_int_equal(other.order_id, 1); /* no number was used up */
}

static void what_is_not_known_to_be_paid_is_not_kept_with_its_key(void **state)
{
    struct shop *shop = *state;
    struct order_command command = buying(2, "a"), again = buying(2, "a");

    assert_int_equal(run(shop, &command, 1), OK);
    command.unanswered = E_OUTCOME_UNKNOWN;
    assert_int_equal(run(shop, &command, 1), OK);
    assert_false(command.base.kept);
    assert_int_equal(shop->repo->n_commits, 0);
    assert_int_equal(run(shop, &again, 1), OK);
    assert_int_equal(shop->n_flushed, 2); /* asked for again, under the same key */
}

static void an_approval_that_payment_may_be_giving_back_is_good_for_nothing(void **state)
{
    struct shop *shop = *state;
    struct order_command command = buying(2, "a");

    assert_int_equal(run(shop, &command, 1), OK);
    approve(shop, &command, 77);
    shop->now = command.paid_until;
    assert_int_equal(run(shop, &command, 1), OK);
    assert_int_equal(command.unanswered, E_UNAVAILABLE);
    assert_int_equal(shop->repo->n, 0);
    assert_int_equal(shop->repo->n_commits, 0);
}

static void a_key_bought_twice_at_once_is_one_order(void **state)
{
    struct shop *shop = *state;
    struct order_command commands[] = {buying(2, "a"), buying(2, "a")};

    assert_int_equal(run(shop, commands, 2), OK);
    approve(shop, &commands[0], 77);
    approve(shop, &commands[1], 77);
    assert_int_equal(run(shop, commands, 2), OK);
    assert_int_equal(shop->repo->n, 1);
    assert_true(commands[1].client.replayed);
    assert_false(commands[1].base.kept); /* and isn't asked for again */
    assert_int_equal(shop->n_asked, 2);
}

static void a_key_that_payment_knows_for_another_purchase_buys_nothing(void **state)
{
    struct shop *shop = *state;
    struct order_command command = buying(2, "a");

    assert_int_equal(run(shop, &command, 1), OK);
    command.client.key_reused = true;
    assert_int_equal(run(shop, &command, 1), OK);
    assert_false(command.base.kept);
    assert_int_equal(shop->repo->n_commits, 0);
}

static void who_has_sent_no_key_is_asked_for_before_the_writer_has_a_turn(void **state)
{
    struct shop *shop = *state;
    struct order_command command = buying(2, ""), dearer = buying(2, ""), keyed = buying(2, "a"), placed = placing(2);
    const struct order_shown shown = {.amount = 1, .price = -1};

    assert_true(order_app_buy(&shop->app, &command));
    assert_int_equal(shop->n_asked, 1);
    assert_false(order_app_buy(&shop->app, &keyed)); /* it may have its answer */
    assert_false(order_app_buy(&shop->app, &placed));
    dearer.intent.shown = &shown;
    assert_false(order_app_buy(&shop->app, &dearer)); /* the writer refuses it */
    assert_int_equal(shop->n_asked, 1);
    approve(shop, &command, 77);
    assert_int_equal(run(shop, &command, 1), OK);
    assert_int_equal(fake_order_repo_find(shop->repo, 1)->payment_id, 77);
    assert_int_equal(run(shop, &dearer, 1), OK);
    assert_int_equal(dearer.refusal, ORDER_REFUSAL_OTHER_AMOUNT);
}

static void at_the_counter_nobody_is_asked_before_the_writer_has_a_turn(void **state)
{
    struct shop *shop = *state;
    struct order_command command = buying(2, "");

    assert_false(order_app_buy(&shop->app, &command));
}

static void an_order_learns_once_that_its_money_has_gone_back(void **state)
{
    struct shop *shop = *state;
    struct order_command command = buying(2, "a");
    struct order_command told = fact(ORDER_REFUNDED, 1, 0, 1), other = fact(ORDER_REFUNDED, 1, 0, 2);

    assert_int_equal(run(shop, &command, 1), OK);
    approve(shop, &command, 77);
    assert_int_equal(run(shop, &command, 1), OK);
    told.intent = (struct order_intent){.kind = ORDER_REFUNDED, .payment_id = 77};
    assert_int_equal(run(shop, &told, 1), OK);
    const struct order *order = fake_order_repo_find(shop->repo, 1);
    assert_int_equal(order->payment, ORDER_PAYMENT_GONE_BACK);
    assert_int_equal(order->state, ORDER_REQUESTED);
    assert_int_equal(shop->published, 1);
    other.intent = (struct order_intent){.kind = ORDER_REFUNDED, .payment_id = 78};
    assert_int_equal(run(shop, &other, 1), OK);
    assert_int_equal(shop->repo->outbox.n_dead, 1); /* another's payment */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)
#define PAID(name) cmocka_unit_test_setup_teardown(name, open_paid_shop, close_shop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_placed_order_is_stored_told_and_answered),
        TEST(orders_of_one_batch_get_ids_one_after_the_other),
        TEST(ids_go_on_behind_the_last_one_after_a_restart),
        TEST(the_same_key_gets_the_same_answer),
        TEST(the_same_key_twice_in_one_batch_is_one_order),
        TEST(the_same_key_with_another_body_is_refused),
        TEST(an_order_has_an_id_of_its_cell_also_behind_those_that_were_not_made),
        TEST(an_order_at_another_amount_than_was_shown_is_not_made_and_its_key_is_free),
        TEST(a_key_repeated_gets_its_order_whatever_it_costs_by_now),
        TEST(a_key_whose_commit_failed_is_free),
        TEST(a_cancel_is_asked_of_product_and_nothing_is_written),
        TEST(a_confirmed_cancel_is_stored_and_told),
        TEST(a_refused_cancel_leaves_the_order_as_it_is),
        TEST(a_cancel_without_an_answer_changes_nothing_and_ends),
        TEST(a_cancel_that_comes_after_all_is_taken_from_the_event),
        TEST(two_who_cancel_at_once_both_hear_that_it_is_done),
        TEST(product_is_not_asked_when_the_commit_fails),
        TEST(facts_move_the_order_and_the_cursor_in_one_commit),
        TEST(an_event_taken_before_is_passed_over),
        TEST(what_contradicts_is_put_aside_and_blocks_nothing),
        TEST(bare_commands_only_move_the_cursor),
        TEST(a_batch_of_nothing_commits_nothing),
        PAID(what_has_to_be_paid_is_asked_of_payment_and_nothing_is_written),
        PAID(what_is_paid_is_placed_and_names_its_payment),
        PAID(what_is_declined_leaves_nothing_but_its_answer),
        PAID(what_is_not_known_to_be_paid_is_not_kept_with_its_key),
        PAID(an_approval_that_payment_may_be_giving_back_is_good_for_nothing),
        PAID(a_key_bought_twice_at_once_is_one_order),
        PAID(a_key_that_payment_knows_for_another_purchase_buys_nothing),
        PAID(who_has_sent_no_key_is_asked_for_before_the_writer_has_a_turn),
        TEST(at_the_counter_nobody_is_asked_before_the_writer_has_a_turn),
        PAID(an_order_learns_once_that_its_money_has_gone_back),
        cmocka_unit_test(a_failing_call_of_the_store_leaves_nothing_half_done),
        cmocka_unit_test(a_failing_allocation_leaves_nothing_half_done),
        cmocka_unit_test(an_app_that_can_not_restore_says_so),
    };

    return cmocka_run_group_tests_name("order_app", tests, NULL, NULL);
}
