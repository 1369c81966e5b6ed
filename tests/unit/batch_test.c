/* What every context's batch has beside its states. */
#include "batch.h"

#include "alloc.h"
#include "errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct number {
    int64_t n;
};
static const struct json_field number_fields[] = {JSON_FIELD(struct number, "n", n, JSON_I64, 0, 0, 0)};
static const struct json_desc number_desc = {"number", number_fields, COUNT_OF(number_fields), sizeof(struct number)};

struct fixture {
    struct arena arena;
    struct outbox outbox;
    struct cursors cursors;
    struct batch batch;
};

static int open_batch(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));

    arena_init(&fixture->arena, 0);
    outbox_init(&fixture->outbox, "order", 10);
    fixture->cursors = (struct cursors){.source = {"product", "stock"}, .position = {5, 0}, .n = 2};
    assert_int_equal(batch_begin(&fixture->batch, 1000, 8, &fixture->cursors, &fixture->outbox, &fixture->arena), OK);
    *state = fixture;
    return 0;
}

static int close_batch(void **state)
{
    struct fixture *fixture = *state;

    heap_fail_at(0);
    outbox_free(&fixture->outbox);
    arena_free(&fixture->arena);
    test_free(fixture);
    return 0;
}

static struct command event_at(uint64_t position)
{
    return (struct command){.origin = FROM_FEED, .position = position, .frame = STR("{}")};
}

static void tell(struct fixture *fixture)
{
    struct number number = {1};

    outbox_add(&fixture->outbox, &(struct event){.type = STR("Told"), .version = 1}, &number_desc, &number);
}

/* ---- cursors ---- */

static void an_event_moves_its_producers_cursor_once(void **state)
{
    struct fixture *fixture = *state;
    struct command old = event_at(5), next = event_at(6);

    assert_false(batch_admit(&fixture->batch, &old));
    assert_false(fixture->batch.cursors_moved);
    assert_true(batch_admit(&fixture->batch, &next));
    assert_false(batch_admit(&fixture->batch, &next));
    assert_int_equal(fixture->batch.cursors.position[0], 6);
    assert_int_equal(fixture->batch.cursors.position[1], 0);
    assert_true(fixture->batch.cursors_moved);
    assert_int_equal(fixture->cursors.position[0], 5); /* only the commit moves the app's */
}

static void an_epoch_goes_with_the_cursor_and_moves_no_position(void **state)
{
    struct fixture *fixture = *state;
    struct command epoch = event_at(4711), again = event_at(4711);

    epoch.fate = again.fate = COMMAND_EPOCH;
    assert_false(batch_admit(&fixture->batch, &epoch));
    assert_int_equal(fixture->batch.cursors.epoch[0], 4711);
    assert_int_equal(fixture->batch.cursors.position[0], 5);
    assert_true(fixture->batch.cursors_moved);
    fixture->batch.cursors_moved = false;
    assert_false(batch_admit(&fixture->batch, &again));
    assert_false(fixture->batch.cursors_moved); /* nothing to store */
}

static void clients_and_effects_move_no_cursor(void **state)
{
    struct fixture *fixture = *state;
    struct command client = {.origin = FROM_CLIENT}, effect = {.origin = FROM_EFFECT};

    assert_true(batch_admit(&fixture->batch, &client));
    assert_true(batch_admit(&fixture->batch, &effect));
    assert_false(fixture->batch.cursors_moved);
}

static void what_is_not_for_us_only_moves_the_cursor(void **state)
{
    struct fixture *fixture = *state;
    struct command skip = event_at(9);

    skip.fate = COMMAND_SKIP;
    assert_false(batch_admit(&fixture->batch, &skip));
    assert_int_equal(fixture->batch.cursors.position[0], 9);
    assert_int_equal(fixture->batch.n_dead, 0);
}

/* ---- dead letters ---- */

static void what_can_not_be_read_is_put_aside_with_its_reason(void **state)
{
    struct fixture *fixture = *state;
    struct command dead = event_at(6);

    dead.fate = COMMAND_DEAD;
    dead.reason = STR("can't be read");
    assert_false(batch_admit(&fixture->batch, &dead));
    struct outbox_write write = batch_write(&fixture->batch);
    assert_int_equal(write.n_dead, 1);
    assert_true(str_is(write.dead[0].source, "product"));
    assert_int_equal(write.dead[0].position, 6);
    assert_true(str_is(write.dead[0].reason, "can't be read"));
    assert_true(str_is(write.dead[0].frame, "{}"));
}

static void only_events_are_put_aside(void **state)
{
    struct fixture *fixture = *state;
    struct command client = {.origin = FROM_CLIENT}, event = event_at(6);

    batch_bury(&fixture->batch, &client, STR("no"));
    assert_int_equal(fixture->batch.n_dead, 0);
    batch_bury(&fixture->batch, &event, STR("no"));
    assert_int_equal(fixture->batch.n_dead, 1);
}

