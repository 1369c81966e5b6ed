/* Events as messages on Kafka's topic: the same text comes back, the body is the original system's, its own messages
 * are read as ours, and what is neither is refused with a reason. */
#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "event.h"
#include "kafka_event.h"
#include "original_messages.h"
#include "recorded_messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct placed {
    int64_t id;
    struct str product;
};
static const struct json_field placed_fields[] = {
    JSON_FIELD(struct placed, "id", id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    JSON_FIELD(struct placed, "productName", product, JSON_STRING, 0, 0, 100),
};
static const struct json_desc placed_desc = {"placed", placed_fields, COUNT_OF(placed_fields), sizeof(struct placed)};
static const struct json_desc nothing_desc = {"nothing", placed_fields, 0, sizeof(struct placed)};

struct fixture {
    struct kafka_encoder encoder;
    struct kafka_decoder decoder;
    struct buf text;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->decoder.foreign = original_messages;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    kafka_encoder_free(&fixture->encoder);
    kafka_decoder_free(&fixture->decoder);
    buf_free(&fixture->text);
    free(fixture);
    return 0;
}

static struct str an_event(struct fixture *fixture, const struct event *event, const struct json_desc *desc)
{
    static const struct placed latte = {42, STR_INIT("Latte \"grande\" 아메리카노\n")};

    buf_clear(&fixture->text);
    event_encode(&fixture->text, STR("order"), 17, event, desc, &latte);
    assert_false(fixture->text.failed);
    return buf_str(&fixture->text);
}

static struct event ordered(void)
{
    return (struct event){.type = STR("Ordered"),
                          .subject = STR("42"),
                          .time = INT64_C(1795426200123000),
                          .version = 3,
                          .correlation = STR("c\n\"1\""),
                          .traceparent = STR("00-aa-bb-01")};
}

static void assert_same(struct str text, struct str expected)
{
    if (!str_eq(text, expected))
        printf("%.*s\ninstead of\n%.*s\n", STR_ARG(text), STR_ARG(expected));
    assert_true(str_eq(text, expected));
}

static struct str header_of(const struct kafka_message *message, const char *name)
{
    for (size_t i = 0; i < message->n_headers; i++) {
        if (str_is(message->headers[i].name, name))
            return message->headers[i].value;
    }
    return (struct str){NULL, 0};
}

static struct kafka_message message_of(struct fixture *fixture, int32_t cell)
{
    struct event event = ordered();
    struct kafka_message message = {.partition = 3, .offset = 99};

    assert_int_equal(kafka_event_encode(&fixture->encoder, an_event(fixture, &event, &placed_desc), cell, &message),
                     OK);
    return message;
}

/* --- ours --- */

static void an_event_is_the_originals_message_with_headers_that_say_what_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct kafka_message message = message_of(fixture, 3);

    assert_same(message.key, STR("42"));
    assert_same(message.value, STR("{\"eventType\":\"Ordered\",\"timestamp\":\"20261123093000\",\"id\":42,"
                                   "\"productName\":\"Latte \\\"grande\\\" 아메리카노\\n\"}"));
    assert_same(header_of(&message, "ce_specversion"), STR("1.0"));
    assert_same(header_of(&message, "ce_id"), STR("order-17"));
    assert_same(header_of(&message, "ce_source"), STR("/order/cells/3"));
    assert_same(header_of(&message, "ce_type"), STR("Ordered"));
    assert_same(header_of(&message, "ce_time"), STR("2026-11-23T09:30:00.123Z"));
    assert_same(header_of(&message, "ce_subject"), STR("42"));
    assert_same(header_of(&message, "ce_version"), STR("3"));
    assert_same(header_of(&message, "ce_correlationid"), STR("c\n\"1\""));
    assert_same(header_of(&message, "ce_traceparent"), STR("00-aa-bb-01"));
    assert_same(header_of(&message, "content-type"), STR("application/json"));
    assert_int_equal(message.n_headers, KAFKA_EVENT_HEADERS);
}

