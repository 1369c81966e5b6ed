/* The lines of an archive: their checksums, the values of a row, what the first line may say. */
#include "archive_format.h"
#include "archive_line.h"
#include "archive_store.h"
#include "base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct buf written(const struct sql_value *row, size_t n, uint64_t *chain)
{
    struct buf line = {0};

    archive_row_write(&line, row, n);
    archive_line_end(&line, chain);
    assert_false(line.failed);
    return line;
}

static void assert_same(const struct sql_value *a, const struct sql_value *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->number, b->number);
    assert_true(str_eq(a->text, b->text));
}

static void every_kind_of_value_comes_back_as_it_was(void **state)
{
    static const char bytes[] = "\0\xff\x80 a";
    const struct sql_value row[] = {
        {.kind = SQL_NULL},
        SQL_N(0),
        SQL_N(INT64_MAX),
        SQL_N(INT64_MIN),
        SQL_N((INT64_C(1) << 53) + 1),
        SQL_S(STR("")),
        SQL_S(STR("아메리카노 \"x\"\\ \n\t\x01")),
        SQL_S(((struct str){bytes, 5})),
        SQL_S(STR("a\0b")),
        SQL_B(STR("")),
        SQL_B(((struct str){bytes, 1})),
        SQL_B(((struct str){bytes, 2})),
        SQL_B(((struct str){bytes, 3})),
        SQL_B(STR("plain")),
    };
    struct sql_value back[COUNT_OF(row)];
    struct buf why = {0};
    struct arena arena;
    uint64_t chain = 0, again = 0;

    UNUSED(state);
    arena_init(&arena, 0);
    struct buf line = written(row, COUNT_OF(row), &chain);
    assert_true(str_is_utf8(buf_str(&line)));
    assert_null(memchr(line.p, '\n', line.n));
    assert_true(archive_line_is_right(buf_str(&line), &again) && again == chain);
    assert_true(archive_row_read(buf_str(&line), back, COUNT_OF(back), &arena, &why));
    for (size_t i = 0; i < COUNT_OF(row); i++)
        assert_same(&row[i], &back[i]);
    assert_false(archive_row_read(buf_str(&line), back, COUNT_OF(back) - 1, &arena, &why));
    buf_free(&why);
    buf_free(&line);
    arena_free(&arena);
}

static void no_bit_of_a_line_can_be_flipped_unnoticed(void **state)
{
    const struct sql_value row[] = {SQL_N(1), SQL_S(STR("Latte"))};
    uint64_t chain = 7;

    UNUSED(state);
    struct buf line = written(row, COUNT_OF(row), &chain);
    for (size_t i = 0; i < line.n * 8; i++) {
        uint64_t from = 7;
        line.p[i / 8] = (char)(line.p[i / 8] ^ (1 << i % 8));
        assert_false(archive_line_is_right(buf_str(&line), &from));
        assert_int_equal(from, 7);
        line.p[i / 8] = (char)(line.p[i / 8] ^ (1 << i % 8));
    }
    for (size_t n = 0; n < line.n; n++) {
        uint64_t from = 7;
        assert_false(archive_line_is_right((struct str){line.p, n}, &from));
    }
    buf_free(&line);
}

static void a_line_is_right_only_behind_the_one_before_it(void **state)
{
    const struct sql_value row[] = {SQL_N(1)};
    uint64_t chain = 0, elsewhere = 0;

    UNUSED(state);
    struct buf first = written(row, 1, &chain), second = written(row, 1, &chain);
    assert_false(archive_line_is_right(buf_str(&second), &elsewhere));
    assert_true(archive_line_is_right(buf_str(&first), &elsewhere));
    assert_true(archive_line_is_right(buf_str(&second), &elsewhere));
    assert_false(archive_line_is_right(buf_str(&second), &elsewhere));
    buf_free(&first);
    buf_free(&second);
}

static void what_a_row_can_t_be_is_refused_with_a_reason(void **state)
{
    static const char *const lines[] = {
        "[true,\"s\"]",
        "[1.5,\"s\"]",
        "[1e3,\"s\"]",
        "[9223372036854775808,\"s\"]",
        "[[1],\"s\"]",
        "[{\"blob\":1},\"s\"]",
        "[{},\"s\"]",
        "[{\"blob\":\"AA\"},\"s\"]",
        "[{\"b\":\"\"},\"s\"]",
        "[{\"blob\":\"A?==\"},\"s\"]",
        "[1,2,\"s\"]",
        "[\"s\"]",
        "[1,\"s\"",
        "{\"a\":1}",
        "",
    };
    struct sql_value row[1];
    struct arena arena;

    UNUSED(state);
    arena_init(&arena, 0);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct buf why = {0};
        assert_false(archive_row_read(str_of(lines[i]), row, 1, &arena, &why));
        assert_true(why.n > 0);
        buf_free(&why);
    }
    arena_free(&arena);
}

static struct buf reason_of(struct archive_head head)
{
    struct archive_service services[] = {{STR("order"), 6, 4711, STR("s")}, {STR("stock"), 1, 0, STR("s")}};
    struct archive_head read;
    struct buf line = {0}, why = {0};
    struct arena arena;
    uint64_t chain = 0;

    arena_init(&arena, 0);
    head.coffeeshop = STR("archive");
    head.version = STR("9.9");
    if (!head.services.n)
        head.services = (struct json_array){services, COUNT_OF(services)};
    archive_head_write(&line, &head);
    archive_line_end(&line, &chain);
    bool fine = archive_head_read(buf_str(&line), &read, &arena, &why);
    assert_int_equal(fine, why.n == 0);
    buf_char(&why, '\0');
    buf_free(&line);
    arena_free(&arena);
    return why;
}

static void a_shop_of_another_number_of_cells_or_of_a_later_format_is_refused(void **state)
{
    struct archive_service twins[] = {{STR("order"), 6, 1, STR("s")}, {STR("order"), 6, 1, STR("s")}};
    struct buf fine = reason_of((struct archive_head){.format = ARCHIVE_FORMAT, .cells = 1});
    struct buf cells = reason_of((struct archive_head){.format = ARCHIVE_FORMAT, .cells = 16});
    struct buf later = reason_of((struct archive_head){.format = ARCHIVE_FORMAT + 1, .cells = 1});
    struct buf twice = reason_of((struct archive_head){.format = 1, .cells = 1, .services = {twins, COUNT_OF(twins)}});

    UNUSED(state);
    assert_string_equal(fine.p, "");
    assert_non_null(strstr(cells.p, "16 cells"));
    assert_non_null(strstr(later.p, "import it with version 9.9"));
    assert_non_null(strstr(twice.p, "isn't the first line"));
    buf_free(&fine);
    buf_free(&cells);
    buf_free(&later);
    buf_free(&twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_comes_back_as_it_was),
        cmocka_unit_test(no_bit_of_a_line_can_be_flipped_unnoticed),
        cmocka_unit_test(a_line_is_right_only_behind_the_one_before_it),
        cmocka_unit_test(what_a_row_can_t_be_is_refused_with_a_reason),
        cmocka_unit_test(a_shop_of_another_number_of_cells_or_of_a_later_format_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
