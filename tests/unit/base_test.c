/* The base library: texts, builders, arenas, clocks, errors, and what happens when memory runs out. */
#include "alloc.h"
#include "arena.h"
#include "base.h"
#include "buf.h"
#include "clock.h"
#include "errors.h"
#include "siphash.h"
#include "steady_clock.h"
#include "str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_text(struct str text, const char *expected)
{
    assert_int_equal(text.n, strlen(expected));
    assert_memory_equal(text.p ? text.p : "", expected, text.n);
}

static void assert_built(struct buf *buf, const char *expected)
{
    assert_false(buf->failed);
    assert_text(buf_str(buf), expected);
    buf_free(buf);
}

static void texts_compare_by_bytes_and_length(void **state)
{
    UNUSED(state);
    assert_true(str_eq(STR("latte"), STR("latte")));
    assert_false(str_eq(STR("latte"), STR("latt")));
    assert_true(str_eq((struct str){NULL, 0}, STR("")));
    assert_true(str_is(STR("tea"), "tea"));
    assert_true(str_eq_nocase(STR("AMEricano"), STR("americanO")));
    assert_false(str_eq_nocase(STR("Ame"), STR("Tea")));
    assert_true(str_compare(STR("a"), STR("b")) < 0);
    assert_true(str_compare(STR("ab"), STR("a")) > 0);
    assert_int_equal(str_compare(STR("ab"), STR("ab")), 0);
    assert_true(str_starts_with(STR("/orders/1"), STR("/orders")));
    assert_false(str_starts_with(STR("/o"), STR("/orders")));
    assert_true(str_hash(STR("Latte")) != str_hash(STR("Mocha")));
}

/* The reference's vectors for SipHash-2-4: the key is 00 01 … 0f, the text the first i bytes of 00 01 02 … */
static void siphash_gives_what_its_reference_gives(void **state)
{
    static const uint64_t expected[] = {
        0x726fdb47dd0e0e31ULL, 0x74f839c593dc67fdULL, 0x0d6c8009d9a94f5aULL, 0x85676696d7fb7e2dULL,
        0xcf2794e0277187b7ULL, 0x18765564cd99a68dULL, 0xcbc9466e58fee3ceULL, 0xab0200f58b01d137ULL,
        0x93f5f5799a932462ULL, 0x9e0082df0ba9e4b0ULL, 0x7a5dbbc594ddb9f3ULL, 0xf4b32f46226bada7ULL,
        0x751e8fbc860ee5fbULL, 0x14ea5627c0843d90ULL, 0xf723ca908e7af2eeULL, 0xa129ca6149be45e5ULL,
    };
    const struct siphash_key key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
    char text[COUNT_OF(expected)];

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        text[i] = (char)i;
        assert_true(siphash(&key, (struct str){text, i}, 2, 4) == expected[i]);
    }
}

static void the_same_text_has_another_hash_under_another_key(void **state)
{
    struct siphash_key key = siphash_process_key(), other = {key.k0 ^ 1, key.k1};

    UNUSED(state);
    assert_true(key.k0 | key.k1);
    assert_true(siphash_text(&key, STR("o8.1")) == siphash_text(&key, STR("o8.1")));
    assert_true(siphash_text(&key, STR("o8.1")) != siphash_text(&other, STR("o8.1")));
    assert_true(siphash_number(&key, 8) != siphash_number(&other, 8));
}

static void a_text_is_trimmed_and_split(void **state)
{
    struct str rest;

    UNUSED(state);
    assert_text(str_trim(STR(" \t a b\t ")), "a b");
    assert_text(str_trim(STR("  ")), "");
    assert_text(str_split(STR("qty,desc"), ',', &rest), "qty");
    assert_text(rest, "desc");
    assert_text(str_split(STR("qty"), ',', &rest), "qty");
    assert_null(rest.p);
    assert_text(str_split(STR("qty,"), ',', &rest), "qty");
    assert_non_null(rest.p);
    assert_int_equal(rest.n, 0);
}