static void assert_comes_back(struct fixture *fixture, struct event event, const struct json_desc *desc, int32_t cell)
{
    struct kafka_message message = {.partition = 3};
    struct kafka_event back;
    struct str text = an_event(fixture, &event, desc);

    assert_int_equal(kafka_event_encode(&fixture->encoder, text, cell, &message), OK);
    assert_int_equal(kafka_event_decode(&fixture->decoder, &message, &back), KAFKA_READ_OURS);
    assert_same(back.text, text);
    assert_same(back.producer, STR("order"));
    assert_int_equal(back.cell, cell);
    assert_int_equal(back.position, 17);
}

static void what_was_sent_comes_back_to_the_byte(void **state)
{
    struct fixture *fixture = *state;
    struct event bare = {.type = STR("Ordered"), .version = 1};
    struct event named = {.type = STR("StockReceived"), .subject = STR("카페 \"라떼\""), .version = INT64_MAX};

    assert_comes_back(fixture, ordered(), &placed_desc, 3);
    assert_comes_back(fixture, ordered(), &placed_desc, 0);
    assert_comes_back(fixture, ordered(), &placed_desc, -1);
    assert_comes_back(fixture, ordered(), &nothing_desc, 3);
    assert_comes_back(fixture, bare, &placed_desc, 3);
    assert_comes_back(fixture, named, &placed_desc, 3);
}

static void a_body_that_another_program_laid_out_is_the_data_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct kafka_message message = message_of(fixture, 3);
    struct kafka_event back;

    message.value = STR("\xef\xbb\xbf {\"id\":42, \"timestamp\":\"20261123093000\", \"eventType\":\"Ordered\"} ");
    assert_int_equal(kafka_event_decode(&fixture->decoder, &message, &back), KAFKA_READ_OURS);
    assert_true(memmem(back.text.p, back.text.n, "\"data\":{\"id\":42, ", 16) != NULL);
    assert_true(back.text.p[back.text.n - 1] == '}');
}

static void what_follows_the_body_is_not_taken_for_attributes(void **state)
{
    struct fixture *fixture = *state;
    struct kafka_message message = message_of(fixture, 3);
    struct kafka_event back;

    message.value = STR("{\"eventType\":\"Ordered\",\"timestamp\":\"20261123093000\",\"id\":42},\"version\":{\"a\":1}");
    assert_int_equal(kafka_event_decode(&fixture->decoder, &message, &back), KAFKA_READ_UNREADABLE);
}

static void a_text_that_is_no_event_is_not_sent(void **state)
{
    struct fixture *fixture = *state;
    struct kafka_message message = {.partition = 3};

    assert_int_equal(kafka_event_encode(&fixture->encoder, STR("{\"id\":1}"), 3, &message), E_MALFORMED);
    assert_int_equal(kafka_event_encode(&fixture->encoder, STR("coffee"), 3, &message), E_MALFORMED);
    assert_int_equal(
        kafka_event_encode(&fixture->encoder,
                           STR("{\"specversion\":\"1.0\",\"id\":\"order-1\",\"source\":\"/order\",\"type\":"
                               "\"Ordered\",\"time\":\"2026-11-23T09:30:00.123Z\",\"data\":[1]}"),
                           3, &message),
        E_MALFORMED);
}

/* --- what can't be read --- */

static void assert_unreadable(struct fixture *fixture, const char *header, const char *value, const char *why)
{
    struct kafka_message message = message_of(fixture, 3);
    struct kafka_event back;

    for (size_t i = 0; i < message.n_headers; i++) {
        if (str_is(message.headers[i].name, header))
            message.headers[i].value = str_of(value);
    }
    assert_int_equal(kafka_event_decode(&fixture->decoder, &message, &back), KAFKA_READ_UNREADABLE);
    assert_non_null(strstr(back.reason, why));
}

static void a_message_with_headers_that_make_no_event_says_which(void **state)
{
    assert_unreadable(*state, "ce_type", "", "lacks one of the headers");
    assert_unreadable(*state, "ce_id", "", "lacks one of the headers");
    assert_unreadable(*state, "ce_specversion", "2.0", "version of CloudEvents");
    assert_unreadable(*state, "ce_version", "3,\"data\":{}", "not a whole number");
    assert_unreadable(*state, "ce_version", "03", "not a whole number"); /* which JSON doesn't know */
    assert_unreadable(*state, "ce_version", "-3", "not a whole number");
    assert_unreadable(*state, "ce_subject", "\xff", "not a text in UTF-8");
    assert_unreadable(*state, "content-type", "text/plain", "not application/json");
}

