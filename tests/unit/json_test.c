/* JSON by descriptor: what is read, what is refused and in which words; both decoders have to say the same. */
#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct line {
    struct str name;
    int64_t qty;
};

struct order {
    struct str name;
    int64_t qty;
    int64_t table;
    bool paid;
    int64_t at;
    struct str note;
    int64_t id;
    struct line gift;
    struct json_array lines;
};

static const struct json_field line_fields[] = {
    JSON_FIELD(struct line, "name", name, JSON_STRING, JSON_REQUIRED, 1, 10),
    JSON_FIELD(struct line, "qty", qty, JSON_I64, JSON_REQUIRED, 1, 9),
};
static const struct json_desc line_desc = {"line", line_fields, COUNT_OF(line_fields), sizeof(struct line)};

static const struct json_field order_fields[] = {
    JSON_FIELD_ALIAS(struct order, "productName", "item", name, JSON_STRING, JSON_REQUIRED, 1, 10),
    JSON_FIELD(struct order, "qty", qty, JSON_I64, JSON_REQUIRED | JSON_NUMBER_TEXT, 1, 1000),
    JSON_FIELD(struct order, "table", table, JSON_I64, 0, INT64_MIN, INT64_MAX),
    JSON_FIELD(struct order, "paid", paid, JSON_BOOL, 0, 0, 0),
    JSON_FIELD(struct order, "at", at, JSON_TIME, JSON_NULLABLE, 0, 0),
    JSON_FIELD(struct order, "note", note, JSON_STRING, JSON_NULLABLE, 0, 100),
    JSON_FIELD(struct order, "id", id, JSON_I64, JSON_READ_ONLY | JSON_SKIP_EMPTY, 0, INT64_MAX),
    JSON_FIELD_OF(struct order, "gift", gift, JSON_OBJECT, JSON_NULLABLE, &line_desc, 0),
    JSON_FIELD_OF(struct order, "lines", lines, JSON_ARRAY, JSON_SKIP_EMPTY, &line_desc, 3),
};
static const struct json_desc order_desc = {"order", order_fields, COUNT_OF(order_fields), sizeof(struct order)};

static void assert_text(struct str text, const char *expected)
{
    assert_int_equal(text.n, strlen(expected));
    assert_memory_equal(text.p ? text.p : "", expected, text.n);
}

typedef bool decode_fn(const struct json_desc *desc, struct str text, void *out, struct arena *arena,
                       struct json_error *error);
static decode_fn *const decoders[] = {json_decode, json_decode_fast};

/* What both decoders make of a text; the arena is the test's, from setup(). */
static struct order read_order(void **state, struct str text)
{
    struct order order = {0};

    for (size_t i = 0; i < COUNT_OF(decoders); i++) {
        struct json_error error;
        memset(&order, 0xAA, sizeof(order));
        if (!decoders[i](&order_desc, text, &order, *state, &error))
            fail_msg("decoder %zu: %s %s", i, error.member, error.reason);
        assert_int_equal(error.kind, JSON_FINE);
    }
    return order;
}

static struct json_error refuse(void **state, struct str text)
{
    struct json_error errors[COUNT_OF(decoders)];
    struct order order;

    for (size_t i = 0; i < COUNT_OF(decoders); i++) {
        if (decoders[i](&order_desc, text, &order, *state, &errors[i]))
            fail_msg("decoder %zu took %.*s", i, STR_ARG(text));
        assert_int_not_equal(errors[i].kind, JSON_FINE);
    }
    assert_int_equal(errors[0].kind, errors[1].kind);
    assert_string_equal(errors[0].member, errors[1].member);
    if (errors[0].kind != JSON_MALFORMED)
        assert_string_equal(errors[0].reason, errors[1].reason);
    return errors[0];
}

static void assert_refused(void **state, const char *text, enum json_error_kind kind, const char *member,
                           const char *reason)
{
    struct json_error error = refuse(state, str_of(text));

    assert_int_equal(error.kind, kind);
    assert_string_equal(error.member, member);
    assert_string_equal(error.reason, reason);
}

