/* Outbox, cursors, idempotency keys and dead letters: one suite over SQLite, PostgreSQL, LMDB, Redis and the key-value
 * fake. */
#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "kv_store.h"
#include "outbox_kv.h"
#include "outbox_sql.h"
#include "redis_server.h"
#include "scratch.h"
#include "sql_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { EVERYTHING = 1 << 20 };

/* What the suite asks of a store, which is in `sql` or in `store`. */
struct fixture {
    struct sql *sql;
    struct cell cell;       /* of sql */
    struct scratch scratch; /* of sql */
    char path[SCRATCH_PATH_SIZE];
    struct kv_store store;
    struct arena arena;
};

/* --- the two kinds of store behind one face --- */

static int store_write(struct fixture *fixture, const struct outbox_write *write)
{
    struct sql *sql = fixture->sql;

    if (!sql) {
        struct kv_changes changes = {.arena = &fixture->arena};
        int error = outbox_kv_write(&changes, write);
        return error ? error : kv_changes_commit(&changes, fixture->store.kv);
    }
    assert_int_equal(sql->begin(sql), 0);
    int error = outbox_sql_write(sql, fixture->cell, write);
    if (!error)
        return sql->commit(sql);
    assert_int_equal(sql->rollback(sql), 0);
    return error;
}

static uint64_t store_restore(struct fixture *fixture, struct cursors *cursors)
{
    uint64_t last = 12345;

    assert_int_equal(fixture->sql ? outbox_sql_restore(fixture->sql, fixture->cell, &last, cursors)
                                  : outbox_kv_restore(fixture->store.kv, &last, cursors),
                     0);
    return last;
}

static int store_newest(struct fixture *fixture, int64_t *moment)
{
    return fixture->sql ? outbox_sql_newest(fixture->sql, fixture->cell, moment)
                        : outbox_kv_newest(fixture->store.kv, moment);
}

static int store_read(struct fixture *fixture, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest)
{
    return fixture->sql ? outbox_sql_read(fixture->sql, fixture->cell, after, enough, frames, oldest)
                        : outbox_kv_read(fixture->store.kv, after, enough, frames, oldest);
}

static int store_find(struct fixture *fixture, struct idempotency_record *records, size_t n)
{
    return fixture->sql ? outbox_sql_find_keys(fixture->sql, fixture->cell, records, n, &fixture->arena)
                        : outbox_kv_find_keys(fixture->store.kv, records, n, &fixture->arena);
}

static void store_begin_epoch(struct fixture *fixture, uint64_t number, struct feed_history *history)
{
    *history = (struct feed_history){0};
    assert_int_equal(fixture->sql ? outbox_sql_begin_epoch(fixture->sql, fixture->cell, number, history)
                                  : outbox_kv_begin_epoch(fixture->store.kv, number, history),
                     0);
}

static void store_expire_up_to(struct fixture *fixture, int64_t keys_before, int64_t batches_before, uint64_t up_to,
                               size_t limit)
{
    struct kv_changes changes = {.arena = &fixture->arena};

    if (fixture->sql) {
        assert_int_equal(outbox_sql_expire(fixture->sql, fixture->cell, keys_before, batches_before, up_to, limit), 0);
        return;
    }
    assert_int_equal(outbox_kv_expire(fixture->store.kv, &changes, keys_before, batches_before, up_to, limit), 0);
    assert_int_equal(kv_changes_commit(&changes, fixture->store.kv), 0);
}

static void store_expire(struct fixture *fixture, int64_t keys_before, int64_t batches_before, size_t limit)
{
    store_expire_up_to(fixture, keys_before, batches_before, UINT64_MAX, limit);
}

static const struct sql_migration migrations[] = {
    {1, OUTBOX_SQL_SCHEMA}, {2, OUTBOX_SQL_EPOCHS}, {3, OUTBOX_SQL_DEAD_BYTES}, {4, OUTBOX_SQL_CELLS}};

/* With the tables of the first so many migrations. */
static void open_sql(struct fixture *fixture, size_t n_migrations)
{
    const struct sql_options options = {
        .path = fixture->path, .application = "order", .migrations = migrations, .n_migrations = n_migrations};
    struct buf problem = {0};
    int error = 0;

    fixture->sql = sql_engine_open(&options, &problem, &error);
    assert_int_equal(error, 0);
    buf_free(&problem);
}

static void restart(struct fixture *fixture)
{
    if (!fixture->sql) {
        kv_store_reopen(&fixture->store);
        return;
    }
    fixture->sql->close(fixture->sql);
    open_sql(fixture, COUNT_OF(migrations));
}

static struct fixture *fixture_new(void)
{
    struct fixture *fixture = heap_alloc(sizeof(*fixture));

