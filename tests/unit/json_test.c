/* JSON by descriptor: which members are read and written, what is refused, and in which words. */
#include "json_sample.h"

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
    assert_refused(state, "{\"item\":5,\"qty\":1}", JSON_WRONG_TYPE, "productName",
                   "must be text of 1 to 10 characters");
}

static void a_number_in_a_text_is_taken_where_it_is_allowed(void **state)
{
    assert_int_equal(read_order(state, STR("{\"item\":\"a\",\"qty\":\"12\"}")).qty, 12);
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"table\":\"3\"}", JSON_WRONG_TYPE, "table",
                   "must be a whole number");
}

static void a_quantity_that_is_no_whole_number_in_range_is_refused(void **state)
{
    static const char *const wrong_type[] = {"1.5",     "1e-2",   "1.7",   "true", "\"\"", "\"x\"",
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
    assert_refused(state, "{\"item\":true,\"qty\":1}", JSON_WRONG_TYPE, "productName",
                   "must be text of 1 to 10 characters");
    assert_refused(state, "{\"item\":\"\",\"qty\":1}", JSON_OUT_OF_RANGE, "productName",
                   "must be text of 1 to 10 characters");
    assert_refused(state, "{\"item\":\"12345678901\",\"qty\":1}", JSON_OUT_OF_RANGE, "productName",
                   "must be text of 1 to 10 characters");
    assert_refused(state, "{\"item\":\"a\",\"qty\":1,\"note\":0}", JSON_WRONG_TYPE, "note",
                   "must be text of at most 100 characters");
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
        assert_true(json_decode(&holder_desc, buf_str(&text), &holder, *state, &error));
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

static void an_optional_number_is_left_out_when_it_is_absent_and_not_when_it_is_zero(void **state)
{
    static const struct json_field field = {
        .name = "n", .type = JSON_I64, .flags = JSON_OPTIONAL | JSON_SKIP_EMPTY, .max = INT64_MAX};
    static const struct json_desc desc = {"number", &field, 1, sizeof(int64_t)};
    int64_t number = JSON_ABSENT;

    UNUSED(state);
    assert_written(&desc, &number, "{}");
    number = 0;
    assert_written(&desc, &number, "{\"n\":0}");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void a_number_without_a_fraction_is_an_integer_however_it_is_written(void **state)
{
    static const struct {
        const char *text;
        int64_t qty;
    } numbers[] = {{"1.0", 1}, {"1e0", 1}, {"10E-1", 1}, {"0.1e+1", 1}, {"9.00", 9}, {"0.00009e5", 9}, {"900e-2", 9}};
    static const char *const others[] = {"1.7", "1e-1", "0.9", "-1.5", "1e-999999999999999999999", "1.00000001"};
    static const char *const large[] = {
        "1e2147483647", "1e99999999999999999999", "1e20", "1e300", "12345678901234567890.0", "0.0", "-0.0",
        "0e999999999"};

    for (size_t i = 0; i < COUNT_OF(numbers) + COUNT_OF(others) + COUNT_OF(large); i++) {
        size_t k = i - COUNT_OF(numbers);
        const char *number = i < COUNT_OF(numbers)  ? numbers[i].text
                             : k < COUNT_OF(others) ? others[k]
                                                    : large[k - COUNT_OF(others)];
        struct line line;
        struct json_error error;
        struct buf text = {0};
        buf_printf(&text, "{\"name\":\"a\",\"qty\":%s}", number);
        bool fine = json_decode(&line_desc, buf_str(&text), &line, *state, &error);
        if (i < COUNT_OF(numbers)) {
            assert_true(fine);
            assert_int_equal(line.qty, numbers[i].qty);
        } else {
            assert_false(fine);
            assert_int_equal(error.kind, k < COUNT_OF(others) ? JSON_WRONG_TYPE : JSON_OUT_OF_RANGE);
        }
        buf_free(&text);
    }
}

static void lengths_are_in_characters(void **state)
{
    struct json_error error;
    struct line line;

    assert_true(json_decode(&line_desc, STR("{\"name\":\"카페라떼콜드브루\",\"qty\":1}"), &line, *state, &error));
    assert_int_equal(line.name.n, 24);
}

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
        TEST(a_batch_is_read_as_an_array),
        TEST(a_batch_with_one_bad_item_is_refused_and_the_item_named),
        TEST(any_value_is_kept_as_its_text),
        TEST(an_order_is_written_by_its_table),
        TEST(what_is_empty_is_written_as_null_or_left_out),
        TEST(an_optional_number_is_left_out_when_it_is_absent_and_not_when_it_is_zero),
        TEST(what_was_written_is_read_back),
        TEST(members_can_be_written_with_more_behind_them),
        TEST(every_kind_of_error_has_its_status),
        TEST(a_number_without_a_fraction_is_an_integer_however_it_is_written),
        TEST(lengths_are_in_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
