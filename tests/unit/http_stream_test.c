/* http_stream_test.c: Server-Sent Events that go on, sleep, wake and end. */
#include "http_bench.h"

#include "alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* One stream at a time; the loop's, but for the counts, which the mutex guards. */
struct source {
    struct http_stream stream;
    struct http_places places;
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
    source->stream.places = &source->places;
    http_stream(request, &source->stream);
    raise_count(source, &source->opened);
}

/* Several at a time, in two places, of which an address may have one. */
enum { MANY = 8 };

struct crowd {
    struct source *source; /* who counts */
    struct http_places places;
    struct http_stream streams[MANY];
    atomic_bool closed[MANY];
    int n;
};
static struct crowd crowd;

static int64_t read_nothing(struct http_stream *self, char *out, size_t max)
{
    UNUSED(self);
    UNUSED(out);
    UNUSED(max);
    return 0;
}

static void leave_crowd(struct http_stream *self)
{
    atomic_store(&crowd.closed[self - crowd.streams], true);
    raise_count(crowd.source, &crowd.source->closed);
}

static void join_crowd(void *context, struct http_request *request)
{
    struct http_stream *stream = &crowd.streams[crowd.n++];
    crowd.source = source_of(context);
    *stream = (struct http_stream){.read = read_nothing, .close = leave_crowd, .places = &crowd.places};
    http_stream(request, stream);
}

static const struct route routes[] = {
    {HTTP_GET, "/crowd", join_crowd, .doc = "One of many."},
    {HTTP_GET, "/mypages/stream", open_stream, .doc = "Every change."},
    {HTTP_GET, "/mypages/later", http_bench_hold, .doc = "A stream that is opened later."},
    {.path = NULL},
};

