/* What one context writes another reads: producer and consumer are held against the same file, api/examples/<name>.json
 * (ADR 2). Who renames a member on one side only fails here. */
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "example.h"
#include "order_events.h"
#include "order_newest.h"
#include "order_payment_answer.h"
#include "order_product_answer.h"
#include "payment_events.h"
#include "product_events.h"
#include "product_json.h"
#include "product_stock_messages.h"
#include "stock_app.h"
#include "stock_events.h"
#include "stock_json.h"
#include "view_app.h"
#include "view_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct str correlation = STR_INIT("3f9c0a52-6a1b-4c8e-9d3e-0b6f5d1c7a90");
static const struct str traceparent = STR_INIT("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

static int64_t at(const char *text)
{
    int64_t us = 0;

    assert_true(time_parse(str_of(text), &us));
    return us;
}

/* ---- events: who writes them ---- */

static void begin(struct outbox *outbox, const char *source, uint64_t position)
{
    outbox_init(outbox, source, position - 1);
    outbox_begin(outbox);
}

/* The frame's data line is the event. */
static void assert_event(struct outbox *outbox, const char *name)
{
    struct str frame = buf_str(&outbox->frames);
    struct str rest, line;

    assert_false(outbox->frames.failed);
    (void)str_split(frame, '\n', &rest); /* id */
    line = str_split(rest, '\n', &rest);
    assert_true(str_starts_with(line, STR("data: ")));
    example_assert_written(name, (struct str){line.p + 6, line.n - 6});
    outbox_free(outbox);
}

static void order_writes_its_events_as_the_examples_say(void **state)
{
    const struct order_command command = {.correlation = correlation, .traceparent = traceparent};
    const struct {
        const char *example, *time;
        uint64_t position;
        struct order_event event;
        struct order order;
    } rows[] = {
        {"event_ordered",
         "2026-03-02T08:30:15.120Z",
         17,
         {.kind = ORDER_EVENT_ORDERED, .version = 1},
         {.id = 42, .state = ORDER_REQUESTED, .product_name = STR("Americano"), .qty = 2, .amount = 8000}},
        {"event_order_canceled",
         "2026-03-02T08:30:40.700Z",
         19,
         {.kind = ORDER_EVENT_ORDER_CANCELED, .version = 4},
         {.id = 43, .state = ORDER_CANCELED, .product_name = STR("Latte"), .product_id = 8, .qty = 3, .amount = 13500}},
        {"event_ordered_paid",
         "2026-03-02T08:31:02.300Z",
         23,
         {.kind = ORDER_EVENT_ORDERED, .version = 1},
         {.id = 45,
          .state = ORDER_REQUESTED,
          .product_name = STR("Latte"),
          .qty = 2,
          .amount = 9000,
          .payment_id = 12,
          .payment = ORDER_PAID}},
        {"event_order_given_up",
         "2026-03-02T08:42:21.510Z",
         26,
         {.kind = ORDER_EVENT_ORDER_CANCELED, .version = 2},
         {.id = 46,
          .state = ORDER_CANCELED,
          .given_up = true,
          .product_name = STR("Mocha"),
          .product_id = 13,
          .qty = 1,
          .amount = 5000,
          .payment_id = 13,
          .payment = ORDER_PAID}},
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outbox outbox;
        struct order order = rows[i].order;
        struct order_event event = rows[i].event;
        order.currency = STR("KRW");
        event.at = at(rows[i].time);
        begin(&outbox, "order", rows[i].position);
        order_event_write(&outbox, &order, &event, &command);
        assert_event(&outbox, rows[i].example);
    }
}

static void payment_writes_its_events_as_the_examples_say(void **state)
{
    static const struct {
        const char *example, *time;
        uint64_t position;
        enum payment_event_kind kind;
        struct payment payment;
    } rows[] = {
        {"event_payment_approved",
         "2026-03-02T08:31:02.310Z",
         3,
         PAYMENT_EVENT_APPROVED,
         {.id = 12, .state = PAYMENT_CAPTURED, .order_id = 45, .amount = 9000, .captured = 9000, .version = 1}},
        {"event_payment_canceled",
         "2026-03-02T08:31:06.205Z",
         4,
         PAYMENT_EVENT_CANCELED,
         {.id = 12,
          .state = PAYMENT_RETURNED,
          .order_id = 45,
          .amount = 9000,
          .captured = 9000,
          .returned = 9000,
          .version = 2}},
        {"event_payment_voided",
         "2026-03-02T08:41:07.000Z",
         5,
         PAYMENT_EVENT_CANCELED,
         {.id = 13, .state = PAYMENT_RETURNED, .amount = 4500, .version = 1}},
    };
    struct outbox outbox;

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct payment payment = rows[i].payment;
        payment.method = STR("card");
        payment.currency = STR("KRW");
        begin(&outbox, "payment", rows[i].position);
        payment_event_write(
            &outbox, &payment,
            &(struct payment_event){.kind = rows[i].kind, .at = at(rows[i].time), .version = payment.version},
            correlation, traceparent);
        assert_event(&outbox, rows[i].example);
    }
}

