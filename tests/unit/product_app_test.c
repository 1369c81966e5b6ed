/* The kitchen's use cases over a repository in memory: what stock is asked, what its answers do, who waits for them,
 * and failures at every call. */
#include "product_app.h"

#include "alloc.h"
#include "errors.h"
#include "fake_product_repo.h"
#include "product_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MOST = 8, MOST_QUESTIONS = 64 };
static const int64_t ms = 1000;

struct kitchen {
    struct fake_product_repo *repo;
    struct product_app app;
    struct product_settings_app settings;
    struct stock_caller stock;
    struct event_sink sink;
    struct stock_question questions[MOST_QUESTIONS]; /* asked and sent */
    size_t n_asked, n_sent;
    uint64_t published; /* events */
    int64_t now;
};

static void ask(struct stock_caller *self, const struct stock_question *question)
{
    struct kitchen *kitchen = CONTAINER_OF(self, struct kitchen, stock);

    assert_true(kitchen->n_asked < MOST_QUESTIONS);
    kitchen->questions[kitchen->n_asked++] = *question;
}

static void flush(struct stock_caller *self)
{
    struct kitchen *kitchen = CONTAINER_OF(self, struct kitchen, stock);

    kitchen->n_sent = kitchen->n_asked;
}

static void publish(struct event_sink *self, struct outbox *outbox)
{
    struct kitchen *kitchen = CONTAINER_OF(self, struct kitchen, sink);

    assert_true(kitchen->repo->outbox.last >= outbox->first + outbox->count - 1); /* committed before it is told */
    kitchen->published += outbox->count;
}

static int start_app(struct kitchen *kitchen)
{
    static const struct cursors sources = {.source = {"order", "stock"}, .n = 2};
    struct product_ports ports = {&kitchen->repo->port, &kitchen->stock, &kitchen->sink, product_event_write};

    return product_app_init(&kitchen->app, &ports, CELL_ONLY, &kitchen->settings, &sources);
}

static void restart(struct kitchen *kitchen)
{
    product_app_free(&kitchen->app);
    kitchen->n_asked = kitchen->n_sent = 0;
    kitchen->now += 1000 * ms;
    assert_int_equal(start_app(kitchen), OK);
}

static int open_with(void **state, bool manual, size_t most_asks, int64_t start_after, int64_t brew)
{
    struct kitchen *kitchen = test_calloc(1, sizeof(*kitchen));

    kitchen->repo = fake_product_repo_new();
    kitchen->settings = (struct product_settings_app){
        .policy = {.start_after = start_after, .brew = brew}, .manual = manual, .most_asks = most_asks};
    kitchen->stock = (struct stock_caller){ask, flush};
    kitchen->sink.publish = publish;
    kitchen->now = INT64_C(1000000) * ms;
    assert_int_equal(start_app(kitchen), OK);
    *state = kitchen;
    return 0;
}

static int open_fast(void **state)
{
    return open_with(state, false, 16, 0, 0);
}

static int open_slow(void **state)
{
    return open_with(state, false, 16, 5000 * ms, 3000 * ms);
}

static int open_small(void **state)
{
    return open_with(state, false, 1, 0, 0);
}

static int open_manual(void **state)
{
    return open_with(state, true, 16, 0, 0);
}

static int close_kitchen(void **state)
{
    struct kitchen *kitchen = *state;

    heap_fail_at(0);
    product_app_free(&kitchen->app);
    fake_product_repo_free(kitchen->repo);
    test_free(kitchen);
    return 0;
}

/* ---- commands ---- */

struct client {
    struct product_command command;
    int rendered, finished, rc;
};

static void render(struct product_command *command)
{
    struct client *client = CONTAINER_OF(command, struct client, command);

    client->rendered++;
    command->client.answer =
        (struct answer){.status = command->verdict == TICKET_REFUSAL ? 409 : 201, .body = STR("ticket")};
}

static void finish(struct command *self, int rc)
{
    struct client *client = CONTAINER_OF(self, struct client, command.base);

    client->finished++;
    client->rc = rc;
}

static struct client a_client(enum ticket_command_kind kind)
{
    return (struct client){.command = {.base = {.origin = FROM_CLIENT, .finish = finish},
                                       .intent = {.kind = kind, .product_name = STR("Latte"), .qty = 2},
                                       .render = render}};
}

static struct client with_key(struct client client, const char *key, uint64_t fingerprint)
{
    client.command.client.key = str_of(key);
    client.command.client.fingerprint.members = fingerprint;
    return client;
}

static struct client for_ticket(enum ticket_command_kind kind, int64_t ticket_id)
{
    struct client client = a_client(kind);

    client.command.ticket_id = ticket_id;
    return client;
}

static struct client cancel_order(int64_t order_id)
{
    struct client client = a_client(TICKET_CANCEL_ORDER);

    client.command.intent.order_id = order_id;
    return client;
}

static struct product_command ordered(int64_t order_id)
{
    return (struct product_command){
        .base = {.origin = FROM_FEED, .position = (uint64_t)order_id, .frame = STR("{}")},
        .intent = {.kind = TICKET_ORDERED, .product_name = STR("Latte"), .qty = 2, .order_id = order_id}};
}

static struct product_command goods(uint64_t position, int64_t on_hand)
{
    return (struct product_command){.base = {.origin = FROM_FEED, .source = PRODUCT_SOURCE_STOCK, .position = position},
                                    .intent = {.kind = TICKET_GOODS_IN},
                                    .item = STR("Latte"),
                                    .on_hand = on_hand};
}

static struct product_command answer_of(enum ticket_command_kind kind, int64_t ticket_id, int64_t attempt)
{
    return (struct product_command){
        .base = {.origin = FROM_EFFECT}, .intent = {.kind = kind, .attempt = attempt}, .ticket_id = ticket_id};
}

static int run(struct kitchen *kitchen, struct product_command *const *commands, size_t n)
{
    struct command *list[MOST];

    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++) {
        commands[i]->base.kept = false; /* as the writer does */
        list[i] = &commands[i]->base;
    }
    kitchen->now += ms;
    return core_run(&kitchen->app.core, list, n, kitchen->now);
}

static void run_one(struct kitchen *kitchen, struct product_command *command)
{
    assert_int_equal(run(kitchen, &command, 1), OK);
}

static void run_nothing(struct kitchen *kitchen, int64_t after)
{
    kitchen->now += after;
    assert_int_equal(run(kitchen, NULL, 0), OK);
}

static void order_one(struct kitchen *kitchen, int64_t order_id)
{
    struct product_command command = ordered(order_id);

    run_one(kitchen, &command);
}

static void stock_says(struct kitchen *kitchen, enum ticket_command_kind kind, int64_t ticket_id, int64_t attempt)
{
    struct product_command command = answer_of(kind, ticket_id, attempt);

    run_one(kitchen, &command);
}

static void goods_come(struct kitchen *kitchen, uint64_t position, int64_t on_hand)
{
    struct product_command command = goods(position, on_hand);

    run_one(kitchen, &command);
}

