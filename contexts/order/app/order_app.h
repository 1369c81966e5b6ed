/** order_app.h: the order's use cases: place an order, cancel it, follow what product tells.
 *
 *  An order that has to be paid is a command that comes twice: bought, it is kept while payment is asked; paid, it is
 *  placed. What it may be placed by, the approval, is not older than half its life then: payment gives it back when it
 *  ends, and must not do so while the order is being committed.
 *
 *  One batch is load, decide, commit; then, and only then, events become visible, effects are asked for and clients are
 * answered. Used by one thread (the writer's), but order_app_buy(); the simulation drives it the same way.
 */
#ifndef COFFEESHOP_ORDER_APP_H
#define COFFEESHOP_ORDER_APP_H

#include "cell.h"
#include "client_request.h"
#include "core.h"
#include "order.h"
#include "order_ports.h"

enum { ORDER_DECLINE_REASON = 128, ORDER_PAYMENT_METHOD = 32 /* characters */, ORDER_CURRENCY = 3 };

/** One command. Its texts have to live until it is finished; the creator's `base.finish` frees it. */
struct order_command {
    struct command base;
    struct order_intent intent;
    int64_t order_id; /* given, or for PLACE: filled in */
    struct str correlation, traceparent;
    struct client_request client;
    int unanswered;            /* an effect: why there is no answer, see order_product_caller; 0: there is one */
    struct str payment_method; /* BUY */
    int64_t paid_until;        /* PLACE: own time (us) up to which it may be placed as paid */
    char promised_currency[ORDER_CURRENCY];    /* PLACE: intent.currency's text when it was promised at another price */
    char decline_reason[ORDER_DECLINE_REASON]; /* DECLINED: why, with a NUL; may be cut off */

    /* what came out; valid from render() on */
    enum order_verdict verdict;
    enum order_refusal refusal;
    enum order_effect effect;
    struct order order; /* as it is after the command */
    /** Makes `client.answer` of what came out, before the commit so that it can be kept with the key; sent by finish()
     * after it. NULL: nobody waits. */
    void (*render)(struct order_command *self);
};

/** The feeds that are followed; payment's only where orders are paid before they exist. */
enum { ORDER_SOURCE_PRODUCT, ORDER_SOURCE_PAYMENT };

struct order_ports {
    struct order_repo *repo;
    struct order_product_caller *product;
    struct event_sink *events;
    order_write_event *write_event;
    struct order_payment_caller *payment; /* NULL: orders are paid at the counter */
};

struct order_app {
    struct core core;
    struct order_ports ports;
    struct cell cell; /* whose ids it gives */
    struct outbox outbox;
    struct cursors cursors;
    struct arena arena;
    int64_t last_id, committed_id; /* while a batch is decided: with it, and without */
    struct order_batch batch;      /* from decide() to settle() */
};

/** Restores from the repository. `cursors` names the sources. 0 or an errors.h code. */
int order_app_init(struct order_app *app, const struct order_ports *ports, struct cell cell,
                   const struct cursors *cursors);
void order_app_free(struct order_app *app);
/** A purchase (ORDER_BUY) that only has to be asked for: without a key nothing of the store has a say in it, and
 * nothing is changed, so it needs no turn of the writer's before payment is asked. false: the writer decides it (it has
 * a key, or was shown another price). Any thread that may ask payment: the loop's. */
bool order_app_buy(const struct order_app *app, struct order_command *command);

#endif
