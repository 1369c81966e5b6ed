/* The driver on virtual time: several replicas in one process, each with its own turn; a lock of each cell as a store
 * has it. */
#include "ownership.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "fake_membership.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CELLS = 16, REPLICAS = 6, NOBODY = -1, LOST_MS = 3000, LOOK_MS = 500, STEP_MS = 10 };

struct replica {
    struct ownership_service service;
    struct ownership *ownership; /* NULL: it doesn't run */
    struct membership *membership;
    int number;
    bool stopped, cannot_open;
    int64_t next, lock_ends_ms;
    int taking[CELLS]; /* how often take() was called */
    int gives, lefts, moves;
    bool poked[REPLICAS]; /* by whom, to be delivered */
};

static struct {
    struct fake_membership_store store;
    int locks[CELLS]; /* which replica's connection holds it */
    struct replica replicas[REPLICAS];
    bool pokes_get_lost;
    bool slow; /* what is asked is answered by the test */
} world;

static const char *address_of(int number)
{
    static char text[REPLICAS][8];

    snprintf(text[number], sizeof(text[number]), "r%d", number);
    return text[number];
}

/* --- the service --- */

static struct replica *of(struct ownership_service *service)
{
    return CONTAINER_OF(service, struct replica, service);
}

static void take(struct ownership_service *service, int cell, int64_t token)
{
    struct replica *self = of(service);

    assert_true(token > 0);
    self->taking[cell]++;
    if (world.slow)
        return;
    if (self->cannot_open) {
        ownership_taken(self->ownership, cell, E_SYSTEM);
    } else if (world.locks[cell] != NOBODY && world.locks[cell] != self->number) {
        ownership_taken(self->ownership, cell, E_CONFLICT);
    } else {
        world.locks[cell] = self->number;
        ownership_taken(self->ownership, cell, OK);
    }
}

static void close_cell(struct replica *self, int cell)
{
    if (world.locks[cell] == self->number)
        world.locks[cell] = NOBODY;
    ownership_given(self->ownership, cell);
}

static void give(struct ownership_service *service, int cell)
{
    struct replica *self = of(service);

    self->gives++;
    if (!world.slow)
        close_cell(self, cell);
}

static void moved(struct ownership_service *service, int cell)
{
    UNUSED(cell);
    of(service)->moves++;
}

static void poke(struct ownership_service *service, const char *address)
{
    int number = address[1] - '0';

    assert_int_not_equal(number, of(service)->number);
    world.replicas[number].poked[of(service)->number] = !world.pokes_get_lost;
}

static void left(struct ownership_service *service)
{
    of(service)->lefts++;
}

/* --- the world --- */

static void start(int number)
{
    struct replica *self = &world.replicas[number];

    *self = (struct replica){
        .number = number, .service = {take, give, moved, poke, left}, .lock_ends_ms = world.store.now_ms + LOST_MS};
    self->membership = fake_membership_new(&world.store);
    self->ownership = ownership_new(&OWNERSHIP_DEFAULTS, self->membership, CELLS, address_of(number), &self->service);
    assert_non_null(self->ownership);
}

static void end(int number)
{
    ownership_free(world.replicas[number].ownership);
    world.replicas[number].ownership = NULL;
}

/* As by SIGKILL: its connections end, too. */
static void die(int number)
{
    for (int i = 0; i < CELLS; i++) {
        if (world.locks[i] == number)
            world.locks[i] = NOBODY;
    }
    fake_membership_isolate(world.replicas[number].membership, true);
    end(number);
}

static int set_up(void **state)
{
    UNUSED(state);
    memset(&world, 0, sizeof(world));
    world.store = (struct fake_membership_store){.n_cells = CELLS, .lost_ms = LOST_MS};
    for (int i = 0; i < CELLS; i++)
        world.locks[i] = NOBODY;
    return 0;
}

static int tear_down(void **state)
{
    UNUSED(state);
    for (int i = 0; i < REPLICAS; i++)
        end(i);
    return 0;
}

static void turn(struct replica *self)
{
    for (int i = 0; i < REPLICAS; i++) {
        if (self->poked[i])
            ownership_poke(self->ownership);
        self->poked[i] = false;
    }
    self->next = ownership_turn(self->ownership, world.store.now_ms * US_PER_MS);
}