static const struct ticket *kept(const struct kitchen *kitchen, int64_t id)
{
    const struct ticket *ticket = fake_product_repo_find(kitchen->repo, id);

    assert_non_null(ticket);
    return ticket;
}

static void assert_state(const struct kitchen *kitchen, int64_t id, enum ticket_state state)
{
    assert_string_equal(ticket_state_name(kept(kitchen, id)->state), ticket_state_name(state));
}

/* The last question, and that it was sent. */
static const struct stock_question *last_question(const struct kitchen *kitchen, size_t n)
{
    assert_int_equal(kitchen->n_asked, n);
    assert_int_equal(kitchen->n_sent, n);
    return &kitchen->questions[n - 1];
}

/* ---- the clock ---- */

static const int64_t day = INT64_C(86400000) * ms;

static void what_is_due_goes_by_the_kitchens_own_time_whatever_the_wall_clock_is_set_to(void **state)
{
    struct kitchen *kitchen = *state;

    kitchen->app.core.wall_ahead = 8 * day;
    order_one(kitchen, 7);
    assert_int_equal(kept(kitchen, 1)->due_at, kitchen->now + 5000 * ms);
    assert_int_equal(kept(kitchen, 1)->created_at, kitchen->now + 8 * day); /* what people read is the wall's */
    kitchen->app.core.wall_ahead = -day;
    run_nothing(kitchen, 5000 * ms);
    last_question(kitchen, 1);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    assert_int_equal(kept(kitchen, 1)->due_at, kitchen->now + 3000 * ms);
    assert_int_equal(kept(kitchen, 1)->updated_at, kitchen->now - day);
    run_nothing(kitchen, 3000 * ms);
    assert_state(kitchen, 1, TICKET_COMPLETED);
}

static void after_a_restart_with_the_clock_put_right_nothing_waits_longer_than_it_is_set_to(void **state)
{
    struct kitchen *kitchen = *state;

    kitchen->now += 8 * day; /* as if it had been started while the clock was ahead */
    order_one(kitchen, 7);
    order_one(kitchen, 8);
    run_nothing(kitchen, 5000 * ms);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    kitchen->now -= 8 * day;
    restart(kitchen);
    run_nothing(kitchen, 0);
    assert_int_equal(kept(kitchen, 1)->due_at, kitchen->now + 3000 * ms);
    run_nothing(kitchen, 3000 * ms);
    assert_state(kitchen, 1, TICKET_COMPLETED);
    run_nothing(kitchen, 2000 * ms);
    assert_int_equal(last_question(kitchen, 1)->order_id, 8);
}

/* ---- orders ---- */

static void an_order_is_asked_for_once_its_time_to_think_is_over(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    assert_state(kitchen, 1, TICKET_READY);
    assert_int_equal(kitchen->n_asked, 0);
    int64_t due = kitchen->app.core.next_due(&kitchen->app.core);
    assert_int_equal(due, kept(kitchen, 1)->due_at);
    run_nothing(kitchen, due - kitchen->now);
    const struct stock_question *question = last_question(kitchen, 1);
    assert_int_equal(question->order_id, 42);
    assert_int_equal(question->attempt, 1);
    assert_int_equal(question->qty, 2);
    assert_false(question->release);
}

static void an_order_without_time_to_think_is_asked_for_at_once(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    last_question(kitchen, 1);
    run_nothing(kitchen, 10 * ms);
    last_question(kitchen, 1); /* and not twice */
}

static void production_starts_when_stock_says_yes_and_ends_when_the_coffee_is_done(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    run_nothing(kitchen, 5000 * ms);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    assert_state(kitchen, 1, TICKET_PRODUCING);
    assert_int_equal(kitchen->app.core.next_due(&kitchen->app.core), kept(kitchen, 1)->due_at);
    run_nothing(kitchen, 2998 * ms);
    assert_state(kitchen, 1, TICKET_PRODUCING);
    run_nothing(kitchen, ms);
    assert_state(kitchen, 1, TICKET_COMPLETED);
    assert_int_equal(kitchen->published, 2);
    assert_int_equal(kitchen->app.core.next_due(&kitchen->app.core), INT64_MAX);
}

static void with_no_time_to_brew_a_coffee_is_done_as_it_starts(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    assert_state(kitchen, 1, TICKET_COMPLETED);
    assert_int_equal(kitchen->published, 2);
}

static void the_same_order_told_twice_is_one_ticket(void **state)
{
    struct kitchen *kitchen = *state;
    struct product_command both[] = {ordered(42), ordered(42)};
    struct product_command *list[] = {&both[0], &both[1]};
    struct product_command again = ordered(42);

    both[1].base.position = 43;
    again.base.position = 44;
    assert_int_equal(run(kitchen, list, 2), OK);
    restart(kitchen);
    run_one(kitchen, &again);
    assert_int_equal(kitchen->repo->n, 1);
    assert_int_equal(kitchen->repo->outbox.cursors.position[0], 44);
    assert_int_equal(kitchen->repo->outbox.n_dead, 0);
}

static void a_question_without_an_answer_is_asked_again(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    stock_says(kitchen, TICKET_UNANSWERED, 1, 1);
    last_question(kitchen, 1);
    assert_in_range(kitchen->app.core.next_due(&kitchen->app.core), kitchen->now + 50 * ms, kitchen->now + 100 * ms);
    run_nothing(kitchen, 100 * ms);
    assert_int_equal(last_question(kitchen, 2)->attempt, 1);
    assert_state(kitchen, 1, TICKET_READY);
}

static void a_restart_asks_again_for_what_was_ready(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    order_one(kitchen, 43);
    restart(kitchen);
    run_nothing(kitchen, 0);
    last_question(kitchen, 2);
}

static void a_late_answer_to_an_earlier_attempt_changes_nothing(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    goods_come(kitchen, 1, 100);
    assert_state(kitchen, 1, TICKET_READY);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    assert_state(kitchen, 1, TICKET_READY);
}

/* ---- goods ---- */

static void many_small_deliveries_look_once_through_those_who_wait(void **state)
{
    struct kitchen *kitchen = *state;
    struct product_command deliveries[8];
    struct product_command *list[COUNT_OF(deliveries)];

    for (size_t i = 0; i < COUNT_OF(deliveries); i++) {
        deliveries[i] = goods(i + 1, (int64_t)i + 1);
        list[i] = &deliveries[i];
    }
    order_one(kitchen, 42);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
    kitchen->repo->n_searches = 0;
    assert_int_equal(run(kitchen, list, COUNT_OF(deliveries)), OK);
    assert_int_equal(kitchen->repo->n_searches, 1);
    assert_state(kitchen, 1, TICKET_READY); /* what the last one says there is is enough */
}

static void a_ticket_out_of_stock_is_taken_up_under_its_next_attempt_when_goods_come(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
    goods_come(kitchen, 1, 1); /* not enough for two */
    assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
    goods_come(kitchen, 2, 2);
    assert_state(kitchen, 1, TICKET_READY);
    assert_int_equal(last_question(kitchen, 2)->attempt, 2);
    assert_int_equal(kitchen->published, 2); /* OutOfStock, ProductRequeued */
}