static void assert_body_unreadable(struct fixture *fixture, const char *body, const char *why)
{
    struct kafka_message message = {.value = str_of(body), .partition = 3, .offset = 17};
    struct kafka_event back;

    assert_int_equal(kafka_event_decode(&fixture->decoder, &message, &back), KAFKA_READ_UNREADABLE);
    assert_non_null(strstr(back.reason, why));
}

static void a_message_that_is_nobodys_says_why_it_cannot_be_read(void **state)
{
    assert_body_unreadable(*state, "", "not a JSON object");
    assert_body_unreadable(*state, "coffee, please", "not a JSON object");
    assert_body_unreadable(*state, "{\"eventType\":\"Ordered\",\"id\":1", "not a JSON object");
    assert_body_unreadable(*state, "{\"eventType\":\"Ordered\",\"id\":1}{}", "not a JSON object");
    assert_body_unreadable(*state, "[1]", "not a JSON object");
    assert_body_unreadable(*state, "{\"id\":1}", "no eventType");
    assert_body_unreadable(*state, "{\"eventType\":null,\"id\":1}", "no eventType");
    assert_body_unreadable(*state, "{\"eventType\":\"Ordered\",\"id\":null}", "no id");
    assert_body_unreadable(*state, "{\"eventType\":\"Ordered\",\"id\":\"one\"}", "whole number");
    assert_body_unreadable(*state, "{\"eventType\":\"Ordered\",\"id\":-1}", "whole number");
    assert_body_unreadable(*state, "{\"eventType\":\"Produced\",\"id\":1.5,\"orderId\":null}", "whole number");
}

/* --- the original system's --- */

static void what_the_original_system_wrote_is_read_as_ours(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(recorded_messages); i++) {
        const struct recorded_message *recorded = &recorded_messages[i];
        struct kafka_message message = {.value = str_of(recorded->body),
                                        .headers = {{STR(RECORDED_HEADER), STR(RECORDED_HEADER_VALUE)}},
                                        .n_headers = 1,
                                        .offset = (int64_t)i};
        struct arena arena;
        struct kafka_event back;
        struct event event;
        struct placed data;
        struct json_error error;

        arena_init(&arena, 0);
        assert_int_equal(kafka_event_decode(&fixture->decoder, &message, &back), KAFKA_READ_FOREIGN);
        assert_same(back.producer, str_of(recorded->producer));
        assert_same(back.key, str_of(recorded->key));
        assert_int_equal(back.position, 0);
        assert_int_equal(back.cell, -1);
        assert_true(event_decode(back.text, &event, &placed_desc, &data, &arena, &error) ||
                    str_is(str_of(error.member), "data.productName"));
        assert_same(event_type_ahead(back.text), str_of(recorded->type));
        arena_free(&arena);
    }
}

static struct kafka_event read_foreign(struct fixture *fixture, const char *body, int64_t timestamp_ms)
{
    struct kafka_message message = {.value = str_of(body), .partition = 3, .offset = 17, .timestamp_ms = timestamp_ms};
    struct kafka_event back;

    assert_int_equal(kafka_event_decode(&fixture->decoder, &message, &back), KAFKA_READ_FOREIGN);
    return back;
}

static void a_foreign_message_has_its_place_for_an_id_and_its_types_place_for_a_version(void **state)
{
    struct fixture *fixture = *state;
    struct kafka_event back = read_foreign(fixture, recorded_messages[3].body, 0);

    assert_same(back.text, STR("{\"specversion\":\"1.0\",\"id\":\"product-3.17\",\"source\":\"/product\",\"type\":"
                               "\"OutOfStock\",\"time\":\"2026-11-23T00:59:49.000Z\",\"subject\":\"4\",\"version\":1,"
                               "\"datacontenttype\":\"application/json\",\"data\":{\"eventType\":\"Produced\","
                               "\"timestamp\":\"20261123005949\",\"id\":4,\"orderId\":4,\"status\":\"Out of stock\","
                               "\"productName\":\"아메리카노\",\"qty\":1,\"me\":true}}"));
}