static void assert_malformed(void **state, struct str text)
{
    struct json_error error = refuse(state, text);

    if (error.kind != JSON_MALFORMED)
        fail_msg("%.*s: kind %d, %s", STR_ARG(text), error.kind, error.reason);
    assert_string_equal(error.member, "");
    assert_true(strlen(error.reason) > 0);
}

static int setup(void **state)
{
    static struct arena arena;

    arena_init(&arena, 0);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    heap_fail_at(0);
    arena_free(*state);
    return 0;
}

static void an_order_is_read_with_all_its_members(void **state)
{
    struct order order = read_order(
        state, STR(" {\"productName\":\"Latte\",\"qty\":2,\"table\":-7,\"paid\":true,\"at\":\"1970-01-01T00:00:01Z\","
                   "\"note\":\"hot\",\"gift\":{\"name\":\"Tea\",\"qty\":1},"
                   "\"lines\":[{\"name\":\"a\",\"qty\":1},{\"name\":\"b\",\"qty\":2}]}\r\n\t "));

    assert_text(order.name, "Latte");
    assert_int_equal(order.qty, 2);
    assert_int_equal(order.table, -7);
    assert_true(order.paid);
    assert_int_equal(order.at, US_PER_S);
    assert_text(order.note, "hot");
    assert_text(order.gift.name, "Tea");
    assert_int_equal(order.lines.n, 2);
    const struct line *lines = order.lines.items;
    assert_text(lines[1].name, "b");
    assert_int_equal(lines[1].qty, 2);
}

static void unknown_members_are_ignored_whatever_they_hold(void **state)
{
    struct order order =
        read_order(state, STR("{\"x\":[1,{\"y\":null},[]],\"productName\":\"Tea\",\"z\":1.5e-3,\"qty\":1,"
                              "\"big\":99999999999999999999,\"huge\":1e999,\"qtyy\":\"\",\"\":{}}"));

    assert_text(order.name, "Tea");
    assert_int_equal(order.qty, 1);
}

static void members_come_in_any_order(void **state)
{
    struct order order = read_order(state, STR("{\"note\":\"n\",\"qty\":3,\"paid\":false,\"productName\":\"Tea\"}"));

    assert_text(order.name, "Tea");
    assert_int_equal(order.qty, 3);
    assert_text(order.note, "n");
}

static void a_second_name_is_read_and_the_first_wins(void **state)
{
    assert_text(read_order(state, STR("{\"item\":\"Ame\",\"qty\":1}")).name, "Ame");
    assert_text(read_order(state, STR("{\"item\":\"Ame\",\"productName\":\"Tea\",\"qty\":1}")).name, "Tea");
    assert_text(read_order(state, STR("{\"productName\":\"Tea\",\"item\":5,\"qty\":1}")).name, "Tea");
    assert_refused(state, "{\"item\":5,\"qty\":1}", JSON_WRONG_TYPE, "productName", "must be text of 1 to 10 bytes");
}

static void a_number_in_a_text_is_taken_where_it_is_allowed(void **state)
{
    assert_int_equal(read_order(state, STR("{\"item\":\"a\",\"qty\":\"12\"}")).qty, 12);
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"table\":\"3\"}", JSON_WRONG_TYPE, "table",
                   "must be a whole number");
}

static void a_quantity_that_is_no_whole_number_in_range_is_refused(void **state)
{
    static const char *const wrong_type[] = {"1.0",     "1e2",    "1.7",   "true", "\"\"", "\"x\"",
                                             "\"1.0\"", "\" 1\"", "\"-\"", "[]",   "{}"};
    static const char *const out_of_range[] = {"0",
                                               "-1",
                                               "1001",
                                               "-0",
                                               "99999999999",
                                               "9223372036854775808",
                                               "99999999999999999999",
                                               "-99999999999999999999",
                                               "\"0\"",
                                               "\"-5\"",
                                               "\"99999999999999999999\""};
    struct buf text = {0};

    for (size_t i = 0; i < COUNT_OF(wrong_type) + COUNT_OF(out_of_range); i++) {
        bool is_type = i < COUNT_OF(wrong_type);
        buf_clear(&text);
        buf_printf(&text, "{\"item\":\"a\",\"qty\":%s}%c",
                   is_type ? wrong_type[i] : out_of_range[i - COUNT_OF(wrong_type)], 0);
        assert_refused(state, text.p, is_type ? JSON_WRONG_TYPE : JSON_OUT_OF_RANGE, "qty",
                       "must be a whole number from 1 to 1000");
    }
    buf_free(&text);
}