static void goods_are_for_the_oldest_as_far_as_they_go(void **state)
{
    struct kitchen *kitchen = *state;

    for (int64_t order = 1; order <= 3; order++) {
        order_one(kitchen, order);
        stock_says(kitchen, TICKET_REFUSED, order, 1);
    }
    goods_come(kitchen, 1, 5);
    assert_state(kitchen, 1, TICKET_READY);
    assert_state(kitchen, 2, TICKET_READY);
    assert_state(kitchen, 3, TICKET_OUT_OF_STOCK);
}

static void a_large_delivery_is_given_out_over_several_batches(void **state)
{
    enum { WAITING = 1500 }; /* more than one batch takes up */
    struct kitchen *kitchen = *state;

    for (int64_t order = 1; order <= WAITING; order++) {
        kitchen->n_asked = kitchen->n_sent = 0;
        order_one(kitchen, order);
        stock_says(kitchen, TICKET_REFUSED, order, 1);
    }
    goods_come(kitchen, 1, 2 * WAITING - 2); /* all but one of two each */
    assert_state(kitchen, 1, TICKET_READY);
    assert_state(kitchen, WAITING - 1, TICKET_OUT_OF_STOCK);
    assert_int_equal(kitchen->app.core.next_due(&kitchen->app.core), kitchen->app.now);
    run_nothing(kitchen, 0);
    assert_state(kitchen, WAITING - 1, TICKET_READY);
    assert_state(kitchen, WAITING, TICKET_OUT_OF_STOCK);
}

static uint64_t stored_stock_cursor(struct kitchen *kitchen)
{
    restart(kitchen);
    return kitchen->app.cursors.position[PRODUCT_SOURCE_STOCK];
}

static void a_delivery_that_a_crash_cut_short_comes_again(void **state)
{
    struct kitchen *kitchen = *state;

    kitchen->settings.most_taken_up = 1;
    restart(kitchen);
    for (int64_t order = 1; order <= 2; order++) {
        order_one(kitchen, order);
        stock_says(kitchen, TICKET_REFUSED, order, 1);
    }
    goods_come(kitchen, 1, 0);
    goods_come(kitchen, 2, 100);
    assert_state(kitchen, 1, TICKET_READY);
    assert_state(kitchen, 2, TICKET_OUT_OF_STOCK);
    assert_int_equal(kitchen->app.cursors.position[PRODUCT_SOURCE_STOCK], 2);
    assert_int_equal(stored_stock_cursor(kitchen), 1);

    goods_come(kitchen, 2, 98);
    assert_state(kitchen, 2, TICKET_READY);
    run_nothing(kitchen, 0); /* nobody is left */
    assert_int_equal(stored_stock_cursor(kitchen), 2);
}

static void a_no_that_goods_have_overtaken_is_not_the_last_word(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    goods_come(kitchen, 1, 100); /* while stock is being asked */
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    assert_state(kitchen, 1, TICKET_READY);
    assert_int_equal(last_question(kitchen, 2)->attempt, 2);
    stock_says(kitchen, TICKET_REFUSED, 1, 2);
    assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
}

static void after_a_restart_an_old_no_is_asked_about_once_more(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    restart(kitchen);
    run_nothing(kitchen, 0);
    stock_says(kitchen, TICKET_REFUSED, 1, 1); /* perhaps from before the restart, and goods have come since */
    assert_state(kitchen, 1, TICKET_READY);
    stock_says(kitchen, TICKET_REFUSED, 1, 2);
    assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
}

/* ---- who waits for goods for too long ---- */

enum { PATIENCE_MS = 60000 };

static int open_giving_up(void **state)
{
    int rc = open_fast(state);
    struct kitchen *kitchen = *state;

    kitchen->settings.policy.give_up_after = PATIENCE_MS * ms;
    restart(kitchen);
    return rc;
}

static void one_waits(struct kitchen *kitchen, int64_t order_id)
{
    order_one(kitchen, order_id);
    stock_says(kitchen, TICKET_REFUSED, order_id, 1);
    assert_state(kitchen, order_id, TICKET_OUT_OF_STOCK);
}

static void an_order_that_waits_for_goods_for_too_long_is_cancelled_by_the_shop(void **state)
{
    struct kitchen *kitchen = *state;

    one_waits(kitchen, 1);
    int64_t due = kitchen->app.core.next_due(&kitchen->app.core);
    assert_int_equal(due, kitchen->now + PATIENCE_MS * ms);
    run_nothing(kitchen, due - kitchen->now - 2 * ms);
    assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
    run_nothing(kitchen, ms);
    assert_state(kitchen, 1, TICKET_CANCELED);
    assert_true(kept(kitchen, 1)->given_up);
    assert_int_equal(kitchen->published, 2); /* OutOfStock, ProductCanceled */
    assert_int_equal(kitchen->n_asked, 1);   /* and stock has nothing to take back */
    assert_int_equal(kitchen->app.core.next_due(&kitchen->app.core), INT64_MAX);
}

/* Each start looks whether goods have come: stock is asked for the oldest who waits, and has none. */
static void restart_without_goods(struct kitchen *kitchen)
{
    restart(kitchen);
    run_nothing(kitchen, 0);
    while (kept(kitchen, 1)->state == TICKET_READY)
        stock_says(kitchen, TICKET_REFUSED, 1, kept(kitchen, 1)->attempt);
}

static void a_restart_does_not_begin_the_waiting_anew(void **state)
{
    struct kitchen *kitchen = *state;

    one_waits(kitchen, 1);
    int64_t end = kept(kitchen, 1)->due_at;
    while (kitchen->now < end - PATIENCE_MS / 4 * ms) {
        kitchen->now += PATIENCE_MS / 4 * ms;
        restart_without_goods(kitchen);
        assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
        assert_int_equal(kept(kitchen, 1)->due_at, end);
    }
    kitchen->now = end;
    restart_without_goods(kitchen);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 1, TICKET_CANCELED);
}

static void what_it_is_set_to_now_counts_for_those_who_wait_already(void **state)
{
    struct kitchen *kitchen = *state;

    one_waits(kitchen, 1);
    one_waits(kitchen, 2);
    kitchen->settings.policy.give_up_after = 0;
    kitchen->now += PATIENCE_MS * ms;
    restart_without_goods(kitchen);
    assert_state(kitchen, 2, TICKET_OUT_OF_STOCK);
    assert_int_equal(kept(kitchen, 2)->due_at, 0); /* never */
    kitchen->settings.policy.give_up_after = PATIENCE_MS * ms;
    restart(kitchen);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 2, TICKET_CANCELED);
}

static void goods_that_come_at_the_last_moment_are_in_time(void **state)
{
    struct kitchen *kitchen = *state;

    one_waits(kitchen, 1);
    kitchen->now = kept(kitchen, 1)->due_at;
    goods_come(kitchen, 1, 100);
    assert_state(kitchen, 1, TICKET_READY);
    assert_int_equal(last_question(kitchen, 2)->attempt, 2);
    run_nothing(kitchen,
                PATIENCE_MS * ms); /* it doesn't wait for goods while stock is asked, however long that takes */
    assert_state(kitchen, 1, TICKET_READY);
    stock_says(kitchen, TICKET_REDUCED, 1, 2);
    assert_state(kitchen, 1, TICKET_COMPLETED);
}

