/* Sharing out, played: members that come, go and die, each acting by itself on a picture that may be old. */
#include "sharing.h"

#include "base.h"
#include "cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MEMBERS_MAX = CELLS_MOST + 3, OLDEST = 3, AT_ONCE = 4 };

static uint64_t next_random(uint64_t *seed) /* splitmix64 */
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(uint64_t *seed, size_t n)
{
    return (size_t)(next_random(seed) % n);
}

/* --- a world --- */

struct state {
    int owners[CELLS_MOST]; /* by the number that a member has for good; a dead one's are free */
    bool lives[MEMBERS_MAX];
    bool leaving[MEMBERS_MAX];
};

struct world {
    struct state is;
    struct state was[OLDEST + 1]; /* how it looked when the last rounds began, in a ring */
    size_t round;
    size_t n_cells, n_members; /* those that there can be */
    uint64_t seed;
    size_t oldest; /* how many rounds old a picture may be */
    size_t given;  /* by members that stay */
    size_t taken;
};

/* What one member sees: of itself what is so, of the others what its picture says. */
struct sight {
    struct sharing sharing;
    int owners[CELLS_MOST];
    bool leaving[MEMBERS_MAX];
    int place[MEMBERS_MAX]; /* of a member in the picture */
    int me;
};

static bool look(const struct world *world, const struct state *picture, int member, struct sight *sight)
{
    size_t n = 0;

    sight->me = SHARING_NOBODY;
    for (size_t i = 0; i < world->n_members; i++) {
        sight->place[i] = SHARING_NOBODY;
        if (!picture->lives[i])
            continue;
        if ((int)i == member)
            sight->me = (int)n;
        sight->leaving[n] = (int)i == member ? world->is.leaving[i] : picture->leaving[i];
        sight->place[i] = (int)n++;
    }
    for (size_t i = 0; i < world->n_cells; i++) {
        int owner = picture->owners[i] == member ? SHARING_NOBODY : picture->owners[i];
        owner = world->is.owners[i] == member ? member : owner;
        sight->owners[i] = owner == SHARING_NOBODY ? SHARING_NOBODY : sight->place[owner];
    }
    sight->sharing = (struct sharing){world->n_cells, sight->owners, n, sight->leaving};
    return sight->me != SHARING_NOBODY;
}

static void act(struct world *world, int member)
{
    static struct sight sight;
    static int targets[MEMBERS_MAX], heirs[CELLS_MOST], cells[CELLS_MOST];
    size_t age = below(&world->seed, world->oldest + 1);

    age = age < world->round ? age : world->round;
    const struct state *picture = &world->was[(world->round - age) % (OLDEST + 1)];
    if (!look(world, picture, member, &sight))
        return;
    sharing_targets(&sight.sharing, targets);
    size_t wanted = 0, stays = 0;
    for (size_t i = 0; i < sight.sharing.n_members; i++) {
        wanted += (size_t)targets[i];
        stays += !sight.leaving[i];
    }
    assert_int_equal(wanted, stays ? world->n_cells : 0); /* there is somebody for each cell */
    size_t n = sharing_surplus(&sight.sharing, targets, sight.me, AT_ONCE, cells);
    assert_in_range(n, 0, AT_ONCE);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(world->is.owners[cells[i]], member);
        world->is.owners[cells[i]] = SHARING_NOBODY;
        world->given += !world->is.leaving[member];
    }
    sharing_heirs(&sight.sharing, targets, heirs);
    for (size_t i = 0; i < world->n_cells; i++) {
        if (heirs[i] != sight.me)
            continue;
        assert_false(world->is.leaving[member]);
        if (world->is.owners[i] == SHARING_NOBODY) { /* else its lock says no */
            world->is.owners[i] = member;
            world->taken++;
        }
    }
}

/* Everybody acts once, in any order. */
static void play_round(struct world *world)
{
    size_t first = below(&world->seed, world->n_members);
    size_t step = 1;

    world->was[++world->round % (OLDEST + 1)] = world->is;
    if (world->n_members > 2 && world->n_members % 2)
        step = 2; /* has no common divisor with an odd number */
    for (size_t i = 0; i < world->n_members; i++) {
        size_t member = (first + i * step) % world->n_members;
        if (world->is.lives[member])
            act(world, (int)member);
    }
}

static void die(struct world *world, size_t member)
{
    world->is.lives[member] = false;
    for (size_t i = 0; i < world->n_cells; i++) {
        if (world->is.owners[i] == (int)member)
            world->is.owners[i] = SHARING_NOBODY;
    }
}

static size_t count_of(const struct world *world, size_t member)
{
    size_t n = 0;

    for (size_t i = 0; i < world->n_cells; i++)
        n += world->is.owners[i] == (int)member;
    return n;
}

