/* How order asks payment: over real HTTP, with a payment that answers when the test says so. */
#include "order_payment_client.h"

#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "http_bench.h"
#include "service_bench.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 600, LONG_MS = 60000, MAX_BATCH = 256 };

/* ---- the service that asks ---- */

struct purchase {
    struct order_command command;
    struct asking *asking;
};

struct asking {
    struct service_bench bench;
    struct core core;
    struct http_bench payment;
    struct order_payment_caller *client;
    struct purchase purchases[MOST];
    int32_t n_cells;
    int64_t linger_ms;
    void (*act)(struct asking *self);
    /* what came back, under the lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t n_back;
    size_t back[MOST]; /* in which order */
};

/* What came back ends with its batch. */
static int decide(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    UNUSED(core);
    UNUSED(commands);
    UNUSED(n);
    UNUSED(now);
    return OK;
}

static int64_t next_due(struct core *core)
{
    UNUSED(core);
    return INT64_MAX;
}

static void finish(struct command *base, int rc)
{
    struct purchase *purchase = CONTAINER_OF(CONTAINER_OF(base, struct order_command, base), struct purchase, command);
    struct asking *asking = purchase->asking;

    UNUSED(rc);
    pthread_mutex_lock(&asking->lock);
    asking->back[asking->n_back++] = (size_t)(purchase - asking->purchases);
    pthread_cond_signal(&asking->changed);
    pthread_mutex_unlock(&asking->lock);
}

static const struct route no_routes[] = {{.path = NULL}};
static const struct route payment_routes[] = {
    {HTTP_POST, "/payments/authorize", http_bench_hold, .doc = "Is answered when the test says so."}, {.path = NULL}};

static void open_client(struct asking *asking)
{
    const struct guarded_settings calls = {
        .breaker = {.window_ms = 10000, .volume = 1000, .error_percent = 50, .sleep_window_ms = 5000},
        .timeout_ms = LONG_MS,
        .max_concurrent = 16};
    struct buf url = {0};

    buf_printf(&url, "http://127.0.0.1:%u", asking->payment.port);
    buf_char(&url, '\0');
    asking->client = order_payment_client_new(guarded_caller_new("payment", service_loop(asking->bench.service),
                                                                 service_client(asking->bench.service), &calls),
                                              url.p, asking->n_cells, MAX_BATCH, asking->linger_ms * US_PER_MS,
                                              asking->bench.service);
    assert_non_null(asking->client);
    buf_free(&url);
}

static void *be_the_writer(void *argument)
{
    struct asking *asking = argument;

    asking->act(asking);
    kill(getpid(), SIGTERM);
    return NULL;
}

/* Runs the service; `act` does what its writer would, beside it, and decides when payment answers. */
static struct asking *ask_from_cells(int32_t n_cells, int64_t linger_ms, void (*act)(struct asking *self))
{
    struct asking *asking = test_calloc(1, sizeof(*asking));
    struct http_settings http = http_bench_settings();

    http.max_body = 65536;
    *asking = (struct asking){
        .core = {.decide = decide, .next_due = next_due}, .n_cells = n_cells, .linger_ms = linger_ms, .act = act};
    pthread_mutex_init(&asking->lock, NULL);
    pthread_cond_init(&asking->changed, NULL);
    service_bench_open(&asking->bench, "order"); /* first: it takes the signals from all threads */
    http_bench_start(&asking->payment, &http, payment_routes);
    open_client(asking);
    assert_true(service_bench_start(
        &asking->bench, &asking->core,
        (struct service_parts){.listen = "127.0.0.1:0", .routes = no_routes, .collection = "orders"}));
    service_bench_run(&asking->bench, be_the_writer, asking);
    service_bench_close(&asking->bench);
    return asking;
}

static struct asking *ask_while(int64_t linger_ms, void (*act)(struct asking *self))
{
    return ask_from_cells(1, linger_ms, act);
}

static void end(struct asking *asking)
{
    order_payment_client_free(asking->client);
    http_bench_stop(&asking->payment);
    pthread_cond_destroy(&asking->changed);
    pthread_mutex_destroy(&asking->lock);
    test_free(asking);
}