static void the_largest_and_smallest_integers_are_read_exactly(void **state)
{
    assert_int_equal(read_order(state, STR("{\"item\":\"a\",\"qty\":1,\"table\":9223372036854775807}")).table,
                     INT64_MAX);
    assert_int_equal(read_order(state, STR("{\"item\":\"a\",\"qty\":1,\"table\":-9223372036854775808}")).table,
                     INT64_MIN);
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"table\":9223372036854775808}", JSON_OUT_OF_RANGE, "table",
                   "must be a whole number");
}

static void a_missing_member_is_named(void **state)
{
    assert_refused(state, "{}", JSON_MISSING, "productName", "is required");
    assert_refused(state, "{\"item\":\"a\"}", JSON_MISSING, "qty", "is required");
    assert_refused(state, "{\"item\":\"a\",\"qty\":null}", JSON_MISSING, "qty", "is required and must not be null");
}

static void null_is_taken_only_where_it_is_allowed(void **state)
{
    struct order order = read_order(state, STR("{\"item\":\"a\",\"qty\":1,\"note\":null,\"at\":null,\"gift\":null}"));

    assert_int_equal(order.note.n, 0);
    assert_int_equal(order.at, 0);
    assert_int_equal(order.gift.qty, 0);
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"table\":null}", JSON_WRONG_TYPE, "table", "must not be null");
}

static void a_read_only_member_can_not_be_set(void **state)
{
    assert_int_equal(read_order(state, STR("{\"item\":\"a\",\"qty\":1,\"id\":5}")).id, 0);
    assert_int_equal(read_order(state, STR("{\"item\":\"a\",\"qty\":1,\"id\":\"not even a number\"}")).id, 0);
}

static void a_wrong_type_is_named_with_what_would_be_right(void **state)
{
    assert_refused(state, "{\"item\":true,\"qty\":1}", JSON_WRONG_TYPE, "productName", "must be text of 1 to 10 bytes");
    assert_refused(state, "{\"item\":\"\",\"qty\":1}", JSON_OUT_OF_RANGE, "productName",
                   "must be text of 1 to 10 bytes");
    assert_refused(state, "{\"item\":\"12345678901\",\"qty\":1}", JSON_OUT_OF_RANGE, "productName",
                   "must be text of 1 to 10 bytes");
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"note\":0}", JSON_WRONG_TYPE, "note",
                   "must be text of at most 100 bytes");
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"paid\":1}", JSON_WRONG_TYPE, "paid", "must be true or false");
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"at\":\"today\"}", JSON_WRONG_TYPE, "at",
                   "must be a date and time such as 2026-11-23T09:30:00Z");
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"gift\":[]}", JSON_WRONG_TYPE, "gift", "must be an object");
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"lines\":{}}", JSON_WRONG_TYPE, "lines",
                   "must be an array of objects");
}

static void an_error_inside_says_where(void **state)
{
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"gift\":{\"name\":\"x\",\"qty\":10}}", JSON_OUT_OF_RANGE,
                   "gift.qty", "must be a whole number from 1 to 9");
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"lines\":[{\"name\":\"x\",\"qty\":1},{\"name\":\"x\"}]}",
                   JSON_MISSING, "lines[1].qty", "is required");
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"lines\":[7]}", JSON_WRONG_TYPE, "lines[0]", "must be an object");
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"lines\":[{},{},{},{}]}", JSON_OUT_OF_RANGE, "lines",
                   "must have at most 3 items");
}

static void json_that_is_no_object_is_refused(void **state)
{
    static const char *const texts[] = {"[]", "[{}]", "1", "\"text\"", "true", "null", " -5 "};

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_refused(state, texts[i], JSON_NOT_OBJECT, "", "must be an object");
}