static struct ticket a_ticket(int64_t id, int64_t order_id, const char *name, int64_t qty)
{
    return (struct ticket){.id = id,
                           .order_id = order_id,
                           .product_name = str_of(name),
                           .qty = qty,
                           .correlation = correlation,
                           .traceparent = traceparent};
}

static void product_writes_its_events_as_the_examples_say(void **state)
{
    const struct ticket americano = a_ticket(7, 42, "Americano", 2);
    const struct ticket latte = a_ticket(8, 43, "Latte", 3);
    struct ticket counter = a_ticket(9, 0, "Americano", 1), given_up = a_ticket(13, 46, "Mocha", 1);
    const struct {
        const char *example;
        uint64_t position;
        const struct ticket *ticket;
        struct ticket_event event;
        const char *at;
    } rows[] = {
        {"event_production_started",
         31,
         &americano,
         {TICKET_EVENT_PRODUCTION_STARTED, TICKET_PRODUCING, .version = 2},
         "2026-03-02T08:30:20.310Z"},
        {"event_out_of_stock",
         32,
         &latte,
         {TICKET_EVENT_OUT_OF_STOCK, TICKET_OUT_OF_STOCK, .version = 2},
         "2026-03-02T08:30:21.040Z"},
        {"event_produced",
         33,
         &americano,
         {TICKET_EVENT_PRODUCED, TICKET_COMPLETED, .version = 3},
         "2026-03-02T08:30:25.420Z"},
        {"event_product_requeued",
         34,
         &latte,
         {TICKET_EVENT_PRODUCT_REQUEUED, TICKET_READY, .version = 3},
         "2026-03-02T08:30:33.000Z"},
        {"event_product_canceled",
         35,
         &latte,
         {TICKET_EVENT_PRODUCT_CANCELED, TICKET_CANCELED, .version = 4},
         "2026-03-02T08:30:40.690Z"},
        {"event_production_started_counter",
         36,
         &counter,
         {TICKET_EVENT_PRODUCTION_STARTED, TICKET_PRODUCING, .version = 1},
         "2026-03-02T08:30:50.002Z"},
        {"event_product_given_up",
         41,
         &given_up,
         {TICKET_EVENT_PRODUCT_CANCELED, TICKET_CANCELED, .version = 3},
         "2026-03-02T08:42:21.500Z"},
    };

    UNUSED(state);
    counter.reference = 1;
    given_up.given_up = true;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct outbox outbox;
        struct ticket_event event = rows[i].event;
        event.at = at(rows[i].at);
        begin(&outbox, "product", rows[i].position);
        product_event_write(&outbox, rows[i].ticket, &event);
        assert_event(&outbox, rows[i].example);
    }
}

static const struct {
    const char *example;
    uint64_t position;
    int64_t id;
    struct stock_event event;
    const char *at;
} told_by_stock[] = {
    {"event_stock_reduced",
     51,
     1,
     {.kind = STOCK_EVENT_REDUCED,
      .product_name = STR_INIT("Americano"),
      .qty = 2,
      .on_hand = 98,
      .version = 4,
      .reservation_id = STR_INIT("o42.1")},
     "2026-03-02T08:30:20.300Z"},
    {"event_stock_received",
     53,
     2,
     {.kind = STOCK_EVENT_RECEIVED, .product_name = STR_INIT("Latte"), .qty = 50, .on_hand = 52, .version = 3},
     "2026-03-02T08:30:32.950Z"},
    {"event_stock_corrected",
     54,
     1,
     {.kind = STOCK_EVENT_CORRECTED,
      .product_name = STR_INIT("Americano"),
      .qty = -3,
      .on_hand = 95,
      .version = 5,
      .reason = STR_INIT("counted by hand")},
     "2026-03-02T08:30:35.000Z"},
    {"event_stock_released",
     55,
     1,
     {.kind = STOCK_EVENT_RELEASED,
      .product_name = STR_INIT("Americano"),
      .qty = 2,
      .on_hand = 100,
      .version = 6,
      .reservation_id = STR_INIT("o42.1")},
     "2026-03-02T08:30:45.080Z"},
    {"event_stock_removed",
     56,
     6,
     {.kind = STOCK_EVENT_REMOVED, .product_name = STR_INIT("Oat Latte"), .qty = 100, .on_hand = 0, .version = 2},
     "2026-03-02T08:30:58.000Z"},
};

