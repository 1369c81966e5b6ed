/* Stock's use cases over a store in memory: batches, repeats, failures, crashes. */
#include "stock_app.h"
#include "stock_events.h"
#include "stock_repo_kv.h"

#include "base.h"
#include "clock.h"
#include "errors.h"
#include "fake_kv.h"
#include "kv_changes.h"
#include "stock_queries_kv.h"
#include "stock_records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MOST = 256 };

static const struct str menu[] = {STR_INIT("Americano"), STR_INIT("Latte")};
static const int64_t hour = INT64_C(3600) * 1000000;

/* A shop with one counter: what is asked is one batch, whatever it holds. */
struct shop {
    struct fake_kv *kv;
    struct stock_repo *repo;
    struct stock_app app;
    struct event_sink sink;
    struct stock_retention retention;
    struct stock_options options;
    int64_t now;
    size_t published; /* events */
    struct buf frames;
};

static void publish(struct event_sink *self, struct outbox *outbox)
{
    struct shop *shop = CONTAINER_OF(self, struct shop, sink);

    shop->published += outbox->count;
    buf_add(&shop->frames, buf_str(&outbox->frames));
}

static void start_app(struct shop *shop)
{
    struct stock_ports ports = {NULL, &shop->sink, stock_event_write};

    shop->repo = stock_repo_kv_new(fake_kv_port(shop->kv), &shop->retention);
    assert_non_null(shop->repo);
    ports.repo = shop->repo;
    const struct cursors sources = {.source = {"relayed:shop"}, .n = 1};
    assert_int_equal(stock_app_init(&shop->app, &ports, CELL_ONLY, &shop->options, &sources), OK);
}

static void stop_app(struct shop *shop)
{
    stock_app_free(&shop->app);
    stock_repo_kv_free(shop->repo);
}

static void crash_and_come_back(struct shop *shop)
{
    stop_app(shop);
    fake_kv_crash(shop->kv);
    start_app(shop);
}

static int run_nothing(struct shop *shop)
{
    return core_run(&shop->app.core, NULL, 0, ++shop->now);
}

static int open_shop(void **state)
{
    struct shop *shop = test_calloc(1, sizeof(*shop));

    shop->kv = fake_kv_new();
    shop->sink.publish = publish;
    shop->options = (struct stock_options){menu, COUNT_OF(menu), 100};
    shop->now = 1000 * hour;
    start_app(shop);
    assert_int_equal(run_nothing(shop), OK);
    *state = shop;
    return 0;
}

static int close_shop(void **state)
{
    struct shop *shop = *state;

    stop_app(shop);
    fake_kv_free(shop->kv);
    buf_free(&shop->frames);
    test_free(shop);
    return 0;
}

/* ---- asking ---- */

static int run_commands(struct shop *shop, struct stock_command *commands, size_t n)
{
    struct command *list[MOST];

    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++)
        list[i] = &commands[i].base;
    return core_run(&shop->app.core, list, n, ++shop->now);
}

static int run_step(struct shop *shop, struct stock_step *step)
{
    struct stock_command command = {.steps = step, .n = 1};

    return run_commands(shop, &command, 1);
}

static struct stock_step step_of(enum stock_command_kind kind, const char *name, int64_t qty, const char *reservation)
{
    return (struct stock_step){
        .intent = {.kind = kind, .product_name = str_of(name), .qty = qty, .reservation_id = str_of(reservation)}};
}

static bool reduce(struct shop *shop, const char *name, int64_t qty, const char *reservation)
{
    struct stock_step step = step_of(STOCK_REDUCE, name, qty, reservation);

    assert_int_equal(run_step(shop, &step), OK);
    return step.yes;
}

static bool release(struct shop *shop, const char *reservation)
{
    struct stock_step step = step_of(STOCK_GIVE_BACK, NULL, 0, reservation);

    assert_int_equal(run_step(shop, &step), OK);
    return step.yes;
}

static int64_t add_row(struct shop *shop, const char *name, int64_t qty)
{
    struct stock_step step = step_of(STOCK_ADD, name, qty, NULL);

    assert_int_equal(run_step(shop, &step), OK);
    return step.verdict == STOCK_DECIDED ? step.stock.id : 0;
}

