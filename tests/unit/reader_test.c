/* The reader: jobs that block, wait to be interrupted or are refused, on a database that only counts. */
#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "read_queue.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { AN_HOUR_MS = 3600000, MOST_WAITING = 4, PER_ADDRESS = 3, QUICK_ROWS = 100 };

struct fake_sql {
    struct sql port;
    sem_t interrupted;
    atomic_int interrupts, closes;
};

static void interrupt(struct sql *port)
{
    struct fake_sql *sql = CONTAINER_OF(port, struct fake_sql, port);

    atomic_fetch_add(&sql->interrupts, 1);
    sem_post(&sql->interrupted);
}

static void close_sql(struct sql *port)
{
    struct fake_sql *sql = CONTAINER_OF(port, struct fake_sql, port);

    atomic_fetch_add(&sql->closes, 1);
}

static void fake_sql_init(struct fake_sql *sql)
{
    *sql = (struct fake_sql){.port = {.interrupt = interrupt, .close = close_sql}};
    sem_init(&sql->interrupted, 0, 0);
}

/* The connection of the slow lane, where most tests read nothing. */
static struct fake_sql slow_sql;

static struct reader *new_reader(struct fake_sql *sql, int64_t query_ms)
{
    const struct reader_limits limits = {.query_ms = query_ms,
                                         .quick_rows = QUICK_ROWS,
                                         .most_waiting = MOST_WAITING,
                                         .waiting_per_address = PER_ADDRESS};

    fake_sql_init(sql);
    fake_sql_init(&slow_sql);
    struct reader *reader = reader_new(&sql->port, &slow_sql.port, &limits);
    assert_non_null(reader);
    return reader;
}

static bool post(struct reader *reader, struct read_job *job)
{
    struct read_job *pushed_out;

    bool taken = reader_post(reader, job, &pushed_out);
    assert_null(pushed_out);
    return taken;
}

/* A job that says when it begins, then waits for its gate. */
struct gated_job {
    struct read_job base;
    sem_t begun, gate;
    atomic_int *turn; /* counts the jobs that have run */
    int place;        /* what it counted */
};

static void run_gated(struct read_job *base, struct sql *sql)
{
    struct gated_job *job = CONTAINER_OF(base, struct gated_job, base);

    UNUSED(sql);
    sem_post(&job->begun);
    sem_wait(&job->gate);
    job->place = atomic_fetch_add(job->turn, 1) + 1;
}

static void gated_init(struct gated_job *job, atomic_int *turn)
{
    *job = (struct gated_job){.base = {.run = run_gated, .from = {.local = true}}, .turn = turn};
    sem_init(&job->begun, 0, 0);
    sem_init(&job->gate, 0, 0);
}

/* A job that is only ended by being interrupted. */
static void run_until_interrupted(struct read_job *base, struct sql *port)
{
    UNUSED(base);
    sem_wait(&CONTAINER_OF(port, struct fake_sql, port)->interrupted);
}

static void reads_are_done_in_the_order_in_which_they_were_asked_for(void **state)
{
    struct fake_sql sql;
    struct gated_job jobs[3];
    atomic_int turn = 0;
    UNUSED(state);

    struct reader *reader = new_reader(&sql, AN_HOUR_MS);
    gated_init(&jobs[0], &turn);
    assert_true(post(reader, &jobs[0].base));
    sem_wait(&jobs[0].begun);
    for (int i = 1; i < 3; i++) {
        gated_init(&jobs[i], &turn);
        sem_post(&jobs[i].gate);
        assert_true(post(reader, &jobs[i].base));
    }
    sem_post(&jobs[0].gate);
    reader_free(reader);
    for (int i = 0; i < 3; i++)
        assert_int_equal(jobs[i].place, i + 1);
    assert_int_equal(sql.interrupts, 0);
    assert_int_equal(sql.closes, 1);
    assert_int_equal(slow_sql.closes, 1);
}

static void a_read_that_takes_too_long_is_interrupted_and_the_next_one_is_too(void **state)
{
    struct fake_sql sql;
    struct read_job jobs[2] = {{.run = run_until_interrupted, .from = {.local = true}},
                               {.run = run_until_interrupted, .from = {.local = true}}};
    UNUSED(state);

    struct reader *reader = new_reader(&sql, 1);
    assert_true(post(reader, &jobs[0]));
    assert_true(post(reader, &jobs[1]));
    reader_free(reader); /* would wait for ever */
    assert_true(sql.interrupts >= 2);
}