static void stock_writes_its_events_as_the_examples_say(void **state)
{
    const struct stock_command command = {.correlation = correlation, .traceparent = traceparent};

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(told_by_stock); i++) {
        struct outbox outbox;
        struct stock_event event = told_by_stock[i].event;
        const struct stock row = {.id = told_by_stock[i].id};
        event.at = at(told_by_stock[i].at);
        begin(&outbox, "stock", told_by_stock[i].position);
        stock_event_write(&outbox, &row, &event, &command);
        assert_event(&outbox, told_by_stock[i].example);
    }
}

/* ---- events: who reads them ---- */

typedef struct command *decoder(void *context, size_t source, struct str text, const char **reason);

/* NULL: the reader has no use for it. One that can't be read fails the test. */
static struct command *decoded(decoder *decode, void *context, size_t source, const char *name)
{
    struct arena arena;
    const char *reason = NULL;

    arena_init(&arena, 0);
    struct command *command = decode(context, source, example_read(&arena, name), &reason);
    if (reason)
        fail_msg("%s: %s", name, reason);
    arena_free(&arena);
    return command;
}

static void give_back(struct command *command)
{
    command->finish(command, OK);
}

static void order_reads_products_events(void **state)
{
    static const struct {
        const char *example;
        enum order_command_kind kind;
        int64_t order, ticket, version;
        bool given_up;
    } rows[] = {
        {"event_production_started", ORDER_STARTED, 42, 7, 2, false},
        {"event_produced", ORDER_PRODUCED, 42, 7, 3, false},
        {"event_out_of_stock", ORDER_RAN_OUT, 43, 8, 2, false},
        {"event_product_requeued", ORDER_REQUEUED, 43, 8, 3, false},
        {"event_product_canceled", ORDER_PRODUCT_CANCELED, 43, 8, 4, false},
        {"event_product_given_up", ORDER_PRODUCT_CANCELED, 46, 13, 3, true},
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct command *command = decoded(order_event_decode, NULL, 0, rows[i].example);
        assert_non_null(command);
        const struct order_command *self = CONTAINER_OF(command, struct order_command, base);
        assert_int_equal(self->intent.kind, rows[i].kind);
        assert_int_equal(self->order_id, rows[i].order);
        assert_int_equal(self->intent.ticket_id, rows[i].ticket);
        assert_int_equal(self->intent.ticket_version, rows[i].version);
        assert_int_equal(self->intent.given_up, rows[i].given_up);
        assert_true(str_eq(self->correlation, correlation) && str_eq(self->traceparent, traceparent));
        give_back(command);
    }
    assert_null(decoded(order_event_decode, NULL, 0, "event_production_started_counter")); /* no order's */
}

static void order_reads_payments_events(void **state)
{
    UNUSED(state);
    struct command *command = decoded(order_event_decode, NULL, ORDER_SOURCE_PAYMENT, "event_payment_canceled");
    assert_non_null(command);
    const struct order_command *self = CONTAINER_OF(command, struct order_command, base);
    assert_int_equal(self->intent.kind, ORDER_REFUNDED);
    assert_int_equal(self->order_id, 45);
    assert_int_equal(self->intent.payment_id, 12);
    assert_int_equal(self->intent.given_back_at, at("2026-03-02T08:31:06.205Z"));
    assert_int_equal(self->intent.ticket_version, 0);
    give_back(command);
    assert_null(decoded(order_event_decode, NULL, ORDER_SOURCE_PAYMENT, "event_payment_approved"));
    assert_null(decoded(order_event_decode, NULL, ORDER_SOURCE_PAYMENT, "event_payment_voided")); /* no order's */
}