static enum stock_verdict change_row(struct shop *shop, enum stock_command_kind kind, int64_t id, int64_t qty)
{
    struct stock_step step = {.intent = {.kind = kind, .id = id, .qty = qty}};

    assert_int_equal(run_step(shop, &step), OK);
    return step.verdict;
}

/* What is durable; -1: not kept. */
static int64_t on_hand(struct shop *shop, const char *name)
{
    struct arena arena;
    struct stock stock;

    arena_init(&arena, 0);
    struct kv *kv = fake_kv_port(shop->kv);
    int rc = stock_find_by_name(&(struct stock_cells){&kv, 1}, str_of(name), &arena, &stock);
    int64_t found = rc ? -1 : stock.on_hand;
    arena_free(&arena);
    return found;
}

static bool is_published(const struct shop *shop, const char *text)
{
    return shop->frames.n && memmem(shop->frames.p, shop->frames.n, text, strlen(text));
}

/* ---- opening ---- */

static void every_menu_item_starts_at_100_and_says_so(void **state)
{
    struct shop *shop = *state;

    assert_int_equal(on_hand(shop, "Americano"), 100);
    assert_int_equal(on_hand(shop, "Latte"), 100);
    assert_int_equal(shop->published, 2);
    assert_true(is_published(shop, "\"type\":\"StockReceived\""));
    assert_true(is_published(shop, "\"reason\":\"opening stock\""));
}

static void a_restart_opens_nothing_twice_and_new_items_once(void **state)
{
    static const struct str longer_menu[] = {STR_INIT("americano"), STR_INIT("Latte"), STR_INIT("Yuja Tea")};
    struct shop *shop = *state;

    assert_true(reduce(shop, "Latte", 40, NULL));
    shop->options = (struct stock_options){longer_menu, COUNT_OF(longer_menu), 100};
    for (int i = 0; i < 2; i++) {
        crash_and_come_back(shop);
        assert_int_equal(shop->app.core.next_due(&shop->app.core), 0);
        assert_int_equal(run_nothing(shop), OK);
    }
    assert_int_equal(on_hand(shop, "Americano"), 100);
    assert_int_equal(on_hand(shop, "Latte"), 60);
    assert_int_equal(on_hand(shop, "Yuja Tea"), 100);
    assert_int_equal(shop->published, 4);
}

static void a_removed_item_is_not_opened_again(void **state)
{
    struct shop *shop = *state;

    assert_int_equal(change_row(shop, STOCK_REMOVE, 2, 0), STOCK_DECIDED);
    crash_and_come_back(shop);
    assert_int_equal(run_nothing(shop), OK);
    assert_int_equal(on_hand(shop, "Latte"), -1);
}

static int64_t low_mark(struct shop *shop, int64_t id)
{
    struct arena arena;
    struct stock stock;

    arena_init(&arena, 0);
    struct kv *kv = fake_kv_port(shop->kv);
    assert_int_equal(stock_find(&(struct stock_cells){&kv, 1}, id, &arena, &stock), OK);
    arena_free(&arena);
    return stock.low_mark;
}

static void a_low_mark_outlives_what_moves_and_a_crash_and_tells_nobody(void **state)
{
    struct shop *shop = *state;
    uint64_t published = shop->published;

    assert_int_equal(change_row(shop, STOCK_MARK, 2, 20), STOCK_NOTED);
    assert_int_equal(shop->published, published);
    assert_true(reduce(shop, "Latte", 3, NULL));
    crash_and_come_back(shop);
    assert_int_equal(low_mark(shop, 2), 20);
    assert_int_equal(low_mark(shop, 1), 0);
    assert_int_equal(on_hand(shop, "Latte"), 97);
    assert_int_equal(change_row(shop, STOCK_MARK, 2, 0), STOCK_NOTED);
    assert_int_equal(low_mark(shop, 2), 0);
    assert_int_equal(change_row(shop, STOCK_MARK, 99, 5), STOCK_REFUSED);
}

