/* A service's life: a real one, with its signals, on a free port and in a directory of its own, around a core that only
 * counts. */
#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "guarded_caller.h"
#include "http_bench.h"
#include "log.h"
#include "reader.h"
#include "service_bench.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* The service under test --------------------------------------------------------------------------------------------
 */

struct effect {
    struct guarded_call call;
    int error;
    bool ended;
};

struct tested {
    struct service_bench bench; /* first: the routes' context */
    struct core core;
    struct reader *reader;
    atomic_int runs, commands;
    struct guarded_caller *caller; /* asked by the core when it sees a command, if there is one */
    struct effect effect;
};

static void effect_ended(struct guarded_call *call, int error)
{
    struct effect *effect = CONTAINER_OF(call, struct effect, call);

    effect->error = error;
    effect->ended = true;
}

static int decide(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct tested *tested = CONTAINER_OF(core, struct tested, core);

    UNUSED(commands);
    UNUSED(now);
    atomic_fetch_add(&tested->runs, 1);
    atomic_fetch_add(&tested->commands, (int)n);
    if (n && tested->caller) {
        tested->effect.call.http = (struct http_call){.method = "GET", .url = "http://127.0.0.1:1/"};
        tested->effect.call.done = effect_ended;
        guarded_call(tested->caller, &tested->effect.call);
    }
    return OK;
}

static int64_t next_due(struct core *core)
{
    UNUSED(core);
    return INT64_MAX;
}

struct post {
    struct command base;
    struct http_request *request;
};

static void finish(struct command *base, int rc)
{
    struct http_request *request = CONTAINER_OF(base, struct post, base)->request;

    if (rc)
        http_fill_failure(request, rc);
    else
        request->status = 204;
    http_reply(request);
}

static void take_post(void *context, struct http_request *request)
{
    struct tested *tested = context;
    struct post *post = ARENA_NEW(&request->arena, struct post);

    *post = (struct post){.base = {.origin = FROM_CLIENT, .finish = finish}, .request = request};
    service_submit(tested->bench.service, request, &post->base);
}

/* A database that nobody asks. */
static void close_sql(struct sql *sql)
{
    UNUSED(sql);
}
static struct sql no_sql = {.close = close_sql};

struct list {
    struct read_job base;
    struct http_request *request;
};

static void read_list(struct read_job *base, struct sql *sql)
{
    struct http_request *request = CONTAINER_OF(base, struct list, base)->request;

    UNUSED(sql);
    request->status = 204;
    http_reply(request);
}

static void list_things(void *context, struct http_request *request)
{
    struct tested *tested = context;
    struct list *list = ARENA_NEW(&request->arena, struct list);

    *list = (struct list){.base = {.run = read_list}, .request = request};
    reader_serve(tested->reader, request, &list->base);
}

static const struct route routes[] = {
    {HTTP_POST, "/things", take_post, .doc = "Goes through the writer.", .body_optional = true},
    {HTTP_GET, "/things", list_things, .doc = "Goes through the reader."},
    {.path = NULL}};

static void open_tested(struct tested *tested)
{
    *tested = (struct tested){.core = {.decide = decide, .next_due = next_due}};
    service_bench_open(&tested->bench, "tested");
}

static bool start_tested(struct tested *tested, const char *listen)
{
    return service_bench_start(
        &tested->bench, &tested->core,
        (struct service_parts){.listen = listen, .routes = routes, .collection = "things", .reader = tested->reader});
}

static void close_tested(struct tested *tested)
{
    service_bench_close(&tested->bench);
    reader_free(tested->reader);
}

static bool problem_says(const struct tested *tested, const char *words)
{
    const struct buf *problem = &tested->bench.problem;

    return problem->n && memmem(problem->p, problem->n, words, strlen(words));
}

/* Its clients, in a thread of their own ------------------------------------------------------------------------------
 */

struct clients {
    struct tested *tested;
    void (*act)(struct clients *self);
    uint16_t port;
    struct raw_answer answer, second;
};

static void *be_clients(void *argument)
{
    struct clients *clients = argument;

    clients->act(clients);
    return NULL;
}

/* Runs the service until it is told to end by `act`. */
static void run_with(struct tested *tested, struct clients *clients, void (*act)(struct clients *self))
{
    assert_true(start_tested(tested, "127.0.0.1:0"));
    *clients = (struct clients){.tested = tested, .act = act, .port = service_port(tested->bench.service)};
    service_bench_run(&tested->bench, be_clients, clients);
}

static const char post[] = "POST /things HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n";

static void look_and_end(struct clients *self)
{
    raw_ask(self->port, "GET /readyz HTTP/1.1\r\nHost: here\r\n\r\n", &self->answer);
    raw_ask(self->port, post, &self->second);
    kill(getpid(), SIGTERM);
}

static void a_service_serves_until_it_is_told_to_end(void **state)
{
    struct tested tested;
    struct clients clients;
    UNUSED(state);

    open_tested(&tested);
    run_with(&tested, &clients, look_and_end);
    assert_int_equal(clients.answer.status, 200);
    assert_int_equal(clients.second.status, 204);
    assert_true(service_was_told_to_end(tested.bench.service));
    assert_int_equal(tested.commands, 1);
    close_tested(&tested);
}