static void payment_reads_orders_events(void **state)
{
    UNUSED(state);
    struct command *command = decoded(payment_event_decode, NULL, PAYMENT_SOURCE_ORDER, "event_ordered_paid");
    assert_non_null(command);
    const struct payment_command *self = CONTAINER_OF(command, struct payment_command, base);
    assert_int_equal(self->n, 1);
    assert_int_equal(self->steps->intent.kind, PAYMENT_ORDERED);
    assert_int_equal(self->steps->payment_id, 12);
    assert_int_equal(self->steps->intent.order_id, 45);
    assert_int_equal(self->steps->intent.amount, 9000);
    assert_true(str_eq(self->correlation, correlation) && str_eq(self->traceparent, traceparent));
    give_back(command);
    assert_null(decoded(payment_event_decode, NULL, PAYMENT_SOURCE_ORDER, "event_ordered")); /* paid at the counter */
    assert_null(decoded(payment_event_decode, NULL, PAYMENT_SOURCE_ORDER, "event_order_canceled"));
}

static struct http_call asked_of(struct arena *arena, int status, const char *name)
{
    struct http_call call = {.status = status, .media = HTTP_MEDIA_JSON};

    buf_add(&call.reply, example_read(arena, name));
    return call;
}

static void order_reads_what_payment_answers(void **state)
{
    struct arena arena;

    UNUSED(state);
    arena_init(&arena, 0);
    struct http_call call = asked_of(&arena, 200, "authorizations");
    const struct payment_answer *answers = order_payment_answer(&call, 2, &arena);
    assert_non_null(answers);
    assert_true(answers[0].id == 12 && answers[0].valid_ms == 600000 && str_is(answers[0].status, "Authorized"));
    assert_true(str_is(answers[1].status, "Declined"));
    assert_true(str_is(answers[1].reason, "there is not enough money on the account"));
    assert_null(order_payment_answer(&call, 1, &arena)); /* of another number of questions */
    call.status = 201;
    assert_null(order_payment_answer(&call, 2, &arena));
    call.status = 200;
    call.media = HTTP_MEDIA_OTHER;
    assert_null(order_payment_answer(&call, 2, &arena));
    call.media = HTTP_MEDIA_JSON;
    buf_clear(&call.reply);
    BUF_LIT(&call.reply, "[{\"id\":1,\"status\":\"Sure\"}]");
    assert_null(order_payment_answer(&call, 1, &arena)); /* in words that aren't payment's */
    buf_clear(&call.reply);
    BUF_LIT(&call.reply, "[{\"status\":\"Pending\"},{\"id\":1,\"status\":\"Authorized\",\"validMs\":9}]");
    answers = order_payment_answer(&call, 2, &arena);
    assert_non_null(answers);
    assert_true(order_payment_is_pending(&answers[0]) && !order_payment_is_pending(&answers[1]));
    buf_free(&call.reply);
    arena_free(&arena);
}

static void payment_reads_how_far_order_has_got(void **state)
{
    struct arena arena;
    struct order_newest newest;

    UNUSED(state);
    arena_init(&arena, 0);
    struct http_call call = asked_of(&arena, 200, "events_newest");
    assert_true(order_newest_read(&call, 1, &newest, &arena));
    assert_true(newest.epoch == 4711 && newest.position[0] == 57);
    assert_false(order_newest_read(&call, 2, &newest, &arena)); /* a sum says nothing of one of them */
    buf_free(&call.reply);
    call = asked_of(&arena, 200, "events_newest_of_cells");
    assert_true(order_newest_read(&call, 2, &newest, &arena));
    assert_true(newest.position[0] == 20 && newest.position[1] == 37);
    assert_false(order_newest_read(&call, 1, &newest, &arena));
    assert_false(order_newest_read(&call, 3, &newest, &arena));
    buf_clear(&call.reply);
    BUF_LIT(&call.reply, "{\"producer\":\"order\",\"epoch\":0,\"position\":3,\"cells\":"
                         "[{\"cell\":1,\"position\":1},{\"cell\":0,\"position\":2}]}");
    assert_false(order_newest_read(&call, 2, &newest, &arena)); /* whose is which? */
    buf_clear(&call.reply);
    BUF_LIT(&call.reply, "{\"producer\":\"stock\",\"epoch\":0,\"position\":0}");
    assert_false(order_newest_read(&call, 1, &newest, &arena)); /* another one's feed is never order's */
    buf_free(&call.reply);
    arena_free(&arena);
}

