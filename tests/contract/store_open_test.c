/* A store opens what is its own and refuses the rest with a sentence, without touching it; a full disk passes. Both
 * engines. */
#include "base.h"
#include "errors.h"
#include "kv.h"
#include "scratch.h"
#include "sql.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAP_SIZE = 4 * 1024 * 1024, ROOM = 1024 * 1024, VALUE = 16 * 1024, MANY = 2000 };

static const struct sql_migration migrations[] = {
    {1, "CREATE TABLE item (id BIGINT PRIMARY KEY, picture BLOB)"},
    {2, "ALTER TABLE item ADD COLUMN qty BIGINT; UPDATE item SET qty = 100"},
    {3, "CREATE TABLE broken (id BIGINT PRIMARY KEY); INSERT INTO nowhere VALUES (1)"},
};
static const struct sql_statement insert = {"INSERT INTO item (id, picture) VALUES ($1, $2)", 2};
static const struct sql_statement clear = {"DELETE FROM item WHERE id > $1", 1};

struct fixture {
    struct scratch scratch;
    char path[SCRATCH_PATH_SIZE];
    struct buf problem;
    int error;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.error = 0};
    scratch_make(&fixture.scratch);
    scratch_path(&fixture.scratch, "order.db", fixture.path);
    *state = &fixture;
    return 0;
}

/* No file of this process may grow beyond `bytes`: what a full disk or a quota does to a write. */
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
    buf_free(&fixture->problem);
    scratch_remove(&fixture->scratch);
    return 0;
}

static struct sql *open_sql(struct fixture *fixture, const char *application, size_t n_migrations)
{
    const struct sql_options options = {.path = fixture->path,
                                        .application = application,
                                        .migrations = migrations,
                                        .n_migrations = n_migrations,
                                        .busy_ms = 1};

    buf_clear(&fixture->problem);
    return sqlite_open(&options, &fixture->problem, &fixture->error);
}

static struct kv *open_kv(struct fixture *fixture, const char *application, int format, int (*migrate)(void *, int))
{
    const struct kv_options options = {
        .path = fixture->path, .application = application, .format = format, .migrate = migrate, .map_size = MAP_SIZE};

    buf_clear(&fixture->problem);
    return kv_lmdb_open(&options, &fixture->problem, &fixture->error);
}

static void assert_problem(struct fixture *fixture, int error, const char *part)
{
    if (fixture->error != error)
        print_error("%.*s\n", STR_ARG(buf_str(&fixture->problem)));
    assert_int_equal(fixture->error, error);
    buf_char(&fixture->problem, '\0');
    assert_non_null(strstr(fixture->problem.p, fixture->path));
    if (!strstr(fixture->problem.p, part))
        fail_msg("\"%s\" does not say \"%s\"", fixture->problem.p, part);
}

static void make_sql(struct fixture *fixture, const char *application, size_t n_migrations)
{
    struct sql *sql = open_sql(fixture, application, n_migrations);

    assert_non_null(sql);
    sql->close(sql);
}

static void make_kv(struct fixture *fixture, const char *application, int format)
{
    struct kv *kv = open_kv(fixture, application, format, NULL);
    const struct kv_entry entry = {.key = STR("item/1"), .value = STR("100")};

    assert_non_null(kv);
    assert_int_equal(kv->commit(kv, &entry, 1), 0);
    kv->close(kv);
}

/* The file's bytes, to see that a refusal left them alone. */
static void slurp(const char *path, struct buf *bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    for (ssize_t n = 1; n > 0;) {
        assert_true(buf_reserve(bytes, 65536));
        n = read(fd, bytes->p + bytes->n, 65536);
        assert_true(n >= 0);
        bytes->n += (size_t)n;
    }
    close(fd);
}

/* --- refusals --- */

static void a_database_of_another_service_is_refused_by_name_and_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct buf before = {0};
    struct buf after = {0};

    make_sql(fixture, "product", 1);
    slurp(fixture->path, &before);
    assert_null(open_sql(fixture, "order", 1));
    assert_problem(fixture, E_FOREIGN, "belongs to \"product\"");
    slurp(fixture->path, &after);
    assert_true(str_eq(buf_str(&before), buf_str(&after)));
    make_sql(fixture, "product", 1);
    buf_free(&before);
    buf_free(&after);
}

