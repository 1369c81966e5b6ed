/** sim_rules.h: what must never break (ARCHITECTURE.md, "The nine rules"), looked at after every step in what is
 * committed.
 */
#ifndef COFFEESHOP_SIM_RULES_H
#define COFFEESHOP_SIM_RULES_H

#include "payment.h"
#include "sim_shop.h"

enum { SIM_MOST_RESERVATIONS = 512, SIM_MOST_SHELVES = 64, SIM_MOST_CLIENTS = 64, SIM_MOST_ASKED = 512 };

/** A reservation of the kitchen's as stock has it. */
struct sim_reservation {
    bool of_order;
    int64_t number; /* the order's, or the counter ticket's */
    int64_t attempt;
    bool reduced; /* and not released */
    int64_t qty;
};

/** A client's reservation. */
struct sim_client_reservation {
    struct str id; /* as it is kept; the history's */
    struct reservation last;
};

/** A row of stock, removed ones too, and what its events say of it. */
struct sim_shelf {
    size_t item;
    bool kept, gone;
    int64_t on_hand, version;
    int64_t reserved; /* from it */
    int64_t moved;    /* the sum of all movements: what has to be there */
    int64_t out;      /* reduced for somebody and not released, while it was kept */
    int64_t taken;    /* reduced for nobody: without a reservation */
    int64_t came;     /* received and corrected */
};

/** Stock as it is committed. */
struct sim_stock_picture {
    struct sim_reservation reservations[SIM_MOST_RESERVATIONS];
    size_t n;
    struct sim_client_reservation clients[SIM_MOST_CLIENTS];
    size_t n_clients;
    struct sim_shelf shelves[SIM_MOST_SHELVES]; /* by the row's id less one */
    size_t n_shelves;
    int64_t kept[SIM_ITEMS];    /* the id of the row that has the item's name; 0: it isn't kept */
    int64_t on_hand[SIM_ITEMS]; /* in that row */
    uint64_t counts;            /* a bit for each count of the keeper's (sim_shelf.h) that has been taken */
    uint64_t position;          /* of the last event looked at */
};

struct sim_known {
    int state;
    int64_t version, qty, amount;
};

struct sim_rules {
    size_t order_commits, ticket_commits, stock_commits, payment_changes;
    struct sim_known *orders, *tickets; /* by place in the store */
    size_t n_orders, orders_room;
    size_t n_tickets, tickets_room;
    struct payment *payments; /* by place in the store, as they were */
    size_t n_payments, payments_room;
    struct sim_stock_picture stock;
    int asked_refunds[SIM_MOST_ASKED];                               /* by payment */
    int asked_orders[SIM_MOST_ASKED], asked_tickets[SIM_MOST_ASKED]; /* by id: how often a cancel was asked for */
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
/** Of a client's reservation nothing but what its table allows has happened. */
void sim_rules_take_client(struct sim *sim, const struct reservation *reservation);
/** The one that is kept under this id; NULL: none. */
const struct sim_client_reservation *sim_rules_client(const struct sim *sim, struct str id);
/** Somebody asks for a cancel of it, or (`by` -1) hears that there is none such. */
void sim_rules_cancel_is_asked(int *asked, int64_t id, int by);
/** Whatever strangers do: nothing of the kitchen's moves unasked. */
void sim_rules_check_kitchen(struct sim *sim);
/** The item's number; SIM_ITEMS: none. */
size_t sim_item_of(struct str name);

#endif