/* Whoever left and has nothing any more is gone; then perhaps somebody comes, goes, or dies. */
static void something_happens(struct world *world)
{
    size_t member = below(&world->seed, world->n_members);

    for (size_t i = 0; i < world->n_members; i++) {
        if (world->is.lives[i] && world->is.leaving[i] && !count_of(world, i))
            die(world, i);
    }
    switch (below(&world->seed, 8)) {
    case 0:
    case 1:
    case 2:
        if (!world->is.lives[member]) {
            world->is.lives[member] = true;
            world->is.leaving[member] = false;
        }
        break;
    case 3:
        if (world->is.lives[member])
            die(world, member);
        break;
    case 4:
        world->is.leaving[member] = true;
        break;
    default:
        break;
    }
}

static void make_world(struct world *world, size_t n_cells, size_t n_members, size_t oldest, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    world->n_cells = n_cells;
    world->n_members = n_members;
    world->oldest = oldest;
    world->seed = seed;
    for (size_t i = 0; i < n_cells; i++)
        world->is.owners[i] = SHARING_NOBODY;
    for (size_t i = 0; i < n_members; i++)
        world->is.lives[i] = below(&world->seed, 2) || i == 0;
    for (size_t i = 0; i < n_cells; i++) { /* any state is a beginning */
        size_t owner = below(&world->seed, n_members);
        if (below(&world->seed, 3) && world->is.lives[owner])
            world->is.owners[i] = (int)owner;
    }
}

/* --- what has to be so --- */

static size_t stay(const struct world *world)
{
    size_t n = 0;

    for (size_t i = 0; i < world->n_members; i++)
        n += world->is.lives[i] && !world->is.leaving[i];
    return n;
}

static bool is_fair(const struct world *world)
{
    size_t r = stay(world);
    size_t least = r ? world->n_cells / r : 0;
    size_t most = r ? (world->n_cells + r - 1) / r : 0;

    for (size_t i = 0; i < world->n_members; i++) {
        if (!world->is.lives[i])
            continue;
        size_t n = count_of(world, i);
        bool fair = world->is.leaving[i] ? n == 0 : n == least || n == most;
        if (!fair)
            return false;
    }
    for (size_t i = 0; i < world->n_cells; i++) {
        if (r && world->is.owners[i] == SHARING_NOBODY)
            return false;
    }
    return true;
}

/* The fewest cells that have to leave members that stay: the longer list stands for the larger share. Reckoned apart
 * from the code under test. */
static size_t fewest_given(const struct world *world)
{
    static size_t counts[MEMBERS_MAX];
    size_t n = 0, fewest = 0;

    for (size_t i = 0; i < world->n_members; i++) {
        if (world->is.lives[i] && !world->is.leaving[i])
            counts[n++] = count_of(world, i);
    }
    for (size_t i = 1; i < n; i++) { /* the largest first */
        for (size_t j = i; j > 0 && counts[j - 1] < counts[j]; j--) {
            size_t other = counts[j];
            counts[j] = counts[j - 1];
            counts[j - 1] = other;
        }
    }
    for (size_t i = 0; i < n; i++) {
        size_t share = world->n_cells / n + (i < world->n_cells % n);
        fewest += counts[i] > share ? counts[i] - share : 0;
    }
    return fewest;
}

/* Rounds until all is fair, when nobody comes or goes any more. */
static size_t settle(struct world *world)
{
    size_t rounds = 0;
    size_t limit = (world->n_cells + AT_ONCE - 1) / AT_ONCE + 4 * (world->oldest + 1) + 4;

    world->given = world->taken = 0;
    for (; !is_fair(world) && rounds <= limit; rounds++)
        play_round(world);
    if (rounds > limit)
        fail_msg("not fair after %zu rounds: %zu cells, %zu members", rounds, world->n_cells, world->n_members);
    return rounds;
}

static void assert_still(struct world *world)
{
    for (size_t i = 0; i <= world->oldest; i++) /* until the last old picture is a true one */
        play_round(world);
    world->given = world->taken = 0;
    for (size_t i = 0; i <= world->oldest + 1; i++)
        play_round(world);
    assert_true(is_fair(world));
    assert_int_equal(world->given, 0);
    assert_int_equal(world->taken, 0);
}

static struct world world;

static void play_history(size_t n_cells, size_t n_members, size_t oldest, uint64_t seed)
{
    make_world(&world, n_cells, n_members, oldest, seed);
    for (size_t i = below(&world.seed, 30); i > 0; i--) {
        something_happens(&world);
        play_round(&world);
    }
    for (size_t i = 0; i < oldest; i++) /* everybody has heard of who comes and goes, not yet of who has what */
        play_round(&world);
    size_t fewest = fewest_given(&world);
    settle(&world);
    assert_int_equal(world.given, fewest);
    assert_still(&world);
}

/* --- the tests --- */

