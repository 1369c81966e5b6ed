/* A byte of a data file that isn't what was written any more: everything that is read is right, or the damage is said.
 */
#include "base.h"
#include "errors.h"
#include "scratch.h"
#include "sql.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    FROM_THE_END = 6 * (4096 + 24) - 100,
    BATCHES = 12,
    BATCH = 20,
    SIZE = 700,
    LONG = 9000,
    MOST_FILE = 4 * 1024 * 1024
};

static const struct sql_migration migrations[] = {{1, "CREATE TABLE item (id BIGINT PRIMARY KEY, picture BLOB)"}};
static const struct sql_statement insert = {"INSERT INTO item (id, picture) VALUES ($1, $2)", 2};
static const struct sql_statement all = {"SELECT id, picture FROM item ORDER BY id", 0};
static const struct sql_statement count = {"SELECT count(*) FROM item", 0};

/* --- what is in it --- */

/* Every twentieth is longer than a page. */
static struct str picture_of(int64_t id, char *room)
{
    size_t n = id % BATCH == 0 ? LONG : SIZE;

    snprintf(room, LONG, "%08lld", (long long)id);
    for (size_t i = 8; i < n; i++)
        room[i] = (char)(id * 31 + (int64_t)i * 7);
    return (struct str){room, n};
}

struct seen {
    int64_t next;
    bool wrong;
};

static int look_at(void *context, size_t index, const struct sql_row *row)
{
    struct seen *seen = context;
    char room[LONG];

    UNUSED(index);
    seen->wrong |= sql_i64(row, 0) != seen->next || !str_eq(sql_text(row, 1), picture_of(seen->next, room));
    seen->next++;
    return 0;
}

static int take_number(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    *(int64_t *)context = sql_i64(row, 0);
    return 0;
}

/* OK: `batches` at least are there, all of it as it was written. E_CORRUPT: it says itself that it is damaged. */
static int read_everything(struct sql *sql, int64_t batches)
{
    struct seen seen = {0};
    int64_t n = -1;

    int error = sql_query(sql, &all, NULL, look_at, &seen);
    if (!error)
        error = sql_query(sql, &count, NULL, take_number, &n);
    if (error) {
        assert_int_equal(error, E_CORRUPT);
        assert_int_equal(sql->check(sql), E_CORRUPT);
        return error;
    }
    assert_int_equal(sql->check(sql), OK);
    assert_false(seen.wrong);
    assert_true(n >= batches * BATCH && n % BATCH == 0);
    assert_true(seen.next == n);
    return OK;
}

static struct sql *open_sql(const char *path, struct buf *problem, int *error)
{
    const struct sql_options options = {
        .path = path, .application = "order", .migrations = migrations, .n_migrations = COUNT_OF(migrations)};

    return sqlite_open(&options, problem, error);
}

static int open_and_read(const char *path, int64_t batches)
{
    struct buf problem = {0};
    int error = OK;
    struct sql *sql = open_sql(path, &problem, &error);

    if (sql) {
        error = read_everything(sql, batches);
        sql->close(sql);
    } else if (error != E_FOREIGN && error != E_NEWER) { /* a damaged header may say that, too */
        assert_int_equal(error, E_CORRUPT);
        assert_true(problem.n > 0);
    }
    buf_free(&problem);
    return error;
}

static void commit_batch(struct sql *sql, int64_t number)
{
    char room[LONG];

    assert_int_equal(sql->begin(sql), OK);
    for (int64_t id = number * BATCH; id < (number + 1) * BATCH; id++) {
        const struct sql_value row[] = {SQL_N(id), SQL_B(picture_of(id, room))};
        assert_int_equal(sql_exec(sql, &insert, row), OK);
    }
    assert_int_equal(sql->commit(sql), OK);
}

/* --- files, and bytes in them --- */

struct file {
    char path[SCRATCH_PATH_SIZE];
    char *bytes;
    size_t n;
};

struct fixture {
    struct scratch scratch;
    struct file database, log, index;
};

