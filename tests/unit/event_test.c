/* Events on the wire: what one service writes, another reads; and what is no event of ours is refused with a reason. */
#include "alloc.h"
#include "base.h"
#include "event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct placed {
    int64_t order_id;
    struct str product;
    int64_t qty;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct placed, "orderId", order_id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    JSON_FIELD(struct placed, "productName", product, JSON_STRING, JSON_REQUIRED, 1, 100),
    JSON_FIELD(struct placed, "qty", qty, JSON_I64, JSON_REQUIRED, 1, 1000),
};
static const struct json_desc placed_desc = {"placed", fields, COUNT_OF(fields), sizeof(struct placed)};

static const struct placed latte = {42, STR_INIT("Latte \"grande\""), 2};

static struct event ordered(void)
{
    return (struct event){.type = STR("Ordered"),
                          .subject = STR("42"),
                          .time = INT64_C(1795426200123000),
                          .version = 3,
                          .correlation = STR("c\n1"),
                          .traceparent = STR("00-aa-bb-01")};
}

static void assert_text(struct str text, const char *expected)
{
    assert_int_equal(text.n, strlen(expected));
    assert_memory_equal(text.p ? text.p : "", expected, text.n);
}

static void an_event_is_written_as_a_cloud_event(void **state)
{
    struct event event = ordered();
    struct buf text = {0};

    UNUSED(state);
    event_encode(&text, STR("order"), 17, &event, &placed_desc, &latte);
    assert_text(buf_str(&text),
                "{\"specversion\":\"1.0\",\"id\":\"order-17\",\"source\":\"/order\",\"type\":\"Ordered\","
                "\"time\":\"2026-11-23T09:30:00.123Z\",\"subject\":\"42\",\"version\":3,\"correlationid\":\"c\\n1\","
                "\"traceparent\":\"00-aa-bb-01\",\"datacontenttype\":\"application/json\","
                "\"data\":{\"orderId\":42,\"productName\":\"Latte \\\"grande\\\"\",\"qty\":2}}");
    buf_free(&text);
}

static void what_one_service_writes_another_reads(void **state)
{
    struct event event = ordered(), back;
    struct placed data;
    struct arena arena;
    struct json_error error;
    struct buf text = {0};

    UNUSED(state);
    arena_init(&arena, 0);
    event_encode(&text, STR("order"), 17, &event, &placed_desc, &latte);
    assert_true(event_decode(buf_str(&text), &back, &placed_desc, &data, &arena, &error));
    assert_text(back.source, "/order");
    assert_true(str_eq(back.type, event.type));
    assert_true(str_eq(back.subject, event.subject));
    assert_int_equal(back.time, event.time);
    assert_int_equal(back.version, event.version);
    assert_true(str_eq(back.correlation, event.correlation));
    assert_true(str_eq(back.traceparent, event.traceparent));
    assert_int_equal(data.order_id, 42);
    assert_true(str_eq(data.product, latte.product));
    assert_int_equal(data.qty, 2);
    buf_free(&text);
    arena_free(&arena);
}

static void an_event_without_correlation_has_no_such_attribute(void **state)
{
    struct event event = {.type = STR("Ordered"), .version = 1};
    struct event back;
    struct placed data;
    struct arena arena;
    struct json_error error;
    struct buf text = {0};

    UNUSED(state);
    arena_init(&arena, 0);
    event_encode(&text, STR("order"), 1, &event, &placed_desc, &latte);
    assert_null(memmem(text.p, text.n, "correlationid", 13));
    assert_null(memmem(text.p, text.n, "traceparent", 11));
    assert_null(memmem(text.p, text.n, "subject", 7));
    assert_true(event_decode(buf_str(&text), &back, &placed_desc, &data, &arena, &error));
    assert_int_equal(back.correlation.n, 0);
    buf_free(&text);
    arena_free(&arena);
}

static void assert_refused(const char *text, enum json_error_kind kind, const char *member, const char *reason)
{
    struct event event;
    struct placed data;
    struct arena arena;
    struct json_error error;

    arena_init(&arena, 0);
    memset(&event, 0xAA, sizeof(event));
    memset(&data, 0xAA, sizeof(data));
    assert_false(event_decode(str_of(text), &event, &placed_desc, &data, &arena, &error));
    assert_int_equal(error.kind, kind);
    assert_string_equal(error.member, member);
    assert_string_equal(error.reason, reason);
    assert_int_equal(event.type.n, 0);
    assert_int_equal(data.qty, 0);
    arena_free(&arena);
}

#define DATA ",\"data\":{\"orderId\":1,\"productName\":\"Tea\",\"qty\":1}"