/* A store of an older version, which folded ASCII alone. */
static void a_row_kept_under_a_key_of_an_older_version_is_found_in_any_spelling(void **state)
{
    struct shop *shop = *state;
    struct kv *kv = fake_kv_port(shop->kv);
    struct arena arena;
    struct kv_changes changes = {.arena = &arena};
    int64_t id = add_row(shop, "Caff\u00e8", 7);

    arena_init(&arena, 0);
    kv_changes_remove(&changes, STR("name/caff\u00e8"));
    kv_changes_put(&changes, STR("name/caff\u00c8"), stock_number_value(&arena, id));
    assert_int_equal(kv_changes_commit(&changes, kv), OK);
    arena_free(&arena);
    assert_int_equal(on_hand(shop, "caff\u00e8"), -1);
    for (int i = 0; i < 2; i++) { /* nothing is left to do the second time */
        assert_int_equal(stock_repo_kv_rename(kv), OK);
        assert_int_equal(on_hand(shop, "CAFF\u00c8"), 7);
        assert_int_equal(on_hand(shop, "caffe\u0300"), 7);
    }
    assert_int_equal(add_row(shop, "CAFF\u00c8", 1), 0);
}

static void a_reservation_may_be_repeated_in_another_spelling(void **state)
{
    struct shop *shop = *state;

    assert_int_not_equal(add_row(shop, "\u00c9clair", 5), 0);
    assert_true(reduce(shop, "\u00c9clair", 2, "r1"));
    assert_true(reduce(shop, "e\u0301CLAIR", 2, "r1"));
    assert_int_equal(on_hand(shop, "\u00e9clair"), 3);
}

/* ---- reducing ---- */

static void of_150_reductions_of_100_in_one_batch_100_are_made(void **state)
{
    struct shop *shop = *state;
    struct stock_command commands[150];
    struct stock_step steps[150];
    size_t yes = 0;

    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        steps[i] = step_of(STOCK_REDUCE, "Americano", 1, NULL);
        commands[i] = (struct stock_command){.steps = &steps[i], .n = 1};
    }
    size_t commits = fake_kv_commits(shop->kv);
    assert_int_equal(run_commands(shop, commands, COUNT_OF(commands)), OK);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        yes += steps[i].yes;
    assert_int_equal(yes, 100);
    assert_int_equal(on_hand(shop, "Americano"), 0);
    assert_int_equal(shop->published, 2 + 100);
    assert_int_equal(fake_kv_commits(shop->kv), commits + 1);
}

static void an_array_is_decided_in_its_order_in_one_command(void **state)
{
    struct shop *shop = *state;
    struct stock_step steps[] = {
        step_of(STOCK_REDUCE, "Latte", 60, "o1.1"), step_of(STOCK_REDUCE, "Latte", 60, "o2.1"),
        step_of(STOCK_REDUCE, "Latte", 60, "o1.1"), step_of(STOCK_REDUCE, "Latte", 40, "o3.1"),
        step_of(STOCK_REDUCE, "Beer", 1, "o4.1"),   step_of(STOCK_REDUCE, "Latte", 1, "o1.1"),
    };
    struct stock_command command = {.steps = steps, .n = COUNT_OF(steps)};

    assert_int_equal(run_commands(shop, &command, 1), OK);
    assert_true(steps[0].yes);
    assert_false(steps[1].yes);
    assert_true(steps[2].yes);
    assert_true(steps[3].yes);
    assert_false(steps[4].yes);
    assert_int_equal(steps[5].refusal, STOCK_REFUSAL_ANOTHER_RESERVATION);
    assert_false(steps[5].yes);
    assert_int_equal(on_hand(shop, "Latte"), 0);
}

static int on_reservation(void *context, struct str key, struct str value)
{
    char *name = context;
    struct reservation reservation = {0};

    UNUSED(key);
    assert_true(stock_reservation_of_value(value, &reservation));
    assert_true(reservation.product_name.n < STOCK_NAME_MAX);
    memcpy(name, reservation.product_name.p, reservation.product_name.n);
    name[reservation.product_name.n] = '\0';
    return 0;
}

/* The item's name in the only reservation there is. */
static const char *kept_name(struct shop *shop)
{
    static char name[STOCK_NAME_MAX];
    struct kv *kv = fake_kv_port(shop->kv);

    name[0] = '\0';
    assert_int_equal(kv->scan(kv, STOCK_RESERVATION_PREFIX, STR(""), SIZE_MAX, on_reservation, name), 0);
    return name;
}