static void only_whole_numbers_that_fit_are_numbers(void **state)
{
    static const char *const wrong[] = {"",
                                        "-",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1.0",
                                        "1e2",
                                        "x",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "99999999999999999999999"};
    int64_t number;
    uint64_t large;

    UNUSED(state);
    assert_true(str_to_i64(STR("9223372036854775807"), &number) && number == INT64_MAX);
    assert_true(str_to_i64(STR("-9223372036854775808"), &number) && number == INT64_MIN);
    assert_true(str_to_i64(STR("-0"), &number) && number == 0);
    assert_true(str_to_u64(STR("18446744073709551615"), &large) && large == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), &large));
    assert_false(str_to_u64(STR("-1"), &large));
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(str_to_i64(str_of(wrong[i]), &number));
}

static void a_hexadecimal_digit_counts_in_either_case_and_nothing_else_does(void **state)
{
    const char digits[] = "0123456789abcdef", upper[] = "0123456789ABCDEF", others[] = "/:@G`g";
    UNUSED(state);

    for (int i = 0; i < 16; i++) {
        assert_int_equal(str_hex_digit(digits[i]), i);
        assert_int_equal(str_hex_digit(upper[i]), i);
    }
    for (size_t i = 0; i < sizeof(others); i++)
        assert_int_equal(str_hex_digit(others[i]), -1);
}

static void only_well_formed_utf8_is_utf8(void **state)
{
    static const char *const right[] = {
        "", "coffee", "커피", "é", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"};
    static const char *const wrong[] = {"\x80",
                                        "\xC3",
                                        "\xC0\x80",
                                        "\xC1\xBF",
                                        "\xE0\x80\x80",
                                        "\xED\xA0\x80",
                                        "\xF0\x80\x80\x80",
                                        "\xF4\x90\x80\x80",
                                        "\xF5\x80\x80\x80",
                                        "\xE2\x82",
                                        "\xE2\x28\xA1",
                                        "\xFF"};

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(right); i++)
        assert_true(str_is_utf8(str_of(right[i])));
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(str_is_utf8(str_of(wrong[i])));
}

static void text_is_built_piece_by_piece(void **state)
{
    struct buf buf = {0};

    UNUSED(state);
    BUF_LIT(&buf, "order ");
    buf_u64(&buf, UINT64_MAX);
    buf_char(&buf, ' ');
    buf_i64(&buf, INT64_MIN);
    buf_char(&buf, ' ');
    buf_i64(&buf, 0);
    buf_printf(&buf, " %d%%", 50);
    assert_built(&buf, "order 18446744073709551615 -9223372036854775808 0 50%");
}

static void a_long_text_grows_the_buffer_without_losing_a_byte(void **state)
{
    struct buf buf = {0};

    UNUSED(state);
    for (int i = 0; i < 10000; i++)
        buf_char(&buf, (char)('a' + i % 26));
    assert_int_equal(buf.n, 10000);
    for (size_t i = 0; i < buf.n; i++)
        assert_int_equal(buf.p[i], 'a' + i % 26);
    buf_clear(&buf);
    assert_int_equal(buf.n, 0);
    buf_free(&buf);
}

static void json_strings_are_escaped_as_the_standard_says(void **state)
{
    struct buf buf = {0};

    UNUSED(state);
    buf_json_string(&buf, (struct str){"a\"b\\c\n\r\t\0\x1f\x7f/é", 14});
    assert_built(&buf, "\"a\\\"b\\\\c\\n\\r\\t\\u0000\\u001f\x7f/é\"");
}

static void query_text_is_percent_encoded(void **state)
{
    struct buf buf = {0};

    UNUSED(state);
    buf_url(&buf, STR("a-Z_0.~ &=/é"));
    assert_built(&buf, "a-Z_0.~%20%26%3D%2F%C3%A9");
}

static void a_builder_out_of_memory_stays_failed_until_it_is_cleared(void **state)
{
    struct buf buf = {0};

    UNUSED(state);
    heap_fail_at(1);
    BUF_LIT(&buf, "lost");
    assert_true(heap_has_failed());
    heap_fail_at(0);
    assert_true(buf.failed);
    BUF_LIT(&buf, "also lost");
    assert_int_equal(buf.n, 0);
    buf_clear(&buf);
    BUF_LIT(&buf, "kept");
    assert_built(&buf, "kept");
}

