/* What every relational store has to do: one suite over SQLite and PostgreSQL. */
#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "scratch.h"
#include "sql.h"
#include "sql_engine.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 500 };

static const struct sql_migration migrations[] = {
    {1, "CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT, picture BLOB, qty BIGINT)"}};
static const struct sql_statement insert = {"INSERT INTO item (id, name, picture, qty) VALUES ($1, $2, $3, $4)", 4};
static const struct sql_statement find = {"SELECT id, name, picture, qty FROM item WHERE id = $1", 1};
static const struct sql_statement count = {"SELECT count(*) FROM item", 0};
static const struct sql_statement missing_table = {"SELECT 1 FROM nowhere", 0};

struct fixture {
    struct sql *sql;
    struct sql_options options;
    struct scratch scratch;
    char path[SCRATCH_PATH_SIZE];
};

static struct sql *open_with(const struct sql_options *options)
{
    struct buf problem = {0};
    int error = 0;
    struct sql *sql = sql_engine_open(options, &problem, &error);

    assert_int_equal(error, 0);
    assert_int_equal(problem.n, 0);
    buf_free(&problem);
    return sql;
}

static struct sql *open_reader(const struct fixture *fixture)
{
    struct sql_options options = fixture->options;

    options.read_only = true;
    return open_with(&options);
}

static int set_up(void **state)
{
    struct fixture *fixture = heap_alloc(sizeof(*fixture));

    assert_non_null(fixture);
    scratch_make(&fixture->scratch);
    fixture->options = (struct sql_options){.path = scratch_path(&fixture->scratch, "order.db", fixture->path),
                                            .application = "order",
                                            .migrations = migrations,
                                            .n_migrations = COUNT_OF(migrations)};
    fixture->sql = open_with(&fixture->options);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fixture->sql->close(fixture->sql);
    scratch_remove(&fixture->scratch);
    heap_free(fixture);
    return 0;
}

/* --- helpers --- */

static int add_item(struct sql *sql, int64_t id, const char *name)
{
    const struct sql_value row[] = {SQL_N(id), SQL_S(str_of(name)), SQL_B(STR("\0\1\2")), SQL_N(100)};

    return sql_exec(sql, &insert, row);
}

static int take_number(void *context, size_t index, const struct sql_row *row)
{
    int64_t *numbers = context;

    numbers[index] = sql_i64(row, 0);
    return 0;
}

static int64_t count_in(struct sql *sql)
{
    int64_t n = -1;

    assert_int_equal(sql_query(sql, &count, NULL, take_number, &n), 0);
    return n;
}

static int64_t shared_count_in(struct sql *sql)
{
    int64_t n = -1;

    assert_int_equal(sql->query_shared(sql, &count, NULL, 1, take_number, &n), 0);
    return n;
}

struct item {
    int64_t id;
    struct buf name;
    struct buf picture;
    int64_t qty;
};

static int take_item(void *context, size_t index, const struct sql_row *row)
{
    struct item *item = (struct item *)context + index;

    item->id = sql_i64(row, 0);
    buf_add(&item->name, sql_text(row, 1));
    buf_add(&item->picture, sql_text(row, 2));
    item->qty = sql_i64(row, 3);
    return 0;
}

/* --- the contract --- */

static void texts_blobs_and_numbers_come_back_as_they_were(void **state)
{
    struct fixture *fixture = *state;
    const struct sql_value row[] = {SQL_N(INT64_MIN), SQL_S(STR("카페 라떼")), SQL_B(STR("\0\xff\0")),
                                    SQL_N(INT64_MAX)};
    struct item item = {0};

    assert_int_equal(sql_exec(fixture->sql, &insert, row), 0);
    assert_int_equal(sql_query(fixture->sql, &find, row, take_item, &item), 0);
    assert_true(item.id == INT64_MIN && item.qty == INT64_MAX);
    assert_true(str_is(buf_str(&item.name), "카페 라떼"));
    assert_true(str_eq(buf_str(&item.picture), STR("\0\xff\0")));
    buf_free(&item.name);
    buf_free(&item.picture);
}