static void a_store_of_another_service_is_refused_by_name_and_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct buf before = {0};
    struct buf after = {0};

    make_kv(fixture, "kitchen", 1);
    slurp(fixture->path, &before);
    assert_null(open_kv(fixture, "stock", 1, NULL));
    assert_problem(fixture, E_FOREIGN, "belongs to \"kitchen\"");
    slurp(fixture->path, &after);
    assert_true(str_eq(buf_str(&before), buf_str(&after)));
    make_kv(fixture, "kitchen", 1);
    buf_free(&before);
    buf_free(&after);
}

static void data_of_a_newer_version_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_SIZE];

    make_sql(fixture, "order", 2);
    assert_null(open_sql(fixture, "order", 1));
    assert_problem(fixture, E_NEWER, "newer version");
    make_sql(fixture, "order", 2);
    scratch_path(&fixture->scratch, "stock.lmdb", path);
    memcpy(fixture->path, path, sizeof(path));
    make_kv(fixture, "stock", 2);
    assert_null(open_kv(fixture, "stock", 1, NULL));
    assert_problem(fixture, E_NEWER, "newer version");
    make_kv(fixture, "stock", 2);
}

static void a_file_that_is_no_store_is_refused_and_left_alone(void **state)
{
    static const char letter[] = "Dear customer, this is not a database.";
    struct fixture *fixture = *state;
    struct buf after = {0};

    scratch_write(fixture->path, letter, sizeof(letter));
    assert_null(open_sql(fixture, "order", 1));
    assert_problem(fixture, E_CORRUPT, "backup");
    assert_null(open_kv(fixture, "stock", 1, NULL));
    assert_problem(fixture, E_CORRUPT, "backup");
    slurp(fixture->path, &after);
    assert_true(str_eq(buf_str(&after), (struct str){letter, sizeof(letter)}));
    buf_free(&after);
}

static void one_engine_refuses_the_others_file(void **state)
{
    struct fixture *fixture = *state;

    make_sql(fixture, "order", 1);
    assert_null(open_kv(fixture, "order", 1, NULL));
    assert_problem(fixture, E_CORRUPT, "not a store");
    make_sql(fixture, "order", 1);
}

static void a_store_cut_short_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct stat file;
    char path[SCRATCH_PATH_SIZE];

    make_sql(fixture, "order", 1);
    assert_int_equal(stat(fixture->path, &file), 0);
    assert_int_equal(truncate(fixture->path, file.st_size - 4096), 0);
    assert_null(open_sql(fixture, "order", 1));
    assert_problem(fixture, E_CORRUPT, "backup");
    scratch_path(&fixture->scratch, "stock.lmdb", path);
    memcpy(fixture->path, path, sizeof(path));
    make_kv(fixture, "stock", 1);
    assert_int_equal(truncate(fixture->path, 8192), 0); /* its two heads alone */
    assert_null(open_kv(fixture, "stock", 1, NULL));
    assert_problem(fixture, E_CORRUPT, "backup");
}

static void a_directory_that_is_not_there_is_named(void **state)
{
    struct fixture *fixture = *state;

    scratch_path(&fixture->scratch, "nowhere/order.db", fixture->path);
    assert_null(open_sql(fixture, "order", 1));
    assert_problem(fixture, E_SYSTEM, "No such file or directory");
    assert_null(open_kv(fixture, "stock", 1, NULL));
    assert_problem(fixture, E_SYSTEM, "No such file or directory");
}

/* --- bringing data up to date --- */

static int take_number(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    *(int64_t *)context = sql_i64(row, 0);
    return 0;
}

static void an_older_database_is_brought_up_to_date_with_what_is_in_it(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = open_sql(fixture, "order", 1);
    const struct sql_value row[] = {SQL_N(1), SQL_B(STR("p"))};
    int64_t qty = 0;

    assert_non_null(sql);
    assert_int_equal(sql_exec(sql, &insert, row), 0);
    sql->close(sql);
    sql = open_sql(fixture, "order", 2);
    assert_non_null(sql);
    assert_int_equal(sql->query_text(sql, "SELECT qty FROM item WHERE id = 1", NULL, 0, take_number, &qty), 0);
    assert_int_equal(qty, 100);
    sql->close(sql);
}

