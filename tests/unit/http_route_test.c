/* http_route_test.c: a path is matched as it came, or refused: no spelling leads to a route but the route's own. */
#include "http_route.h"

#include "errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void handle(void *context, struct http_request *request)
{
    UNUSED(context);
    UNUSED(request);
}

static const struct route routes[] = {
    {HTTP_GET, "/", handle, .doc = "What is here."},
    {HTTP_GET, "/orders", handle, .doc = "All."},
    {HTTP_GET, "/orders/{id}", handle, .doc = "One."},
    {HTTP_GET, "/orders/{id}/lines/{line}", handle, .doc = "One's."},
    {HTTP_GET, "/events", handle, .doc = "Internal.", .inner = true},
    {HTTP_GET, "/dead-letters/replay", handle, .doc = "Internal.", .inner = true},
    {HTTP_GET, "/orders/search/all", handle, .doc = "Internal.", .inner = true},
    {.path = NULL},
};

struct finder {
    struct http_router *router;
    struct arena arena;
};

static int set_up(void **state)
{
    static struct finder finder;
    finder.router = http_router_new(routes);
    assert_non_null(finder.router);
    arena_init(&finder.arena, 0);
    *state = &finder;
    return 0;
}

static int tear_down(void **state)
{
    struct finder *finder = *state;
    http_router_free(finder->router);
    arena_free(&finder->arena);
    return 0;
}

static int find(struct finder *finder, struct str raw, bool outside, struct http_match *match)
{
    struct http_path path;
    int rc = http_path_read(&finder->arena, raw, &path);
    *match = (struct http_match){0};
    if (rc == OK)
        *match = http_router_find(finder->router, HTTP_GET, &path, outside);
    return rc;
}

static void what_somebody_could_take_for_another_path_is_malformed(void **state)
{
    static const char *const paths[] = {
        "",
        "events",
        "/orders/..",
        "/orders/../events",
        "/./events",
        "/orders/.",
        "/orders/%2e%2e/events",
        "/orders/.%2E/events",
        "/orders/%2e./events",
        "/orders/%2e/1",
        "/orders/..%2fevents",
        "/orders%2f1",
        "/orders/%2Fevents",
        "/orders\\1",
        "/orders/..\\events",
        "/orders/%5cevents",
        "/orders/%5Cevents",
        "/orders;a=b/1",
        "/orders/1;jsessionid=2",
        "/orders/1%3bx",
        "/orders/..;/events",
        "/orders/%00",
        "/orders/1%00.json",
        "/orders/1%0a",
        "/orders/1%7f",
        "/orders/1\t",
        "/orders/#/../../events",
        "/orders#",
        "/events/..%2forders%2fx%2fy/..",
        "/orders/%",
        "/orders/%2",
        "/orders/%zz",
        "/orders/%c0%ae%c0%ae",
        "/orders/%ed%a0%80",
        "/orders/\xff",
    };
    struct http_match match;
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        if (find(*state, str_of(paths[i]), false, &match) != E_MALFORMED)
            fail_msg("\"%s\" is taken", paths[i]);
}

static void another_spelling_of_a_path_is_another_path(void **state)
{
    static const char *const paths[] = {"//events",
                                        "/events/",
                                        "/Events",
                                        "/%65vents",
                                        "/event%73",
                                        "//",
                                        "/orders/",
                                        "/orders//lines/1",
                                        "/orders/1/lines/",
                                        "/orders/1/%6cines/2",
                                        "/events%20",
                                        "/events%3f",
                                        "/events%23",
                                        "/orders/%252e%252e/events",
                                        "/dead-letters%252freplay",
                                        "/*"};
    struct http_match match;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        assert_int_equal(find(*state, str_of(paths[i]), false, &match), OK);
        if (match.path_known)
            fail_msg("\"%s\" is \"%s\"", paths[i], match.route ? match.route->path : "known");
    }
}

static void a_path_deeper_than_any_route_is_not_there(void **state)
{
    struct http_match match;
    assert_int_equal(find(*state, STR("/1/2/3/4/5/6/7/8/9/10/11/12"), false, &match), OK);
    assert_int_equal(find(*state, STR("/1/2/3/4/5/6/7/8/9/10/11/12/13"), false, &match), E_NOT_FOUND);
}

static void what_is_inner_is_there_for_those_inside_only(void **state)
{
    struct http_match match;
    assert_int_equal(find(*state, STR("/events"), false, &match), OK);
    assert_string_equal(match.route ? match.route->path : "", "/events");
    assert_int_equal(find(*state, STR("/events"), true, &match), OK);
    assert_false(match.path_known);
    assert_int_equal(find(*state, STR("/orders"), true, &match), OK);
    assert_string_equal(match.route ? match.route->path : "", "/orders");
}

/* Whether `raw` is the route's path letter by letter, with something without a slash where it has a parameter. */
static bool is_literally(const char *pattern, struct str raw)
{
    size_t at = 0;
    while (*pattern) {
        if (*pattern == '{') {
            size_t from = at;
            while (at < raw.n && raw.p[at] != '/')
                at++;
            if (at == from)
                return false;
            pattern = strchr(pattern, '}') + 1;
        } else if (at == raw.n || raw.p[at++] != *pattern++) {
            return false;
        }
    }
    return at == raw.n;
}

static struct str random_path(struct buf *text, unsigned *seed)
{
    static const char *const pieces[] = {"/",          "/",
                                         "/",          "//",
                                         "..",         ".",
                                         "%2e",        "%2E",
                                         "%2f",        "%5c",
                                         "\\",         ";",
                                         "%3b",        "%00",
                                         "#",          "%23",
                                         "%25",        "\xc0\xaf",
                                         "%c0%af",     "\xef\xbc\x8f",
                                         " ",          "%09",
                                         "+",          "x",
                                         "1",          "orders",
                                         "/orders",    "/orders/",
                                         "lines",      "events",
                                         "/events",    "%65vents",
                                         "EVENTS",     "/dead-letters/replay",
                                         "/search/all"};
    buf_clear(text);
    if (rand_r(seed) % 8)
        buf_char(text, '/');
    for (int n = rand_r(seed) % 7; n >= 0; n--)
        buf_add(text, str_of(pieces[(size_t)rand_r(seed) % COUNT_OF(pieces)]));
    return buf_str(text);
}

static void nothing_but_a_routes_own_path_leads_to_it(void **state)
{
    struct finder *finder = *state;
    struct buf text = {0};
    unsigned seed = 1;
    size_t n_inner = 0;
    size_t n_found = 0;
    for (int i = 0; i < 52000; i++) {
        struct http_match match;
        struct str raw = random_path(&text, &seed);
        bool outside = i % 2;
        if (find(finder, raw, outside, &match) == OK && match.route) {
            if (!is_literally(match.route->path, raw) || (outside && match.route->inner))
                fail_msg("\"%.*s\" leads to %s", STR_ARG(raw), match.route->path);
            n_found++;
            n_inner += match.route->inner;
        }
        arena_reset(&finder->arena);
    }
    assert_true(n_found > 100 && n_inner > 10 && n_inner < n_found);
    buf_free(&text);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_somebody_could_take_for_another_path_is_malformed),
        CASE(another_spelling_of_a_path_is_another_path),
        CASE(a_path_deeper_than_any_route_is_not_there),
        CASE(what_is_inner_is_there_for_those_inside_only),
        CASE(nothing_but_a_routes_own_path_leads_to_it),
    };
    return cmocka_run_group_tests_name("http_route", tests, NULL, NULL);
}
