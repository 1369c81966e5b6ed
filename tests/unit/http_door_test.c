/* http_door_test.c: what of a service is there for whom: for its peers and operators, for who comes through the
 * gateway, for a page of another origin in somebody's browser.
 */
#include "http_bench.h"
#include "http_hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST "Host: localhost:8081\r\n"
#define GATEWAY "X-Gateway: 1\r\n"

static void say_whence(void *context, struct http_request *request)
{
    UNUSED(context);
    request->status = 200;
    buf_add(&request->reply, request->outside ? STR("outside") : STR("inside"));
    http_reply(request);
}

static const struct route routes[] = {
    {HTTP_GET, "/orders", say_whence, .doc = "For everybody."},
    {HTTP_GET, "/orders/{id}", say_whence, .doc = "For everybody."},
    {HTTP_GET, "/orders/inner", say_whence, .doc = "Internal.", .inner = true},
    {HTTP_GET, "/events", say_whence, .doc = "Internal.", .inner = true},
    {HTTP_POST, "/orders", say_whence, .doc = "Place."},
    {HTTP_PUT, "/orders/{id}", say_whence, .doc = "Change.", .body_optional = true},
    {HTTP_DELETE, "/orders/{id}", say_whence, .doc = "Take away."},
    {HTTP_PUT, "/swap", say_whence, .doc = "Internal.", .body_optional = true, .inner = true},
    {.path = NULL},
};

static int set_up(void **state)
{
    static struct http_bench bench;
    struct http_settings settings = http_bench_settings();
    http_bench_start(&bench, &settings, routes);
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    http_bench_stop(*state);
    return 0;
}

static struct raw_answer ask(void **state, const char *text)
{
    struct raw_answer answer;
    raw_ask(((struct http_bench *)*state)->port, text, &answer);
    return answer;
}