static void list_and_end(struct clients *self)
{
    raw_ask(self->port, "GET /things HTTP/1.1\r\nHost: here\r\n\r\n", &self->answer);
    kill(getpid(), SIGTERM);
}

/* Under ThreadSanitizer: nobody wakes a loop that is gone. */
static void the_thread_that_answered_last_is_gone_before_the_loop(void **state)
{
    const struct reader_limits limits = {
        .query_ms = 1000, .quick_rows = 1, .most_waiting = 1, .waiting_per_address = 1};
    struct tested tested;
    struct clients clients;
    UNUSED(state);

    open_tested(&tested);
    tested.reader = reader_new(&no_sql, &no_sql, &limits);
    assert_non_null(tested.reader);
    run_with(&tested, &clients, list_and_end);
    assert_int_equal(clients.answer.status, 204);
    close_tested(&tested);
}

/* A client whose request begins before the signal and goes on after it. */
static void begin_end_go_on(struct clients *self)
{
    int fd = raw_connect(self->port);

    raw_say(fd, "POST /things HTTP/1.1\r\nHost: here\r\n");
    raw_ask(self->port, "GET /livez HTTP/1.1\r\nHost: here\r\n\r\n", &self->answer);
    kill(getpid(), SIGTERM);
    raw_say(fd, "Content-Length: 0\r\n\r\n");
    raw_hear(fd, &self->second, false);
    close(fd);
}

static void who_has_begun_to_ask_is_answered_before_the_end(void **state)
{
    struct tested tested;
    struct clients clients;
    UNUSED(state);

    open_tested(&tested);
    run_with(&tested, &clients, begin_end_go_on);
    assert_int_equal(clients.second.status, 204);
    close_tested(&tested);
}

static void a_port_in_use_is_a_sentence_and_nothing_was_begun(void **state)
{
    struct tested tested;
    struct http_bench other;
    struct http_settings settings = http_bench_settings();
    struct buf listen = {0};
    UNUSED(state);

    http_bench_start(&other, &settings, routes);
    open_tested(&tested);
    buf_printf(&listen, "127.0.0.1:%d", other.port);
    buf_char(&listen, '\0');
    assert_false(start_tested(&tested, listen.p));
    assert_true(problem_says(&tested, listen.p));
    close_tested(&tested);
    assert_int_equal(tested.runs, 0);
    buf_free(&listen);
    http_bench_stop(&other);
}

static void a_second_service_on_the_same_data_is_refused(void **state)
{
    struct tested tested;
    UNUSED(state);

    open_tested(&tested);
    assert_null(service_new(&tested.bench.program, &tested.bench.common, &tested.bench.problem));
    assert_true(problem_says(&tested, "is in use"));
    close_tested(&tested);
}

static void end_bare(struct command *base, int rc)
{
    UNUSED(rc);
    heap_free(base);
}

static void tell_to_end(struct clients *self)
{
    UNUSED(self);
    kill(getpid(), SIGTERM);
}

static void what_the_last_batch_asked_for_ends_too(void **state)
{
    const struct guarded_settings calls = {
        .breaker = {10000, 20, 50, 5000, BREAKER_FREE}, .timeout_ms = 1000, .max_concurrent = 8};
    struct tested tested;
    struct clients clients;
    UNUSED(state);

    open_tested(&tested);
    tested.caller =
        guarded_caller_new("nobody", service_loop(tested.bench.service), service_client(tested.bench.service), &calls);
    assert_non_null(tested.caller);
    run_with(&tested, &clients, tell_to_end);
    /* The loop has ended, the writer not yet: its last batch asks for something. */
    struct command *event = heap_alloc(sizeof(*event));
    *event = (struct command){.origin = FROM_EFFECT, .finish = end_bare};
    (void)writer_post(service_writer(tested.bench.service), event);
    close_tested(&tested);
    assert_int_equal(tested.commands, 1);
    assert_true(tested.effect.ended);
    assert_int_equal(tested.effect.error, E_CLOSING);
}

static void without_memory_it_does_not_start_and_says_so(void **state)
{
    UNUSED(state);
    for (uint64_t nth = 1;; nth++) {
        struct tested tested;
        open_tested(&tested);
        heap_fail_at(nth);
        bool started = start_tested(&tested, "127.0.0.1:0");
        bool failed = heap_has_failed();
        heap_fail_at(0);
        assert_true(started || tested.bench.problem.n || tested.bench.problem.failed);
        close_tested(&tested);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_serves_until_it_is_told_to_end),
        cmocka_unit_test(the_thread_that_answered_last_is_gone_before_the_loop),
        cmocka_unit_test(who_has_begun_to_ask_is_answered_before_the_end),
        cmocka_unit_test(a_port_in_use_is_a_sentence_and_nothing_was_begun),
        cmocka_unit_test(a_second_service_on_the_same_data_is_refused),
        cmocka_unit_test(what_the_last_batch_asked_for_ends_too),
        cmocka_unit_test(without_memory_it_does_not_start_and_says_so),
    };

    log_init("tested", LOG_ERROR, LOG_HUMAN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
