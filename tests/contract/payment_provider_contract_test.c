/* Who moves the money: one suite over the till and over an external provider, which is a model here, behind real HTTP
 * on the same loop. */
#include "alloc.h"
#include "clock.h"
#include "errors.h"
#include "http_body.h"
#include "http_provider.h"
#include "http_server.h"
#include "ledger_provider.h"
#include "provider_messages.h"
#include "provider_name.h"
#include "signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { PRICE = 4500, MOST_PAYMENTS = 8, NAME_ROOM = 65, LONG_MS = 60000 };

struct fixture {
    struct payment_provider *provider;
    struct ledger_provider ledger;
    /* of the external one */
    struct loop *loop;
    struct http_client *client;
    struct http_server *server;
    struct signing_key *key;
    struct buf url;
    struct charge {
        char name[NAME_ROOM];
        bool approved, captured;
    } charges[MOST_PAYMENTS]; /* the model's */
    const char *strange;      /* what the model answers instead, once; NULL: nothing strange */
    size_t asked;
    /* what came back */
    struct payment_intent answer;
    char reference[64], reason[64];
    int64_t answered_for; /* payment; 0: nothing came back yet */
    size_t n_answers;
};

/* ---- the model: what docs/payment-provider.md asks of a provider ---- */

/* A payment's name is a text to it, which it has heard before or not. */
static struct charge *charge_named(struct fixture *fixture, struct str name)
{
    size_t i = 0;

    while (fixture->charges[i].name[0] && !str_is(name, fixture->charges[i].name))
        assert_true(++i < MOST_PAYMENTS);
    assert_in_range(name.n, 1, NAME_ROOM - 1);
    memcpy(fixture->charges[i].name, name.p, name.n);
    return &fixture->charges[i];
}

static const char *model_does(struct charge *charge, enum provider_operation operation, struct str method)
{
    switch (operation) {
    case PROVIDER_AUTHORIZE:
        if (str_is(method, "test-unknown"))
            return "pending";
        charge->approved = !str_is(method, "test-declined");
        return charge->approved ? "approved" : "declined";
    case PROVIDER_CAPTURE:
        assert_true(charge->approved);
        charge->captured = true;
        return "captured";
    case PROVIDER_RETURN:
        break;
    }
    return charge->captured ? "refunded" : "voided";
}

