/* The view's recent changes in memory: what is published and what is found in the table are in it once, of each cell in
 * its order. */
#include "change_log.h"

#include "base.h"
#include "errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CELLS = 2, MOST = 16 };

struct fixture {
    struct loop *loop;
    struct change_log *log;
    struct loop_job end;
};

static void end_turn(struct loop_job *job)
{
    loop_stop(CONTAINER_OF(job, struct fixture, end)->loop);
}

static void on_changes(void *context, struct change *changes, size_t n)
{
    UNUSED(context);
    UNUSED(changes);
    UNUSED(n);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    const int64_t newest[CELLS] = {100, 100};

    fixture = (struct fixture){.loop = loop_new(), .end = {.run = end_turn}};
    assert_non_null(fixture.loop);
    fixture.log = change_log_new(fixture.loop, newest, CELLS, on_changes, NULL);
    assert_non_null(fixture.log);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    change_log_free(f->log);
    loop_free(f->loop);
    return 0;
}

/* What has been published comes to the loop. */
static void turn(struct fixture *f)
{
    loop_post(f->loop, &f->end);
    loop_run(f->loop);
}

static struct mypage page_of(int64_t change)
{
    return (struct mypage){.id = change, .change = change, .seen = {[MYPAGE_ORDER] = 1}};
}

/* A batch of the changes from `first` to `last`, behind `before`. */
static void publish(struct fixture *f, int32_t cell, int64_t before, int64_t first, int64_t last)
{
    struct view_row rows[MOST] = {0};
    struct view_batch batch = {.rows = rows, .change_before = before, .last_change = last};

    for (int64_t change = first; change <= last; change++) {
        rows[batch.orders.n].page = page_of(change);
        rows[batch.orders.n++].changed = true;
    }
    change_log_add(f->log, cell, &batch);
}

static void find(struct fixture *f, int32_t cell, int64_t first, int64_t last)
{
    struct mypage pages[MOST];
    size_t n = 0;

    for (int64_t change = first; change <= last; change++)
        pages[n++] = page_of(change);
    assert_int_equal(change_log_take(f->log, cell, pages, n), OK);
}

/* All that a cell's follower hears, who has got `last`: the changes that follow, each the next one. */
static void assert_hears(struct fixture *f, int32_t cell, int64_t last, int64_t until)
{
    int64_t got[CELLS];
    struct change *change;
    uint64_t at = 0;
    int32_t of;

    for (int32_t i = 0; i < CELLS; i++)
        got[i] = i == cell ? last : INT64_MAX;
    while ((change = change_log_next(f->log, got, &at, &of))) {
        assert_int_equal(of, cell);
        assert_int_equal(change->page.change, got[cell] + 1);
        got[cell] = change->page.change;
    }
    assert_int_equal(got[cell], until);
    assert_int_equal(change_log_newest(f->log)[cell], until);
}

static void each_cell_is_heard_in_its_own_order(void **state)
{
    struct fixture *f = *state;

    publish(f, 1, 100, 101, 103);
    publish(f, 0, 100, 101, 102);
    publish(f, 1, 103, 104, 104);
    turn(f);
    assert_hears(f, 0, 100, 102);
    assert_hears(f, 1, 100, 104);
    assert_hears(f, 1, 102, 104);
}

static void what_was_found_before_it_is_published_is_known_once(void **state)
{
    struct fixture *f = *state;

    publish(f, 0, 100, 101, 105);
    find(f, 0, 101, 103); /* committed, and the loop hasn't heard of it */
    turn(f);
    assert_hears(f, 0, 100, 105);
    publish(f, 0, 105, 106, 107);
    find(f, 0, 106, 109);
    turn(f);
    assert_hears(f, 0, 100, 109);
}

static void what_was_published_before_it_is_found_is_known_once(void **state)
{
    struct fixture *f = *state;

    publish(f, 0, 100, 101, 103);
    turn(f);
    find(f, 0, 101, 104);
    find(f, 0, 101, 104);
    assert_hears(f, 0, 100, 104);
}

static void who_lacks_what_is_not_known_here_is_told_of_which_cell(void **state)
{
    struct fixture *f = *state;
    const int64_t all[CELLS] = {100, 100}, behind[CELLS] = {100, 99};

    assert_int_equal(change_log_unknown(f->log, all), -1);
    assert_int_equal(change_log_unknown(f->log, behind), 1);
    publish(f, 1, 120, 121, 122); /* it was another process's up to 120 */
    turn(f);
    assert_int_equal(change_log_unknown(f->log, all), 1);
    assert_hears(f, 1, 120, 122);
    change_log_skip(f->log, 0, 150);
    assert_int_equal(change_log_unknown(f->log, all), 0);
    change_log_skip(f->log, 1, 110); /* long known */
    assert_hears(f, 1, 120, 122);
}

static void the_oldest_go_and_who_lacks_them_is_told(void **state)
{
    struct fixture *f = *state;
    const int64_t all[CELLS] = {100, 100};
    int64_t last = 100;

    for (; last < 100 + CHANGE_LOG_MOST + 2 * MOST; last += MOST) {
        publish(f, 1, last, last + 1, last + MOST);
        turn(f);
    }
    assert_int_equal(change_log_unknown(f->log, all), 1);
    assert_hears(f, 1, last - CHANGE_LOG_MOST, last);
}

static void of_another_view_nothing_is_known(void **state)
{
    const int64_t newest[CELLS] = {7, 9}, before[CELLS] = {6, 8};
    struct fixture *f = *state;

    publish(f, 0, 100, 101, 103);
    turn(f);
    change_log_begin_again(f->log, newest);
    assert_int_equal(change_log_unknown(f->log, before), 0);
    assert_int_equal(change_log_unknown(f->log, newest), -1);
    assert_hears(f, 1, 9, 9);
    publish(f, 0, 7, 8, 8);
    turn(f);
    assert_hears(f, 0, 7, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_cell_is_heard_in_its_own_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_found_before_it_is_published_is_known_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_published_before_it_is_found_is_known_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_lacks_what_is_not_known_here_is_told_of_which_cell, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_go_and_who_lacks_them_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_another_view_nothing_is_known, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