static void an_arena_hands_out_zeroed_aligned_separate_pieces(void **state)
{
    struct arena arena;
    unsigned char *pieces[100];

    UNUSED(state);
    arena_init(&arena, 256);
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(pieces); i++) {
            pieces[i] = arena_alloc(&arena, i + 1);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            for (size_t k = 0; k <= i; k++)
                assert_int_equal(pieces[i][k], 0);
            memset(pieces[i], (int)i + 1, i + 1);
        }
        for (size_t i = 0; i < COUNT_OF(pieces); i++)
            assert_int_equal(pieces[i][i], i + 1);
        arena_reset(&arena);
        assert_int_equal(arena.used, 0);
    }
    assert_non_null(arena_alloc(&arena, 10000)); /* larger than a block */
    assert_null(arena_alloc(&arena, SIZE_MAX - 8));
    arena_free(&arena);
}

static void a_copy_in_the_arena_ends_with_a_nul(void **state)
{
    struct arena arena;

    UNUSED(state);
    arena_init(&arena, 0);
    struct str copy = arena_copy(&arena, STR("Mocha"));
    assert_text(copy, "Mocha");
    assert_int_equal(copy.p[copy.n], '\0');
    copy = arena_copy(&arena, (struct str){NULL, 0});
    assert_non_null(copy.p);
    assert_int_equal(copy.n, 0);
    arena_free(&arena);
}

static void an_arena_out_of_memory_says_so_and_goes_on_when_there_is_some(void **state)
{
    struct arena arena;

    UNUSED(state);
    arena_init(&arena, 0);
    heap_fail_at(1);
    assert_null(arena_alloc(&arena, 10));
    assert_non_null(arena_alloc(&arena, 10));
    arena_reset(&arena);
    arena_free(&arena);
    heap_fail_at(1);
    assert_null(arena_copy(&arena, STR("x")).p);
    heap_fail_at(0);
    arena_free(&arena);
}

static void the_nth_allocation_fails_once(void **state)
{
    UNUSED(state);
    heap_fail_at(2);
    void *first = heap_alloc(8);
    assert_non_null(first);
    assert_false(heap_has_failed());
    assert_null(heap_resize(first, 1000));
    assert_true(heap_has_failed());
    void *grown = heap_resize(first, 1000);
    assert_non_null(grown);
    heap_free(grown);
    heap_fail_at(0);
}

static int64_t parse(const char *text)
{
    int64_t us = -1;

    assert_true(time_parse(str_of(text), &us));
    return us;
}

static void assert_time(int64_t us, const char *expected)
{
    char text[TIME_TEXT_SIZE];

    assert_text((struct str){text, time_text(us, text)}, expected);
}

static void times_are_written_as_rfc_3339_and_clamped_to_four_digit_years(void **state)
{
    UNUSED(state);
    assert_time(0, "1970-01-01T00:00:00.000Z");
    assert_time(-1, "1969-12-31T23:59:59.999Z");
    assert_time(1709210096789999, "2024-02-29T12:34:56.789Z");
    assert_time(INT64_MAX, "9999-12-31T23:59:59.999Z");
    assert_time(INT64_MIN, "0000-01-01T00:00:00.000Z");
}

static void times_are_read_with_any_offset_and_fraction(void **state)
{
    UNUSED(state);
    assert_int_equal(parse("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(parse("1970-01-01t01:00:00.5+01:00"), 500000);
    assert_int_equal(parse("1969-12-31T23:30:00-00:30"), 0);
    assert_int_equal(parse("1970-01-01T00:00:00.1234567z"), 123456);
    assert_int_equal(parse("1970-01-01T00:00:60Z"), 60000000); /* a leap second is the next minute's first */
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "2024-02-29",
                                        "2023-02-29T00:00:00Z",
                                        "1900-02-29T00:00:00Z",
                                        "2024-13-01T00:00:00Z",
                                        "2024-00-01T00:00:00Z",
                                        "2024-04-31T00:00:00Z",
                                        "2024-01-01 00:00:00Z",
                                        "2024-01-01T24:00:00Z",
                                        "2024-01-01T00:60:00Z",
                                        "2024-01-01T00:00:61Z",
                                        "2024-01-01T00:00:00",
                                        "2024-01-01T00:00:00.Z",
                                        "2024-01-01T00:00:00+24:00",
                                        "2024-01-01T00:00:00+0100",
                                        "2024-01-01T00:00:00Zx",
                                        "24-01-01T00:00:00Z"};
    int64_t us;

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(time_parse(str_of(wrong[i]), &us));
}

static void every_millisecond_written_is_read_back(void **state)
{
    char text[TIME_TEXT_SIZE];
    int64_t us = INT64_C(-62167219200000000);

    UNUSED(state);
    /* A step of a bit more than 34 days walks through all months and leap years of ten thousand years. */
    for (; us <= INT64_C(253402300799999000); us += INT64_C(2938567890000)) {
        int64_t back = 0;
        assert_true(time_parse((struct str){text, time_text(us, text)}, &back));
        assert_int_equal(back, us);
    }
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    int64_t last = clock_monotonic();

    UNUSED(state);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic();
        assert_true(now >= last);
        last = now;
    }
    assert_true(clock_wall() > INT64_C(1600000000000000));
}