/* ---- what the writer does, and payment ---- */

static struct order_command *purchase_of(struct asking *asking, size_t i)
{
    struct purchase *purchase = &asking->purchases[i];

    *purchase = (struct purchase){
        .command = {.base = {.origin = FROM_CLIENT, .finish = finish},
                    .intent = {.kind = ORDER_BUY, .amount = 1000 + (int64_t)i, .currency = STR("KRW")},
                    .payment_method = STR("card")},
        .asking = asking};
    return &purchase->command;
}

/* A batch of purchases. */
static void buy(struct asking *asking, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++)
        asking->client->authorize(asking->client, purchase_of(asking, i));
    asking->client->flush(asking->client);
}

struct turn {
    struct loop_job job;
    struct asking *asking;
    size_t first, n;
};

static void buy_in_this_turn(struct loop_job *job)
{
    struct turn *turn = CONTAINER_OF(job, struct turn, job);
    struct order_payment_caller *client = turn->asking->client;

    for (size_t i = turn->first; i < turn->first + turn->n; i++)
        assert_true(client->authorize_here(client, purchase_of(turn->asking, i)));
}

static void wait_for_loop(struct asking *asking);

/* The same in one turn of the loop, without the writer. */
static void buy_here(struct asking *asking, size_t first, size_t n)
{
    struct turn turn = {.job = {.run = buy_in_this_turn}, .asking = asking, .first = first, .n = n};

    loop_post(service_loop(asking->bench.service), &turn.job);
    wait_for_loop(asking);
}

struct mark {
    struct loop_job job;
    struct asking *asking;
    bool reached;
};

static void reach(struct loop_job *job)
{
    struct mark *mark = CONTAINER_OF(job, struct mark, job);

    pthread_mutex_lock(&mark->asking->lock);
    mark->reached = true;
    pthread_cond_signal(&mark->asking->changed);
    pthread_mutex_unlock(&mark->asking->lock);
}

/* Until the loop has what the writer gave it. */
static void wait_for_loop(struct asking *asking)
{
    struct mark mark = {.job = {.run = reach}, .asking = asking};

    loop_post(service_loop(asking->bench.service), &mark.job);
    pthread_mutex_lock(&asking->lock);
    while (!mark.reached)
        pthread_cond_wait(&asking->changed, &asking->lock);
    pthread_mutex_unlock(&asking->lock);
}

static size_t count(struct str text, const char *what)
{
    size_t n = 0;

    for (const char *p = text.p; (p = memmem(p, text.n - (size_t)(p - text.p), what, strlen(what))); p++)
        n++;
    return n;
}

/* The next call; how many it asks for. */
static struct http_request *next_call(struct asking *asking, size_t *n)
{
    struct http_request *request = http_bench_take_next(&asking->payment);

    *n = count(request->body, "\"key\":");
    return request;
}

/* Approves all of it, as payments from `id` on. */
static void approve(struct http_request *request, size_t n, size_t id)
{
    request->status = 200;
    request->content_type = "application/json";
    for (size_t i = 0; i < n; i++)
        buf_printf(&request->reply, "%c{\"id\":%zu,\"status\":\"Authorized\",\"validMs\":60000}", i ? ',' : '[',
                   id + i);
    buf_char(&request->reply, ']');
    http_reply(request);
}

static void wait_for(struct asking *asking, size_t n)
{
    pthread_mutex_lock(&asking->lock);
    while (asking->n_back < n)
        pthread_cond_wait(&asking->changed, &asking->lock);
    pthread_mutex_unlock(&asking->lock);
}

/* ---- tests ---- */

static void one_then_three_batches(struct asking *asking)
{
    size_t n = 0;

    buy(asking, 0, 1);
    struct http_request *first = next_call(asking, &n);
    assert_int_equal(n, 1);
    buy(asking, 1, 2);
    buy(asking, 3, 1);
    buy(asking, 4, 3);
    wait_for_loop(asking);
    approve(first, 1, 1);
    struct http_request *second = next_call(asking, &n);
    assert_int_equal(n, 6);
    assert_non_null(memmem(second->body.p, second->body.n, "\"amount\":1001", 13));
    assert_non_null(memmem(second->body.p, second->body.n, "\"amount\":1006", 13));
    approve(second, n, 2);
    wait_for(asking, 7);
}