static void product_reads_orders_events(void **state)
{
    UNUSED(state);
    struct command *command = decoded(product_event_decode, NULL, PRODUCT_SOURCE_ORDER, "event_ordered");
    assert_non_null(command);
    const struct ticket_intent *ordered = &CONTAINER_OF(command, struct product_command, base)->intent;
    assert_int_equal(ordered->kind, TICKET_ORDERED);
    assert_int_equal(ordered->order_id, 42);
    assert_int_equal(ordered->qty, 2);
    assert_true(str_is(ordered->product_name, "Americano"));
    assert_true(str_eq(ordered->correlation, correlation) && str_eq(ordered->traceparent, traceparent));
    give_back(command);

    command = decoded(product_event_decode, NULL, PRODUCT_SOURCE_ORDER, "event_order_canceled");
    assert_non_null(command);
    const struct ticket_intent *canceled = &CONTAINER_OF(command, struct product_command, base)->intent;
    assert_int_equal(canceled->kind, TICKET_CANCEL_ORDER);
    assert_int_equal(canceled->order_id, 43);
    give_back(command);
}

static void product_reads_stocks_events(void **state)
{
    static const struct {
        const char *example, *item;
        int64_t on_hand;
    } rows[] = {{"event_stock_received", "Latte", 52},
                {"event_stock_corrected", "Americano", 95},
                {"event_stock_released", "Americano", 100}};

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct command *command = decoded(product_event_decode, NULL, PRODUCT_SOURCE_STOCK, rows[i].example);
        assert_non_null(command);
        const struct product_command *self = CONTAINER_OF(command, struct product_command, base);
        assert_int_equal(self->intent.kind, TICKET_GOODS_IN);
        assert_true(str_is(self->item, rows[i].item));
        assert_int_equal(self->on_hand, rows[i].on_hand);
        give_back(command);
    }
    assert_null(decoded(product_event_decode, NULL, PRODUCT_SOURCE_STOCK, "event_stock_reduced"));
    assert_null(decoded(product_event_decode, NULL, PRODUCT_SOURCE_STOCK, "event_stock_removed"));
}

static void the_view_reads_everybodys_events(void **state)
{
    static const struct {
        const char *example, *type, *item;
        enum mypage_producer producer;
        int64_t order, ticket, qty, version, on_hand;
        const char *reason;
    } rows[] = {
        {"event_ordered", "Ordered", "Americano", MYPAGE_ORDER, 42, 0, 2, 1, 0, ""},
        {"event_order_canceled", "OrderCanceled", "Latte", MYPAGE_ORDER, 43, 0, 3, 4, 0, ""},
        {"event_order_given_up", "OrderCanceled", "Mocha", MYPAGE_ORDER, 46, 0, 1, 2, 0, "Out of stock"},
        {"event_product_given_up", "ProductCanceled", "", MYPAGE_PRODUCT, 46, 13, 0, 3, 0, "Out of stock"},
        {"event_production_started", "ProductionStarted", "", MYPAGE_PRODUCT, 42, 7, 0, 2, 0, ""},
        {"event_produced", "Produced", "", MYPAGE_PRODUCT, 42, 7, 0, 3, 0, ""},
        {"event_out_of_stock", "OutOfStock", "", MYPAGE_PRODUCT, 43, 8, 0, 2, 0, ""},
        {"event_product_requeued", "ProductRequeued", "", MYPAGE_PRODUCT, 43, 8, 0, 3, 0, ""},
        {"event_product_canceled", "ProductCanceled", "", MYPAGE_PRODUCT, 43, 8, 0, 4, 0, ""},
        {"event_stock_reduced", "StockReduced", "Americano", MYPAGE_STOCK, 42, 0, 0, 4, 98, ""},
        {"event_stock_released", "StockReleased", "Americano", MYPAGE_STOCK, 42, 0, 0, 6, 100, ""},
        {"event_stock_received", NULL, "Latte", MYPAGE_STOCK, 0, 0, 0, 3, 52, ""},
        {"event_stock_corrected", NULL, "Americano", MYPAGE_STOCK, 0, 0, 0, 5, 95, ""},
        {"event_stock_removed", NULL, "Oat Latte", MYPAGE_STOCK, 0, 0, 0, 2, 0, ""},
        {"event_payment_approved", "PaymentApproved", "", MYPAGE_PAYMENT, 45, 0, 0, 1, 0, ""},
        {"event_payment_canceled", "PaymentCanceled", "", MYPAGE_PAYMENT, 45, 0, 0, 2, 0, ""},
    };
    struct view_decoder view;

    UNUSED(state);
    arena_init(&view.arena, 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct command *command = decoded(view_event_decode, &view, rows[i].producer, rows[i].example);
        assert_non_null(command);
        const struct view_command *self = CONTAINER_OF(command, struct view_command, base);
        assert_int_equal(self->order_id, rows[i].order);
        assert_int_equal(self->event.version, rows[i].version);
        assert_true(str_is(self->event.product_name, rows[i].item));
        if (rows[i].type) {
            assert_true(str_is(mypage_fact_type(self->event.fact), rows[i].type));
            assert_true(str_is(mypage_fact_reason(self->event.fact), rows[i].reason));
            assert_int_equal(self->event.ticket_id, rows[i].ticket);
            assert_int_equal(self->event.qty, rows[i].qty);
        }
        if (rows[i].producer == MYPAGE_STOCK) {
            assert_true(str_is(self->item.name, rows[i].item));
            assert_int_equal(self->item.on_hand, rows[i].on_hand);
        }
        give_back(command);
    }
    assert_null(decoded(view_event_decode, &view, MYPAGE_PRODUCT, "event_production_started_counter"));
    assert_null(decoded(view_event_decode, &view, MYPAGE_PAYMENT, "event_payment_voided"));
    arena_free(&view.arena);
}

