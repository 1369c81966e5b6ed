/* http_waiting_test.c: requests that are answered later by another thread, clients that leave, clients that never
 * finish. */
#include "http_bench.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST "Host: shop\r\n"

static void answer_at_once(void *context, struct http_request *request)
{
    UNUSED(context);
    request->status = 200;
    buf_add(&request->reply, request->param[0]);
    http_reply(request);
}

static const struct route routes[] = {
    {HTTP_POST, "/orders/{id}", http_bench_hold, .doc = "Answered later.", .body_optional = true},
    {HTTP_GET, "/orders/{id}", answer_at_once, .doc = "Answered at once."},
    {.path = NULL},
};

static void fill_in(struct http_request *request)
{
    request->status = 201;
    buf_add(&request->reply, request->param[0]);
}

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

static void say_order(int fd, size_t number)
{
    struct buf text = {0};
    buf_printf(&text, "POST /orders/%zu HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", number);
    raw_send(fd, text.p, text.n);
    buf_free(&text);
}

static void expect_order(int fd, size_t number)
{
    struct raw_answer answer;
    uint64_t heard = 0;
    raw_hear(fd, &answer, false);
    assert_int_equal(answer.status, 201);
    assert_true(str_to_u64(str_of(answer.body), &heard));
    assert_int_equal(heard, number);
}

struct answers {
    struct loop_job job;
    struct http_request **requests;
    size_t n;
};

static void answer_all(struct loop_job *job)
{
    struct answers *answers = CONTAINER_OF(job, struct answers, job);
    for (size_t i = 0; i < answers->n; i++)
        http_reply(answers->requests[i]);
}

/* `n` clients wait at the same time; all are answered in one turn of the loop, twice over the same connections. */
static void serve_a_crowd(struct http_bench *bench, size_t n)
{
    int fds[256];
    struct http_request *requests[256];
    struct answers answers = {.job.run = answer_all, .requests = requests, .n = n};
    for (size_t i = 0; i < n; i++) {
        fds[i] = raw_connect(bench->port);
        assert_true(fds[i] >= 0);
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < n; i++)
            say_order(fds[i], i + 1);
        http_bench_take(bench, requests, n);
        for (size_t i = 0; i < n; i++)
            fill_in(requests[i]);
        loop_post(bench->loop, &answers.job);
        for (size_t i = 0; i < n; i++)
            expect_order(fds[i], i + 1);
    }
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
}

static void exactly_128_waiting_clients_are_all_answered(void **state)
{
    serve_a_crowd(*state, 128);
}

static void exactly_256_waiting_clients_are_all_answered(void **state)
{
    serve_a_crowd(*state, 256);
}

/* Answers each as it comes, one by one. */
static void *answer_each(void *arg)
{
    struct http_bench *bench = arg;
    for (int i = 0; i < 500; i++) {
        struct http_request *request;
        http_bench_take(bench, &request, 1);
        fill_in(request);
        http_reply(request);
    }
    return NULL;
}

static void another_thread_answers_one_by_one(void **state)
{
    struct http_bench *bench = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_each, bench), 0);
    int fd = raw_connect(bench->port);
    for (size_t i = 1; i <= 500; i++) {
        say_order(fd, i);
        expect_order(fd, i);
    }
    pthread_join(thread, NULL);
    close(fd);
}

static void a_pipelined_request_waits_for_the_one_before_it(void **state)
{
    struct http_bench *bench = *state;
    struct http_request *request;
    struct raw_answer answer;
    int fd = raw_connect(bench->port);
    say_order(fd, 1);
    raw_say(fd, "GET /orders/2 HTTP/1.1\r\n" HOST "\r\n");
    http_bench_take(bench, &request, 1);
    fill_in(request);
    http_reply(request);
    expect_order(fd, 1);
    raw_hear(fd, &answer, false);
    assert_string_equal(answer.body, "2");
    close(fd);
}

static void a_client_that_leaves_while_its_request_waits_harms_nobody(void **state)
{
    struct http_bench *bench = *state;
    struct http_request *requests[3];
    struct linger abort_at_once = {.l_onoff = 1};
    int leaving = raw_connect(bench->port);
    int resetting = raw_connect(bench->port);
    int staying = raw_connect(bench->port);
    setsockopt(resetting, SOL_SOCKET, SO_LINGER, &abort_at_once, sizeof abort_at_once);
    say_order(leaving, 1);
    say_order(resetting, 2);
    say_order(staying, 3);
    http_bench_take(bench, requests, 3);
    close(leaving);
    close(resetting);
    for (size_t i = 0; i < 3; i++) {
        fill_in(requests[i]); /* its memory is still there */
        http_reply(requests[i]);
    }
    expect_order(staying, 3);
    close(staying);
}