static void null_and_empty_are_two_things(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;
    const struct str empty = {NULL, 0};
    const struct sql_value rows[] = {SQL_N(1), SQL_S(empty),  SQL_B(empty),       SQL_N(0),
                                     SQL_N(2), SQL_S0(empty), {.kind = SQL_NULL}, SQL_N0(0)};
    int64_t n = -1;

    assert_int_equal(sql->exec_many(sql, &insert, rows, 2), 0);
    const char *nulls = "SELECT count(*) FROM item WHERE name IS NULL AND picture IS NULL AND qty IS NULL";
    assert_int_equal(sql->query_text(sql, nulls, NULL, 0, take_number, &n), 0);
    assert_int_equal(n, 1);
    const char *empties = "SELECT count(*) FROM item WHERE name = '' AND length(picture) = 0 AND qty = 0";
    assert_int_equal(sql->query_text(sql, empties, NULL, 0, take_number, &n), 0);
    assert_int_equal(n, 1);
    struct item item = {.qty = 7};
    assert_int_equal(sql_query(sql, &find, &rows[4], take_item, &item), 0);
    assert_int_equal(item.qty, 0);
    assert_int_equal(item.name.n, 0);
}

static void a_row_that_is_missing_calls_nobody_and_each_result_knows_its_parameters(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;
    const struct sql_value ids[] = {SQL_N(3), SQL_N(404), SQL_N(1)};
    int64_t found[] = {-1, -1, -1};

    assert_int_equal(add_item(sql, 1, "a"), 0);
    assert_int_equal(add_item(sql, 3, "c"), 0);
    assert_int_equal(sql->query_many(sql, &find, ids, COUNT_OF(ids), take_number, found), 0);
    assert_int_equal(found[0], 3);
    assert_int_equal(found[1], -1);
    assert_int_equal(found[2], 1);
}

static int stop_now(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    UNUSED(row);
    ++*(size_t *)context;
    return 77;
}

static void a_query_ends_when_its_callback_says_so_and_the_next_one_is_whole(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;
    const struct sql_value ids[] = {SQL_N(1), SQL_N(2)};
    size_t n = 0;

    assert_int_equal(add_item(sql, 1, "a"), 0);
    assert_int_equal(add_item(sql, 2, "b"), 0);
    assert_int_equal(sql->query_many(sql, &find, ids, 2, stop_now, &n), 77);
    assert_int_equal(n, 1);
    assert_int_equal(count_in(sql), 2);
}

static void a_committed_transaction_is_there_after_a_restart_and_a_rolled_back_one_is_not(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = fixture->sql;

    assert_int_equal(sql->begin(sql), 0);
    assert_int_equal(add_item(sql, 1, "a"), 0);
    assert_int_equal(sql->commit(sql), 0);
    assert_int_equal(sql->begin(sql), 0);
    assert_int_equal(add_item(sql, 2, "b"), 0);
    assert_int_equal(sql->rollback(sql), 0);
    sql->close(sql);
    fixture->sql = open_with(&fixture->options);
    assert_int_equal(count_in(fixture->sql), 1);
}

static void after_an_error_a_transaction_can_only_be_ended(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;

    assert_int_equal(sql->begin(sql), 0);
    assert_int_equal(add_item(sql, 1, "a"), 0);
    int rc = add_item(sql, 1, "again");
    assert_true(rc == E_CONFLICT || rc == OK); /* a server may be heard later, but not later than this: */
    assert_int_equal(sql_query(sql, &find, &SQL_N(1), stop_now, &(size_t){0}), E_CONFLICT);
    assert_int_equal(add_item(sql, 2, "b"), E_CONFLICT); /* the first error stays */
    assert_int_equal(sql->commit(sql), E_CONFLICT);
    assert_int_equal(count_in(sql), 0);
    assert_int_equal(sql->begin(sql), 0);
    assert_int_equal(add_item(sql, 1, "a"), 0);
    (void)add_item(sql, 1, "again");
    assert_int_equal(sql->commit(sql), E_CONFLICT); /* or this */
    assert_int_equal(count_in(sql), 0);
    assert_int_equal(sql->begin(sql), 0);
    assert_int_equal(add_item(sql, 1, "a"), 0);
    (void)add_item(sql, 1, "again");
    assert_int_equal(sql->rollback(sql), 0); /* or never */
    assert_int_equal(count_in(sql), 0);
    assert_int_equal(sql->begin(sql), 0);
    assert_int_equal(add_item(sql, 1, "a"), 0);
    assert_int_equal(sql->commit(sql), 0);
    assert_int_equal(count_in(sql), 1);
}