static void any_history_ends_in_fair_shares_with_the_fewest_moves(void **state)
{
    UNUSED(state);
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        uint64_t random = seed;
        size_t n_cells = 1 + below(&random, 24);
        play_history(n_cells, 1 + below(&random, n_cells + 3), 0, seed);
    }
}

static void old_pictures_of_who_has_what_cost_no_move_more(void **state)
{
    UNUSED(state);
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        uint64_t random = seed;
        size_t n_cells = 1 + below(&random, 24);
        play_history(n_cells, 1 + below(&random, n_cells + 3), 1 + below(&random, OLDEST), seed);
    }
}

static void it_is_so_with_as_many_cells_as_there_can_be(void **state)
{
    static const size_t members[] = {1, 2, 7, 64, CELLS_MOST + 3};

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        play_history(CELLS_MOST, members[i], 0, i);
        play_history(CELLS_MOST, members[i], i % (OLDEST + 1), 100 + i);
    }
}

static void settle_with(size_t n_cells, size_t n_members)
{
    make_world(&world, n_cells, n_members, 0, 1);
    memset(world.is.lives, 0, sizeof(world.is.lives));
    for (size_t i = 0; i < n_members; i++)
        world.is.lives[i] = true;
    settle(&world);
}

static void a_member_that_comes_is_given_its_share_and_nothing_else_moves(void **state)
{
    UNUSED(state);
    for (size_t n_cells = 1; n_cells <= 40; n_cells++) {
        for (size_t n = 1; n <= n_cells + 2; n++) {
            settle_with(n_cells, n);
            world.n_members = n + 1;
            world.is.lives[n] = true;
            settle(&world);
            assert_int_equal(world.given, n_cells / (n + 1));
            assert_int_equal(world.taken, n_cells / (n + 1));
        }
    }
}

static void of_a_member_that_dies_its_cells_are_taken_and_nothing_else_moves(void **state)
{
    UNUSED(state);
    for (size_t n_cells = 1; n_cells <= 40; n_cells++) {
        for (size_t n = 2; n <= n_cells + 2; n++) {
            settle_with(n_cells, n);
            size_t freed = count_of(&world, n / 2);
            die(&world, n / 2);
            settle(&world);
            assert_int_equal(world.given, 0);
            assert_int_equal(world.taken, freed);
        }
    }
}

static void who_leaves_gives_all_a_few_at_a_time_and_takes_nothing(void **state)
{
    UNUSED(state);
    settle_with(16, 2);
    world.is.leaving[0] = true;
    play_round(&world);
    assert_int_equal(count_of(&world, 0), 8 - AT_ONCE);
    settle(&world);
    assert_int_equal(count_of(&world, 1), 16);
    assert_int_equal(world.given, 0);
}

static void when_all_leave_nobody_takes_anything(void **state)
{
    UNUSED(state);
    settle_with(16, 3);
    for (size_t i = 0; i < 3; i++)
        world.is.leaving[i] = true;
    settle(&world);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(world.is.owners[i], SHARING_NOBODY);
}

static void no_two_with_the_same_picture_want_one_cell(void **state)
{
    static const int owners[] = {0, SHARING_NOBODY, 1, SHARING_NOBODY, SHARING_NOBODY, 0, SHARING_NOBODY};
    static const bool leaving[] = {false, false, true, false};
    const struct sharing now = {COUNT_OF(owners), owners, COUNT_OF(leaving), leaving};
    int targets[COUNT_OF(leaving)], heirs[COUNT_OF(owners)];

    UNUSED(state);
    sharing_targets(&now, targets);
    assert_int_equal(targets[0] + targets[1] + targets[3], 7);
    assert_int_equal(targets[2], 0);
    sharing_heirs(&now, targets, heirs);
    int wanted[COUNT_OF(leaving)] = {0};
    for (size_t i = 0; i < COUNT_OF(owners); i++) {
        assert_int_equal(heirs[i] == SHARING_NOBODY, owners[i] != SHARING_NOBODY);
        if (heirs[i] != SHARING_NOBODY)
            wanted[heirs[i]]++;
    }
    assert_int_equal(wanted[0], 1); /* seven for three, the first has two */
    assert_int_equal(wanted[1], 1);
    assert_int_equal(wanted[2], 0);
    assert_int_equal(wanted[3], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_history_ends_in_fair_shares_with_the_fewest_moves),
        cmocka_unit_test(old_pictures_of_who_has_what_cost_no_move_more),
        cmocka_unit_test(it_is_so_with_as_many_cells_as_there_can_be),
        cmocka_unit_test(a_member_that_comes_is_given_its_share_and_nothing_else_moves),
        cmocka_unit_test(of_a_member_that_dies_its_cells_are_taken_and_nothing_else_moves),
        cmocka_unit_test(who_leaves_gives_all_a_few_at_a_time_and_takes_nothing),
        cmocka_unit_test(when_all_leave_nobody_takes_anything),
        cmocka_unit_test(no_two_with_the_same_picture_want_one_cell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
