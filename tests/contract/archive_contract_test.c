/* What export and import ask of a store: one suite over SQLite, PostgreSQL, LMDB, Redis and the key-value fake. */
#include "archive_kv.h"
#include "archive_sql.h"
#include "base.h"
#include "errors.h"
#include "kv_store.h"
#include "outbox_sql.h"
#include "redis_server.h"
#include "sql_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 3000 };

static const struct sql_migration migrations[] = {
    {1,
     "CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER NOT NULL); INSERT INTO tally (name, n) VALUES ('rows', 0);"
     "CREATE TABLE pair (b TEXT NOT NULL, a INTEGER NOT NULL, note BLOB, PRIMARY KEY (a, b));" OUTBOX_SQL_SCHEMA},
    {2, OUTBOX_SQL_EPOCHS},
    {3, OUTBOX_SQL_DEAD_BYTES},
};

struct fixture {
    struct archive_store *store;
    struct scratch scratch; /* of SQL */
    char path[SCRATCH_PATH_SIZE];
    struct kv_store kept;
    bool is_sql;
};

static struct sql *open_sql(struct fixture *fixture, bool importing, int *error)
{
    const struct sql_options options = {.path = fixture->path,
                                        .application = "archived",
                                        .migrations = migrations,
                                        .n_migrations = COUNT_OF(migrations),
                                        .importing = importing};
    struct buf problem = {0};

    struct sql *sql = sql_engine_open(&options, &problem, error);
    if (!sql) /* an import that isn't finished, or it isn't said by whom it is done */
        assert_non_null(memmem(problem.p, problem.n, "half of an import", 17));
    buf_free(&problem);
    return sql;
}

static void open_store(struct fixture *fixture)
{
    struct buf problem = {0};
    int error = OK;

    if (fixture->is_sql) {
        fixture->store = archive_sql_new(open_sql(fixture, true, &error), COUNT_OF(migrations), &problem);
    } else {
        struct kv *kv = fixture->kept.kv;
        fixture->kept.kv = NULL; /* the archive's from here on */
        if (!kv)
            kv = kv_store_open_as(&fixture->kept, (struct kv_store_manner){.importing = true}, &error);
        fixture->store = archive_kv_new(kv, 1, NULL, NULL, &problem);
    }
    assert_non_null(fixture->store);
    buf_free(&problem);
}

static const struct archive_table *table_of(const struct fixture *fixture)
{
    const struct archive_table *table =
        archive_find_table(fixture->store, fixture->is_sql ? STR("pair") : STR("entry"));

    assert_non_null(table);
    return table;
}

/* --- rows: the same number as a key of either kind --- */

static void make_row(const struct fixture *fixture, int64_t n, char *text, struct sql_value *row)
{
    size_t length = (size_t)snprintf(text, 16, "row/%08lld", (long long)n);
    struct str key = {text, length};

    row[0] = fixture->is_sql ? SQL_S(key) : SQL_B(key);
    row[1] = fixture->is_sql ? SQL_N(n / 2) : SQL_B(STR("value"));
    row[2] = n % 3 ? SQL_B(STR("\0\xff")) : (struct sql_value){.kind = SQL_NULL};
}

static int write_rows(struct fixture *fixture, int64_t from, size_t n, struct str mark)
{
    struct sql_value rows[64 * 3];
    char texts[64][16];

    assert_true(n <= 64);
    for (size_t i = 0; i < n; i++)
        make_row(fixture, from + (int64_t)i, texts[i], &rows[i * table_of(fixture)->n_columns]);
    return fixture->store->write(fixture->store, table_of(fixture), rows, n, mark);
}

struct counting {
    const struct fixture *fixture;
    int64_t next;
    int64_t stop_at; /* -1: never */
};

static int on_row(void *context, const struct sql_value *row)
{
    struct counting *counting = context;
    size_t n_columns = table_of(counting->fixture)->n_columns;
    struct sql_value expected[3];
    char text[16];

    if (counting->next == counting->stop_at)
        return 4711;
    make_row(counting->fixture, counting->next++, text, expected);
    for (size_t i = 0; i < n_columns; i++) {
        assert_int_equal(row[i].kind, expected[i].kind);
        assert_int_equal(row[i].number, expected[i].number);
        assert_true(str_eq(row[i].text, expected[i].text));
    }
    return 0;
}

static void look(struct fixture *fixture, const char *mark, bool is_empty)
{
    struct buf found = {0};
    bool empty = !is_empty;

    assert_int_equal(fixture->store->look(fixture->store, &found, &empty), OK);
    assert_true(str_is(buf_str(&found), mark));
    assert_int_equal(empty, is_empty);
    buf_free(&found);
}