    assert_non_null(fixture);
    arena_init(&fixture->arena, 0);
    return fixture;
}

static int set_up_sql(void **state)
{
    struct fixture *fixture = fixture_new();

    fixture->cell = CELL_ONLY;
    scratch_make(&fixture->scratch);
    scratch_path(&fixture->scratch, "store.db", fixture->path);
    open_sql(fixture, COUNT_OF(migrations));
    *state = fixture;
    return 0;
}

/* --- a cell between others, which have more of everything, under the same names --- */

static const struct cell ours = {3, 16}, neighbours[] = {{2, 16}, {4, 16}};

static void commit_batch(struct fixture *fixture, uint64_t first, uint64_t count, const char *frames, int64_t now);
static int commit_key(struct fixture *fixture, const char *key, int64_t now);
static bool is_kept(struct fixture *fixture, const char *key);

static int set_up_between(void **state)
{
    static const struct dead_letter dead = {STR_INIT("product"), 12, STR_INIT("not ours"), STR_INIT("{}")};
    struct cursors cursors = {.source = {"product", "payment"}, .position = {77, 78}, .epoch = {9, 9}, .n = 2};
    const struct outbox_write write = {.cursors = &cursors, .cursors_moved = true, .dead = &dead, .n_dead = 1};
    struct feed_history history;

    set_up_sql(state);
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(neighbours); i++) {
        fixture->cell = neighbours[i];
        commit_batch(fixture, 1, 5, "[theirs]", 1);
        commit_batch(fixture, 6, 5, "[theirs, too]", 9999);
        assert_int_equal(commit_key(fixture, "a", 1), 0);
        assert_int_equal(store_write(fixture, &write), 0);
        store_begin_epoch(fixture, 99 + i, &history);
        feed_history_free(&history);
    }
    fixture->cell = ours;
    return 0;
}

static int tear_down(void **state);

/* The others have all that they had. */
static int tear_down_between(void **state)
{
    struct fixture *fixture = *state;
    struct cursors cursors = {.source = {"product"}, .n = 1};
    struct feed_history history;
    bool has_letters = false;

    for (size_t i = 0; i < COUNT_OF(neighbours); i++) {
        fixture->cell = neighbours[i];
        assert_int_equal(store_restore(fixture, &cursors), 10);
        assert_int_equal(cursors.position[0], 77);
        assert_true(is_kept(fixture, "a"));
        assert_int_equal(outbox_sql_has_dead_letters(fixture->sql, fixture->cell, &has_letters), 0);
        assert_true(has_letters);
        store_begin_epoch(fixture, EPOCH_UNKNOWN, &history);
        assert_int_equal(history.n, 1);
        assert_int_equal(history.epochs[0].after, 10);
        feed_history_free(&history);
    }
    return tear_down(state);
}

static int set_up_kv(void **state, void (*make)(struct kv_store *store))
{
    struct fixture *fixture = fixture_new();

    make(&fixture->store);
    *state = fixture;
    return 0;
}

static int set_up_lmdb(void **state)
{
    return set_up_kv(state, kv_store_make_lmdb);
}

static int set_up_redis(void **state)
{
    return set_up_kv(state, kv_store_make_redis);
}

static int set_up_fake(void **state)
{
    return set_up_kv(state, kv_store_make_fake);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->sql) {
        fixture->sql->close(fixture->sql);
        scratch_remove(&fixture->scratch);
    } else {
        kv_store_remove(&fixture->store);
    }
    arena_free(&fixture->arena);
    heap_free(fixture);
    return 0;
}

/* --- helpers --- */

static void commit_batch(struct fixture *fixture, uint64_t first, uint64_t count, const char *frames, int64_t now)
{
    struct outbox outbox = {.source = "order", .first = first, .count = count};
    struct outbox_write write = {.outbox = &outbox, .now = now};

    buf_add(&outbox.frames, str_of(frames));
    assert_int_equal(store_write(fixture, &write), 0);
    buf_free(&outbox.frames);
}

static struct idempotency_record record_of(const char *key)
{
    return (struct idempotency_record){.key = str_of(key),
                                       .fingerprint = UINT64_C(0xFEDCBA9876543210),
                                       .status = 201,
                                       .location = STR("/orders/17"),
                                       .body = STR("{\"id\":17}")};
}

static int commit_key(struct fixture *fixture, const char *key, int64_t now)
{
    const struct idempotency_record record = record_of(key);
    const struct outbox_write write = {.records = &record, .n_records = 1, .now = now};

    return store_write(fixture, &write);
}

static bool is_kept(struct fixture *fixture, const char *key)
{
    struct idempotency_record record = {.key = str_of(key)};

    assert_int_equal(store_find(fixture, &record, 1), 0);
    return record.found;
}

