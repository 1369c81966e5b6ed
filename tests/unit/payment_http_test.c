/* What order asks of several cells of payment in one request, over real HTTP and stores in memory: each is asked for
 * its own, and order hears of all. */
#include "payment_http.h"

#include "base.h"
#include "cells_core.h"
#include "clock.h"
#include "errors.h"
#include "fake_payment_repo.h"
#include "http_bench.h"
#include "ledger_provider.h"
#include "payment_app.h"
#include "payment_events.h"
#include "service_bench.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CELLS = 4, NOBODY = -1, LONG_US = 600000000 };

struct till {
    struct fake_payment_repo *repo;
    struct payment_app app;
};

struct shop {
    struct payment_http http; /* the routes' context */
    struct service_bench bench;
    struct till tills[CELLS];
    struct ledger_provider ledger;
    struct payment_provider slow; /* is asked, and says nothing */
    int32_t slow_cell;            /* whose provider that is */
    struct order_feed orders;
    struct event_sink sink;
    struct core core;            /* counts what is decided by … */
    struct core *joined;         /* … this one */
    _Atomic size_t asked[CELLS]; /* commands */
    void (*act)(struct shop *shop);
};

/* ---- what is around it ---- */

static void keep_quiet(struct event_sink *self, struct outbox *outbox)
{
    UNUSED(self);
    UNUSED(outbox);
}

static int64_t is_never_complete(struct order_feed *self, int32_t cell, uint64_t epoch, uint64_t position)
{
    UNUSED(self);
    UNUSED(cell);
    UNUSED(epoch);
    UNUSED(position);
    return INT64_MIN;
}

static bool is_asked_first(struct payment_provider *self, const struct provider_question *question,
                           struct payment_intent *answer)
{
    UNUSED(self);
    UNUSED(question);
    UNUSED(answer);
    return false;
}

static void say_nothing(struct payment_provider *self, const struct provider_question *question)
{
    UNUSED(self);
    UNUSED(question);
}

static void flush(struct payment_provider *self)
{
    UNUSED(self);
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

    assert_true(n <= 1);
    if (n)
        shop->asked[commands[0]->cell]++;
    return shop->joined->decide(shop->joined, commands, n, now);
}

static void settle(struct core *core, struct command *const *commands, size_t n, int rc)
{
    struct shop *shop = CONTAINER_OF(core, struct shop, core);

    shop->joined->settle(shop->joined, commands, n, rc);
}

static int64_t next_due(struct core *core)
{
    struct shop *shop = CONTAINER_OF(core, struct shop, core);

    return shop->joined->next_due(shop->joined);
}

static void open_till(struct shop *shop, int32_t number)
{
    static const struct cursors sources = {.source = {"order"}, .n = 1};
    static const struct payment_policy policy = {
        .authorization_us = LONG_US, .retry_us = LONG_US, .retry_most_us = LONG_US};
    struct till *till = &shop->tills[number];
    struct payment_provider *provider = number == shop->slow_cell ? &shop->slow : &shop->ledger.port;

    till->repo = fake_payment_repo_new();
    const struct payment_ports ports = {&till->repo->port, provider, &shop->orders, &shop->sink, payment_event_write};
    const struct cell cell = {number, shop->http.n_cells};
    assert_int_equal(payment_app_init(&till->app, &ports, cell, &policy, &sources), OK);
}

static void *act(void *argument)
{
    struct shop *shop = argument;

    shop->act(shop);
    kill(getpid(), SIGTERM);
    return NULL;
}

static void open_shop(struct shop *shop)
{
    shop->core = (struct core){.decide = decide, .settle = settle, .next_due = next_due};
    shop->sink.publish = keep_quiet;
    shop->orders.complete_at = is_never_complete;
    ledger_provider_init(&shop->ledger, STR("KRW"), 0);
    shop->slow = (struct payment_provider){is_asked_first, say_nothing, flush, LONG_US};
    shop->joined = cells_core_new(shop->http.n_cells, NULL);
    assert_non_null(shop->joined);
    for (int32_t i = 0; i < shop->http.n_cells; i++) {
        open_till(shop, i);
        cells_core_put(shop->joined, i, &shop->tills[i].app.core);
    }
}