static void a_reader_that_was_idle_still_watches(void **state)
{
    struct fake_sql sql;
    struct gated_job first;
    struct read_job slow = {.run = run_until_interrupted, .from = {.local = true}};
    atomic_int turn = 0;
    UNUSED(state);

    struct reader *reader = new_reader(&sql, 1);
    gated_init(&first, &turn);
    assert_true(post(reader, &first.base));
    sem_wait(&first.begun);
    sem_wait(&sql.interrupted); /* it is watched, too */
    sem_post(&first.gate);
    while (sem_trywait(&sql.interrupted) == 0)
        continue;
    assert_true(post(reader, &slow));
    reader_free(reader);
    assert_int_equal(first.place, 1);
}

/* Such a job looks at the clock itself. */
static void look_at_the_time_left(struct read_job *job, struct sql *sql)
{
    assert_null(sql);
    assert_int_equal(job->until_us, job->posted_us + 1 * US_PER_MS);
    job->rows = -1;
}

static void a_store_without_connections_is_read_in_turn_too_and_nothing_is_interrupted(void **state)
{
    const struct reader_limits limits = {
        .query_ms = 1, .quick_rows = QUICK_ROWS, .most_waiting = MOST_WAITING, .waiting_per_address = PER_ADDRESS};
    struct read_job jobs[] = {{.run = look_at_the_time_left, .rows = 1},
                              {.run = look_at_the_time_left, .rows = INT64_MAX}};
    UNUSED(state);

    struct reader *reader = reader_new(NULL, NULL, &limits);
    assert_non_null(reader);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        assert_true(post(reader, &jobs[i]));
    reader_free(reader);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        assert_int_equal(jobs[i].rows, -1);
}

static void more_than_may_wait_are_refused(void **state)
{
    struct fake_sql sql;
    struct gated_job jobs[MOST_WAITING + 2];
    atomic_int turn = 0;
    UNUSED(state);

    struct reader *reader = new_reader(&sql, AN_HOUR_MS);
    for (int i = 0; i < MOST_WAITING + 2; i++)
        gated_init(&jobs[i], &turn);
    assert_true(post(reader, &jobs[0].base));
    sem_wait(&jobs[0].begun); /* it is being read: it doesn't wait any more */
    for (int i = 1; i <= MOST_WAITING; i++)
        assert_true(post(reader, &jobs[i].base));
    assert_false(post(reader, &jobs[MOST_WAITING + 1].base));
    for (int i = 0; i <= MOST_WAITING; i++)
        sem_post(&jobs[i].gate);
    reader_free(reader);
    assert_int_equal(turn, MOST_WAITING + 1);
}

static void a_reader_for_which_there_is_no_memory_closes_its_databases(void **state)
{
    struct fake_sql sql;
    UNUSED(state);

    fake_sql_init(&sql);
    fake_sql_init(&slow_sql);
    heap_fail_at(1);
    assert_null(reader_new(&sql.port, &slow_sql.port, &(struct reader_limits){.query_ms = 1}));
    heap_fail_at(0);
    assert_int_equal(sql.closes, 1);
    assert_int_equal(slow_sql.closes, 1);
}

static void a_quick_read_does_not_wait_for_slow_ones(void **state)
{
    struct fake_sql sql;
    struct gated_job jobs[3];
    atomic_int slow_turn = 0, quick_turn = 0;
    UNUSED(state);

    struct reader *reader = new_reader(&sql, AN_HOUR_MS);
    for (int i = 0; i < 2; i++) {
        gated_init(&jobs[i], &slow_turn);
        jobs[i].base.rows = QUICK_ROWS + 1;
        assert_true(post(reader, &jobs[i].base));
    }
    sem_wait(&jobs[0].begun);
    gated_init(&jobs[2], &quick_turn);
    jobs[2].base.rows = QUICK_ROWS;
    sem_post(&jobs[2].gate);
    assert_true(post(reader, &jobs[2].base));
    sem_wait(&jobs[2].begun); /* would wait for ever */
    sem_post(&jobs[0].gate);
    sem_post(&jobs[1].gate);
    reader_free(reader);
    assert_int_equal(slow_turn, 2);
    assert_int_equal(quick_turn, 1);
}

