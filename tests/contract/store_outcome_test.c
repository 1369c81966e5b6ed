/* What a store says of itself: whether commits succeed, whether its file is still there, and when it can't know what
 * the disk holds. Both engines, asked the same. */
#include "base.h"
#include "errors.h"
#include "kv.h"
#include "scratch.h"
#include "sql.h"

#include <errno.h>
#include <lmdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { META_PAGES = 8192 };
static const int64_t MAP_SIZE = INT64_C(64) * 1024 * 1024;

/* --- a disk that fails once: these hide the C library's, for the engines' libraries, too --- */

static bool sync_fails;
static bool meta_write_fails;

static bool once(bool *flag)
{
    bool fails = *flag;

    *flag = false;
    if (fails)
        errno = EIO;
    return fails;
}

int fsync(int fd)
{
    return once(&sync_fails) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return once(&sync_fails) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* The C library has two names for it. */
ssize_t write_at(int fd, const void *bytes, size_t n, off_t at) __asm__("pwrite");
ssize_t write_at_64(int fd, const void *bytes, size_t n, off_t at) __asm__("pwrite64");

ssize_t write_at(int fd, const void *bytes, size_t n, off_t at)
{
    return at < META_PAGES && once(&meta_write_fails) ? -1 : syscall(SYS_pwrite64, fd, bytes, n, at);
}

ssize_t write_at_64(int fd, const void *bytes, size_t n, off_t at)
{
    return write_at(fd, bytes, n, at);
}

/* --- both engines behind one face: a number under a name --- */

static const struct sql_migration migrations[] = {
    {1, "CREATE TABLE number (name TEXT PRIMARY KEY, n BIGINT NOT NULL)"}};
static const struct sql_statement put_number = {
    "INSERT INTO number (name, n) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET n = excluded.n", 2};
static const struct sql_statement get_number = {"SELECT n FROM number WHERE name = $1", 1};

struct engine {
    const char *file;
    bool *fault; /* what makes the outcome of a commit unknown */
    void *(*open)(const char *path);
    int (*put)(void *store, const char *name, int64_t n);
    int (*get)(void *store, const char *name, int64_t *n);
    int (*probe)(void *store);
    int (*check)(void *store);
    void (*close)(void *store);
};

struct fixture {
    const struct engine *engine;
    struct scratch scratch;
    char path[SCRATCH_PATH_SIZE];
    void *store;
};

static void *opened(void *store, struct buf *problem)
{
    if (!store)
        print_error("%.*s\n", STR_ARG(buf_str(problem)));
    buf_free(problem);
    return store;
}

static void *sql_open_store(const char *path)
{
    const struct sql_options options = {
        .path = path, .application = "order", .migrations = migrations, .n_migrations = COUNT_OF(migrations)};
    struct buf problem = {0};
    int error = OK;

    return opened(sqlite_open(&options, &problem, &error), &problem);
}

static int sql_put(void *store, const char *name, int64_t n)
{
    struct sql *sql = store;
    const struct sql_value row[] = {SQL_S(str_of(name)), SQL_N(n)};

    int error = sql->begin(sql);
    if (error)
        return error;
    error = sql_exec(sql, &put_number, row);
    if (!error)
        return sql->commit(sql);
    sql->rollback(sql);
    return error;
}

static int take_number(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    *(int64_t *)context = sql_i64(row, 0);
    return OK;
}

static int sql_get(void *store, const char *name, int64_t *n)
{
    struct sql *sql = store;
    const struct sql_value key = SQL_S(str_of(name));

    *n = 0;
    return sql_query(sql, &get_number, &key, take_number, n);
}

static int sql_probe(void *store)
{
    struct sql *sql = store;

    return sql->probe(sql);
}

static int sql_check(void *store)
{
    struct sql *sql = store;

    return sql->check(sql);
}

static void sql_close(void *store)
{
    struct sql *sql = store;

    sql->close(sql);
}

static void *kv_open_store(const char *path)
{
    const struct kv_options options = {.path = path, .application = "stock", .format = 1, .map_size = MAP_SIZE};
    struct buf problem = {0};
    int error = OK;

    return opened(kv_lmdb_open(&options, &problem, &error), &problem);
}

static int kv_put(void *store, const char *name, int64_t n)
{
    struct kv *kv = store;
    const struct kv_entry entry = {.key = str_of(name), .value = {(const char *)&n, sizeof(n)}};

    return kv->commit(kv, &entry, 1);
}

static int kv_get(void *store, const char *name, int64_t *n)
{
    struct kv *kv = store;
    struct kv_entry entry = {.key = str_of(name)};
    struct arena arena;

    *n = 0;
    arena_init(&arena, 0);
    int error = kv->load(kv, &entry, 1, &arena);
    if (!error && entry.found)
        memcpy(n, entry.value.p, sizeof(*n));
    arena_free(&arena);
    return error;
}

static int kv_probe(void *store)
{
    struct kv *kv = store;

    return kv->probe(kv);
}

static int kv_check(void *store)
{
    struct kv *kv = store;

    return kv->check(kv);
}

static void kv_close(void *store)
{
    struct kv *kv = store;

    kv->close(kv);
}

static const struct engine sqlite = {"order.db", &sync_fails, sql_open_store, sql_put,
                                     sql_get,    sql_probe,   sql_check,      sql_close};
static const struct engine lmdb = {"stock.lmdb", &meta_write_fails, kv_open_store, kv_put,
                                   kv_get,       kv_probe,          kv_check,      kv_close};

static int set_up(void **state, const struct engine *engine)
{
    static struct fixture fixture;

    fixture = (struct fixture){.engine = engine};
    scratch_make(&fixture.scratch);
    fixture.store = engine->open(scratch_path(&fixture.scratch, engine->file, fixture.path));
    assert_non_null(fixture.store);
    *state = &fixture;
    return 0;
}

static int set_up_sqlite(void **state)
{
    return set_up(state, &sqlite);
}

static int set_up_lmdb(void **state)
{
    return set_up(state, &lmdb);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    limit_files(RLIM_INFINITY);
    sync_fails = meta_write_fails = false;
    if (fixture->store)
        fixture->engine->close(fixture->store);
    scratch_remove(&fixture->scratch);
    return 0;
}

/* --- what is promised --- */

static void a_probe_is_a_commit_of_its_own_and_changes_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    const struct engine *engine = fixture->engine;
    int64_t n = 0;

    assert_int_equal(engine->put(fixture->store, "a", 7), OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(engine->probe(fixture->store), OK);
    assert_int_equal(engine->get(fixture->store, "a", &n), OK);
    assert_int_equal(n, 7);
}

static void a_probe_fails_while_commits_fail_and_succeeds_when_they_do(void **state)
{
    struct fixture *fixture = *state;
    const struct engine *engine = fixture->engine;
    int error = OK;

    limit_files(4096);
    for (int i = 0; i < 50 && !error; i++)
        error = engine->probe(fixture->store);
    assert_int_equal(error, E_FULL);
    assert_int_equal(engine->put(fixture->store, "a", 1), E_FULL);
    assert_int_equal(engine->probe(fixture->store), E_FULL);
    limit_files(RLIM_INFINITY);
    assert_int_equal(engine->probe(fixture->store), OK);
    assert_int_equal(engine->put(fixture->store, "a", 1), OK);
}

static void a_file_that_was_removed_is_missed(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture->engine->check(fixture->store), OK);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(fixture->engine->check(fixture->store), E_NOT_FOUND);
}

