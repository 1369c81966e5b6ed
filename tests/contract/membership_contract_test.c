/* What membership.h promises, over each of its adapters:
 *
 *      membership_contract_test             in memory (tests/lib/fake_membership.c)
 *      membership_contract_test postgres    a PostgreSQL of its own
 *      membership_contract_test redis       a Redis of its own
 *
 * What is done to a member (killed, stopped) is done to a process of its own, by signals. */
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "membership_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LIMIT_MS = 30000 };

static struct membership *a, *b;
static struct picture picture;

static int set_up(void **state)
{
    UNUSED(state);
    membership_world_reset();
    a = membership_world_open();
    b = membership_world_open();
    assert_true(picture_init(&picture, WORLD_CELLS));
    return 0;
}

static int tear_down(void **state)
{
    UNUSED(state);
    a->close(a);
    b->close(b);
    picture_free(&picture);
    return 0;
}

static void join_both(void)
{
    assert_int_equal(a->join(a, "10.0.0.1:8081"), OK);
    assert_int_equal(b->join(b, "10.0.0.2:8081"), OK);
}

static const struct picture *seen_by(struct membership *member)
{
    assert_int_equal(member->read(member, &picture), OK);
    return &picture;
}

/* Claims one cell; its number, or 0 when it is somebody else's. */
static int64_t own(struct membership *member, int cell)
{
    struct claim claim = {.cell = cell};

    assert_int_equal(member->own(member, &claim, 1), OK);
    return claim.granted ? claim.change : 0;
}

static void disown(struct membership *member, int cell)
{
    assert_int_equal(member->disown(member, &cell, 1), OK);
}

/* --- who lives --- */

static void who_has_not_joined_sees_itself_nowhere_and_can_claim_nothing(void **state)
{
    struct claim claim = {.cell = 0};
    int cell = 0;

    UNUSED(state);
    assert_int_equal(seen_by(a)->n_members, 0);
    assert_int_equal(picture.me, -1);
    assert_int_equal(a->beat(a), E_NOT_FOUND);
    assert_int_equal(a->leave(a), E_NOT_FOUND);
    assert_int_equal(a->own(a, &claim, 1), E_NOT_FOUND);
    assert_false(claim.granted);
    assert_int_equal(a->disown(a, &cell, 1), E_NOT_FOUND);
}

static void who_joins_is_seen_by_all_with_its_address_in_the_order_of_joining(void **state)
{
    UNUSED(state);
    join_both();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(seen_by(i ? b : a)->n_members, 2);
        assert_string_equal(picture.members[0].address, "10.0.0.1:8081");
        assert_string_equal(picture.members[1].address, "10.0.0.2:8081");
        assert_true(picture.members[0].id < picture.members[1].id);
        assert_false(picture.members[0].leaving);
        assert_int_equal(picture.me, i);
    }
    assert_int_equal(a->beat(a), OK);
}

static void who_joins_again_is_another_member_and_the_first_one_is_gone(void **state)
{
    UNUSED(state);
    join_both();
    int64_t before = seen_by(a)->members[0].id;
    assert_int_not_equal(own(a, 3), 0);
    assert_int_equal(a->join(a, "10.0.0.1:9999"), OK);
    assert_int_equal(seen_by(b)->n_members, 2);
    assert_true(picture.members[1].id > before);
    assert_string_equal(picture.members[1].address, "10.0.0.1:9999");
    assert_int_equal(picture.cells[3].member, -1);
    assert_int_not_equal(own(b, 3), 0);
}

static void who_is_leaving_is_seen_so_and_keeps_its_cells_until_it_gives_them_up(void **state)
{
    UNUSED(state);
    join_both();
    assert_int_not_equal(own(a, 1), 0);
    assert_int_equal(a->leave(a), OK);
    assert_true(seen_by(b)->members[0].leaving);
    assert_int_equal(picture.cells[1].member, 0);
    assert_int_equal(own(b, 1), 0);
    assert_int_equal(a->beat(a), OK);
    disown(a, 1);
    assert_int_not_equal(own(b, 1), 0);
}

static void whose_port_is_closed_is_gone_with_all_that_it_had(void **state)
{
    UNUSED(state);
    join_both();
    int64_t change = own(a, 5);
    a->close(a);
    a = membership_world_open();
    while (seen_by(b)->n_members > 1)
        membership_world_pass(b);
    assert_int_equal(picture.cells[5].member, -1);
    assert_true(own(b, 5) > change);
}