static void a_reservation_is_deducted_once_however_often_it_is_asked(void **state)
{
    struct shop *shop = *state;

    for (int i = 0; i < 3; i++) {
        assert_true(reduce(shop, "Latte", 3, "o42.1"));
        crash_and_come_back(shop);
    }
    assert_int_equal(on_hand(shop, "Latte"), 97);
}

static void a_reservation_asked_twice_at_once_is_kept_under_the_name_that_was_given(void **state)
{
    struct shop *shop = *state;
    struct stock_step steps[] = {step_of(STOCK_REDUCE, "Latte", 3, "o42.1"),
                                 step_of(STOCK_REDUCE, "Latte", 3, "o42.1")};
    struct stock_command command = {.steps = steps, .n = COUNT_OF(steps)};

    assert_int_equal(run_commands(shop, &command, 1), OK);
    crash_and_come_back(shop);
    assert_string_equal(kept_name(shop), "Latte");
    assert_true(release(shop, "o42.1"));
    assert_string_equal(kept_name(shop), "Latte");
    assert_int_equal(on_hand(shop, "Latte"), 100);
}

static void a_refusal_is_as_final_as_a_deduction(void **state)
{
    struct shop *shop = *state;
    struct stock_step more = step_of(STOCK_RECEIVE, "Latte", 50, NULL);

    assert_false(reduce(shop, "Latte", 101, "o42.1"));
    assert_int_equal(run_step(shop, &more), OK);
    assert_false(reduce(shop, "Latte", 101, "o42.1"));
    assert_true(reduce(shop, "Latte", 101, "o42.2"));
    assert_int_equal(on_hand(shop, "Latte"), 49);
}

static void a_released_reservation_gives_its_stock_back_once(void **state)
{
    struct shop *shop = *state;

    assert_true(reduce(shop, "Latte", 3, "o42.1"));
    assert_true(release(shop, "o42.1"));
    assert_int_equal(on_hand(shop, "Latte"), 100);
    assert_true(release(shop, "o42.1"));
    assert_int_equal(on_hand(shop, "Latte"), 100);
    assert_false(reduce(shop, "Latte", 3, "o42.1"));
    assert_int_equal(on_hand(shop, "Latte"), 100);
    assert_true(is_published(shop, "\"type\":\"StockReleased\""));
}

static void a_reduction_that_arrives_after_its_release_is_refused(void **state)
{
    struct shop *shop = *state;

    assert_false(release(shop, "o42.1"));
    crash_and_come_back(shop);
    assert_false(reduce(shop, "Latte", 3, "o42.1"));
    assert_false(release(shop, "o42.1"));
    assert_int_equal(on_hand(shop, "Latte"), 100);
}

static void release_and_reduction_in_one_batch_keep_their_order(void **state)
{
    struct shop *shop = *state;
    struct stock_step steps[] = {
        step_of(STOCK_GIVE_BACK, NULL, 0, "o1.1"), step_of(STOCK_REDUCE, "Latte", 5, "o1.1"),
        step_of(STOCK_REDUCE, "Latte", 5, "o2.1"), step_of(STOCK_GIVE_BACK, NULL, 0, "o2.1"),
        step_of(STOCK_REDUCE, "Latte", 5, "o2.1"),
    };
    struct stock_command command = {.steps = steps, .n = COUNT_OF(steps)};

    assert_int_equal(run_commands(shop, &command, 1), OK);
    assert_false(steps[1].yes);
    assert_true(steps[2].yes);
    assert_true(steps[3].yes);
    assert_false(steps[4].yes);
    assert_int_equal(on_hand(shop, "Latte"), 100);
}

/* ---- rows ---- */

static void a_name_has_one_row_whatever_its_case(void **state)
{
    struct shop *shop = *state;

    assert_int_equal(add_row(shop, "Beer", 5), 3);
    assert_int_equal(add_row(shop, "BEER", 7), 0);
    assert_true(reduce(shop, "beer", 2, NULL));
    assert_int_equal(on_hand(shop, "bEEr"), 3);
}

