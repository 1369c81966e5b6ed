/* What every key-value store has to do, asked of LMDB and of the fake that stands for it in other tests. */
#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "kv_cells.h"
#include "kv_store.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 1000 };

/* One store under test. */
struct fixture {
    struct kv_store store;
    struct arena arena;
};

static int set_up(void **state, void (*make)(struct kv_store *store))
{
    struct fixture *fixture = heap_alloc(sizeof(*fixture));

    assert_non_null(fixture);
    arena_init(&fixture->arena, 0);
    make(&fixture->store);
    *state = fixture;
    return 0;
}

static int set_up_lmdb(void **state)
{
    return set_up(state, kv_store_make_lmdb);
}

static int set_up_redis(void **state)
{
    return set_up(state, kv_store_make_redis);
}

static int set_up_fake(void **state)
{
    return set_up(state, kv_store_make_fake);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    kv_store_remove(&fixture->store);
    arena_free(&fixture->arena);
    heap_free(fixture);
    return 0;
}

/* --- helpers that read like sentences --- */

static void put(struct fixture *fixture, const char *key, const char *value)
{
    const struct kv_entry entry = {.key = str_of(key), .value = str_of(value)};

    assert_int_equal(fixture->store.kv->commit(fixture->store.kv, &entry, 1), 0);
}

static struct kv_entry get(struct fixture *fixture, const char *key)
{
    struct kv_entry entry = {.key = str_of(key)};

    assert_int_equal(fixture->store.kv->load(fixture->store.kv, &entry, 1, &fixture->arena), 0);
    return entry;
}

static void assert_value(struct fixture *fixture, const char *key, const char *value)
{
    struct kv_entry entry = get(fixture, key);

    assert_true(entry.found);
    assert_true(str_is(entry.value, value));
}

static void assert_missing(struct fixture *fixture, const char *key)
{
    assert_false(get(fixture, key).found);
}

static int gather(void *context, struct str key, struct str value)
{
    struct buf *seen = context;

    buf_add(seen, key);
    buf_char(seen, '=');
    buf_add(seen, value);
    buf_char(seen, ' ');
    return 0;
}

static void assert_scan(struct fixture *fixture, const char *prefix, const char *from, size_t limit,
                        const char *expected)
{
    struct buf seen = {0};

    assert_int_equal(fixture->store.kv->scan(fixture->store.kv, str_of(prefix), str_of(from), limit, gather, &seen), 0);
    buf_char(&seen, '\0');
    assert_string_equal(seen.p, expected);
    buf_free(&seen);
}

static void assert_last(struct fixture *fixture, struct str prefix, const char *expected)
{
    struct buf seen = {0};

    assert_int_equal(fixture->store.kv->last(fixture->store.kv, prefix, gather, &seen), 0);
    buf_char(&seen, '\0');
    assert_string_equal(seen.p, expected);
    buf_free(&seen);
}

/* --- the contract --- */

static void what_was_committed_is_there_after_a_restart(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "item/1", "Americano");
    kv_store_reopen(&fixture->store);
    assert_value(fixture, "item/1", "Americano");
}

static void a_missing_key_is_not_found_and_that_is_no_error(void **state)
{
    struct kv_entry entry = get(*state, "item/404");

    assert_false(entry.found);
    assert_null(entry.value.p);
    assert_int_equal(entry.value.n, 0);
}

static void an_empty_value_is_found_and_is_empty(void **state)
{
    put(*state, "item/1", "");
    struct kv_entry entry = get(*state, "item/1");
    assert_true(entry.found);
    assert_int_equal(entry.value.n, 0);
}

static void a_batch_changes_puts_and_removes_together(void **state)
{
    struct fixture *fixture = *state;
    const struct kv_entry batch[] = {
        {.key = STR("item/1"), .value = STR("99")},
        {.key = STR("item/2"), .remove = true},
        {.key = STR("item/3"), .value = STR("100")},
        {.key = STR("item/4"), .remove = true}, /* was never there */
    };

    put(fixture, "item/1", "100");
    put(fixture, "item/2", "100");
    assert_int_equal(fixture->store.kv->commit(fixture->store.kv, batch, COUNT_OF(batch)), 0);
    assert_value(fixture, "item/1", "99");
    assert_missing(fixture, "item/2");
    assert_value(fixture, "item/3", "100");
    assert_missing(fixture, "item/4");
}