static void assert_read(struct fixture *fixture, uint64_t after, size_t enough, const char *expected,
                        uint64_t expected_oldest)
{
    struct buf frames = {0};
    uint64_t oldest = 999;

    assert_int_equal(store_read(fixture, after, enough, &frames, &oldest), 0);
    buf_char(&frames, '\0');
    assert_string_equal(frames.p, expected);
    assert_int_equal(oldest, expected_oldest);
    buf_free(&frames);
}

/* --- the suite --- */

static void a_new_store_has_no_events_and_no_cursors(void **state)
{
    struct cursors cursors = {.source = {"product", "payment"}, .position = {5, 6}, .n = 2};

    assert_int_equal(store_restore(*state, &cursors), 0);
    assert_int_equal(cursors.position[0], 0);
    assert_int_equal(cursors.position[1], 0);
    assert_read(*state, 0, EVERYTHING, "", 0);
}

static void positions_and_cursors_survive_a_restart(void **state)
{
    struct cursors cursors = {.source = {"product", "payment"}, .position = {41, 7}, .n = 2};
    struct outbox outbox = {.source = "order", .first = 1, .count = 3};
    const struct outbox_write write = {.outbox = &outbox, .cursors = &cursors, .cursors_moved = true, .now = 1000};
    struct cursors restored = {.source = {"payment", "stock", "product"}, .n = 3};

    buf_add(&outbox.frames, STR("abc"));
    assert_int_equal(store_write(*state, &write), 0);
    cursors.position[0] = 42;
    outbox.first = 4;
    assert_int_equal(store_write(*state, &write), 0);
    buf_free(&outbox.frames);
    restart(*state);
    assert_int_equal(store_restore(*state, &restored), 6);
    assert_int_equal(restored.position[0], 7);
    assert_int_equal(restored.position[1], 0);
    assert_int_equal(restored.position[2], 42);
}

static void a_cursor_keeps_its_epoch(void **state)
{
    struct cursors cursors = {.source = {"product"}, .position = {41}, .epoch = {INT64_MAX}, .n = 1};
    const struct outbox_write write = {.cursors = &cursors, .cursors_moved = true, .now = 1000};

    assert_int_equal(store_write(*state, &write), 0);
    cursors.epoch[0] = 5;
    restart(*state);
    (void)store_restore(*state, &cursors);
    assert_true(cursors.epoch[0] == INT64_MAX);
    assert_int_equal(cursors.position[0], 41);
}

static void each_start_adds_an_epoch_that_begins_with_what_was_said_by_then(void **state)
{
    struct feed_history history;

    store_begin_epoch(*state, 4711, &history);
    assert_int_equal(history.n, 1);
    feed_history_free(&history);
    commit_batch(*state, 1, 3, "[1-3]", 1000);
    restart(*state);
    store_begin_epoch(*state, 4712, &history);
    feed_history_free(&history);
    restart(*state);
    store_begin_epoch(*state, 42, &history);
    assert_int_equal(history.n, 3);
    assert_int_equal(history.epochs[0].number, 4711);
    assert_int_equal(history.epochs[0].after, 0);
    assert_int_equal(history.epochs[1].number, 4712);
    assert_int_equal(history.epochs[1].after, 3);
    assert_int_equal(history.epochs[2].number, 42);
    assert_int_equal(history.epochs[2].after, 3);
    feed_history_free(&history);
    store_begin_epoch(*state, EPOCH_UNKNOWN, &history); /* none is begun */
    assert_int_equal(history.n, 3);
    feed_history_free(&history);
}

static void cursors_that_did_not_move_are_left_alone(void **state)
{
    struct cursors cursors = {.source = {"product"}, .position = {41}, .n = 1};
    struct outbox_write write = {.cursors = &cursors, .cursors_moved = true, .now = 1000};

    assert_int_equal(store_write(*state, &write), 0);
    cursors.position[0] = 99;
    write.cursors_moved = false;
    assert_int_equal(store_write(*state, &write), 0);
    assert_int_equal(store_restore(*state, &cursors), 0);
    assert_int_equal(cursors.position[0], 41);
}

static void a_follower_reads_from_the_batch_that_holds_its_next_event(void **state)
{
    commit_batch(*state, 1, 3, "[1-3]", 1000);
    commit_batch(*state, 4, 1, "[4]", 1001);
    commit_batch(*state, 5, 300, "[5-304]", 1002);
    commit_batch(*state, 305, 2, "[305-306]", 1003);
    assert_read(*state, 0, EVERYTHING, "[1-3][4][5-304][305-306]", 1);
    assert_read(*state, 2, EVERYTHING, "[1-3][4][5-304][305-306]", 1);
    assert_read(*state, 3, EVERYTHING, "[4][5-304][305-306]", 1);
    assert_read(*state, 4, EVERYTHING, "[5-304][305-306]", 1);
    assert_read(*state, 200, EVERYTHING, "[5-304][305-306]", 1);
    assert_read(*state, 305, EVERYTHING, "[305-306]", 1);
    assert_read(*state, 306, EVERYTHING, "", 1);
    assert_read(*state, UINT64_MAX, EVERYTHING, "", 1);
}