static void a_file_that_was_replaced_is_missed(void **state)
{
    struct fixture *fixture = *state;
    char other[SCRATCH_PATH_SIZE];

    scratch_write(scratch_path(&fixture->scratch, "other", other), "x", 1);
    assert_int_equal(rename(other, fixture->path), 0);
    assert_int_equal(fixture->engine->check(fixture->store), E_NOT_FOUND);
}

static void a_commit_that_the_disk_may_have_lost_is_unknown_and_nothing_goes_on_from_it(void **state)
{
    struct fixture *fixture = *state;
    const struct engine *engine = fixture->engine;
    int64_t n = 0;

    assert_int_equal(engine->put(fixture->store, "a", 1), OK);
    *engine->fault = true;
    assert_int_equal(engine->put(fixture->store, "a", 2), E_OUTCOME_UNKNOWN);
    assert_false(*engine->fault);
    assert_int_equal(engine->put(fixture->store, "a", 3), E_OUTCOME_UNKNOWN);
    assert_int_equal(engine->get(fixture->store, "a", &n), E_OUTCOME_UNKNOWN);
    assert_int_equal(engine->probe(fixture->store), E_OUTCOME_UNKNOWN);
}

static void a_store_that_is_opened_again_shows_what_became_of_it(void **state)
{
    struct fixture *fixture = *state;
    const struct engine *engine = fixture->engine;
    int64_t n = 0;

    assert_int_equal(engine->put(fixture->store, "a", 1), OK);
    *engine->fault = true;
    assert_int_equal(engine->put(fixture->store, "a", 2), E_OUTCOME_UNKNOWN);
    engine->close(fixture->store);
    fixture->store = engine->open(fixture->path);
    assert_non_null(fixture->store);
    assert_int_equal(engine->get(fixture->store, "a", &n), OK);
    assert_true(n == 1 || n == 2);
    assert_int_equal(engine->put(fixture->store, "a", 3), OK);
    assert_int_equal(engine->get(fixture->store, "a", &n), OK);
    assert_int_equal(n, 3);
}

