/** payment.h: the Payment aggregate: what an order costs its customer, and where that money is.
 *
 *  Pure: no I/O, no clock, no allocation. payment_decide() says what happens, payment_apply() makes it so; the caller
 * loads before and commits after. Times are the caller's, in microseconds: `now` is the service's own (steady_clock.h),
 * by which it is decided; `wall` is for people to read. The whole behaviour is the table payment_states.def.
 *
 *  As cards work: an amount is authorised before the order exists, captured when the order does, and given back when
 * the order is cancelled, when it never came, or when an operator says so. In the states Pending, Capturing and
 * Returning the provider (who moves the money) owes us an answer; "unknown" is none, and is asked for again. An
 * authorisation that nobody captured is given back after `authorization_us`, so that nothing that went wrong in between
 * leaves a charge behind.
 *
 *  One payment is one order's part; `key` is what the order service calls the purchase. Several parts may be of one
 * purchase later: each has its own amount, and goes back by itself.
 */
#ifndef COFFEESHOP_PAYMENT_H
#define COFFEESHOP_PAYMENT_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum payment_state {
    PAYMENT_NONE,
    PAYMENT_PENDING,    /* the provider was asked, and nothing is known */
    PAYMENT_AUTHORIZED, /* it is promised; no money has moved */
    PAYMENT_CAPTURING,  /* its order exists; the provider is told to take it */
    PAYMENT_CAPTURED,   /* taken */
    PAYMENT_RETURNING,  /* the provider is told to give it back, whether promised or taken */
    PAYMENT_RETURNED,   /* refunded or only voided: payment_was_taken() */
    PAYMENT_DECLINED,
    PAYMENT_STATE_COUNT
};

enum payment_command_kind {
    PAYMENT_AUTHORIZE,   /* order asks */
    PAYMENT_APPROVED,    /* the provider's answers to an authorisation … */
    PAYMENT_DECLINED_BY, /* … */
    PAYMENT_ORDERED,     /* order's facts */
    PAYMENT_ORDER_CANCELED,
    PAYMENT_EXPIRE,     /* its order never came */
    PAYMENT_TAKEN,      /* the provider's answer to a capture */
    PAYMENT_GIVEN_BACK, /* and to a return; `was_taken` says what there was to give back */
    PAYMENT_REFUND,     /* an operator's */
    PAYMENT_COMMAND_COUNT
};

enum payment_event_kind { PAYMENT_EVENT_NOTED, PAYMENT_EVENT_APPROVED, PAYMENT_EVENT_CANCELED };

enum payment_refusal {
    PAYMENT_REFUSAL_NONE,
    PAYMENT_REFUSAL_NO_SUCH_PAYMENT,
    PAYMENT_REFUSAL_NOT_TAKEN,
    PAYMENT_REFUSAL_GOING_BACK,
    PAYMENT_REFUSAL_GONE_BACK,
    PAYMENT_REFUSAL_ORDER_NOT_OVER,
};

enum payment_verdict {
    PAYMENT_DECIDED, /* `event` happened: apply it, commit it */
    PAYMENT_REPEAT,  /* nothing new; the answer is the payment as it is */
    PAYMENT_REFUSED, /* `refusal` says why; nothing changes */
    PAYMENT_BROKEN,  /* the facts contradict each other. Nothing changes; it is counted and put aside */
};

struct payment {
    int64_t id;
    enum payment_state state;
    struct str key; /* memory of the texts is the loader's */
    int64_t body;   /* which of its client's bodies the purchase was, as order knows it; 0: not told */
    struct str method;
    struct str currency;  /* ISO 4217 */
    int64_t amount;       /* of the currency's minor unit, like all amounts */
    int64_t captured;     /* of it: taken, at any time */
    int64_t returned;     /* of that: given back */
    int64_t order_id;     /* 0: its order is not known yet */
    struct str reference; /* the provider's name for it; empty: none yet */
    struct str reason;    /* why it was declined or given back; empty: no need to say */
    int64_t due_at;       /* own time: when something is to be done with it by itself; 0: nothing */
    int64_t expires_at;   /* own time: without an order it is given back then */
    int64_t attempt;      /* how often the provider was asked for what it owes */
    int64_t version;      /* of the last event of ours that others hear; 0 before the first */
    int64_t created_at, updated_at;
};

/** What is asked of a payment; only the members of its kind are read. */
struct payment_intent {
    enum payment_command_kind kind;
    struct str key, method, currency; /* AUTHORIZE */
    int64_t amount;                   /* AUTHORIZE, ORDERED */
    int64_t body;                     /* AUTHORIZE: see struct payment */
    int64_t order_id;                 /* ORDERED, ORDER_CANCELED */
    struct str reference;             /* APPROVED */
    struct str reason;                /* DECLINED_BY, REFUND */
    bool was_taken;                   /* GIVEN_BACK */
    bool of_capture;                  /* GIVEN_BACK: a capture's answer, which came after the reverse */
    bool order_is_over;               /* REFUND: nothing is made for it any more */
};

struct payment_policy {
    int64_t authorization_us; /* an authorisation without an order is kept so long */
    int64_t retry_us;         /* a provider that doesn't answer is asked again so much later; doubles … */
    int64_t retry_most_us;    /* … up to this */
};

struct payment_event {
    enum payment_event_kind kind;
    enum payment_state state; /* afterwards */
    int64_t at;               /* wall */
    int64_t due_at, expires_at;
    int64_t version;
    const struct payment_intent *intent;
};

struct payment_decision {
    struct payment_event event;
    enum payment_refusal refusal;
};

enum payment_verdict payment_decide(const struct payment *payment, const struct payment_intent *intent,
                                    const struct payment_policy *policy, int64_t now, int64_t wall,
                                    struct payment_decision *out);
void payment_apply(struct payment *payment, const struct payment_event *event);

/** Whether the provider owes us an answer. */
bool payment_is_owed(const struct payment *payment);
/** It is asked once more: when it would be asked again after that. */
void payment_ask_again(struct payment *payment, const struct payment_policy *policy, int64_t now);

/** Whether what happened, and led to `state`, is that an order came whose authorisation had ended: it exists, and isn't
 * paid. */
bool payment_has_come_too_late(enum payment_command_kind kind, enum payment_state state);

/** Whether the two are the same purchase: a key belongs to one body, whatever it costs by now; where none is told, to
 * one amount, currency and method. */
bool payment_is_same(const struct payment *payment, const struct payment_intent *intent);
/** Whether a key's payment is over, so that the key may be used for another one: its order exists and is remembered by
 * order under the same key, or it never came. */
bool payment_is_over(const struct payment *payment);
/** Of what has an end, or is on its way there: whether it was taken before it goes back. What costs nothing was as soon
 * as it has its order: no money tells, and its customer is told what every other one is. */
bool payment_was_taken(const struct payment *payment);
/** The status as the world knows it: "Pending", "Authorized", "Captured", "Voided", "Refunded", "Declined"; static. */
struct str payment_status_text(const struct payment *payment);
/** The sentence for a refusal; static. */
const char *payment_refusal_text(enum payment_refusal refusal);
/** Names in the table's words, for tests and diagrams. */
const char *payment_state_name(enum payment_state state);
const char *payment_command_name(enum payment_command_kind kind);

#endif
