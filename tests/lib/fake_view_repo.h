/** fake_view_repo.h: the customer's view in memory, for tests and the simulation: all or nothing, and it can be made to
 * break. What it hands out is the caller's copy; what was committed survives any number of apps. One thread at a time.
 */
#ifndef COFFEESHOP_FAKE_VIEW_REPO_H
#define COFFEESHOP_FAKE_VIEW_REPO_H

#include "fake_outbox.h"
#include "fake_trap.h"
#include "view_ports.h"

struct fake_view_repo {
    struct view_repo port;
    struct mypage *pages; /* committed, by id; texts and timelines are the fake's */
    size_t n, room;
    struct item_level *items;
    size_t n_items, items_room;
    struct fake_outbox outbox;
    struct fake_trap reads, commits; /* set by whoever wants a failure */
    size_t n_commits;                /* that succeeded and had something to store */
};

struct fake_view_repo *fake_view_repo_new(void);
/** What is committed now; its texts are the fake's. fake_view_repo_free() it before that. */
struct fake_view_repo *fake_view_repo_copy(const struct fake_view_repo *fake);
/** The store is replaced by what it was; NULL: by an empty one. */
void fake_view_repo_put_back(struct fake_view_repo *fake, const struct fake_view_repo *copy);
void fake_view_repo_free(struct fake_view_repo *fake);
/** The committed page of an order, or NULL. */
const struct mypage *fake_view_repo_find(const struct fake_view_repo *fake, int64_t id);

#endif