/* ---- whose turn it is ---- */

static struct read_job job_of(unsigned char address)
{
    return (struct read_job){.from = {.bytes = {[15] = address}, .local = address == 0}};
}

static struct read_queue queue_of(size_t most, size_t per_address)
{
    return (struct read_queue){.most = most, .per_address = per_address};
}

static void addresses_take_turns(void **state)
{
    struct read_queue queue = queue_of(100, 100);
    struct read_job a[3], b[2], c;
    struct read_job *pushed_out;
    UNUSED(state);

    for (int i = 0; i < 3; i++) {
        a[i] = job_of(1);
        assert_true(read_queue_add(&queue, &a[i], &pushed_out));
    }
    assert_ptr_equal(read_queue_take(&queue), &a[0]);
    b[0] = job_of(2), b[1] = job_of(2), c = job_of(3);
    assert_true(read_queue_add(&queue, &b[0], &pushed_out));
    assert_true(read_queue_add(&queue, &b[1], &pushed_out));
    assert_true(read_queue_add(&queue, &c, &pushed_out));
    struct read_job *const turns[] = {&a[1], &b[0], &c, &a[2], &b[1], NULL};
    for (size_t i = 0; i < COUNT_OF(turns); i++)
        assert_ptr_equal(read_queue_take(&queue), turns[i]);
}

static void who_asks_again_at_once_does_not_come_before_others(void **state)
{
    struct read_queue queue = queue_of(100, 100);
    struct read_job a = job_of(1), b[3];
    struct read_job *pushed_out;
    UNUSED(state);

    for (int i = 0; i < 3; i++) {
        b[i] = job_of(2);
        assert_true(read_queue_add(&queue, &b[i], &pushed_out));
    }
    for (int i = 0; i < 3; i++) {
        assert_true(read_queue_add(&queue, &a, &pushed_out));
        assert_ptr_equal(read_queue_take(&queue), &b[i]);
        assert_ptr_equal(read_queue_take(&queue), &a);
    }
}

static void an_address_waits_with_no_more_than_its_share_and_loopback_with_all_there_is(void **state)
{
    struct read_queue queue = queue_of(6, 2);
    struct read_job a[3], local[4];
    struct read_job *pushed_out;
    UNUSED(state);

    for (int i = 0; i < 3; i++) {
        a[i] = job_of(1);
        assert_int_equal(read_queue_add(&queue, &a[i], &pushed_out), i < 2);
    }
    for (int i = 0; i < 4; i++) {
        local[i] = job_of(0);
        assert_true(read_queue_add(&queue, &local[i], &pushed_out));
    }
    assert_int_equal(queue.n, 6);
}

static void when_all_places_are_taken_the_one_with_most_gives_up_its_newest(void **state)
{
    struct read_queue queue = queue_of(4, 4);
    struct read_job a[4], b[2], c;
    struct read_job *pushed_out;
    UNUSED(state);

    for (int i = 0; i < 4; i++) {
        a[i] = job_of(1);
        assert_true(read_queue_add(&queue, &a[i], &pushed_out));
        assert_null(pushed_out);
    }
    b[0] = job_of(2), b[1] = job_of(2), c = job_of(3);
    assert_true(read_queue_add(&queue, &b[0], &pushed_out));
    assert_ptr_equal(pushed_out, &a[3]);
    assert_true(read_queue_add(&queue, &c, &pushed_out));
    assert_ptr_equal(pushed_out, &a[2]);
    assert_false(read_queue_add(&queue, &b[1], &pushed_out)); /* it would have as many as the longest */
    assert_null(pushed_out);
    struct read_job *const turns[] = {&a[0], &b[0], &c, &a[1], NULL};
    for (size_t i = 0; i < COUNT_OF(turns); i++)
        assert_ptr_equal(read_queue_take(&queue), turns[i]);
    assert_int_equal(queue.n, 0);
}

/* --- single rows --- */

/* Who has read them, and by what. */
struct row {
    struct sql *by;
    pthread_t thread;
};

static void read_row(void *context, struct http_request *request, struct sql *sql)
{
    UNUSED(request);
    *(struct row *)context = (struct row){sql, pthread_self()};
}

