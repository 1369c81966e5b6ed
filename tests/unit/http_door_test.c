/* http_door_test.c: what of a service is there for whom: for its peers and operators, for who comes through the
 * gateway.
 */
#include "http_bench.h"

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
    assert_string_equal(raw_header(&answer, "Allow"), "GET, HEAD, OPTIONS"); /* as of an order of that name */
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(peers_and_operators_reach_what_is_inner),
        CASE(for_who_comes_through_the_gateway_an_inner_path_is_one_that_does_not_exist),
        CASE(head_of_an_inner_path_is_404_through_the_gateway),
        CASE(what_is_for_everybody_knows_whence_it_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
