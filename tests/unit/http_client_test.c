/* Outbound HTTP against a scripted server: what it answers, cuts off, refuses or never says, and what the caller is
 * told of it. */
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "http_client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The scripted server -----------------------------------------------------------------------------------------------
 */

enum what { ACCEPT, READ, SEND, CLOSE, STOP_LISTENING, AWAIT_CLOSE };

struct script_step {
    enum what what;
    const char *text;
};

enum { MOST_READ = 8 };

struct scripted {
    const struct script_step *steps;
    size_t n;
    int listening;
    int connection;
    uint16_t port;
    pthread_t thread;
    bool joined;
    struct buf read[MOST_READ]; /* the requests */
    size_t n_read;
};

/* Up to the end of the head and the body that Content-Length tells of. */
static void read_request(struct scripted *server)
{
    struct buf *text = &server->read[server->n_read++];
    char byte;
    size_t body = 0;

    while (!memmem(text->p ? text->p : "", text->n, "\r\n\r\n", 4) && recv(server->connection, &byte, 1, 0) == 1)
        buf_char(text, byte);
    buf_char(text, '\0');
    const char *length = strcasestr(text->p, "content-length: ");
    if (length)
        body = (size_t)strtoul(length + 16, NULL, 10);
    text->n--;
    for (; body > 0 && recv(server->connection, &byte, 1, 0) == 1; body--)
        buf_char(text, byte);
    buf_char(text, '\0');
}

static void do_step(struct scripted *server, const struct script_step *step)
{
    char rest[256];

    switch (step->what) {
    case ACCEPT:
        server->connection = accept(server->listening, NULL, NULL);
        return;
    case READ:
        read_request(server);
        return;
    case SEND:
        (void)send(server->connection, step->text, strlen(step->text), MSG_NOSIGNAL);
        return;
    case CLOSE:
        close(server->connection);
        server->connection = -1;
        return;
    case STOP_LISTENING:
        close(server->listening);
        server->listening = -1;
        return;
    case AWAIT_CLOSE: /* of the other side */
        while (recv(server->connection, rest, sizeof(rest), 0) > 0)
            continue;
        return;
    }
}

static void *play(void *argument)
{
    struct scripted *server = argument;

    for (size_t i = 0; i < server->n; i++)
        do_step(server, &server->steps[i]);
    return NULL;
}