static void who_finds_nothing_left_after_too_long_is_given_up_at_once(void **state)
{
    struct kitchen *kitchen = *state;

    one_waits(kitchen, 1);
    goods_come(kitchen, 1, 100);
    run_nothing(kitchen, PATIENCE_MS * ms);
    stock_says(kitchen, TICKET_REFUSED, 1, 2);
    assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
    assert_true(kitchen->app.core.next_due(&kitchen->app.core) <= kitchen->now + ms);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 1, TICKET_CANCELED);
}

static void a_customers_cancel_in_the_last_moment_is_the_customers(void **state)
{
    struct kitchen *kitchen = *state;
    struct client cancel = cancel_order(1);

    one_waits(kitchen, 1);
    kitchen->now = kept(kitchen, 1)->due_at;
    run_one(kitchen, &cancel.command);
    assert_int_equal(cancel.command.client.answer.status, 201);
    assert_state(kitchen, 1, TICKET_CANCELED);
    assert_false(kept(kitchen, 1)->given_up);
}

static void a_customers_cancel_that_comes_later_hears_what_the_shop_has_done(void **state)
{
    struct kitchen *kitchen = *state;
    struct client cancel = cancel_order(1);

    one_waits(kitchen, 1);
    run_nothing(kitchen, PATIENCE_MS * ms);
    run_one(kitchen, &cancel.command);
    assert_int_equal(cancel.command.verdict, TICKET_REPEAT);
    assert_true(str_is(ticket_cancel_reason(&cancel.command.ticket), "Out of stock"));
}

static void many_are_given_up_over_several_batches(void **state)
{
    enum { WAITING = 1500 }; /* more than one batch looks at */
    struct kitchen *kitchen = *state;

    for (int64_t order = 1; order <= WAITING; order++) {
        kitchen->n_asked = kitchen->n_sent = 0;
        one_waits(kitchen, order);
    }
    kitchen->settings.most_asks = 2000;
    restart(kitchen);
    run_nothing(kitchen, PATIENCE_MS * ms);
    assert_state(kitchen, 2, TICKET_CANCELED);
    assert_state(kitchen, WAITING, TICKET_OUT_OF_STOCK);
    assert_true(kitchen->app.core.next_due(&kitchen->app.core) <= kitchen->now);
    run_nothing(kitchen, 0);
    assert_state(kitchen, WAITING, TICKET_CANCELED);
}

/* A big order in front and a small one behind it, both out of stock. */
static void two_wait(struct kitchen *kitchen)
{
    struct product_command big = ordered(1), small = ordered(2);

    big.intent.qty = 5;
    run_one(kitchen, &big);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    run_one(kitchen, &small);
    stock_says(kitchen, TICKET_REFUSED, 2, 1);
}

/* Then goods that are enough for one of them. */
static void two_wait_and_the_first_is_taken_up(struct kitchen *kitchen)
{
    two_wait(kitchen);
    goods_come(kitchen, 1, 6);
    assert_state(kitchen, 1, TICKET_READY);
    assert_state(kitchen, 2, TICKET_OUT_OF_STOCK);
}

static void what_was_set_apart_for_a_cancelled_ticket_is_for_those_behind_it(void **state)
{
    struct kitchen *kitchen = *state;
    struct client cancel = cancel_order(1);

    two_wait_and_the_first_is_taken_up(kitchen);
    run_one(kitchen, &cancel.command);
    assert_int_equal(kitchen->app.core.next_due(&kitchen->app.core), kitchen->now);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 2, TICKET_READY);
}

static void what_comes_for_one_who_is_cancelled_in_the_same_batch_is_for_those_behind_it(void **state)
{
    struct kitchen *kitchen = *state;
    struct client cancel = cancel_order(1);
    struct product_command delivery = goods(1, 6);
    struct product_command *both[] = {&cancel.command, &delivery};

    two_wait(kitchen);
    assert_int_equal(run(kitchen, both, COUNT_OF(both)), OK);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 1, TICKET_CANCELED);
    assert_state(kitchen, 2, TICKET_READY);
}

static void what_was_left_behind_a_cancelled_ticket_counts_too(void **state)
{
    struct kitchen *kitchen = *state;
    struct product_command one = ordered(1), other = ordered(2);
    struct client cancel = cancel_order(1);

    other.intent.qty = 5; /* behind one of two */
    run_one(kitchen, &one);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    run_one(kitchen, &other);
    stock_says(kitchen, TICKET_REFUSED, 2, 1);
    goods_come(kitchen, 1, 5); /* two set apart, three too little for the other */
    assert_state(kitchen, 2, TICKET_OUT_OF_STOCK);
    run_one(kitchen, &cancel.command);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 2, TICKET_READY);
}

static void what_is_too_little_for_one_may_be_enough_for_another(void **state)
{
    struct kitchen *kitchen = *state;

    two_wait_and_the_first_is_taken_up(kitchen);
    stock_says(kitchen, TICKET_REFUSED, 1, 2); /* others were quicker: there are four, at most */
    run_nothing(kitchen, 0);
    assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
    assert_state(kitchen, 2, TICKET_READY);
    stock_says(kitchen, TICKET_REFUSED, 2, 2);
    run_nothing(kitchen, 0);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 2, TICKET_OUT_OF_STOCK); /* and there it ends */
    assert_int_equal(kitchen->app.core.next_due(&kitchen->app.core), INT64_MAX);
}

static void after_a_restart_nobody_waits_for_goods_that_were_set_apart_before(void **state)
{
    struct kitchen *kitchen = *state;
    struct client cancel = cancel_order(1);

    two_wait_and_the_first_is_taken_up(kitchen);
    run_one(kitchen, &cancel.command);
    restart(kitchen); /* what the cancelled one leaves was to be offered next */
    run_nothing(kitchen, 0);
    assert_state(kitchen, 2, TICKET_READY);
}

static void after_a_restart_those_who_wait_are_taken_up_until_stock_says_no(void **state)
{
    struct kitchen *kitchen = *state;

    for (int64_t order = 1; order <= 4; order++) {
        order_one(kitchen, order);
        stock_says(kitchen, TICKET_REFUSED, order, 1);
    }
    restart(kitchen);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 1, TICKET_READY);
    assert_state(kitchen, 2, TICKET_OUT_OF_STOCK);
    stock_says(kitchen, TICKET_REDUCED, 1, 2);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 2, TICKET_READY);
    assert_state(kitchen, 3, TICKET_OUT_OF_STOCK);
    stock_says(kitchen, TICKET_REFUSED, 2, 2); /* perhaps from before the restart */
    stock_says(kitchen, TICKET_REFUSED, 2, 3);
    run_nothing(kitchen, 0);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 3, TICKET_OUT_OF_STOCK);
    assert_int_equal(kitchen->app.core.next_due(&kitchen->app.core), INT64_MAX);
}

