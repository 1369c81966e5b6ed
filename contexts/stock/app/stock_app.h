/** stock_app.h: stock's use cases: take out, give back, receive goods, keep the rows.
 *
 *  One batch is load, decide, commit; then, and only then, events become visible and clients are answered. A command is
 *  one request: it may hold many steps (the kitchen asks for all its waiting tickets at once), which are decided in
 *  order. Used by one thread (the writer's); the simulation drives it the same way.
 *
 *  At the first run each item of the opening list whose name never had a row gets one, with the opening quantity (rule
 *  5), in that run's commit.
 */
#ifndef COFFEESHOP_STOCK_APP_H
#define COFFEESHOP_STOCK_APP_H

#include "cell.h"
#include "client_request.h"
#include "core.h"
#include "retention_clock.h"
#include "stock_ports.h"

/** One thing asked for, and what came of it. */
struct stock_step {
    struct stock_intent intent;

    /* what came out; valid from render() on */
    enum stock_verdict verdict;
    enum stock_refusal refusal;
    bool yes;           /* REDUCE: taken; GIVE_BACK: it had been taken and is given back */
    struct stock stock; /* the row after it; for KEPT_ALREADY the row that has the name */

    size_t name, reservation; /* the app's: indexes into the batch */
};

/** One command. Its texts and steps have to live until it is finished; the creator's `base.finish` frees it. */
struct stock_command {
    struct command base;
    struct stock_step *steps;
    size_t n;
    struct str correlation, traceparent;
    struct client_request client; /* replayed: the steps were not taken */
    /** Makes `client.answer` of what came out, before the commit so that it can be kept with the key; sent by finish()
     * after it. NULL: nobody waits. */
    void (*render)(struct stock_command *self);
};

struct stock_ports {
    struct stock_repo *repo;
    struct event_sink *events;
    stock_write_event *write_event;
};

struct stock_options {
    const struct str *opening; /* names; they live as long as the app */
    size_t n_opening;
    int64_t opening_qty;
};

struct stock_app {
    struct core core;
    struct stock_ports ports;
    struct cell cell; /* stock is cut by item: a row's id only has to be no other cell's */
    struct stock_options options;
    struct outbox outbox;
    struct arena arena;
    bool opened;
    int64_t last_id, committed_id; /* while a batch is decided: with it, and without */
    int64_t last_moment;
    struct stock_batch batch; /* from decide() to settle() */
    struct retention_clock retention;
    struct cursors cursors; /* of what is kept beside the state; nobody is listened to */
    int64_t next_tidying;   /* own time, us */
};

/** Restores from the repository. `cursors` names the sources. 0 or an errors.h code. */
int stock_app_init(struct stock_app *app, const struct stock_ports *ports, struct cell cell,
                   const struct stock_options *options, const struct cursors *cursors);
void stock_app_free(struct stock_app *app);

#endif