static void a_removed_row_frees_its_name_but_never_its_id(void **state)
{
    struct shop *shop = *state;

    assert_true(reduce(shop, "Latte", 3, "o42.1"));
    assert_int_equal(change_row(shop, STOCK_REMOVE, 2, 0), STOCK_DECIDED);
    assert_int_equal(change_row(shop, STOCK_REMOVE, 2, 0), STOCK_REFUSED);
    assert_int_equal(change_row(shop, STOCK_CORRECT, 2, 5), STOCK_REFUSED);
    assert_false(reduce(shop, "Latte", 1, NULL));
    crash_and_come_back(shop);
    assert_int_equal(add_row(shop, "Latte", 10), 3);

    /* What was taken from the old row doesn't fill the new one; its id stays used. */
    assert_true(reduce(shop, "Latte", 3, "o42.1"));
    assert_true(release(shop, "o42.1"));
    assert_int_equal(on_hand(shop, "Latte"), 10);
}

static void a_row_can_be_removed_and_kept_again_in_one_batch(void **state)
{
    struct shop *shop = *state;
    struct stock_step steps[] = {
        {.intent = {.kind = STOCK_REMOVE, .id = 2}}, step_of(STOCK_REDUCE, "Latte", 1, NULL),
        step_of(STOCK_ADD, "LATTE", 5, NULL),        step_of(STOCK_REDUCE, "latte", 2, "o1.1"),
        step_of(STOCK_GIVE_BACK, NULL, 0, "o1.1"),   step_of(STOCK_REDUCE, "latte", 5, NULL),
    };
    struct stock_command command = {.steps = steps, .n = COUNT_OF(steps)};

    assert_int_equal(run_commands(shop, &command, 1), OK);
    assert_false(steps[1].yes);
    assert_int_equal(steps[2].stock.id, 3);
    assert_true(steps[3].yes && steps[4].yes && steps[5].yes);
    assert_int_equal(on_hand(shop, "Latte"), 0);
}

/* ---- idempotency keys ---- */

static void render_count(struct stock_command *self)
{
    self->client.answer = (struct answer){.status = 200, .body = STR("true")};
}

static void the_same_key_twice_in_one_batch_is_one_reduction(void **state)
{
    struct shop *shop = *state;
    struct stock_step steps[3];
    struct stock_command commands[3];

    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        steps[i] = step_of(STOCK_REDUCE, "Latte", 10, NULL);
        commands[i] = (struct stock_command){.steps = &steps[i],
                                             .n = 1,
                                             .client.key = STR("POST /stocks/reduce k1"),
                                             .client.fingerprint.members = i == 2 ? 8 : 7,
                                             .render = render_count};
    }
    assert_int_equal(run_commands(shop, commands, COUNT_OF(commands)), OK);
    assert_false(commands[0].client.replayed);
    assert_true(commands[1].client.replayed);
    assert_true(str_is(commands[1].client.answer.body, "true"));
    assert_true(commands[2].client.key_reused);
    assert_int_equal(on_hand(shop, "Latte"), 90);
}

static void a_key_is_remembered_over_a_crash(void **state)
{
    struct shop *shop = *state;

    for (int i = 0; i < 2; i++) {
        struct stock_step step = step_of(STOCK_REDUCE, "Latte", 10, NULL);
        struct stock_command command = {.steps = &step,
                                        .n = 1,
                                        .client.key = STR("POST /stocks/reduce k1"),
                                        .client.fingerprint.members = 7,
                                        .render = render_count};
        assert_int_equal(run_commands(shop, &command, 1), OK);
        assert_int_equal(command.client.replayed, i == 1);
        crash_and_come_back(shop);
    }
    assert_int_equal(on_hand(shop, "Latte"), 90);
}

/* ---- when the world breaks ---- */

static void a_batch_that_is_not_committed_has_not_happened(void **state)
{
    struct shop *shop = *state;
    struct stock_step step = step_of(STOCK_REDUCE, "Latte", 3, "o42.1");
    struct stock_step beer = step_of(STOCK_ADD, "Beer", 3, NULL);
    size_t published = shop->published;

    fake_kv_fail_commit(shop->kv, 1, E_FULL);
    assert_int_equal(run_step(shop, &step), E_FULL);
    fake_kv_fail_commit(shop->kv, 1, E_UNAVAILABLE);
    assert_int_equal(run_step(shop, &beer), E_UNAVAILABLE);
    assert_int_equal(shop->published, published);
    assert_int_equal(on_hand(shop, "Latte"), 100);
    assert_int_equal(on_hand(shop, "Beer"), -1);
    assert_int_equal(run_step(shop, &step), OK);
    assert_int_equal(run_step(shop, &beer), OK);
    assert_true(step.yes);
    assert_int_equal(beer.stock.id, 3);
    assert_int_equal(on_hand(shop, "Latte"), 97);
    assert_true(is_published(shop, "\"id\":\"stock-3\"")); /* the position was given back */
}

