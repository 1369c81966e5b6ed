/** order_ports.h: what the order's use cases need from the outside. An adapter embeds its port as the first member.
 */
#ifndef COFFEESHOP_ORDER_PORTS_H
#define COFFEESHOP_ORDER_PORTS_H

#include "batch.h"
#include "event_sink.h"
#include "order.h"

struct order_command;

struct order_entry {
    struct order order;
    bool changed; /* to be stored */
    bool is_new;  /* placed in this batch */
};

/** A batch and the orders it concerns; `set` gives each order id its entry. */
struct order_batch {
    struct batch base;
    struct working_set set;
    struct order_entry *entries;
    size_t n_loaded; /* entries up to here are filled in by load(); those behind are new orders */
};

/** Where orders are kept. Adapter: adapters/order_repo_sql.c; fake: tests/lib/fake_order_repo.c. Writer thread. */
struct order_repo {
    /** Fills entries 0..set.n-1 (an id that was never given stays ORDER_NONE; its id is filled in) and looks up
     * base.records. Texts are copied to the batch's arena. One round trip whatever the size. 0, E_UNAVAILABLE,
     * E_MEMORY. */
    int (*load)(struct order_repo *self, struct order_batch *batch);
    /** Changed entries, outbox, cursors, new idempotency records, dead letters: all or nothing, durable when it returns
     * 0. E_FULL, E_UNAVAILABLE, E_CONFLICT (another writer got there). */
    int (*commit)(struct order_repo *self, struct order_batch *batch);
    /** At start: the highest id ever given, the last event's position, the cursors (their sources are filled in). */
    int (*restore)(struct order_repo *self, int64_t *last_id, uint64_t *last_position, struct cursors *cursors);
};

/** Asks product to cancel an order's production. Adapter: adapters/order_product_client.c. */
struct order_product_caller {
    /** Takes the command over, asks, and posts the same command back to the writer: with intent.kind
     * ORDER_CANCEL_CONFIRMED or ORDER_CANCEL_REFUSED; or as it is with `unanswered` set to an errors.h code:
     * E_OUTCOME_UNKNOWN when it may have been done (time-out, an answer that isn't product's), another when it
     * certainly wasn't (breaker open, no connection). A repeat is harmless: the call is keyed by the order's id. Writer
     * thread; returns at once. */
    void (*cancel)(struct order_product_caller *self, struct order_command *command);
};

/** Asks payment to authorise what an order is going to cost. Adapter: adapters/order_payment_client.c. Writer thread,
 * but authorize_here(). */
struct order_payment_caller {
    /** Takes the command (ORDER_BUY) over, asks with the others of its batch, and lets it go on with what came of it:
     *  - approved: intent.kind ORDER_PLACE, intent.payment_id and `paid_until`; when its key was first asked for at
     *    another price, intent.amount, price and currency are that one's;
     *  - `effect` FIND_PURCHASE, and its key has none: as it is, with intent.may_be_known false;
     *  - declined: ORDER_DECLINED and `decline_reason`;
     *  - the key is another purchase's: `client.key_reused`;
     *  - `unanswered` as for a cancel: E_OUTCOME_UNKNOWN when payment may have approved, another when it certainly
     *    hasn't.
     * A repeat under the same Idempotency-Key is the same purchase. */
    void (*authorize)(struct order_payment_caller *self, struct order_command *command);
    /** All questions of this batch are asked. */
    void (*flush)(struct order_payment_caller *self);
    /** authorize() for a command that the writer has never had: it is asked with all others of the loop's turn. false:
     * there is no memory, and it is still the caller's. Loop thread. */
    bool (*authorize_here)(struct order_payment_caller *self, struct order_command *command);
};

/** Writes an order's event into the outbox. Implementation: adapters/order_events.c. */
typedef void order_write_event(struct outbox *outbox, const struct order *order, const struct order_event *event,
                               const struct order_command *command);

#endif
