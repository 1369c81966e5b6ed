/** product_app.h: the kitchen's use cases: take an order as a ticket, ask stock, start, finish, cancel; and the
 * counter's own tickets.
 *
 *  One batch is load, decide, commit; then, and only then, events become visible, stock is asked and clients are
 * answered. The saga is in the rows: what a ticket waits for is its state, and when to go on its due_at; a restart
 * continues where it was. Used by one thread (the writer's); the simulation drives it the same way.
 */
#ifndef COFFEESHOP_PRODUCT_APP_H
#define COFFEESHOP_PRODUCT_APP_H

#include "ask_table.h"
#include "base.h"
#include "cell.h"
#include "client_request.h"
#include "core.h"
#include "goods.h"
#include "product_ports.h"

/** Whose events the kitchen follows; the order of its cursors. */
enum product_source { PRODUCT_SOURCE_ORDER, PRODUCT_SOURCE_STOCK };

/** One command. Its texts have to live until it is finished; the creator's `base.finish` frees it. What it concerns
 * follows from intent.kind: the order (ORDERED, CANCEL_ORDER: intent.order_id), an item (GOODS_IN: item, on_hand), a
 * new ticket (OPEN), or the ticket (all others: ticket_id). */
struct product_command {
    struct command base;
    struct ticket_intent intent;
    int64_t ticket_id;
    struct str item; /* GOODS_IN */
    int64_t on_hand; /* GOODS_IN: what there is now */
    struct client_request client;

    /* what came out; valid from render() on */
    enum ticket_verdict verdict;
    enum ticket_refusal refusal;
    int unanswered;       /* an errors.h code: stock could not be asked */
    struct ticket ticket; /* as it is after the command */
    /** Makes `client.answer`, before the commit. NULL: nobody waits. */
    void (*render)(struct product_command *self);

    struct product_command *also; /* the app's: the next that waits for the same answer of stock's */
    size_t entry;                 /* the app's */
    bool waits;                   /* the app's: it is answered when stock has answered */
};

static inline struct product_command *product_command_of(struct command *command)
{
    return CONTAINER_OF(command, struct product_command, base);
}

struct product_ports {
    struct product_repo *repo;
    struct stock_caller *stock;
    struct event_sink *events;
    product_write_event *write_event;
};

struct product_settings_app {
    struct ticket_policy policy;
    bool manual;          /* a barista starts and finishes; the times are passed over */
    size_t most_asks;     /* tickets for which stock is asked at a time */
    size_t most_taken_up; /* in a batch, of those that goods have come for; 0: 1024 */
};

struct product_app {
    struct core core;
    struct product_ports ports;
    struct product_settings_app settings;
    struct cell cell; /* whose ids it gives */
    struct outbox outbox;
    struct cursors cursors;
    struct arena arena;
    struct ask_table asks;
    struct goods goods;
    bool holds;                    /* goods are left over: stock's cursor is stored as `held`, not as it is */
    uint64_t held, holding;        /* while a batch is decided: without it, and with */
    int64_t last_id, committed_id; /* while a batch is decided: with it, and without */
    struct product_batch batch;    /* from decide() to settle() */
    int64_t last_order_id;         /* of this cell: one of its orders above it certainly has no ticket yet */
    struct due_ticket taken;       /* due tickets up to here have been taken */
    int64_t next_scan;             /* when the next one beyond may be due */
    int64_t now;                   /* of the last batch */
    int64_t last_old_id;           /* tickets up to it are from before the start */
    bool brought_back;             /* what was due too late has been put right … */
    bool brings_back;              /* … or is, by this batch */
};

int product_app_init(struct product_app *app, const struct product_ports *ports, struct cell cell,
                     const struct product_settings_app *settings, const struct cursors *cursors);
/** Commands still waiting for stock are finished with E_CLOSING. */
void product_app_free(struct product_app *app);

#endif
