/** membership_world.h: what the contract suite of membership.h runs over: a store, its members, and what is done to
 *  them. One service a test, with WORLD_CELLS cells. Failures fail the test.
 */
#ifndef COFFEESHOP_MEMBERSHIP_WORLD_H
#define COFFEESHOP_MEMBERSHIP_WORLD_H

#include "membership.h"

enum { WORLD_CELLS = 16, WORLD_LOST_MS = 3000 };

/** By the word on the command line: none, postgres, redis. Ends the process where there is no such server. */
void membership_world_start(int argc, char **argv);
void membership_world_end(void);
/** A service that nobody has seen yet. */
void membership_world_reset(void);
struct membership *membership_world_open(void);
/** Opening with so many cells is refused so, with a sentence that has the words in it. */
void membership_world_assert_refused(size_t n_cells, int error, const char *words);

/** A little time goes by; the member (NULL: nobody) gives a sign of life. */
void membership_world_pass(struct membership *member);
int64_t membership_world_now(void); /* ms */

/** A member that is a process of its own: it has joined, has the cell, may commit to it, and goes on giving signs of
 * life. */
struct other {
    int pid, fd;
    struct membership *member; /* in memory: there is no process */
    int64_t change;
    int cell;
};
struct other membership_world_other(int cell);
void membership_world_kill(struct other *other);
void membership_world_stop(struct other *other);
void membership_world_continue(struct other *other);
/** What its next commit to the cell comes to, an errors.h code. */
int membership_world_commit_of(struct other *other);
int membership_world_beat_of(struct other *other);
/** The member opens the cell as its owner by that number, as soon as the store lets it. */
void membership_world_take(struct membership *member, int64_t change);
void membership_world_release(void);

/** The server ends its connection. false: for this store that means nothing. */
bool membership_world_cut(struct membership *member);
/** The server goes away, and comes back. */
void membership_world_away(void);
void membership_world_back(void);
/** Both claim all cells at once, again and again: each is granted once. */
void membership_world_race(struct membership *a, struct membership *b);

#endif