static int listen_somewhere(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* The shop's side ---------------------------------------------------------------------------------------------------
 */

struct fixture {
    struct loop *loop;
    struct http_client *client;
    struct scripted server;
    struct loop_timer guard;
    struct buf url;
    int left; /* calls under way */
};

static void took_too_long(struct loop_timer *timer)
{
    UNUSED(timer);
    fail_msg("nothing happened for 20 s");
}

static void open_fixture(struct fixture *fixture, const struct script_step *steps, size_t n, size_t connections)
{
    *fixture = (struct fixture){.server = {.steps = steps, .n = n, .connection = -1}, .guard = {.fire = took_too_long}};
    fixture->loop = loop_new();
    fixture->client = http_client_new(fixture->loop, connections);
    assert_non_null(fixture->client);
    fixture->server.listening = listen_somewhere(&fixture->server.port);
    buf_printf(&fixture->url, "http://127.0.0.1:%d/stocks/reduce", fixture->server.port);
    buf_char(&fixture->url, '\0');
    assert_int_equal(pthread_create(&fixture->server.thread, NULL, play, &fixture->server), 0);
    loop_timer_set(fixture->loop, &fixture->guard, clock_monotonic() + 20 * US_PER_S);
}

#define OPEN(fixture, connections, ...)                                                                                \
    static const struct script_step steps[] = {__VA_ARGS__};                                                           \
    open_fixture((fixture), steps, COUNT_OF(steps), (connections))

/* Until the script is played to its end. */
static void await_server(struct fixture *fixture)
{
    if (!fixture->server.joined)
        pthread_join(fixture->server.thread, NULL);
    fixture->server.joined = true;
}

static void close_fixture(struct fixture *fixture)
{
    loop_timer_cancel(fixture->loop, &fixture->guard);
    http_client_free(fixture->client);
    loop_free(fixture->loop);
    await_server(fixture);
    if (fixture->server.connection >= 0)
        close(fixture->server.connection);
    if (fixture->server.listening >= 0)
        close(fixture->server.listening);
    for (size_t i = 0; i < MOST_READ; i++)
        buf_free(&fixture->server.read[i]);
    buf_free(&fixture->url);
}

struct asked {
    struct http_call call;
    struct fixture *fixture;
    int error, status;
    struct buf reply;
};

static void answered(struct http_call *call, int error)
{
    struct asked *asked = CONTAINER_OF(call, struct asked, call);

    asked->error = error;
    asked->status = call->status;
    buf_add(&asked->reply, buf_str(&call->reply));
    if (--asked->fixture->left == 0)
        loop_stop(asked->fixture->loop);
}

static void ask(struct fixture *fixture, struct asked *asked, const char *method, struct str body)
{
    *asked = (struct asked){
        .call = {.method = method, .url = fixture->url.p, .body = body, .timeout_ms = 10000, .done = answered},
        .fixture = fixture,
        .error = -1};
    fixture->left++;
}

static void go(struct fixture *fixture, struct asked *asked)
{
    http_client_call(fixture->client, &asked->call);
}

static void ask_and_wait(struct fixture *fixture, struct asked *asked, const char *method, struct str body)
{
    ask(fixture, asked, method, body);
    go(fixture, asked);
    loop_run(fixture->loop);
}

static bool was_sent(const struct fixture *fixture, size_t request, const char *text)
{
    return strstr(fixture->server.read[request].p, text) != NULL;
}

#define TRUE_200 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\ntrue"

static void a_call_carries_body_and_trace_and_brings_the_answer_back(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked asked;

    OPEN(&fixture, 4, {ACCEPT, NULL}, {READ, NULL}, {SEND, TRUE_200}, {AWAIT_CLOSE, NULL});
    ask(&fixture, &asked, "POST", STR("{\"qty\":1}"));
    asked.call.correlation_id = STR("c-17");
    asked.call.traceparent = STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    go(&fixture, &asked);
    loop_run(fixture.loop);
    assert_int_equal(asked.error, OK);
    assert_int_equal(asked.status, 200);
    assert_true(str_eq(buf_str(&asked.reply), STR("true")));
    assert_true(was_sent(&fixture, 0, "POST /stocks/reduce HTTP/1.1\r\n"));
    assert_true(was_sent(&fixture, 0, "Content-Type: application/json\r\n"));
    assert_true(was_sent(&fixture, 0, "X-Correlation-ID: c-17\r\n"));
    assert_true(was_sent(&fixture, 0, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
    assert_true(was_sent(&fixture, 0, "\r\n\r\n{\"qty\":1}"));
    assert_false(was_sent(&fixture, 0, "Expect:"));
    buf_free(&asked.reply);
    close_fixture(&fixture);
}

static void calls_share_a_connection_and_forget_the_one_before(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked first, second, third;

    OPEN(&fixture, 4, {ACCEPT, NULL}, {READ, NULL}, {SEND, TRUE_200}, {READ, NULL},
         {SEND, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}, {READ, NULL}, {SEND, TRUE_200},
         {AWAIT_CLOSE, NULL});
    ask(&fixture, &first, "PUT", STR("{}"));
    first.call.correlation_id = STR("c-1");
    go(&fixture, &first);
    loop_run(fixture.loop);
    ask_and_wait(&fixture, &second, "GET", (struct str){0});
    ask_and_wait(&fixture, &third, "PUT", (struct str){0});
    assert_int_equal(first.status, 200);
    assert_int_equal(second.error, OK);
    assert_int_equal(second.status, 404);
    assert_int_equal(third.status, 200);
    assert_true(was_sent(&fixture, 0, "PUT /"));
    assert_true(was_sent(&fixture, 1, "GET /"));
    assert_false(was_sent(&fixture, 1, "Content-Type"));
    assert_false(was_sent(&fixture, 1, "c-1"));
    assert_true(was_sent(&fixture, 2, "PUT /"));
    assert_true(was_sent(&fixture, 2, "Content-Length: 0\r\n"));
    buf_free(&first.reply);
    buf_free(&second.reply);
    buf_free(&third.reply);
    close_fixture(&fixture);
}

static void a_refused_connection_means_that_it_was_not_done(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked asked;

    OPEN(&fixture, 4, {STOP_LISTENING, NULL});
    await_server(&fixture);
    ask_and_wait(&fixture, &asked, "POST", STR("{}"));
    assert_int_equal(asked.error, E_UNAVAILABLE);
    assert_int_equal(asked.status, 0);
    close_fixture(&fixture);
}

static void no_answer_in_time_means_unknown(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked asked;

    OPEN(&fixture, 4, {ACCEPT, NULL}, {READ, NULL}, {AWAIT_CLOSE, NULL});
    ask(&fixture, &asked, "POST", STR("{}"));
    asked.call.timeout_ms = 100;
    go(&fixture, &asked);
    loop_run(fixture.loop);
    assert_int_equal(asked.error, E_TIMEOUT);
    close_fixture(&fixture);
}

static void a_connection_cut_off_after_the_request_means_unknown(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked asked;

    OPEN(&fixture, 4, {ACCEPT, NULL}, {READ, NULL}, {CLOSE, NULL});
    ask_and_wait(&fixture, &asked, "POST", STR("{}"));
    assert_int_equal(asked.error, E_TIMEOUT);
    close_fixture(&fixture);
}

/* The server does what it is asked, dies before it answers, and is not there when the request is sent again on a fresh
 * connection: the refusal of the second must not hide the first. */
static void a_kept_connection_cut_off_and_then_refused_means_unknown(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked first, second;

    OPEN(&fixture, 4, {ACCEPT, NULL}, {STOP_LISTENING, NULL}, {READ, NULL}, {SEND, TRUE_200}, {READ, NULL},
         {CLOSE, NULL});
    ask_and_wait(&fixture, &first, "POST", STR("{}"));
    assert_int_equal(first.status, 200);
    ask_and_wait(&fixture, &second, "POST", STR("{}"));
    assert_int_equal(second.error, E_TIMEOUT);
    buf_free(&first.reply);
    close_fixture(&fixture);
}

static void an_answer_that_is_too_large_is_not_taken(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked asked;

    OPEN(&fixture, 4, {ACCEPT, NULL}, {READ, NULL}, {SEND, TRUE_200}, {AWAIT_CLOSE, NULL});
    ask(&fixture, &asked, "GET", (struct str){0});
    asked.call.max_reply = 3;
    go(&fixture, &asked);
    loop_run(fixture.loop);
    assert_int_equal(asked.error, E_TOO_LARGE);
    close_fixture(&fixture);
}

static void a_correlation_id_can_not_smuggle_a_header(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked asked;

    OPEN(&fixture, 4, {ACCEPT, NULL}, {READ, NULL}, {SEND, TRUE_200}, {AWAIT_CLOSE, NULL});
    ask(&fixture, &asked, "GET", (struct str){0});
    asked.call.correlation_id = STR("x\r\nX-Admin: yes");
    go(&fixture, &asked);
    loop_run(fixture.loop);
    assert_int_equal(asked.status, 200);
    assert_false(was_sent(&fixture, 0, "X-Admin"));
    buf_free(&asked.reply);
    close_fixture(&fixture);
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked asked;

    OPEN(&fixture, 4, {ACCEPT, NULL}, {READ, NULL},
         {SEND, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
         {AWAIT_CLOSE, NULL});
    ask_and_wait(&fixture, &asked, "GET", (struct str){0});
    assert_int_equal(asked.error, OK);
    assert_int_equal(asked.status, 302);
    close_fixture(&fixture);
}

static void a_call_that_never_got_a_connection_was_not_done(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked first, second;

    OPEN(&fixture, 1, {ACCEPT, NULL}, {READ, NULL}, {AWAIT_CLOSE, NULL});
    ask(&fixture, &first, "POST", STR("{}"));
    ask(&fixture, &second, "POST", STR("{}"));
    first.call.timeout_ms = 300;
    second.call.timeout_ms = 100;
    go(&fixture, &first);
    go(&fixture, &second);
    loop_run(fixture.loop);
    assert_int_equal(first.error, E_TIMEOUT);
    assert_int_equal(second.error, E_BUSY);
    close_fixture(&fixture);
}

static void calls_beyond_the_limit_wait_for_their_turn(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked asked[3];

    OPEN(&fixture, 1, {ACCEPT, NULL}, {READ, NULL}, {SEND, TRUE_200}, {READ, NULL}, {SEND, TRUE_200}, {READ, NULL},
         {SEND, TRUE_200}, {AWAIT_CLOSE, NULL});
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        ask(&fixture, &asked[i], "POST", STR("{}"));
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        go(&fixture, &asked[i]);
    loop_run(fixture.loop);
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        assert_int_equal(asked[i].error, OK);
        buf_free(&asked[i].reply);
    }
    close_fixture(&fixture);
}

static void closing_the_client_ends_every_call(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct asked first, second;

    OPEN(&fixture, 1, {ACCEPT, NULL}, {READ, NULL}, {AWAIT_CLOSE, NULL});
    ask(&fixture, &first, "POST", STR("{}"));
    ask(&fixture, &second, "POST", STR("{}"));
    go(&fixture, &first);
    go(&fixture, &second);
    http_client_free(fixture.client);
    fixture.client = NULL;
    assert_int_equal(first.error, E_CLOSING);
    assert_int_equal(second.error, E_CLOSING);
    shutdown(fixture.server.listening, SHUT_RDWR); /* nobody came */
    close_fixture(&fixture);
}

/* Tails -------------------------------------------------------------------------------------------------------------
 */

struct heard {
    struct http_tail tail;
    struct fixture *fixture;
    struct buf text;
    bool refuse_once, close_inside;
    int refused;
    int error, status;
};

static bool hear(struct http_tail *tail, const char *bytes, size_t n)
{
    struct heard *heard = CONTAINER_OF(tail, struct heard, tail);

    if (heard->refuse_once && heard->refused++ == 0) {
        loop_stop(heard->fixture->loop);
        return false;
    }
    buf_add(&heard->text, (struct str){bytes, n});
    if (heard->close_inside) {
        http_tail_close(tail);
        loop_stop(heard->fixture->loop);
    }
    return true;
}

static void tail_ended(struct http_tail *tail, int error, int status)
{
    struct heard *heard = CONTAINER_OF(tail, struct heard, tail);

    heard->error = error;
    heard->status = status;
    loop_stop(heard->fixture->loop);
}

static void follow(struct fixture *fixture, struct heard *heard)
{
    *heard = (struct heard){.tail = {.url = fixture->url.p, .data = hear, .ended = tail_ended, .silence_ms = 10000},
                            .fixture = fixture,
                            .error = -1};
}

#define STREAM_200 "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

static void a_tail_brings_bytes_until_the_server_ends_it(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct heard heard;

    OPEN(&fixture, 1, {ACCEPT, NULL}, {READ, NULL}, {SEND, STREAM_200 "id: 18\n"}, {SEND, "data: x\n\n"},
         {CLOSE, NULL});
    follow(&fixture, &heard);
    memcpy(heard.tail.last_event_id, "17", 3);
    assert_int_equal(http_tail_open(fixture.client, &heard.tail), OK);
    loop_run(fixture.loop);
    assert_int_equal(heard.error, OK);
    assert_int_equal(heard.status, 200);
    assert_true(str_eq(buf_str(&heard.text), STR("id: 18\ndata: x\n\n")));
    assert_true(was_sent(&fixture, 0, "Last-Event-ID: 17\r\n"));
    buf_free(&heard.text);
    close_fixture(&fixture);
}

static void a_paused_tail_gives_the_same_bytes_again(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct heard heard;

    OPEN(&fixture, 1, {ACCEPT, NULL}, {READ, NULL}, {SEND, STREAM_200 "data: x\n\n"}, {CLOSE, NULL});
    follow(&fixture, &heard);
    heard.refuse_once = true;
    assert_int_equal(http_tail_open(fixture.client, &heard.tail), OK);
    loop_run(fixture.loop);
    assert_int_equal(heard.text.n, 0);
    http_tail_resume(&heard.tail);
    loop_run(fixture.loop);
    assert_int_equal(heard.error, OK);
    assert_true(str_eq(buf_str(&heard.text), STR("data: x\n\n")));
    buf_free(&heard.text);
    close_fixture(&fixture);
}

static void a_tail_may_be_closed_from_inside(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct heard heard;

    OPEN(&fixture, 1, {ACCEPT, NULL}, {READ, NULL}, {SEND, STREAM_200 "data: x\n\n"}, {AWAIT_CLOSE, NULL});
    follow(&fixture, &heard);
    heard.close_inside = true;
    assert_int_equal(http_tail_open(fixture.client, &heard.tail), OK);
    loop_run(fixture.loop);
    assert_int_equal(heard.error, -1); /* ended() is not called */
    assert_null(heard.tail.handle);
    await_server(&fixture); /* it saw the connection close */
    buf_free(&heard.text);
    close_fixture(&fixture);
}

static void a_silent_tail_is_given_up(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct heard heard;

    OPEN(&fixture, 1, {ACCEPT, NULL}, {READ, NULL}, {SEND, STREAM_200 ":\n\n"}, {AWAIT_CLOSE, NULL});
    follow(&fixture, &heard);
    heard.tail.silence_ms = 100;
    assert_int_equal(http_tail_open(fixture.client, &heard.tail), OK);
    loop_run(fixture.loop);
    assert_int_equal(heard.error, E_TIMEOUT);
    buf_free(&heard.text);
    close_fixture(&fixture);
}

static void expect_refusal(const char *answer, int error, int status)
{
    const struct script_step steps[] = {{ACCEPT, NULL}, {READ, NULL}, {SEND, answer}, {CLOSE, NULL}};
    struct fixture fixture;
    struct heard heard;

    open_fixture(&fixture, steps, COUNT_OF(steps), 1);
    follow(&fixture, &heard);
    assert_int_equal(http_tail_open(fixture.client, &heard.tail), OK);
    loop_run(fixture.loop);
    assert_int_equal(heard.error, error);
    assert_int_equal(heard.status, status);
    assert_int_equal(heard.text.n, 0);
    close_fixture(&fixture);
}

static void a_refused_tail_says_why(void **state)
{
    UNUSED(state);
    expect_refusal("HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad", E_MALFORMED, 400);
    expect_refusal("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", E_NOT_FOUND, 404);
    expect_refusal("HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", E_CONFLICT, 409);
    expect_refusal("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", E_NOT_FOUND, 410);
    expect_refusal("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", E_UNAVAILABLE, 503);
    expect_refusal("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", E_FOREIGN, 200);
}

static void a_tail_doesnt_take_a_connection_from_the_calls(void **state)
{
    UNUSED(state);
    struct fixture fixture;
    struct heard heard;
    struct asked asked;

    OPEN(&fixture, 1, {ACCEPT, NULL}, {READ, NULL}, {SEND, STREAM_200 ":\n\n"}, {ACCEPT, NULL}, {READ, NULL},
         {SEND, TRUE_200});
    follow(&fixture, &heard);
    heard.refuse_once = true; /* stops the loop when connected */
    assert_int_equal(http_tail_open(fixture.client, &heard.tail), OK);
    loop_run(fixture.loop);
    ask_and_wait(&fixture, &asked, "POST", STR("{}"));
    assert_int_equal(asked.status, 200);
    http_tail_close(&heard.tail);
    buf_free(&asked.reply);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_carries_body_and_trace_and_brings_the_answer_back),
        cmocka_unit_test(calls_share_a_connection_and_forget_the_one_before),
        cmocka_unit_test(a_refused_connection_means_that_it_was_not_done),
        cmocka_unit_test(no_answer_in_time_means_unknown),
        cmocka_unit_test(a_connection_cut_off_after_the_request_means_unknown),
        cmocka_unit_test(a_kept_connection_cut_off_and_then_refused_means_unknown),
        cmocka_unit_test(an_answer_that_is_too_large_is_not_taken),
        cmocka_unit_test(a_correlation_id_can_not_smuggle_a_header),
        cmocka_unit_test(a_redirect_is_an_answer_and_not_followed),
        cmocka_unit_test(a_call_that_never_got_a_connection_was_not_done),
        cmocka_unit_test(calls_beyond_the_limit_wait_for_their_turn),
        cmocka_unit_test(closing_the_client_ends_every_call),
        cmocka_unit_test(a_tail_brings_bytes_until_the_server_ends_it),
        cmocka_unit_test(a_paused_tail_gives_the_same_bytes_again),
        cmocka_unit_test(a_tail_may_be_closed_from_inside),
        cmocka_unit_test(a_silent_tail_is_given_up),
        cmocka_unit_test(a_refused_tail_says_why),
        cmocka_unit_test(a_tail_doesnt_take_a_connection_from_the_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
