/* What is sold: the built-in menu, a file's, and the sentences for a file that is wrong. */
#include "menu.h"

#include "alloc.h"
#include "base.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct scratch scratch;

static int open_scratch(void **state)
{
    UNUSED(state);
    scratch_make(&scratch);
    return 0;
}

static int close_scratch(void **state)
{
    UNUSED(state);
    heap_fail_at(0);
    scratch_remove(&scratch);
    return 0;
}

static struct menu *load_text(struct str text, struct buf *problem)
{
    char path[SCRATCH_PATH_SIZE];

    scratch_write(scratch_path(&scratch, "menu.json", path), text.p, text.n);
    return menu_load(path, problem);
}

static void assert_item(const struct menu *menu, const char *name, const char *canonical)
{
    const struct menu_item *item = menu_find(menu, str_of(name));

    if (!canonical) {
        assert_null(item);
        return;
    }
    assert_non_null(item);
    assert_true(str_is(item->name, canonical));
}

/* The file is refused, and the sentence has these words. */
static void assert_refused(const char *text, const char *words)
{
    struct buf problem = {0};

    assert_null(load_text(str_of(text), &problem));
    buf_char(&problem, '\0');
    if (!strstr(problem.p, words) || !strstr(problem.p, "menu.json"))
        fail_msg("\"%s\" doesn't say \"%s\"", problem.p, words);
    buf_free(&problem);
}

static void the_built_in_menu_has_what_the_shop_is_known_for(void **state)
{
    static const char *const names[] = {"Americano", "Latte", "Cappuccino", "Mocha", "Tea"};
    struct buf problem = {0};
    struct menu *menu = menu_load(NULL, &problem);

    UNUSED(state);
    assert_non_null(menu);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_item(menu, names[i], names[i]);
    assert_true(str_is(menu->currency, "KRW"));
    for (size_t i = 0; i < menu->n; i++)
        assert_true(menu->items[i].price > 0 && menu->items[i].ko.n > 0 && menu->items[i].en.n > 0);
    menu_free(menu);
    menu = menu_load("", &problem);
    assert_non_null(menu);
    menu_free(menu);
    assert_int_equal(problem.n, 0);
}

static void a_name_is_found_in_any_case_and_language_and_by_its_alias(void **state)
{
    struct buf problem = {0};
    struct menu *menu = menu_load(NULL, &problem);

    UNUSED(state);
    assert_item(menu, "Ame", "Americano");
    assert_item(menu, "aME", "Americano");
    assert_item(menu, "  LATTE\t", "Latte");
    assert_item(menu, "cafe latte", "Latte");
    assert_item(menu, "\xec\xb9\xb4\xed\x8e\x98 \xeb\x9d\xbc\xeb\x96\xbc", "Latte");
    assert_item(menu, "Americano2", NULL);
    assert_item(menu, "Amer", NULL);
    assert_item(menu, "", NULL);
    assert_item(menu, "   ", NULL);
    menu_free(menu);
}

static void a_files_menu_outlives_its_file(void **state)
{
    char text[] =
        "{\"currency\":\"EUR\",\"items\":[{\"name\":\" Melange \",\"aliases\":\"Wiener, ,Haus \",\"price\":0},"
        "{\"name\":\"Tee\",\"ko\":\"\xec\xb0\xa8\",\"en\":\"Tea\",\"price\":350,\"note\":\"unknown\"}]}";
    struct buf problem = {0};
    struct menu *menu = load_text(str_of(text), &problem);

    UNUSED(state);
    assert_non_null(menu);
    assert_int_equal(menu->n, 2);
    assert_true(str_is(menu->currency, "EUR"));
    assert_item(menu, "Haus", "Melange");
    assert_item(menu, "wiener", "Melange");
    assert_item(menu, "tea", "Tee");
    assert_int_equal(menu->items[0].n_aliases, 2);
    assert_true(str_is(menu->items[0].en, "Melange")); /* not given: the name */
    assert_int_equal(menu->items[1].price, 350);
    menu_free(menu);
}

static void its_names_are_written_as_json(void **state)
{
    struct buf problem = {0}, names = {0};
    struct menu *menu = load_text(STR("{\"currency\":\"KRW\",\"items\":[{\"name\":\"A \\\"b\\\"\",\"price\":1},"
                                      "{\"name\":\"C\",\"price\":1}]}"),
                                  &problem);

    UNUSED(state);
    assert_non_null(menu);
    menu_write_names_json(menu, &names);
    assert_true(str_is(buf_str(&names), "[\"A \\\"b\\\"\",\"C\"]"));
    buf_free(&names);
    menu_free(menu);
}