static void what_comes_while_payment_is_asked_is_asked_together_and_goes_on_in_its_order(void **state)
{
    struct asking *asking = ask_while(LONG_MS, one_then_three_batches);
    UNUSED(state);

    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(asking->back[i], i);
        assert_int_equal(asking->purchases[i].command.intent.kind, ORDER_PLACE);
        assert_int_equal(asking->purchases[i].command.intent.payment_id, i + 1);
    }
    end(asking);
}

static bool says(const struct http_request *request, const char *what)
{
    return count(request->body, what) > 0;
}

static void two_of_several_cells(struct asking *asking)
{
    struct order_command *first = purchase_of(asking, 0), *second = purchase_of(asking, 1);
    size_t n = 0;

    first->base.cell = 2;
    second->base.cell = 0;
    asking->client->authorize(asking->client, first);
    asking->client->authorize(asking->client, second);
    asking->client->flush(asking->client);
    struct http_request *request = next_call(asking, &n);
    assert_int_equal(n, 2);
    assert_true(says(request, "\"amount\":1000") && says(request, "\"cell\":2}"));
    assert_true(says(request, "\"amount\":1001") && says(request, "\"cell\":0}"));
    approve(request, n, 1);
    wait_for(asking, 2);
}

static void of_several_cells_each_purchase_says_its_orders_and_comes_back_to_it(void **state)
{
    struct asking *asking = ask_from_cells(4, LONG_MS, two_of_several_cells);
    UNUSED(state);

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(asking->purchases[i].command.intent.payment_id, i + 1);
        assert_int_equal(asking->purchases[i].command.base.cell, i == 0 ? 2 : 0);
    }
    end(asking);
}

static void one_of_the_only_cell(struct asking *asking)
{
    size_t n = 0;

    buy(asking, 0, 1);
    struct http_request *request = next_call(asking, &n);
    assert_false(says(request, "cell"));
    approve(request, n, 1);
    wait_for(asking, 1);
}

static void of_one_cell_nobody_speaks(void **state)
{
    UNUSED(state);
    end(ask_while(LONG_MS, one_of_the_only_cell));
}

static void turns_without_the_writer(struct asking *asking)
{
    size_t n = 0;

    buy_here(asking, 0, 3);
    struct http_request *first = next_call(asking, &n);
    assert_int_equal(n, 3);
    buy_here(asking, 3, 2);
    buy(asking, 5, 1); /* the writer's */
    buy_here(asking, 6, 2);
    approve(first, 3, 1);
    struct http_request *second = next_call(asking, &n);
    assert_int_equal(n, 5);
    approve(second, n, 4);
    wait_for(asking, 8);
}

static void who_is_asked_for_without_the_writer_is_asked_together_with_all_others(void **state)
{
    struct asking *asking = ask_while(LONG_MS, turns_without_the_writer);
    UNUSED(state);

    for (size_t i = 0; i < 8; i++)
        assert_int_equal(asking->purchases[i].command.intent.payment_id, i + 1);
    end(asking);
}

static void a_turn_of_more_than_a_call_takes(struct asking *asking)
{
    size_t n = 0;

    buy_here(asking, 0, MAX_BATCH + 1);
    struct http_request *first = next_call(asking, &n);
    assert_int_equal(n, MAX_BATCH);
    approve(first, n, 1);
    approve(next_call(asking, &n), 1, MAX_BATCH + 1);
    wait_for(asking, MAX_BATCH + 1);
}

static void a_turn_of_more_than_a_call_takes_is_two_calls(void **state)
{
    struct asking *asking = ask_while(LONG_MS, a_turn_of_more_than_a_call_takes);
    UNUSED(state);

    assert_int_equal(asking->purchases[MAX_BATCH].command.intent.payment_id, MAX_BATCH + 1);
    end(asking);
}

