/* The reader: jobs that block, wait to be interrupted or are refused, on a database that only counts. */
#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "reader.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { AN_HOUR_MS = 3600000, MOST_WAITING = 2 };

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

static struct reader *new_reader(struct fake_sql *sql, int64_t query_ms)
{
    fake_sql_init(sql);
    struct reader *reader = reader_new(&sql->port, query_ms, MOST_WAITING);
    assert_non_null(reader);
    return reader;
}

/* A job that says when it begins, then waits for its gate. */
struct gated_job {
    struct read_job base;
    sem_t begun, gate;
    int *turn; /* counts the jobs that have run */
    int place; /* what it counted */
};

static void run_gated(struct read_job *base, struct sql *sql)
{
    struct gated_job *job = CONTAINER_OF(base, struct gated_job, base);

    UNUSED(sql);
    sem_post(&job->begun);
    sem_wait(&job->gate);
    job->place = ++*job->turn;
}

static void gated_init(struct gated_job *job, int *turn)
{
    *job = (struct gated_job){.base = {.run = run_gated}, .turn = turn};
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
    int turn = 0;
    UNUSED(state);

    struct reader *reader = new_reader(&sql, AN_HOUR_MS);
    gated_init(&jobs[0], &turn);
    assert_true(reader_post(reader, &jobs[0].base));
    sem_wait(&jobs[0].begun);
    for (int i = 1; i < 3; i++) {
        gated_init(&jobs[i], &turn);
        sem_post(&jobs[i].gate);
        assert_true(reader_post(reader, &jobs[i].base));
    }
    sem_post(&jobs[0].gate);
    reader_free(reader);
    for (int i = 0; i < 3; i++)
        assert_int_equal(jobs[i].place, i + 1);
    assert_int_equal(sql.interrupts, 0);
    assert_int_equal(sql.closes, 1);
}

static void a_read_that_takes_too_long_is_interrupted_and_the_next_one_is_too(void **state)
{
    struct fake_sql sql;
    struct read_job jobs[2] = {{.run = run_until_interrupted}, {.run = run_until_interrupted}};
    UNUSED(state);

    struct reader *reader = new_reader(&sql, 1);
    assert_true(reader_post(reader, &jobs[0]));
    assert_true(reader_post(reader, &jobs[1]));
    reader_free(reader); /* would wait for ever */
    assert_true(sql.interrupts >= 2);
}

static void a_reader_that_was_idle_still_watches(void **state)
{
    struct fake_sql sql;
    struct gated_job first;
    struct read_job slow = {.run = run_until_interrupted};
    int turn = 0;
    UNUSED(state);

    struct reader *reader = new_reader(&sql, 1);
    gated_init(&first, &turn);
    assert_true(reader_post(reader, &first.base));
    sem_wait(&first.begun);
    sem_wait(&sql.interrupted); /* it is watched, too */
    sem_post(&first.gate);
    while (sem_trywait(&sql.interrupted) == 0)
        continue;
    assert_true(reader_post(reader, &slow));
    reader_free(reader);
    assert_int_equal(first.place, 1);
}

static void more_than_may_wait_are_refused(void **state)
{
    struct fake_sql sql;
    struct gated_job jobs[MOST_WAITING + 2];
    int turn = 0;
    UNUSED(state);

    struct reader *reader = new_reader(&sql, AN_HOUR_MS);
    for (int i = 0; i < MOST_WAITING + 2; i++)
        gated_init(&jobs[i], &turn);
    assert_true(reader_post(reader, &jobs[0].base));
    sem_wait(&jobs[0].begun); /* it is being read: it doesn't wait any more */
    for (int i = 1; i <= MOST_WAITING; i++)
        assert_true(reader_post(reader, &jobs[i].base));
    assert_false(reader_post(reader, &jobs[MOST_WAITING + 1].base));
    for (int i = 0; i <= MOST_WAITING; i++)
        sem_post(&jobs[i].gate);
    reader_free(reader);
    assert_int_equal(turn, MOST_WAITING + 1);
}

static void a_reader_for_which_there_is_no_memory_closes_its_database(void **state)
{
    struct fake_sql sql;
    UNUSED(state);

    fake_sql_init(&sql);
    heap_fail_at(1);
    assert_null(reader_new(&sql.port, AN_HOUR_MS, MOST_WAITING));
    heap_fail_at(0);
    assert_int_equal(sql.closes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_done_in_the_order_in_which_they_were_asked_for),
        cmocka_unit_test(a_read_that_takes_too_long_is_interrupted_and_the_next_one_is_too),
        cmocka_unit_test(a_reader_that_was_idle_still_watches),
        cmocka_unit_test(more_than_may_wait_are_refused),
        cmocka_unit_test(a_reader_for_which_there_is_no_memory_closes_its_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