enum { ROWS = 21 };

/* Of `n` items from `first` on; every one is another. */
static int add_items(struct sql *sql, int64_t first, size_t n)
{
    struct sql_value rows[ROWS * 4];

    for (size_t i = 0; i < n; i++) {
        struct sql_value *row = rows + i * 4;
        row[0] = SQL_N(first + (int64_t)i);
        row[1] = i % 3 ? SQL_S(STR("tea")) : (struct sql_value){.kind = SQL_NULL};
        row[2] = SQL_B(STR("\0\1\2"));
        row[3] = SQL_N((first + (int64_t)i) * 7);
    }
    return sql->exec_many(sql, &insert, rows, n);
}

static void any_number_of_rows_is_inserted_each_as_it_is(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;
    int64_t next = 1;

    for (size_t n = 0; n <= ROWS; n++) {
        assert_int_equal(add_items(sql, next, n), 0);
        for (size_t i = 0; i < n; i++) {
            const struct sql_value id = SQL_N(next + (int64_t)i);
            struct item item = {0};
            assert_int_equal(sql_query(sql, &find, &id, take_item, &item), 0);
            assert_true(item.id == id.number && item.qty == id.number * 7 && item.picture.n == 3);
            assert_int_equal(item.name.n, i % 3 ? 3 : 0);
            buf_free(&item.name);
            buf_free(&item.picture);
        }
        next += (int64_t)n;
        assert_int_equal(count_in(sql), next - 1);
    }
}

static void one_row_of_many_that_conflicts_leaves_nothing_of_the_transaction(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;

    for (int64_t taken = 1; taken <= ROWS; taken++) {
        assert_int_equal(add_item(sql, taken, "taken"), 0);
        int64_t there = count_in(sql);
        assert_int_equal(sql->begin(sql), 0);
        assert_int_equal(add_item(sql, 1000, "before"), 0);
        (void)add_items(sql, taken, ROWS); /* says it, or, when it hasn't been answered yet, what comes behind does */
        (void)add_item(sql, 1001, "behind");
        assert_int_equal(sql->commit(sql), E_CONFLICT);
        assert_int_equal(count_in(sql), there);
    }
    assert_int_equal(sql->begin(sql), 0); /* and the next one is whole */
    assert_int_equal(add_items(sql, 100, ROWS), 0);
    assert_int_equal(sql->commit(sql), 0);
    assert_int_equal(count_in(sql), 2 * ROWS);
}

static void a_statement_that_can_not_be_prepared_is_an_error_each_time(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;
    size_t n = 0;

    assert_int_equal(sql_query(sql, &missing_table, NULL, stop_now, &n), E_REFUSED);
    assert_int_equal(sql_query(sql, &missing_table, NULL, stop_now, &n), E_REFUSED);
    assert_int_equal(sql->query_text(sql, "SELEC 1", NULL, 0, stop_now, &n), E_REFUSED);
    assert_int_equal(n, 0);
    assert_int_equal(count_in(sql), 0);
}

static void more_statements_than_the_first_table_holds_are_all_kept(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;
    static struct sql_statement statements[MANY]; /* an address each, as static consts have */
    struct buf texts[MANY] = {0};

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < MANY; i++) {
            int64_t n = -1;
            if (round == 0) {
                buf_printf(&texts[i], "SELECT %zu + $1%c", i, '\0');
                statements[i] = (struct sql_statement){texts[i].p, 1};
            }
            assert_int_equal(sql_query(sql, &statements[i], &SQL_N(round), take_number, &n), 0);
            assert_int_equal(n, i + (size_t)round);
        }
    }
    for (size_t i = 0; i < MANY; i++)
        buf_free(&texts[i]);
}

