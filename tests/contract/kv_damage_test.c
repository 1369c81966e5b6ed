/* A byte of LMDB's file that isn't what was written any more: everything that is read is right, or the damage is said.
 */
#include "base.h"
#include "errors.h"
#include "kv_changes.h"
#include "scratch.h"

#include <fcntl.h>
#include <lmdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    COMMITS = 60,
    KEYS = 400,
    A_COMMIT = 40,
    SIZE = 90,
    LONG = 9000,
    MOST_FILE = 4 * 1024 * 1024,
    META = 160,
    PAGE = 4096
};
static const int64_t MAP_SIZE = INT64_C(16) * 1024 * 1024;

struct fixture {
    struct scratch scratch;
    char path[SCRATCH_PATH_SIZE];
    char *bytes;
    size_t n;
    int written[KEYS]; /* the commit that wrote it last; 0: removed, or never written */
};

/* --- what is in it --- */

static struct str key_of(int i, char *room)
{
    return (struct str){room, (size_t)snprintf(room, 32, "item/%05d", i * 7919 % 99991)};
}

/* Some are longer than half a page, and stand on pages of their own. */
static struct str value_of(int i, int commit, char *room)
{
    size_t n = i % 29 == 0 ? LONG : SIZE + (size_t)(i % 17);

    for (size_t at = 0; at < n; at++)
        room[at] = (char)(i * 31 + commit * 17 + (int)at * 7);
    return (struct str){room, n};
}

static struct kv *open_kv(const char *path, struct buf *problem, int *error)
{
    const struct kv_options options = {.path = path, .application = "stock", .format = 1, .map_size = MAP_SIZE};

    return kv_lmdb_open(&options, problem, error);
}

static void commit_some(struct fixture *fixture, struct kv *kv, int commit)
{
    static char keys[A_COMMIT][32];
    static char values[A_COMMIT][LONG];
    struct kv_entry entries[A_COMMIT];

    for (int j = 0; j < A_COMMIT; j++) {
        int i = (commit * 13 + j * (1 + commit % 5)) % KEYS;
        bool remove = (commit + j) % 4 == 0;
        entries[j] =
            (struct kv_entry){.key = key_of(i, keys[j]), .value = value_of(i, commit, values[j]), .remove = remove};
        fixture->written[i] = remove ? 0 : commit;
    }
    assert_int_equal(kv->commit(kv, entries, A_COMMIT), OK);
}

struct seen {
    const struct fixture *fixture;
    size_t n;
    bool wrong;
};

static bool is_right(const struct fixture *fixture, int i, struct str value)
{
    static char room[LONG];

    return fixture->written[i] != 0 && str_eq(value, value_of(i, fixture->written[i], room));
}

static int look_at(void *context, struct str key, struct str value)
{
    struct seen *seen = context;
    char room[32];

    for (int i = 0; i < KEYS; i++) {
        if (str_eq(key_of(i, room), key)) {
            seen->wrong |= !is_right(seen->fixture, i, value);
            seen->n++;
            return OK;
        }
    }
    seen->wrong = true;
    return OK;
}

static int load_each(struct kv *kv, const struct fixture *fixture)
{
    struct arena arena;
    char room[32];
    int error = OK;

    arena_init(&arena, 0);
    for (int i = 0; i < KEYS && !error; i++) {
        struct kv_entry entry = {.key = key_of(i, room)};
        error = kv->load(kv, &entry, 1, &arena);
        if (!error && entry.found != (fixture->written[i] != 0))
            fail_msg("%.*s is %s", STR_ARG(entry.key), entry.found ? "there again" : "gone");
        if (!error && entry.found)
            assert_true(is_right(fixture, i, entry.value));
    }
    arena_free(&arena);
    return error;
}

static size_t n_there(const struct fixture *fixture)
{
    size_t n = 0;

    for (int i = 0; i < KEYS; i++)
        n += fixture->written[i] != 0;
    return n;
}

/* OK: all is there, and as it was written. Otherwise it says itself that it is damaged. */
static int open_and_read(const struct fixture *fixture)
{
    struct seen seen = {.fixture = fixture};
    struct buf problem = {0};
    int error = OK;
    struct kv *kv = open_kv(fixture->path, &problem, &error);

    if (!kv) {
        assert_true(error == E_CORRUPT || error == E_FOREIGN || error == E_NEWER);
        assert_true(problem.n > 0);
        buf_free(&problem);
        return error;
    }
    error = kv->scan(kv, STR("item/"), STR(""), (size_t)KEYS * 2, look_at, &seen);
    assert_false(seen.wrong);
    if (!error)
        error = load_each(kv, fixture);
    if (!error)
        assert_int_equal(seen.n, n_there(fixture));
    assert_true(!error || error == E_CORRUPT);
    assert_int_equal(kv->check(kv), error);
    kv->close(kv);
    buf_free(&problem);
    return error;
}

