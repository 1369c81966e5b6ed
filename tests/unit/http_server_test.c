/* http_server_test.c: what one client on one connection sees, over a real socket. */
#include "http_bench.h"

#include "alloc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST "Host: shop.example:8081\r\n"
#define JSON "Content-Type: application/json\r\n"

/* Says what arrived. */
static void echo(void *context, struct http_request *request)
{
    struct buf *out = &request->reply;
    UNUSED(context);
    request->status = request->method == HTTP_POST ? 201 : 200;
    buf_printf(out, "path=%.*s param=%.*s query=%.*s base=%.*s body=%.*s key=%.*s trace=%.*s", STR_ARG(request->path),
               STR_ARG(request->param[0]), STR_ARG(request->query), STR_ARG(request->base), STR_ARG(request->body),
               STR_ARG(request->idempotency_key), STR_ARG(request->traceparent));
    if (request->method == HTTP_POST)
        http_add_header(request, "Location", STR("http://shop.example:8081/orders/1"));
    http_reply(request);
}

static void show_query(void *context, struct http_request *request)
{
    struct str value;
    UNUSED(context);
    request->status = 200;
    for (size_t i = 0; http_query(request, "name", i, &value); i++) {
        buf_add(&request->reply, value);
        buf_char(&request->reply, ';');
    }
    http_reply(request);
}

static void refuse(void *context, struct http_request *request)
{
    UNUSED(context);
    http_problem(request, 503, "item", "There is no \"%s\" at the moment.", "Mocha");
}