static void a_foreign_message_without_a_time_was_said_when_kafka_got_it(void **state)
{
    struct kafka_event back = read_foreign(*state, "{\"eventType\":\"Ordered\",\"id\":1}", INT64_C(1795426200123));

    assert_non_null(memmem(back.text.p, back.text.n, "\"time\":\"2026-11-23T09:30:00.123Z\"", 33));
    back = read_foreign(*state, "{\"eventType\":\"Ordered\",\"timestamp\":\"yesterday\",\"id\":1}",
                        INT64_C(1795426200123));
    assert_non_null(memmem(back.text.p, back.text.n, "\"time\":\"2026-11-23T09:30:00.123Z\"", 33));
}

static void a_foreign_ticket_of_the_counter_is_keyed_by_its_own_id(void **state)
{
    struct kafka_event back =
        read_foreign(*state, "{\"eventType\":\"Produced\",\"id\":7,\"orderId\":null,\"status\":\"Completed\"}", 0);

    assert_same(back.key, STR("ticket-7"));
}

static void a_type_that_nobody_here_knows_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    struct kafka_message message = {.value = STR("{\"eventType\":\"CupWashed\",\"id\":1}")};
    struct kafka_event back;

    assert_int_equal(kafka_event_decode(&fixture->decoder, &message, &back), KAFKA_READ_OTHER);
}

static void a_foreign_message_keyed_anew_is_read_as_before(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(recorded_messages); i++) {
        struct str body = str_of(recorded_messages[i].body);
        struct kafka_event first = read_foreign(fixture, recorded_messages[i].body, 0);
        struct kafka_message again = {.partition = 0, .offset = 1};
        struct kafka_decoder decoder = {.foreign = original_messages};
        struct kafka_event second;

        assert_int_equal(kafka_event_rekey(&fixture->encoder, &first, body, &again), OK);
        assert_same(again.key, str_of(recorded_messages[i].key));
        assert_same(again.value, body);
        assert_int_equal(kafka_event_decode(&decoder, &again, &second), KAFKA_READ_OURS);
        assert_same(second.text, first.text);
        kafka_decoder_free(&decoder);
    }
}

/* --- memory --- */

static void without_memory_a_message_is_neither_lost_nor_called_unreadable(void **state)
{
    struct fixture *fixture = *state;
    struct kafka_message message = message_of(fixture, 3);
    struct kafka_message foreign = {.value = str_of(recorded_messages[7].body)};
    struct kafka_event back;

    for (uint64_t nth = 1;; nth++) {
        struct kafka_decoder decoder = {.foreign = original_messages};
        (void)heap_fail_at(nth);
        enum kafka_reading ours = kafka_event_decode(&decoder, &message, &back);
        enum kafka_reading theirs = kafka_event_decode(&decoder, &foreign, &back);
        bool failed = heap_has_failed();
        (void)heap_fail_at(0);
        kafka_decoder_free(&decoder);
        assert_true(ours == KAFKA_READ_OURS || (failed && ours == KAFKA_READ_NO_MEMORY));
        assert_true(theirs == KAFKA_READ_FOREIGN || (failed && theirs == KAFKA_READ_NO_MEMORY));
        if (!failed)
            break;
        assert_true(ours == KAFKA_READ_NO_MEMORY || theirs == KAFKA_READ_NO_MEMORY);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_the_originals_message_with_headers_that_say_what_it_is),
        TEST(what_was_sent_comes_back_to_the_byte),
        TEST(a_body_that_another_program_laid_out_is_the_data_as_it_is),
        TEST(what_follows_the_body_is_not_taken_for_attributes),
        TEST(a_text_that_is_no_event_is_not_sent),
        TEST(a_message_with_headers_that_make_no_event_says_which),
        TEST(a_message_that_is_nobodys_says_why_it_cannot_be_read),
        TEST(what_the_original_system_wrote_is_read_as_ours),
        TEST(a_foreign_message_has_its_place_for_an_id_and_its_types_place_for_a_version),
        TEST(a_foreign_message_without_a_time_was_said_when_kafka_got_it),
        TEST(a_foreign_ticket_of_the_counter_is_keyed_by_its_own_id),
        TEST(a_type_that_nobody_here_knows_is_passed_over),
        TEST(a_foreign_message_keyed_anew_is_read_as_before),
        TEST(without_memory_a_message_is_neither_lost_nor_called_unreadable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