/* ---- product asks stock ---- */

static struct stock_question a_question(bool release, int64_t order_id, const char *name, int64_t qty)
{
    return (struct stock_question){.release = release,
                                   .ticket_id = 900 + order_id,
                                   .order_id = order_id,
                                   .attempt = 1,
                                   .product_name = str_of(name),
                                   .qty = qty};
}

static void assert_asked(const char *name, const struct stock_question *questions, size_t n)
{
    struct buf body = {0};

    buf_char(&body, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_char(&body, ',');
        product_stock_write_question(&body, &questions[i]);
    }
    buf_char(&body, ']');
    assert_false(body.failed);
    example_assert_written(name, buf_str(&body));
    buf_free(&body);
}

static void product_asks_stock_as_the_examples_say(void **state)
{
    const struct stock_question reductions[] = {a_question(false, 42, "Americano", 2),
                                                a_question(false, 43, "Latte", 3)};
    const struct stock_question releases[] = {a_question(true, 42, "Americano", 2), a_question(true, 44, "Latte", 3)};

    UNUSED(state);
    assert_asked("stock_reduce_batch_request", reductions, COUNT_OF(reductions));
    assert_asked("stock_release_batch_request", releases, COUNT_OF(releases));
}

static void stock_reads_what_product_asks(void **state)
{
    struct arena arena;
    struct json_array items;
    struct json_error error;

    UNUSED(state);
    arena_init(&arena, 0);
    struct str text = example_read(&arena, "stock_reduce_batch_request");
    assert_true(json_decode_array(&reduce_desc, text, STOCK_ARRAY_MAX, &items, &arena, &error));
    const struct reduce_json *reductions = items.items;
    assert_int_equal(items.n, 2);
    assert_true(str_is(reductions[0].product_name, "Americano") && str_is(reductions[0].reservation_id, "o42.1"));
    assert_int_equal(reductions[0].qty, 2);
    assert_true(str_is(reductions[1].product_name, "Latte") && str_is(reductions[1].reservation_id, "o43.1"));
    text = example_read(&arena, "stock_release_batch_request");
    assert_true(json_decode_array(&release_desc, text, STOCK_ARRAY_MAX, &items, &arena, &error));
    const struct release_json *releases = items.items;
    assert_int_equal(items.n, 2);
    assert_true(str_is(releases[0].reservation_id, "o42.1") && str_is(releases[0].product_name, "Americano"));
    assert_true(str_is(releases[1].reservation_id, "o44.1") && str_is(releases[1].product_name, "Latte"));
    arena_free(&arena);
}

static void stock_answers_a_release_as_the_examples_say(void **state)
{
    struct buf text = {0};

    UNUSED(state);
    json_encode(&text, &released_desc, &(struct released_json){STR("o42.1"), true});
    example_assert_written("stock_released", buf_str(&text));
    buf_clear(&text);
    json_encode(&text, &released_desc, &(struct released_json){STR("o44.1"), false});
    example_assert_written("stock_not_released", buf_str(&text));
    buf_free(&text);
}

static void product_reads_what_stock_answers(void **state)
{
    struct arena arena;
    enum ticket_command_kind kinds[2];
    const struct stock_question releases[] = {a_question(true, 42, "", 0), a_question(true, 44, "", 0)};

    UNUSED(state);
    arena_init(&arena, 0);
    assert_true(product_stock_read_reduced(example_read(&arena, "stock_reduce_batch_answer"), kinds, 2));
    assert_int_equal(kinds[0], TICKET_REDUCED);
    assert_int_equal(kinds[1], TICKET_REFUSED);
    assert_true(product_stock_read_released(example_read(&arena, "stock_release_batch_answer"), releases, 2));
    arena_free(&arena);
}