static void what_is_not_json_is_malformed(void **state)
{
    static const char *const texts[] = {
        "",
        "  ",
        "{",
        "}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\" 1}",
        "{\"a\"::1}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1}}",
        "{} {}",
        "{}x",
        "{}]",
        "x",
        "{'a':1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1,,2]}",
        "{\"a\":[}",
        "{\"a\":[1}}",
        "{\"a\":{\"b\":1]}",
        "{[]:1}",
        "{{}:1}",
        "{null:1}",
        "{\"a\":b}",
        "{\"a\":tru}",
        "{\"a\":True}",
        "{\"a\":nul}",
        "{\"a\":falsey}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":-01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1.e1}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":0x1}",
        "{\"a\":1f}",
        "{\"a\":--1}",
        "{\"a\":1-1}",
        "{\"a\":\"}",
        "{\"a\":\"\\\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"b\"c\"}",
        "{\"a\":1}/**/",
        "//\n{}",
        "\xEF\xBB\xBF{}",
        "{\"a\":\"tab\there\"}",
        "{\"a\":\"line\nend\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\x1f\":1}",
        "[",
        "[1,",
        "\f{}",
        "{\"a\":1;}",
        "{\"a\":\"b\":1}",
        "{\"a\":[]:1}",
        "[\"a\":1]",
        "[\"a\",\"b\":1,2]",
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_malformed(state, str_of(texts[i]));
}

static void a_nul_anywhere_is_malformed(void **state)
{
    assert_malformed(state, STR("{}\0"));
    assert_malformed(state, STR("\0{}"));
    assert_malformed(state, STR("{\"a\0b\":1}"));
    assert_malformed(state, STR("{\"a\":\"b\0c\"}"));
    assert_malformed(state, STR("{\"a\":\"b\\u0000c\"}"));
    assert_malformed(state, STR("{\"\\u0000\":1}"));
    assert_malformed(state, STR("{\"a\":1\0}"));
}

static void a_member_named_twice_is_malformed_at_every_level(void **state)
{
    struct buf text = {0};

    assert_malformed(state, STR("{\"item\":\"a\",\"qty\":1,\"qty\":1}"));
    assert_malformed(state, STR("{\"item\":\"a\",\"item\":\"a\",\"qty\":1}"));
    assert_malformed(state, STR("{\"x\":1,\"y\":2,\"x\":3}"));
    assert_malformed(state, STR("{\"x\":[{\"y\":{\"z\":1,\"z\":2}}]}"));
    assert_malformed(state, STR("{\"x\":1,\"\\u0078\":2}"));
    assert_malformed(state, STR("{\"\":1,\"\":2}"));
    /* more members than are compared one by one, and more than the few tokens on the stack */
    BUF_LIT(&text, "{\"item\":\"a\",\"qty\":1");
    for (int i = 0; i < 300; i++)
        buf_printf(&text, ",\"m%d\":%d", i, i);
    BUF_LIT(&text, "}");
    assert_int_equal(read_order(state, buf_str(&text)).qty, 1);
    text.n--;
    BUF_LIT(&text, ",\"m77\":0}");
    assert_malformed(state, buf_str(&text));
    buf_free(&text);
}

static void names_that_only_look_alike_are_two_members(void **state)
{
    struct order order = read_order(
        state,
        STR("{\"item\":\"a\",\"qty\":1,\"QTY\":2,\"qt\":3,\"qtyy\":4,\"ab\":1,\"ba\":1,\"\\u0061c\":1,\"ac \":1}"));

    assert_int_equal(order.qty, 1);
}

static void escapes_and_surrogate_pairs_are_resolved(void **state)
{
    struct order order = read_order(state, STR("{\"productN\\u0061me\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"qty\":1,"
                                               "\"note\":\"\\u00e9\\uCEE4\\uD83d\\uDE00-\\u007f\\u07ff\\uFFFF\"}"));

    assert_text(order.name, "\"\\/\b\f\n\r\t");
    assert_text(order.note, "é커\xF0\x9F\x98\x80-\x7f\xDF\xBF\xEF\xBF\xBF");
}

