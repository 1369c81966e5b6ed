/* http_stream_test.c: Server-Sent Events that go on, sleep, wake and end. */
#include "http_bench.h"

#include "alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* One stream at a time; the loop's, but for the counts, which the mutex guards. */
struct source {
    struct http_stream stream;
    struct http_bench *bench;
    const char *text; /* what is to be read next, or NULL */
    size_t repeat;    /* so many bytes of 'x' before it */
    bool ended;
    int opened, slept, closed;
};

static struct source *source_of(struct http_bench *bench)
{
    return bench->user;
}

static void raise_count(struct source *source, int *count)
{
    pthread_mutex_lock(&source->bench->mutex);
    ++*count;
    pthread_cond_broadcast(&source->bench->changed);
    pthread_mutex_unlock(&source->bench->mutex);
}

static void wait_for(struct source *source, const int *count, int wanted)
{
    pthread_mutex_lock(&source->bench->mutex);
    while (*count < wanted)
        pthread_cond_wait(&source->bench->changed, &source->bench->mutex);
    pthread_mutex_unlock(&source->bench->mutex);
}

static int count_of(struct source *source, const int *count)
{
    pthread_mutex_lock(&source->bench->mutex);
    int n = *count;
    pthread_mutex_unlock(&source->bench->mutex);
    return n;
}

static int64_t read_source(struct http_stream *self, char *out, size_t max)
{
    struct source *source = CONTAINER_OF(self, struct source, stream);
    if (source->repeat) {
        size_t n = source->repeat < max ? source->repeat : max;
        memset(out, 'x', n);
        source->repeat -= n;
        return (int64_t)n;
    }
    if (source->text) {
        size_t n = strlen(source->text);
        ASSERT(n <= max);
        memcpy(out, source->text, n);
        source->text = NULL;
        return (int64_t)n;
    }
    if (source->ended)
        return -1;
    raise_count(source, &source->slept);
    return 0;
}

static void close_source(struct http_stream *self)
{
    struct source *source = CONTAINER_OF(self, struct source, stream);
    raise_count(source, &source->closed);
}

static void open_stream(void *context, struct http_request *request)
{
    struct source *source = source_of(context);
    source->stream.read = read_source;
    source->stream.close = close_source;
    http_stream(request, &source->stream);
    raise_count(source, &source->opened);
}

static const struct route routes[] = {
    {HTTP_GET, "/mypages/stream", open_stream, .doc = "Every change."},
    {HTTP_GET, "/mypages/later", http_bench_hold, .doc = "A stream that is opened later."},
    {.path = NULL},
};

static int set_up(void **state)
{
    static struct http_bench bench;
    static struct source source;
    struct http_settings settings = http_bench_settings();
    source = (struct source){.bench = &bench};
    bench.user = &source;
    http_bench_start(&bench, &settings, routes);
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    http_bench_stop(*state);
    return 0;
}

static int follow(struct http_bench *bench)
{
    int fd = raw_connect(bench->port);
    raw_say(fd, "GET /mypages/stream HTTP/1.1\r\nHost: shop\r\nAccept: text/event-stream\r\n\r\n");
    return fd;
}

static void say_one(struct http_bench *bench)
{
    source_of(bench)->text = "data: one\n\n";
    http_stream_wake(&source_of(bench)->stream);
}

static void say_two(struct http_bench *bench)
{
    source_of(bench)->text = "data: two\n\n";
    http_stream_wake(&source_of(bench)->stream);
    http_stream_wake(&source_of(bench)->stream); /* once more is harmless */
}

static void end_source(struct http_bench *bench)
{
    source_of(bench)->ended = true;
    http_stream_wake(&source_of(bench)->stream);
}

static void say_much(struct http_bench *bench)
{
    source_of(bench)->repeat = 3000000;
    source_of(bench)->text = "data: after\n\n";
    http_stream_wake(&source_of(bench)->stream);
}

static void a_stream_says_its_headers_before_it_has_anything_to_say(void **state)
{
    struct raw_answer answer;
    int fd = follow(*state);
    raw_hear(fd, &answer, true);
    assert_int_equal(answer.status, 200);
    assert_string_equal(raw_header(&answer, "Content-Type"), "text/event-stream");
    assert_string_equal(raw_header(&answer, "Transfer-Encoding"), "chunked");
    assert_string_equal(raw_header(&answer, "Cache-Control"), "no-store");
    close(fd);
}

