/** ticket.h: the Ticket aggregate: one coffee order in the kitchen, from arrival to the counter.
 *
 *  Pure: no I/O, no clock, no allocation. ticket_decide() says what happens, ticket_apply() makes it so. Times are the
 * caller's: microseconds since the epoch, UTC. The whole behaviour is the table ticket_states.def.
 *
 *  Here, and only here, it is decided whether a cancel comes in time: cancel and start are two commands on the same
 * ticket (rule 3). Stock is asked under a reservation id of its own for each attempt: a yes and a no are both final for
 * that id, so a repeated question is harmless, and a question whose answer was lost is simply asked again (rule 2).
 * When goods arrive after a no, the next attempt asks under the next id.
 *
 *  `due_at` is the saga's memory: when something is to be done with the ticket by itself, and its state says what:
 * READY: ask stock; PRODUCING: the coffee is done; CANCELED and VOID: give back what may have been reserved; PENDING:
 * nobody waits for it any more; OUT_OF_STOCK: no goods have come in time, it is given up. In manual mode a barista does
 * the first two instead, and their times are passed over.
 */
#ifndef COFFEESHOP_TICKET_H
#define COFFEESHOP_TICKET_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum ticket_state {
    TICKET_NONE,
    TICKET_PENDING, /* at the counter, stock is being asked; hidden */
    TICKET_READY,
    TICKET_OUT_OF_STOCK,
    TICKET_PRODUCING,
    TICKET_COMPLETED,
    TICKET_CANCELED,
    TICKET_VOID,      /* given up at the counter; hidden */
    TICKET_TOMBSTONE, /* cancelled before its order has arrived */
    TICKET_STATE_COUNT
};

enum ticket_command_kind {
    TICKET_ORDERED,      /* an order arrived */
    TICKET_OPEN,         /* a ticket made at the counter */
    TICKET_REDUCED,      /* stock: deducted, for this attempt */
    TICKET_REFUSED,      /* stock: not enough */
    TICKET_REFUSED_LATE, /* stock: not enough, but goods have come since */
    TICKET_UNANSWERED,   /* stock: nothing is known (time-out) */
    TICKET_GOODS_IN,     /* goods have come for an item that had run out */
    TICKET_START,        /* a barista begins (manual mode) */
    TICKET_FINISH,       /* the coffee is done: the timer, or a barista */
    TICKET_CANCEL,       /* by the ticket's id */
    TICKET_CANCEL_ORDER, /* by the order's id, also before it has arrived */
    TICKET_RELEASED,     /* stock: given back */
    TICKET_GIVE_UP,      /* it has waited for goods for too long */
    TICKET_COMMAND_COUNT
};

enum ticket_event_kind {
    TICKET_EVENT_NOTED, /* nobody else has to know */
    TICKET_EVENT_PRODUCTION_STARTED,
    TICKET_EVENT_PRODUCED,
    TICKET_EVENT_OUT_OF_STOCK,
    TICKET_EVENT_PRODUCT_REQUEUED,
    TICKET_EVENT_PRODUCT_CANCELED,
};

enum ticket_refusal {
    TICKET_REFUSAL_NONE,
    TICKET_REFUSAL_NO_SUCH_TICKET,
    TICKET_REFUSAL_NOT_STARTED,
    TICKET_REFUSAL_OUT_OF_STOCK,
    TICKET_REFUSAL_PRODUCTION_STARTED,
    TICKET_REFUSAL_PRODUCTION_DONE,
    TICKET_REFUSAL_CANCELED,
};

enum ticket_verdict {
    TICKET_DECIDED,
    TICKET_REPEAT,    /* nothing new; the answer is the ticket as it is */
    TICKET_ASK_STOCK, /* stock has to be asked first */
    TICKET_REFUSAL,   /* `refusal` says why; nothing changes */
    TICKET_BROKEN,    /* the facts contradict each other; nothing changes */
};

struct ticket {
    int64_t id;
    int64_t order_id;  /* 0: made at the counter */
    int64_t reference; /* the counter's note (its `orderId`); 0: none */
    enum ticket_state state;
    struct str product_name; /* empty while a tombstone doesn't know it */
    int64_t qty;
    int64_t attempt;     /* from 1: stock's reservation ids are o<order>.<attempt> or t<ticket>.<attempt> */
    int64_t due_at;      /* 0: nothing is to be done by itself */
    int64_t waits_since; /* stock's first no, by the kitchen's own time; 0: there was none */
    bool given_up;       /* cancelled by the shop itself: it had waited for goods for too long */
    int64_t version;     /* of the last event others heard of; 0 before the first */
    int64_t created_at, updated_at;
    struct str correlation, traceparent; /* of the order: what happens later belongs to the same trace */
};

/** The kitchen's settings. */
struct ticket_policy {
    int64_t start_after;   /* us: the time in which the customer can still change their mind */
    int64_t brew;          /* us */
    int64_t give_up_after; /* us; an order that waits for goods for so long is cancelled; 0: never */
};

/** What is asked of the ticket; only the members of its kind are read. */
struct ticket_intent {
    enum ticket_command_kind kind;
    struct str product_name; /* ORDERED, OPEN */
    int64_t qty;
    int64_t order_id;                    /* ORDERED, CANCEL_ORDER */
    int64_t reference;                   /* OPEN */
    int64_t attempt;                     /* stock's answers: to which question */
    struct str correlation, traceparent; /* ORDERED, OPEN */
};

struct ticket_event {
    enum ticket_event_kind kind;
    enum ticket_state state; /* afterwards */
    int64_t at;
    int64_t version;     /* afterwards */
    int64_t attempt;     /* afterwards */
    int64_t due_at;      /* afterwards */
    int64_t waits_since; /* afterwards */
    const struct ticket_intent *intent;
};

struct ticket_decision {
    struct ticket_event event;
    enum ticket_refusal refusal;
};

enum ticket_verdict ticket_decide(const struct ticket *ticket, const struct ticket_intent *intent,
                                  const struct ticket_policy *policy, int64_t now, struct ticket_decision *out);
void ticket_apply(struct ticket *ticket, const struct ticket_event *event);
/** Whether the world may see it. */
bool ticket_is_hidden(const struct ticket *ticket);

/** The status as the world knows it: "Ready", "Out of stock" …; static. */
struct str ticket_state_text(enum ticket_state state);
/** Why it was cancelled: "Out of stock"; empty for one that somebody cancelled; static. */
struct str ticket_cancel_reason(const struct ticket *ticket);
const char *ticket_refusal_text(enum ticket_refusal refusal);
/** Names in the table's words, for tests and diagrams. */
const char *ticket_state_name(enum ticket_state state);
const char *ticket_command_name(enum ticket_command_kind kind);

#endif