/* Everybody does what it has to do now, until nothing happens any more at this moment. */
static void settle(void)
{
    enum { TURNS = 40 };

    for (int n = 0; n < TURNS; n++) {
        for (int i = 0; i < REPLICAS; i++) {
            if (world.replicas[i].ownership && !world.replicas[i].stopped)
                turn(&world.replicas[i]);
        }
    }
}

/* The store ends the session of a writer that says nothing. */
static void end_silent_sessions(void)
{
    for (int i = 0; i < REPLICAS; i++) {
        struct replica *self = &world.replicas[i];
        if (!self->stopped)
            self->lock_ends_ms = world.store.now_ms + LOST_MS;
        for (int c = 0; c < CELLS; c++) {
            if (world.locks[c] == i && self->lock_ends_ms <= world.store.now_ms)
                world.locks[c] = NOBODY;
        }
    }
}

/* The writer of a cell asks its store once a second, and so finds out that its session has ended. */
static void notice_ended_sessions(struct replica *self)
{
    char address[MEMBER_ADDRESS_SIZE];

    for (int c = 0; c < CELLS && world.store.now_ms % 1000 == 0; c++) {
        if (world.locks[c] != self->number && ownership_find(self->ownership, c, address) == CELL_HERE)
            ownership_given(self->ownership, c);
    }
}

static void pass(int ms)
{
    for (int64_t until = world.store.now_ms + ms; world.store.now_ms < until;) {
        world.store.now_ms += STEP_MS;
        end_silent_sessions();
        for (int i = 0; i < REPLICAS; i++) {
            if (!world.replicas[i].ownership || world.replicas[i].stopped)
                continue;
            turn(&world.replicas[i]);
            notice_ended_sessions(&world.replicas[i]);
        }
    }
}

static int count(int number)
{
    int n = 0;
    char address[MEMBER_ADDRESS_SIZE];

    for (int i = 0; i < CELLS; i++)
        n += ownership_find(world.replicas[number].ownership, i, address) == CELL_HERE;
    assert_int_equal(n, ownership_count(world.replicas[number].ownership));
    return n;
}

/* Each cell is open at one, who holds its lock, and all know at whom. */
static void assert_all_is_owned(void)
{
    char address[MEMBER_ADDRESS_SIZE];

    for (int c = 0; c < CELLS; c++) {
        int owner = world.locks[c];
        assert_int_not_equal(owner, NOBODY);
        for (int i = 0; i < REPLICAS; i++) {
            if (!world.replicas[i].ownership)
                continue;
            enum ownership_place place = ownership_find(world.replicas[i].ownership, c, address);
            assert_int_equal(place, i == owner ? CELL_HERE : CELL_ELSEWHERE);
            if (i != owner)
                assert_string_equal(address, address_of(owner));
        }
    }
}

static int taken_by(int number)
{
    int n = 0;

    for (int i = 0; i < CELLS; i++)
        n += world.replicas[number].taking[i];
    return n;
}

static void start_two(void)
{
    start(0);
    start(1);
    settle();
    assert_int_equal(count(0), CELLS / 2);
    assert_int_equal(count(1), CELLS / 2);
}

/* --- coming and going --- */

static void who_is_alone_takes_all_at_once(void **state)
{
    UNUSED(state);
    start(0);
    settle();
    assert_int_equal(count(0), CELLS);
    assert_all_is_owned();
    assert_int_equal(taken_by(0), CELLS);
}

static void who_comes_has_its_share_without_waiting_for_the_next_look(void **state)
{
    UNUSED(state);
    start_two();
    assert_all_is_owned();
    assert_int_equal(world.replicas[0].gives, CELLS / 2);
    start(2);
    settle();
    assert_int_equal(count(2), 5);
    assert_all_is_owned();
    assert_int_equal(world.replicas[0].gives + world.replicas[1].gives, CELLS / 2 + 5); /* no move more */
}

static void without_memory_there_is_no_driver_and_the_membership_stays_the_callers(void **state)
{
    struct ownership_service service = {take, give, moved, poke, left};
    struct membership *membership = fake_membership_new(&world.store);
    struct ownership *ownership = NULL;

    UNUSED(state);
    for (uint64_t nth = 1; !ownership; nth++) {
        heap_fail_at(nth);
        ownership = ownership_new(&OWNERSHIP_DEFAULTS, membership, CELLS, address_of(0), &service);
        assert_true((ownership == NULL) == (heap_fail_at(0) == 0));
    }
    ownership_free(ownership);
}