struct heard {
    int64_t amount;
    struct str name, operation, currency, method;
};
static const struct json_field heard_fields[] = {
    JSON_FIELD(struct heard, "paymentId", name, JSON_STRING, JSON_REQUIRED, 1, NAME_ROOM - 1),
    JSON_FIELD(struct heard, "operation", operation, JSON_STRING, JSON_REQUIRED, 1, 32),
    JSON_FIELD(struct heard, "amount", amount, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
    JSON_FIELD(struct heard, "currency", currency, JSON_STRING, JSON_REQUIRED, 3, 3),
    JSON_FIELD(struct heard, "method", method, JSON_STRING, JSON_REQUIRED, 1, 32),
};
static const struct json_desc heard_desc = {"question", heard_fields, COUNT_OF(heard_fields), sizeof(struct heard)};

static void serve(void *context, struct http_request *request, enum provider_operation operation)
{
    struct fixture *fixture = context;
    struct heard heard;
    struct buf key = {0};

    fixture->asked++;
    assert_int_equal(signature_check(fixture->key, request->signature, request->body, clock_wall() / US_PER_S, 60),
                     SIGNATURE_GOOD);
    assert_true(http_read_json(request, &heard_desc, &heard));
    assert_true(str_eq(heard.operation, provider_operation_text(operation)));
    buf_printf(&key, "%.*s.%.*s", STR_ARG(heard.name), STR_ARG(heard.operation));
    assert_true(str_eq(request->idempotency_key, buf_str(&key)));
    buf_free(&key);
    request->status = 200;
    request->content_type = "application/json";
    struct provider_outcome outcome = {
        .name = heard.name,
        .amount = heard.amount,
        .operation = heard.operation,
        .outcome = str_of(model_does(charge_named(fixture, heard.name), operation, heard.method)),
        .currency = heard.currency,
        .reference = STR("model"),
        .reason = STR("no such luck"),
    };
    if (fixture->strange)
        buf_add(&request->reply, str_of(fixture->strange));
    else
        json_encode(&request->reply, &provider_outcome_desc, &outcome);
    fixture->strange = NULL;
    http_reply(request);
}

static void serve_authorize(void *context, struct http_request *request)
{
    serve(context, request, PROVIDER_AUTHORIZE);
}

static void serve_capture(void *context, struct http_request *request)
{
    serve(context, request, PROVIDER_CAPTURE);
}

static void serve_reverse(void *context, struct http_request *request)
{
    serve(context, request, PROVIDER_RETURN);
}

static const struct route routes[] = {{HTTP_POST, "/authorize", serve_authorize, .doc = "Promise."},
                                      {HTTP_POST, "/capture", serve_capture, .doc = "Take."},
                                      {HTTP_POST, "/reverse", serve_reverse, .doc = "Give back."},
                                      {.path = NULL}};

/* ---- both, made ---- */

static void note_answer(struct fixture *fixture, int64_t payment_id, const struct payment_intent *answer)
{
    const struct {
        struct str from;
        char *to;
    } texts[] = {{answer->reference, fixture->reference}, {answer->reason, fixture->reason}};

    fixture->n_answers++;
    fixture->answered_for = payment_id;
    fixture->answer = *answer;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_true(texts[i].from.n < sizeof(fixture->reason));
        memset(texts[i].to, 0, sizeof(fixture->reason));
        if (texts[i].from.n)
            memcpy(texts[i].to, texts[i].from.p, texts[i].from.n);
    }
}

static void answered(void *context, struct command *base)
{
    struct fixture *fixture = context;
    struct payment_command *command = CONTAINER_OF(base, struct payment_command, base);

    assert_int_equal(base->origin, FROM_EFFECT);
    assert_int_equal(command->n, 1);
    note_answer(fixture, command->steps[0].payment_id, &command->steps[0].intent);
    base->finish(base, OK);
    loop_stop(fixture->loop);
}

static int setup_ledger(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));

    ledger_provider_init(&fixture->ledger, STR("KRW"), 0);
    fixture->provider = &fixture->ledger.port;
    *state = fixture;
    return 0;
}

static void open_model(struct fixture *fixture)
{
    const struct http_settings http = {.max_connections = 16,
                                       .max_body = 65536,
                                       .connection_memory = 8192,
                                       .idle_ms = LONG_MS,
                                       .request_ms = LONG_MS,
                                       .trusted_proxy = "127.0.0.1"};
    struct buf problem = {0};

    fixture->loop = loop_new();
    assert_non_null(fixture->loop);
    fixture->server = http_server_new(fixture->loop, &http, "127.0.0.1:0", routes, fixture, &problem);
    assert_non_null(fixture->server);
    fixture->client = http_client_new(fixture->loop, 1); /* one call after the other */
    assert_non_null(fixture->client);
    fixture->key = signing_key_from_text(STR("0123456789abcdef0123456789abcdef"), &problem);
    assert_non_null(fixture->key);
    buf_printf(&fixture->url, "http://127.0.0.1:%u", http_server_port(fixture->server));
    buf_char(&fixture->url, '\0');
}

