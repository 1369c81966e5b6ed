/** sim_rules.h: what must never break (the nine rules), looked at after every step in what is committed.
 */
#ifndef COFFEESHOP_SIM_RULES_H
#define COFFEESHOP_SIM_RULES_H

#include "sim_shop.h"

enum { SIM_MOST_RESERVATIONS = 512 };

/** A reservation as stock has it. */
struct sim_reservation {
    bool of_order;
    int64_t number; /* the order's, or the counter ticket's */
    int64_t attempt;
    bool reduced; /* and not released */
    int64_t qty;
};

/** Stock as it is committed. */
struct sim_stock_picture {
    struct sim_reservation reservations[SIM_MOST_RESERVATIONS];
    size_t n;
    int64_t on_hand[SIM_ITEMS];
    int64_t reserved[SIM_ITEMS];
    int64_t came[SIM_ITEMS]; /* received and corrected, by stock's events */
    uint64_t position;       /* of the last event counted */
};

struct sim_known {
    int state;
    int64_t version, qty, amount;
};

struct sim_rules {
    size_t order_commits, ticket_commits, stock_commits;
    struct sim_known *orders, *tickets; /* by place in the store */
    size_t n_orders, orders_room;
    size_t n_tickets, tickets_room;
    struct sim_stock_picture stock;
};

void sim_rules_begin(struct sim *sim);
/** After a step. */
void sim_rules_check(struct sim *sim);
/** When all is calm, before goods come for all: nobody waits for what is there. */
void sim_rules_check_calm(struct sim *sim);
/** At the end, when nothing is broken any more and goods have come for all. */
void sim_rules_check_end(struct sim *sim);
void sim_rules_free(struct sim *sim);

/** Reads what stock has committed (sim_rules_stock.c) and checks it by itself. */
void sim_rules_look_at_stock(struct sim *sim);

#endif