static void what_a_cell_of_stock_could_not_say_is_unanswered_and_the_rest_is_believed(void **state)
{
    enum ticket_command_kind kinds[3];

    UNUSED(state);
    assert_true(product_stock_read_reduced(STR("[true, null,false]"), kinds, 3));
    assert_int_equal(kinds[0], TICKET_REDUCED);
    assert_int_equal(kinds[1], TICKET_UNANSWERED);
    assert_int_equal(kinds[2], TICKET_REFUSED);
}

static void an_answer_of_stocks_that_is_not_to_what_was_asked_is_not_believed(void **state)
{
    static const char *const reduced[] = {"",
                                          "true",
                                          "[true]",
                                          "[true,false,true]",
                                          "[1,0]",
                                          "[true,]",
                                          "[true,false]x",
                                          "<html></html>",
                                          "{}",
                                          "[\"true\",\"false\"]",
                                          "[nil,true]",
                                          "[null]",
                                          "null"};
    static const char *const released[] = {
        "",
        "<html>Please log in</html>",
        "{}",
        "[]",
        "[true,true]",
        "[{\"reservationId\":\"o42.1\",\"released\":true}]",
        "[{\"reservationId\":\"o42.1\",\"released\":true},{\"reservationId\":\"o45.1\",\"released\":true}]",
        "[{\"reservationId\":\"o44.1\",\"released\":true},{\"reservationId\":\"o42.1\",\"released\":true}]",
        "[{\"reservationId\":\"o42.1\"},{\"reservationId\":\"o44.1\"}]",
        "[{\"reservationId\":\"o42.2\",\"released\":true},{\"reservationId\":\"o44.1\",\"released\":true}]",
    };
    enum ticket_command_kind kinds[3];
    const struct stock_question asked[] = {a_question(true, 42, "", 0), a_question(true, 44, "", 0)};

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(reduced); i++)
        assert_false(product_stock_read_reduced(str_of(reduced[i]), kinds, 2));
    for (size_t i = 0; i < COUNT_OF(released); i++)
        assert_false(product_stock_read_released(str_of(released[i]), asked, 2));
}

/* ---- order asks product ---- */

static void product_answers_a_cancel_as_the_examples_say(void **state)
{
    struct buf text = {0};
    struct ticket ticket = a_ticket(8, 43, "Latte", 3);
    struct ticket tombstone = {.id = 11, .order_id = 44, .state = TICKET_TOMBSTONE};

    UNUSED(state);
    ticket.state = TICKET_CANCELED;
    ticket.created_at = at("2026-03-02T08:30:16.020Z");
    ticket.updated_at = at("2026-03-02T08:30:40.690Z");
    tombstone.created_at = tombstone.updated_at = at("2026-03-02T08:30:55.010Z");
    struct ticket_json json = ticket_json_of(&ticket, 0);
    json_encode(&text, ticket_type.desc, &json);
    example_assert_written("ticket_canceled", buf_str(&text));
    buf_clear(&text);
    json = ticket_json_of(&tombstone, 0);
    json_encode(&text, ticket_type.desc, &json);
    example_assert_written("ticket_tombstone", buf_str(&text));
    struct ticket given_up = a_ticket(13, 46, "Mocha", 1);
    given_up.state = TICKET_CANCELED;
    given_up.given_up = true;
    given_up.created_at = at("2026-03-02T08:32:15.900Z");
    given_up.updated_at = at("2026-03-02T08:42:21.500Z");
    buf_clear(&text);
    json = ticket_json_of(&given_up, 0);
    json_encode(&text, ticket_type.desc, &json);
    example_assert_written("ticket_given_up", buf_str(&text));
    buf_free(&text);
}

static enum product_answer answer_of(int status, enum http_media media, struct str text, int64_t order_id,
                                     struct product_canceled *told)
{
    struct http_call call = {.status = status, .media = media};

    buf_add(&call.reply, text);
    enum product_answer answer = order_product_answer(&call, order_id, told);
    buf_free(&call.reply);
    return answer;
}

