/* The outbox of a batch: positions, and frames that are ready to be sent. */
#include "alloc.h"
#include "base.h"
#include "outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct cup {
    int64_t qty;
};
static const struct json_field cup_fields[] = {JSON_FIELD(struct cup, "qty", qty, JSON_I64, 0, 0, 1000)};
static const struct json_desc cup_desc = {"cup", cup_fields, COUNT_OF(cup_fields), sizeof(struct cup)};

static void add(struct outbox *outbox, int64_t qty)
{
    const struct event event = {.type = STR("Ordered"), .subject = STR("42"), .time = 1000000, .version = 1};
    const struct cup cup = {qty};

    outbox_add(outbox, &event, &cup_desc, &cup);
}

/* The next frame of `rest` has to be this position, and its data an event with that id. */
static void expect_frame(struct str *rest, const char *position, int64_t qty)
{
    struct str data;
    struct str id = str_split(*rest, '\n', &data);
    struct str line = str_split(data, '\n', rest);
    struct arena arena;
    struct event event;
    struct cup cup;
    struct json_error error;
    struct buf expected = {0};

    BUF_LIT(&expected, "id: ");
    buf_add(&expected, str_of(position));
    assert_true(str_eq(id, buf_str(&expected)));
    buf_free(&expected);
    assert_true(str_starts_with(line, STR("data: {")));
    arena_init(&arena, 0);
    assert_true(event_decode((struct str){line.p + 6, line.n - 6}, &event, &cup_desc, &cup, &arena, &error));
    assert_true(str_eq(event.type, STR("Ordered")));
    assert_true(str_eq(event.source, STR("/order")));
    assert_int_equal(cup.qty, qty);
    arena_free(&arena);
    assert_true(rest->n > 0 && rest->p[0] == '\n');
    rest->p++;
    rest->n--;
}

static void events_get_the_positions_after_the_last_one_ever_committed(void **state)
{
    UNUSED(state);
    struct outbox outbox;

    outbox_init(&outbox, "order", 16);
    outbox_begin(&outbox);
    add(&outbox, 1);
    add(&outbox, 2);
    assert_int_equal(outbox.first, 17);
    assert_int_equal(outbox.count, 2);
    assert_int_equal(outbox.next, 19);
    struct str rest = buf_str(&outbox.frames);
    expect_frame(&rest, "17", 1);
    expect_frame(&rest, "18", 2);
    assert_int_equal(rest.n, 0);
    outbox_free(&outbox);
}

static void the_next_batch_goes_on_behind_it(void **state)
{
    UNUSED(state);
    struct outbox outbox;

    outbox_init(&outbox, "order", 0);
    outbox_begin(&outbox);
    add(&outbox, 1);
    outbox_begin(&outbox);
    assert_int_equal(outbox.count, 0);
    assert_int_equal(outbox.frames.n, 0);
    add(&outbox, 5);
    assert_int_equal(outbox.first, 2);
    struct str rest = buf_str(&outbox.frames);
    expect_frame(&rest, "2", 5);
    outbox_free(&outbox);
}

static void an_abandoned_batch_gives_its_positions_back(void **state)
{
    UNUSED(state);
    struct outbox outbox;

    outbox_init(&outbox, "order", 4);
    outbox_begin(&outbox);
    add(&outbox, 1);
    add(&outbox, 2);
    outbox_abandon(&outbox);
    assert_int_equal(outbox.count, 0);
    assert_int_equal(outbox.frames.n, 0);
    outbox_begin(&outbox);
    add(&outbox, 3);
    assert_int_equal(outbox.first, 5);
    struct str rest = buf_str(&outbox.frames);
    expect_frame(&rest, "5", 3);
    outbox_free(&outbox);
}

static void without_memory_the_batch_is_marked_and_can_be_abandoned(void **state)
{
    UNUSED(state);
    struct outbox outbox;

    outbox_init(&outbox, "order", 0);
    outbox_begin(&outbox);
    heap_fail_at(1);
    add(&outbox, 1);
    heap_fail_at(0);
    assert_true(outbox.frames.failed);
    outbox_abandon(&outbox);
    assert_false(outbox.frames.failed);
    outbox_begin(&outbox);
    add(&outbox, 1);
    assert_int_equal(outbox.first, 1);
    assert_false(outbox.frames.failed);
    outbox_free(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_get_the_positions_after_the_last_one_ever_committed),
        cmocka_unit_test(the_next_batch_goes_on_behind_it),
        cmocka_unit_test(an_abandoned_batch_gives_its_positions_back),
        cmocka_unit_test(without_memory_the_batch_is_marked_and_can_be_abandoned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