static void a_migration_that_fails_leaves_the_database_at_the_version_before(void **state)
{
    struct fixture *fixture = *state;
    int64_t n = -1;

    assert_null(open_sql(fixture, "order", 3));
    assert_problem(fixture, E_SYSTEM, "nowhere");
    struct sql *sql = open_sql(fixture, "order", 2);
    assert_non_null(sql);
    const char *leftover = "SELECT count(*) FROM sqlite_schema WHERE name = 'broken'";
    assert_int_equal(sql->query_text(sql, leftover, NULL, 0, take_number, &n), 0);
    assert_int_equal(n, 0);
    sql->close(sql);
}

static int double_the_stock(void *context, int from)
{
    struct kv *kv = context;
    const struct kv_entry entry = {.key = STR("item/1"), .value = STR("200")};

    return from == 1 ? kv->commit(kv, &entry, 1) : E_CORRUPT;
}

static int fail_to_migrate(void *context, int from)
{
    UNUSED(context);
    UNUSED(from);
    return E_FULL;
}

static void an_older_store_is_brought_up_to_date_once(void **state)
{
    struct fixture *fixture = *state;
    struct kv_entry entry = {.key = STR("item/1")};
    struct arena arena;

    arena_init(&arena, 0);
    make_kv(fixture, "stock", 1);
    assert_null(open_kv(fixture, "stock", 2, fail_to_migrate));
    assert_problem(fixture, E_FULL, "format 1 to 2");
    struct kv *kv = open_kv(fixture, "stock", 2, double_the_stock);
    assert_non_null(kv);
    assert_int_equal(kv->load(kv, &entry, 1, &arena), 0);
    assert_true(str_is(entry.value, "200"));
    kv->close(kv);
    kv = open_kv(fixture, "stock", 2, fail_to_migrate); /* not called any more */
    assert_non_null(kv);
    kv->close(kv);
    arena_free(&arena);
}

/* --- a full disk --- */

static int commit_sql(struct sql *sql, int64_t id)
{
    static char picture[VALUE];
    const struct sql_value row[] = {SQL_N(id), SQL_B(((struct str){picture, sizeof(picture)}))};

    int error = sql->begin(sql);
    if (error)
        return error;
    error = sql_exec(sql, &insert, row);
    return error ? (sql->rollback(sql), error) : sql->commit(sql);
}

static int commit_kv(struct kv *kv, int64_t id)
{
    static char picture[VALUE];
    char key[2] = {(char)(1 + id / 100), (char)(1 + id % 100)};
    const struct kv_entry entry = {.key = {key, sizeof(key)}, .value = {picture, sizeof(picture)}};

    return kv->commit(kv, &entry, 1);
}

static int count_entries(void *context, struct str key, struct str value)
{
    UNUSED(key);
    *(int64_t *)context += value.n == VALUE;
    return 0;
}

static void a_store_that_finds_no_room_to_begin_says_so_and_begins_later(void **state)
{
    struct fixture *fixture = *state;
    char path[SCRATCH_PATH_SIZE];

    limit_files(0);
    assert_null(open_sql(fixture, "order", 1));
    assert_problem(fixture, E_FULL, "make room");
    limit_files(RLIM_INFINITY);
    make_sql(fixture, "order", 1);
    scratch_path(&fixture->scratch, "stock.lmdb", path);
    memcpy(fixture->path, path, sizeof(path));
    limit_files(0);
    assert_null(open_kv(fixture, "stock", 1, NULL));
    assert_problem(fixture, E_FULL, "make room");
    limit_files(RLIM_INFINITY);
    make_kv(fixture, "stock", 1);
}

static void a_full_disk_refuses_writes_keeps_reads_and_passes_sqlite(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = open_sql(fixture, "order", 1);
    int64_t id = 0;
    int64_t n = -1;
    int error;

    assert_non_null(sql);
    limit_files(ROOM);
    while ((error = commit_sql(sql, id + 1)) == 0 && id < MANY)
        id++;
    assert_int_equal(error, E_FULL);
    assert_int_equal(commit_sql(sql, id + 1), E_FULL);
    assert_int_equal(sql->query_text(sql, "SELECT count(*) FROM item", NULL, 0, take_number, &n), 0);
    assert_int_equal(n, id);
    limit_files(RLIM_INFINITY);
    assert_int_equal(commit_sql(sql, id + 1), 0);
    sql->close(sql);
    sql = open_sql(fixture, "order", 1);
    assert_non_null(sql);
    assert_int_equal(sql->query_text(sql, "SELECT count(*) FROM item", NULL, 0, take_number, &n), 0);
    assert_int_equal(n, id + 1);
    sql->close(sql);
}

