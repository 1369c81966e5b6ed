/* What is asked of several cells of stock in one request, over real HTTP and stores in memory: each is asked for its
 * own, and the client hears of all. */
#include "stock_http.h"

#include "base.h"
#include "errors.h"
#include "fake_kv.h"
#include "http_bench.h"
#include "service_bench.h"
#include "stock_app.h"
#include "stock_cell.h"
#include "stock_events.h"
#include "stock_repo_kv.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CELLS = 4, ONE_AT_A_TIME = 1 };

/* By 4: Americano is in cell 1, Latte and Tea in cell 2, Cappuccino in cell 3. */
static const struct str items[] = {STR_INIT("Americano"), STR_INIT("Latte"), STR_INIT("Tea"), STR_INIT("Cappuccino")};

struct shop {
    struct stock_http http; /* the routes' context */
    struct service_bench bench;
    struct menu *menu;
    struct fake_kv *fake[CELLS];
    struct kv *kv[CELLS];
    struct stock_cells cells;
    struct stock_repo *repo[CELLS];
    struct stock_app app[CELLS];
    struct event_sink sink;
    struct core core;
    _Atomic size_t asked[CELLS]; /* commands */
    void (*act)(struct shop *shop);
};

static void keep_quiet(struct event_sink *self, struct outbox *outbox)
{
    UNUSED(self);
    UNUSED(outbox);
}

static void read_nothing(void *context, struct feed_reading *reading)
{
    UNUSED(context);
    reading->done(reading);
}

/* A batch is one command, so each cell's commit is its own. */
static int decide(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct shop *shop = CONTAINER_OF(core, struct shop, core);
    struct stock_app *app = n ? &shop->app[commands[0]->cell] : &shop->app[0];

    assert_true(n <= ONE_AT_A_TIME);
    if (n)
        shop->asked[commands[0]->cell]++;
    return core_run(&app->core, commands, n, now);
}

static int64_t next_due(struct core *core)
{
    UNUSED(core);
    return INT64_MAX;
}

static void open_cell(struct shop *shop, int32_t number)
{
    static const struct stock_retention for_ever = {0};
    static const struct cursors no_sources = {.n = 0};
    const struct stock_options nothing = {NULL, 0, 0};

    shop->fake[number] = fake_kv_new();
    shop->kv[number] = fake_kv_port(shop->fake[number]);
    shop->repo[number] = stock_repo_kv_new(shop->kv[number], &for_ever);
    const struct stock_ports ports = {shop->repo[number], &shop->sink, stock_event_write};
    const struct cell cell = {number, shop->cells.count};
    assert_int_equal(stock_app_init(&shop->app[number], &ports, cell, &nothing, &no_sources), OK);
}

static void keep_items(struct shop *shop)
{
    struct arena arena;

    arena_init(&arena, 0);
    for (size_t i = 0; i < COUNT_OF(items); i++) {
        struct stock_step step = {.intent = {.kind = STOCK_ADD, .product_name = items[i], .qty = 100}};
        struct stock_command command = {.steps = &step, .n = 1};
        struct command *commands[] = {&command.base};
        int32_t cell;
        assert_true(stock_cell_of_name(&arena, items[i], shop->cells.count, &cell));
        assert_int_equal(core_run(&shop->app[cell].core, commands, 1, (int64_t)i + 1), OK);
    }
    arena_free(&arena);
}

static void *act(void *argument)
{
    struct shop *shop = argument;

    shop->act(shop);
    kill(getpid(), SIGTERM);
    return NULL;
}