static void half_a_character_is_malformed(void **state)
{
    static const char *const texts[] = {
        "\\ud800", "\\ud800x", "\\ud800\\n", "\\ud800\\ud800", "\\udc00",          "\\udc00\\ud800", "\\ud800\\u0041",
        "\xC3",    "\x80",     "\xC0\x80",   "\xED\xA0\x80",   "\xF4\x90\x80\x80", "\xFF",           "\xE2\x82"};
    struct buf text = {0};

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        buf_clear(&text);
        buf_printf(&text, "{\"note\":\"%s\"}", texts[i]);
        assert_malformed(state, buf_str(&text));
        buf_clear(&text);
        buf_printf(&text, "{\"%s\":1}", texts[i]);
        assert_malformed(state, buf_str(&text));
    }
    buf_free(&text);
}

static struct str nested(struct buf *text, int depth)
{
    buf_clear(text);
    BUF_LIT(text, "{\"item\":\"a\",\"qty\":1,\"x\":");
    for (int i = 1; i < depth; i++)
        buf_char(text, '[');
    for (int i = 1; i < depth; i++)
        buf_char(text, ']');
    BUF_LIT(text, "}");
    return buf_str(text);
}

static void nesting_is_bounded(void **state)
{
    struct buf text = {0};

    assert_int_equal(read_order(state, nested(&text, 64)).qty, 1);
    assert_malformed(state, nested(&text, 65));
    assert_malformed(state, nested(&text, 1000));
    assert_malformed(state, nested(&text, 100000));
    buf_free(&text);
}

static void a_text_of_more_than_16_mib_is_refused(void **state)
{
    struct buf text = {0};

    assert_true(buf_reserve(&text, 16 * 1024 * 1024 + 1));
    memset(text.p, ' ', text.cap);
    memcpy(text.p, "{}", 2);
    text.n = 16 * 1024 * 1024;
    assert_int_equal(refuse(state, buf_str(&text)).kind, JSON_MISSING);
    text.n++;
    assert_malformed(state, buf_str(&text));
    buf_free(&text);
}

static void a_batch_is_read_as_an_array(void **state)
{
    struct json_array array;
    struct json_error error;

    assert_true(json_decode_array(&line_desc, STR("[{\"name\":\"a\",\"qty\":1},{\"name\":\"b\",\"qty\":9}]"), 2, &array,
                                  *state, &error));
    assert_int_equal(array.n, 2);
    assert_int_equal(((struct line *)array.items)[1].qty, 9);
    assert_true(json_decode_array(&line_desc, STR("[]"), 2, &array, *state, &error));
    assert_int_equal(array.n, 0);
}

static void assert_batch_refused(void **state, const char *text, enum json_error_kind kind, const char *member,
                                 const char *reason)
{
    struct json_array array;
    struct json_error error;

    assert_false(json_decode_array(&line_desc, str_of(text), 2, &array, *state, &error));
    assert_int_equal(error.kind, kind);
    assert_string_equal(error.member, member);
    assert_string_equal(error.reason, reason);
}

static void a_batch_with_one_bad_item_is_refused_and_the_item_named(void **state)
{
    assert_batch_refused(state, "[{\"name\":\"a\",\"qty\":1},{\"name\":\"b\",\"qty\":10}]", JSON_OUT_OF_RANGE,
                         "[1].qty", "must be a whole number from 1 to 9");
    assert_batch_refused(state, "[{\"name\":\"a\",\"qty\":99999999999999999999}]", JSON_OUT_OF_RANGE, "[0].qty",
                         "must be a whole number from 1 to 9");
    assert_batch_refused(state, "[5]", JSON_WRONG_TYPE, "[0]", "must be an object");
    assert_batch_refused(state, "[{},{},{}]", JSON_OUT_OF_RANGE, "", "must have at most 2 items");
    assert_batch_refused(state, "[{},{},{\"x\":1e999}]", JSON_OUT_OF_RANGE, "", "must have at most 2 items");
    assert_batch_refused(state, "{}", JSON_NOT_OBJECT, "", "must be an array");
    assert_batch_refused(state, "{\"x\":1e999}", JSON_NOT_OBJECT, "", "must be an array");
    assert_batch_refused(state, "7", JSON_NOT_OBJECT, "", "must be an array");
    assert_batch_refused(state, "", JSON_MALFORMED, "", "is empty, and has to be JSON");
}