/* Every allocation of the first batch fails once. */
static void after_a_restart_nobody_waits_for_goods_either_when_memory_was_short(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 1);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    for (uint64_t nth = 1; nth < 60; nth++) {
        restart(kitchen);
        heap_fail_at(nth);
        int rc = run(kitchen, NULL, 0);
        heap_fail_at(0);
        if (rc)
            run_nothing(kitchen, 0);
        run_nothing(kitchen, 0);
        assert_state(kitchen, 1, TICKET_READY);
        while (kept(kitchen, 1)->state == TICKET_READY)
            stock_says(kitchen, TICKET_REFUSED, 1, kept(kitchen, 1)->attempt);
    }
}

static void pass_events_over(struct kitchen *kitchen, size_t source)
{
    struct command *gap = test_calloc(1, sizeof(*gap));

    *gap = (struct command){.origin = FROM_FEED, .fate = COMMAND_GAP, .source = source, .position = 100};
    assert_int_equal(core_run(&kitchen->app.core, &gap, 1, ++kitchen->now), OK);
    assert_int_equal(kitchen->repo->outbox.cursors.position[source], 100);
    test_free(gap);
    run_nothing(kitchen, 0);
}

static void goods_that_came_in_events_that_are_gone_are_for_those_who_wait(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 1);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    pass_events_over(kitchen, PRODUCT_SOURCE_ORDER);
    assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
    pass_events_over(kitchen, PRODUCT_SOURCE_STOCK);
    assert_state(kitchen, 1, TICKET_READY);
}

static void a_no_that_events_that_are_gone_may_have_overtaken_is_asked_about_once_more(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 1);
    pass_events_over(kitchen, PRODUCT_SOURCE_STOCK);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    assert_state(kitchen, 1, TICKET_READY);
    stock_says(kitchen, TICKET_REFUSED, 1, 2);
    assert_state(kitchen, 1, TICKET_OUT_OF_STOCK);
}

/* ---- cancelling ---- */

static void a_cancel_in_time_is_told_and_what_may_be_reserved_is_released(void **state)
{
    struct kitchen *kitchen = *state;
    struct client client = cancel_order(42);

    order_one(kitchen, 42);
    run_one(kitchen, &client.command); /* while stock is being asked */
    assert_int_equal(client.command.client.answer.status, 201);
    assert_state(kitchen, 1, TICKET_CANCELED);
    last_question(kitchen, 1); /* its answer is awaited first */
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    assert_state(kitchen, 1, TICKET_CANCELED);
    assert_true(last_question(kitchen, 2)->release);
    stock_says(kitchen, TICKET_RELEASED, 1, 1);
    assert_int_equal(kept(kitchen, 1)->due_at, 0);
    assert_int_equal(kitchen->app.asks.n, 0);
}

static void a_release_is_owed_until_stock_has_confirmed_it(void **state)
{
    struct kitchen *kitchen = *state;
    struct client client = cancel_order(42);

    order_one(kitchen, 42);
    run_one(kitchen, &client.command);
    stock_says(kitchen, TICKET_UNANSWERED, 1, 1);
    run_nothing(kitchen, 100 * ms);
    assert_true(last_question(kitchen, 2)->release);
    restart(kitchen);
    run_nothing(kitchen, 0);
    assert_true(last_question(kitchen, 1)->release);
    assert_int_not_equal(kept(kitchen, 1)->due_at, 0);
}

static void a_cancel_after_the_start_is_refused(void **state)
{
    struct kitchen *kitchen = *state;
    struct client by_order = cancel_order(42), by_id = for_ticket(TICKET_CANCEL, 1);

    order_one(kitchen, 42);
    run_nothing(kitchen, 5000 * ms);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    run_one(kitchen, &by_order.command);
    run_one(kitchen, &by_id.command);
    assert_int_equal(by_order.command.refusal, TICKET_REFUSAL_PRODUCTION_STARTED);
    assert_int_equal(by_id.command.refusal, TICKET_REFUSAL_PRODUCTION_STARTED);
    assert_int_equal(by_id.command.client.answer.status, 409);
}

static void a_cancel_before_the_order_leaves_a_tombstone(void **state)
{
    struct kitchen *kitchen = *state;
    struct client client = cancel_order(42);

    run_one(kitchen, &client.command);
    assert_int_equal(client.command.client.answer.status, 201);
    restart(kitchen);
    order_one(kitchen, 42);
    assert_int_equal(kitchen->repo->n, 1);
    assert_state(kitchen, 1, TICKET_CANCELED);
    assert_true(str_is(kept(kitchen, 1)->product_name, "Latte"));
    run_nothing(kitchen, 10 * ms);
    assert_int_equal(kitchen->n_asked, 0); /* stock was never asked */
    assert_int_equal(kitchen->published, 1);
}

/* ---- the counter ---- */

static void the_counters_client_waits_for_stock(void **state)
{
    struct kitchen *kitchen = *state;
    struct client client = a_client(TICKET_OPEN);

    run_one(kitchen, &client.command);
    assert_true(client.command.base.kept);
    assert_int_equal(client.rendered, 0);
    assert_state(kitchen, 1, TICKET_PENDING);
    assert_int_equal(last_question(kitchen, 1)->order_id, 0);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    assert_int_equal(client.finished, 1);
    assert_int_equal(client.rendered, 1);
    assert_int_equal(client.command.ticket.state, TICKET_PRODUCING); /* it is told as it starts, */
    assert_state(kitchen, 1, TICKET_COMPLETED);                      /* however quickly it is done */
    assert_int_equal(client.command.unanswered, 0);
}

static void the_counters_client_hears_that_it_is_out_of_stock(void **state)
{
    struct kitchen *kitchen = *state;
    struct client client = a_client(TICKET_OPEN);

    run_one(kitchen, &client.command);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    assert_int_equal(client.finished, 1);
    assert_int_equal(client.command.client.answer.status, 201);
    assert_int_equal(client.command.ticket.state, TICKET_OUT_OF_STOCK);
}

static void without_an_answer_there_is_no_ticket_and_what_was_reserved_goes_back(void **state)
{
    struct kitchen *kitchen = *state;
    struct client client = with_key(a_client(TICKET_OPEN), "a", 1);
    struct client again = with_key(a_client(TICKET_OPEN), "a", 1);

    run_one(kitchen, &client.command);
    stock_says(kitchen, TICKET_UNANSWERED, 1, 1);
    assert_int_equal(client.finished, 1);
    assert_int_equal(client.command.unanswered, E_UNAVAILABLE);
    assert_state(kitchen, 1, TICKET_VOID);
    assert_int_equal(kitchen->published, 0);
    run_nothing(kitchen, 100 * ms);
    assert_true(last_question(kitchen, 2)->release);
    run_one(kitchen, &again.command); /* its key is free again */
    assert_true(again.command.base.kept);
    assert_int_equal(kitchen->repo->n, 2);
    stock_says(kitchen, TICKET_REDUCED, 2, 1);
    assert_int_equal(again.command.client.answer.status, 201);
}