static void run_shop(int32_t n_cells, int32_t slow_cell, void (*what)(struct shop *shop))
{
    static const struct cursors nobody = {.n = 0};
    static struct shop shop;

    shop = (struct shop){.http = {.n_cells = n_cells}, .slow_cell = slow_cell, .act = what};
    open_shop(&shop);
    service_bench_open(&shop.bench, "payment");
    shop.bench.common.writer_batch = 1;
    const struct service_cell cell = {.core = &shop.core, .cursors = &nobody};
    const struct service_parts parts = {.listen = "127.0.0.1:0",
                                        .routes = payment_routes,
                                        .http = &shop.http.base,
                                        .collection = "payments",
                                        .cells = &cell,
                                        .read_stored = read_nothing};
    assert_true(service_start(shop.bench.service, &parts, &shop.bench.problem));
    service_bench_run(&shop.bench, act, &shop);
    service_bench_close(&shop.bench);
    cells_core_free(shop.joined);
    for (int32_t i = 0; i < n_cells; i++) {
        payment_app_free(&shop.tills[i].app);
        fake_payment_repo_free(shop.tills[i].repo);
    }
}

/* ---- helpers that read like sentences ---- */

#define OF(cell, key, method)                                                                                          \
    "{\"key\":\"" key "\",\"amount\":4500,\"currency\":\"KRW\",\"method\":\"" method "\",\"cell\":" cell "}"
#define OF_NONE(key) "{\"key\":\"" key "\",\"amount\":4500,\"currency\":\"KRW\",\"method\":\"card\"}"