#define MENU(items) "{\"currency\":\"KRW\",\"items\":[" items "]}"

static void a_wrong_file_is_refused_with_a_sentence(void **state)
{
    UNUSED(state);
    assert_refused("", "menu.json");
    assert_refused("{\"currency\":\"KRW\"", "menu.json");
    assert_refused("{\"currency\":\"KRW\"}", "items");
    assert_refused("{\"currency\":\"krw\",\"items\":[{\"name\":\"A\",\"price\":1}]}", "currency");
    assert_refused("{\"currency\":\"\u20a9\",\"items\":[{\"name\":\"A\",\"price\":1}]}", "currency");
    assert_refused("{\"currency\":\"WON!\",\"items\":[{\"name\":\"A\",\"price\":1}]}", "currency");
    assert_refused(MENU(""), "items");
    assert_refused(MENU("{\"name\":\"A\"}"), "price");
    assert_refused(MENU("{\"price\":1}"), "name");
    assert_refused(MENU("{\"name\":\"\",\"price\":1}"), "name");
    assert_refused(MENU("{\"name\":\"  \",\"price\":1}"), "item 1 has an empty name");
    assert_refused(MENU("{\"name\":\"A\",\"price\":-1}"), "price");
    assert_refused(MENU("{\"name\":\"A\",\"price\":100000001}"), "price");
    assert_refused(MENU("{\"name\":\"A\",\"price\":1.5}"), "price");
    assert_refused(MENU("{\"name\":\"A\",\"price\":1,\"aliases\":\"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\"}"),
                   "more than 16 aliases");
}

static void no_two_items_answer_to_the_same_name(void **state)
{
    UNUSED(state);
    assert_refused(MENU("{\"name\":\"Latte\",\"price\":1},{\"name\":\"latte\",\"price\":1}"), "share a name");
    assert_refused(MENU("{\"name\":\"A\",\"price\":1},{\"name\":\"B\",\"aliases\":\"a\",\"price\":1}"), "share a name");
    assert_refused(MENU("{\"name\":\"A\",\"aliases\":\"B\",\"price\":1},{\"name\":\"B\",\"price\":1}"), "share a name");
    assert_refused(MENU("{\"name\":\"A\",\"price\":1},{\"name\":\"B\",\"en\":\"A\",\"price\":1}"), "share a name");
    assert_refused(MENU("{\"name\":\"A\",\"price\":1},{\"name\":\"B\",\"ko\":\"A\",\"price\":1}"), "share a name");
}

static void a_file_that_is_not_there_or_too_large_is_refused(void **state)
{
    char path[SCRATCH_PATH_SIZE];
    struct buf problem = {0};
    size_t n = (size_t)2 * 1024 * 1024;
    char *blanks = test_malloc(n);

    UNUSED(state);
    assert_null(menu_load(scratch_path(&scratch, "nothing.json", path), &problem));
    buf_char(&problem, '\0');
    assert_non_null(strstr(problem.p, "nothing.json"));
    buf_clear(&problem);
    memset(blanks, ' ', n);
    assert_null(load_text((struct str){blanks, n}, &problem));
    buf_char(&problem, '\0');
    assert_non_null(strstr(problem.p, "larger than"));
    test_free(blanks);
    buf_free(&problem);
}

static void without_memory_there_is_no_menu_and_nothing_leaks(void **state)
{
    bool loaded = false;

    UNUSED(state);
    for (uint64_t nth = 1; !loaded; nth++) {
        struct buf problem = {0};
        heap_fail_at(nth);
        struct menu *menu = menu_load(NULL, &problem);
        loaded = !heap_has_failed();
        heap_fail_at(0);
        assert_int_equal(menu != NULL, loaded);
        menu_free(menu);
        buf_free(&problem);
        assert_true(nth < 100000);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scratch, close_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_built_in_menu_has_what_the_shop_is_known_for),
        TEST(a_name_is_found_in_any_case_and_language_and_by_its_alias),
        TEST(a_files_menu_outlives_its_file),
        TEST(its_names_are_written_as_json),
        TEST(a_wrong_file_is_refused_with_a_sentence),
        TEST(no_two_items_answer_to_the_same_name),
        TEST(a_file_that_is_not_there_or_too_large_is_refused),
        TEST(without_memory_there_is_no_menu_and_nothing_leaks),
    };

    return cmocka_run_group_tests_name("menu", tests, NULL, NULL);
}