static void rows_of_a_store_that_answers_at_once_are_read_by_who_asks(void **state)
{
    struct fake_sql sql, own;
    struct http_request *const nobodys = NULL;
    struct row row = {0};
    UNUSED(state);

    struct reader *reader = new_reader(&sql, AN_HOUR_MS);
    fake_sql_init(&own);
    reader_rows_at_once(reader, &own.port);
    reader_serve_row(reader, nobodys, read_row, &row);
    assert_ptr_equal(row.by, &own.port);
    assert_true(pthread_equal(row.thread, pthread_self()));
    reader_free(reader);
    assert_int_equal(own.closes, 0); /* the caller's */
}

static const struct reader_limits row_limits = {
    .query_ms = AN_HOUR_MS, .quick_rows = QUICK_ROWS, .most_waiting = 1, .waiting_per_address = 1, .most_rows = 2};

static void rows_of_a_server_do_not_wait_for_lists_nor_does_who_asks(void **state)
{
    struct fake_sql sql, rows;
    struct gated_job list, row;
    atomic_int turn = 0;
    UNUSED(state);

    struct reader *reader = new_reader(&sql, AN_HOUR_MS);
    fake_sql_init(&rows);
    assert_true(reader_rows_apart(reader, &rows.port, &row_limits));
    gated_init(&list, &turn);
    assert_true(post(reader, &list.base));
    sem_wait(&list.begun);
    gated_init(&row, &turn);
    reader_post_row(reader, &row.base); /* comes back while it is read */
    sem_wait(&row.begun);
    sem_post(&row.gate);
    sem_post(&list.gate);
    reader_free(reader);
    assert_int_equal(turn, 2);
    assert_int_equal(rows.closes, 1);
}

struct refusable {
    struct gated_job job;
    int refused;
};

static void be_refused(struct read_job *base)
{
    CONTAINER_OF(CONTAINER_OF(base, struct gated_job, base), struct refusable, job)->refused++;
}

static void a_row_for_which_there_is_no_place_is_refused_and_so_is_one_after_the_end(void **state)
{
    struct fake_sql sql, rows;
    struct refusable jobs[5];
    atomic_int turn = 0;
    UNUSED(state);

    struct reader *reader = new_reader(&sql, AN_HOUR_MS);
    fake_sql_init(&rows);
    assert_true(reader_rows_apart(reader, &rows.port, &row_limits));
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        gated_init(&jobs[i].job, &turn);
        jobs[i].job.base.refused = be_refused;
        jobs[i].refused = 0;
    }
    reader_post_row(reader, &jobs[0].job.base);
    sem_wait(&jobs[0].job.begun);
    for (size_t i = 1; i < 4; i++)
        reader_post_row(reader, &jobs[i].job.base);
    assert_int_equal(jobs[3].refused, 1); /* two wait already */
    for (size_t i = 0; i < 3; i++)
        sem_post(&jobs[i].job.gate);
    reader_stop(reader);
    reader_post_row(reader, &jobs[4].job.base);
    assert_int_equal(jobs[4].refused, 1);
    reader_free(reader);
    assert_int_equal(turn, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_done_in_the_order_in_which_they_were_asked_for),
        cmocka_unit_test(a_read_that_takes_too_long_is_interrupted_and_the_next_one_is_too),
        cmocka_unit_test(a_reader_that_was_idle_still_watches),
        cmocka_unit_test(a_store_without_connections_is_read_in_turn_too_and_nothing_is_interrupted),
        cmocka_unit_test(more_than_may_wait_are_refused),
        cmocka_unit_test(a_reader_for_which_there_is_no_memory_closes_its_databases),
        cmocka_unit_test(a_quick_read_does_not_wait_for_slow_ones),
        cmocka_unit_test(addresses_take_turns),
        cmocka_unit_test(who_asks_again_at_once_does_not_come_before_others),
        cmocka_unit_test(an_address_waits_with_no_more_than_its_share_and_loopback_with_all_there_is),
        cmocka_unit_test(when_all_places_are_taken_the_one_with_most_gives_up_its_newest),
        cmocka_unit_test(rows_of_a_store_that_answers_at_once_are_read_by_who_asks),
        cmocka_unit_test(rows_of_a_server_do_not_wait_for_lists_nor_does_who_asks),
        cmocka_unit_test(a_row_for_which_there_is_no_place_is_refused_and_so_is_one_after_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