static void order_reads_what_product_answers_to_a_cancel(void **state)
{
    struct arena arena;
    struct product_canceled told;

    UNUSED(state);
    arena_init(&arena, 0);
    struct str canceled = example_read(&arena, "ticket_canceled");
    struct str tombstone = example_read(&arena, "ticket_tombstone");
    struct str given_up = example_read(&arena, "ticket_given_up");
    struct str problem = example_read(&arena, "problem_ticket_in_production");
    assert_int_equal(answer_of(200, HTTP_MEDIA_JSON, canceled, 43, &told), PRODUCT_ANSWER_CANCELED);
    assert_int_equal(told.ticket_id, 8);
    assert_false(told.given_up);
    assert_int_equal(answer_of(200, HTTP_MEDIA_JSON, tombstone, 44, &told), PRODUCT_ANSWER_CANCELED);
    assert_int_equal(told.ticket_id, 11);
    assert_int_equal(answer_of(200, HTTP_MEDIA_JSON, given_up, 46, &told), PRODUCT_ANSWER_CANCELED);
    assert_int_equal(told.ticket_id, 13);
    assert_true(told.given_up);
    assert_int_equal(answer_of(409, HTTP_MEDIA_PROBLEM, problem, 43, &told), PRODUCT_ANSWER_TOO_LATE);
    arena_free(&arena);
}

static void an_answer_of_products_that_is_not_to_what_was_asked_is_not_believed(void **state)
{
    struct arena arena;
    struct product_canceled told;

    UNUSED(state);
    arena_init(&arena, 0);
    struct str canceled = example_read(&arena, "ticket_canceled");
    struct str ready = example_read(&arena, "ticket_ready");
    struct str problem = example_read(&arena, "problem_ticket_in_production");
    const struct {
        int status;
        enum http_media media;
        struct str text;
        int64_t order_id;
    } rows[] = {
        {200, HTTP_MEDIA_OTHER, STR("<html>Please log in</html>"), 43},
        {200, HTTP_MEDIA_OTHER, canceled, 43}, /* a ticket in a page */
        {200, HTTP_MEDIA_PROBLEM, canceled, 43},
        {200, HTTP_MEDIA_JSON, canceled, 42}, /* another order's */
        {200, HTTP_MEDIA_JSON, ready, 42},    /* not cancelled */
        {200, HTTP_MEDIA_JSON, STR("{\"status\":\"UP\"}"), 43},
        {200, HTTP_MEDIA_JSON, STR(""), 43},
        {204, HTTP_MEDIA_OTHER, STR(""), 43},
        {302, HTTP_MEDIA_OTHER, STR(""), 43},
        {404, HTTP_MEDIA_PROBLEM, STR("{\"type\":\"about:blank\",\"status\":404}"), 43},
        {409, HTTP_MEDIA_OTHER, STR("Conflict"), 43},
        {409, HTTP_MEDIA_JSON, problem, 43},
        {409, HTTP_MEDIA_PROBLEM, STR("{\"type\":\"about:blank\",\"status\":500}"), 43},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum product_answer answer = answer_of(rows[i].status, rows[i].media, rows[i].text, rows[i].order_id, &told);
        assert_int_equal(answer, PRODUCT_ANSWER_NONE);
        assert_int_equal(told.ticket_id, 0);
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_writes_its_events_as_the_examples_say),
        cmocka_unit_test(payment_writes_its_events_as_the_examples_say),
        cmocka_unit_test(product_writes_its_events_as_the_examples_say),
        cmocka_unit_test(stock_writes_its_events_as_the_examples_say),
        cmocka_unit_test(order_reads_products_events),
        cmocka_unit_test(order_reads_what_payment_answers),
        cmocka_unit_test(payment_reads_orders_events),
        cmocka_unit_test(payment_reads_how_far_order_has_got),
        cmocka_unit_test(order_reads_payments_events),
        cmocka_unit_test(product_reads_orders_events),
        cmocka_unit_test(product_reads_stocks_events),
        cmocka_unit_test(the_view_reads_everybodys_events),
        cmocka_unit_test(product_asks_stock_as_the_examples_say),
        cmocka_unit_test(stock_reads_what_product_asks),
        cmocka_unit_test(stock_answers_a_release_as_the_examples_say),
        cmocka_unit_test(product_reads_what_stock_answers),
        cmocka_unit_test(what_a_cell_of_stock_could_not_say_is_unanswered_and_the_rest_is_believed),
        cmocka_unit_test(an_answer_of_stocks_that_is_not_to_what_was_asked_is_not_believed),
        cmocka_unit_test(product_answers_a_cancel_as_the_examples_say),
        cmocka_unit_test(order_reads_what_product_answers_to_a_cancel),
        cmocka_unit_test(an_answer_of_products_that_is_not_to_what_was_asked_is_not_believed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
