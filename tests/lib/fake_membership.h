/** fake_membership.h: membership (kernel/cells/membership.h) in memory, on a time of the test's own: for tests of
 *  whoever uses it, and the simulation. It keeps the port's promises (tests/contract/membership_contract_test.c).
 *
 *  Time goes on only when `now_ms` is set. Not thread-safe, but for the mutex that a test may hold around everything.
 */
#ifndef COFFEESHOP_FAKE_MEMBERSHIP_H
#define COFFEESHOP_FAKE_MEMBERSHIP_H

#include "membership.h"

enum { FAKE_MEMBERS = 64 };

struct fake_member {
    int64_t id;
    char address[MEMBER_ADDRESS_SIZE];
    bool leaving;
    int64_t lives_until_ms;
};

/** The store that the members of one service share. Zero, but for the number of cells and lost_ms. */
struct fake_membership_store {
    size_t n_cells;
    int64_t lost_ms;
    int64_t now_ms;
    bool away;         /* everything is E_UNAVAILABLE */
    bool answers_lost; /* claims are granted, but E_UNAVAILABLE is all that is heard of it */
    int64_t last_id;
    size_t n_members;
    struct fake_member members[FAKE_MEMBERS];
    struct {
        int64_t owner, change;
    } cells[CELLS_MOST];
    uint64_t claimed; /* how many claims were granted that changed the owner */
};

/** One replica's port to it. The store has to live longer. */
struct membership *fake_membership_new(struct fake_membership_store *store);
/** As if its connection was cut by the server: it is no member any more, and learns it when it asks. */
void fake_membership_cut(struct membership *membership);
/** As `away`, of this one alone: the others go on. */
void fake_membership_isolate(struct membership *membership, bool isolated);

#endif