static void a_steady_clock_goes_on_at_the_monotonic_clocks_pace(void **state)
{
    UNUSED(state);
    const struct steady_clock clock = {.wall = 5000, .monotonic = 70};

    assert_int_equal(steady_clock_at(&clock, 70), 5000);
    assert_int_equal(steady_clock_at(&clock, 170), 5100);
    const struct steady_clock ahead = {.wall = clock_wall() + 60 * US_PER_S, .monotonic = clock_monotonic()};
    assert_true(steady_clock_now(&ahead) >= ahead.wall);
    assert_true(steady_clock_wall_ahead(&ahead) < -30 * US_PER_S);
}

static void every_error_has_a_name_a_sentence_and_a_status(void **state)
{
    UNUSED(state);
    for (int error = 0; error < ERROR_COUNT; error++) {
        assert_true(strlen(error_name(error)) > 0);
        assert_true(strlen(error_text(error)) > 0);
        assert_in_range(error_http_status(error), 200, 599);
        assert_true(error == OK || error_http_status(error) >= 400);
        assert_true(!error_is_passing(error) || error_http_status(error) == 503);
    }
    assert_string_equal(error_name(E_FULL), "E_FULL");
    assert_string_equal(error_name(-1), "E_SYSTEM");
    assert_string_equal(error_name(ERROR_COUNT), "E_SYSTEM");
    assert_true(error_is_passing(E_BUSY));
    assert_false(error_is_passing(E_CORRUPT));
}

static void a_text_is_cut_between_characters(void **state)
{
    static const struct {
        const char *text, *beginning;
        size_t most;
    } cuts[] = {{"abc", "abc", 3},
                {"abc", "ab", 2},
                {"abc", "", 0},
                {"\xea\xb0\x80", "", 2},
                {"\xea\xb0\x80", "\xea\xb0\x80", 3},
                {"a\xea\xb0\x80", "a", 3},
                {"\xf0\x9f\x98\x80\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 7},
                {"", "", 5}};
    UNUSED(state);

    for (size_t i = 0; i < COUNT_OF(cuts); i++)
        assert_true(str_is(str_beginning(str_of(cuts[i].text), cuts[i].most), cuts[i].beginning));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_compare_by_bytes_and_length),
        cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(siphash_gives_what_its_reference_gives),
        cmocka_unit_test(the_same_text_has_another_hash_under_another_key),
        cmocka_unit_test(a_text_is_trimmed_and_split),
        cmocka_unit_test(only_whole_numbers_that_fit_are_numbers),
        cmocka_unit_test(a_hexadecimal_digit_counts_in_either_case_and_nothing_else_does),
        cmocka_unit_test(only_well_formed_utf8_is_utf8),
        cmocka_unit_test(text_is_built_piece_by_piece),
        cmocka_unit_test(a_long_text_grows_the_buffer_without_losing_a_byte),
        cmocka_unit_test(json_strings_are_escaped_as_the_standard_says),
        cmocka_unit_test(query_text_is_percent_encoded),
        cmocka_unit_test(a_builder_out_of_memory_stays_failed_until_it_is_cleared),
        cmocka_unit_test(an_arena_hands_out_zeroed_aligned_separate_pieces),
        cmocka_unit_test(a_copy_in_the_arena_ends_with_a_nul),
        cmocka_unit_test(an_arena_out_of_memory_says_so_and_goes_on_when_there_is_some),
        cmocka_unit_test(the_nth_allocation_fails_once),
        cmocka_unit_test(times_are_written_as_rfc_3339_and_clamped_to_four_digit_years),
        cmocka_unit_test(times_are_read_with_any_offset_and_fraction),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(every_millisecond_written_is_read_back),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(a_steady_clock_goes_on_at_the_monotonic_clocks_pace),
        cmocka_unit_test(every_error_has_a_name_a_sentence_and_a_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