static void the_later_of_two_changes_to_one_key_in_a_batch_wins(void **state)
{
    struct fixture *fixture = *state;
    const struct kv_entry batch[] = {
        {.key = STR("item/1"), .value = STR("99")},
        {.key = STR("item/1"), .value = STR("98")},
        {.key = STR("item/2"), .value = STR("1")},
        {.key = STR("item/2"), .remove = true},
    };

    assert_int_equal(fixture->store.kv->commit(fixture->store.kv, batch, COUNT_OF(batch)), 0);
    assert_value(fixture, "item/1", "98");
    assert_missing(fixture, "item/2");
}

static void a_batch_with_one_bad_key_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    char long_key[KV_KEY_MAX + 1];
    memset(long_key, 'k', sizeof(long_key));
    const struct kv_entry batch[] = {
        {.key = STR("item/1"), .value = STR("99")},
        {.key = {long_key, sizeof(long_key)}, .value = STR("1")},
    };

    assert_int_equal(fixture->store.kv->commit(fixture->store.kv, batch, COUNT_OF(batch)), E_TOO_LARGE);
    assert_missing(fixture, "item/1");
    struct kv_entry entry = {.key = {long_key, sizeof(long_key)}};
    assert_int_equal(fixture->store.kv->load(fixture->store.kv, &entry, 1, &fixture->arena), E_TOO_LARGE);
}

static void the_longest_key_allowed_is_kept(void **state)
{
    struct fixture *fixture = *state;
    char key[KV_KEY_MAX];
    memset(key, 'k', sizeof(key));
    struct kv_entry entry = {.key = {key, sizeof(key)}, .value = STR("v")};

    assert_int_equal(fixture->store.kv->commit(fixture->store.kv, &entry, 1), 0);
    assert_int_equal(fixture->store.kv->load(fixture->store.kv, &entry, 1, &fixture->arena), 0);
    assert_true(entry.found);
}

static void an_empty_batch_is_no_error(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture->store.kv->commit(fixture->store.kv, NULL, 0), 0);
    assert_int_equal(fixture->store.kv->load(fixture->store.kv, NULL, 0, &fixture->arena), 0);
}

static void loaded_values_outlive_later_commits(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "item/1", "first");
    struct kv_entry before = get(fixture, "item/1");
    put(fixture, "item/1", "other");
    assert_true(str_is(before.value, "first"));
    assert_value(fixture, "item/1", "other");
}

static void large_and_binary_values_come_back_as_they_were(void **state)
{
    struct fixture *fixture = *state;
    struct buf value = {0};

    for (unsigned i = 0; i < 300000; i++)
        buf_char(&value, (char)(i * 31U >> 3));
    const struct kv_entry entry = {.key = STR("blob/1"), .value = buf_str(&value)};
    assert_int_equal(fixture->store.kv->commit(fixture->store.kv, &entry, 1), 0);
    kv_store_reopen(&fixture->store);
    assert_true(str_eq(get(fixture, "blob/1").value, buf_str(&value)));
    buf_free(&value);
}

static void a_scan_goes_in_order_within_its_prefix(void **state)
{
    put(*state, "item/2", "b");
    put(*state, "item/10", "c");
    put(*state, "item/1", "a");
    put(*state, "items", "no");
    put(*state, "ite", "no");
    assert_scan(*state, "item/", "", MANY, "item/1=a item/10=c item/2=b ");
    assert_scan(*state, "", "", MANY, "ite=no item/1=a item/10=c item/2=b items=no ");
    assert_scan(*state, "nothing/", "", MANY, "");
}

static void a_scan_starts_where_it_is_told_and_stops_at_its_limit(void **state)
{
    put(*state, "item/1", "a");
    put(*state, "item/2", "b");
    put(*state, "item/3", "c");
    assert_scan(*state, "item/", "item/2", MANY, "item/2=b item/3=c ");
    assert_scan(*state, "item/", "item/15", 1, "item/2=b ");
    assert_scan(*state, "item/", "a", 1, "item/1=a ");
    assert_scan(*state, "item/", "z", MANY, "");
    assert_scan(*state, "item/", "", 0, "");
}

