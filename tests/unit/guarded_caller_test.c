/* Guarded calls, real HTTP: what the caller is told, and when the breaker keeps it from calling at all. Server, client
 * and breaker are on one loop. */
#include "base.h"
#include "captured_log.h"
#include "errors.h"
#include "guarded_caller.h"
#include "http_server.h"
#include "log.h"
#include "metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { AN_HOUR_MS = 3600000, VOLUME = 4, CONNECTIONS = 8, AT_A_TIME = 256, MOST_KEPT = 64 };

struct other_side {
    struct loop *loop;
    struct http_client *client;
    struct http_server *server;
    struct buf url;
    int status;                           /* what it answers; 0: nothing */
    bool says_why;                        /* with a problem document */
    int asked;                            /* how often it was */
    struct http_request *kept[MOST_KEPT]; /* not answered yet */
    int n_kept;
    struct guarded_caller *caller;
};

static void serve(void *context, struct http_request *request)
{
    struct other_side *side = context;

    side->asked++;
    if (!side->status) {
        assert_true(side->n_kept < MOST_KEPT);
        side->kept[side->n_kept++] = request;
        return;
    }
    request->status = side->status;
    if (side->says_why)
        http_fill_problem(request, side->status, NULL, "it is busy");
    else
        BUF_LIT(&request->reply, "{\"answer\":true}");
    http_reply(request);
}

static const struct route routes[] = {{HTTP_PUT, "/it", serve, .doc = "Answers as it is told.", .body_optional = true},
                                      {.path = NULL}};

static void open_side_of(struct other_side *side, const struct guarded_settings *calls)
{
    const struct http_settings http = {.max_connections = 64,
                                       .max_body = 65536,
                                       .connection_memory = 8192,
                                       .idle_ms = 60000,
                                       .request_ms = 60000,
                                       .trusted_proxy = "127.0.0.1"};
    struct buf problem = {0};

    *side = (struct other_side){.loop = loop_new(), .status = 200};
    assert_non_null(side->loop);
    side->client = http_client_new(side->loop, CONNECTIONS);
    side->server = http_server_new(side->loop, &http, "127.0.0.1:0", routes, side, &problem);
    assert_non_null(side->client);
    assert_non_null(side->server);
    buf_printf(&side->url, "http://127.0.0.1:%d/it", http_server_port(side->server));
    buf_char(&side->url, '\0');
    side->caller = guarded_caller_new("other", side->loop, side->client, calls);
    assert_non_null(side->caller);
}

static struct guarded_settings settings_of(int64_t sleep_window_ms, int64_t timeout_ms)
{
    return (struct guarded_settings){
        .breaker = {.window_ms = AN_HOUR_MS, .volume = VOLUME, .error_percent = 50, .sleep_window_ms = sleep_window_ms},
        .timeout_ms = timeout_ms,
        .max_concurrent = AT_A_TIME};
}

static void open_side(struct other_side *side, int64_t sleep_window_ms, int64_t timeout_ms)
{
    struct guarded_settings calls = settings_of(sleep_window_ms, timeout_ms);

    open_side_of(side, &calls);
}

static void close_side(struct other_side *side)
{
    for (int i = 0; i < side->n_kept; i++) {
        http_fill_problem(side->kept[i], 503, NULL, "too late");
        http_reply(side->kept[i]);
    }
    http_client_free(side->client);
    http_server_free(side->server);
    loop_free(side->loop);
    buf_free(&side->url);
}

/* A call, and what came of it. */
struct asked {
    struct guarded_call call;
    struct other_side *side;
    int error, status;
    int *open; /* calls that are not done yet: with the last the loop stops */
};

static void done(struct guarded_call *call, int error)
{
    struct asked *asked = CONTAINER_OF(call, struct asked, call);

    asked->error = error;
    asked->status = error ? 0 : call->http.status;
    if (--*asked->open == 0)
        loop_stop(asked->side->loop);
}

static void ask(struct other_side *side, struct asked *asked, const char *url, int *open)
{
    *asked = (struct asked){.side = side, .open = open, .error = -1};
    asked->call.http = (struct http_call){.method = "PUT", .url = url};
    asked->call.done = done;
    guarded_call(side->caller, &asked->call);
}