static void a_follower_far_behind_reads_in_pieces(void **state)
{
    commit_batch(*state, 1, 1, "[1]", 1000);
    commit_batch(*state, 2, 1, "[2]", 1001);
    commit_batch(*state, 3, 1, "[3]", 1002);
    assert_read(*state, 0, 1, "[1]", 1);
    assert_read(*state, 0, 4, "[1][2]", 1);
    assert_read(*state, 1, 6, "[2][3]", 1);
}

static void the_answer_to_an_idempotency_key_is_kept(void **state)
{
    struct idempotency_record records[] = {
        {.key = STR("POST /orders b"), .found = true}, {.key = STR("POST /orders a")}, {.key = STR("POST /orders")}};

    assert_int_equal(commit_key(*state, "POST /orders a", 1000), 0);
    restart(*state);
    assert_int_equal(store_find(*state, records, COUNT_OF(records)), 0);
    assert_false(records[0].found);
    assert_true(records[1].found);
    assert_false(records[2].found);
    assert_int_equal(records[1].status, 201);
    assert_true(records[1].fingerprint == UINT64_C(0xFEDCBA9876543210));
    assert_true(str_is(records[1].location, "/orders/17"));
    assert_true(str_is(records[1].body, "{\"id\":17}"));
    assert_int_equal(store_find(*state, NULL, 0), 0);
}

static void an_answer_without_location_or_body_is_kept_too(void **state)
{
    const struct idempotency_record record = {.key = STR("k"), .status = 204};
    const struct outbox_write write = {.records = &record, .n_records = 1, .now = 1000};
    struct idempotency_record found = {.key = STR("k")};

    assert_int_equal(store_write(*state, &write), 0);
    assert_int_equal(store_find(*state, &found, 1), 0);
    assert_true(found.found);
    assert_int_equal(found.status, 204);
    assert_int_equal(found.location.n, 0);
    assert_int_equal(found.body.n, 0);
}

static void a_batch_of_many_keys_is_kept_whole(void **state)
{
    enum { N = 300 };
    struct idempotency_record records[N];
    const struct outbox_write write = {.records = records, .n_records = N, .now = 1000};
    char keys[N][4];

    for (size_t i = 0; i < N; i++) {
        for (size_t digit = 0, rest = i; digit < 3; digit++, rest /= 10)
            keys[i][digit] = (char)('0' + rest % 10);
        records[i] = record_of("");
        records[i].key = (struct str){keys[i], 3};
        records[i].status = (int64_t)i;
    }
    assert_int_equal(store_write(*state, &write), 0);
    for (size_t i = 0; i < N; i++)
        records[i].status = -1;
    assert_int_equal(store_find(*state, records, N), 0);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(records[i].status, i);
}

static void expired_keys_are_forgotten_in_small_bites_oldest_first(void **state)
{
    assert_int_equal(commit_key(*state, "a", 3000), 0);
    assert_int_equal(commit_key(*state, "b", 1000), 0);
    assert_int_equal(commit_key(*state, "c", 2000), 0);
    store_expire(*state, 3000, 0, 1);
    assert_false(is_kept(*state, "b"));
    assert_true(is_kept(*state, "c"));
    store_expire(*state, 3000, 0, 10);
    assert_false(is_kept(*state, "c"));
    assert_true(is_kept(*state, "a"));
    assert_int_equal(commit_key(*state, "b", 4000), 0); /* free to be used anew */
    store_expire(*state, 3500, 0, 10);
    assert_true(is_kept(*state, "b"));
    assert_false(is_kept(*state, "a"));
}

static int take_count(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    *(int64_t *)context = sql_i64(row, 0);
    return 0;
}

static int64_t count_rows(struct sql *sql, const char *text)
{
    int64_t n = -1;

    assert_int_equal(sql->query_text(sql, text, NULL, 0, take_count, &n), 0);
    return n;
}