static void run_shop(int32_t count, void (*what)(struct shop *shop))
{
    static struct shop shop;
    static const struct cursors nobody = {.n = 0};

    shop = (struct shop){.core = {.decide = decide, .next_due = next_due}, .act = what};
    shop.sink.publish = keep_quiet;
    shop.cells = (struct stock_cells){shop.kv, count};
    for (int32_t i = 0; i < count; i++)
        open_cell(&shop, i);
    keep_items(&shop);
    service_bench_open(&shop.bench, "stock");
    shop.bench.common.writer_batch = ONE_AT_A_TIME;
    shop.menu = menu_load("", &shop.bench.problem);
    assert_non_null(shop.menu);
    shop.http.menu = shop.menu;
    shop.http.cells = &shop.cells;
    const struct service_cell cell = {.core = &shop.core, .cursors = &nobody};
    const struct service_parts parts = {.listen = "127.0.0.1:0",
                                        .routes = stock_routes,
                                        .http = &shop.http.base,
                                        .collection = "stocks",
                                        .cells = &cell,
                                        .read_stored = read_nothing};
    assert_true(service_start(shop.bench.service, &parts, &shop.bench.problem));
    service_bench_run(&shop.bench, act, &shop);
    service_bench_close(&shop.bench);
    for (int32_t i = 0; i < count; i++) {
        stock_app_free(&shop.app[i]);
        stock_repo_kv_free(shop.repo[i]);
        fake_kv_free(shop.fake[i]);
    }
    menu_free(shop.menu);
}

/* ---- helpers that read like sentences ---- */

static void ask_with(struct shop *shop, const char *path, const char *body, const char *header,
                     struct raw_answer *answer)
{
    char text[2048];

    int n = snprintf(text, sizeof(text),
                     "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n%s"
                     "Content-Length: %zu\r\n\r\n%s",
                     path, header, strlen(body), body);
    assert_true(n > 0 && (size_t)n < sizeof(text));
    raw_ask(service_port(shop->bench.service), text, answer);
}

static void assert_answer(struct shop *shop, const char *path, const char *body, const char *wanted)
{
    struct raw_answer answer;

    ask_with(shop, path, body, "", &answer);
    assert_string_equal(answer.body, wanted);
    assert_int_equal(answer.status, 200);
}

static void assert_refused(struct shop *shop, const char *path, const char *body, int status, const char *says)
{
    struct raw_answer answer;

    ask_with(shop, path, body, "", &answer);
    assert_int_equal(answer.status, status);
    assert_non_null(strstr(answer.body, says));
}

static int64_t on_hand(struct shop *shop, const char *name)
{
    struct arena arena;
    struct stock stock;

    arena_init(&arena, 0);
    assert_int_equal(stock_find_by_name(&shop->cells, str_of(name), &arena, &stock), OK);
    arena_free(&arena);
    return stock.on_hand;
}

static void assert_asked(const struct shop *shop, size_t first, size_t second, size_t third, size_t fourth)
{
    const size_t wanted[CELLS] = {first, second, third, fourth};

    for (size_t i = 0; i < CELLS; i++)
        assert_int_equal(shop->asked[i], wanted[i]);
}

#define OF(name, qty, id) "{\"productName\":\"" name "\",\"qty\":" qty ",\"reservationId\":\"" id "\"}"
#define BACK(name, id) "{\"productName\":\"" name "\",\"reservationId\":\"" id "\"}"
#define SAID(id, released) "{\"reservationId\":\"" id "\",\"released\":" released "}"

/* ---- the tests ---- */

static void each_gets_its_own_answer(struct shop *shop)
{
    assert_answer(shop, "/stocks/reduce",
                  "[" OF("Latte", "1", "a") "," OF("Americano", "200", "b") "," OF("TEA", "2", "c") "," OF(
                      "Nope", "1", "d") "," OF("Cappuccino", "3", "e") "," OF("Ame", "4", "f") "]",
                  "[true,false,true,false,true,true]");
    assert_int_equal(on_hand(shop, "Latte"), 99);
    assert_int_equal(on_hand(shop, "Tea"), 98);
    assert_int_equal(on_hand(shop, "Cappuccino"), 97);
    assert_int_equal(on_hand(shop, "Americano"), 96);
    assert_int_equal(shop->asked[2], 1); /* of two items */
    assert_answer(shop, "/stocks/release",
                  "[" BACK("Latte", "a") "," BACK("Tea", "never") "," BACK("americano", "f") "," BACK("Tea", "c") "]",
                  "[" SAID("a", "true") "," SAID("never", "false") "," SAID("f", "true") "," SAID("c", "true") "]");
    assert_int_equal(on_hand(shop, "Latte"), 100);
    assert_int_equal(on_hand(shop, "Americano"), 100);
}