/* --- files, and bytes in them --- */

static void keep(struct fixture *fixture)
{
    int fd = open(fixture->path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    ssize_t n = read(fd, fixture->bytes, MOST_FILE);
    assert_true(n > 0 && n < MOST_FILE);
    fixture->n = (size_t)n;
    close(fd);
}

static void put_back(const struct fixture *fixture)
{
    scratch_write(fixture->path, fixture->bytes, fixture->n);
}

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.bytes = malloc(MOST_FILE)};
    assert_non_null(fixture.bytes);
    scratch_make(&fixture.scratch);
    scratch_path(&fixture.scratch, "stock.lmdb", fixture.path);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    free(fixture->bytes);
    scratch_remove(&fixture->scratch);
    return 0;
}

/* Opened in between, so that what it looks like after each is looked at, too. */
static void make(struct fixture *fixture)
{
    struct buf problem = {0};
    int error = OK;

    for (int commit = 1; commit <= COMMITS; commit++) {
        struct kv *kv = open_kv(fixture->path, &problem, &error);
        if (!kv) {
            fail_msg("%.*s", STR_ARG(buf_str(&problem)));
            return;
        }
        commit_some(fixture, kv, commit);
        if (commit % 7 == 0)
            assert_int_equal(kv->probe(kv), OK);
        kv->close(kv);
    }
    buf_free(&problem);
    keep(fixture);
}

static int with_byte(struct fixture *fixture, size_t at, char mask)
{
    fixture->bytes[at] = (char)(fixture->bytes[at] ^ mask);
    put_back(fixture);
    int error = open_and_read(fixture);
    fixture->bytes[at] = (char)(fixture->bytes[at] ^ mask);
    return error;
}

/* --- tests --- */

static void a_damaged_byte_of_a_store_is_said_wherever_it_matters(void **state)
{
    struct fixture *fixture = *state;
    size_t n_said = 0;

    make(fixture);
    for (size_t at = (size_t)2 * PAGE; at < fixture->n; at += 4099)
        n_said += with_byte(fixture, at, (char)(1 << at % 8)) != OK;
    assert_true(n_said > 0);
    put_back(fixture);
    assert_int_equal(open_and_read(fixture), OK);
}

static void the_heads_of_pages_and_the_meta_pages_can_be_damaged(void **state)
{
    struct fixture *fixture = *state;

    make(fixture);
    for (size_t page = 0; page < fixture->n; page += PAGE) {
        bool meta = page < (size_t)2 * PAGE;
        for (size_t at = page + (meta ? 0 : page / PAGE % 16); at < page + META; at += meta ? 2 : 64)
            (void)with_byte(fixture, at, (char)(1 << (at + page / PAGE) % 8));
    }
}

/* The number by which LMDB tells which meta page is the newer one: a wrong one would bring back the commit before. */
static void a_meta_page_that_was_made_older_or_newer_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    const size_t number_at = 144;

    make(fixture);
    for (size_t page = 0; page < 2; page++) {
        for (int mask = 1; mask < 256; mask += mask < 8 ? 1 : 41)
            assert_int_equal(with_byte(fixture, page * PAGE + number_at, (char)mask), E_CORRUPT);
    }
}

static void a_store_from_before_checksums_goes_on_without(void **state)
{
    struct fixture *fixture = *state;
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_val key = {16, "\0meta/application"};
    MDB_val value = {5, "stock"};

    key.mv_size = 17;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_open(env, fixture->path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    key = (MDB_val){12, "\0meta/format"};
    value = (MDB_val){1, "1"};
    assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    make(fixture);
    assert_int_equal(open_and_read(fixture), OK);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(a_damaged_byte_of_a_store_is_said_wherever_it_matters, set_up, tear_down),
    cmocka_unit_test_setup_teardown(the_heads_of_pages_and_the_meta_pages_can_be_damaged, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_meta_page_that_was_made_older_or_newer_is_noticed, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_store_from_before_checksums_goes_on_without, set_up, tear_down),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