static void a_failing_read_at_any_place_changes_nothing(void **state)
{
    struct shop *shop = *state;
    struct stock_step step = step_of(STOCK_REDUCE, "Latte", 3, "o42.1");
    struct stock_command command = {
        .steps = &step, .n = 1, .client.key = STR("POST /stocks/reduce k1"), .render = render_count};
    size_t failures = 0;

    for (size_t nth = 1;; nth++) {
        fake_kv_fail_read(shop->kv, nth, E_UNAVAILABLE);
        int rc = run_commands(shop, &command, 1);
        fake_kv_fail_read(shop->kv, 0, OK);
        if (!rc)
            break;
        assert_int_equal(rc, E_UNAVAILABLE);
        assert_int_equal(on_hand(shop, "Latte"), 100);
        failures++;
    }
    assert_true(failures >= 3); /* names and reservations, keys, rows */
    assert_int_equal(on_hand(shop, "Latte"), 97);
    assert_true(step.yes);
}

static void opening_that_fails_is_tried_again(void **state)
{
    struct shop *shop = *state;

    stop_app(shop);
    fake_kv_free(shop->kv);
    shop->kv = fake_kv_new();
    start_app(shop);
    fake_kv_fail_commit(shop->kv, 1, E_FULL);
    assert_int_equal(run_nothing(shop), E_FULL);
    assert_int_equal(shop->app.core.next_due(&shop->app.core), 0);
    assert_int_equal(run_nothing(shop), OK);
    assert_int_equal(on_hand(shop, "Latte"), 100);
}

/* ---- forgetting ---- */

static void keep_for(struct shop *shop, int64_t us)
{
    shop->retention = (struct stock_retention){us, us, us, NULL};
    crash_and_come_back(shop);
    assert_int_equal(run_nothing(shop), OK);
}

static void a_reservation_is_forgotten_when_its_time_is_over(void **state)
{
    struct shop *shop = *state;

    keep_for(shop, hour);
    assert_true(reduce(shop, "Latte", 3, "o1.1"));
    assert_true(reduce(shop, "Latte", 3, "o2.1"));
    shop->now += hour / 2;
    assert_true(release(shop, "o2.1"));
    size_t before = fake_kv_size(shop->kv);
    shop->now += hour / 2 + 2;
    assert_int_equal(run_nothing(shop), OK);
    assert_true(fake_kv_size(shop->kv) < before);
    assert_false(release(shop, "o1.1")); /* forgotten: nothing is known of it */
    assert_true(release(shop, "o2.1"));  /* it changed later, and is known for longer */
    assert_int_equal(on_hand(shop, "Latte"), 97);
}

/* Started while the clock was 8 days ahead for a moment, and started again with it put right; and the other way round.
 */
static void a_step_of_the_clock_makes_nothing_expire(void **state)
{
    struct shop *shop = *state;

    keep_for(shop, 24 * hour);
    assert_true(reduce(shop, "Latte", 3, "o1.1"));
    shop->now += INT64_C(8) * 24 * hour;
    crash_and_come_back(shop);
    assert_int_equal(run_nothing(shop), OK);
    assert_true(reduce(shop, "Latte", 3, "o2.1"));
    shop->now -= INT64_C(8) * 24 * hour;
    crash_and_come_back(shop);
    assert_int_equal(run_nothing(shop), OK);
    assert_true(reduce(shop, "Latte", 3, "o1.1")); /* known: nothing is taken twice */
    assert_true(reduce(shop, "Latte", 3, "o2.1"));
    assert_int_equal(on_hand(shop, "Latte"), 94);
    shop->now += 23 * hour;
    assert_int_equal(run_nothing(shop), OK);
    assert_true(reduce(shop, "Latte", 3, "o1.1"));
    shop->now += 2 * hour; /* it has run for longer than it is kept */
    assert_int_equal(run_nothing(shop), OK);
    assert_false(release(shop, "o1.1"));
}