static void what_is_asked_of_several_cells_is_answered_in_its_order(void **state)
{
    UNUSED(state);
    run_shop(CELLS, each_gets_its_own_answer);
}

static void asks_one_cell(struct shop *shop)
{
    assert_answer(shop, "/stocks/reduce", "[" OF("Latte", "1", "a") "," OF("Tea", "1", "b") "]", "[true,true]");
    assert_answer(shop, "/stocks/reduce", "[]", "[]");
    assert_answer(shop, "/stocks/reduce", OF("Latte", "1", "c"), "true");
    assert_asked(shop, 1, 0, 2, 0);
}

static void what_concerns_one_cell_is_one_command(void **state)
{
    UNUSED(state);
    run_shop(CELLS, asks_one_cell);
}

static void asks_the_only_cell(struct shop *shop)
{
    assert_answer(shop, "/stocks/reduce", "[" OF("Latte", "1", "a") "," OF("Americano", "1", "b") "]", "[true,true]");
    assert_answer(shop, "/stocks/release", "[{\"reservationId\":\"a\"}," BACK("Tea", "b") "]",
                  "[" SAID("a", "true") "," SAID("b", "true") "]");
    assert_int_equal(on_hand(shop, "Americano"), 100);
    assert_asked(shop, 2, 0, 0, 0);
}

static void in_a_shop_of_one_cell_all_is_one_command_and_a_release_needs_no_name(void **state)
{
    UNUSED(state);
    run_shop(1, asks_the_only_cell);
}

static void release_without_a_name(struct shop *shop)
{
    assert_answer(shop, "/stocks/reduce", OF("Latte", "1", "a"), "true");
    assert_refused(shop, "/stocks/release", "{\"reservationId\":\"a\"}", 422, "productName is required");
    assert_refused(shop, "/stocks/release", "[" BACK("Latte", "a") ",{\"reservationId\":\"a\"}]", 422,
                   "[1].productName is required");
    assert_int_equal(on_hand(shop, "Latte"), 99);
    assert_answer(shop, "/stocks/release", BACK("Tea", "a"), SAID("a", "true")); /* of the same cell: to its own row */
    assert_int_equal(on_hand(shop, "Latte"), 100);
    assert_int_equal(on_hand(shop, "Tea"), 100);
}

static void among_several_cells_a_release_has_to_name_its_item(void **state)
{
    UNUSED(state);
    run_shop(CELLS, release_without_a_name);
}

static void reduce_while_one_fails(struct shop *shop)
{
    const char *asked = "[" OF("Latte", "1", "a") "," OF("Americano", "1", "b") "," OF("Tea", "1", "c") "]";

    fake_kv_fail_commit(shop->fake[1], 1, E_FULL);
    assert_answer(shop, "/stocks/reduce", asked, "[true,null,true]");
    assert_int_equal(on_hand(shop, "Americano"), 100);
    assert_answer(shop, "/stocks/reduce", asked, "[true,true,true]");
    assert_int_equal(on_hand(shop, "Americano"), 99);
    assert_int_equal(on_hand(shop, "Latte"), 99);
}

static void a_cell_that_fails_takes_no_other_cells_answer_away(void **state)
{
    UNUSED(state);
    run_shop(CELLS, reduce_while_one_fails);
}

static void release_while_one_fails(struct shop *shop)
{
    const char *asked = "[" BACK("Latte", "a") "," BACK("Americano", "b") "]";

    assert_answer(shop, "/stocks/reduce", "[" OF("Latte", "1", "a") "," OF("Americano", "1", "b") "]", "[true,true]");
    fake_kv_fail_commit(shop->fake[2], 1, E_FULL);
    assert_refused(shop, "/stocks/release", asked, 503, "outcome-unknown");
    assert_answer(shop, "/stocks/release", asked, "[" SAID("a", "true") "," SAID("b", "true") "]");
    assert_int_equal(on_hand(shop, "Latte"), 100);
    assert_int_equal(on_hand(shop, "Americano"), 100);
}