static void a_counter_ticket_left_over_from_a_crash_is_given_up(void **state)
{
    struct kitchen *kitchen = *state;
    struct client client = a_client(TICKET_OPEN);

    run_one(kitchen, &client.command);
    restart(kitchen);
    assert_int_equal(client.finished, 1);
    assert_int_equal(client.rc, E_CLOSING);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 1, TICKET_VOID);
    assert_true(last_question(kitchen, 1)->release);
}

static void a_no_overtaken_by_goods_keeps_the_client_waiting(void **state)
{
    struct kitchen *kitchen = *state;
    struct client client = a_client(TICKET_OPEN);

    run_one(kitchen, &client.command);
    goods_come(kitchen, 1, 100);
    stock_says(kitchen, TICKET_REFUSED, 1, 1);
    assert_int_equal(client.finished, 0);
    assert_int_equal(last_question(kitchen, 2)->attempt, 2);
    stock_says(kitchen, TICKET_REDUCED, 1, 2);
    assert_int_equal(client.finished, 1);
    assert_int_equal(client.command.ticket.state, TICKET_PRODUCING);
}

static void with_no_room_to_ask_the_client_hears_busy_and_nothing_stays(void **state)
{
    struct kitchen *kitchen = *state;
    struct client first = a_client(TICKET_OPEN), second = a_client(TICKET_OPEN);

    run_one(kitchen, &first.command);
    run_one(kitchen, &second.command);
    assert_false(second.command.base.kept);
    assert_int_equal(second.command.unanswered, E_BUSY);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    run_nothing(kitchen, 0);
    assert_state(kitchen, 2, TICKET_VOID);
    assert_true(last_question(kitchen, 2)->release);
}

static void orders_for_which_there_is_no_room_come_when_there_is(void **state)
{
    struct kitchen *kitchen = *state;

    for (int64_t order = 1; order <= 3; order++)
        order_one(kitchen, order);
    for (int64_t id = 1; id <= 3; id++) {
        assert_int_equal(last_question(kitchen, (size_t)id)->ticket_id, id);
        stock_says(kitchen, TICKET_REDUCED, id, 1);
        run_nothing(kitchen, 0);
        assert_state(kitchen, id, TICKET_COMPLETED);
    }
}

/* ---- keys ---- */

static void the_same_key_gets_the_same_answer(void **state)
{
    struct kitchen *kitchen = *state;
    struct client first = with_key(a_client(TICKET_OPEN), "a", 1);
    struct client again = with_key(a_client(TICKET_OPEN), "a", 1);
    struct client other = with_key(a_client(TICKET_OPEN), "a", 2);

    run_one(kitchen, &first.command);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    restart(kitchen);
    run_one(kitchen, &again.command);
    assert_true(again.command.client.replayed);
    assert_true(str_is(again.command.client.answer.body, "ticket"));
    run_one(kitchen, &other.command);
    assert_true(other.command.client.key_reused);
    assert_int_equal(kitchen->repo->n, 1);
}

static void a_key_whose_first_request_still_waits_is_in_progress(void **state)
{
    struct kitchen *kitchen = *state;
    struct client clients[] = {with_key(a_client(TICKET_OPEN), "a", 1), with_key(a_client(TICKET_OPEN), "a", 1),
                               with_key(a_client(TICKET_OPEN), "a", 1)};
    struct product_command *together[] = {&clients[0].command, &clients[1].command};

    assert_int_equal(run(kitchen, together, 2), OK);
    assert_true(clients[1].command.client.key_in_progress);
    run_one(kitchen, &clients[2].command);
    assert_true(clients[2].command.client.key_in_progress);
    assert_int_equal(kitchen->repo->n, 1);
    restart(kitchen); /* who still waits hears of it while there is somebody to hear */
}

/* ---- the barista ---- */

static void in_manual_mode_nothing_happens_by_itself(void **state)
{
    struct kitchen *kitchen = *state;

    order_one(kitchen, 42);
    run_nothing(kitchen, 60000 * ms);
    assert_int_equal(kitchen->n_asked, 0);
    assert_state(kitchen, 1, TICKET_READY);
}

static void a_barista_starts_when_stock_says_yes_and_finishes_by_hand(void **state)
{
    struct kitchen *kitchen = *state;
    struct client start = for_ticket(TICKET_START, 1), done = for_ticket(TICKET_FINISH, 1);

    order_one(kitchen, 42);
    run_one(kitchen, &start.command);
    assert_true(start.command.base.kept);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    assert_int_equal(start.finished, 1);
    assert_int_equal(start.command.client.answer.status, 201);
    assert_state(kitchen, 1, TICKET_PRODUCING);
    run_nothing(kitchen, 60000 * ms);
    assert_state(kitchen, 1, TICKET_PRODUCING);
    run_one(kitchen, &done.command);
    assert_state(kitchen, 1, TICKET_COMPLETED);
}

static void a_start_in_the_batch_of_stocks_answer_is_answered_too(void **state)
{
    struct kitchen *kitchen = *state;
    struct client first = for_ticket(TICKET_START, 1), second = for_ticket(TICKET_START, 1);
    struct product_command reduced = answer_of(TICKET_REDUCED, 1, 1);
    struct product_command *together[] = {&second.command, &reduced};

    order_one(kitchen, 42);
    run_one(kitchen, &first.command);
    assert_int_equal(run(kitchen, together, 2), OK);
    assert_int_equal(first.finished, 1);
    assert_false(second.command.base.kept);
    assert_int_equal(second.rendered, 1);
    assert_int_equal(second.command.verdict, TICKET_REPEAT);
    assert_int_equal(second.command.ticket.state, TICKET_PRODUCING);
    assert_int_equal(kitchen->app.asks.n, 0);
}

static void a_start_that_a_cancel_overtakes_is_refused(void **state)
{
    struct kitchen *kitchen = *state;
    struct client start = for_ticket(TICKET_START, 1);
    struct client cancel = cancel_order(42);

    order_one(kitchen, 42);
    run_one(kitchen, &start.command);
    run_one(kitchen, &cancel.command);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    assert_int_equal(start.finished, 1);
    assert_int_equal(start.command.verdict, TICKET_REFUSAL);
    assert_int_equal(start.command.refusal, TICKET_REFUSAL_CANCELED);
    assert_true(last_question(kitchen, 2)->release);
}

static void a_start_that_finds_nothing_in_stock_is_refused(void **state)
{
    struct kitchen *kitchen = *state;
    struct client start = for_ticket(TICKET_START, 1);

    order_one(kitchen, 42);
    run_one(kitchen, &start.command);
    stock_says(kitchen, TICKET_REFUSED, 1, 1); /* a barista may have asked before */
    stock_says(kitchen, TICKET_REFUSED, 1, 2);
    assert_int_equal(start.finished, 1);
    assert_int_equal(start.command.refusal, TICKET_REFUSAL_OUT_OF_STOCK);
    assert_int_equal(start.command.client.answer.status, 409);
}

