/* http_guard_test.c: what is refused, as rules over lists of headers; and over a real socket, where text and parser
 * meet. */
#include "http_bench.h"
#include "http_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The rules ------------------------------------------------------------------------------------------------------- */

static struct http_verdict judge(const struct http_field *fields, size_t n, struct http_head *head)
{
    return http_guard(fields, n, true, 1000, head);
}

#define FIELD(name_, value_)                                                                                           \
    {                                                                                                                  \
        STR_INIT(name_), STR_INIT(value_)                                                                              \
    }
#define JUDGE(head, ...)                                                                                               \
    judge((const struct http_field[]){__VA_ARGS__},                                                                    \
          sizeof((const struct http_field[]){__VA_ARGS__}) / sizeof(struct http_field), (head))

static void an_ordinary_request_is_let_through(void **state)
{
    struct http_head head;
    UNUSED(state);
    struct http_verdict verdict = JUDGE(&head, FIELD("host", "shop:8081"), FIELD("Content-Length", "17"),
                                        FIELD("X-Correlation-ID", " till-7 "), FIELD("X-Unknown", "\xEC\x95\x84"));
    assert_int_equal(verdict.status, 0);
    assert_int_equal(head.content_length, 17);
    assert_true(str_is(head.value[HTTP_CORRELATION_ID], "till-7"));
    assert_false(head.chunked);
}

static void a_length_too_large_is_413(void **state)
{
    struct http_head head;
    UNUSED(state);
    assert_int_equal(JUDGE(&head, FIELD("Host", "a"), FIELD("Content-Length", "1001")).status, 413);
    assert_int_equal(JUDGE(&head, FIELD("Host", "a"), FIELD("Content-Length", "1000")).status, 0);
}

static void the_header_that_is_wrong_is_named(void **state)
{
    struct http_head head;
    UNUSED(state);
    assert_string_equal(JUDGE(&head, FIELD("Host", "a"), FIELD("host", "a")).header, "Host");
    assert_string_equal(JUDGE(&head, FIELD("Host", "a"), FIELD("Idempotency-Key", "a b")).header, "Idempotency-Key");
    assert_string_equal(JUDGE(&head, FIELD("Host", "a"), FIELD("Transfer-Encoding", "gzip")).header,
                        "Transfer-Encoding");
}

static void chunked_needs_http_1_1(void **state)
{
    static const struct http_field fields[] = {FIELD("Host", "a"), FIELD("Transfer-Encoding", "Chunked")};
    struct http_head head;
    UNUSED(state);
    assert_int_equal(http_guard(fields, 2, true, 1000, &head).status, 0);
    assert_true(head.chunked);
    assert_int_equal(http_guard(fields, 2, false, 1000, &head).status, 400);
}

