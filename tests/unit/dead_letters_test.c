/* Dead letters over real HTTP, in a real database: looking at them, and trying them again. */
#include "alloc.h"
#include "base.h"
#include "dead_letters.h"
#include "errors.h"
#include "http_bench.h"
#include "outbox_sql.h"
#include "reader.h"
#include "scratch.h"
#include "service_internal.h"

#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* What a service has to do with dead letters, without the rest of it. */
struct shelf {
    struct service_http http;
    struct service service;
    struct http_bench bench;
    struct scratch scratch;
    struct sql *sql;
    struct reader *reader;
    struct cursors cursors;
    struct core core;
    atomic_int fails; /* what the core answers */
    sem_t ran;
    enum command_origin origin; /* of the last command */
    enum command_fate fate;
    uint64_t position;
};

static int decide(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct shelf *shelf = CONTAINER_OF(core, struct shelf, core);

    UNUSED(now);
    if (n) {
        shelf->origin = commands[n - 1]->origin;
        shelf->fate = commands[n - 1]->fate;
        shelf->position = commands[n - 1]->position;
    }
    int rc = atomic_load(&shelf->fails);
    sem_post(&shelf->ran);
    return rc;
}

static int64_t next_due(struct core *core)
{
    UNUSED(core);
    return INT64_MAX;
}

static void finish(struct command *command, int rc)
{
    UNUSED(rc);
    heap_free(command);
}

static struct command *new_command(void)
{
    struct command *command = heap_alloc(sizeof(*command));

    assert_non_null(command);
    *command = (struct command){.origin = FROM_EFFECT, .finish = finish};
    return command;
}

/* "now it can": decoded; "not ours": passed over; anything else can't be read. */
static struct command *decode(void *context, size_t source, struct str text, const char **reason)
{
    UNUSED(context);
    UNUSED(source);
    if (str_is(text, "now it can"))
        return new_command();
    if (!str_is(text, "not ours"))
        *reason = str_is(text, "too big") ? error_text(E_MEMORY) : "still can't be read";
    return NULL;
}

static void list(void *context, struct http_request *request)
{
    dead_letters_list(((struct http_bench *)context)->user, request);
}

static void replay(void *context, struct http_request *request)
{
    dead_letters_replay(((struct http_bench *)context)->user, request);
}

static const struct route routes[] = {{HTTP_GET, "/dead-letters", list, .doc = "Lists them."},
                                      {HTTP_POST, "/dead-letters/replay", replay, .doc = "Tries one again."},
                                      {.path = NULL}};

static void put_aside(struct shelf *shelf, const struct dead_letter *letters, size_t n)
{
    struct outbox outbox = {0};
    const struct outbox_write write = {
        .outbox = &outbox, .cursors = &shelf->cursors, .dead = letters, .n_dead = n, .now = 1000000};

    assert_int_equal(shelf->sql->begin(shelf->sql), OK);
    assert_int_equal(outbox_sql_write(shelf->sql, CELL_ONLY, &write), OK);
    assert_int_equal(shelf->sql->commit(shelf->sql), OK);
}

static struct sql *open_sql(struct shelf *shelf)
{
    static const struct sql_migration migrations[] = {
        {1, OUTBOX_SQL_SCHEMA}, {2, OUTBOX_SQL_EPOCHS}, {3, OUTBOX_SQL_DEAD_BYTES}, {4, OUTBOX_SQL_CELLS}};
    char path[SCRATCH_PATH_SIZE];
    struct buf problem = {0};
    int error;
    const struct sql_options options = {.path = scratch_path(&shelf->scratch, "letters.db", path),
                                        .application = "letters",
                                        .migrations = migrations,
                                        .n_migrations = COUNT_OF(migrations)};
    struct sql *sql = sqlite_open(&options, &problem, &error);

    assert_non_null(sql);
    return sql;
}