static void a_no_from_before_the_goods_does_not_strand_the_next_barista(void **state)
{
    struct kitchen *kitchen = *state;
    struct client first = for_ticket(TICKET_START, 1), second = for_ticket(TICKET_START, 1);

    order_one(kitchen, 42);
    run_one(kitchen, &first.command);
    stock_says(kitchen, TICKET_UNANSWERED, 1, 1); /* stock has said no, and it got lost */
    assert_int_equal(first.command.unanswered, E_UNAVAILABLE);
    goods_come(kitchen, 1, 100);
    run_one(kitchen, &second.command);
    stock_says(kitchen, TICKET_REFUSED, 1, 1); /* the same no again */
    assert_state(kitchen, 1, TICKET_READY);
    assert_int_equal(last_question(kitchen, 3)->attempt, 2);
    stock_says(kitchen, TICKET_REDUCED, 1, 2);
    assert_int_equal(second.finished, 1);
    assert_state(kitchen, 1, TICKET_PRODUCING);
}

/* ---- events ---- */

static void what_contradicts_is_put_aside_and_blocks_nothing(void **state)
{
    struct kitchen *kitchen = *state;
    struct product_command canceled = ordered(42);
    struct product_command next = ordered(43);
    struct product_command *list[] = {&canceled, &next};

    order_one(kitchen, 42);
    stock_says(kitchen, TICKET_REDUCED, 1, 1);
    canceled.intent.kind = TICKET_CANCEL_ORDER;
    canceled.base.position = 43;
    next.base.position = 44;
    assert_int_equal(run(kitchen, list, 2), OK);
    assert_int_equal(kitchen->repo->outbox.n_dead, 1);
    assert_int_equal(kitchen->repo->outbox.dead[0].position, 43);
    assert_state(kitchen, 1, TICKET_COMPLETED);
    assert_state(kitchen, 2, TICKET_READY);
}

/* What the follower makes itself is no more than the core's part of a command. */
static void bare_commands_only_move_the_cursor(void **state)
{
    struct kitchen *kitchen = *state;
    struct command *skip = test_calloc(1, sizeof(*skip));

    *skip = (struct command){.origin = FROM_FEED, .fate = COMMAND_SKIP, .source = PRODUCT_SOURCE_STOCK, .position = 4};
    assert_int_equal(core_run(&kitchen->app.core, &skip, 1, ++kitchen->now), OK);
    assert_int_equal(kitchen->repo->outbox.cursors.position[PRODUCT_SOURCE_STOCK], 4);
    test_free(skip);
}

/* ---- failures: the nth call, the nth allocation ---- */

static void insist(struct kitchen *kitchen, struct product_command *const *commands, size_t n, size_t *failed)
{
    size_t commits = kitchen->repo->n_commits, tickets = kitchen->repo->n, asked = kitchen->n_asked;
    uint64_t published = kitchen->published;

    while (run(kitchen, commands, n)) {
        ++*failed;
        assert_int_equal(kitchen->repo->n_commits, commits);
        assert_int_equal(kitchen->repo->n, tickets);
        assert_int_equal(kitchen->published, published);
        assert_int_equal(kitchen->n_asked, asked);
    }
}

/* Answers questions, in batches, until there are none left. Order 1's is refused the first time. */
static void answer_all(struct kitchen *kitchen, size_t *answered, size_t *failed)
{
    while (*answered < kitchen->n_sent) {
        struct product_command answers[MOST];
        struct product_command *list[MOST];
        size_t n = 0;
        for (; *answered < kitchen->n_sent; ++*answered, n++) {
            const struct stock_question *question = &kitchen->questions[*answered];
            bool refused = question->order_id == 1 && question->attempt == 1;
            enum ticket_command_kind kind = question->release ? TICKET_RELEASED
                                            : refused         ? TICKET_REFUSED
                                                              : TICKET_REDUCED;
            answers[n] = answer_of(kind, question->ticket_id, question->attempt);
            list[n] = &answers[n];
        }
        insist(kitchen, list, n, failed);
    }
}

static void live(struct kitchen *kitchen, struct client *counter, size_t *failed)
{
    struct product_command first = ordered(1), second = ordered(2), come = goods(1, 100);
    struct client cancel = cancel_order(2);
    struct product_command *batches[][2] = {{&first, &counter->command}, {&second, NULL}, {&cancel.command, NULL}};
    size_t answered = 0;

    *counter = with_key(a_client(TICKET_OPEN), "a", 1);
    for (size_t i = 0; i < COUNT_OF(batches); i++)
        insist(kitchen, batches[i], batches[i][1] ? 2 : 1, failed);
    answer_all(kitchen, &answered, failed);
    insist(kitchen, (struct product_command *[]){&come}, 1, failed);
    answer_all(kitchen, &answered, failed);
    for (int i = 0; i < 100 && kitchen->app.core.next_due(&kitchen->app.core) != INT64_MAX; i++) {
        kitchen->now += 1000 * ms;
        insist(kitchen, NULL, 0, failed);
        answer_all(kitchen, &answered, failed);
    }
}

static void check_lived(struct kitchen *kitchen, const struct client *counter)
{
    const struct fake_product_repo *repo = kitchen->repo;
    const struct ticket *one = fake_product_repo_find_order(repo, 1), *two = fake_product_repo_find_order(repo, 2);

    assert_int_equal(repo->n, 3);
    assert_int_equal(one->state, TICKET_COMPLETED);
    assert_int_equal(one->attempt, 2);
    assert_int_equal(two->state, TICKET_CANCELED);
    assert_int_equal(two->due_at, 0);
    assert_int_equal(repo->outbox.n_dead, 0);
    assert_int_equal(repo->outbox.cursors.position[0], 2);
    assert_int_equal(repo->outbox.n_records, 1);
    assert_int_equal(repo->outbox.last, kitchen->published);
    assert_int_equal(kitchen->published, 7); /* 1: out of stock, requeued, started, produced; 2: canceled; counter: 2 */
    assert_int_equal(counter->finished, 1);
    assert_int_equal(counter->command.client.answer.status, 201);
    assert_int_equal(kitchen->app.asks.n, 0);
}

static void a_failing_call_of_the_store_leaves_nothing_half_done(void **state)
{
    static const int errors[] = {E_UNAVAILABLE, E_FULL, E_CONFLICT};

    UNUSED(state);
    for (int commits = 0; commits <= 1; commits++) {
        bool more = true;
        for (size_t nth = 1; more; nth++) {
            void *one;
            struct client counter;
            size_t failed = 0;
            open_fast(&one);
            struct kitchen *kitchen = one;
            struct fake_trap *trap = commits ? &kitchen->repo->commits : &kitchen->repo->reads;
            *trap = (struct fake_trap){nth, errors[nth % COUNT_OF(errors)]};
            live(kitchen, &counter, &failed);
            more = trap->left == 0;
            check_lived(kitchen, &counter);
            assert_true(failed <= 1); /* looking ahead may fail without harm */
            close_kitchen(&one);
        }
    }
}

static void a_failing_allocation_leaves_nothing_half_done(void **state)
{
    bool more = true;
    size_t failures = 0;

    UNUSED(state);
    for (uint64_t nth = 1; more; nth++) {
        void *one;
        struct client counter;
        size_t failed = 0;
        open_fast(&one);
        heap_fail_at(nth);
        live(one, &counter, &failed);
        more = heap_has_failed();
        heap_fail_at(0);
        if (!counter.command.unanswered) /* else: no room to ask, and nothing was made */
            check_lived(one, &counter);
        failures += failed;
        close_kitchen(&one);
    }
    assert_true(failures > 1);
}