/* As after a day of thousands of orders a second: bites follow each other, and each is small. */
static void a_great_deal_that_is_too_old_goes_faster_than_it_comes(void **state)
{
    static const char keys[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO idempotency "
        "(cell, key, fingerprint, status, location, body, at) SELECT 0, 'k' || i, 1, 201, '', '', i FROM n";
    const int64_t second = 1000000;
    struct fixture *fixture = *state;
    struct sql *sql = fixture->sql;
    struct outbox_retention retention = {.keys_us = second};
    int64_t before = 20000;

    assert_int_equal(sql->query_text(sql, keys, NULL, 0, take_count, NULL), 0);
    for (int64_t now = 10 * second; now < 10 * second + second / 2; now += second / 100) {
        outbox_sql_tidy(sql, fixture->cell, &retention, now);
        int64_t left = count_rows(sql, "SELECT count(*) FROM idempotency");
        assert_true(before - left <= 500);
        before = left;
    }
    assert_true(before <= 20000 - 5000);
}

static void zero_keeps_everything(void **state)
{
    commit_batch(*state, 1, 1, "[1]", 1000);
    commit_batch(*state, 2, 1, "[2]", 1000);
    assert_int_equal(commit_key(*state, "a", 1000), 0);
    store_expire(*state, 0, 0, 10);
    assert_true(is_kept(*state, "a"));
    assert_read(*state, 0, EVERYTHING, "[1][2]", 1);
}

static void expired_batches_go_and_the_oldest_position_says_so(void **state)
{
    commit_batch(*state, 1, 3, "[1-3]", 1000);
    commit_batch(*state, 4, 2, "[4-5]", 2000);
    commit_batch(*state, 6, 1, "[6]", 3000);
    store_expire(*state, 0, 3000, 1);
    assert_read(*state, 0, EVERYTHING, "[4-5][6]", 4);
    store_expire(*state, 0, 3000, 10);
    assert_read(*state, 0, EVERYTHING, "[6]", 6);
    assert_read(*state, 5, EVERYTHING, "[6]", 6);
}

static void what_others_have_not_heard_is_kept_however_old_it_is(void **state)
{
    commit_batch(*state, 1, 3, "[1-3]", 1000);
    commit_batch(*state, 4, 2, "[4-5]", 2000);
    commit_batch(*state, 6, 1, "[6]", 3000);
    store_expire_up_to(*state, 0, 3000, 2, 10);
    assert_read(*state, 0, EVERYTHING, "[1-3][4-5][6]", 1);
    store_expire_up_to(*state, 0, 3000, 4, 10);
    assert_read(*state, 0, EVERYTHING, "[4-5][6]", 4);
    store_expire_up_to(*state, 0, 3000, 5, 10);
    assert_read(*state, 0, EVERYTHING, "[6]", 6);
}

static void the_newest_moment_stored_is_known_at_the_start(void **state)
{
    struct fixture *fixture = *state;
    int64_t moment = 12345;

    assert_int_equal(store_newest(fixture, &moment), 0);
    assert_int_equal(moment, 0);
    commit_batch(fixture, 1, 1, "[1]", 2000);
    assert_int_equal(commit_key(fixture, "a", 3000), 0);
    commit_batch(fixture, 2, 1, "[2]", 2500);
    assert_int_equal(store_newest(fixture, &moment), 0);
    assert_int_equal(moment, 3000);
    commit_batch(fixture, 3, 1, "[3]", 4000);
    assert_int_equal(store_newest(fixture, &moment), 0);
    assert_int_equal(moment, 4000);
}

static void the_newest_batch_never_expires_so_positions_are_never_used_twice(void **state)
{
    commit_batch(*state, 1, 3, "[1-3]", 1000);
    commit_batch(*state, 4, 2, "[4-5]", 1000);
    store_expire(*state, 0, INT64_MAX, 10);
    restart(*state);
    assert_int_equal(store_restore(*state, NULL), 5);
    assert_read(*state, 0, EVERYTHING, "[4-5]", 4);
}

static void the_same_dead_letter_twice_is_kept_once(void **state)
{
    const struct dead_letter dead = {STR("product"), 12, STR("unknown type"), STR("{\"type\":\"Spilled\"}")};
    struct cursors cursors = {.source = {"product"}, .position = {12}, .n = 1};
    const struct outbox_write write = {
        .cursors = &cursors, .cursors_moved = true, .dead = &dead, .n_dead = 1, .now = 1000};

    assert_int_equal(store_write(*state, &write), 0);
    assert_int_equal(store_write(*state, &write), 0);
    cursors.position[0] = 0;
    store_restore(*state, &cursors);
    assert_int_equal(cursors.position[0], 12);
}

static void frames_that_ran_out_of_memory_are_not_stored(void **state)
{
    struct outbox outbox = {.source = "order", .first = 1, .count = 1};
    const struct outbox_write write = {.outbox = &outbox, .now = 1000};

    outbox.frames.failed = true;
    assert_int_equal(store_write(*state, &write), E_MEMORY);
    assert_int_equal(store_restore(*state, NULL), 0);
}

/* Every allocation fails once: the write is refused as a whole or done as a whole, and done when there is memory again.
 */
static void running_out_of_memory_stores_all_or_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct idempotency_record record = record_of("a");
    const struct dead_letter dead = {STR("product"), 12, STR("unknown type"), STR("{\"type\":\"Spilled\"}")};
    struct outbox outbox = {.source = "order", .first = 1, .count = 1};
    struct cursors cursors = {.source = {"product"}, .position = {12}, .epoch = {4711}, .n = 1};
    const struct outbox_write write = {.outbox = &outbox,
                                       .cursors = &cursors,
                                       .cursors_moved = true,
                                       .records = &record,
                                       .n_records = 1,
                                       .dead = &dead,
                                       .n_dead = 1,
                                       .now = 1000};

    buf_add(&outbox.frames, STR("[1]"));
    for (uint64_t nth = 1; !is_kept(fixture, "a"); nth++) {
        assert_true(nth < 100);
        arena_free(&fixture->arena);
        heap_fail_at(nth);
        int error = store_write(fixture, &write);
        heap_fail_at(0);
        assert_true(error == 0 || error == E_MEMORY);
        assert_int_equal(is_kept(fixture, "a"), error == 0);
        assert_int_equal(store_restore(fixture, NULL), error == 0 ? 1 : 0);
    }
    cursors.epoch[0] = 0;
    store_restore(fixture, &cursors);
    assert_int_equal(cursors.epoch[0], 4711); /* each row is whole … */
    store_expire(fixture, 2000, 0, 10);       /* … and can be read by whoever removes it */
    assert_false(is_kept(fixture, "a"));
    buf_free(&outbox.frames);
}