static void a_full_disk_refuses_writes_keeps_reads_and_passes_lmdb(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_kv(fixture, "stock", 1, NULL);
    int64_t id = 0;
    int64_t n = 0;
    int error;

    assert_non_null(kv);
    limit_files(ROOM);
    while ((error = commit_kv(kv, id)) == 0 && id < MANY)
        id++;
    assert_int_equal(error, E_FULL);
    assert_int_equal(commit_kv(kv, id), E_FULL);
    assert_int_equal(kv->scan(kv, STR(""), STR(""), MANY, count_entries, &n), 0);
    assert_int_equal(n, id);
    limit_files(RLIM_INFINITY);
    assert_int_equal(commit_kv(kv, id), 0);
    kv->close(kv);
    kv = open_kv(fixture, "stock", 1, NULL);
    assert_non_null(kv);
    n = 0;
    assert_int_equal(kv->scan(kv, STR(""), STR(""), MANY, count_entries, &n), 0);
    assert_int_equal(n, id + 1);
    kv->close(kv);
}

static void a_full_database_takes_writes_again_after_a_deletion(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = open_sql(fixture, "order", 1);
    int64_t id = 0;
    int64_t n = 0;
    int error;

    assert_non_null(sql);
    assert_int_equal(sql->query_text(sql, "PRAGMA max_page_count = 100", NULL, 0, take_number, &n), 0);
    assert_int_equal(n, 100);
    while ((error = commit_sql(sql, id + 1)) == 0 && id < MANY)
        id++;
    assert_int_equal(error, E_FULL);
    assert_int_equal(sql_exec(sql, &clear, &SQL_N(id / 2)), 0);
    assert_int_equal(commit_sql(sql, id + 1), 0);
    sql->close(sql);
}

static void a_full_store_still_deletes_and_takes_writes_again(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_kv(fixture, "stock", 1, NULL);
    int64_t id = 0;
    int error;

    assert_non_null(kv);
    while ((error = commit_kv(kv, id)) == 0 && id < MANY)
        id++;
    assert_int_equal(error, E_FULL);
    assert_true(id * VALUE > MAP_SIZE / 2);
    for (int64_t i = 0; i < id; i++) {
        char key[2] = {(char)(1 + i / 100), (char)(1 + i % 100)};
        const struct kv_entry removal = {.key = {key, sizeof(key)}, .remove = true};
        assert_int_equal(kv->commit(kv, &removal, 1), 0);
    }
    for (int64_t i = 0; i < id / 2; i++)
        assert_int_equal(commit_kv(kv, i), 0);
    kv->close(kv);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_database_of_another_service_is_refused_by_name_and_left_alone),
        TEST(a_store_of_another_service_is_refused_by_name_and_left_alone),
        TEST(data_of_a_newer_version_are_refused),
        TEST(a_file_that_is_no_store_is_refused_and_left_alone),
        TEST(one_engine_refuses_the_others_file),
        TEST(a_store_cut_short_is_refused),
        TEST(a_directory_that_is_not_there_is_named),
        TEST(an_older_database_is_brought_up_to_date_with_what_is_in_it),
        TEST(a_migration_that_fails_leaves_the_database_at_the_version_before),
        TEST(an_older_store_is_brought_up_to_date_once),
        TEST(a_store_that_finds_no_room_to_begin_says_so_and_begins_later),
        TEST(a_full_disk_refuses_writes_keeps_reads_and_passes_sqlite),
        TEST(a_full_disk_refuses_writes_keeps_reads_and_passes_lmdb),
        TEST(a_full_database_takes_writes_again_after_a_deletion),
        TEST(a_full_store_still_deletes_and_takes_writes_again),
    };

    signal(SIGXFSZ, SIG_IGN); /* then a write beyond the limit fails with EFBIG */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