struct holder {
    struct str any;
};
static const struct json_field holder_fields[] = {JSON_FIELD(struct holder, "any", any, JSON_RAW, 0, 0, 0)};
static const struct json_desc holder_desc = {"holder", holder_fields, 1, sizeof(struct holder)};

static void any_value_is_kept_as_its_text(void **state)
{
    static const char *const values[] = {"1.50", "\"a\\n\"", "{\"b\": [1, 2]}", "[]", "null", "false"};

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct holder holder;
        struct json_error error;
        struct buf text = {0}, again = {0};
        buf_printf(&text, "{\"any\":%s}", values[i]);
        assert_true(json_decode_fast(&holder_desc, buf_str(&text), &holder, *state, &error));
        assert_text(holder.any, values[i]);
        json_encode(&again, &holder_desc, &holder);
        assert_true(str_eq(buf_str(&again), buf_str(&text)));
        buf_free(&text);
        buf_free(&again);
    }
}

static void assert_written(const struct json_desc *desc, const void *in, const char *expected)
{
    struct buf text = {0};

    json_encode(&text, desc, in);
    assert_false(text.failed);
    assert_text(buf_str(&text), expected);
    buf_free(&text);
}

static void an_order_is_written_by_its_table(void **state)
{
    struct line lines[] = {{STR("a"), 1}, {STR("b"), 2}};
    struct order order = {.name = STR("Caf\"é"),
                          .qty = INT64_MIN,
                          .paid = true,
                          .at = 1000,
                          .note = STR("n"),
                          .id = 5,
                          .gift = {STR("Tea"), 1},
                          .lines = {lines, 2}};

    UNUSED(state);
    assert_written(&order_desc, &order,
                   "{\"productName\":\"Caf\\\"é\",\"qty\":-9223372036854775808,\"table\":0,\"paid\":true,"
                   "\"at\":\"1970-01-01T00:00:00.001Z\",\"note\":\"n\",\"id\":5,\"gift\":{\"name\":\"Tea\",\"qty\":1},"
                   "\"lines\":[{\"name\":\"a\",\"qty\":1},{\"name\":\"b\",\"qty\":2}]}");
}

static void what_is_empty_is_written_as_null_or_left_out(void **state)
{
    struct order order = {0};
    struct holder holder = {0};

    UNUSED(state);
    assert_written(
        &order_desc, &order,
        "{\"productName\":\"\",\"qty\":0,\"table\":0,\"paid\":false,\"at\":null,\"note\":null,\"gift\":null}");
    assert_written(&holder_desc, &holder, "{\"any\":null}");
}

static void what_was_written_is_read_back(void **state)
{
    struct line lines[] = {{STR("\x01\xF0\x9F\x98\x80"), 9}};
    struct order order = {.name = STR("a\\b\"c\n"),
                          .qty = 1000,
                          .table = INT64_MIN,
                          .at = 1709210096789000,
                          .note = STR("\t"),
                          .lines = {lines, 1}};
    struct buf text = {0};

    json_encode(&text, &order_desc, &order);
    struct order back = read_order(state, buf_str(&text));
    assert_text(back.name, "a\\b\"c\n");
    assert_int_equal(back.table, INT64_MIN);
    assert_int_equal(back.at, 1709210096789000);
    assert_text(((struct line *)back.lines.items)->name, "\x01\xF0\x9F\x98\x80");
    buf_free(&text);
}

static void members_can_be_written_with_more_behind_them(void **state)
{
    struct line line = {STR("Tea"), 1};
    struct buf text = {0};

    UNUSED(state);
    json_encode_members(&text, &line_desc, &line);
    assert_text(buf_str(&text), "\"name\":\"Tea\",\"qty\":1");
    buf_free(&text);
}