static void an_epoch_that_there_was_no_memory_for_does_not_spoil_the_history(void **state)
{
    struct fixture *fixture = *state;
    struct feed_history history = {0};
    size_t n = 0;

    for (uint64_t nth = 1; n == 0; nth++) {
        assert_true(nth < 100);
        heap_fail_at(nth);
        (void)(fixture->sql ? outbox_sql_begin_epoch(fixture->sql, fixture->cell, 4711, &history)
                            : outbox_kv_begin_epoch(fixture->store.kv, 4711, &history));
        heap_fail_at(0);
        feed_history_free(&history);
        store_begin_epoch(fixture, EPOCH_UNKNOWN, &history); /* those that are stored can be read */
        n = history.n;
        feed_history_free(&history);
    }
}

/* --- what only the relational one can tell, and only the key-value one --- */

static int take_text(void *context, size_t index, const struct sql_row *row)
{
    struct buf *out = context;

    UNUSED(index);
    for (int column = 0; column < 5; column++) {
        buf_add(out, sql_text(row, column));
        buf_char(out, '|');
    }
    return 0;
}

static void a_dead_letter_can_be_read_with_its_reason(void **state)
{
    struct fixture *fixture = *state;
    const struct dead_letter dead = {STR("product"), 12, STR("unknown type"), STR("{}")};
    const struct outbox_write write = {.dead = &dead, .n_dead = 1, .now = 500, .wall = 1000};
    struct buf out = {0};

    assert_int_equal(store_write(fixture, &write), 0);
    assert_int_equal(fixture->sql->query_text(
                         fixture->sql,
                         "SELECT source, CAST(position AS TEXT), CAST(at AS TEXT), reason, frame FROM dead_letter",
                         NULL, 0, take_text, &out),
                     0);
    buf_char(&out, '\0');
    assert_string_equal(out.p, "product|12|1000|unknown type|{}|");
    buf_free(&out);
}

static int take_frame(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    buf_add(context, sql_text(row, 0));
    return 0;
}

static void a_dead_letter_keeps_bytes_that_are_no_text(void **state)
{
    struct fixture *fixture = *state;
    const struct str bytes = STR("{\"name\":\"\xff\xfe\0\\\"}");
    const struct dead_letter dead = {STR("product"), 12, STR("not UTF-8"), bytes};
    const struct outbox_write write = {.dead = &dead, .n_dead = 1, .now = 500, .wall = 1000};
    struct buf out = {0};

    assert_int_equal(store_write(fixture, &write), 0);
    assert_int_equal(fixture->sql->query_text(fixture->sql, "SELECT frame FROM dead_letter", NULL, 0, take_frame, &out),
                     0);
    assert_true(str_eq(buf_str(&out), bytes));
    buf_free(&out);
}

static int take_letters_frame(void *context, const struct dead_letter *letter, int64_t at)
{
    UNUSED(at);
    buf_add(context, letter->frame);
    return 0;
}