static void pokes_that_get_lost_only_cost_time(void **state)
{
    UNUSED(state);
    world.pokes_get_lost = true;
    start(0);
    start(1);
    settle();
    pass((CELLS / 2 / 4 + 1) * 2 * LOOK_MS);
    assert_int_equal(count(1), CELLS / 2);
    assert_all_is_owned();
}

static void cells_are_given_up_a_few_at_a_time(void **state)
{
    char address[MEMBER_ADDRESS_SIZE];

    UNUSED(state);
    start(0);
    settle();
    world.slow = true;
    start(1);
    settle();
    assert_int_equal(world.replicas[0].gives, 4);
    assert_int_equal(count(0), CELLS - 4);
    int moving = 0;
    for (int i = 0; i < CELLS; i++) { /* requests for them wait, at both */
        moving += ownership_find(world.replicas[0].ownership, i, address) == CELL_UNKNOWN;
        assert_int_equal(ownership_find(world.replicas[1].ownership, i, address), CELL_ELSEWHERE);
    }
    assert_int_equal(moving, 4);
    pass(2 * LOOK_MS);
    assert_int_equal(world.replicas[0].gives, 4);
    close_cell(&world.replicas[0], CELLS - 1);
    settle();
    assert_int_equal(world.replicas[0].gives, 5);
    assert_int_equal(world.replicas[1].taking[CELLS - 1], 1);
    assert_int_equal(ownership_find(world.replicas[0].ownership, CELLS - 1, address),
                     CELL_ELSEWHERE); /* it waits there */
}

static void who_leaves_gives_all_at_once_and_says_when_it_is_done(void **state)
{
    UNUSED(state);
    start_two();
    ownership_leave(world.replicas[0].ownership);
    settle();
    assert_int_equal(count(0), 0);
    assert_int_equal(count(1), CELLS);
    assert_int_equal(world.replicas[0].lefts, 1);
    assert_all_is_owned();
    pass(10 * LOOK_MS);
    assert_int_equal(world.replicas[0].lefts, 1);
    assert_int_equal(count(1), CELLS);
}

static void the_last_one_that_leaves_gives_all(void **state)
{
    UNUSED(state);
    start(0);
    settle();
    ownership_leave(world.replicas[0].ownership);
    settle();
    assert_int_equal(count(0), 0);
    assert_int_equal(world.replicas[0].lefts, 1);
    start(1);
    settle();
    assert_int_equal(count(1), CELLS);
}

static void who_is_asked_to_leave_while_it_opens_cells_closes_them_when_they_are_open(void **state)
{
    UNUSED(state);
    world.slow = true;
    start(0);
    settle();
    assert_int_equal(taken_by(0), CELLS);
    ownership_leave(world.replicas[0].ownership);
    settle();
    assert_int_equal(world.replicas[0].lefts, 0);
    for (int i = 0; i < CELLS; i++)
        ownership_taken(world.replicas[0].ownership, i, i % 2 ? OK : E_CONFLICT);
    settle();
    assert_int_equal(world.replicas[0].gives, CELLS / 2);
    for (int i = 1; i < CELLS; i += 2)
        close_cell(&world.replicas[0], i);
    settle();
    assert_int_equal(world.replicas[0].lefts, 1);
}

/* --- dying, and being taken for dead --- */

static void of_one_that_was_killed_all_is_taken_within_the_lost_time_and_a_look(void **state)
{
    UNUSED(state);
    start_two();
    die(0);
    pass(LOST_MS + LOOK_MS + STEP_MS);
    assert_int_equal(count(1), CELLS);
    assert_all_is_owned();
}

static void who_was_stopped_for_too_long_gives_up_what_others_have(void **state)
{
    UNUSED(state);
    start_two();
    world.replicas[0].stopped = true;
    pass(LOST_MS + LOOK_MS + STEP_MS);
    assert_int_equal(count(1), CELLS);
    world.replicas[0].stopped = false;
    settle();
    pass(LOOK_MS);
    assert_int_equal(world.replicas[0].gives, CELLS / 2 + CELLS / 2); /* asked to close what it believed its own */
    pass(LOST_MS + LOOK_MS);
    assert_int_equal(count(0), CELLS / 2);
    assert_all_is_owned();
}

static void who_was_stopped_for_a_moment_has_lost_nothing(void **state)
{
    UNUSED(state);
    start_two();
    world.replicas[0].stopped = true;
    pass(LOST_MS / 2);
    world.replicas[0].stopped = false;
    pass(LOST_MS);
    assert_int_equal(world.store.claimed, CELLS + CELLS / 2);
    assert_all_is_owned();
}

