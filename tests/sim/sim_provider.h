/** sim_provider.h: who moves the money, outside: a model of docs/payment-provider.md with books of its own. It is late,
 * says things twice, by its webhook before it answers, or in another order; and what was asked of it may get lost.
 */
#ifndef COFFEESHOP_SIM_PROVIDER_H
#define COFFEESHOP_SIM_PROVIDER_H

#include "payment_ports.h"
#include "sim_service.h"

/** What the provider has been asked to do for a payment, and when it does so. */
struct sim_work {
    bool asked, done;
    int64_t done_at;
};

struct sim_charge {
    int64_t payment_id, amount;
    struct sim_work work[PROVIDER_RETURN + 1]; /* by operation */
    bool approves, approved;
    int64_t captured, returned;
};

struct sim_provider {
    struct payment_provider port; /* as payment asks it */
    struct sim_service *payment;
    struct sim_charge *charges;
    size_t n, room;
    size_t n_changes; /* of its books */
};

void sim_provider_open(struct sim_provider *provider, struct sim_service *payment);
void sim_provider_close(struct sim_provider *provider);
/** What it has done for the payment; NULL: it has never heard of it. */
const struct sim_charge *sim_provider_find(const struct sim_provider *provider, int64_t payment_id);
/** Somebody says by the webhook what only the provider may say. */
void sim_provider_forge(struct sim_provider *provider, int64_t payment_id);
/** Its books in a backup; `from` is none other's then. NULL: empty ones. */
void sim_provider_copy(struct sim_provider *to, const struct sim_provider *from);
void sim_provider_put_back(struct sim_provider *provider, const struct sim_provider *copy);

#endif