static int open_shelf(void **state)
{
    static const struct service_producer producers[] = {{.name = "order", .url = ""}, {.name = "stock", .url = ""}};
    const struct writer_settings settings = {.batch = 8, .queue = 8, .retry_ms = 3600000};
    const struct reader_limits limits = {
        .query_ms = 1000, .quick_rows = 1, .most_waiting = 1, .waiting_per_address = 1};
    struct http_settings http = http_bench_settings();
    struct shelf *shelf = heap_alloc(sizeof(*shelf));

    assert_non_null(shelf);
    shelf->cursors = (struct cursors){.source = {"order", "stock"}, .n = 2};
    shelf->core = (struct core){.decide = decide, .next_due = next_due};
    sem_init(&shelf->ran, 0, 0);
    scratch_make(&shelf->scratch);
    shelf->sql = open_sql(shelf);
    shelf->reader = reader_new(NULL, NULL, &limits);
    assert_non_null(shelf->reader);
    reader_rows_at_once(shelf->reader, shelf->sql);
    shelf->service.parts = (struct service_parts){
        .reader = shelf->reader, .producers = producers, .n_producers = COUNT_OF(producers), .decode = decode};
    shelf->service.n_cells = 1;
    shelf->service.began = &shelf->cursors;
    shelf->service.writer = writer_new(&settings, &shelf->core);
    assert_non_null(shelf->service.writer);
    assert_int_equal(writer_start(shelf->service.writer), OK);
    shelf->http.service = &shelf->service;
    shelf->bench.user = &shelf->http;
    http_bench_start(&shelf->bench, &http, routes);
    shelf->service.loop = shelf->bench.loop;
    *state = shelf;
    return 0;
}

static int close_shelf(void **state)
{
    struct shelf *shelf = *state;

    http_bench_stop(&shelf->bench);
    writer_free(shelf->service.writer);
    reader_free(shelf->reader);
    shelf->sql->close(shelf->sql);
    scratch_remove(&shelf->scratch);
    heap_free(shelf);
    return 0;
}

static void look(struct shelf *shelf, const char *query, struct raw_answer *answer)
{
    struct buf text = {0};

    buf_printf(&text, "GET /dead-letters%s HTTP/1.1\r\nHost: here\r\n\r\n", query);
    buf_char(&text, '\0');
    raw_ask(shelf->bench.port, text.p, answer);
    buf_free(&text);
}

static int try_again(struct shelf *shelf, const char *source, int position)
{
    struct buf text = {0}, body = {0};
    struct raw_answer answer;

    buf_printf(&body, "{\"source\":\"%s\",\"position\":%d}", source, position);
    buf_printf(&text,
               "POST /dead-letters/replay HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n\r\n%.*s",
               body.n, STR_ARG(buf_str(&body)));
    buf_char(&text, '\0');
    raw_ask(shelf->bench.port, text.p, &answer);
    buf_free(&text);
    buf_free(&body);
    return answer.status;
}

static void a_letter_is_shown_with_its_reason(void **state)
{
    struct shelf *shelf = *state;
    struct raw_answer answer;
    const struct dead_letter letter = {STR("order"), 7, STR("can't be read"), STR("{\"odd\":1}")};

    put_aside(shelf, &letter, 1);
    look(shelf, "", &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "\"source\":\"order\",\"position\":7"));
    assert_non_null(strstr(answer.body, "\"reason\":\"can't be read\",\"event\":\"{\\\"odd\\\":1}\""));
}

static void letters_are_shown_from_where_one_left_off(void **state)
{
    struct shelf *shelf = *state;
    struct raw_answer answer;
    const struct dead_letter letters[] = {{STR("order"), 7, STR("first"), STR("{}")},
                                          {STR("order"), 9, STR("second"), STR("{}")},
                                          {STR("stock"), 1, STR("third"), STR("{}")}};

    put_aside(shelf, letters, COUNT_OF(letters));
    look(shelf, "?source=order&position=7", &answer);
    assert_null(strstr(answer.body, "first"));
    assert_non_null(strstr(answer.body, "second"));
    assert_non_null(strstr(answer.body, "third"));
    look(shelf, "?position=x", &answer);
    assert_int_equal(answer.status, 400);
}

static void a_letter_that_is_not_text_does_not_spoil_the_listing(void **state)
{
    struct shelf *shelf = *state;
    struct raw_answer answer;
    const struct dead_letter letter = {STR("order"), 7, STR("bad UTF-8"), STR("\xff\xfe")};

    put_aside(shelf, &letter, 1);
    look(shelf, "", &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "(not UTF-8)"));
}

/* Reads the length alone: the answer is larger than the bench keeps. */
static size_t length_of_listing(struct shelf *shelf)
{
    struct raw_answer answer;
    int fd = raw_connect(shelf->bench.port);

    raw_say(fd, "HEAD /dead-letters HTTP/1.1\r\nHost: here\r\n\r\n");
    raw_hear(fd, &answer, true);
    close(fd);
    uint64_t length = 0;
    assert_true(str_to_u64(str_of(raw_header(&answer, "Content-Length")), &length));
    return (size_t)length;
}

