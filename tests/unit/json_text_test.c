/* What is JSON at all (RFC 8259), the limits, and what happens when memory runs out. */
#include "json_sample.h"

enum { MAX_TEXT = 16 * 1024 * 1024 };

static void json_that_is_no_object_is_refused(void **state)
{
    static const char *const texts[] = {"[]", "[{}]", "1", "\"text\"", "true", "null", " -5 "};

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_refused(state, texts[i], JSON_NOT_OBJECT, "", "must be an object");
}

static const char *const not_json[] = {
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
    "\xEF\xBB\xBF\xEF\xBB\xBF{}",
    "{\xEF\xBB\xBF}",
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

static void what_is_not_json_is_malformed(void **state)
{
    for (size_t i = 0; i < COUNT_OF(not_json); i++)
        assert_malformed(state, str_of(not_json[i]));
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

/* Texts are looked at eight bytes at a time: whatever has to be seen is seen at every place, up to the text's end. */
static void what_is_wrong_in_a_text_is_seen_wherever_it_stands(void **state)
{
    static const char *const wrong[] = {"\x1f", "\\x", "\xC3", "\n", "\\"};
    struct buf text = {0};

    for (int before = 0; before <= 17; before++) {
        for (int after = 0; after <= 17; after++) {
            for (size_t i = 0; i < COUNT_OF(wrong); i++) {
                buf_clear(&text);
                buf_printf(&text, "{\"note\":\"%.*s%s%.*s\"}", before, "abcdefghijklmnopq", wrong[i],
                           i + 1 < COUNT_OF(wrong) ? after : 0, "ABCDEFGHIJKLMNOPQ");
                assert_malformed(state, buf_str(&text));
            }
            buf_clear(&text);
            buf_printf(&text, "{\"item\":\"a\",\"qty\":1,\"note\":\"%.*s\\\"\u00e9\x7f%.*s\"}", before,
                       "abcdefghijklmnopq", after, "ABCDEFGHIJKLMNOPQ");
            struct str note = read_order(state, buf_str(&text)).note;
            assert_int_equal(note.n, before + 4 + after);
            assert_memory_equal(note.p + before, "\"\u00e9\x7f", 4);
        }
    }
    buf_free(&text);
}

static void a_name_is_found_again_whatever_its_length(void **state)
{
    static const char letters[] = "abcdefghijklmnopqrst";
    struct buf text = {0};

    for (int n = 0; n <= 20; n++) {
        for (int between = 0; between < 2; between++) {
            buf_clear(&text);
            buf_printf(&text, "{\"%.*s\":1,%s\"%.*s\":2}", n, letters, between ? "\"other\":3," : "", n, letters);
            assert_malformed(state, buf_str(&text));
        }
        if (n == 0)
            continue;
        buf_clear(&text);
        buf_printf(&text, "{\"item\":\"a\",\"qty\":1,\"%.*s\":1,\"%.*s\":2,\"%.*sx\":3}", n, letters, n - 1, letters,
                   n - 1, letters);
        assert_int_equal(read_order(state, buf_str(&text)).qty, 1);
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

    assert_true(buf_reserve(&text, MAX_TEXT + 1));
    memset(text.p, ' ', text.cap);
    memcpy(text.p, "{}", 2);
    text.n = MAX_TEXT;
    assert_int_equal(refuse(state, buf_str(&text)).kind, JSON_MISSING);
    text.n++;
    assert_malformed(state, buf_str(&text));
    buf_free(&text);
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
        TEST(json_that_is_no_object_is_refused),
        TEST(what_is_not_json_is_malformed),
        TEST(a_nul_anywhere_is_malformed),
        TEST(a_member_named_twice_is_malformed_at_every_level),
        TEST(names_that_only_look_alike_are_two_members),
        TEST(escapes_and_surrogate_pairs_are_resolved),
        TEST(half_a_character_is_malformed),
        TEST(what_is_wrong_in_a_text_is_seen_wherever_it_stands),
        TEST(a_name_is_found_again_whatever_its_length),
        TEST(nesting_is_bounded),
        TEST(a_text_of_more_than_16_mib_is_refused),
        TEST(no_memory_is_said_by_both_decoders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