static void every_kind_of_error_has_its_status(void **state)
{
    UNUSED(state);
    assert_int_equal(json_error_status(JSON_FINE), 200);
    assert_int_equal(json_error_status(JSON_MALFORMED), 400);
    assert_int_equal(json_error_status(JSON_NOT_OBJECT), 400);
    assert_int_equal(json_error_status(JSON_MISSING), 422);
    assert_int_equal(json_error_status(JSON_WRONG_TYPE), 422);
    assert_int_equal(json_error_status(JSON_OUT_OF_RANGE), 422);
    assert_int_equal(json_error_status(JSON_NO_MEMORY), 503);
}

/* Every allocation fails in turn, until none is left that could: never a crash, never a wrong value. */
static void assert_survives_no_memory(decode_fn *decode, struct str text)
{
    for (uint64_t nth = 1;; nth++) {
        struct arena arena;
        struct order order;
        struct json_error error;

        arena_init(&arena, 64);
        heap_fail_at(nth);
        bool ok = decode(&order_desc, text, &order, &arena, &error);
        bool failed = heap_has_failed();
        heap_fail_at(0);
        assert_int_equal(ok, !failed);
        assert_int_equal(error.kind, failed ? JSON_NO_MEMORY : JSON_FINE);
        if (ok) {
            assert_text(order.name, "a\nb");
            assert_int_equal(order.lines.n, 1);
        }
        arena_free(&arena);
        if (!failed) {
            assert_true(nth > 1);
            return;
        }
    }
}

static void no_memory_is_said_by_both_decoders(void **state)
{
    struct buf text = {0};

    UNUSED(state);
    BUF_LIT(&text,
            "{\"item\":\"a\\nb\",\"qty\":1,\"\\u0061\":1,\"lines\":[{\"name\":\"x\",\"qty\":1}],\"note\":\"a text that "
            "is longer than what jansson keeps in its first buffer, so that it has to grow\"");
    assert_true(buf_reserve(&text, 4096));
    for (int i = 0; i < 60; i++)
        buf_printf(&text, ",\"m%d\":[]", i);
    BUF_LIT(&text, "}");
    for (size_t i = 0; i < COUNT_OF(decoders); i++)
        assert_survives_no_memory(decoders[i], buf_str(&text));
    buf_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_read_with_all_its_members),
        TEST(unknown_members_are_ignored_whatever_they_hold),
        TEST(members_come_in_any_order),
        TEST(a_second_name_is_read_and_the_first_wins),
        TEST(a_number_in_a_text_is_taken_where_it_is_allowed),
        TEST(a_quantity_that_is_no_whole_number_in_range_is_refused),
        TEST(the_largest_and_smallest_integers_are_read_exactly),
        TEST(a_missing_member_is_named),
        TEST(null_is_taken_only_where_it_is_allowed),
        TEST(a_read_only_member_can_not_be_set),
        TEST(a_wrong_type_is_named_with_what_would_be_right),
        TEST(an_error_inside_says_where),
        TEST(json_that_is_no_object_is_refused),
        TEST(what_is_not_json_is_malformed),
        TEST(a_nul_anywhere_is_malformed),
        TEST(a_member_named_twice_is_malformed_at_every_level),
        TEST(names_that_only_look_alike_are_two_members),
        TEST(escapes_and_surrogate_pairs_are_resolved),
        TEST(half_a_character_is_malformed),
        TEST(nesting_is_bounded),
        TEST(a_text_of_more_than_16_mib_is_refused),
        TEST(a_batch_is_read_as_an_array),
        TEST(a_batch_with_one_bad_item_is_refused_and_the_item_named),
        TEST(any_value_is_kept_as_its_text),
        TEST(an_order_is_written_by_its_table),
        TEST(what_is_empty_is_written_as_null_or_left_out),
        TEST(what_was_written_is_read_back),
        TEST(members_can_be_written_with_more_behind_them),
        TEST(every_kind_of_error_has_its_status),
        TEST(no_memory_is_said_by_both_decoders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