static const struct route routes[] = {
    {HTTP_POST, "/orders", echo, .doc = "Place."},
    {HTTP_GET, "/orders/{id}", echo, .doc = "Show."},
    {HTTP_PATCH, "/orders/{id}", echo, .doc = "Change."},
    {HTTP_GET, "/orders/search", show_query, .doc = "Search."},
    {HTTP_PUT, "/orders/{id}/cancel", echo, .doc = "Cancel.", .body_optional = true},
    {HTTP_GET, "/refused", refuse, .doc = "Always refused."},
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

static void assert_header(const struct raw_answer *answer, const char *name, const char *expected)
{
    const char *value = raw_header(answer, name);
    assert_non_null(value);
    assert_string_equal(value, expected);
}

static void assert_says(const struct raw_answer *answer, const char *text)
{
    if (!strstr(answer->body, text))
        fail_msg("no \"%s\" in: %s", text, answer->body);
}

static void an_order_is_answered_with_its_location(void **state)
{
    struct raw_answer answer = ask(state, "POST /orders HTTP/1.1\r\n" HOST JSON
                                          "Idempotency-Key: k-1\r\nContent-Length: 9\r\n\r\n{\"qty\":1}");
    assert_int_equal(answer.status, 201);
    assert_header(&answer, "Location", "http://shop.example:8081/orders/1");
    assert_header(&answer, "Content-Type", "application/hal+json");
    assert_says(&answer, "body={\"qty\":1} ");
    assert_says(&answer, "base=http://shop.example:8081 ");
    assert_says(&answer, "key=k-1 ");
}

static void a_chunked_body_arrives_whole_and_ends_the_connection(void **state)
{
    struct http_bench *bench = *state;
    struct raw_answer answer;
    int fd = raw_connect(bench->port);
    raw_say(fd, "POST /orders HTTP/1.1\r\n" HOST JSON
                "Transfer-Encoding: chunked\r\n\r\n4\r\n{\"qt\r\n5\r\ny\":1}\r\n0\r\n\r\n");
    raw_hear(fd, &answer, false);
    assert_int_equal(answer.status, 201);
    assert_says(&answer, "body={\"qty\":1} ");
    assert_true(raw_is_closed(fd));
    close(fd);
}

static void requests_sent_at_once_are_answered_in_order_on_one_connection(void **state)
{
    struct http_bench *bench = *state;
    struct raw_answer answer;
    int fd = raw_connect(bench->port);
    raw_say(fd, "POST /orders HTTP/1.1\r\n" HOST JSON "Content-Length: 1\r\n\r\n1"
                "GET /orders/2 HTTP/1.1\r\n" HOST "\r\n"
                "POST /nowhere HTTP/1.1\r\n" HOST JSON "Content-Length: 1\r\n\r\n3"
                "GET /orders/4 HTTP/1.1\r\n" HOST "\r\n");
    raw_hear(fd, &answer, false);
    assert_says(&answer, "body=1 ");
    raw_hear(fd, &answer, false);
    assert_says(&answer, "param=2 ");
    raw_hear(fd, &answer, false);
    assert_int_equal(answer.status, 404);
    raw_hear(fd, &answer, false);
    assert_says(&answer, "param=4 ");
    close(fd);
}

static void a_parameter_is_decoded_and_the_path_stays_as_it_came(void **state)
{
    struct raw_answer answer = ask(state, "GET /orders/%EC%95%84+1 HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answer.status, 200);
    assert_says(&answer, "path=/orders/%EC%95%84+1 param=\xEC\x95\x84+1 ");
}

static void a_literal_path_goes_before_a_parameter(void **state)
{
    struct raw_answer answer =
        ask(state, "GET /orders/search?name=caf%C3%A9+au+lait&x=1&name=%26 HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(answer.body, "caf\xC3\xA9 au lait;&;");
    answer = ask(state, "PATCH /orders/search HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}");
    assert_int_equal(answer.status, 405);
    assert_header(&answer, "Allow", "GET, HEAD, OPTIONS");
}

static void what_can_not_be_decoded_is_refused(void **state)
{
    static const char *const targets[] = {"/orders/%zz",   "/orders/%f",   "/orders/%ff",    "/orders/%00",
                                          "/orders/1?a=%", "/../orders/1", "/orders/%0d%0a", "/orders/1?q=%ED%A0%80"};
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        struct buf text = {0};
        buf_printf(&text, "GET %s HTTP/1.1\r\n" HOST "\r\n%c", targets[i], 0);
        struct raw_answer answer = ask(state, text.p);
        assert_int_equal(answer.status, 400);
        assert_header(&answer, "Content-Type", "application/problem+json");
        assert_says(&answer, "\"instance\":\"/");
        buf_free(&text);
    }
}

static void a_path_that_can_not_be_read_is_named_as_it_came(void **state)
{
    struct raw_answer answer = ask(state, "GET /orders/%00?a=1 HTTP/1.1\r\n" HOST "\r\n");
    assert_says(&answer, "\"instance\":\"/orders/%00\"");
    answer = ask(state, "GET /orders/\xff\"\\ HTTP/1.1\r\n" HOST "\r\n");
    assert_says(&answer, "\"instance\":\"/orders/%FF%22%5C\"");
    answer = ask(state, "GET http://shop/orders/%zz HTTP/1.1\r\n" HOST "\r\n");
    assert_says(&answer, "\"instance\":\"/orders/%zz\"");
    answer = ask(state, "POST /orders HTTP/1.1\r\n" HOST JSON "Content-Length: 5000\r\n\r\n");
    assert_int_equal(answer.status, 413);
    assert_says(&answer, "\"instance\":\"/orders\"");
}

static void a_method_that_the_path_lacks_is_told_which_it_has(void **state)
{
    struct raw_answer answer = ask(state, "DELETE /orders/1 HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answer.status, 405);
    assert_header(&answer, "Allow", "GET, HEAD, PATCH, OPTIONS");
    assert_string_equal(
        answer.body,
        "{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\",\"status\":405,\"detail\":\"this path does "
        "not have the method; Allow says which it has\",\"instance\":\"/orders/1\"}");
}

static void head_and_options_answer_by_themselves(void **state)
{
    struct raw_answer answer = ask(state, "HEAD /orders/1 HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answer.status, 200);
    assert_string_not_equal(raw_header(&answer, "Content-Length"), "0");
    answer = ask(state, "OPTIONS /orders HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answer.status, 204);
    assert_header(&answer, "Allow", "POST, OPTIONS");
    answer = ask(state, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answer.status, 204);
}

static void the_type_served_follows_accept(void **state)
{
    static const struct {
        const char *accept, *type;
    } cases[] = {
        {"Accept: application/json, */*;q=0.5\r\n", "application/json"},
        {"Accept: */*\r\n", "application/hal+json"},
        {"Accept: application/*\r\n", "application/hal+json"},
        {"Accept: application/hal+json;q=0, */*\r\n", "application/json"},
        {"Accept: text/html\r\nAccept: application/json\r\n", "application/json"},
        {"", "application/hal+json"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf text = {0};
        buf_printf(&text, "GET /orders/1 HTTP/1.1\r\n" HOST "%s\r\n%c", cases[i].accept, 0);
        struct raw_answer answer = ask(state, text.p);
        assert_int_equal(answer.status, 200);
        assert_header(&answer, "Content-Type", cases[i].type);
        buf_free(&text);
    }
}

static void nothing_acceptable_is_406(void **state)
{
    struct raw_answer answer = ask(state, "GET /orders/1 HTTP/1.1\r\n" HOST "Accept: application/xml, */*;q=0\r\n\r\n");
    assert_int_equal(answer.status, 406);
    answer = ask(state, "POST /orders HTTP/1.1\r\n" HOST JSON "Accept: text/html\r\nContent-Length: 1\r\n\r\n1");
    assert_int_equal(answer.status, 406);
    assert_null(raw_header(&answer, "Location")); /* nothing was placed */
}

static void only_json_is_taken(void **state)
{
    struct raw_answer answer =
        ask(state, "POST /orders HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\n1");
    assert_int_equal(answer.status, 415);
    answer = ask(state, "POST /orders HTTP/1.1\r\n" HOST JSON "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\n1");
    assert_int_equal(answer.status, 415);
    answer = ask(state, "POST /orders HTTP/1.1\r\n" HOST
                        "Content-Type: application/hal+json;charset=UTF-8\r\nContent-Length: 1\r\n\r\n1");
    assert_int_equal(answer.status, 201);
    answer = ask(state, "POST /orders HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n1"); /* no type said */
    assert_int_equal(answer.status, 415);
    assert_says(&answer, "\"member\":\"Content-Type\"");
}

static void a_body_is_asked_for_where_one_is_needed(void **state)
{
    struct raw_answer answer = ask(state, "POST /orders HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answer.status, 400);
    answer = ask(state, "PUT /orders/1/cancel HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answer.status, 200);
}

static void a_body_too_large_is_413_declared_or_streamed(void **state)
{
    struct buf text = {0};
    struct raw_answer answer =
        ask(state, "POST /orders HTTP/1.1\r\n" HOST JSON "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n");
    assert_int_equal(answer.status, 413); /* and no 100 before it */
    BUF_LIT(&text, "POST /orders HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n3e9\r\n");
    for (int i = 0; i < 1001; i++)
        buf_char(&text, '1');
    buf_add(&text, (struct str){"\r\n0\r\n\r\n", 8});
    answer = ask(state, text.p);
    assert_int_equal(answer.status, 413);
    assert_header(&answer, "Connection", "close");
    buf_free(&text);
}

static void the_clients_correlation_id_comes_back_and_a_bad_one_is_replaced(void **state)
{
    struct raw_answer answer = ask(state, "GET /orders/1 HTTP/1.1\r\n" HOST "X-Correlation-ID: till-7\r\n\r\n");
    assert_header(&answer, "X-Correlation-ID", "till-7");
    answer = ask(state, "GET /orders/1 HTTP/1.1\r\n" HOST "X-Correlation-ID: a b\r\n\r\n");
    assert_int_equal(strlen(raw_header(&answer, "X-Correlation-ID")), 32);
    answer = ask(state, "GET /nowhere HTTP/1.1\r\n" HOST "X-Correlation-ID: till-8\r\n\r\n");
    assert_header(&answer, "X-Correlation-ID", "till-8");
}

static void a_valid_traceparent_is_kept_and_another_replaced(void **state)
{
#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    struct raw_answer answer = ask(state, "GET /orders/1 HTTP/1.1\r\n" HOST "traceparent: " TRACE "\r\n\r\n");
    assert_says(&answer, "trace=" TRACE);
    answer = ask(state, "GET /orders/1 HTTP/1.1\r\n" HOST
                        "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\r\n\r\n");
    assert_says(&answer, "trace=00-");
    assert_null(strstr(answer.body, "trace=00-00000000000000000000000000000000"));
}

static void links_follow_the_proxy_that_is_believed(void **state)
{
    struct raw_answer answer =
        ask(state, "GET /orders/1 HTTP/1.1\r\n" HOST "X-Forwarded-Proto: https\r\nX-Forwarded-Host: coffee.example\r\n"
                   "X-Forwarded-Port: 8443\r\nX-Forwarded-Prefix: /shop/\r\n\r\n");
    assert_says(&answer, "base=https://coffee.example:8443/shop ");
}

static void links_do_not_follow_a_stranger(void **state)
{
    struct http_bench other;
    struct http_settings settings = http_bench_settings();
    struct raw_answer answer;
    UNUSED(state);
    settings.trusted_proxy = "192.0.2.0/24";
    http_bench_start(&other, &settings, routes);
    raw_ask(other.port, "GET /orders/1 HTTP/1.1\r\n" HOST "X-Forwarded-Host: evil.example\r\n\r\n", &answer);
    assert_says(&answer, "base=http://shop.example:8081 ");
    http_bench_stop(&other);
}

static void a_problem_names_what_was_wrong_and_when_to_come_back(void **state)
{
    struct raw_answer answer = ask(state, "GET /refused HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(answer.status, 503);
    assert_header(&answer, "Retry-After", "1");
    assert_string_equal(answer.body,
                        "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                        "\"detail\":\"There is no \\\"Mocha\\\" at the moment.\",\"instance\":\"/refused\","
                        "\"member\":\"item\"}");
}

static void a_bad_idempotency_key_is_refused_by_name(void **state)
{
    struct raw_answer answer =
        ask(state, "POST /orders HTTP/1.1\r\n" HOST JSON "Idempotency-Key: a b\r\nContent-Length: 1\r\n\r\n1");
    assert_int_equal(answer.status, 400);
    assert_says(&answer, "\"member\":\"Idempotency-Key\"");
}

static void an_empty_idempotency_key_is_none(void **state)
{
    struct raw_answer answer =
        ask(state, "POST /orders HTTP/1.1\r\n" HOST JSON "Idempotency-Key: \r\nContent-Length: 1\r\n\r\n1");
    assert_int_equal(answer.status, 201);
    assert_says(&answer, "key= ");
}

static void a_port_in_use_is_said_in_a_sentence(void **state)
{
    struct http_bench *bench = *state;
    struct http_settings settings = http_bench_settings();
    struct buf where = {0};
    struct buf problem = {0};
    struct loop *loop = loop_new();
    buf_printf(&where, "127.0.0.1:%u%c", bench->port, 0);
    assert_null(http_server_new(loop, &settings, where.p, routes, NULL, &problem));
    buf_char(&problem, '\0');
    assert_non_null(strstr(problem.p, where.p));
    assert_non_null(strstr(problem.p, strerror(EADDRINUSE)));
    buf_clear(&problem);
    assert_null(http_server_new(loop, &settings, "nonsense", routes, NULL, &problem));
    assert_true(problem.n > 0);
    settings.trusted_proxy = "not-an-address";
    buf_clear(&problem);
    assert_null(http_server_new(loop, &settings, "127.0.0.1:0", routes, NULL, &problem));
    assert_true(problem.n > 0);
    loop_free(loop);
    buf_free(&where);
    buf_free(&problem);
}

static void memory_that_runs_out_costs_one_answer_and_not_the_server(void **state)
{
    struct http_bench *bench = *state;
    for (uint64_t nth = 1; nth <= 8; nth++) {
        int fd = raw_connect(bench->port);
        heap_fail_at(nth);
        raw_say(fd, "POST /orders HTTP/1.1\r\n" HOST JSON "Connection: close\r\nContent-Length: 1\r\n\r\n1");
        assert_true(raw_is_closed(fd));
        heap_fail_at(0);
        close(fd);
        struct raw_answer answer = ask(state, "GET /orders/1 HTTP/1.1\r\n" HOST "\r\n");
        assert_int_equal(answer.status, 200);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_order_is_answered_with_its_location),
        CASE(a_chunked_body_arrives_whole_and_ends_the_connection),
        CASE(requests_sent_at_once_are_answered_in_order_on_one_connection),
        CASE(a_parameter_is_decoded_and_the_path_stays_as_it_came),
        CASE(a_literal_path_goes_before_a_parameter),
        CASE(what_can_not_be_decoded_is_refused),
        CASE(a_path_that_can_not_be_read_is_named_as_it_came),
        CASE(a_method_that_the_path_lacks_is_told_which_it_has),
        CASE(head_and_options_answer_by_themselves),
        CASE(the_type_served_follows_accept),
        CASE(nothing_acceptable_is_406),
        CASE(only_json_is_taken),
        CASE(a_body_is_asked_for_where_one_is_needed),
        CASE(a_body_too_large_is_413_declared_or_streamed),
        CASE(the_clients_correlation_id_comes_back_and_a_bad_one_is_replaced),
        CASE(a_valid_traceparent_is_kept_and_another_replaced),
        CASE(links_follow_the_proxy_that_is_believed),
        CASE(links_do_not_follow_a_stranger),
        CASE(a_problem_names_what_was_wrong_and_when_to_come_back),
        CASE(a_bad_idempotency_key_is_refused_by_name),
        CASE(an_empty_idempotency_key_is_none),
        CASE(a_port_in_use_is_said_in_a_sentence),
        CASE(memory_that_runs_out_costs_one_answer_and_not_the_server),
    };
    return cmocka_run_group_tests_name("http_server", tests, NULL, NULL);
}