static void what_is_no_event_of_ours_is_refused_with_the_reason(void **state)
{
    UNUSED(state);
    assert_refused("{\"type\":\"Ordered\"" DATA "}", JSON_MISSING, "specversion", "is required");
    assert_refused("{\"specversion\":\"0.3\",\"type\":\"Ordered\"" DATA "}", JSON_OUT_OF_RANGE, "specversion",
                   "must be 1.0");
    assert_refused("{\"specversion\":1.0,\"type\":\"Ordered\"" DATA "}", JSON_WRONG_TYPE, "specversion",
                   "must be text");
    assert_refused("{\"specversion\":\"1.0\"" DATA "}", JSON_MISSING, "type", "is required");
    assert_refused("{\"specversion\":\"1.0\",\"type\":\"\"" DATA "}", JSON_OUT_OF_RANGE, "type",
                   "must be text, and not empty");
    assert_refused("{\"specversion\":\"1.0\",\"type\":\"Ordered\"}", JSON_MISSING, "data", "is required");
    assert_refused("{\"specversion\":\"1.0\",\"type\":\"Ordered\",\"data\":\"x\"}", JSON_WRONG_TYPE, "data",
                   "must be an object");
    assert_refused(
        "{\"specversion\":\"1.0\",\"type\":\"Ordered\",\"data\":{\"orderId\":1,\"productName\":\"Tea\",\"qty\":0}}",
        JSON_OUT_OF_RANGE, "data.qty", "must be a whole number from 1 to 1000");
    assert_refused("{\"specversion\":\"1.0\",\"type\":\"Ordered\",\"version\":-1" DATA "}", JSON_OUT_OF_RANGE,
                   "version", "must be a whole number, at least 0");
    assert_refused("[]", JSON_NOT_OBJECT, "", "must be an object");
}

static void attributes_of_others_are_ignored(void **state)
{
    struct event event;
    struct placed data;
    struct arena arena;
    struct json_error error;

    UNUSED(state);
    arena_init(&arena, 0);
    assert_true(event_decode(
        STR("{\"specversion\":\"1.0\",\"id\":7,\"partitionkey\":\"x\",\"subject\":null,\"type\":\"Ordered\"" DATA "}"),
        &event, &placed_desc, &data, &arena, &error));
    assert_text(event.type, "Ordered");
    assert_int_equal(event.subject.n, 0);
    assert_int_equal(data.qty, 1);
    arena_free(&arena);
}

static void no_memory_is_said(void **state)
{
    struct event event;
    struct placed data;
    struct arena arena;
    struct json_error error;

    UNUSED(state);
    arena_init(&arena, 0);
    heap_fail_at(1);
    assert_false(event_decode(STR("{\"specversion\":\"1.0\",\"type\":\"Order\\u0065d\"" DATA "}"), &event, &placed_desc,
                              &data, &arena, &error));
    assert_true(heap_has_failed());
    heap_fail_at(0);
    assert_int_equal(error.kind, JSON_NO_MEMORY);
    arena_free(&arena);
}

/* Data that is too much for the decoder's own room. */
struct parcel {
    char padding[1000];
    int64_t qty;
};
static const struct json_field parcel_fields[] = {
    JSON_FIELD(struct parcel, "qty", qty, JSON_I64, JSON_REQUIRED, 1, 1000)};
static const struct json_desc parcel_desc = {"parcel", parcel_fields, 1, sizeof(struct parcel)};

static void data_may_be_large(void **state)
{
    static const struct str text = STR_INIT("{\"specversion\":\"1.0\",\"type\":\"Ordered\",\"data\":{\"qty\":3}}");
    struct event event;
    struct parcel parcel;
    struct arena arena;
    struct json_error error;

    UNUSED(state);
    arena_init(&arena, 0);
    assert_true(event_decode(text, &event, &parcel_desc, &parcel, &arena, &error));
    assert_int_equal(parcel.qty, 3);
    arena_free(&arena);
    heap_fail_at(1);
    assert_false(event_decode(text, &event, &parcel_desc, &parcel, &arena, &error));
    heap_fail_at(0);
    assert_int_equal(error.kind, JSON_NO_MEMORY);
    arena_free(&arena);
}

static void the_type_is_known_before_the_event_is_decoded(void **state)
{
    struct event event = ordered();
    struct buf text = {0};

    UNUSED(state);
    event_encode(&text, STR("order"), 17, &event, &placed_desc, &latte);
    assert_text(event_type_ahead(buf_str(&text)), "Ordered");
    for (size_t n = 0; n < 73; n++) /* the 73 bytes up to "type":"Ordered"," */
        assert_int_equal(event_type_ahead((struct str){text.p, n}).n, 0);
    buf_free(&text);
}

static void the_type_is_not_guessed_where_an_event_begins_in_another_way(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "{\"data\":{\"type\":\"Ordered\"},\"specversion\":\"1.0\",\"id\":\"order-1\",\"type\":\"Produced\",\"x\":1}",
        "{\"specversion\":\"1.0\",\"id\":\"order-1\",\"type\":\"Ordered\",\"source\":\"/order\"}",
        "{\"specversion\":\"1.0\", \"id\":\"order-1\",\"source\":\"/order\",\"type\":\"Ordered\",\"x\":1}",
        "{\"specversion\":\"1.0\",\"id\":\"order-1\",\"source\":\"/order\",\"type\":\"Order\\u0065d\",\"x\":1}",
        "{\"specversion\":\"1.0\",\"id\":\"order-1\",\"source\":\"/order\",\"type\":7,\"x\":1}",
    };

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(event_type_ahead(str_of(texts[i])).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_written_as_a_cloud_event),
        cmocka_unit_test(what_one_service_writes_another_reads),
        cmocka_unit_test(an_event_without_correlation_has_no_such_attribute),
        cmocka_unit_test(what_is_no_event_of_ours_is_refused_with_the_reason),
        cmocka_unit_test(attributes_of_others_are_ignored),
        cmocka_unit_test(no_memory_is_said),
        cmocka_unit_test(data_may_be_large),
        cmocka_unit_test(the_type_is_known_before_the_event_is_decoded),
        cmocka_unit_test(the_type_is_not_guessed_where_an_event_begins_in_another_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
