/* hal_test.c: the seed's shape of entities and collections, and what page, size and sort may be. No server is needed.
 */
#include "hal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct sale {
    int64_t id;
    struct str item;
    int64_t qty;
};

static const struct json_field fields[] = {
    JSON_FIELD(struct sale, "id", id, JSON_I64, 0, 0, INT64_MAX),
    JSON_FIELD(struct sale, "productName", item, JSON_STRING, 0, 0, 100),
    JSON_FIELD(struct sale, "qty", qty, JSON_I64, 0, 0, 100),
};
static const struct json_desc desc = {"sale", fields, COUNT_OF(fields), sizeof(struct sale)};
static const struct hal_type type = {&desc, "orders", "order", offsetof(struct sale, id)};
static const char *const sortable[] = {"id", "productName", "qty", NULL};

#define BASE "http://shop:8081"
#define ENTITY                                                                                                         \
    "{\"id\":7,\"productName\":\"Latte\",\"qty\":2,\"_links\":{\"self\":{\"href\":\"" BASE "/orders/7\"},"             \
    "\"order\":{\"href\":\"" BASE "/orders/7\"}}}"

static const struct sale latte = {7, STR_INIT("Latte"), 2};

static int set_up(void **state)
{
    static struct http_request request;
    request = (struct http_request){.base = STR(BASE), .path = STR("/orders")};
    arena_init(&request.arena, 0);
    *state = &request;
    return 0;
}

static int tear_down(void **state)
{
    struct http_request *request = *state;
    buf_free(&request->reply);
    arena_free(&request->arena);
    return 0;
}

static void assert_reply(const struct http_request *request, const char *expected)
{
    assert_false(request->reply.failed);
    if (!str_is(buf_str(&request->reply), expected))
        fail_msg("got      %.*s\nexpected %s", STR_ARG(buf_str(&request->reply)), expected);
}

static void an_entity_links_to_itself_by_two_names(void **state)
{
    struct http_request *request = *state;
    hal_fill_entity(request, 200, &type, &latte);
    assert_int_equal(request->status, 200);
    assert_reply(request, ENTITY);
    assert_int_equal(request->n_headers, 0);
}

static void a_new_entity_says_where_it_is(void **state)
{
    struct http_request *request = *state;
    hal_fill_entity(request, 201, &type, &latte);
    assert_int_equal(request->n_headers, 1);
    assert_string_equal(request->header[0].name, "Location");
    assert_true(str_is(request->header[0].value, BASE "/orders/7"));
}

/* The whole collection with one item, for what the query asks. */
static void list(struct http_request *request, const char *query, int64_t total, bool with_item)
{
    struct page_request page;
    request->query = str_of(query);
    assert_true(hal_read_page(request, sortable, &page));
    hal_page_begin(request, &type);
    if (with_item)
        hal_page_item(request, &type, &latte);
    hal_page_end(request, &type, &page, total);
    assert_int_equal(request->status, 200);
}

static void a_collection_on_one_page_has_itself_as_its_only_link(void **state)
{
    struct http_request *request = *state;
    list(request, "", 1, true);
    assert_reply(request, "{\"_embedded\":{\"orders\":[" ENTITY "]},\"_links\":{\"self\":{\"href\":\"" BASE
                          "/orders{?page,size,sort}\",\"templated\":true}},"
                          "\"page\":{\"size\":20,\"totalElements\":1,\"totalPages\":1,\"number\":0}}");
}

static void an_empty_collection_is_a_page_too(void **state)
{
    struct http_request *request = *state;
    list(request, "", 0, false);
    assert_reply(request, "{\"_embedded\":{\"orders\":[]},\"_links\":{\"self\":{\"href\":\"" BASE
                          "/orders{?page,size,sort}\",\"templated\":true}},"
                          "\"page\":{\"size\":20,\"totalElements\":0,\"totalPages\":0,\"number\":0}}");
}

static void the_first_of_several_pages_links_to_the_next_and_the_last(void **state)
{
    struct http_request *request = *state;
    list(request, "size=2", 23, false);
    assert_reply(request, "{\"_embedded\":{\"orders\":[]},\"_links\":{"
                          "\"first\":{\"href\":\"" BASE "/orders?page=0&size=2\"},"
                          "\"self\":{\"href\":\"" BASE "/orders?page=0&size=2{&sort}\",\"templated\":true},"
                          "\"next\":{\"href\":\"" BASE "/orders?page=1&size=2\"},"
                          "\"last\":{\"href\":\"" BASE "/orders?page=11&size=2\"}},"
                          "\"page\":{\"size\":2,\"totalElements\":23,\"totalPages\":12,\"number\":0}}");
}

static void a_page_in_the_middle_links_both_ways_and_keeps_the_order(void **state)
{
    struct http_request *request = *state;
    list(request, "sort=qty,desc&page=1&size=10&sort=id", 23, false);
    assert_reply(request, "{\"_embedded\":{\"orders\":[]},\"_links\":{"
                          "\"first\":{\"href\":\"" BASE "/orders?page=0&size=10&sort=qty,desc&sort=id\"},"
                          "\"prev\":{\"href\":\"" BASE "/orders?page=0&size=10&sort=qty,desc&sort=id\"},"
                          "\"self\":{\"href\":\"" BASE "/orders?page=1&size=10&sort=qty,desc&sort=id\"},"
                          "\"next\":{\"href\":\"" BASE "/orders?page=2&size=10&sort=qty,desc&sort=id\"},"
                          "\"last\":{\"href\":\"" BASE "/orders?page=2&size=10&sort=qty,desc&sort=id\"}},"
                          "\"page\":{\"size\":10,\"totalElements\":23,\"totalPages\":3,\"number\":1}}");
}