static void an_app_that_can_not_restore_says_so(void **state)
{
    struct kitchen kitchen = {.stock = {ask, flush}, .sink = {publish}, .settings = {.most_asks = 4}};

    UNUSED(state);
    kitchen.repo = fake_product_repo_new();
    kitchen.repo->reads = (struct fake_trap){1, E_CORRUPT};
    assert_int_equal(start_app(&kitchen), E_CORRUPT);
    product_app_free(&kitchen.app);
    fake_product_repo_free(kitchen.repo);
}

/* Its orders come with growing ids, but not with all of them. */
static void a_cells_tickets_have_ids_of_the_cell_and_each_order_has_one(void **state)
{
    static const struct cell cell = {3, 16};
    struct kitchen *kitchen = *state;
    int64_t order = 0, ticket = 0;

    kitchen->app.cell = cell;
    for (int i = 0; i < 4; i++) {
        struct product_command lost = ordered(order = cell_next_id(cell, order)), *commands = &lost;
        kitchen->repo->commits = (struct fake_trap){1, E_FULL};
        assert_int_equal(run(kitchen, &commands, 1), E_FULL);
        order_one(kitchen, order);
        order_one(kitchen, order);
        ticket = cell_next_id(cell, ticket);
        assert_int_equal(kept(kitchen, ticket)->order_id, order);
    }
    assert_int_equal(kitchen->repo->n, 4);
}

#define TEST(name, kind) cmocka_unit_test_setup_teardown(name, open_##kind, close_kitchen)

static const struct CMUnitTest tests[] = {
    TEST(what_is_due_goes_by_the_kitchens_own_time_whatever_the_wall_clock_is_set_to, slow),
    TEST(after_a_restart_with_the_clock_put_right_nothing_waits_longer_than_it_is_set_to, slow),
    TEST(an_order_is_asked_for_once_its_time_to_think_is_over, slow),
    TEST(an_order_without_time_to_think_is_asked_for_at_once, fast),
    TEST(production_starts_when_stock_says_yes_and_ends_when_the_coffee_is_done, slow),
    TEST(with_no_time_to_brew_a_coffee_is_done_as_it_starts, fast),
    TEST(the_same_order_told_twice_is_one_ticket, fast),
    TEST(a_question_without_an_answer_is_asked_again, fast),
    TEST(a_restart_asks_again_for_what_was_ready, fast),
    TEST(a_late_answer_to_an_earlier_attempt_changes_nothing, fast),
    TEST(many_small_deliveries_look_once_through_those_who_wait, fast),
    TEST(a_ticket_out_of_stock_is_taken_up_under_its_next_attempt_when_goods_come, fast),
    TEST(goods_are_for_the_oldest_as_far_as_they_go, fast),
    TEST(what_was_set_apart_for_a_cancelled_ticket_is_for_those_behind_it, fast),
    TEST(what_comes_for_one_who_is_cancelled_in_the_same_batch_is_for_those_behind_it, fast),
    TEST(what_was_left_behind_a_cancelled_ticket_counts_too, fast),
    TEST(what_is_too_little_for_one_may_be_enough_for_another, fast),
    TEST(after_a_restart_nobody_waits_for_goods_that_were_set_apart_before, fast),
    TEST(after_a_restart_those_who_wait_are_taken_up_until_stock_says_no, fast),
    TEST(after_a_restart_nobody_waits_for_goods_either_when_memory_was_short, fast),
    TEST(goods_that_came_in_events_that_are_gone_are_for_those_who_wait, fast),
    TEST(a_no_that_events_that_are_gone_may_have_overtaken_is_asked_about_once_more, fast),
    TEST(a_large_delivery_is_given_out_over_several_batches, fast),
    TEST(a_delivery_that_a_crash_cut_short_comes_again, fast),
    TEST(a_no_that_goods_have_overtaken_is_not_the_last_word, fast),
    TEST(after_a_restart_an_old_no_is_asked_about_once_more, fast),
    TEST(an_order_that_waits_for_goods_for_too_long_is_cancelled_by_the_shop, giving_up),
    TEST(a_restart_does_not_begin_the_waiting_anew, giving_up),
    TEST(what_it_is_set_to_now_counts_for_those_who_wait_already, giving_up),
    TEST(goods_that_come_at_the_last_moment_are_in_time, giving_up),
    TEST(who_finds_nothing_left_after_too_long_is_given_up_at_once, giving_up),
    TEST(a_customers_cancel_in_the_last_moment_is_the_customers, giving_up),
    TEST(a_customers_cancel_that_comes_later_hears_what_the_shop_has_done, giving_up),
    TEST(many_are_given_up_over_several_batches, giving_up),
    TEST(a_cancel_in_time_is_told_and_what_may_be_reserved_is_released, fast),
    TEST(a_release_is_owed_until_stock_has_confirmed_it, fast),
    TEST(a_cancel_after_the_start_is_refused, slow),
    TEST(a_cancel_before_the_order_leaves_a_tombstone, fast),
    TEST(the_counters_client_waits_for_stock, fast),
    TEST(the_counters_client_hears_that_it_is_out_of_stock, fast),
    TEST(without_an_answer_there_is_no_ticket_and_what_was_reserved_goes_back, fast),
    TEST(a_counter_ticket_left_over_from_a_crash_is_given_up, fast),
    TEST(a_no_overtaken_by_goods_keeps_the_client_waiting, fast),
    TEST(with_no_room_to_ask_the_client_hears_busy_and_nothing_stays, small),
    TEST(orders_for_which_there_is_no_room_come_when_there_is, small),
    TEST(the_same_key_gets_the_same_answer, fast),
    TEST(a_key_whose_first_request_still_waits_is_in_progress, fast),
    TEST(in_manual_mode_nothing_happens_by_itself, manual),
    TEST(a_barista_starts_when_stock_says_yes_and_finishes_by_hand, manual),
    TEST(a_start_in_the_batch_of_stocks_answer_is_answered_too, manual),
    TEST(a_start_that_a_cancel_overtakes_is_refused, manual),
    TEST(a_start_that_finds_nothing_in_stock_is_refused, manual),
    TEST(a_no_from_before_the_goods_does_not_strand_the_next_barista, manual),
    TEST(what_contradicts_is_put_aside_and_blocks_nothing, fast),
    TEST(bare_commands_only_move_the_cursor, fast),
    TEST(a_cells_tickets_have_ids_of_the_cell_and_each_order_has_one, fast),
    cmocka_unit_test(a_failing_call_of_the_store_leaves_nothing_half_done),
    cmocka_unit_test(a_failing_allocation_leaves_nothing_half_done),
    cmocka_unit_test(an_app_that_can_not_restore_says_so),
};

int main(void)
{
    return cmocka_run_group_tests_name("product_app", tests, NULL, NULL);
}