/* --- the suite --- */

static void a_new_store_is_empty_and_bears_no_mark(void **state)
{
    look(*state, "", true);
}

static void rows_come_back_in_the_order_of_their_keys_from_any_of_them_on(void **state)
{
    struct fixture *fixture = *state;
    struct archive_store *store = fixture->store;
    struct counting counting = {.fixture = fixture, .stop_at = -1};
    struct sql_value row[3];
    char text[16];

    assert_int_equal(store->begin(store, STR("m 0")), OK);
    for (int64_t from = MANY - 60; from >= 0; from -= 60) /* the last come first */
        assert_int_equal(write_rows(fixture, from, 60, STR("m 1")), OK);
    assert_int_equal(store->read(store, table_of(fixture), NULL, on_row, &counting), OK);
    assert_int_equal(counting.next, MANY);
    make_row(fixture, 1233, text, row);
    counting.next = 1234;
    assert_int_equal(store->read(store, table_of(fixture), row, on_row, &counting), OK);
    assert_int_equal(counting.next, MANY);
    counting = (struct counting){.fixture = fixture, .stop_at = 7};
    assert_int_equal(store->read(store, table_of(fixture), NULL, on_row, &counting), 4711);
}

static bool can_be_opened(struct fixture *fixture)
{
    int error = OK;
    struct sql *sql = fixture->is_sql ? open_sql(fixture, false, &error) : NULL;
    struct kv *kv = fixture->is_sql ? NULL : kv_store_open_as(&fixture->kept, (struct kv_store_manner){false}, &error);

    if (sql)
        sql->close(sql);
    if (kv)
        kv->close(kv);
    assert_true(error == OK || error == E_FOREIGN);
    return error == OK;
}

static void a_marked_store_is_opened_by_nobody_but_an_import(void **state)
{
    struct fixture *fixture = *state;
    struct archive_store *store = fixture->store;

    assert_int_equal(store->begin(store, STR("sum 0")), OK);
    look(fixture, "sum 0", true);
    assert_int_equal(write_rows(fixture, 0, 5, STR("sum 9")), OK);
    look(fixture, "sum 9", false);
    store->close(store);
    assert_false(can_be_opened(fixture));
    open_store(fixture);
    look(fixture, "sum 9", false);
    assert_int_equal(fixture->store->end(fixture->store), OK);
    look(fixture, "", false);
    fixture->store->close(fixture->store);
    assert_true(can_be_opened(fixture));
    open_store(fixture);
}

static void who_looks_at_a_redis_fences_nobody_off_and_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    int error = OK;
    struct kv_entry entry = {.key = STR("a"), .value = STR("1")};

    struct kv *looking = kv_store_open_as(&fixture->kept, (struct kv_store_manner){.look = true}, &error);
    assert_non_null(looking);
    assert_int_equal(looking->commit(looking, &entry, 1), E_CONFLICT);
    looking->close(looking);
    assert_int_equal(write_rows(fixture, 0, 1, STR("m")), OK); /* the writer still is */
    looking = kv_store_open_as(&fixture->kept, (struct kv_store_manner){.look = true}, &error);
    assert_null(looking);
    assert_int_equal(error, E_FOREIGN); /* it is marked by now */
}

static void who_looks_at_a_redis_without_a_store_makes_none(void **state)
{
    struct fixture *fixture = *state;
    struct kv_store nowhere = fixture->kept;
    int error = OK;

    memcpy(nowhere.cell, "nowhere:0", sizeof("nowhere:0"));
    for (int i = 0; i < 2; i++) {
        assert_null(kv_store_open_as(&nowhere, (struct kv_store_manner){.look = true}, &error));
        assert_int_equal(error, E_NOT_FOUND);
    }
}

static void rows_that_can_t_all_be_written_leave_the_mark_where_it_was(void **state)
{
    struct fixture *fixture = *state;
    const struct sql_value wrong[] = {SQL_S(STR("row/00000000")), SQL_N(0), SQL_B(STR("twice")),
                                      SQL_S(STR("row/00000000")), SQL_N(0), SQL_B(STR("twice"))};

    assert_int_equal(fixture->store->begin(fixture->store, STR("m 0")), OK);
    int error = fixture->store->write(fixture->store, table_of(fixture), wrong, 2, STR("m 2"));
    assert_int_equal(error, fixture->is_sql ? E_CONFLICT : E_MALFORMED);
    look(fixture, "m 0", true);
}