static int setup_http(void **state)
{
    static const struct guarded_settings calls = {
        .breaker = {.window_ms = 10000, .volume = 1000, .error_percent = 50, .sleep_window_ms = 5000},
        .timeout_ms = LONG_MS,
        .max_concurrent = 16};
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));

    open_model(fixture);
    fixture->provider = http_provider_new(
        &(struct http_provider_parts){.loop = fixture->loop,
                                      .caller = guarded_caller_new("provider", fixture->loop, fixture->client, &calls),
                                      .url = fixture->url.p,
                                      .key = fixture->key,
                                      .patience_us = 1,
                                      .answered = answered,
                                      .context = fixture});
    assert_non_null(fixture->provider);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->loop) {
        http_client_free(fixture->client);
        http_server_free(fixture->server);
        http_provider_free(fixture->provider);
        signing_key_free(fixture->key);
        loop_free(fixture->loop);
        buf_free(&fixture->url);
    }
    test_free(fixture);
    return 0;
}

/* ---- asking ---- */

static struct provider_question about(enum provider_operation operation, int64_t payment, const char *method,
                                      int64_t captured)
{
    return (struct provider_question){.operation = operation,
                                      .payment_id = payment,
                                      .key = STR("purchase"),
                                      .amount = PRICE,
                                      .captured = captured,
                                      .currency = STR("KRW"),
                                      .method = str_of(method),
                                      .reference = STR("")};
}

/* As the app asks. */
static void put(struct fixture *fixture, const struct provider_question *question)
{
    struct payment_intent answer = {0};

    if (fixture->provider->decide(fixture->provider, question, &answer)) {
        note_answer(fixture, question->payment_id, &answer);
        return;
    }
    fixture->provider->ask(fixture->provider, question);
    fixture->provider->flush(fixture->provider);
}

/* Puts it and waits for the answer of this one. */
static enum payment_command_kind ask(struct fixture *fixture, enum provider_operation operation, int64_t payment,
                                     const char *method, int64_t captured)
{
    struct provider_question question = about(operation, payment, method, captured);

    fixture->answered_for = 0;
    put(fixture, &question);
    while (fixture->answered_for != payment)
        loop_run(fixture->loop);
    return fixture->answer.kind;
}

static void what_is_promised_is_approved_under_a_name(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(ask(fixture, PROVIDER_AUTHORIZE, 1, "card", 0), PAYMENT_APPROVED);
    assert_true(fixture->reference[0] != '\0');
}

static void what_is_declined_is_so_for_a_reason(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(ask(fixture, PROVIDER_AUTHORIZE, 1, "test-declined", 0), PAYMENT_DECLINED_BY);
    assert_true(fixture->reason[0] != '\0');
}

static void what_was_promised_is_taken_and_what_was_taken_given_back(void **state)
{
    struct fixture *fixture = *state;

    ask(fixture, PROVIDER_AUTHORIZE, 1, "card", 0);
    assert_int_equal(ask(fixture, PROVIDER_CAPTURE, 1, "card", 0), PAYMENT_TAKEN);
    assert_int_equal(ask(fixture, PROVIDER_RETURN, 1, "card", PRICE), PAYMENT_GIVEN_BACK);
    assert_true(fixture->answer.was_taken);
}

static void what_was_only_promised_or_never_heard_of_is_let_go(void **state)
{
    struct fixture *fixture = *state;

    ask(fixture, PROVIDER_AUTHORIZE, 1, "card", 0);
    assert_int_equal(ask(fixture, PROVIDER_RETURN, 1, "card", 0), PAYMENT_GIVEN_BACK);
    assert_false(fixture->answer.was_taken);
    assert_int_equal(ask(fixture, PROVIDER_RETURN, 2, "card", 0), PAYMENT_GIVEN_BACK);
    assert_false(fixture->answer.was_taken);
}

static void the_same_question_has_the_same_answer(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(fixture, PROVIDER_AUTHORIZE, 1, "card", 0), PAYMENT_APPROVED);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(fixture, PROVIDER_CAPTURE, 1, "card", 0), PAYMENT_TAKEN);
    assert_int_equal(fixture->n_answers, 6);
}

static void what_is_not_known_is_no_answer(void **state)
{
    struct fixture *fixture = *state;
    struct provider_question question = about(PROVIDER_AUTHORIZE, 1, "test-unknown", 0);

    put(fixture, &question);
    ask(fixture, PROVIDER_AUTHORIZE, 2, "card", 0);
    assert_int_equal(fixture->n_answers, 1);
}

