/** product_ports.h: what the kitchen's use cases need from the outside. An adapter embeds its port as the first member.
 */
#ifndef COFFEESHOP_PRODUCT_PORTS_H
#define COFFEESHOP_PRODUCT_PORTS_H

#include "batch.h"
#include "event_sink.h"
#include "ticket.h"

struct product_command;

struct product_entry {
    struct ticket ticket;
    bool changed; /* to be stored */
    bool is_new;
    bool becomes_visible; /* it was hidden, or not there, and the world may see it now */
};

/** A batch and the tickets it concerns. */
struct product_batch {
    struct batch base;
    struct working_set tickets; /* ticket id -> entry */
    struct product_entry *entries;
    bool *key_waits;           /* by idempotency record: a command of this batch will wait for stock with it */
    struct working_set orders; /* order id -> slot in order_entry */
    size_t *order_entry;       /* its entry + 1; 0: the order has no ticket yet */
    struct ticket *waiting;    /* out of stock, and goods have come for them */
    size_t n_waiting;
    int64_t *due; /* ids of tickets whose time has come */
    size_t n_due;
    bool out_of_memory;                   /* while deciding: the batch can't be committed */
    int64_t due_at_cursor, due_id_cursor; /* how far the due tickets are taken when this batch is committed */
};

struct due_ticket {
    int64_t due_at, id;
};

/** The latest that a ticket may be due, us: by what its state waits for. */
struct due_limits {
    int64_t ready, producing, others;
    int64_t now;           /* none has waited since later than that */
    int64_t give_up_after; /* as in struct ticket_policy */
};

/** Where tickets are kept. Adapter: adapters/product_repo_sql.c; fake: tests/lib/fake_product_repo.c. Writer thread.
 *  Texts of loaded tickets are copied to the arena. Errors: E_UNAVAILABLE, E_MEMORY, E_FULL, E_CONFLICT. */
struct product_repo {
    /** The ticket of each order (`out[i]`: TICKET_NONE when it has none). */
    int (*find_by_orders)(struct product_repo *self, const int64_t *order_ids, size_t n, struct ticket *out,
                          struct arena *arena);
    /** The tickets themselves (TICKET_NONE: never made). */
    int (*find_by_ids)(struct product_repo *self, const int64_t *ids, size_t n, struct ticket *out,
                       struct arena *arena);
    /** The oldest out-of-stock tickets of an item that `on_hand` is enough for, those that don't fit passed over;
     * appended to `*out` (an array in the arena, made anew when it has to grow) until there are `most` in it. */
    int (*find_waiting)(struct product_repo *self, struct str product_name, int64_t on_hand, size_t most,
                        struct ticket **out, size_t *n, struct arena *arena);
    /** The items that out-of-stock tickets wait for, at most `most`: an array in the arena. */
    int (*find_waited_for)(struct product_repo *self, size_t most, struct str **items, size_t *n, struct arena *arena);
    /** At most `limit` tickets with due_at <= now that come after `after` in the order (due_at, id). */
    int (*find_due)(struct product_repo *self, struct due_ticket after, int64_t now, size_t limit,
                    struct due_ticket *out, size_t *n);
    /** The earliest due_at after `after`; INT64_MAX: none. */
    int (*next_due)(struct product_repo *self, struct due_ticket after, int64_t *due_at);
    /** Fills in base.records. */
    int (*find_keys)(struct product_repo *self, struct idempotency_record *records, size_t n, struct arena *arena);
    /** Changed entries, outbox, cursors, new idempotency records, dead letters: all or nothing, durable when it returns
     * 0. */
    int (*commit)(struct product_repo *self, struct product_batch *batch);
    /** Once after the start: what is due later than the limits is due then, and who waits for goods is given up as it
     * is set now. All or nothing; a transaction of its own. */
    int (*bring_back)(struct product_repo *self, const struct due_limits *limits);
    /** At start: the highest ticket id and order id seen, the last event's position, the cursors (their sources are
     * filled in). */
    int (*restore)(struct product_repo *self, int64_t *last_id, int64_t *last_order_id, uint64_t *last_position,
                   struct cursors *cursors);
};

/** A question to stock, keyed by its reservation id, so that a repeat is harmless. Texts are valid during the call
 * only. */
struct stock_question {
    bool release; /* give back, rather than reduce */
    int64_t ticket_id;
    int64_t order_id; /* 0: a counter ticket */
    int64_t attempt;
    struct str product_name;
    int64_t qty;
};

/** Adapter: adapters/product_stock_client.c. Writer thread; returns at once. */
struct stock_caller {
    /** Takes a question. Its answer comes back as a command of kind REDUCED, REFUSED, RELEASED or UNANSWERED (time-out,
     * breaker open), origin FROM_EFFECT, exactly once. */
    void (*ask)(struct stock_caller *self, const struct stock_question *question);
    /** All questions of this batch are asked: send them together. */
    void (*flush)(struct stock_caller *self);
};

/** Writes a ticket's event into the outbox. Implementation: adapters/product_events.c. */
typedef void product_write_event(struct outbox *outbox, const struct ticket *ticket, const struct ticket_event *event);

#endif