/* As the versions before had written it: to bytes, and to cell 0. */
static void what_an_older_store_has_is_kept(void **state)
{
    static const char *const old[] = {
        "INSERT INTO outbox (first, count, at, frames) VALUES (1, 3, 400, '[1-3]'), (4, 1, 500, '[4]')",
        "INSERT INTO cursor (source, position, epoch) VALUES ('product', 7, 4711)",
        "INSERT INTO epoch (n, number, after) VALUES (1, 15, 0), (2, 16, 3)",
        "INSERT INTO idempotency (key, fingerprint, status, location, body, at) VALUES ('a', 1, 201, '/', 'b', 600)",
        "INSERT INTO dead_letter (source, position, at, reason, frame) VALUES ('product', 12, 1, 'odd', '{\"a\":1}')"};
    struct fixture *fixture = *state;
    struct cursors cursors = {.source = {"product"}, .n = 1};
    struct feed_history history;
    struct buf out = {0};
    int64_t newest = 0;

    fixture->sql->close(fixture->sql);
    scratch_path(&fixture->scratch, "older.db", fixture->path);
    open_sql(fixture, 2);
    for (size_t i = 0; i < COUNT_OF(old); i++)
        assert_int_equal(fixture->sql->query_text(fixture->sql, old[i], NULL, 0, NULL, NULL), 0);
    restart(fixture);
    assert_int_equal(store_restore(fixture, &cursors), 4);
    assert_int_equal(cursors.position[0], 7);
    assert_int_equal(cursors.epoch[0], 4711);
    assert_read(fixture, 0, EVERYTHING, "[1-3][4]", 1);
    store_begin_epoch(fixture, EPOCH_UNKNOWN, &history);
    assert_int_equal(history.n, 2);
    assert_int_equal(history.epochs[1].after, 3);
    feed_history_free(&history);
    assert_true(is_kept(fixture, "a"));
    assert_int_equal(store_newest(fixture, &newest), 0);
    assert_int_equal(newest, 600);
    assert_int_equal(outbox_sql_dead_letter(fixture->sql, CELL_ONLY, STR("product"), 12, take_letters_frame, &out), 0);
    assert_true(str_is(buf_str(&out), "{\"a\":1}"));
    buf_free(&out);
}

static void a_key_stored_twice_is_a_conflict_and_leaves_the_first(void **state)
{
    assert_int_equal(commit_key(*state, "a", 1000), 0);
    assert_int_equal(commit_key(*state, "a", 2000), E_CONFLICT);
    assert_true(is_kept(*state, "a"));
    assert_int_equal(commit_key(*state, "b", 2000), 0);
}

static void a_key_too_long_for_the_store_is_refused_before_the_commit(void **state)
{
    char key[KV_KEY_MAX];

    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    assert_int_equal(commit_key(*state, key, 1000), E_TOO_LARGE);
    key[KV_KEY_MAX - 15] = '\0';
    assert_int_equal(commit_key(*state, key, 1000), 0);
    assert_true(is_kept(*state, key));
    store_expire(*state, 2000, 0, 1);
    assert_false(is_kept(*state, key));
}

static void a_damaged_row_is_corrupt_and_not_a_position(void **state)
{
    struct fixture *fixture = *state;
    const struct kv_entry damaged[] = {{.key = STR("outbox/12345678"), .value = STR("short")},
                                       {.key = STR("key/a"), .value = STR("short")}};
    struct idempotency_record record = {.key = STR("a")};
    struct buf frames = {0};
    uint64_t oldest;
    uint64_t last;

    assert_int_equal(fixture->store.kv->commit(fixture->store.kv, damaged, COUNT_OF(damaged)), 0);
    assert_int_equal(outbox_kv_restore(fixture->store.kv, &last, NULL), E_CORRUPT);
    assert_int_equal(store_read(fixture, 0, EVERYTHING, &frames, &oldest), E_CORRUPT);
    assert_int_equal(store_find(fixture, &record, 1), E_CORRUPT);
    buf_free(&frames);
}

#define ON(test_, set_up_)                                                                                             \
    {                                                                                                                  \
#test_, test_, set_up_, tear_down, NULL                                                                        \
    }
#define BETWEEN(test_)                                                                                                 \
    {                                                                                                                  \
#test_ " (of a cell between others)", test_, set_up_between, tear_down_between, NULL                           \
    }
#define SUITE(set_up_)                                                                                                 \
    ON(a_new_store_has_no_events_and_no_cursors, set_up_), ON(positions_and_cursors_survive_a_restart, set_up_),       \
        ON(a_cursor_keeps_its_epoch, set_up_),                                                                         \
        ON(each_start_adds_an_epoch_that_begins_with_what_was_said_by_then, set_up_),                                  \
        ON(cursors_that_did_not_move_are_left_alone, set_up_),                                                         \
        ON(a_follower_reads_from_the_batch_that_holds_its_next_event, set_up_),                                        \
        ON(a_follower_far_behind_reads_in_pieces, set_up_), ON(the_answer_to_an_idempotency_key_is_kept, set_up_),     \
        ON(an_answer_without_location_or_body_is_kept_too, set_up_), ON(a_batch_of_many_keys_is_kept_whole, set_up_),  \
        ON(expired_keys_are_forgotten_in_small_bites_oldest_first, set_up_), ON(zero_keeps_everything, set_up_),       \
        ON(expired_batches_go_and_the_oldest_position_says_so, set_up_),                                               \
        ON(what_others_have_not_heard_is_kept_however_old_it_is, set_up_),                                             \
        ON(the_newest_batch_never_expires_so_positions_are_never_used_twice, set_up_),                                 \
        ON(the_newest_moment_stored_is_known_at_the_start, set_up_),                                                   \
        ON(the_same_dead_letter_twice_is_kept_once, set_up_),                                                          \
        ON(frames_that_ran_out_of_memory_are_not_stored, set_up_)