static void a_successor_waits_for_the_lock_of_one_that_is_cut_off_from_the_members_only(void **state)
{
    int64_t since;

    UNUSED(state);
    start_two();
    fake_membership_isolate(world.replicas[0].membership, true);
    pass(2 * LOST_MS);
    assert_int_equal(ownership_trouble(world.replicas[0].ownership, &since), E_UNAVAILABLE);
    assert_int_equal(count(0), CELLS / 2); /* it writes on */
    assert_int_equal(count(1), CELLS / 2);
    assert_true(taken_by(1) > CELLS); /* and the other tries */
    fake_membership_isolate(world.replicas[0].membership, false);
    pass(LOST_MS + 2 * LOOK_MS);
    assert_int_equal(ownership_trouble(world.replicas[0].ownership, &since), OK);
    assert_all_is_owned();
    assert_int_equal(count(0), CELLS / 2);
}

static void while_the_store_is_away_everything_stays_as_it_is_and_afterwards_too(void **state)
{
    int64_t since;

    UNUSED(state);
    start_two();
    int before[CELLS];
    memcpy(before, world.locks, sizeof(before));
    world.store.away = true;
    pass(3 * LOST_MS);
    assert_all_is_owned();
    assert_int_equal(ownership_trouble(world.replicas[1].ownership, &since), E_UNAVAILABLE);
    assert_in_range(since, 1, US_PER_MS * 2 * LOST_MS);
    world.store.away = false;
    pass(2 * LOST_MS);
    assert_int_equal(ownership_trouble(world.replicas[1].ownership, &since), OK);
    assert_memory_equal(before, world.locks, sizeof(before));
    assert_int_equal(world.replicas[0].gives, CELLS / 2); /* those of the beginning */
    assert_int_equal(world.replicas[1].gives, 0);
    assert_all_is_owned();
}

static void who_starts_while_the_store_is_away_has_nothing_until_it_is_back(void **state)
{
    char address[MEMBER_ADDRESS_SIZE];

    UNUSED(state);
    world.store.away = true;
    start(0);
    pass(LOST_MS);
    assert_int_equal(taken_by(0), 0);
    assert_int_equal(ownership_find(world.replicas[0].ownership, 0, address), CELL_UNKNOWN);
    world.store.away = false;
    pass(LOOK_MS);
    assert_int_equal(count(0), CELLS);
}

static void who_leaves_while_the_store_is_away_closes_its_cells_and_is_done(void **state)
{
    UNUSED(state);
    start_two();
    world.store.away = true;
    ownership_leave(world.replicas[0].ownership);
    settle();
    pass(LOOK_MS);
    assert_int_equal(world.replicas[0].lefts, 1);
    assert_int_equal(count(0), 0);
    end(0);
    world.store.away = false;
    pass(LOST_MS + 2 * LOOK_MS);
    assert_int_equal(count(1), CELLS);
}

static void a_claim_whose_answer_was_lost_is_found_in_the_next_picture(void **state)
{
    UNUSED(state);
    world.store.answers_lost = true;
    start(0);
    settle();
    assert_int_equal(taken_by(0), 0);
    world.store.answers_lost = false;
    pass(LOOK_MS + STEP_MS);
    assert_int_equal(count(0), CELLS);
    assert_true(world.store.claimed == CELLS);
}

/* --- cells that don't do what they should --- */

static void a_cell_that_can_not_be_opened_is_tried_again_ever_more_seldom(void **state)
{
    UNUSED(state);
    start(0);
    world.replicas[0].cannot_open = true;
    settle();
    assert_int_equal(world.replicas[0].taking[0], 1);
    pass(60);
    assert_int_equal(world.replicas[0].taking[0], 2);
    pass(10 * LOOK_MS);
    assert_in_range(world.replicas[0].taking[0], 10, 16);
    world.replicas[0].cannot_open = false;
    pass(LOOK_MS + STEP_MS);
    assert_int_equal(count(0), CELLS);
}

static void a_cell_that_the_service_has_lost_is_given_back_and_taken_anew(void **state)
{
    UNUSED(state);
    start_two();
    uint64_t claimed = world.store.claimed;
    int lost = 0;
    while (world.locks[lost] != 0)
        lost++;
    close_cell(&world.replicas[0], lost);
    settle();
    assert_true(world.store.claimed == claimed + 1);
    assert_all_is_owned();
}