static void keep(struct file *file)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);

    assert_non_null(file->bytes);
    file->n = 0;
    ssize_t n = fd < 0 ? 0 : read(fd, file->bytes, MOST_FILE);
    assert_true(n >= 0 && n < MOST_FILE);
    file->n = (size_t)n;
    if (fd >= 0)
        close(fd);
}

static void put_back(const struct file *file)
{
    unlink(file->path);
    if (file->n == 0)
        return;
    int fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_true(write(fd, file->bytes, file->n) == (ssize_t)file->n);
    close(fd);
}

static void put_all_back(const struct fixture *fixture)
{
    put_back(&fixture->database);
    put_back(&fixture->log);
    put_back(&fixture->index);
}

static void keep_all(struct fixture *fixture)
{
    keep(&fixture->database);
    keep(&fixture->log);
    keep(&fixture->index);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct file *files[] = {&fixture.database, &fixture.log, &fixture.index};
    static const char *const names[] = {"order.db", "order.db-wal", "order.db-shm"};

    scratch_make(&fixture.scratch);
    assert_int_equal(chdir(fixture.scratch.dir), 0);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        scratch_path(&fixture.scratch, names[i], files[i]->path);
        files[i]->bytes = malloc(MOST_FILE);
    }
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(chdir("/"), 0);
    free(fixture->database.bytes);
    free(fixture->log.bytes);
    free(fixture->index.bytes);
    scratch_remove(&fixture->scratch);
    return 0;
}

/* Everything in the file, no log beside it. */
static void make_closed(struct fixture *fixture)
{
    struct buf problem = {0};
    int error = OK;
    struct sql *sql = open_sql(fixture->database.path, &problem, &error);

    assert_non_null(sql);
    for (int64_t i = 0; i < BATCHES; i++)
        commit_batch(sql, i);
    sql->close(sql);
    keep_all(fixture);
    assert_int_equal(fixture->log.n, 0);
}

/* As after kill -9: what was committed is in the log, and the index is there. */
static void make_killed(struct fixture *fixture)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct buf problem = {0};
        int error = OK;
        struct sql *sql = open_sql(fixture->database.path, &problem, &error);
        for (int64_t i = 0; sql && i < BATCHES; i++)
            commit_batch(sql, i);
        _exit(sql ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    keep_all(fixture);
    assert_true(fixture->log.n > 0 && fixture->index.n > 0);
}

/* Each byte is tried by itself; how many of them were said. */
static size_t damage_each(struct fixture *fixture, struct file *file, size_t end, size_t step, int64_t batches)
{
    size_t n_said = 0;

    for (size_t at = 0; at < end; at += step) {
        char whole = file->bytes[at];
        file->bytes[at] = (char)(whole ^ (char)(1 << at % 8));
        put_all_back(fixture);
        n_said += open_and_read(fixture->database.path, batches) != OK;
        file->bytes[at] = whole;
    }
    put_all_back(fixture);
    assert_int_equal(open_and_read(fixture->database.path, BATCHES), OK);
    return n_said;
}

static size_t tries(size_t end, size_t step)
{
    return (end + step - 1) / step;
}

/* Another program's connection: SQLite as it comes. */
static void run_outside(const char *path, const char *script)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, script, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* --- tests --- */

static void a_damaged_byte_of_a_database_is_said_wherever_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct file *file = &fixture->database;

    make_closed(fixture);
    assert_int_equal(damage_each(fixture, file, 128, 1, BATCHES), 128);
    size_t n_said = damage_each(fixture, file, file->n, 1021, BATCHES);
    assert_true(n_said >= tries(file->n, 1021) * 19 / 20); /* a few pages nobody had to read */
}

static void a_damaged_byte_of_the_log_takes_nothing_away_unsaid(void **state)
{
    struct fixture *fixture = *state;
    struct file *file = &fixture->log;

    make_killed(fixture);
    assert_int_equal(damage_each(fixture, file, 64, 1, BATCHES), 64);
    assert_int_equal(damage_each(fixture, file, file->n, 2039, BATCHES), tries(file->n, 2039));
}