static void ask(struct shop *shop, const char *body, struct raw_answer *answer)
{
    char text[4096];

    int n = snprintf(text, sizeof(text),
                     "POST /payments/authorize HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     strlen(body), body);
    assert_true(n > 0 && (size_t)n < sizeof(text));
    raw_ask(service_port(shop->bench.service), text, answer);
}

/* What became of each, in order: "Authorized Declined". */
static const char *statuses(const struct raw_answer *answer)
{
    static const char member[] = "\"status\":\"";
    static char all[512];
    size_t n = 0;

    assert_int_equal(answer->status, 200);
    for (const char *at = answer->body; (at = strstr(at, member));) {
        at += sizeof(member) - 1;
        if (n)
            all[n++] = ' ';
        while (*at != '"')
            all[n++] = *at++;
    }
    all[n] = '\0';
    return all;
}

static void assert_statuses(struct shop *shop, const char *body, const char *wanted)
{
    struct raw_answer answer;

    ask(shop, body, &answer);
    assert_string_equal(statuses(&answer), wanted);
}

static void assert_refused(struct shop *shop, const char *body, int status, const char *says)
{
    struct raw_answer answer;

    ask(shop, body, &answer);
    assert_int_equal(answer.status, status);
    assert_non_null(strstr(answer.body, says));
}

/* So many payments each cell has, and all of them are its own. */
static void assert_kept(const struct shop *shop, size_t first, size_t second, size_t third, size_t fourth)
{
    const size_t wanted[CELLS] = {first, second, third, fourth};

    for (int32_t i = 0; i < shop->http.n_cells; i++) {
        const struct fake_payment_repo *repo = shop->tills[i].repo;
        assert_int_equal(repo->n, wanted[i]);
        for (size_t k = 0; k < repo->n; k++)
            assert_int_equal(cell_of_id(repo->payments[k].id, shop->http.n_cells), i);
    }
}

static void assert_asked(const struct shop *shop, size_t first, size_t second, size_t third, size_t fourth)
{
    const size_t wanted[CELLS] = {first, second, third, fourth};

    for (size_t i = 0; i < CELLS; i++)
        assert_int_equal(shop->asked[i], wanted[i]);
}

/* ---- the tests ---- */

static void ask_three_cells(struct shop *shop)
{
    struct raw_answer answer;

    ask(shop,
        "[" OF("2", "a", "card") "," OF("0", "b", "test-declined") "," OF("2", "c", "test-insufficient") "," OF(
            "1", "d", "card") "]",
        &answer);
    assert_string_equal(statuses(&answer), "Authorized Declined Declined Authorized");
    const char *bank = strstr(answer.body, "the bank said no"), *account = strstr(answer.body, "not enough money");
    assert_true(bank && account && bank < account);
    assert_kept(shop, 1, 1, 2, 0);
    assert_asked(shop, 1, 1, 1, 0);
}

static void questions_of_several_cells_are_answered_in_the_order_in_which_they_were_asked(void **state)
{
    UNUSED(state);
    run_shop(CELLS, NOBODY, ask_three_cells);
}

static void ask_one_cell(struct shop *shop)
{
    assert_statuses(shop, "[" OF("3", "a", "card") "," OF("3", "b", "test-declined") "]", "Authorized Declined");
    assert_statuses(shop, "[]", "");
    assert_kept(shop, 0, 0, 0, 2);
    assert_asked(shop, 1, 0, 0, 1); /* nothing is asked of any */
}

static void what_concerns_one_cell_is_one_command(void **state)
{
    UNUSED(state);
    run_shop(CELLS, NOBODY, ask_one_cell);
}

static void ask_the_only_cell(struct shop *shop)
{
    assert_statuses(shop, "[" OF_NONE("a") "," OF("0", "b", "card") "]", "Authorized Authorized");
    assert_asked(shop, 1, 0, 0, 0);
    assert_refused(shop, "[" OF_NONE("c") "," OF("1", "d", "card") "]", 422, "\"member\":\"[1].cell\"");
    assert_kept(shop, 2, 0, 0, 0);
}

static void where_there_is_one_cell_nobody_has_to_say_it_and_all_is_one_command(void **state)
{
    UNUSED(state);
    run_shop(1, NOBODY, ask_the_only_cell);
}

static void ask_no_cell(struct shop *shop)
{
    const char *why = "[1].cell must be the cell of its order: a whole number from 0 to 3";

    assert_refused(shop, "[" OF("0", "a", "card") "," OF_NONE("b") "]", 422, why);
    assert_refused(shop, "[" OF("0", "a", "card") "," OF("4", "b", "card") "]", 422, why);
    assert_refused(shop, "[" OF("-1", "a", "card") "]", 422, "[0].cell must be");
    assert_refused(shop, "[" OF("\"0\"", "a", "card") "]", 422, "[0].cell must be");
    assert_kept(shop, 0, 0, 0, 0);
}

static void a_question_of_no_cell_is_refused_and_nothing_is_begun(void **state)
{
    UNUSED(state);
    run_shop(CELLS, NOBODY, ask_no_cell);
}

/* Each has looked once what is due: from now on only what is asked is committed. */
static void let_all_begin(struct shop *shop)
{
    assert_statuses(shop,
                    "[" OF("0", "first", "card") "," OF("1", "first", "card") "," OF("2", "first", "card") "," OF(
                        "3", "first", "card") "]",
                    "Authorized Authorized Authorized Authorized");
    assert_kept(shop, 1, 1, 1, 1); /* a key is its cell's */
}

static void ask_while_one_fails(struct shop *shop)
{
    const char *asked = "[" OF("1", "a", "card") "," OF("2", "b", "card") "," OF("1", "c", "test-declined") "]";

    let_all_begin(shop);
    shop->tills[1].repo->commits = (struct fake_trap){1, E_FULL};
    assert_statuses(shop, asked, "Pending Authorized Pending");
    assert_kept(shop, 1, 1, 2, 1);
    assert_statuses(shop, asked, "Authorized Authorized Declined");
    assert_kept(shop, 1, 3, 2, 1);
}

static void a_cell_that_fails_takes_no_other_cells_answer_away_and_asked_again_nobody_is_charged_twice(void **state)
{
    UNUSED(state);
    run_shop(CELLS, NOBODY, ask_while_one_fails);
}

static void ask_while_all_fail(struct shop *shop)
{
    const char *asked = "[" OF("1", "a", "card") "," OF("2", "b", "card") "]";

    let_all_begin(shop);
    shop->tills[1].repo->commits = (struct fake_trap){1, E_FULL};
    shop->tills[2].repo->commits = (struct fake_trap){1, E_FULL};
    assert_refused(shop, asked, 503, "\"status\":503");
    assert_kept(shop, 1, 1, 1, 1);
}

static void when_all_cells_fail_the_request_does(void **state)
{
    UNUSED(state);
    run_shop(CELLS, NOBODY, ask_while_all_fail);
}

/* The slow one's part comes first, and last: the commands are posted in the order of their cells. */
static void ask_beside_a_slow_one(struct shop *shop)
{
    assert_statuses(shop, "[" OF("1", "a", "card") "," OF("2", "b", "card") "]", "Pending Authorized");
    assert_statuses(shop, "[" OF("0", "c", "card") "," OF("1", "d", "card") "]", "Authorized Pending");
}

static void nobody_waits_for_another_cells_card(void **state)
{
    UNUSED(state);
    run_shop(CELLS, 1, ask_beside_a_slow_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_of_several_cells_are_answered_in_the_order_in_which_they_were_asked),
        cmocka_unit_test(what_concerns_one_cell_is_one_command),
        cmocka_unit_test(where_there_is_one_cell_nobody_has_to_say_it_and_all_is_one_command),
        cmocka_unit_test(a_question_of_no_cell_is_refused_and_nothing_is_begun),
        cmocka_unit_test(a_cell_that_fails_takes_no_other_cells_answer_away_and_asked_again_nobody_is_charged_twice),
        cmocka_unit_test(when_all_cells_fail_the_request_does),
        cmocka_unit_test(nobody_waits_for_another_cells_card),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