/* --- claims --- */

static void a_cell_has_one_owner_whom_all_see(void **state)
{
    UNUSED(state);
    join_both();
    int64_t change = own(a, 7);
    assert_true(change > 0);
    assert_int_equal(own(b, 7), 0);
    assert_int_equal(seen_by(b)->cells[7].member, 0);
    assert_int_equal(picture.cells[7].change, change);
    for (int i = 0; i < WORLD_CELLS; i++)
        assert_true(i == 7 || picture.cells[i].member == -1);
}

static void each_change_of_owner_makes_the_number_larger_and_nothing_else_does(void **state)
{
    UNUSED(state);
    join_both();
    int64_t first = own(a, 0);
    assert_int_equal(own(a, 0), first);
    disown(a, 0);
    int64_t second = own(b, 0);
    assert_true(second > first);
    disown(b, 0);
    assert_true(own(b, 0) > second);
    assert_int_equal(own(a, 1), first); /* each cell has its own */
}

static void what_is_not_ours_is_not_given_up_by_us(void **state)
{
    UNUSED(state);
    join_both();
    assert_int_not_equal(own(a, 2), 0);
    disown(b, 2);
    disown(b, 3);
    assert_int_equal(seen_by(b)->cells[2].member, 0);
}

static void of_many_claims_each_is_answered_for_itself(void **state)
{
    struct claim claims[WORLD_CELLS];
    int cells[WORLD_CELLS];

    UNUSED(state);
    join_both();
    assert_int_not_equal(own(b, 4), 0);
    assert_int_not_equal(own(b, 9), 0);
    for (int i = 0; i < WORLD_CELLS; i++) {
        claims[i] = (struct claim){.cell = i};
        cells[i] = i;
    }
    assert_int_equal(a->own(a, claims, WORLD_CELLS), OK);
    for (int i = 0; i < WORLD_CELLS; i++) {
        assert_int_equal(claims[i].granted, i != 4 && i != 9);
        assert_int_equal(seen_by(a)->cells[i].member, i == 4 || i == 9);
    }
    assert_int_equal(a->disown(a, cells, WORLD_CELLS), OK);
    for (int i = 0; i < WORLD_CELLS; i++)
        assert_int_equal(seen_by(a)->cells[i].member, i == 4 || i == 9 ? 1 : -1);
    assert_int_equal(a->own(a, NULL, 0), OK);
}

/* --- what happens to members --- */

static void wait_until_alone(struct membership *member)
{
    int64_t latest = clock_monotonic() + LIMIT_MS * US_PER_MS;

    while (seen_by(member)->n_members > 1) {
        assert_true(clock_monotonic() < latest);
        membership_world_pass(member);
    }
}

static void a_member_that_is_killed_is_dead_and_its_cells_can_be_had(void **state)
{
    UNUSED(state);
    struct other other = membership_world_other(6);
    assert_int_equal(b->join(b, "10.0.0.2:8081"), OK);
    assert_int_equal(seen_by(b)->n_members, 2);
    int64_t change = picture.cells[6].change;
    assert_int_equal(own(b, 6), 0);
    membership_world_kill(&other);
    wait_until_alone(b);
    assert_int_equal(picture.cells[6].member, -1);
    assert_true(own(b, 6) > change);
}

static void a_member_that_was_stopped_for_too_long_has_lost_its_cells_and_commits_nothing(void **state)
{
    UNUSED(state);
    struct other other = membership_world_other(6);
    assert_int_equal(b->join(b, "10.0.0.2:8081"), OK);
    assert_int_equal(seen_by(b)->n_members, 2);
    assert_int_equal(membership_world_commit_of(&other), OK);
    membership_world_stop(&other);
    wait_until_alone(b);
    int64_t change = own(b, 6);
    assert_true(change > picture.cells[6].change);
    membership_world_take(b, change);
    membership_world_continue(&other);
    assert_int_not_equal(membership_world_commit_of(&other), OK);
    assert_int_equal(membership_world_beat_of(&other), E_NOT_FOUND);
    assert_int_equal(seen_by(b)->cells[6].member, 0);
    assert_int_equal(picture.cells[6].change, change);
    membership_world_release();
    membership_world_kill(&other);
}