/* Nothing is left then that knows of the last commit: it may be what the power cut off. */
static void after_a_power_cut_a_damaged_byte_of_the_log_takes_the_last_commit_away_at_most(void **state)
{
    struct fixture *fixture = *state;
    struct file *file = &fixture->log;

    make_killed(fixture);
    fixture->index.n = 0;
    size_t n_said = damage_each(fixture, file, file->n, 2039, BATCHES - 1);
    assert_true(n_said >= tries(file->n, 2039) * (BATCHES - 2) / BATCHES);
    assert_int_equal(damage_each(fixture, file, 32, 1, BATCHES), 32);
}

static void a_log_that_is_gone_is_missed(void **state)
{
    struct fixture *fixture = *state;

    make_killed(fixture);
    fixture->log.n = 0;
    put_all_back(fixture);
    assert_int_equal(open_and_read(fixture->database.path, BATCHES), E_CORRUPT);
    keep(&fixture->log);
    assert_int_equal(fixture->log.n, 0);
}

/* What the end of a log looks like after a power cut and some more work: frames of a commit that never was one. */
static void a_commit_that_the_power_cut_off_is_not_missed(void **state)
{
    struct fixture *fixture = *state;
    struct buf problem = {0};
    int error = OK;

    make_killed(fixture);
    fixture->index.n = 0;
    fixture->log.bytes[fixture->log.n - FROM_THE_END] ^= 1; /* inside the last batch */
    put_all_back(fixture);
    assert_int_equal(open_and_read(fixture->database.path, BATCHES - 1), OK);
    put_all_back(fixture);
    pid_t child = fork();
    if (child == 0) {
        struct sql *sql = open_sql(fixture->database.path, &problem, &error);
        const struct sql_value row[] = {SQL_N(1000), SQL_B(STR("one"))};
        _exit(sql ? sql_exec(sql, &insert, row) : 1);
    }
    assert_int_equal(waitpid(child, &error, 0), child);
    assert_int_equal(error, 0);
    unlink(fixture->index.path);
    struct sql *sql = open_sql(fixture->database.path, &problem, &error);
    if (sql)
        sql->close(sql);
    else
        print_error("%.*s\n", STR_ARG(buf_str(&problem)));
    buf_free(&problem);
    assert_non_null(sql);
}

static void another_program_may_look_at_a_database_and_put_its_log_into_it(void **state)
{
    struct fixture *fixture = *state;

    make_killed(fixture);
    run_outside(fixture->database.path, "SELECT count(*) FROM item");
    assert_int_equal(access(fixture->log.path, F_OK), -1);
    assert_int_equal(open_and_read(fixture->database.path, BATCHES), OK);
}

static void a_database_from_before_checksums_goes_on_without(void **state)
{
    struct fixture *fixture = *state;

    make_closed(fixture);
    run_outside(fixture->database.path,
                "ATTACH 'old.db' AS old; CREATE TABLE old.meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
                "INSERT INTO old.meta SELECT * FROM meta; CREATE TABLE old.item (id BIGINT PRIMARY KEY, picture BLOB);"
                "INSERT INTO old.item SELECT * FROM item;");
    int fd = open("old.db", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, fixture->database.bytes + 68, 4, 68), 4); /* whose it is */
    assert_int_equal(pwrite(fd, fixture->database.bytes + 60, 4, 60), 4); /* the schema's version */
    close(fd);
    assert_int_equal(rename("old.db", fixture->database.path), 0);
    assert_int_equal(open_and_read(fixture->database.path, BATCHES), OK);
    assert_int_equal(open_and_read(fixture->database.path, BATCHES), OK);
    keep(&fixture->database);
    assert_int_equal(fixture->database.bytes[20], 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_damaged_byte_of_a_database_is_said_wherever_it_is, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_damaged_byte_of_the_log_takes_nothing_away_unsaid, set_up, tear_down),
    cmocka_unit_test_setup_teardown(after_a_power_cut_a_damaged_byte_of_the_log_takes_the_last_commit_away_at_most,
                                    set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_log_that_is_gone_is_missed, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_commit_that_the_power_cut_off_is_not_missed, set_up, tear_down),
    cmocka_unit_test_setup_teardown(another_program_may_look_at_a_database_and_put_its_log_into_it, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_database_from_before_checksums_goes_on_without, set_up, tear_down),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