static void a_page_behind_the_last_is_empty_and_leads_back(void **state)
{
    struct http_request *request = *state;
    list(request, "page=999&size=2", 23, false);
    assert_reply(request, "{\"_embedded\":{\"orders\":[]},\"_links\":{"
                          "\"first\":{\"href\":\"" BASE "/orders?page=0&size=2\"},"
                          "\"prev\":{\"href\":\"" BASE "/orders?page=998&size=2\"},"
                          "\"self\":{\"href\":\"" BASE "/orders?page=999&size=2{&sort}\",\"templated\":true},"
                          "\"last\":{\"href\":\"" BASE "/orders?page=11&size=2\"}},"
                          "\"page\":{\"size\":2,\"totalElements\":23,\"totalPages\":12,\"number\":999}}");
}

static void a_searchs_result_links_to_the_search(void **state)
{
    struct http_request *request = *state;
    request->path = STR("/orders/search/by%20item");
    request->query = STR("item=\"Latte\"");
    hal_page_begin(request, &type);
    hal_page_item(request, &type, &latte);
    hal_page_item(request, &type, &latte);
    hal_list_end(request, &type);
    assert_reply(request, "{\"_embedded\":{\"orders\":[" ENTITY "," ENTITY "]},\"_links\":{\"self\":{\"href\":\"" BASE
                          "/orders/search/by%20item?item=\\\"Latte\\\"\"}}}");
}

static void page_size_and_sort_are_read_as_spring_reads_them(void **state)
{
    struct http_request *request = *state;
    struct page_request page;
    request->query = STR("page=3&size=1000&sort=qty,productName,DESC&sort=id");
    assert_true(hal_read_page(request, sortable, &page));
    assert_int_equal(page.number, 3);
    assert_int_equal(page.size, 1000);
    assert_int_equal(page.n_sorts, 3);
    assert_int_equal(page.sort[0].column, 2);
    assert_true(page.sort[0].descending);
    assert_int_equal(page.sort[1].column, 1);
    assert_true(page.sort[1].descending);
    assert_int_equal(page.sort[2].column, 0);
    assert_false(page.sort[2].descending);
}

static void nonsense_is_refused_by_the_parameters_name(void **state)
{
    static const struct {
        const char *query, *member;
    } cases[] = {
        {"size=0", "size"},
        {"size=1001", "size"},
        {"size=ten", "size"},
        {"size=", "size"},
        {"size=1&size=2", "size"},
        {"size=-1", "size"},
        {"page=-1", "page"},
        {"page=1.5", "page"},
        {"page=99999999999999999999", "page"},
        {"page=%2B1", "page"},
        {"sort=price", "sort"},
        {"sort=", "sort"},
        {"sort=qty,down", "sort"},
        {"sort=,desc", "sort"},
        {"sort=desc", "sort"},
        {"sort=qty,,desc", "sort"},
        {"sort=id,id,id,id,id", "sort"},
        {"sort=id&sort=QTY", "sort"},
    };
    struct http_request *request = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct page_request page;
        struct buf member = {0};
        request->query = str_of(cases[i].query);
        if (hal_read_page(request, sortable, &page))
            fail_msg("%s was taken", cases[i].query);
        assert_int_equal(request->status, 400);
        buf_printf(&member, "\"member\":\"%s\"}", cases[i].member);
        assert_true(request->reply.n > member.n);
        assert_memory_equal(request->reply.p + request->reply.n - member.n, member.p, member.n);
        buf_free(&member);
    }
}

static void only_a_positive_whole_number_is_an_id(void **state)
{
    static const char *const bad[] = {"abc", "0", "-1", "+1", "1.0", "", "01", "99999999999999999999", "1 "};
    struct http_request *request = *state;
    int64_t id = 0;
    request->param[0] = STR("9223372036854775807");
    assert_true(hal_read_id(request, 0, &id));
    assert_int_equal(id, INT64_MAX);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        request->param[0] = str_of(bad[i]);
        assert_false(hal_read_id(request, 0, &id));
        assert_int_equal(request->status, 404);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_entity_links_to_itself_by_two_names),
        CASE(a_new_entity_says_where_it_is),
        CASE(a_collection_on_one_page_has_itself_as_its_only_link),
        CASE(an_empty_collection_is_a_page_too),
        CASE(the_first_of_several_pages_links_to_the_next_and_the_last),
        CASE(a_page_in_the_middle_links_both_ways_and_keeps_the_order),
        CASE(a_page_behind_the_last_is_empty_and_leads_back),
        CASE(a_searchs_result_links_to_the_search),
        CASE(page_size_and_sort_are_read_as_spring_reads_them),
        CASE(nonsense_is_refused_by_the_parameters_name),
        CASE(only_a_positive_whole_number_is_an_id),
    };
    return cmocka_run_group_tests_name("hal", tests, NULL, NULL);
}