static void a_reader_sees_what_is_committed_and_never_waits_for_the_writer(void **state)
{
    struct fixture *fixture = *state;
    struct sql *reader = open_reader(fixture);

    assert_int_equal(fixture->sql->begin(fixture->sql), 0);
    assert_int_equal(add_item(fixture->sql, 1, "a"), 0);
    assert_int_equal(count_in(reader), 0);
    assert_int_equal(fixture->sql->commit(fixture->sql), 0);
    assert_int_equal(count_in(reader), 1);
    assert_int_equal(reader->begin(reader), 0); /* a snapshot */
    assert_int_equal(count_in(reader), 1);
    assert_int_equal(add_item(fixture->sql, 2, "b"), 0);
    assert_int_equal(count_in(reader), 1);
    assert_int_equal(reader->commit(reader), 0);
    assert_int_equal(count_in(reader), 2);
    reader->close(reader);
}

static void what_is_shared_comes_from_one_state_until_the_turn_ends_and_all_else_is_the_newest(void **state)
{
    struct fixture *fixture = *state;
    struct sql *reader = open_reader(fixture);

    assert_int_equal(add_item(fixture->sql, 1, "a"), 0);
    reader->share(reader, true);
    assert_int_equal(shared_count_in(reader), 1);
    assert_int_equal(shared_count_in(reader), 1);
    assert_int_equal(add_item(fixture->sql, 2, "b"), 0);
    /* It may; where a snapshot would cost more than it saves it is the newest, too. */
    assert_int_equal(shared_count_in(reader), sql_engine_is_postgres() ? 2 : 1);
    assert_int_equal(count_in(reader), 2);
    assert_int_equal(shared_count_in(reader), 2); /* time doesn't go back */
    reader->share(reader, false);
    assert_int_equal(add_item(fixture->sql, 3, "c"), 0);
    assert_int_equal(shared_count_in(reader), 3); /* outside a turn nothing is shared */
    reader->share(reader, true);
    assert_int_equal(add_item(fixture->sql, 4, "d"), 0);
    assert_int_equal(shared_count_in(reader), 4); /* nor with the turn before */
    assert_int_equal(shared_count_in(reader), 4);
    reader->share(reader, false);
    reader->close(reader);
}

static void an_error_in_a_turn_leaves_it_usable(void **state)
{
    struct fixture *fixture = *state;
    struct sql *reader = open_reader(fixture);
    int64_t n = -1;

    reader->share(reader, true);
    assert_int_equal(shared_count_in(reader), 0);
    assert_int_equal(shared_count_in(reader), 0);
    assert_int_not_equal(sql_query(reader, &missing_table, NULL, take_number, &n), 0);
    assert_int_equal(add_item(fixture->sql, 1, "a"), 0);
    assert_int_equal(count_in(reader), 1);
    assert_int_equal(shared_count_in(reader), 1);
    reader->share(reader, false);
    assert_int_equal(reader->begin(reader), 0);
    assert_int_equal(reader->commit(reader), 0);
    reader->close(reader);
}

static void a_reader_can_not_write(void **state)
{
    struct fixture *fixture = *state;
    struct sql *reader = open_reader(fixture);

    assert_int_not_equal(add_item(reader, 1, "a"), 0);
    assert_int_equal(count_in(fixture->sql), 0);
    reader->close(reader);
}

static void a_second_writer_is_told_that_the_store_is_not_available(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;

    options.busy_ms = 1;
    struct sql *second = open_with(&options);
    assert_int_equal(fixture->sql->begin(fixture->sql), 0);
    assert_int_equal(second->begin(second), E_UNAVAILABLE);
    assert_int_equal(fixture->sql->commit(fixture->sql), 0);
    assert_int_equal(second->begin(second), 0);
    assert_int_equal(second->rollback(second), 0);
    second->close(second);
}

static int tell_started(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    if (sql_i64(row, 0) > 1)
        return 0;
    return pthread_barrier_wait(context) > 0 ? E_SYSTEM : 0; /* PTHREAD_BARRIER_SERIAL_THREAD is negative */
}

struct endless {
    struct sql *sql;
    pthread_barrier_t started;
    int error;
};

/* So many rows come at once that a server sends them, then none any more: the query is certainly running when the
 * barrier opens. */
static void *run_endless(void *context)
{
    struct endless *endless = context;

    endless->error = endless->sql->query_text(
        endless->sql, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i <= 5000",
        NULL, 0, tell_started, &endless->started);
    return NULL;
}

