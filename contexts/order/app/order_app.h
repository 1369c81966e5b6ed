/** order_app.h: the order's use cases: place an order, cancel it, follow what product tells.
 *
 *  One batch is load, decide, commit; then, and only then, events become visible, effects are asked for and clients are
 * answered. Used by one thread (the writer's); the simulation drives it the same way.
 */
#ifndef COFFEESHOP_ORDER_APP_H
#define COFFEESHOP_ORDER_APP_H

#include "client_request.h"
#include "core.h"
#include "order.h"
#include "order_ports.h"

/** One command. Its texts have to live until it is finished; the creator's `base.finish` frees it. */
struct order_command {
    struct command base;
    struct order_intent intent;
    int64_t order_id; /* given, or for PLACE: filled in */
    struct str correlation, traceparent;
    struct client_request client;
    int unanswered; /* a cancel's effect: why there is no answer, see order_product_caller; 0: there is one */

    /* what came out; valid from render() on */
    enum order_verdict verdict;
    enum order_refusal refusal;
    struct order order; /* as it is after the command */
    /** Makes `client.answer` of what came out, before the commit so that it can be kept with the key; sent by finish()
     * after it. NULL: nobody waits. */
    void (*render)(struct order_command *self);
};

struct order_ports {
    struct order_repo *repo;
    struct order_product_caller *product;
    struct event_sink *events;
    order_write_event *write_event;
};

struct order_app {
    struct core core;
    struct order_ports ports;
    struct outbox outbox;
    struct cursors cursors;
    struct arena arena;
    int64_t last_id;
};

/** Restores from the repository. `cursors` names the sources. 0 or an errors.h code. */
int order_app_init(struct order_app *app, const struct order_ports *ports, const struct cursors *cursors);
void order_app_free(struct order_app *app);

#endif
