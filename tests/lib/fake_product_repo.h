/** fake_product_repo.h: the kitchen's repository in memory, for tests and the simulation: all or nothing, and it can be
 * made to break. What it hands out is the caller's copy; what was committed survives any number of apps. One thread at
 * a time.
 */
#ifndef COFFEESHOP_FAKE_PRODUCT_REPO_H
#define COFFEESHOP_FAKE_PRODUCT_REPO_H

#include "fake_outbox.h"
#include "fake_trap.h"
#include "product_ports.h"

struct fake_product_repo {
    struct product_repo port;
    struct ticket *tickets; /* committed, by id; texts are the fake's */
    size_t n, room;
    struct fake_outbox outbox;
    struct fake_trap reads, commits; /* set by whoever wants a failure */
    size_t n_searches;               /* for tickets that wait for goods */
    size_t n_commits;                /* that succeeded and had something to store */
    bool lets_orders_have_twins;     /* a store without the unique index: a second ticket of an order is not refused */
};

struct fake_product_repo *fake_product_repo_new(void);
/** What is committed now; its texts are the fake's. fake_product_repo_free() it before that. */
struct fake_product_repo *fake_product_repo_copy(const struct fake_product_repo *fake);
/** The store is replaced by what it was; NULL: by an empty one. */
void fake_product_repo_put_back(struct fake_product_repo *fake, const struct fake_product_repo *copy);
void fake_product_repo_free(struct fake_product_repo *fake);
/** The committed ticket, or NULL. */
const struct ticket *fake_product_repo_find(const struct fake_product_repo *fake, int64_t id);
/** The committed ticket of an order, or NULL. */
const struct ticket *fake_product_repo_find_order(const struct fake_product_repo *fake, int64_t order_id);

#endif