static void no_memory_in_this_turn(struct loop_job *job)
{
    struct turn *turn = CONTAINER_OF(job, struct turn, job);
    struct order_payment_caller *client = turn->asking->client;

    for (uint64_t at = 1; at <= 4; at++) { /* the call, its key, room for it and for its place */
        heap_fail_at(at);
        assert_false(client->authorize_here(client, purchase_of(turn->asking, 0)));
        heap_fail_at(0);
    }
    assert_true(client->authorize_here(client, purchase_of(turn->asking, 0)));
}

static void a_turn_without_memory(struct asking *asking)
{
    struct turn turn = {.job = {.run = no_memory_in_this_turn}, .asking = asking};
    size_t n = 0;

    loop_post(service_loop(asking->bench.service), &turn.job);
    wait_for_loop(asking);
    approve(next_call(asking, &n), 1, 1);
    assert_int_equal(n, 1);
    wait_for(asking, 1);
}

static void who_there_is_no_memory_for_is_still_the_callers(void **state)
{
    struct asking *asking = ask_while(LONG_MS, a_turn_without_memory);
    UNUSED(state);

    assert_int_equal(asking->purchases[0].command.intent.payment_id, 1);
    end(asking);
}

static void one_more_while_the_first_has_no_answer(struct asking *asking)
{
    size_t n = 0;

    buy(asking, 0, 1);
    struct http_request *first = next_call(asking, &n);
    buy(asking, 1, 1);
    struct http_request *second = next_call(asking, &n); /* comes although the first has no answer */
    assert_int_equal(n, 1);
    approve(second, 1, 2);
    wait_for(asking, 1);
    approve(first, 1, 1);
    wait_for(asking, 2);
}

static void a_payment_that_does_not_answer_keeps_nobody_from_asking(void **state)
{
    struct asking *asking = ask_while(1, one_more_while_the_first_has_no_answer);
    UNUSED(state);

    assert_int_equal(asking->back[0], 1);
    assert_int_equal(asking->purchases[0].command.intent.kind, ORDER_PLACE);
    end(asking);
}

static void more_than_one_call_may_ask(struct asking *asking)
{
    struct http_request *calls[3];
    size_t n[3] = {0};

    buy(asking, 0, 1);
    calls[0] = next_call(asking, &n[0]);
    buy(asking, 1, 200);
    buy(asking, 201, 200); /* they don't go together */
    calls[1] = next_call(asking, &n[1]);
    assert_int_equal(n[1], 200);
    approve(calls[0], 1, 1);
    calls[2] = next_call(asking, &n[2]);
    assert_int_equal(n[2], 200);
    approve(calls[1], 200, 2);
    approve(calls[2], 200, 202);
    wait_for(asking, 401);
}

static void both_ways_to_more_than_one_call(struct asking *asking)
{
    struct http_request *calls[3];
    size_t n[3] = {0};

    buy(asking, 0, 1);
    calls[0] = next_call(asking, &n[0]);
    buy(asking, 1, 200);
    buy(asking, 201, MAX_BATCH - 200);
    buy_here(asking, 1 + MAX_BATCH, 100);
    calls[1] = next_call(asking, &n[1]);
    assert_int_equal(n[1], MAX_BATCH);
    approve(calls[0], 1, 1);
    calls[2] = next_call(asking, &n[2]);
    assert_int_equal(n[2], 100);
    approve(calls[1], MAX_BATCH, 2);
    approve(calls[2], 100, MAX_BATCH + 2);
    wait_for(asking, MAX_BATCH + 101);
}

static void no_call_asks_more_than_it_may_whichever_way_they_come(void **state)
{
    struct asking *asking = ask_while(LONG_MS, both_ways_to_more_than_one_call);
    UNUSED(state);

    end(asking);
}

static void no_call_asks_more_than_it_may(void **state)
{
    struct asking *asking = ask_while(LONG_MS, more_than_one_call_may_ask);
    UNUSED(state);

    for (size_t i = 0; i < 401; i++)
        assert_int_equal(asking->purchases[i].command.intent.payment_id, i + 1);
    end(asking);
}