/* --- all of it --- */

static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void something_happens(uint64_t *seed)
{
    int number = (int)(next_random(seed) % REPLICAS);
    struct replica *self = &world.replicas[number];
    bool runs = self->ownership != NULL;

    switch (next_random(seed) % 9) {
    case 0:
    case 1:
        if (!runs)
            start(number);
        break;
    case 2:
        if (runs)
            die(number);
        break;
    case 3:
        if (runs)
            ownership_leave(self->ownership);
        break;
    case 4:
        if (runs)
            self->stopped = !self->stopped;
        break;
    case 5:
        if (runs)
            fake_membership_isolate(self->membership, next_random(seed) % 2);
        break;
    case 6:
        if (runs)
            fake_membership_cut(self->membership);
        break;
    case 7:
        world.store.away = !world.store.away;
        break;
    default:
        world.pokes_get_lost = !world.pokes_get_lost;
        break;
    }
    if (runs && self->ownership && self->lefts)
        end(number);
}

/* Whatever a replica believes: what it says is here, it has opened, and lost only by being stopped. */
static void assert_here_is_locked(void)
{
    char address[MEMBER_ADDRESS_SIZE];

    for (int i = 0; i < REPLICAS; i++) {
        const struct replica *self = &world.replicas[i];
        for (int c = 0; self->ownership && !self->stopped && c < CELLS; c++) {
            if (ownership_find(self->ownership, c, address) == CELL_HERE && world.locks[c] != i)
                assert_true(self->lock_ends_ms > 0);
        }
    }
}

static void assert_shares_are_fair(void)
{
    int least = CELLS, most = 0;

    for (int i = 0; i < REPLICAS; i++) {
        if (!world.replicas[i].ownership)
            continue;
        int n = count(i);
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    assert_in_range(most - least, 0, 1);
}

static void after_any_history_each_cell_has_one_owner_and_all_have_their_share(void **state)
{
    UNUSED(state);
    for (uint64_t seed = 1; seed <= 500; seed++) {
        uint64_t random = seed;
        set_up(NULL);
        start(0);
        for (int n = 0; n < 25; n++) {
            something_happens(&random);
            pass((int)(next_random(&random) % 150) * STEP_MS);
            assert_here_is_locked();
        }
        world.store.away = world.pokes_get_lost = false;
        for (int i = 0; i < REPLICAS; i++) {
            world.replicas[i].stopped = false;
            if (world.replicas[i].ownership)
                fake_membership_isolate(world.replicas[i].membership, false);
        }
        pass(2 * LOST_MS);
        for (int i = 0; i < REPLICAS; i++) {
            if (world.replicas[i].ownership && world.replicas[i].lefts)
                end(i);
        }
        if (!world.replicas[0].ownership)
            start(0);
        pass(3 * LOST_MS);
        assert_all_is_owned();
        assert_shares_are_fair();
        tear_down(NULL);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_is_alone_takes_all_at_once),
        TEST(who_comes_has_its_share_without_waiting_for_the_next_look),
        TEST(without_memory_there_is_no_driver_and_the_membership_stays_the_callers),
        TEST(pokes_that_get_lost_only_cost_time),
        TEST(cells_are_given_up_a_few_at_a_time),
        TEST(who_leaves_gives_all_at_once_and_says_when_it_is_done),
        TEST(the_last_one_that_leaves_gives_all),
        TEST(who_is_asked_to_leave_while_it_opens_cells_closes_them_when_they_are_open),
        TEST(of_one_that_was_killed_all_is_taken_within_the_lost_time_and_a_look),
        TEST(who_was_stopped_for_too_long_gives_up_what_others_have),
        TEST(who_was_stopped_for_a_moment_has_lost_nothing),
        TEST(a_successor_waits_for_the_lock_of_one_that_is_cut_off_from_the_members_only),
        TEST(while_the_store_is_away_everything_stays_as_it_is_and_afterwards_too),
        TEST(who_starts_while_the_store_is_away_has_nothing_until_it_is_back),
        TEST(who_leaves_while_the_store_is_away_closes_its_cells_and_is_done),
        TEST(a_claim_whose_answer_was_lost_is_found_in_the_next_picture),
        TEST(a_cell_that_can_not_be_opened_is_tried_again_ever_more_seldom),
        TEST(a_cell_that_the_service_has_lost_is_given_back_and_taken_anew),
        TEST(after_any_history_each_cell_has_one_owner_and_all_have_their_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