static void the_wall_clock_is_for_people_only(void **state)
{
    struct shop *shop = *state;

    keep_for(shop, hour);
    shop->app.core.wall_ahead = INT64_C(8) * 24 * hour;
    assert_true(reduce(shop, "Latte", 3, "o1.1"));
    shop->app.core.wall_ahead = 0;
    assert_int_equal(run_nothing(shop), OK);
    assert_true(release(shop, "o1.1"));
}

static void what_is_kept_for_ever_is_not_forgotten(void **state)
{
    struct shop *shop = *state;

    assert_true(reduce(shop, "Latte", 3, "o1.1"));
    shop->now += 100000 * hour;
    assert_int_equal(run_nothing(shop), OK);
    assert_true(release(shop, "o1.1"));
}

static void a_long_list_is_forgotten_in_bites(void **state)
{
    struct shop *shop = *state;
    struct stock_step steps[MOST];
    char ids[MOST][16];
    size_t left = fake_kv_size(shop->kv);

    keep_for(shop, hour);
    for (int round = 0; round < 6; round++) {
        for (size_t i = 0; i < MOST; i++) {
            struct buf id = {0};
            buf_printf(&id, "o%zu.%d", i + 1, round + 1);
            memcpy(ids[i], id.p, id.n);
            ids[i][id.n] = '\0';
            steps[i] = step_of(STOCK_GIVE_BACK, NULL, 0, ids[i]);
            buf_free(&id);
        }
        struct stock_command command = {.steps = steps, .n = MOST};
        assert_int_equal(run_commands(shop, &command, 1), OK);
    }
    assert_true(fake_kv_size(shop->kv) > left + (size_t)6 * MOST);
    shop->now += 2 * hour;
    assert_int_equal(run_nothing(shop), OK);
    assert_true(fake_kv_size(shop->kv) > left);
    assert_true(shop->app.core.next_due(&shop->app.core) <= shop->now); /* the next bite at once */
    assert_int_equal(run_nothing(shop), OK);
    assert_int_equal(fake_kv_size(shop->kv), left);
    assert_true(shop->app.core.next_due(&shop->app.core) > shop->now);
}

/* ---- events ---- */

static void a_reservation_tells_whom_it_is_for(void **state)
{
    UNUSED(state);
    assert_int_equal(stock_reservation_order(STR("o42.1")), 42);
    assert_int_equal(stock_reservation_order(STR("t42.1")), 0);
    assert_int_equal(stock_reservation_order(STR("o42")), 0);
    assert_int_equal(stock_reservation_order(STR("o42.x")), 0);
    assert_int_equal(stock_reservation_order(STR("o-2.1")), 0);
    assert_int_equal(stock_reservation_order(STR("o99999999999999999999.1")), 0);
    assert_int_equal(stock_reservation_order(STR("")), 0);
    assert_int_equal(stock_reservation_ticket(STR("t7.1")), 7);
}

static void events_are_keyed_by_order_ticket_or_item(void **state)
{
    struct shop *shop = *state;

    assert_true(reduce(shop, "Latte", 1, "o42.1"));
    assert_true(reduce(shop, "Latte", 1, "t7.1"));
    assert_true(reduce(shop, "Latte", 1, "anything"));
    assert_true(is_published(shop, "\"subject\":\"42\",\"version\":2"));
    assert_true(is_published(shop, "\"subject\":\"ticket-7\",\"version\":3"));
    assert_true(is_published(shop, "\"subject\":\"Latte\",\"version\":4"));
    assert_true(is_published(shop, "\"onHand\":99,\"reservationId\":\"o42.1\",\"orderId\":42}"));
}

static void a_row_of_one_cell_never_has_the_id_of_another_cells(void **state)
{
    struct shop *shop = *state; /* with two rows of one cell */

    shop->app.cell = (struct cell){2, 3};
    shop->app.last_id = 0;
    assert_int_equal(add_row(shop, "Beer", 1), 3);
    assert_int_equal(add_row(shop, "Wine", 1), 6);
}

/* ---- events on a topic ---- */