static void a_dead_letter_tried_again_is_forgotten_with_the_commit(void **state)
{
    struct fixture *fixture = *state;
    struct command replay = event_at(3);

    replay.origin = FROM_REPLAY;
    assert_true(batch_admit(&fixture->batch, &replay)); /* although its position is behind the cursor */
    struct outbox_write write = batch_write(&fixture->batch);
    assert_int_equal(write.n_replayed, 1);
    assert_int_equal(write.replayed[0].position, 3);
    assert_false(write.cursors_moved);
    replay.fate = COMMAND_SKIP; /* it doesn't concern us after all: there is nothing to decide */
    assert_false(batch_admit(&fixture->batch, &replay));
    assert_int_equal(batch_write(&fixture->batch).n_replayed, 2);
}

/* ---- keys ---- */

static void a_key_is_new_until_it_is_answered(void **state)
{
    struct fixture *fixture = *state;
    struct idempotency_record *record = batch_key(&fixture->batch, STR("a"));
    char body[] = "made";
    struct answer answer = {201, STR("/orders/1"), str_of(body)};

    assert_int_equal(batch_check_key(record, &(struct fingerprint){.members = 7}), KEY_NEW);
    assert_int_equal(batch_keep_answer(&fixture->batch, record, 7, &answer), OK);
    body[0] = 'f'; /* the client's own, and gone when it is answered */
    assert_ptr_equal(batch_key(&fixture->batch, STR("a")), record);
    assert_int_equal(batch_check_key(record, &(struct fingerprint){.members = 7}), KEY_SEEN);
    assert_int_equal(batch_check_key(record, &(struct fingerprint){.members = 8}), KEY_OF_ANOTHER);
    /* as kept by an older version: of the body's bytes */
    assert_int_equal(batch_check_key(record, &(struct fingerprint){.members = 8, .bytes = 7}), KEY_SEEN);
    assert_int_equal(batch_check_key(record, &(struct fingerprint){.members = 8, .bytes = 9}), KEY_OF_ANOTHER);
    assert_true(str_is(record->body, "made"));
    assert_true(str_is(record->location, "/orders/1"));
}

static void only_new_answers_are_stored(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer = {201, STR(""), STR("new")};

    batch_key(&fixture->batch, STR("unanswered"));
    batch_key(&fixture->batch, STR("known"))->found = true;
    struct idempotency_record *record = batch_key(&fixture->batch, STR("new"));
    assert_int_equal(batch_keep_answer(&fixture->batch, record, 1, &answer), OK);
    struct outbox_write write = batch_write(&fixture->batch);
    assert_int_equal(write.n_records, 1);
    assert_true(str_is(write.records[0].key, "new"));
}

static void a_batch_of_nothing_writes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct outbox_write write = batch_write(&fixture->batch);

    assert_true(outbox_write_is_empty(&write));
    tell(fixture);
    write = batch_write(&fixture->batch);
    assert_false(outbox_write_is_empty(&write));
    assert_int_equal(write.now, 1000);
}

/* ---- memory ---- */

static void a_batch_that_can_not_begin_takes_no_position_of_the_one_before(void **state)
{
    struct fixture *fixture = *state;
    uint64_t nth = 1;

    tell(fixture); /* position 11, and it is committed */
    for (bool began = false; !began; nth++) {
        arena_free(&fixture->arena);
        heap_fail_at(nth);
        began = batch_begin(&fixture->batch, 1000, 8, &fixture->cursors, &fixture->outbox, &fixture->arena) == OK;
        heap_fail_at(0);
        outbox_abandon(&fixture->outbox);
        assert_int_equal(fixture->outbox.next, 12);
    }
    assert_true(nth > 2);
}

static void an_answer_that_does_not_fit_is_not_kept(void **state)
{
    struct fixture *fixture = *state;
    struct idempotency_record *record = batch_key(&fixture->batch, STR("a"));
    char *body = test_malloc(100000);
    struct answer answer = {201, STR(""), {body, 100000}};

    memset(body, 'x', 100000);
    heap_fail_at(1);
    assert_int_equal(batch_keep_answer(&fixture->batch, record, 7, &answer), E_MEMORY);
    test_free(body);
    assert_int_equal(batch_check_key(record, &(struct fingerprint){.members = 7}), KEY_NEW);
    assert_int_equal(batch_write(&fixture->batch).n_records, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_batch, close_batch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_moves_its_producers_cursor_once),
        TEST(an_epoch_goes_with_the_cursor_and_moves_no_position),
        TEST(clients_and_effects_move_no_cursor),
        TEST(what_is_not_for_us_only_moves_the_cursor),
        TEST(what_can_not_be_read_is_put_aside_with_its_reason),
        TEST(only_events_are_put_aside),
        TEST(a_dead_letter_tried_again_is_forgotten_with_the_commit),
        TEST(a_key_is_new_until_it_is_answered),
        TEST(only_new_answers_are_stored),
        TEST(a_batch_of_nothing_writes_nothing),
        TEST(a_batch_that_can_not_begin_takes_no_position_of_the_one_before),
        TEST(an_answer_that_does_not_fit_is_not_kept),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
