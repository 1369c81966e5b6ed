/** fake_payment_repo.h: payment's repository in memory, for tests and the simulation: all or nothing, and it can be
 * made to break. What it hands out is the caller's copy; what was committed survives any number of apps. One thread at
 * a time.
 */
#ifndef COFFEESHOP_FAKE_PAYMENT_REPO_H
#define COFFEESHOP_FAKE_PAYMENT_REPO_H

#include "fake_outbox.h"
#include "fake_trap.h"
#include "payment_ports.h"

struct fake_payment_repo {
    struct payment_repo port;
    struct payment *payments; /* committed, by id; texts are the fake's */
    size_t n, room;
    struct payment_booking *bookings; /* the ledger */
    size_t n_bookings, bookings_room;
    struct fake_outbox outbox;
    struct fake_trap reads, commits; /* set by whoever wants a failure */
    size_t n_commits;                /* that succeeded and had something to store */
};

struct fake_payment_repo *fake_payment_repo_new(void);
/** What is committed now; its texts are the fake's. fake_payment_repo_free() it before that. */
struct fake_payment_repo *fake_payment_repo_copy(const struct fake_payment_repo *fake);
/** The store is replaced by what it was; NULL: by an empty one. */
void fake_payment_repo_put_back(struct fake_payment_repo *fake, const struct fake_payment_repo *copy);
void fake_payment_repo_free(struct fake_payment_repo *fake);
/** The committed payment, or NULL. */
const struct payment *fake_payment_repo_find(const struct fake_payment_repo *fake, int64_t id);

#endif