static int stop_at_second(void *context, struct str key, struct str value)
{
    size_t *n = context;

    UNUSED(key);
    UNUSED(value);
    return ++*n == 2 ? 77 : 0;
}

static void a_scan_ends_when_its_callback_says_so(void **state)
{
    struct fixture *fixture = *state;
    size_t n = 0;

    put(fixture, "item/1", "a");
    put(fixture, "item/2", "b");
    put(fixture, "item/3", "c");
    assert_int_equal(fixture->store.kv->scan(fixture->store.kv, STR("item/"), STR(""), MANY, stop_at_second, &n), 77);
    assert_int_equal(n, 2);
}

static void the_last_of_a_prefix_is_found(void **state)
{
    assert_last(*state, STR("outbox/"), "");
    assert_last(*state, STR(""), "");
    put(*state, "outbox/1", "a");
    put(*state, "outbox/2", "b");
    put(*state, "item/9", "c");
    assert_last(*state, STR("outbox/"), "outbox/2=b ");
    assert_last(*state, STR("item/"), "item/9=c ");
    assert_last(*state, STR("it"), "item/9=c ");
    assert_last(*state, STR("a"), "");
    assert_last(*state, STR("z"), "");
    assert_last(*state, STR(""), "outbox/2=b ");
    put(*state, "\xff\xff", "d");
    assert_last(*state, STR("\xff"), "\xff\xff=d ");
    assert_last(*state, STR("outbox/"), "outbox/2=b ");
}

struct reading_back {
    struct fixture *fixture;
    size_t n;
};

static int commit_while_scanning(void *context, struct str key, struct str value)
{
    struct reading_back *reading = context;
    const struct kv_entry entry = {.key = STR("item/5"), .value = STR("new")};

    UNUSED(key);
    UNUSED(value);
    reading->n++;
    return reading->fixture->store.kv->commit(reading->fixture->store.kv, &entry, 1);
}

static void a_scan_sees_one_moment_even_while_the_writer_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct reading_back reading = {fixture, 0};

    put(fixture, "item/1", "a");
    put(fixture, "item/2", "b");
    assert_int_equal(
        fixture->store.kv->scan(fixture->store.kv, STR("item/"), STR(""), MANY, commit_while_scanning, &reading), 0);
    assert_int_equal(reading.n, 2);
    assert_value(fixture, "item/5", "new");
}

static void running_out_of_memory_while_loading_is_an_error_not_a_missing_key(void **state)
{
    struct fixture *fixture = *state;
    struct kv_entry entry = {.key = STR("item/1")};

    put(fixture, "item/1", "100");
    assert_value(fixture, "item/1", "100"); /* the reading transaction exists now */
    arena_free(&fixture->arena);
    heap_fail_at(1);
    int error = fixture->store.kv->load(fixture->store.kv, &entry, 1, &fixture->arena);
    heap_fail_at(0);
    assert_int_equal(error, E_MEMORY);
    assert_value(fixture, "item/1", "100");
}

/* --- the fake's own duties --- */

static void the_fake_fails_the_commit_it_was_told_to_and_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct kv_entry entry = {.key = STR("item/1"), .value = STR("2")};

    put(fixture, "item/1", "0");
    fake_kv_fail_commit(fixture->store.fake, 2, E_FULL);
    put(fixture, "item/1", "1");
    assert_int_equal(fixture->store.kv->commit(fixture->store.kv, &entry, 1), E_FULL);
    assert_value(fixture, "item/1", "1");
    assert_int_equal(fixture->store.kv->commit(fixture->store.kv, &entry, 1), 0);
    assert_value(fixture, "item/1", "2");
    assert_int_equal(fake_kv_commits(fixture->store.fake), 3);
}

static void a_crash_of_the_fake_forgets_nothing_committed(void **state)
{
    struct fixture *fixture = *state;

    put(fixture, "item/1", "1");
    fake_kv_fail_commit(fixture->store.fake, 1, E_FULL);
    fake_kv_fail_read(fixture->store.fake, 1, E_UNAVAILABLE);
    fake_kv_crash(fixture->store.fake);
    assert_value(fixture, "item/1", "1");
    put(fixture, "item/2", "2");
    assert_int_equal(fake_kv_size(fixture->store.fake), 2);
}

/* --- of how many cells it is made --- */