static void some_wait_at_the_end(struct asking *asking)
{
    struct http_request *first;
    size_t n = 0;

    buy(asking, 0, 1);
    first = next_call(asking, &n);
    buy(asking, 1, 2);
    wait_for_loop(asking);
    asking->payment.user = first; /* for the end */
}

static void who_waits_to_be_asked_for_is_not_forgotten_at_the_end(void **state)
{
    struct asking *asking = ask_while(LONG_MS, some_wait_at_the_end);
    UNUSED(state);

    assert_int_equal(asking->n_back, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(asking->purchases[i].command.unanswered, E_OUTCOME_UNKNOWN);
    approve(asking->payment.user, 1, 1);
    end(asking);
}

/* ---- an array of which not all is known ---- */

/* Says of each purchase what its letter means: authorised as the payment of its number, from 1 on; declined; pending.
 */
static void say(struct http_request *request, size_t first, const char *letters)
{
    request->status = 200;
    request->content_type = "application/json";
    for (size_t i = 0; letters[i]; i++) {
        const char *status = letters[i] == 'A' ? "Authorized" : letters[i] == 'D' ? "Declined" : "Pending";
        buf_printf(&request->reply, "%c{\"id\":%zu,\"status\":\"%s\",\"reason\":\"no\",\"validMs\":60000}",
                   i ? ',' : '[', first + i + 1, status);
    }
    buf_char(&request->reply, ']');
    http_reply(request);
}

static bool asks_for(const struct http_request *request, size_t purchase)
{
    char amount[32];
    int n = snprintf(amount, sizeof(amount), "\"amount\":%zu,", 1000 + purchase);

    return memmem(request->body.p, request->body.n, amount, (size_t)n) != NULL;
}

static bool is_asked_again(struct http_request *request)
{
    struct str waited;

    return http_query(request, "waitedMs", 0, &waited);
}

static void two_of_four_are_slow(struct asking *asking)
{
    size_t n = 0;

    buy(asking, 0, 4);
    struct http_request *first = next_call(asking, &n);
    assert_false(is_asked_again(first));
    say(first, 0, "APDP");
    wait_for(asking, 2); /* while payment has nothing more to say */
    struct http_request *again = next_call(asking, &n);
    assert_true(n == 2 && asks_for(again, 1) && asks_for(again, 3) && is_asked_again(again));
    buy(asking, 4, 1); /* nobody waits for them either */
    say(next_call(asking, &n), 4, "A");
    wait_for(asking, 3);
    say(again, 1, "AP");
    again = next_call(asking, &n);
    assert_true(n == 1 && asks_for(again, 3) && is_asked_again(again));
    say(again, 3, "P"); /* nothing more is decided: that was the last answer */
    wait_for(asking, 5);
}

static void who_is_decided_goes_on_and_only_those_who_are_not_are_asked_for_again(void **state)
{
    static const size_t back[] = {0, 2, 4, 1, 3};
    struct asking *asking = ask_while(1, two_of_four_are_slow);
    UNUSED(state);

    for (size_t i = 0; i < COUNT_OF(back); i++)
        assert_int_equal(asking->back[i], back[i]);
    for (size_t i = 0; i < 5; i++) {
        const struct order_command *command = &asking->purchases[i].command;
        assert_int_equal(command->unanswered, i == 3 ? E_OUTCOME_UNKNOWN : OK);
        assert_int_equal(command->intent.kind, i == 2 ? ORDER_DECLINED : i == 3 ? ORDER_BUY : ORDER_PLACE);
        assert_int_equal(command->intent.payment_id, i == 2 || i == 3 ? 0 : i + 1);
    }
    end(asking);
}

static void payment_is_busy_when_asked_again(struct asking *asking)
{
    size_t n = 0;

    buy(asking, 0, 2);
    say(next_call(asking, &n), 0, "AP");
    http_problem(next_call(asking, &n), 503, NULL, "nothing was done");
    wait_for(asking, 2);
}

static void what_was_not_known_stays_so_when_nobody_can_be_asked_again(void **state)
{
    struct asking *asking = ask_while(1, payment_is_busy_when_asked_again);
    UNUSED(state);

    assert_int_equal(asking->purchases[0].command.unanswered, OK);
    assert_int_equal(asking->purchases[1].command.unanswered, E_OUTCOME_UNKNOWN);
    end(asking);
}

/* ---- keys that were asked for before ---- */

static void three_have_a_key(struct asking *asking)
{
    size_t n = 0;

    for (size_t i = 0; i < 3; i++) {
        struct order_command *command = purchase_of(asking, i);
        command->client.key = STR("POST /orders k");
        command->client.fingerprint.members = UINT64_MAX - 6;
        command->intent.qty = 2;
        command->intent.may_be_known = true;
        command->effect = i ? ORDER_EFFECT_FIND_PURCHASE : ORDER_EFFECT_AUTHORIZE;
        asking->client->authorize(asking->client, command);
    }
    asking->client->flush(asking->client);
    struct http_request *request = next_call(asking, &n);
    assert_int_equal(count(request->body, "\"body\":-7"), 3);
    assert_int_equal(count(request->body, "\"onlyIfKnown\":true"), 2);
    request->status = 200;
    request->content_type = "application/json";
    buf_add(&request->reply,
            STR("[{\"id\":1,\"status\":\"Authorized\",\"validMs\":60000},"
                "{\"id\":2,\"status\":\"Authorized\",\"validMs\":60000,\"amount\":0,\"currency\":\"EUR\"},"
                "{\"status\":\"NotKnown\"}]"));
    http_reply(request);
    wait_for(asking, 3);
}

static void what_was_promised_is_paid_for_as_it_was_and_who_is_not_known_goes_on_as_they_came(void **state)
{
    struct asking *asking = ask_while(LONG_MS, three_have_a_key);
    const struct order_intent *as_now = &asking->purchases[0].command.intent;
    const struct order_intent *as_then = &asking->purchases[1].command.intent;
    const struct order_intent *unknown = &asking->purchases[2].command.intent;
    UNUSED(state);

    assert_true(as_now->kind == ORDER_PLACE && as_now->amount == 1000 && str_is(as_now->currency, "KRW"));
    assert_true(as_then->kind == ORDER_PLACE && as_then->amount == 0 && str_is(as_then->currency, "EUR"));
    assert_int_equal(as_then->price, 0);
    assert_true(unknown->kind == ORDER_BUY && !unknown->may_be_known && unknown->amount == 1002);
    assert_int_equal(asking->purchases[2].command.unanswered, OK);
    end(asking);
}

static void one_is_looked_for_that_was_not_asked_to_be(struct asking *asking)
{
    size_t n = 0;

    buy(asking, 0, 1);
    struct http_request *request = next_call(asking, &n);
    request->status = 200;
    request->content_type = "application/json";
    buf_add(&request->reply, STR("[{\"status\":\"NotKnown\"}]"));
    http_reply(request);
    wait_for(asking, 1);
}

static void who_asks_for_a_promise_does_not_believe_that_nobody_knows_of_it(void **state)
{
    struct asking *asking = ask_while(LONG_MS, one_is_looked_for_that_was_not_asked_to_be);
    UNUSED(state);

    assert_int_equal(asking->purchases[0].command.unanswered, E_OUTCOME_UNKNOWN);
    end(asking);
}

/* ---- an array that isn't taken as it is ---- */

/* Approves all that is asked for as payments numbered like their purchases, from 1 on. */
static void approve_in_order(struct http_request *request, size_t n)
{
    for (size_t i = 0; i < MOST; i++) {
        if (asks_for(request, i)) {
            approve(request, n, i + 1);
            return;
        }
    }
    fail();
}

static void one_of_four_is_refused(struct asking *asking)
{
    size_t n = 0;

    buy(asking, 0, 4);
    for (size_t calls = 0; calls < 5; calls++) { /* 4, 2 and 2, 1 and 1 */
        struct http_request *request = next_call(asking, &n);
        if (asks_for(request, 2))
            http_problem(request, 422, "[2].method", "is too long");
        else
            approve_in_order(request, n);
    }
    wait_for(asking, 4);
}

static void one_question_that_is_refused_costs_nobody_else_the_answer(void **state)
{
    struct asking *asking = ask_while(LONG_MS, one_of_four_is_refused);
    UNUSED(state);

    for (size_t i = 0; i < 4; i++) {
        const struct order_command *command = &asking->purchases[i].command;
        assert_int_equal(command->unanswered, i == 2 ? E_OUTCOME_UNKNOWN : 0);
        assert_int_equal(command->intent.payment_id, i == 2 ? 0 : i + 1);
    }
    end(asking);
}

static void what_is_too_large_is_asked_in_parts(struct asking *asking)
{
    enum { TOO_LARGE = 1024, N = 64 };
    size_t n = 0, answered = 0;

    buy(asking, 0, N);
    while (answered < N) {
        struct http_request *request = next_call(asking, &n);
        if (request->body.n > TOO_LARGE) {
            http_problem(request, 413, NULL, "is too large");
        } else {
            approve_in_order(request, n);
            answered += n;
        }
    }
    wait_for(asking, N);
    buy(asking, N, N);
    for (answered = 0; answered < N; answered += n) {
        struct http_request *request = next_call(asking, &n);
        assert_true(request->body.n <= TOO_LARGE);
        approve_in_order(request, n);
    }
    wait_for(asking, (size_t)2 * N);
}

static void an_array_that_is_too_large_is_halved_and_the_next_ones_are_smaller(void **state)
{
    struct asking *asking = ask_while(LONG_MS, what_is_too_large_is_asked_in_parts);
    UNUSED(state);

    for (size_t i = 0; i < 128; i++)
        assert_int_equal(asking->purchases[i].command.intent.payment_id, i + 1);
    end(asking);
}

static void somebody_says_that_it_is_not_there(struct asking *asking)
{
    size_t n = 0;

    buy(asking, 0, 2);
    http_problem(next_call(asking, &n), 404, NULL, "There is nothing at this path.");
    wait_for(asking, 2);
}

static void a_refusal_that_is_not_payments_own_leaves_it_open(void **state)
{
    struct asking *asking = ask_while(LONG_MS, somebody_says_that_it_is_not_there);
    UNUSED(state);

    for (size_t i = 0; i < 2; i++)
        assert_int_equal(asking->purchases[i].command.unanswered, E_OUTCOME_UNKNOWN);
    end(asking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_while_payment_is_asked_is_asked_together_and_goes_on_in_its_order),
        cmocka_unit_test(of_several_cells_each_purchase_says_its_orders_and_comes_back_to_it),
        cmocka_unit_test(of_one_cell_nobody_speaks),
        cmocka_unit_test(who_is_asked_for_without_the_writer_is_asked_together_with_all_others),
        cmocka_unit_test(a_turn_of_more_than_a_call_takes_is_two_calls),
        cmocka_unit_test(who_there_is_no_memory_for_is_still_the_callers),
        cmocka_unit_test(a_payment_that_does_not_answer_keeps_nobody_from_asking),
        cmocka_unit_test(no_call_asks_more_than_it_may),
        cmocka_unit_test(no_call_asks_more_than_it_may_whichever_way_they_come),
        cmocka_unit_test(who_asks_for_a_promise_does_not_believe_that_nobody_knows_of_it),
        cmocka_unit_test(who_waits_to_be_asked_for_is_not_forgotten_at_the_end),
        cmocka_unit_test(who_is_decided_goes_on_and_only_those_who_are_not_are_asked_for_again),
        cmocka_unit_test(what_was_not_known_stays_so_when_nobody_can_be_asked_again),
        cmocka_unit_test(what_was_promised_is_paid_for_as_it_was_and_who_is_not_known_goes_on_as_they_came),
        cmocka_unit_test(one_question_that_is_refused_costs_nobody_else_the_answer),
        cmocka_unit_test(an_array_that_is_too_large_is_halved_and_the_next_ones_are_smaller),
        cmocka_unit_test(a_refusal_that_is_not_payments_own_leaves_it_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