static void drain(struct http_bench *bench)
{
    http_server_drain(bench->server);
}

static void count_in_flight(struct http_bench *bench)
{
    size_t *n = bench->user;
    *n = http_server_in_flight(bench->server);
}

static void a_draining_server_answers_what_it_has_and_takes_no_more(void **state)
{
    struct http_bench *bench = *state;
    struct http_request *request;
    struct raw_answer answer;
    size_t in_flight = 99;
    int fd = raw_connect(bench->port);
    say_order(fd, 1);
    http_bench_take(bench, &request, 1);
    http_bench_on_loop(bench, drain);
    assert_int_equal(raw_connect(bench->port), -1);
    bench->user = &in_flight;
    http_bench_on_loop(bench, count_in_flight);
    assert_int_equal(in_flight, 1);
    fill_in(request);
    http_reply(request);
    raw_hear(fd, &answer, false);
    assert_int_equal(answer.status, 201);
    assert_string_equal(raw_header(&answer, "Connection"), "close");
    assert_true(raw_is_closed(fd));
    http_bench_on_loop(bench, count_in_flight);
    assert_int_equal(in_flight, 0);
    close(fd);
}

static void retire(struct http_bench *bench)
{
    http_server_retire(bench->server);
}

static void a_retiring_server_sends_its_clients_away_after_their_answer_and_still_lets_others_in(void **state)
{
    struct http_bench *bench = *state;
    struct raw_answer answer;
    int kept = raw_connect(bench->port);
    raw_say(kept, "GET /orders/1 HTTP/1.1\r\n" HOST "\r\n");
    raw_hear(kept, &answer, false);
    http_bench_on_loop(bench, retire);
    raw_say(kept, "GET /orders/2 HTTP/1.1\r\n" HOST "\r\n");
    raw_hear(kept, &answer, false);
    assert_string_equal(answer.body, "2");
    assert_string_equal(raw_header(&answer, "Connection"), "close");
    assert_true(raw_is_closed(kept));
    close(kept);
    raw_ask(bench->port, "GET /orders/3 HTTP/1.1\r\n" HOST "\r\n", &answer);
    assert_string_equal(answer.body, "3");
}

static void count_unfinished(struct http_bench *bench)
{
    size_t *n = bench->user;
    n[0] = http_server_begun(bench->server);
    n[1] = http_server_silent(bench->server);
}

static void a_request_that_has_begun_when_the_server_drains_is_still_answered(void **state)
{
    struct http_bench *bench = *state;
    struct raw_answer answer;
    size_t unfinished[2] = {0};
    int begun = raw_connect(bench->port);
    int silent = raw_connect(bench->port);
    raw_say(begun, "POST /orders/1 HTTP/1.1\r\n" HOST "Content-Length: 2000\r\n");
    bench->user = unfinished;
    while (unfinished[0] != 1) /* until its first line is read */
        http_bench_on_loop(bench, count_unfinished);
    http_bench_on_loop(bench, drain);
    http_bench_on_loop(bench, count_unfinished);
    assert_int_equal(unfinished[0], 1);
    assert_int_equal(unfinished[1], 1);
    raw_say(silent, "GET /orders/2 HTTP/1.1\r\n" HOST "\r\n");
    raw_hear(silent, &answer, false);
    assert_string_equal(answer.body, "2");
    assert_true(raw_is_closed(silent));
    raw_say(begun, "\r\n");
    raw_hear(begun, &answer, false);
    assert_int_equal(answer.status, 413);
    assert_true(raw_is_closed(begun));
    http_bench_on_loop(bench, count_unfinished);
    assert_int_equal(unfinished[0], 0);
    assert_int_equal(unfinished[1], 0);
    close(silent);
    close(begun);
}

static void a_stopped_server_gives_its_port_back(void **state)
{
    struct http_bench bench;
    struct http_settings settings = http_bench_settings();
    struct loop *loop = loop_new();
    struct buf where = {0};
    struct buf problem = {0};
    UNUSED(state);
    http_bench_start(&bench, &settings, routes);
    buf_printf(&where, "127.0.0.1:%u%c", bench.port, 0);
    http_bench_stop(&bench);
    struct http_server *again = http_server_new(loop, &settings, where.p, routes, NULL, &problem);
    assert_non_null(again);
    http_server_free(again);
    loop_free(loop);
    buf_free(&where);
    buf_free(&problem);
}

/* Slow clients ---------------------------------------------------------------------------------------------------- */

/* A server that wants a request whole within a blink, but lets the idle be. */
static void start_impatient(struct http_bench *bench)
{
    struct http_settings settings = http_bench_settings();
    settings.request_ms = 200;
    http_bench_start(bench, &settings, routes);
}

