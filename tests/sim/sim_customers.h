/** sim_customers.h: everybody who comes to the shop: customers, the counter's, the stock keeper, and in manual mode a
 * barista.
 */
#ifndef COFFEESHOP_SIM_CUSTOMERS_H
#define COFFEESHOP_SIM_CUSTOMERS_H

#include "sim_shop.h"

struct sim_customers {
    struct sim_request *requests; /* all there ever were */
    size_t n_requests;
    int64_t n_customers; /* numbered from 1 */
};

/** They come while the shop is busy. */
void sim_customers_come(struct sim *sim);
/** Faults have stopped: goods come for everybody, and the barista works off what is left. */
void sim_customers_see_it_through(struct sim *sim);
/** An order's amount says who placed it: the customer's number, and in its last digit what the menu said and which body
 * of theirs it was. */
static inline int64_t sim_amount_of(const struct sim *sim, int64_t customer, bool other_body)
{
    return customer * 10 + sim->price * 2 + other_body;
}
static inline int64_t sim_customer_of_amount(int64_t amount)
{
    return amount / 10;
}
/** Whether that is what the menu has said: a customer who is shown something else is shown 9. */
static inline bool sim_is_menus_amount(int64_t amount)
{
    return amount % 10 <= 7;
}
/** Whether the customer uses an idempotency key: all their requests are one order. */
bool sim_customer_is_keyed(int64_t number);

/* Of their own files: */
void sim_orders_come(struct sim *sim);
void sim_counter_comes(struct sim *sim);
void sim_keeper_comes(struct sim *sim);
void sim_keeper_fills_up(struct sim *sim);
void sim_barista_comes(struct sim *sim);
void sim_rushes_come(struct sim *sim);
void sim_strangers_come(struct sim *sim);
/** A request gets its memory and is remembered. */
void *sim_request_new(struct sim *sim, size_t size);

#endif