static void releases_of_which_some_fail_are_unknown_and_asked_again_they_are_known(void **state)
{
    UNUSED(state);
    run_shop(CELLS, release_while_one_fails);
}

static void all_fail(struct shop *shop)
{
    const char *asked = "[" OF("Latte", "1", "a") "," OF("Americano", "1", "b") "]";

    fake_kv_fail_commit(shop->fake[1], 1, E_FULL);
    fake_kv_fail_commit(shop->fake[2], 1, E_FULL);
    assert_refused(shop, "/stocks/reduce", asked, 503, "\"status\":503");
    assert_int_equal(on_hand(shop, "Latte"), 100);
}

static void when_all_cells_fail_the_request_does(void **state)
{
    UNUSED(state);
    run_shop(CELLS, all_fail);
}

static void repeat_by_key(struct shop *shop)
{
    static const char key[] = "Idempotency-Key: k1\r\n";
    static const char asked[] = "[{\"productName\":\"Latte\",\"qty\":1},{\"productName\":\"Americano\",\"qty\":101},"
                                "{\"productName\":\"Americano\",\"qty\":2}]";
    static const char other[] = "[{\"productName\":\"Latte\",\"qty\":1},{\"productName\":\"Americano\",\"qty\":3}]";
    struct raw_answer answer;

    fake_kv_fail_commit(shop->fake[1], 1, E_FULL);
    ask_with(shop, "/stocks/reduce", asked, key, &answer);
    assert_string_equal(answer.body, "[true,null,null]");
    for (int i = 0; i < 2; i++) {
        ask_with(shop, "/stocks/reduce", asked, key, &answer);
        assert_string_equal(answer.body, "[true,false,true]");
        assert_int_equal(on_hand(shop, "Latte"), 99);
        assert_int_equal(on_hand(shop, "Americano"), 98);
    }
    ask_with(shop, "/stocks/reduce", other, key, &answer);
    assert_int_equal(answer.status, 422);
    assert_non_null(strstr(answer.body, "Idempotency-Key"));
    assert_int_equal(on_hand(shop, "Americano"), 98);
}

static void a_key_does_each_cells_part_once_and_what_is_left_when_it_is_repeated(void **state)
{
    UNUSED(state);
    run_shop(CELLS, repeat_by_key);
}

static void keep_the_shelf(struct shop *shop)
{
    struct raw_answer answer;

    ask_with(shop, "/stocks", "{\"productName\":\"Wine\",\"qty\":5}", "", &answer);
    assert_int_equal(answer.status, 201);
    ask_with(shop, "/stocks/receive", "{\"productName\":\"wine\",\"qty\":5}", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_int_equal(on_hand(shop, "WINE"), 10);
    assert_asked(shop, 0, 2, 0, 0);
}

static void a_row_is_kept_and_filled_in_the_cell_of_its_name(void **state)
{
    UNUSED(state);
    run_shop(CELLS, keep_the_shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_of_several_cells_is_answered_in_its_order),
        cmocka_unit_test(what_concerns_one_cell_is_one_command),
        cmocka_unit_test(in_a_shop_of_one_cell_all_is_one_command_and_a_release_needs_no_name),
        cmocka_unit_test(among_several_cells_a_release_has_to_name_its_item),
        cmocka_unit_test(a_cell_that_fails_takes_no_other_cells_answer_away),
        cmocka_unit_test(releases_of_which_some_fail_are_unknown_and_asked_again_they_are_known),
        cmocka_unit_test(when_all_cells_fail_the_request_does),
        cmocka_unit_test(a_key_does_each_cells_part_once_and_what_is_left_when_it_is_repeated),
        cmocka_unit_test(a_row_is_kept_and_filled_in_the_cell_of_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