/* One call, to its end. */
static struct asked ask_at(struct other_side *side, const char *url)
{
    struct asked asked;
    int open = 1;

    ask(side, &asked, url, &open);
    loop_run(side->loop);
    return asked;
}

static struct asked ask_it(struct other_side *side)
{
    return ask_at(side, side->url.p);
}

static void break_it(struct other_side *side)
{
    side->status = 500;
    for (int i = 0; i < VOLUME; i++)
        assert_int_equal(ask_it(side).error, E_TIMEOUT);
}

static void an_answer_comes_with_its_status(void **state)
{
    struct other_side side;
    UNUSED(state);

    open_side(&side, AN_HOUR_MS, AN_HOUR_MS);
    struct asked asked = ask_it(&side);
    assert_int_equal(asked.error, OK);
    assert_int_equal(asked.status, 200);
    close_side(&side);
}

static void a_503_of_ours_was_not_done_and_any_other_5xx_may_have_been(void **state)
{
    struct other_side side;
    UNUSED(state);

    open_side(&side, AN_HOUR_MS, AN_HOUR_MS);
    side.status = 503;
    assert_int_equal(ask_it(&side).error, E_TIMEOUT); /* somebody's in between, or another server's */
    side.says_why = true;
    assert_int_equal(ask_it(&side).error, E_UNAVAILABLE);
    side.status = 500;
    assert_int_equal(ask_it(&side).error, E_TIMEOUT);
    close_side(&side);
}

static void who_says_nothing_is_given_up_and_nothing_is_known(void **state)
{
    struct other_side side;
    UNUSED(state);

    open_side(&side, AN_HOUR_MS, 20);
    side.status = 0;
    assert_int_equal(ask_it(&side).error, E_TIMEOUT);
    close_side(&side);
}

static void where_nobody_listens_nothing_was_done(void **state)
{
    struct other_side side;
    UNUSED(state);

    open_side(&side, AN_HOUR_MS, AN_HOUR_MS);
    assert_int_equal(ask_at(&side, "http://127.0.0.1:1/it").error, E_UNAVAILABLE);
    close_side(&side);
}

static void a_no_of_the_domain_is_no_failure(void **state)
{
    struct other_side side;
    UNUSED(state);

    open_side(&side, AN_HOUR_MS, AN_HOUR_MS);
    side.status = 409;
    for (int i = 0; i < 3 * VOLUME; i++) {
        struct asked asked = ask_it(&side);
        assert_int_equal(asked.error, OK);
        assert_int_equal(asked.status, 409);
    }
    close_side(&side);
}

/* All callers' of this program, which are called the same; empties the text. */
static int64_t refused_in(struct buf *text)
{
    static const char name[] = "\ncoffeeshop_calls_refused_total{service=\"other\"} ";
    int64_t sum = 0;

    buf_char(text, '\0');
    for (const char *at = text->p; (at = strstr(at, name)); at++)
        sum += strtoll(at + sizeof(name) - 1, NULL, 10);
    buf_free(text);
    return sum;
}

static void after_enough_failures_nobody_is_asked_any_more(void **state)
{
    struct other_side side;
    UNUSED(state);

    open_side(&side, AN_HOUR_MS, AN_HOUR_MS);
    assert_int_equal(guarded_caller_retry_after_s(side.caller), 1);
    break_it(&side);
    side.status = 200;
    assert_int_equal(ask_it(&side).error, E_UNAVAILABLE);
    assert_int_equal(side.asked, VOLUME);
    int64_t wait = guarded_caller_retry_after_s(side.caller);
    assert_true(wait > 1 && wait <= AN_HOUR_MS / 1000);
    close_side(&side);
}

static void who_would_be_refused_can_be_told_so_without_a_call_and_is_counted(void **state)
{
    struct other_side side;
    struct buf text = {0};
    UNUSED(state);

    open_side(&side, AN_HOUR_MS, AN_HOUR_MS);
    assert_false(guarded_caller_refuses(side.caller));
    break_it(&side);
    metrics_write(&text);
    int64_t refused = refused_in(&text);
    assert_true(guarded_caller_refuses(side.caller));
    metrics_write(&text);
    assert_int_equal(refused_in(&text), refused + 1);
    assert_int_equal(side.asked, VOLUME);
    close_side(&side);
}