static void how_far_the_relay_is_moves_with_what_is_committed_and_is_kept(void **state)
{
    struct shop *shop = *state;
    struct stock_step step = {.intent = {.kind = STOCK_RECEIVE, .product_name = menu[0], .qty = 5}};
    struct stock_command received = {.steps = &step, .n = 1};
    struct command mark = {.origin = FROM_FEED, .fate = COMMAND_SKIP, .position = 7};
    struct command *both[] = {&mark, &received.base};

    assert_int_equal(core_run(&shop->app.core, both, COUNT_OF(both), ++shop->now), OK);
    assert_int_equal(step.stock.on_hand, 105);
    crash_and_come_back(shop);
    assert_int_equal(shop->app.cursors.position[0], 7);
    mark.position = 6; /* an older one changes nothing */
    assert_int_equal(core_run(&shop->app.core, both, 1, ++shop->now), OK);
    assert_int_equal(shop->app.cursors.position[0], 7);
}

static bool is_for_all(const char *type, const char *data)
{
    return stock_event_is_for_all(NULL, str_of(type), str_of(data));
}

static void everybody_hears_of_goods_that_came_and_of_what_is_sold_out(void **state)
{
    UNUSED(state);
    assert_true(is_for_all("StockReceived", "{\"data\":{\"onHand\":5}}"));
    assert_true(is_for_all("StockReleased", "{\"data\":{\"onHand\":1,\"orderId\":3}}"));
    assert_true(is_for_all("StockReduced", "{\"data\":{\"onHand\":0,\"orderId\":3}}"));
    assert_true(is_for_all("StockReduced", "{\"data\":{\"onHand\":0}}"));
    assert_false(is_for_all("StockReduced", "{\"data\":{\"onHand\":1,\"orderId\":3}}"));
    assert_false(is_for_all("StockReduced", "{\"data\":{\"productName\":\"\\\"onHand\\\":0,\",\"onHand\":12}}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_menu_item_starts_at_100_and_says_so),
        TEST(a_row_of_one_cell_never_has_the_id_of_another_cells),
        TEST(a_restart_opens_nothing_twice_and_new_items_once),
        TEST(a_low_mark_outlives_what_moves_and_a_crash_and_tells_nobody),
        TEST(a_removed_item_is_not_opened_again),
        TEST(a_row_kept_under_a_key_of_an_older_version_is_found_in_any_spelling),
        TEST(a_reservation_may_be_repeated_in_another_spelling),
        TEST(of_150_reductions_of_100_in_one_batch_100_are_made),
        TEST(an_array_is_decided_in_its_order_in_one_command),
        TEST(a_reservation_is_deducted_once_however_often_it_is_asked),
        TEST(a_reservation_asked_twice_at_once_is_kept_under_the_name_that_was_given),
        TEST(a_refusal_is_as_final_as_a_deduction),
        TEST(a_released_reservation_gives_its_stock_back_once),
        TEST(a_reduction_that_arrives_after_its_release_is_refused),
        TEST(release_and_reduction_in_one_batch_keep_their_order),
        TEST(a_name_has_one_row_whatever_its_case),
        TEST(a_removed_row_frees_its_name_but_never_its_id),
        TEST(a_row_can_be_removed_and_kept_again_in_one_batch),
        TEST(the_same_key_twice_in_one_batch_is_one_reduction),
        TEST(a_key_is_remembered_over_a_crash),
        TEST(a_batch_that_is_not_committed_has_not_happened),
        TEST(a_failing_read_at_any_place_changes_nothing),
        TEST(opening_that_fails_is_tried_again),
        TEST(a_reservation_is_forgotten_when_its_time_is_over),
        TEST(a_step_of_the_clock_makes_nothing_expire),
        TEST(the_wall_clock_is_for_people_only),
        TEST(what_is_kept_for_ever_is_not_forgotten),
        TEST(a_long_list_is_forgotten_in_bites),
        cmocka_unit_test(a_reservation_tells_whom_it_is_for),
        TEST(how_far_the_relay_is_moves_with_what_is_committed_and_is_kept),
        cmocka_unit_test(everybody_hears_of_goods_that_came_and_of_what_is_sold_out),
        TEST(events_are_keyed_by_order_ticket_or_item),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