static void a_sleeping_stream_goes_on_when_it_is_woken(void **state)
{
    struct http_bench *bench = *state;
    struct source *source = source_of(bench);
    int fd = follow(bench);
    wait_for(source, &source->slept, 1);
    http_bench_on_loop(bench, say_one);
    assert_true(raw_hear_until(fd, "data: one\n\n"));
    wait_for(source, &source->slept, 2);
    http_bench_on_loop(bench, say_two);
    assert_true(raw_hear_until(fd, "data: two\n\n"));
    wait_for(source, &source->slept, 3);
    http_bench_on_loop(bench, end_source);
    assert_true(raw_hear_until(fd, "0\r\n\r\n"));
    wait_for(source, &source->closed, 1);
    assert_int_equal(count_of(source, &source->closed), 1);
    close(fd);
}

static void a_slow_reader_gets_everything(void **state)
{
    struct http_bench *bench = *state;
    struct source *source = source_of(bench);
    int fd = follow(bench);
    wait_for(source, &source->slept, 1);
    http_bench_on_loop(bench, say_much);
    assert_true(raw_hear_until(fd, "data: after\n\n"));
    close(fd);
}

static void a_follower_that_leaves_is_noticed_at_the_next_heartbeats(void **state)
{
    struct http_bench *bench = *state;
    struct source *source = source_of(bench);
    int fd = follow(bench);
    wait_for(source, &source->slept, 1);
    close(fd);
    /* At the first when the client's reset is already there, else at the second. */
    while (count_of(source, &source->closed) == 0)
        http_bench_on_loop(bench, say_two);
    assert_int_equal(count_of(source, &source->closed), 1);
}

static void open_held(struct http_bench *bench)
{
    struct http_request *request = bench->held[0];
    open_stream(bench, request);
}

static void a_stream_can_be_opened_after_the_handler_returned(void **state)
{
    struct http_bench *bench = *state;
    struct source *source = source_of(bench);
    struct http_request *request;
    int fd = raw_connect(bench->port);
    raw_say(fd, "GET /mypages/later HTTP/1.1\r\nHost: shop\r\n\r\n");
    http_bench_take(bench, &request, 1);
    bench->held[0] = request;
    http_bench_on_loop(bench, open_held);
    wait_for(source, &source->slept, 1);
    http_bench_on_loop(bench, say_one);
    assert_true(raw_hear_until(fd, "data: one\n\n"));
    close(fd);
}

static void whoever_takes_no_events_gets_406_and_head_no_events(void **state)
{
    struct http_bench *bench = *state;
    struct source *source = source_of(bench);
    struct raw_answer answer;
    raw_ask(bench->port, "GET /mypages/stream HTTP/1.1\r\nHost: shop\r\nAccept: application/json\r\n\r\n", &answer);
    assert_int_equal(answer.status, 406);
    assert_int_equal(count_of(source, &source->closed), 1);
    raw_ask(bench->port, "HEAD /mypages/stream HTTP/1.1\r\nHost: shop\r\n\r\n", &answer);
    assert_int_equal(answer.status, 200);
    assert_int_equal(count_of(source, &source->closed), 2);
}

static void a_stopping_server_ends_its_streams_once(void **state)
{
    struct http_bench bench = {0};
    struct source source = {.bench = &bench};
    struct http_settings settings = http_bench_settings();
    UNUSED(state);
    bench.user = &source;
    http_bench_start(&bench, &settings, routes);
    int fd = follow(&bench);
    wait_for(&source, &source.slept, 1);
    http_bench_stop(&bench);
    assert_int_equal(source.closed, 1);
    assert_true(raw_is_closed(fd));
    close(fd);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_stream_says_its_headers_before_it_has_anything_to_say),
        CASE(a_sleeping_stream_goes_on_when_it_is_woken),
        CASE(a_slow_reader_gets_everything),
        CASE(a_follower_that_leaves_is_noticed_at_the_next_heartbeats),
        CASE(a_stream_can_be_opened_after_the_handler_returned),
        CASE(whoever_takes_no_events_gets_406_and_head_no_events),
        cmocka_unit_test(a_stopping_server_ends_its_streams_once),
    };
    return cmocka_run_group_tests_name("http_stream", tests, NULL, NULL);
}