static void when_the_pause_is_over_one_good_answer_closes_the_breaker(void **state)
{
    struct other_side side;
    UNUSED(state);

    open_side(&side, 1, AN_HOUR_MS);
    break_it(&side);
    side.status = 200;
    while (ask_it(&side).error == E_UNAVAILABLE)
        continue; /* the pause is a millisecond */
    int asked = side.asked;
    for (int i = 0; i < VOLUME; i++)
        assert_int_equal(ask_it(&side).error, OK);
    assert_int_equal(side.asked, asked + VOLUME);
    assert_int_equal(guarded_caller_retry_after_s(side.caller), 1);
    close_side(&side);
}

static int times_told(const char *log, const char *what)
{
    int n = 0;

    for (const char *at = log; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void a_breaker_says_once_that_it_opened_however_often_it_looks_and_once_that_it_closed(void **state)
{
    enum { LOOKS = 5 };
    struct captured_log captured;
    struct other_side side;
    UNUSED(state);

    log_init("tested", LOG_INFO, LOG_HUMAN);
    captured_log_begin(&captured);
    open_side(&side, 0, AN_HOUR_MS); /* without a pause: every call is a look whether it is well again */
    break_it(&side);
    for (int i = 0; i < LOOKS; i++)
        assert_int_equal(ask_it(&side).error, E_TIMEOUT);
    side.status = 200;
    assert_int_equal(ask_it(&side).error, OK);
    break_it(&side);
    const char *log = captured_log_end(&captured);
    assert_int_equal(side.asked, VOLUME + LOOKS + 1 + VOLUME);
    assert_int_equal(times_told(log, "breaker opened"), 2);
    assert_int_equal(times_told(log, "breaker closed"), 1);
    close_side(&side);
}

/* `n` calls at once, which the other side does not answer. */
static void ask_a_crowd(struct other_side *side, struct asked *asked, int n, int *open)
{
    *open = n;
    side->status = 0;
    for (int i = 0; i < n; i++)
        ask(side, &asked[i], side->url.p, open);
    loop_run(side->loop);
}

static int count_of(const struct asked *asked, int n, int error)
{
    int found = 0;

    for (int i = 0; i < n; i++)
        found += asked[i].error == error;
    return found;
}

static void too_many_at_a_time_are_rejected_at_once_and_say_nothing_of_the_other_side(void **state)
{
    enum { MOST = VOLUME - 2, CROWD = MOST + 3 * VOLUME };
    struct guarded_settings calls = settings_of(AN_HOUR_MS, 50);
    struct asked asked[CROWD];
    struct other_side side;
    int open;
    UNUSED(state);

    calls.max_concurrent = MOST;
    open_side_of(&side, &calls);
    ask_a_crowd(&side, asked, CROWD, &open);
    assert_int_equal(count_of(asked, CROWD, E_TIMEOUT), MOST);
    assert_int_equal(count_of(asked, CROWD, E_UNAVAILABLE), CROWD - MOST);
    for (int i = 0; i < MOST; i++)
        assert_int_equal(asked[i].error, E_TIMEOUT);
    /* Two failures and a success are fewer than the volume: had the rejected counted, the breaker would be open. */
    side.status = 200;
    assert_int_equal(ask_it(&side).error, OK);
    close_side(&side);
}

static void a_call_that_got_no_connection_of_ours_says_nothing_of_the_other_side(void **state)
{
    enum { CROWD = CONNECTIONS + 3 * VOLUME };
    struct guarded_settings calls = settings_of(AN_HOUR_MS, 50);
    struct asked asked[CROWD];
    struct other_side side;
    int open;
    UNUSED(state);

    calls.breaker.volume = CONNECTIONS + 1;
    open_side_of(&side, &calls);
    ask_a_crowd(&side, asked, CROWD, &open);
    assert_true(count_of(asked, CROWD, E_UNAVAILABLE) > 0);
    assert_int_equal(count_of(asked, CROWD, E_UNAVAILABLE) + count_of(asked, CROWD, E_TIMEOUT), CROWD);
    assert_true(count_of(asked, CROWD, E_TIMEOUT) >= CONNECTIONS);
    close_side(&side);
}

static void forced_open_nobody_is_asked(void **state)
{
    struct guarded_settings calls = settings_of(1, AN_HOUR_MS);
    struct other_side side;
    UNUSED(state);

    calls.breaker.force = BREAKER_FORCED_OPEN;
    open_side_of(&side, &calls);
    assert_int_equal(ask_it(&side).error, E_UNAVAILABLE);
    assert_int_equal(side.asked, 0);
    int64_t wait = guarded_caller_retry_after_s(side.caller);
    assert_true(wait >= 1 && wait <= 60);
    close_side(&side);
}

static void forced_closed_it_is_asked_however_it_fails(void **state)
{
    struct guarded_settings calls = settings_of(AN_HOUR_MS, AN_HOUR_MS);
    struct other_side side;
    UNUSED(state);

    calls.breaker.force = BREAKER_FORCED_CLOSED;
    open_side_of(&side, &calls);
    break_it(&side);
    side.status = 200;
    assert_int_equal(ask_it(&side).error, OK);
    close_side(&side);
}

enum { FROM_THREADS = 64 };

struct thread_of_asks {
    struct other_side *side;
    struct asked asked[FROM_THREADS];
    int *open;
};

static void *ask_many(void *argument)
{
    struct thread_of_asks *thread = argument;

    for (int i = 0; i < FROM_THREADS; i++) {
        ask(thread->side, &thread->asked[i], thread->side->url.p, thread->open);
        (void)guarded_caller_retry_after_s(thread->side->caller);
    }
    return NULL;
}

static void any_thread_may_ask(void **state)
{
    struct other_side side;
    int open = 2 * FROM_THREADS;
    static struct thread_of_asks threads[2];
    pthread_t ids[2];
    UNUSED(state);

    open_side(&side, AN_HOUR_MS, AN_HOUR_MS);
    for (int i = 0; i < 2; i++) {
        threads[i] = (struct thread_of_asks){.side = &side, .open = &open};
        assert_int_equal(pthread_create(&ids[i], NULL, ask_many, &threads[i]), 0);
    }
    loop_run(side.loop);
    for (int i = 0; i < 2; i++) {
        pthread_join(ids[i], NULL);
        for (int j = 0; j < FROM_THREADS; j++)
            assert_int_equal(threads[i].asked[j].error, OK);
    }
    assert_int_equal(side.asked, 2 * FROM_THREADS);
    close_side(&side);
}

static void a_client_that_ends_tells_who_waits(void **state)
{
    struct other_side side;
    struct asked asked;
    int open = 1;
    UNUSED(state);

    open_side(&side, AN_HOUR_MS, AN_HOUR_MS);
    side.status = 0;
    ask(&side, &asked, side.url.p, &open);
    loop_stop(side.loop);
    loop_run(side.loop); /* runs what was posted, so the call is under way */
    http_client_free(side.client);
    side.client = NULL;
    assert_int_equal(asked.error, E_CLOSING);
    close_side(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_with_its_status),
        cmocka_unit_test(a_503_of_ours_was_not_done_and_any_other_5xx_may_have_been),
        cmocka_unit_test(who_says_nothing_is_given_up_and_nothing_is_known),
        cmocka_unit_test(where_nobody_listens_nothing_was_done),
        cmocka_unit_test(a_no_of_the_domain_is_no_failure),
        cmocka_unit_test(after_enough_failures_nobody_is_asked_any_more),
        cmocka_unit_test(who_would_be_refused_can_be_told_so_without_a_call_and_is_counted),
        cmocka_unit_test(when_the_pause_is_over_one_good_answer_closes_the_breaker),
        cmocka_unit_test(a_breaker_says_once_that_it_opened_however_often_it_looks_and_once_that_it_closed),
        cmocka_unit_test(too_many_at_a_time_are_rejected_at_once_and_say_nothing_of_the_other_side),
        cmocka_unit_test(a_call_that_got_no_connection_of_ours_says_nothing_of_the_other_side),
        cmocka_unit_test(forced_open_nobody_is_asked),
        cmocka_unit_test(forced_closed_it_is_asked_however_it_fails),
        cmocka_unit_test(any_thread_may_ask),
        cmocka_unit_test(a_client_that_ends_tells_who_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