static void large_letters_are_shown_a_few_at_a_time(void **state)
{
    enum { N = 8, EACH = 512 * 1024 };
    struct shelf *shelf = *state;
    struct dead_letter letters[N];
    char *frame = heap_alloc(EACH);

    assert_non_null(frame);
    memset(frame, 'x', EACH);
    for (int i = 0; i < N; i++)
        letters[i] = (struct dead_letter){STR("order"), (uint64_t)i + 1, STR("large"), {frame, EACH}};
    put_aside(shelf, letters, N);
    size_t length = length_of_listing(shelf);
    assert_true(length > EACH && length < (size_t)N * EACH / 2);
    heap_free(frame);
}

static void a_letter_tried_again_goes_through_the_writer(void **state)
{
    struct shelf *shelf = *state;
    const struct dead_letter letter = {STR("stock"), 7, STR("could not be read then"), STR("now it can")};

    put_aside(shelf, &letter, 1);
    while (sem_trywait(&shelf->ran) == 0)
        continue;
    assert_int_equal(try_again(shelf, "stock", 7), 202);
    sem_wait(&shelf->ran);
    writer_stop(shelf->service.writer);
    assert_int_equal(shelf->origin, FROM_REPLAY);
    assert_int_equal(shelf->position, 7);
}

static void a_letter_that_concerns_us_no_more_is_forgotten_when_it_is_tried_again(void **state)
{
    struct shelf *shelf = *state;
    const struct dead_letter letter = {STR("order"), 2, STR("could not be read then"), STR("not ours")};

    put_aside(shelf, &letter, 1);
    while (sem_trywait(&shelf->ran) == 0)
        continue;
    assert_int_equal(try_again(shelf, "order", 2), 202);
    sem_wait(&shelf->ran);
    writer_stop(shelf->service.writer);
    assert_int_equal(shelf->origin, FROM_REPLAY);
    assert_int_equal(shelf->fate, COMMAND_SKIP);
    assert_int_equal(shelf->position, 2);
}

static void what_can_not_be_tried_again_is_refused_with_the_reason(void **state)
{
    struct shelf *shelf = *state;
    const struct dead_letter letters[] = {{STR("order"), 1, STR("odd"), STR("odd")},
                                          {STR("order"), 3, STR("odd"), STR("too big")}};

    put_aside(shelf, letters, COUNT_OF(letters));
    assert_int_equal(try_again(shelf, "order", 1), 409);
    assert_int_equal(try_again(shelf, "order", 3), 503);
    assert_int_equal(try_again(shelf, "order", 4), 404);
    assert_int_equal(try_again(shelf, "nobody", 1), 422);
}

static void nothing_is_tried_again_while_commits_fail(void **state)
{
    struct shelf *shelf = *state;
    const struct dead_letter letter = {STR("order"), 7, STR("odd"), STR("now it can")};
    int64_t since;

    put_aside(shelf, &letter, 1);
    atomic_store(&shelf->fails, E_FULL);
    (void)writer_post(shelf->service.writer, new_command());
    while (writer_is_well(shelf->service.writer, &since))
        sched_yield();
    assert_int_equal(try_again(shelf, "order", 7), 503);
}

static void who_follows_nobody_has_none(void **state)
{
    struct shelf *shelf = *state;
    struct raw_answer answer;

    shelf->service.parts.n_producers = 0;
    look(shelf, "", &answer);
    assert_int_equal(answer.status, 404);
    assert_int_equal(try_again(shelf, "order", 7), 404);
}

#define WITH_SHELF(test) cmocka_unit_test_setup_teardown(test, open_shelf, close_shelf)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SHELF(a_letter_is_shown_with_its_reason),
        WITH_SHELF(letters_are_shown_from_where_one_left_off),
        WITH_SHELF(a_letter_that_is_not_text_does_not_spoil_the_listing),
        WITH_SHELF(large_letters_are_shown_a_few_at_a_time),
        WITH_SHELF(a_letter_tried_again_goes_through_the_writer),
        WITH_SHELF(a_letter_that_concerns_us_no_more_is_forgotten_when_it_is_tried_again),
        WITH_SHELF(what_can_not_be_tried_again_is_refused_with_the_reason),
        WITH_SHELF(nothing_is_tried_again_while_commits_fail),
        WITH_SHELF(who_follows_nobody_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