static void a_running_query_is_ended_from_another_thread(void **state)
{
    struct fixture *fixture = *state;
    struct endless endless = {.sql = open_reader(fixture)};
    pthread_t thread;

    assert_int_equal(pthread_barrier_init(&endless.started, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_endless, &endless), 0);
    pthread_barrier_wait(&endless.started);
    endless.sql->interrupt(endless.sql);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(endless.error, E_TIMEOUT);
    assert_int_equal(count_in(endless.sql), 0); /* and the connection is as good as before */
    pthread_barrier_destroy(&endless.started);
    endless.sql->close(endless.sql);
}

static void running_out_of_memory_is_an_error_and_passes(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;

    heap_fail_at(1); /* the table of statements */
    assert_int_equal(sql->begin(sql), E_MEMORY);
    heap_fail_at(0);
    assert_int_equal(sql->begin(sql), 0);
    assert_int_equal(sql->commit(sql), 0);
}

/* --- of how many cells it is made --- */

static void assert_cells_refused(const struct sql_options *options, int32_t cells, const char *words)
{
    struct sql_options other = *options;
    struct buf problem = {0};
    int error = 0;

    other.cells = cells;
    assert_null(sql_engine_open(&other, &problem, &error));
    assert_int_equal(error, E_FOREIGN);
    buf_char(&problem, '\0');
    if (!strstr(problem.p, words))
        fail_msg("%s", problem.p);
    buf_free(&problem);
}

static void assert_cells_taken(const struct sql_options *options, int32_t cells)
{
    struct sql_options same = *options;

    same.cells = cells;
    struct sql *sql = open_with(&same);
    sql->close(sql);
}

static void a_store_made_with_another_number_of_cells_is_refused_and_says_what_to_do(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_SIZE];
    struct sql_options options = fixture->options;

    options.path = scratch_path(&fixture->scratch, "cells.db", path);
    assert_cells_taken(&options, 16);
    assert_cells_taken(&options, 16);
    assert_cells_taken(&options, 0);
    assert_cells_refused(&options, 1, "was made with shop.cells=16, and it is 1 now: set it to 16");
    options.read_only = true;
    assert_cells_refused(&options, 8, "was made with shop.cells=16, and it is 8 now: set it to 16");
}

static void a_store_from_before_there_were_cells_is_one(void **state)
{
    static const struct sql_statement forget = {"DELETE FROM meta WHERE name = 'cells'", 0};
    struct fixture *fixture = *state;

    assert_int_equal(sql_exec(fixture->sql, &forget, NULL), 0);
    assert_cells_taken(&fixture->options, 1);
    assert_cells_refused(&fixture->options, 16, "was made with shop.cells=1, and it is 16 now: set it to 1");
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(texts_blobs_and_numbers_come_back_as_they_were),
        TEST(null_and_empty_are_two_things),
        TEST(a_row_that_is_missing_calls_nobody_and_each_result_knows_its_parameters),
        TEST(a_query_ends_when_its_callback_says_so_and_the_next_one_is_whole),
        TEST(a_committed_transaction_is_there_after_a_restart_and_a_rolled_back_one_is_not),
        TEST(after_an_error_a_transaction_can_only_be_ended),
        TEST(any_number_of_rows_is_inserted_each_as_it_is),
        TEST(one_row_of_many_that_conflicts_leaves_nothing_of_the_transaction),
        TEST(a_statement_that_can_not_be_prepared_is_an_error_each_time),
        TEST(more_statements_than_the_first_table_holds_are_all_kept),
        TEST(a_reader_sees_what_is_committed_and_never_waits_for_the_writer),
        TEST(what_is_shared_comes_from_one_state_until_the_turn_ends_and_all_else_is_the_newest),
        TEST(an_error_in_a_turn_leaves_it_usable),
        TEST(a_reader_can_not_write),
        TEST(a_second_writer_is_told_that_the_store_is_not_available),
        TEST(a_running_query_is_ended_from_another_thread),
        TEST(running_out_of_memory_is_an_error_and_passes),
        TEST(a_store_made_with_another_number_of_cells_is_refused_and_says_what_to_do),
        TEST(a_store_from_before_there_were_cells_is_one),
    };

    sql_engine_start(argc, argv);
    int failed = cmocka_run_group_tests_name(sql_engine_name(), tests, NULL, NULL);
    sql_engine_stop();
    return failed;
}