static void who_gives_signs_of_life_lives_on(void **state)
{
    int64_t until;

    UNUSED(state);
    join_both();
    assert_int_not_equal(own(a, 6), 0);
    until = membership_world_now() + WORLD_LOST_MS * 3 / 2;
    while (membership_world_now() < until) {
        assert_int_equal(a->beat(a), OK);
        membership_world_pass(b);
    }
    assert_int_equal(own(b, 6), 0);
    assert_int_equal(seen_by(b)->n_members, 2);
}

static void a_member_whose_connection_was_cut_learns_it_and_joins_again(void **state)
{
    int cell = 6;
    struct claim claim = {.cell = 6};

    UNUSED(state);
    join_both();
    int64_t change = own(a, 6);
    if (!membership_world_cut(a)) { /* the connection is made again, and nothing has changed */
        assert_int_equal(a->beat(a), OK);
        assert_int_equal(own(a, 6), change);
        return;
    }
    assert_int_equal(a->beat(a), E_NOT_FOUND);
    assert_int_equal(a->own(a, &claim, 1), E_NOT_FOUND);
    assert_int_equal(a->disown(a, &cell, 1), E_NOT_FOUND);
    assert_int_equal(a->leave(a), E_NOT_FOUND);
    assert_int_equal(seen_by(a)->n_members, 1);
    assert_int_equal(picture.me, -1);
    assert_int_equal(picture.cells[6].member, -1);
    assert_int_equal(a->join(a, "10.0.0.1:8081"), OK);
    assert_true(own(a, 6) > change);
}

/* --- the store --- */

static void a_store_that_is_away_says_nothing_and_is_never_taken_for_an_empty_one(void **state)
{
    struct claim claim = {.cell = 0};
    int cell = 6;

    UNUSED(state);
    join_both();
    assert_int_not_equal(own(a, 6), 0);
    seen_by(a);
    membership_world_away();
    assert_int_equal(a->read(a, &picture), E_UNAVAILABLE);
    assert_int_equal(picture.n_members, 2); /* as it was */
    assert_int_equal(picture.cells[6].member, 0);
    assert_int_equal(picture.me, 0);
    assert_int_equal(a->beat(a), E_UNAVAILABLE);
    assert_int_equal(a->own(a, &claim, 1), E_UNAVAILABLE);
    assert_false(claim.granted);
    assert_int_equal(a->disown(a, &cell, 1), E_UNAVAILABLE);
    assert_int_equal(a->leave(a), E_UNAVAILABLE);
    assert_int_equal(a->join(a, "10.0.0.1:8081"), E_UNAVAILABLE);
    membership_world_assert_refused(WORLD_CELLS, E_UNAVAILABLE, "can't be reached");
    membership_world_back();
    while (a->read(a, &picture) == E_UNAVAILABLE)
        membership_world_pass(NULL);
    while (a->join(a, "10.0.0.1:8081") == E_UNAVAILABLE)
        membership_world_pass(NULL);
    assert_int_not_equal(own(a, 0), 0);
    seen_by(a);
    assert_int_equal(picture.cells[0].member, picture.me);
}

static void another_number_of_cells_is_refused(void **state)
{
    UNUSED(state);
    membership_world_assert_refused(WORLD_CELLS + 1, E_FOREIGN, "cut into 16 cells, not into 17");
}

static void claims_at_the_same_moment_are_granted_once(void **state)
{
    UNUSED(state);
    join_both();
    membership_world_race(a, b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_has_not_joined_sees_itself_nowhere_and_can_claim_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_joins_is_seen_by_all_with_its_address_in_the_order_of_joining, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_joins_again_is_another_member_and_the_first_one_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_leaving_is_seen_so_and_keeps_its_cells_until_it_gives_them_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(whose_port_is_closed_is_gone_with_all_that_it_had, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cell_has_one_owner_whom_all_see, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_change_of_owner_makes_the_number_larger_and_nothing_else_does, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_ours_is_not_given_up_by_us, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_many_claims_each_is_answered_for_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_member_that_is_killed_is_dead_and_its_cells_can_be_had, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_member_that_was_stopped_for_too_long_has_lost_its_cells_and_commits_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_gives_signs_of_life_lives_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_member_whose_connection_was_cut_learns_it_and_joins_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(claims_at_the_same_moment_are_granted_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_number_of_cells_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_is_away_says_nothing_and_is_never_taken_for_an_empty_one, set_up,
                                        tear_down),
    };

    membership_world_start(argc, argv);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    membership_world_end();
    return failed;
}