static void each_question_has_one_answer(void **state)
{
    struct fixture *fixture = *state;

    for (int64_t payment = 1; payment < MOST_PAYMENTS; payment++) {
        struct provider_question question = about(PROVIDER_AUTHORIZE, payment, "card", 0);
        put(fixture, &question);
    }
    while (fixture->n_answers < MOST_PAYMENTS - 1)
        loop_run(fixture->loop);
    ask(fixture, PROVIDER_AUTHORIZE, 1, "card", 0);
    assert_int_equal(fixture->n_answers, MOST_PAYMENTS);
}

/* ---- the external one alone ---- */

#define SAYS(payment, operation, outcome, amount, currency)                                                            \
    "{\"paymentId\":\"" payment "\",\"operation\":\"" operation "\",\"outcome\":\"" outcome "\",\"amount\":" amount    \
    ",\"currency\":\"" currency "\"}"

static void an_answer_that_does_not_say_what_was_asked_is_none(void **state)
{
    static const char *const strange[] = {
        SAYS("2-7048dc8aa7663e71", "authorize", "approved", "4500", "KRW"),
        SAYS("1", "authorize", "approved", "4500", "KRW"),
        SAYS("1-f10bb15e2d791810", "authorize", "approved", "4500", "KRW"),
        SAYS("1-7048dc8aa7663e71", "capture", "captured", "4500", "KRW"),
        SAYS("1-7048dc8aa7663e71", "authorize", "captured", "4500", "KRW"),
        SAYS("1-7048dc8aa7663e71", "authorize", "approved", "4501", "KRW"),
        SAYS("1-7048dc8aa7663e71", "authorize", "approved", "4500", "USD"),
        SAYS("1-7048dc8aa7663e71", "authorize", "Approved", "4500", "KRW"),
        "approved",
        "[]",
        "{}",
    };
    struct fixture *fixture = *state;
    struct provider_question question = about(PROVIDER_AUTHORIZE, 1, "card", 0);

    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        fixture->strange = strange[i];
        put(fixture, &question);
        ask(fixture, PROVIDER_AUTHORIZE, 3, "card", 0);
        assert_int_equal(fixture->n_answers, i + 1);
    }
    fixture->strange = SAYS("1-7048dc8aa7663e71", "authorize", "approved", "4500", "KRW");
    assert_int_equal(ask(fixture, PROVIDER_AUTHORIZE, 1, "card", 0), PAYMENT_APPROVED);
}

static void of_a_payment_one_question_is_under_way_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct provider_question authorize = about(PROVIDER_AUTHORIZE, 1, "card", 0);
    struct provider_question capture = about(PROVIDER_CAPTURE, 1, "card", 0);
    struct provider_question give_back = about(PROVIDER_RETURN, 1, "card", 0);

    put(fixture, &authorize);
    put(fixture, &authorize); /* is under way */
    put(fixture, &capture);   /* waits */
    put(fixture, &give_back); /* in its place */
    while (fixture->n_answers < 2)
        loop_run(fixture->loop);
    assert_int_equal(fixture->answer.kind, PAYMENT_GIVEN_BACK);
    assert_int_equal(ask(fixture, PROVIDER_AUTHORIZE, 2, "card", 0), PAYMENT_APPROVED);
    assert_int_equal(fixture->asked, 3);
}

static void what_waits_for_its_turn_ends_with_the_provider(void **state)
{
    struct fixture *fixture = *state;
    struct provider_question authorize = about(PROVIDER_AUTHORIZE, 1, "card", 0);
    struct provider_question give_back = about(PROVIDER_RETURN, 1, "card", 0);

    put(fixture, &authorize);
    put(fixture, &give_back);
    loop_stop(fixture->loop);
    loop_run(fixture->loop); /* what was posted: it is on its way */
    assert_int_equal(fixture->n_answers, 0);
    assert_int_equal(fixture->asked, 0);
}