#define KEY_VALUE(set_up_)                                                                                             \
    ON(a_key_too_long_for_the_store_is_refused_before_the_commit, set_up_),                                            \
        ON(a_damaged_row_is_corrupt_and_not_a_position, set_up_)

/* outbox_contract_test: over the embedded stores and the fake; with "postgres" or "redis" over a server of its own. */
int main(int argc, char **argv)
{
    const struct CMUnitTest over_sql[] = {
        SUITE(set_up_sql),
        BETWEEN(a_new_store_has_no_events_and_no_cursors),
        BETWEEN(positions_and_cursors_survive_a_restart),
        BETWEEN(a_cursor_keeps_its_epoch),
        BETWEEN(each_start_adds_an_epoch_that_begins_with_what_was_said_by_then),
        BETWEEN(cursors_that_did_not_move_are_left_alone),
        BETWEEN(a_follower_reads_from_the_batch_that_holds_its_next_event),
        BETWEEN(a_follower_far_behind_reads_in_pieces),
        BETWEEN(the_answer_to_an_idempotency_key_is_kept),
        BETWEEN(an_answer_without_location_or_body_is_kept_too),
        BETWEEN(a_batch_of_many_keys_is_kept_whole),
        BETWEEN(expired_keys_are_forgotten_in_small_bites_oldest_first),
        BETWEEN(zero_keeps_everything),
        BETWEEN(expired_batches_go_and_the_oldest_position_says_so),
        BETWEEN(what_others_have_not_heard_is_kept_however_old_it_is),
        BETWEEN(the_newest_batch_never_expires_so_positions_are_never_used_twice),
        BETWEEN(the_newest_moment_stored_is_known_at_the_start),
        BETWEEN(the_same_dead_letter_twice_is_kept_once),
        BETWEEN(frames_that_ran_out_of_memory_are_not_stored),
        ON(running_out_of_memory_stores_all_or_nothing, set_up_sql),
        ON(an_epoch_that_there_was_no_memory_for_does_not_spoil_the_history, set_up_sql),
        ON(a_great_deal_that_is_too_old_goes_faster_than_it_comes, set_up_sql),
        ON(a_dead_letter_can_be_read_with_its_reason, set_up_sql),
        ON(a_dead_letter_keeps_bytes_that_are_no_text, set_up_sql),
        ON(what_an_older_store_has_is_kept, set_up_sql),
        ON(a_key_stored_twice_is_a_conflict_and_leaves_the_first, set_up_sql),
    };
    const struct CMUnitTest over_lmdb[] = {
        SUITE(set_up_lmdb),
        KEY_VALUE(set_up_lmdb),
        ON(running_out_of_memory_stores_all_or_nothing, set_up_lmdb),
        ON(an_epoch_that_there_was_no_memory_for_does_not_spoil_the_history, set_up_lmdb),
    };
    const struct CMUnitTest over_redis[] = {
        SUITE(set_up_redis),
        KEY_VALUE(set_up_redis),
        ON(running_out_of_memory_stores_all_or_nothing, set_up_redis),
        ON(an_epoch_that_there_was_no_memory_for_does_not_spoil_the_history, set_up_redis),
    };
    const struct CMUnitTest over_the_fake[] = {SUITE(set_up_fake), KEY_VALUE(set_up_fake)};

    if (argc == 2 && strcmp(argv[1], "redis") == 0) {
        if (redis_server_skips("the contract of the outbox"))
            return SKIPPED_STATUS;
        return cmocka_run_group_tests_name("redis", over_redis, kv_store_start_redis, kv_store_stop_redis);
    }
    sql_engine_start(argc, argv);
    int failed = cmocka_run_group_tests_name(sql_engine_name(), over_sql, NULL, NULL);
    sql_engine_stop();
    if (sql_engine_is_postgres())
        return failed;
    failed += cmocka_run_group_tests_name("lmdb", over_lmdb, NULL, NULL);
    return failed + cmocka_run_group_tests_name("fake", over_the_fake, NULL, NULL);
}