static void assert_cells(struct fixture *fixture, int32_t cells, bool looks, int expected, const char *words)
{
    struct buf problem = {0};

    assert_int_equal(kv_cells_keep(fixture->store.kv, "stock", cells, looks, &problem), expected);
    buf_char(&problem, '\0');
    if (!strstr(problem.p, words))
        fail_msg("%s", problem.p);
    buf_free(&problem);
}

static void a_store_keeps_of_how_many_cells_it_was_made(void **state)
{
    assert_cells(*state, 4, true, 0, ""); /* who only looks leaves nothing */
    assert_cells(*state, 16, false, 0, "");
    put(*state, "item/1", "1");
    kv_store_reopen(&((struct fixture *)*state)->store);
    assert_cells(*state, 16, false, 0, "");
    assert_cells(*state, 16, true, 0, "");
    assert_cells(*state, 1, false, E_FOREIGN, "stock was made with shop.cells=16, and it is 1 now: set it to 16");
    assert_cells(*state, 1, true, E_FOREIGN, "was made with shop.cells=16");
}

static void a_store_from_before_there_were_cells_is_one(void **state)
{
    put(*state, "item/1", "1");
    assert_cells(*state, 1, false, 0, "");
    assert_cells(*state, 2, false, E_FOREIGN, "was made with shop.cells=1, and it is 2 now: set it to 1");
}

#define ON(test_, set_up_)                                                                                             \
    {                                                                                                                  \
#test_, test_, set_up_, tear_down, NULL                                                                        \
    }
#define CONTRACT(set_up_)                                                                                              \
    ON(what_was_committed_is_there_after_a_restart, set_up_),                                                          \
        ON(a_missing_key_is_not_found_and_that_is_no_error, set_up_),                                                  \
        ON(an_empty_value_is_found_and_is_empty, set_up_), ON(a_batch_changes_puts_and_removes_together, set_up_),     \
        ON(the_later_of_two_changes_to_one_key_in_a_batch_wins, set_up_),                                              \
        ON(a_batch_with_one_bad_key_changes_nothing, set_up_), ON(the_longest_key_allowed_is_kept, set_up_),           \
        ON(an_empty_batch_is_no_error, set_up_), ON(loaded_values_outlive_later_commits, set_up_),                     \
        ON(large_and_binary_values_come_back_as_they_were, set_up_),                                                   \
        ON(a_scan_goes_in_order_within_its_prefix, set_up_),                                                           \
        ON(a_scan_starts_where_it_is_told_and_stops_at_its_limit, set_up_),                                            \
        ON(a_scan_ends_when_its_callback_says_so, set_up_), ON(the_last_of_a_prefix_is_found, set_up_),                \
        ON(a_store_keeps_of_how_many_cells_it_was_made, set_up_),                                                      \
        ON(a_store_from_before_there_were_cells_is_one, set_up_),                                                      \
        ON(running_out_of_memory_while_loading_is_an_error_not_a_missing_key, set_up_)

/* not the fake's: it has one thread, so nobody writes while it scans */
#define CONTRACT_OF_ENGINES(set_up_)                                                                                   \
    CONTRACT(set_up_), ON(a_scan_sees_one_moment_even_while_the_writer_goes_on, set_up_)

/* kv_contract_test: over LMDB and the fake; kv_contract_test redis: over a Redis of its own. */
int main(int argc, char **argv)
{
    const struct CMUnitTest over_lmdb[] = {CONTRACT_OF_ENGINES(set_up_lmdb)};
    const struct CMUnitTest over_redis[] = {CONTRACT_OF_ENGINES(set_up_redis)};
    const struct CMUnitTest over_the_fake[] = {
        CONTRACT(set_up_fake),
        ON(the_fake_fails_the_commit_it_was_told_to_and_changes_nothing, set_up_fake),
        ON(a_crash_of_the_fake_forgets_nothing_committed, set_up_fake),
    };

    if (argc == 2 && strcmp(argv[1], "redis") == 0) {
        if (redis_server_skips("the contract of key-value stores"))
            return SKIPPED_STATUS;
        return cmocka_run_group_tests_name("redis", over_redis, kv_store_start_redis, kv_store_stop_redis);
    }
    int failed = cmocka_run_group_tests_name("lmdb", over_lmdb, NULL, NULL);
    return failed + cmocka_run_group_tests_name("fake", over_the_fake, NULL, NULL);
}