static void another_purchase_of_the_same_number_is_another_payment(void **state)
{
    struct fixture *fixture = *state;
    struct provider_question question = about(PROVIDER_RETURN, 1, "card", 0);

    ask(fixture, PROVIDER_AUTHORIZE, 1, "card", 0);
    ask(fixture, PROVIDER_CAPTURE, 1, "card", 0);
    question.key = STR("another purchase");
    fixture->answered_for = 0;
    put(fixture, &question);
    while (fixture->answered_for == 0)
        loop_run(fixture->loop);
    assert_false(fixture->answer.was_taken);
    assert_string_equal(fixture->charges[0].name, "1-7048dc8aa7663e71");
    assert_string_equal(fixture->charges[1].name, "1-f10bb15e2d791810");
}

static void a_name_begins_with_its_number_and_nothing_else_does(void **state)
{
    static const char *const none[] = {"",
                                       "-",
                                       "x",
                                       "0-7048dc8aa7663e71",
                                       "-1-7048dc8aa7663e71",
                                       "+1",
                                       "1x-7048dc8aa7663e71",
                                       "9223372036854775808-0"};
    struct provider_name longest = provider_name_of(INT64_MAX, STR("purchase"));

    UNUSED(state);
    assert_int_equal(provider_name_number(provider_name_text(&longest)), INT64_MAX);
    assert_string_equal(longest.text, "9223372036854775807-7048dc8aa7663e71");
    for (size_t i = 0; i < COUNT_OF(none); i++)
        assert_int_equal(provider_name_number(str_of(none[i])), 0);
}

static void a_question_without_memory_is_not_asked_and_nothing_is_left(void **state)
{
    struct fixture *fixture = *state;
    struct provider_question question = about(PROVIDER_AUTHORIZE, 1, "card", 0);
    bool failed = true;

    for (uint64_t nth = 1; failed; nth++) {
        heap_fail_at(nth);
        fixture->provider->ask(fixture->provider, &question); /* only posts: the loop isn't running */
        failed = heap_has_failed();
        heap_fail_at(0);
    }
    while (fixture->n_answers == 0)
        loop_run(fixture->loop);
    assert_int_equal(fixture->n_answers, 1);
    assert_int_equal(fixture->asked, 1);
}

#define BOTH(name)                                                                                                     \
    {"till: " #name, name, setup_ledger, teardown, NULL},                                                              \
    {                                                                                                                  \
        "http: " #name, name, setup_http, teardown, NULL                                                               \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(what_is_promised_is_approved_under_a_name),
        BOTH(what_is_declined_is_so_for_a_reason),
        BOTH(what_was_promised_is_taken_and_what_was_taken_given_back),
        BOTH(what_was_only_promised_or_never_heard_of_is_let_go),
        BOTH(the_same_question_has_the_same_answer),
        BOTH(what_is_not_known_is_no_answer),
        BOTH(each_question_has_one_answer),
        cmocka_unit_test_setup_teardown(an_answer_that_does_not_say_what_was_asked_is_none, setup_http, teardown),
        cmocka_unit_test_setup_teardown(of_a_payment_one_question_is_under_way_at_a_time, setup_http, teardown),
        cmocka_unit_test_setup_teardown(what_waits_for_its_turn_ends_with_the_provider, setup_http, teardown),
        cmocka_unit_test_setup_teardown(another_purchase_of_the_same_number_is_another_payment, setup_http, teardown),
        cmocka_unit_test(a_name_begins_with_its_number_and_nothing_else_does),
        cmocka_unit_test_setup_teardown(a_question_without_memory_is_not_asked_and_nothing_is_left, setup_http,
                                        teardown),
    };

    return cmocka_run_group_tests_name("payment_provider", tests, NULL, NULL);
}
