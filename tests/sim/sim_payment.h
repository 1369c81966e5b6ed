/** sim_payment.h: where orders are paid before they exist: payment's part of the shop, and who asks it.
 */
#ifndef COFFEESHOP_SIM_PAYMENT_H
#define COFFEESHOP_SIM_PAYMENT_H

#include "fake_payment_repo.h"
#include "payment_app.h"
#include "sim_call.h"
#include "sim_shop.h"

/* ---- order's question (sim_order_payment.c) ---- */

enum sim_bill_status {
    SIM_BILL_PENDING,
    SIM_BILL_AUTHORIZED,
    SIM_BILL_DECLINED,
    SIM_BILL_KEY_REUSED,
    SIM_BILL_NOT_KNOWN
};

/** One purchase, and what payment says of it. */
struct sim_bill {
    struct str key, method; /* the history's */
    int64_t amount, body;
    bool only_if_known;

    enum sim_bill_status status;
    int64_t promised; /* AUTHORIZED: the amount when it was first asked for */
    int64_t payment_id, valid_us;
    struct str reason; /* the history's */
};

struct payment_client;
struct sim_payment_call {
    struct sim_call base;
    struct payment_client *client;
    size_t n;
    struct sim_bill bills[SIM_MOST_BATCH];
    struct order_command *commands[SIM_MOST_BATCH]; /* order's, that wait for them */
    int64_t asked_at;                               /* order's own time */
    int64_t first_asked_at;                         /* of those who are asked for again, on their own; 0: they aren't */
};

/** How order asks payment; for sim_order.c, which calls its service `order`. The history's. */
struct order_payment_caller *sim_order_payment_new(struct sim_service *order);
/** The process has ended: so has who waited to be asked for. */
void sim_order_payment_end(struct order_payment_caller *caller);

/* ---- payment (sim_payment.c) ---- */

void sim_payment_open(struct sim *sim);
void sim_payment_close(struct sim *sim);
/** The committed payments. NULL: paid at the counter. */
const struct fake_payment_repo *sim_payments(const struct sim *sim);

/** Order's questions that payment's provider owes an answer to; NULL: payment isn't there, or not up. */
const struct payment_waiting *sim_payment_waiting(const struct sim *sim);

/** Who moves the money; NULL: the till, or the counter. */
struct sim_provider *sim_provider(const struct sim *sim);

/* ---- who asks it (sim_payment_clients.c) ---- */

/** An operator's refund, or what comes by the provider's webhook. */
struct sim_payment_request {
    struct sim *sim;
    int64_t payment_id;
    struct payment_intent intent;
    /** rc 0: `step` is what came out; else NULL. */
    void (*done)(struct sim_payment_request *self, int rc, const struct payment_step *step);
};

/** A call's request has arrived at payment. */
void sim_payment_authorize(struct sim_payment_call *call);
/** `done` is called at once when the connection is refused. */
void sim_payment_ask(struct sim_payment_request *request);
/** Operators give money back, and strangers say what only the provider may say; while the shop is busy. */
void sim_payment_people_come(struct sim *sim);

#endif