static int set_up(void **state)
{
    static struct http_bench bench;
    static struct source source;
    struct http_settings settings = http_bench_settings();
    source = (struct source){.bench = &bench, .places = {.most = 100, .per_address = 100}};
    crowd = (struct crowd){.places = {.most = 2, .per_address = 1}};
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

static int64_t taken;

static void look_at_places(struct http_bench *bench)
{
    taken = source_of(bench)->places.taken + crowd.places.taken;
}

static int64_t places_taken(struct http_bench *bench)
{
    http_bench_on_loop(bench, look_at_places);
    return taken;
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

/* More than the kernel takes for a client that doesn't read. */
static void say_too_much(struct http_bench *bench)
{
    source_of(bench)->repeat = 100000000;
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

static void a_follower_that_hangs_up_is_noticed_without_a_word_to_it(void **state)
{
    struct http_bench *bench = *state;
    struct source *source = source_of(bench);
    int fd = follow(bench);
    wait_for(source, &source->slept, 1);
    close(fd);
    wait_for(source, &source->closed, 1); /* nothing wakes it */
    assert_int_equal(places_taken(bench), 0);
    assert_int_equal(count_of(source, &source->closed), 1);
}

static void a_follower_that_hangs_up_while_it_is_written_to_is_noticed(void **state)
{
    struct http_bench *bench = *state;
    struct source *source = source_of(bench);
    int fd = follow(bench);
    wait_for(source, &source->slept, 1);
    http_bench_on_loop(bench, say_too_much);
    shutdown(fd, SHUT_WR);
    wait_for(source, &source->closed, 1);
    close(fd);
}

static int join(struct http_bench *bench, const char *address)
{
    char text[256];
    struct raw_answer answer;
    int fd = raw_connect(bench->port);
    snprintf(text, sizeof text, "GET /crowd HTTP/1.1\r\nHost: shop\r\n%s%s\r\n\r\n",
             address ? "X-Forwarded-For: " : "A: b", address ? address : "");
    raw_say(fd, text);
    raw_hear(fd, &answer, true);
    if (answer.status == 200)
        return fd;
    assert_int_equal(answer.status, 503);
    assert_non_null(raw_header(&answer, "Retry-After"));
    close(fd);
    return -1;
}

static void the_newest_stream_of_an_address_takes_the_place_of_its_oldest(void **state)
{
    struct http_bench *bench = *state;
    int first = join(bench, "192.0.2.1");
    int other = join(bench, "192.0.2.2");
    assert_int_equal(join(bench, "192.0.2.3"), -1); /* every place is taken, none by itself */
    assert_true(crowd.closed[2]);
    int again = join(bench, "198.51.100.9, 192.0.2.1"); /* what the last proxy saw counts */
    assert_true(again >= 0);
    assert_true(raw_hear_until(first, "0\r\n\r\n"));
    assert_true(crowd.closed[0]);
    assert_false(crowd.closed[1]);
    assert_false(crowd.closed[3]);
    assert_int_equal(places_taken(bench), 2);
    close(first);
    close(other);
    close(again);
}

static int leaving, returning;

/* In one turn of the loop, so that the server hears of the newcomer before it is told that the other has gone. */
static void leave_and_return(struct http_bench *bench)
{
    UNUSED(bench);
    close(leaving);
    raw_say(returning, "GET /crowd HTTP/1.1\r\nHost: shop\r\nX-Forwarded-For: 192.0.2.3\r\n\r\n");
    http_stream_wake(&crowd.streams[1]);
}

static void who_returns_before_its_leaving_was_noticed_is_let_in(void **state)
{
    struct http_bench *bench = *state;
    struct raw_answer answer;
    leaving = join(bench, "192.0.2.1");
    int other = join(bench, "192.0.2.2");
    returning = raw_connect(bench->port);
    raw_say(returning, "GET /nothing HTTP/1.1\r\nHost: shop\r\n\r\n");
    raw_hear(returning, &answer, false);
    http_bench_on_loop(bench, leave_and_return);
    raw_hear(returning, &answer, true);
    assert_int_equal(answer.status, 200);
    close(returning);
    close(other);
}

static void an_ipv6_address_counts_by_its_network(void **state)
{
    struct http_bench *bench = *state;
    int first = join(bench, "2001:db8:0:1::1");
    int other = join(bench, "2001:db8:0:2::1");
    int again = join(bench, "2001:db8:0:1:a:b:c:d");
    assert_true(again >= 0);
    assert_true(raw_hear_until(first, "0\r\n\r\n"));
    close(first);
    close(other);
    close(again);
}

static void streams_of_this_machine_end_no_others(void **state)
{
    struct http_bench *bench = *state;
    int first = join(bench, NULL);
    int second = join(bench, "127.0.0.1");
    assert_int_equal(join(bench, "::1"), -1);
    assert_false(crowd.closed[0]);
    assert_false(crowd.closed[1]);
    close(first);
    close(second);
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
    int fd = raw_connect(bench->port);
    raw_say(fd, "HEAD /mypages/stream HTTP/1.1\r\nHost: shop\r\n\r\n");
    raw_hear(fd, &answer, true);
    assert_int_equal(answer.status, 200);
    assert_string_equal(raw_header(&answer, "Content-Type"), "text/event-stream");
    assert_string_equal(raw_header(&answer, "Cache-Control"), "no-store");
    assert_string_equal(raw_header(&answer, "X-Accel-Buffering"), "no");
    assert_int_equal(count_of(source, &source->closed), 2);
    assert_int_equal(places_taken(bench), 0);
    char more;
    assert_int_equal(read(fd, &more, 1), 0); /* not a byte of a body, and the end */
    close(fd);
}

static void leave_no_place(struct http_bench *bench)
{
    UNUSED(bench);
    crowd.places.most = 0;
}

static void head_of_a_stream_is_refused_as_get_would_be(void **state)
{
    struct http_bench *bench = *state;
    struct raw_answer answer;
    int fd = raw_connect(bench->port);
    http_bench_on_loop(bench, leave_no_place);
    raw_say(fd, "HEAD /crowd HTTP/1.1\r\nHost: shop\r\n\r\n");
    raw_hear(fd, &answer, true);
    assert_int_equal(answer.status, 503);
    close(fd);
}

static void a_stopping_server_ends_its_streams_once(void **state)
{
    struct http_bench bench = {0};
    struct source source = {.bench = &bench, .places = {.most = 1, .per_address = 1}};
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
        CASE(a_follower_that_hangs_up_is_noticed_without_a_word_to_it),
        CASE(a_follower_that_hangs_up_while_it_is_written_to_is_noticed),
        CASE(the_newest_stream_of_an_address_takes_the_place_of_its_oldest),
        CASE(who_returns_before_its_leaving_was_noticed_is_let_in),
        CASE(an_ipv6_address_counts_by_its_network),
        CASE(streams_of_this_machine_end_no_others),
        CASE(a_stream_can_be_opened_after_the_handler_returned),
        CASE(whoever_takes_no_events_gets_406_and_head_no_events),
        CASE(head_of_a_stream_is_refused_as_get_would_be),
        cmocka_unit_test(a_stopping_server_ends_its_streams_once),
    };
    return cmocka_run_group_tests_name("http_stream", tests, NULL, NULL);
}