static void only_a_host_with_or_without_a_port_is_one(void **state)
{
    static const char *const good[] = {"a", "shop.example", "shop:8081", "127.0.0.1:1", "[::1]", "[::1]:8081", "a_b:"};
    static const char *const bad[] = {"",     ":80",   "a b",     "a\"b",   "a/b",     "a@b",      "a:b", "a:99999",
                                      "[::1", "[]:80", "[::1]80", "[::g/]", "a:80:80", "\xC3\xA9", "a,b", "<a>"};
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(http_is_host(str_of(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(http_is_host(str_of(bad[i])));
}

static void a_traceparent_is_exactly_as_the_w3c_says(void **state)
{
#define ID "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
    static const char *const good[] = {"00-" ID "-01", "00-" ID "-00", "cc-" ID "-01-what-comes-later"};
    static const char *const bad[] = {"",
                                      "00-" ID,
                                      "00-" ID "-0",
                                      "00-" ID "-01-more",
                                      "ff-" ID "-01",
                                      "00-" ID "-0G",
                                      "cc-" ID "-01x",
                                      "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                      "00-00000000000000000000000000000000-00f067aa0ba902b7-01"};
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(http_is_traceparent(str_of(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(http_is_traceparent(str_of(bad[i])));
}

static void only_a_method_and_a_blank_begin_a_request(void **state)
{
    static const char *const good[] = {"G", "GET", "GET ", "GET /orders", "M-SEARCH *", "PRI * HTTP/2.0", "get /"};
    static const char *const bad[] = {" ",       "\r\n",     "\nGET /",    "GET\r\n", "GE\tT /",   "\x16\x03\x01",
                                      "\x80",    "GET\x7f/", "G\xC3\xA9T", "(GET /",  "{\"a\":1}", "[::1] ",
                                      "/orders "};
    char longest[HTTP_MAX_METHOD];
    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(http_guard_may_begin(str_of(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(http_guard_may_begin(str_of(bad[i])));
    assert_false(http_guard_may_begin((struct str){"\0\1\2\3", 4}));
    assert_false(http_guard_may_begin((struct str){"GET\0 /", 6}));
    memset(longest, 'A', sizeof longest);
    assert_true(http_guard_may_begin((struct str){longest, sizeof longest - 1}));
    assert_false(http_guard_may_begin((struct str){longest, sizeof longest}));
}

/* On the wire ----------------------------------------------------------------------------------------------------- */

static void place(void *context, struct http_request *request)
{
    UNUSED(context);
    request->status = 201;
    BUF_LIT(&request->reply, "{}");
    http_reply(request);
}

static const struct route routes[] = {{HTTP_POST, "/orders", place, .doc = "Place."}, {.path = NULL}};

#define LINE "POST /orders HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define LENGTH "Content-Length: 2\r\n"
#define TE "Transfer-Encoding: chunked\r\n"
#define CHUNKS "2\r\n{}\r\n0\r\n\r\n"
/* A text that may have NULs in it. */
#define CASE_TEXT(text_)                                                                                               \
    {                                                                                                                  \
        STR_INIT(text_)                                                                                                \
    }

static const struct {
    struct str text;
} smuggled[] = {
    CASE_TEXT(LINE HOST LENGTH TE "\r\n" CHUNKS),
    CASE_TEXT(LINE HOST TE LENGTH "\r\n" CHUNKS),
    CASE_TEXT(LINE HOST LENGTH LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST LENGTH "Content-Length: 3\r\n\r\n{}"),
    CASE_TEXT(LINE HOST "Content-Length: 2, 2\r\n\r\n{}"),
    CASE_TEXT(LINE HOST "Content-Length: +2\r\n\r\n{}"),
    CASE_TEXT(LINE HOST "Content-Length: -1\r\n\r\n{}"),
    CASE_TEXT(LINE HOST "Content-Length: 0x2\r\n\r\n{}"),
    CASE_TEXT(LINE HOST "Content-Length:\r\n\r\n{}"),
    CASE_TEXT(LINE HOST "Content-Length : 2\r\n\r\n{}"),
    CASE_TEXT(LINE HOST "Content-Length\t: 2\r\n\r\n{}"),
    CASE_TEXT(LINE HOST LENGTH "Transfer-Encoding : chunked\r\n\r\n" CHUNKS),
    CASE_TEXT(LINE HOST LENGTH "Transfer-Encoding:\r\n chunked\r\n\r\n" CHUNKS),
    CASE_TEXT(LINE HOST TE TE "\r\n" CHUNKS),
    CASE_TEXT(LINE HOST "Transfer-Encoding: gzip, chunked\r\n\r\n" CHUNKS),
    CASE_TEXT(LINE HOST "Transfer-Encoding: identity\r\n\r\n{}"),
    CASE_TEXT(LINE HOST "Transfer-Encoding: xchunked\r\n\r\n" CHUNKS),
    CASE_TEXT(LINE HOST "Transfer-Encoding: chunked \r\n\r\n" CHUNKS),
    CASE_TEXT(LINE HOST "Transfer-Encoding: \x0b"
                        "chunked\r\n\r\n" CHUNKS),
    CASE_TEXT("POST /orders HTTP/1.0\r\n" HOST TE "\r\n" CHUNKS),
    CASE_TEXT(LINE LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST HOST LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST "Host: b\r\n" LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST "Host : b\r\n" LENGTH "\r\n{}"),
    CASE_TEXT(LINE "Host: \r\n" LENGTH "\r\n{}"),
    CASE_TEXT(LINE "Host: a b\r\n" LENGTH "\r\n{}"),
    CASE_TEXT(LINE " X: y\r\n" HOST LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST "X: a\r\n b\r\n" LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST "X: a\rY: b\r\n" LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST "X: a\nY: b\r\n" LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST "X: a\0Y: b\r\n" LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST "Content-Length: 2\0003\r\nX: y\r\n\r\n{}"),
    CASE_TEXT(LINE HOST "Content-Length: 2\0003\r\n\r\n{}"),
    CASE_TEXT(LINE HOST "X\0Y: a\r\n" LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST "Nonsense\r\n" LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST ": nonsense\r\n" LENGTH "\r\n{}"),
    CASE_TEXT("POST /orders\0x HTTP/1.1\r\n" HOST LENGTH "\r\n{}"),
    CASE_TEXT("POST /orders x HTTP/1.1\r\n" HOST LENGTH "\r\n{}"),
    CASE_TEXT("POST  /orders  HTTP/1.1\r\n" HOST LENGTH "\r\n{}"),
    CASE_TEXT("POST /orders COFFEE\r\n" HOST LENGTH "\r\n{}"),
    CASE_TEXT(LINE HOST TE "\r\n0x2\r\n{}\r\n0\r\n\r\n"),
    CASE_TEXT(LINE HOST TE "\r\n+2\r\n{}\r\n0\r\n\r\n"),
    CASE_TEXT(LINE HOST TE "\r\n2 \r\n{}\r\n0\r\n\r\n"),
    CASE_TEXT(LINE HOST TE "\r\n\r\n{}\r\n0\r\n\r\n"),
    CASE_TEXT(LINE HOST TE "\r\n2\r\n{}0\r\n\r\n"),
};

/* Every one is answered by 400 and the connection ends: what is behind it is never taken for a request. */
static void what_could_be_understood_in_two_ways_is_refused(void **state)
{
    struct http_bench bench;
    struct http_settings settings = http_bench_settings();
    UNUSED(state);
    http_bench_start(&bench, &settings, routes);
    for (size_t i = 0; i < COUNT_OF(smuggled); i++) {
        char status[13] = {0};
        int fd = raw_connect(bench.port);
        raw_send(fd, smuggled[i].text.p, smuggled[i].text.n);
        raw_say(fd, LINE HOST LENGTH "\r\n{}");
        assert_int_equal(recv(fd, status, 12, MSG_WAITALL), 12);
        if (strcmp(status, "HTTP/1.1 400") != 0)
            fail_msg("case %zu got %s", i, status);
        assert_false(raw_hear_until(fd, "201 Created"));
        close(fd);
    }
    http_bench_stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_request_is_let_through),
        cmocka_unit_test(a_length_too_large_is_413),
        cmocka_unit_test(the_header_that_is_wrong_is_named),
        cmocka_unit_test(chunked_needs_http_1_1),
        cmocka_unit_test(only_a_host_with_or_without_a_port_is_one),
        cmocka_unit_test(a_traceparent_is_exactly_as_the_w3c_says),
        cmocka_unit_test(only_a_method_and_a_blank_begin_a_request),
        cmocka_unit_test(what_could_be_understood_in_two_ways_is_refused),
    };
    return cmocka_run_group_tests_name("http_guard", tests, NULL, NULL);
}