/* --- LMDB: readers of other processes --- */

static pid_t start_reader(const char *path)
{
    int ready[2];
    char byte = 0;

    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        MDB_env *env = NULL;
        MDB_txn *txn = NULL;
        bool reads = mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, (size_t)MAP_SIZE) == 0 &&
                     mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0600) == 0 &&
                     mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0;
        if (reads && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static off_t grown_by(struct fixture *fixture, int commits)
{
    struct stat before;
    struct stat after;

    assert_int_equal(stat(fixture->path, &before), 0);
    for (int i = 0; i < commits; i++)
        assert_int_equal(kv_put(fixture->store, "a", i), OK);
    assert_int_equal(stat(fixture->path, &after), 0);
    return after.st_size - before.st_size;
}

static void what_a_killed_reader_of_another_process_held_is_used_again(void **state)
{
    enum { COMMITS = 200, FEW = 64 * 1024 };
    struct fixture *fixture = *state;
    int status = 0;

    assert_int_equal(kv_put(fixture->store, "a", 1), OK);
    pid_t reader = start_reader(fixture->path);
    assert_true(grown_by(fixture, COMMITS) >
                (off_t)COMMITS * 4096); /* it reads: nothing that it may see is used again */
    kill(reader, SIGKILL);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(kv_check(fixture->store), OK);
    assert_true(grown_by(fixture, COMMITS) < FEW);
}

#define BOTH(test)                                                                                                     \
    cmocka_unit_test_setup_teardown(test, set_up_sqlite, tear_down),                                                   \
        cmocka_unit_test_setup_teardown(test, set_up_lmdb, tear_down)

static const struct CMUnitTest tests[] = {
    BOTH(a_probe_is_a_commit_of_its_own_and_changes_nothing_else),
    BOTH(a_probe_fails_while_commits_fail_and_succeeds_when_they_do),
    BOTH(a_file_that_was_removed_is_missed),
    BOTH(a_file_that_was_replaced_is_missed),
    BOTH(a_commit_that_the_disk_may_have_lost_is_unknown_and_nothing_goes_on_from_it),
    BOTH(a_store_that_is_opened_again_shows_what_became_of_it),
    cmocka_unit_test_setup_teardown(what_a_killed_reader_of_another_process_held_is_used_again, set_up_lmdb, tear_down),
};

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