static void peers_and_operators_reach_what_is_inner(void **state)
{
    struct raw_answer answer = ask(state, "GET /events HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "inside");
    answer = ask(state, "PUT /swap HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answer.status, 200);
    answer = ask(state, "OPTIONS /swap HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(raw_header(&answer, "Allow"), "PUT, OPTIONS");
}

/* The answer in `copy`, with the path asked for taken out. */
static void without_path(const struct raw_answer *answer, const char *path, char *copy, size_t size)
{
    const char *at = strstr(answer->body, path);
    size_t n = at ? (size_t)(at - answer->body) : answer->n_body;
    struct buf text = {0};
    buf_printf(&text, "%d %.*s%s%c", answer->status, (int)n, answer->body, at ? at + strlen(path) : "", 0);
    assert_true(text.n < size);
    memcpy(copy, text.p, text.n);
    buf_free(&text);
}

static void for_who_comes_through_the_gateway_an_inner_path_is_one_that_does_not_exist(void **state)
{
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"};
    static const char *const spellings[] = {"X-Gateway: 1\r\n", "x-gateway: \r\n", "X-GATEWAY: no\r\nX-Gateway: 0\r\n"};
    for (size_t i = 0; i < COUNT_OF(methods) * COUNT_OF(spellings); i++) {
        char inner[512], unknown[512];
        static const char *const paths[] = {"/events", "/swap"};
        const char *method = methods[i % COUNT_OF(methods)];
        const char *header = spellings[i / COUNT_OF(methods)];
        struct buf text = {0};
        if (strcmp(method, "HEAD") == 0)
            continue; /* below: it has no body to compare */
        buf_printf(&text, "%s /nowhere HTTP/1.1\r\n" HOST "%s\r\n%c", method, header, 0);
        struct raw_answer answer = ask(state, text.p);
        assert_int_equal(answer.status, 404);
        assert_null(raw_header(&answer, "Allow"));
        without_path(&answer, "/nowhere", unknown, sizeof unknown);
        for (size_t j = 0; j < COUNT_OF(paths); j++) {
            buf_clear(&text);
            buf_printf(&text, "%s %s HTTP/1.1\r\n" HOST "%s\r\n%c", method, paths[j], header, 0);
            answer = ask(state, text.p);
            assert_null(raw_header(&answer, "Allow"));
            without_path(&answer, paths[j], inner, sizeof inner);
            assert_string_equal(inner, unknown);
        }
        buf_free(&text);
    }
}

static void head_of_an_inner_path_is_404_through_the_gateway(void **state)
{
    struct raw_answer answer;
    int fd = raw_connect(((struct http_bench *)*state)->port);
    raw_say(fd, "HEAD /events HTTP/1.1\r\n" HOST GATEWAY "\r\n");
    raw_hear(fd, &answer, true);
    assert_int_equal(answer.status, 404);
    raw_say(fd, "HEAD /events HTTP/1.1\r\n" HOST "\r\n");
    raw_hear(fd, &answer, true);
    assert_int_equal(answer.status, 200); /* the connection is not marked, the request was */
    close(fd);
}

static void what_is_for_everybody_knows_whence_it_was_asked(void **state)
{
    struct raw_answer answer = ask(state, "GET /orders HTTP/1.1\r\n" HOST GATEWAY "\r\n");
    assert_string_equal(answer.body, "outside");
    answer = ask(state, "GET /orders HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(answer.body, "inside");
    answer = ask(state, "OPTIONS /orders/inner HTTP/1.1\r\n" HOST GATEWAY "\r\n");
    assert_string_equal(raw_header(&answer, "Allow"),
                        "GET, HEAD, PUT, DELETE, OPTIONS"); /* as of an order of that name */
}

/* Foreign pages --------------------------------------------------------------------------------------------------- */

#define JSON "Content-Type: application/json\r\n"
#define BODY "Content-Length: 2\r\n\r\n{}"
#define POST "POST /orders HTTP/1.1\r\n"

struct door_case {
    const char *text;
    int status;
    const char *member; /* that the problem names */
};

static void assert_answers(void **state, const struct door_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buf member = {0};
        struct raw_answer answer = ask(state, cases[i].text);
        buf_printf(&member, "\"member\":\"%s\"%c", cases[i].member ? cases[i].member : "", 0);
        if (answer.status != cases[i].status || (cases[i].member && !strstr(answer.body, member.p)))
            fail_msg("%s\ngets %s%s", cases[i].text, answer.head, answer.body);
        buf_free(&member);
    }
}

static void a_page_of_another_origin_changes_nothing(void **state)
{
    static const struct door_case cases[] = {
        /* what a browser sends without asking first */
        {POST HOST "Origin: http://evil.example\r\n" BODY, 403, "Origin"},
        {POST HOST "Origin: null\r\nContent-Type: text/plain;charset=UTF-8\r\n" BODY, 403, "Origin"},
        {POST HOST "Origin: http://evil.example\r\nContent-Type: multipart/form-data; boundary=x\r\n" BODY, 403,
         "Origin"},
        {POST HOST "Origin: http://evil.example\r\nContent-Length: 0\r\n\r\n", 403, "Origin"},
        {POST HOST "Sec-Fetch-Site: cross-site\r\n" JSON BODY, 403, "Sec-Fetch-Site"},
        /* what it would ask for first */
        {POST HOST "Origin: http://evil.example\r\n" JSON BODY, 403, "Origin"},
        {"PUT /orders/1 HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n", 403, "Origin"},
        {"DELETE /orders/1 HTTP/1.1\r\n" HOST "Origin: https://evil.example\r\n\r\n", 403, "Origin"},
        /* not quite ours */
        {POST HOST "Origin: http://localhost:3000\r\nSec-Fetch-Site: same-site\r\n" JSON BODY, 403, "Sec-Fetch-Site"},
        {POST HOST "Origin: http://localhost\r\n" JSON BODY, 403, "Origin"},
        {POST HOST "Origin: http://localhost:80811\r\n" JSON BODY, 403, "Origin"},
        {POST HOST "Origin: http://localhost:8081.evil.example\r\n" JSON BODY, 403, "Origin"},
        {POST HOST "Origin: http://evil.example/localhost:8081\r\n" JSON BODY, 403, "Origin"},
        {POST HOST "Origin: localhost:8081\r\n" JSON BODY, 403, "Origin"},
        {POST HOST "Origin: \r\n" JSON BODY, 403, "Origin"},
        {POST HOST "Origin: http://localhost:8081\r\nSec-Fetch-Site: Same-Origin\r\n" JSON BODY, 403, "Sec-Fetch-Site"},
        {POST HOST "Origin: http://localhost:8081\r\nOrigin: http://evil.example\r\n" JSON BODY, 400, "Origin"},
        {POST HOST "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n" JSON BODY, 400, "Sec-Fetch-Site"},
    };
    assert_answers(state, cases, COUNT_OF(cases));
}

static void our_own_page_and_who_is_no_page_may_change(void **state)
{
    static const struct door_case cases[] = {
        {POST HOST "Origin: http://localhost:8081\r\n" JSON BODY, 200, NULL},
        {POST HOST "Origin: https://LOCALHOST:8081\r\nSec-Fetch-Site: same-origin\r\n" JSON BODY, 200, NULL},
        {POST HOST "Origin: http://behind.a.proxy\r\nSec-Fetch-Site: same-origin\r\n" JSON BODY, 200, NULL},
        {POST HOST "Origin: http://shop.example\r\nX-Forwarded-Host: shop.example\r\n" JSON BODY, 200, NULL},
        {POST HOST "Sec-Fetch-Site: none\r\n" JSON BODY, 200, NULL},
        {POST HOST JSON BODY, 200, NULL},
        {"PUT /orders/1 HTTP/1.1\r\n" HOST "\r\n", 200, NULL}, /* curl -X PUT */
        {"DELETE /orders/1 HTTP/1.1\r\n" HOST "\r\n", 200, NULL},
    };
    assert_answers(state, cases, COUNT_OF(cases));
}

static void a_page_of_another_origin_may_read_what_its_browser_keeps_from_it(void **state)
{
    static const struct door_case cases[] = {
        {"GET /orders HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n\r\n", 200,
         NULL},
        {"OPTIONS /orders HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n", 204, NULL},
        {"PATCH /orders HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n\r\n", 405, NULL},
        {"POST /nowhere HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\n" BODY, 404, NULL},
    };
    assert_answers(state, cases, COUNT_OF(cases));
    struct raw_answer answer = ask(state, cases[0].text);
    assert_null(raw_header(&answer, "Access-Control-Allow-Origin"));
}

static void a_body_says_that_it_is_json(void **state)
{
    static const struct door_case cases[] = {
        {POST HOST BODY, 415, "Content-Type"},
        {POST HOST "Content-Type: \r\n" BODY, 415, "Content-Type"},
        {POST HOST "Content-Type: application/x-www-form-urlencoded\r\n" BODY, 415, "Content-Type"},
        {POST HOST "Content-Type: text/json\r\n" BODY, 415, "Content-Type"},
        {POST HOST "Content-Type: text/plain+json\r\n" BODY, 415, "Content-Type"},
        {POST HOST "Content-Type: application/+json\r\n" BODY, 415, "Content-Type"},
        {POST HOST "Content-Type: application/json, text/plain\r\n" BODY, 415, "Content-Type"},
        {"DELETE /orders/1 HTTP/1.1\r\n" HOST BODY, 415, "Content-Type"},
        {"PUT /orders/1 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 415, "Content-Type"},
        {POST HOST "Content-Type: application/hal+json; charset=utf-8\r\n" BODY, 200, NULL},
        {POST HOST "Content-Type: APPLICATION/vnd.shop.v2+json\r\n" BODY, 200, NULL},
    };
    assert_answers(state, cases, COUNT_OF(cases));
}

/* Names ----------------------------------------------------------------------------------------------------------- */

static void only_names_that_no_strangers_dns_can_give_are_answered(void **state)
{
    static const struct {
        const char *host;
        int status;
    } cases[] = {
        {"localhost", 200},
        {"LOCALHOST:8081", 200},
        {"localhost.", 200},
        {"shop.localhost:1", 200},
        {"127.0.0.1:8081", 200},
        {"10.1.2.3", 200},
        {"[::1]:8081", 200},
        {"order", 200},
        {"order:8080", 200},
        {"shop.example", 200}, /* in the bench's setting */
        {"Shop.Example.:8443", 200},
        {"evil.example", 421},
        {"a.shop.example", 421},
        {"shop.example.evil.example:8081", 421},
        {"127.0.0.1.evil.example", 421},
        {"127.0.0.1x", 421},
        {"1.2.3.4.5", 421},
        {"localhost.evil.example", 421},
        {"evil.examplelocalhost", 421},
        {"evil.localhost.example", 421},
        {".", 421},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int absolute = 0; absolute < 2; absolute++) { /* of "GET http://host/…" that host counts */
            struct buf text = {0};
            if (absolute)
                buf_printf(&text, "GET http://%s/orders HTTP/1.1\r\nHost: evil.example\r\n\r\n%c", cases[i].host, 0);
            else
                buf_printf(&text, "GET /orders HTTP/1.1\r\nHost: %s\r\n\r\n%c", cases[i].host, 0);
            struct raw_answer answer = ask(state, text.p);
            if (answer.status != cases[i].status)
                fail_msg("%s gets %s%s", text.p, answer.head, answer.body);
            if (answer.status == 421)
                assert_non_null(strstr(answer.body, "\"member\":\"Host\""));
            buf_free(&text);
        }
    }
}

static void names_are_added_by_a_setting_that_has_names_in_it(void **state)
{
    static const char *const refused[] = {"shop.example,b.example", "http://shop.example", "shop.example:80", "a/b",
                                          "*a"};
    struct http_hosts hosts;
    struct str wrong;
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_false(http_hosts_read(refused[i], &hosts, &wrong));
    assert_true(http_hosts_read(" shop.example  *.b.example", &hosts, &wrong));
    assert_true(http_hosts_take(&hosts, STR("SHOP.example:1")));
    assert_true(http_hosts_take(&hosts, STR("x.y.B.example")));
    assert_false(http_hosts_take(&hosts, STR("b.example")));
    assert_false(http_hosts_take(&hosts, STR("evilb.example")));
    assert_true(http_hosts_read("*", &hosts, &wrong));
    assert_true(http_hosts_take(&hosts, STR("evil.example")));
    assert_true(http_hosts_read(NULL, &hosts, &wrong));
    assert_false(http_hosts_take(&hosts, STR("evil.example")));
    memcpy(hosts.own, "pi.home.example", sizeof "pi.home.example"); /* as if this machine had a name of that kind */
    assert_true(http_hosts_take(&hosts, STR("PI.home.example:8081")));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(peers_and_operators_reach_what_is_inner),
        CASE(for_who_comes_through_the_gateway_an_inner_path_is_one_that_does_not_exist),
        CASE(head_of_an_inner_path_is_404_through_the_gateway),
        CASE(what_is_for_everybody_knows_whence_it_was_asked),
        CASE(a_page_of_another_origin_changes_nothing),
        CASE(our_own_page_and_who_is_no_page_may_change),
        CASE(a_page_of_another_origin_may_read_what_its_browser_keeps_from_it),
        CASE(a_body_says_that_it_is_json),
        CASE(only_names_that_no_strangers_dns_can_give_are_answered),
        cmocka_unit_test(names_are_added_by_a_setting_that_has_names_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