static void its_state_is_another_one_when_it_has_been_written_to(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = 0, same = 0, after = 0;

    assert_int_equal(write_rows(fixture, 0, 5, STR("m")), OK);
    assert_int_equal(fixture->store->state(fixture->store, &before), OK);
    assert_int_equal(fixture->store->state(fixture->store, &same), OK);
    assert_int_equal(write_rows(fixture, 5, 1, STR("m")), OK);
    assert_int_equal(fixture->store->state(fixture->store, &after), OK);
    assert_int_equal(before, same);
    assert_int_not_equal(before, after);
}

/* Names, not numbers: what a migration adds is there without anybody's doing, and in the same order in both engines. */
static void all_tables_and_columns_are_told_and_none_of_the_engines_own(void **state)
{
    struct fixture *fixture = *state;
    static const char *const expected[] = {
        "cursor: source position epoch",
        "dead_letter: source position at reason frame",
        "epoch: n number after",
        "idempotency: key fingerprint status location body at",
        "outbox: first count at frames",
        "pair: b a note",
        "tally: name n",
    };

    assert_int_equal(fixture->store->n_tables, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        const struct archive_table *table = &fixture->store->tables[i];
        struct buf text = {0};
        buf_printf(&text, "%.*s: %.*s%c", STR_ARG(table->name), STR_ARG(table->columns), '\0');
        assert_string_equal(text.p, expected[i]);
        buf_free(&text);
    }
    assert_int_equal(table_of(fixture)->n_key, 2);
    assert_int_equal(table_of(fixture)->key[0], 1); /* a, then b */
    assert_int_equal(table_of(fixture)->key[1], 0);
}

/* --- over what --- */

static int set_up(void **state, void (*make)(struct kv_store *store))
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));

    *state = fixture;
    fixture->is_sql = !make;
    if (make) {
        make(&fixture->kept);
    } else {
        scratch_make(&fixture->scratch);
        scratch_path(&fixture->scratch, "archived.db", fixture->path);
    }
    open_store(fixture);
    return 0;
}

static int set_up_sql(void **state)
{
    return set_up(state, NULL);
}

static int set_up_lmdb(void **state)
{
    return set_up(state, kv_store_make_lmdb);
}

static int set_up_redis(void **state)
{
    return set_up(state, kv_store_make_redis);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fixture->store->close(fixture->store);
    if (fixture->is_sql)
        scratch_remove(&fixture->scratch);
    else
        kv_store_remove(&fixture->kept);
    test_free(fixture);
    return 0;
}

#define ON(test, set_up_) cmocka_unit_test_setup_teardown(test, set_up_, tear_down)
#define SUITE(set_up_)                                                                                                 \
    ON(a_new_store_is_empty_and_bears_no_mark, set_up_),                                                               \
        ON(rows_come_back_in_the_order_of_their_keys_from_any_of_them_on, set_up_),                                    \
        ON(a_marked_store_is_opened_by_nobody_but_an_import, set_up_),                                                 \
        ON(rows_that_can_t_all_be_written_leave_the_mark_where_it_was, set_up_),                                       \
        ON(its_state_is_another_one_when_it_has_been_written_to, set_up_)

/* archive_contract_test: over the embedded stores; with "postgres" or "redis" over a server of its own. */
int main(int argc, char **argv)
{
    const struct CMUnitTest over_sql[] = {SUITE(set_up_sql),
                                          ON(all_tables_and_columns_are_told_and_none_of_the_engines_own, set_up_sql)};
    const struct CMUnitTest over_lmdb[] = {SUITE(set_up_lmdb)};
    const struct CMUnitTest over_redis[] = {
        SUITE(set_up_redis),
        ON(who_looks_at_a_redis_fences_nobody_off_and_changes_nothing, set_up_redis),
        ON(who_looks_at_a_redis_without_a_store_makes_none, set_up_redis),
    };

    if (argc == 2 && strcmp(argv[1], "redis") == 0) {
        if (redis_server_skips("the contract of export and import"))
            return SKIPPED_STATUS;
        return cmocka_run_group_tests_name("redis", over_redis, kv_store_start_redis, kv_store_stop_redis);
    }
    sql_engine_start(argc, argv);
    int failed = cmocka_run_group_tests_name(sql_engine_name(), over_sql, NULL, NULL);
    sql_engine_stop();
    return sql_engine_is_postgres() ? failed : failed + cmocka_run_group_tests_name("lmdb", over_lmdb, NULL, NULL);
}
