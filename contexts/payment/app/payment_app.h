/** payment_app.h: payment's use cases: authorise, capture, give back.
 *
 *  One batch is load, decide, commit; then, and only then, events become visible, the provider is asked and clients are
 *  answered. A command is one request: order asks for all its waiting customers at once, in steps that are decided in
 *  order. Used by one thread (the writer's); the simulation drives it the same way.
 *
 *  A provider that decides by itself (the ledger) is asked while the batch decides, so that an authorisation is one
 *  commit. Any other is asked after the commit, again and again with growing pauses until its answer is known: what is
 *  owed to it is the payment's state and due time, so a restart goes on where it was.
 */
#ifndef COFFEESHOP_PAYMENT_APP_H
#define COFFEESHOP_PAYMENT_APP_H

#include "core.h"
#include "payment_ports.h"

/** One thing asked for, and what came of it. */
struct payment_step {
    struct payment_intent intent;
    int64_t payment_id; /* of whom it is asked; AUTHORIZE: filled in */

    /* what came out; valid from render() on */
    enum payment_verdict verdict;
    enum payment_refusal refusal;
    bool key_of_another;    /* AUTHORIZE: its key is another purchase's */
    struct payment payment; /* as it is after the step */
    int64_t valid_us;       /* AUTHORIZE: so long it is kept for its order */

    size_t key; /* the app's */
};

/** One command. Its texts and steps have to live until it is finished; the creator's `base.finish` frees it. */
struct payment_command {
    struct command base;
    struct payment_step *steps;
    size_t n;
    struct str correlation, traceparent;
    /** Says what came of it, before the commit; sent by finish() after it. NULL: nobody waits. */
    void (*render)(struct payment_command *self);
};

enum { PAYMENT_SOURCE_ORDER }; /* the only feed that is followed */

struct payment_ports {
    struct payment_repo *repo;
    struct payment_provider *provider;
    struct order_feed *orders;
    struct event_sink *events;
    payment_write_event *write_event;
};

struct payment_app {
    struct core core;
    struct payment_ports ports;
    struct payment_policy policy;
    struct outbox outbox;
    struct cursors cursors;
    struct arena arena;
    int64_t last_id;
    bool brought_back;
    int64_t next_scan; /* own time, us */
};

/** Restores from the repository. `cursors` names the sources. 0 or an errors.h code. */
int payment_app_init(struct payment_app *app, const struct payment_ports *ports, const struct payment_policy *policy,
                     const struct cursors *cursors);
void payment_app_free(struct payment_app *app);

#endif