/* Says `head`, then `drip` again and again, a little at a time, until the server ends the connection. */
static bool is_cut_off(uint16_t port, const char *head, const char *drip)
{
    int fd = raw_connect(port);
    bool cut_off = false;
    raw_say(fd, head);
    for (int i = 0; i < 3000 && !cut_off; i++) {
        struct pollfd end = {.fd = fd, .events = POLLIN};
        raw_say(fd, drip);
        if (poll(&end, 1, 10) == 1)
            cut_off = raw_is_closed(fd);
    }
    close(fd);
    return cut_off;
}

static void headers_that_never_end_are_cut_off(void **state)
{
    struct http_bench bench;
    UNUSED(state);
    start_impatient(&bench);
    assert_true(is_cut_off(bench.port, "GET /orders/1 HTTP/1.1\r\n" HOST "X-Slow: ", "a"));
    http_bench_stop(&bench);
}

static void a_request_line_that_never_ends_is_cut_off(void **state)
{
    struct http_bench bench;
    UNUSED(state);
    start_impatient(&bench);
    assert_true(is_cut_off(bench.port, "GET /orders/", "1"));
    http_bench_stop(&bench);
}

static void a_body_that_never_ends_is_cut_off(void **state)
{
    struct http_bench bench;
    UNUSED(state);
    start_impatient(&bench);
    assert_true(is_cut_off(bench.port, "POST /orders/1 HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\n", " "));
    http_bench_stop(&bench);
}

static void a_client_that_says_nothing_is_cut_off(void **state)
{
    struct http_bench bench;
    UNUSED(state);
    start_impatient(&bench);
    assert_true(is_cut_off(bench.port, "", ""));
    http_bench_stop(&bench);
}

static void a_second_slow_request_on_a_connection_is_cut_off_too(void **state)
{
    struct http_bench bench;
    struct raw_answer answer;
    UNUSED(state);
    start_impatient(&bench);
    int fd = raw_connect(bench.port);
    raw_say(fd, "GET /orders/1 HTTP/1.1\r\n" HOST "\r\n");
    raw_hear(fd, &answer, false);
    assert_int_equal(answer.status, 200);
    raw_say(fd, "GET /orders/1 HTTP/1.1\r\n" HOST);
    assert_true(raw_is_closed(fd));
    close(fd);
    http_bench_stop(&bench);
}

static void waiting_for_the_answer_is_not_the_clients_fault(void **state)
{
    struct http_bench bench;
    struct http_request *request;
    UNUSED(state);
    start_impatient(&bench);
    int fd = raw_connect(bench.port);
    say_order(fd, 1);
    http_bench_take(&bench, &request, 1);
    assert_true(is_cut_off(bench.port, "", "")); /* that is, more than the time for a request has gone by */
    fill_in(request);
    http_reply(request);
    expect_order(fd, 1);
    close(fd);
    http_bench_stop(&bench);
}

static void an_idle_connection_is_closed_in_the_end(void **state)
{
    struct http_bench bench;
    struct http_settings settings = http_bench_settings();
    struct raw_answer answer;
    UNUSED(state);
    settings.idle_ms = 1000;
    http_bench_start(&bench, &settings, routes);
    int fd = raw_connect(bench.port);
    raw_say(fd, "GET /orders/1 HTTP/1.1\r\n" HOST "\r\n");
    raw_hear(fd, &answer, false);
    assert_true(raw_is_closed(fd));
    close(fd);
    http_bench_stop(&bench);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(exactly_128_waiting_clients_are_all_answered),
        CASE(exactly_256_waiting_clients_are_all_answered),
        CASE(another_thread_answers_one_by_one),
        CASE(a_pipelined_request_waits_for_the_one_before_it),
        CASE(a_client_that_leaves_while_its_request_waits_harms_nobody),
        CASE(a_draining_server_answers_what_it_has_and_takes_no_more),
        CASE(a_retiring_server_sends_its_clients_away_after_their_answer_and_still_lets_others_in),
        CASE(a_request_that_has_begun_when_the_server_drains_is_still_answered),
        cmocka_unit_test(a_stopped_server_gives_its_port_back),
        cmocka_unit_test(headers_that_never_end_are_cut_off),
        cmocka_unit_test(a_request_line_that_never_ends_is_cut_off),
        cmocka_unit_test(a_body_that_never_ends_is_cut_off),
        cmocka_unit_test(a_client_that_says_nothing_is_cut_off),
        cmocka_unit_test(a_second_slow_request_on_a_connection_is_cut_off_too),
        cmocka_unit_test(waiting_for_the_answer_is_not_the_clients_fault),
        cmocka_unit_test(an_idle_connection_is_closed_in_the_end),
    };
    return cmocka_run_group_tests_name("http_waiting", tests, NULL, NULL);
}
