/** payment_app.h: payment's use cases: authorise, capture, give back.
 *
 *  One batch is load, decide, commit; then, and only then, events become visible, the provider is asked and clients are
 *  answered. A command is one request: order asks for all its waiting customers at once, in steps that are decided in
 *  order. Used by one thread (the writer's); the simulation drives it the same way.
 *
 *  A provider that decides by itself (the ledger) is asked while the batch decides, so that an authorisation is one
 *  commit. Any other is asked after the commit, again and again with growing pauses until its answer is known: what is
 *  owed to it is the payment's state and due time, so a restart goes on where it was. Order's question waits a little
 * for it (payment_waiting.h).
 */
#ifndef COFFEESHOP_PAYMENT_APP_H
#define COFFEESHOP_PAYMENT_APP_H

#include "cell.h"
#include "core.h"
#include "payment_ports.h"
#include "payment_waiting.h"

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
    struct cell cell; /* whose ids it gives */
    struct outbox outbox;
    struct cursors cursors;
    struct payment_waiting waiting;
    struct arena arena;
    int64_t last_id, committed_id;  /* while a batch is decided: with it, and without */
    struct payment_batch batch;     /* from decide() to settle() */
    bool brought_back, brings_back; /* what was due too late has been put right; it is by this batch */
    int64_t gives_up_from;          /* own time: order may still use what was approved before the start */
    int64_t next_scan;              /* own time, us */
};

/** Restores from the repository. `cursors` names the sources. 0 or an errors.h code. */
int payment_app_init(struct payment_app *app, const struct payment_ports *ports, struct cell cell,
                     const struct payment_policy *policy, const struct cursors *cursors);
/** Answers who still waits, with what is known. Once the writer has ended, before the requests are taken away. */
void payment_app_let_go(struct payment_app *app);
void payment_app_free(struct payment_app *app);

#endif
