/* kill -9 at any moment: whatever was acknowledged is there afterwards, whole, on both engines. */
#include "base.h"
#include "kv.h"
#include "scratch.h"
#include "sql.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 10, BATCH = 5, MAP_SIZE = 64 * 1024 * 1024 };

static const struct sql_migration migrations[] = {{1, "CREATE TABLE row (batch BIGINT NOT NULL, i BIGINT NOT NULL)"}};
static const struct sql_statement insert = {"INSERT INTO row (batch, i) VALUES ($1, $2)", 2};

/* One engine behind a face of three functions. commit_batch and check are about batches of BATCH rows, numbered from 1.
 */
struct engine {
    void *(*open)(const char *path);
    int (*commit_batch)(void *store, int64_t number);
    void (*check)(void *store, int64_t *last, bool *whole);
    void (*close)(void *store);
};

/* --- SQLite --- */

static void *open_sqlite(const char *path)
{
    const struct sql_options options = {
        .path = path, .application = "order", .migrations = migrations, .n_migrations = COUNT_OF(migrations)};
    struct buf problem = {0};
    int error = 0;
    struct sql *sql = sqlite_open(&options, &problem, &error);

    buf_free(&problem);
    return sql;
}

static int commit_sqlite(void *store, int64_t number)
{
    struct sql *sql = store;
    struct sql_value rows[BATCH * 2];

    for (size_t i = 0; i < BATCH; i++) {
        rows[i * 2] = SQL_N(number);
        rows[i * 2 + 1] = SQL_N((int64_t)i);
    }
    int error = sql->begin(sql);
    if (!error)
        error = sql->exec_many(sql, &insert, rows, BATCH);
    return error ? error : sql->commit(sql);
}

static int take_two(void *context, size_t index, const struct sql_row *row)
{
    int64_t *numbers = context;

    UNUSED(index);
    numbers[0] = sql_i64(row, 0);
    numbers[1] = sql_i64(row, 1);
    return 0;
}

static void check_sqlite(void *store, int64_t *last, bool *whole)
{
    struct sql *sql = store;
    int64_t numbers[2] = {-1, -1};

    assert_int_equal(
        sql->query_text(sql, "SELECT coalesce(max(batch), 0), count(*) FROM row", NULL, 0, take_two, numbers), 0);
    *last = numbers[0];
    *whole = numbers[1] == numbers[0] * BATCH;
}

static void close_sqlite(void *store)
{
    struct sql *sql = store;

    sql->close(sql);
}

/* --- LMDB: the key is the batch's number in ten digits and the row's digit --- */

static void *open_lmdb(const char *path)
{
    const struct kv_options options = {.path = path, .application = "stock", .format = 1, .map_size = MAP_SIZE};
    struct buf problem = {0};
    int error = 0;
    struct kv *kv = kv_lmdb_open(&options, &problem, &error);

    buf_free(&problem);
    return kv;
}

enum { DIGITS = 11 };

static int commit_lmdb(void *store, int64_t number)
{
    struct kv *kv = store;
    struct kv_entry entries[BATCH];
    char keys[BATCH][DIGITS];

    for (int i = 0; i < BATCH; i++) {
        int64_t rest = number * 10 + i;
        for (int digit = DIGITS; digit-- > 0; rest /= 10)
            keys[i][digit] = (char)('0' + rest % 10);
        entries[i] = (struct kv_entry){.key = {keys[i], DIGITS}, .value = STR("row")};
    }
    return kv->commit(kv, entries, BATCH);
}

static int take_key(void *context, struct str key, struct str value)
{
    int64_t *numbers = context;

    UNUSED(value);
    numbers[1]++;
    return str_to_i64((struct str){key.p, DIGITS - 1}, &numbers[0]) ? 0 : -1;
}

static void check_lmdb(void *store, int64_t *last, bool *whole)
{
    struct kv *kv = store;
    int64_t numbers[2] = {0, 0};

    assert_int_equal(kv->scan(kv, STR(""), STR(""), SIZE_MAX, take_key, numbers), 0);
    *last = numbers[0];
    *whole = numbers[1] == numbers[0] * BATCH;
}

static void close_lmdb(void *store)
{
    struct kv *kv = store;

    kv->close(kv);
}

/* --- the test --- */

_Noreturn static void commit_for_ever(const struct engine *engine, const char *path, int64_t last, int acknowledge)
{
    void *store = engine->open(path);

    while (store && engine->commit_batch(store, last + 1) == 0) {
        last++;
        if (write(acknowledge, &last, sizeof(last)) != (ssize_t)sizeof(last))
            break;
    }
    _exit(1); /* only a signal ends it otherwise */
}

/* Kills the child once `n` commits are acknowledged, wherever it is then; the last that it acknowledged. */
static int64_t kill_after(const struct engine *engine, const char *path, int64_t last, int n)
{
    int acknowledged[2];
    int status = 0;
    int64_t number = last;

    assert_int_equal(pipe(acknowledged), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(acknowledged[0]);
        commit_for_ever(engine, path, last, acknowledged[1]);
    }
    close(acknowledged[1]);
    for (ssize_t got = 1; got > 0;) {
        got = read(acknowledged[0], &number, sizeof(number));
        if (got > 0 && --n == 0)
            assert_int_equal(kill(child, SIGKILL), 0); /* and goes on reading what it still said */
    }
    close(acknowledged[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return number;
}

static void survive_kills(const struct engine *engine)
{
    struct scratch scratch;
    char path[SCRATCH_PATH_SIZE];
    int64_t last = 0;
    unsigned seed = 20;

    scratch_make(&scratch);
    scratch_path(&scratch, "store.db", path);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t acknowledged = kill_after(engine, path, last, 1 + rand_r(&seed) % 40);
        bool whole = false;
        void *store = engine->open(path);
        assert_non_null(store);
        engine->check(store, &last, &whole);
        engine->close(store);
        assert_true(last >= acknowledged);
        assert_true(last <= acknowledged + 1); /* at most the one that was being committed */
        assert_true(whole);
    }
    scratch_remove(&scratch);
}

static void what_sqlite_acknowledged_survives_kill_9(void **state)
{
    static const struct engine sqlite = {open_sqlite, commit_sqlite, check_sqlite, close_sqlite};

    UNUSED(state);
    survive_kills(&sqlite);
}

static void what_lmdb_acknowledged_survives_kill_9(void **state)
{
    static const struct engine lmdb = {open_lmdb, commit_lmdb, check_lmdb, close_lmdb};

    UNUSED(state);
    survive_kills(&lmdb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_sqlite_acknowledged_survives_kill_9),
        cmocka_unit_test(what_lmdb_acknowledged_survives_kill_9),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
