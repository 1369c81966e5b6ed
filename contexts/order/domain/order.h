/** order.h: the Order aggregate: what a customer asked for, and how far it has got.
 *
 *  Pure: no I/O, no clock, no allocation. order_decide() says what happens, order_apply() makes it so; the caller loads
 * before and commits after. Times are the caller's: microseconds since the epoch, UTC. The whole behaviour is the table
 * order_states.def; its rules have the numbers of ARCHITECTURE.md, "The nine rules".
 *
 *  Where orders are paid for before they exist, one is bought: payment is asked, and only what is paid is placed. So
 * nothing of an order exists, its id least of all, before its payment is authorised.
 *
 *  An order doesn't decide whether it can still be cancelled: product does, in one place, because there the coffee is
 * made (rule 3: an order is Canceled only if its production is cancelled). What product tells is taken over in the
 * order in which product said it: `ticket_version` is the version of the last fact taken, and older ones are repeats.
 */
#ifndef COFFEESHOP_ORDER_H
#define COFFEESHOP_ORDER_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum order_state {
    ORDER_NONE, /* never placed */
    ORDER_REQUESTED,
    ORDER_OUT_OF_STOCK,
    ORDER_PRODUCING,
    ORDER_COMPLETED,
    ORDER_CANCELED,
    ORDER_STATE_COUNT
};

enum order_command_kind {
    ORDER_PLACE,            /* a customer orders */
    ORDER_CANCEL,           /* a customer changes their mind */
    ORDER_CANCEL_CONFIRMED, /* product has cancelled the production */
    ORDER_CANCEL_REFUSED,   /* product can't: it is being made, or done */
    ORDER_STARTED,          /* product's facts */
    ORDER_RAN_OUT,
    ORDER_REQUEUED,
    ORDER_PRODUCED,
    ORDER_PRODUCT_CANCELED,
    ORDER_BUY,      /* a customer orders what has to be paid before it exists */
    ORDER_DECLINED, /* payment's answer: it isn't paid. One that is paid is placed */
    ORDER_REFUNDED, /* payment's fact: the money has gone back */
    ORDER_COMMAND_COUNT
};

enum order_event_kind { ORDER_EVENT_ORDERED, ORDER_EVENT_ORDER_CANCELED, ORDER_EVENT_NOTED };

enum order_effect {
    ORDER_EFFECT_NONE,
    ORDER_EFFECT_CANCEL_PRODUCTION,
    ORDER_EFFECT_AUTHORIZE,
    ORDER_EFFECT_FIND_PURCHASE
};

enum order_payment { ORDER_PAID_AT_THE_COUNTER, ORDER_PAID, ORDER_PAYMENT_GONE_BACK };

enum order_refusal {
    ORDER_REFUSAL_NONE,
    ORDER_REFUSAL_NO_SUCH_ORDER,
    ORDER_REFUSAL_PRODUCTION_STARTED,
    ORDER_REFUSAL_PRODUCTION_DONE,
    ORDER_REFUSAL_OTHER_CURRENCY, /* it costs something else than the customer was shown */
    ORDER_REFUSAL_OTHER_PRICE,
    ORDER_REFUSAL_OTHER_AMOUNT,
    ORDER_REFUSAL_DECLINED, /* it isn't paid */
};

/** What came out of a decision. */
enum order_verdict {
    ORDER_DECIDED, /* `event` happened: apply it, commit it */
    ORDER_REPEAT,  /* nothing new; the answer is the order as it is */
    ORDER_ASK,     /* `effect` has to be done first */
    ORDER_REFUSED, /* `refusal` says why; nothing changes */
    ORDER_BROKEN,  /* the facts contradict each other: somebody broke a rule. Nothing changes; it is counted and put
                      aside */
};

struct order {
    int64_t id;
    enum order_state state;
    struct str product_name; /* canonical; memory is the loader's */
    int64_t qty;
    int64_t amount; /* price * qty, in the currency's minor unit (KRW has none: won) */
    struct str currency;
    int64_t product_id;     /* the ticket's id; 0: not known yet */
    int64_t ticket_version; /* of the last of product's facts taken */
    int64_t version;        /* of the last event of ours; 0 before the first */
    int64_t payment_id;     /* 0: paid at the counter */
    enum order_payment payment;
    bool given_up; /* cancelled by the shop: goods didn't come in time */
    int64_t created_at, updated_at;
    int64_t canceled_at; /* 0: it isn't, or that was before it was noted */
    int64_t refunded_at; /* when payment gave the money back, by payment's clock; 0: as above */
};

/** What the customer was shown that it costs, and agreed to. */
struct order_shown {
    int64_t price, amount; /* below 0: not told */
    struct str currency;   /* empty: not told */
};

/** What is asked of the order; only the members of its kind are read. */
struct order_intent {
    enum order_command_kind kind;
    struct str product_name; /* PLACE, BUY */
    int64_t qty;
    int64_t price;  /* of one */
    int64_t amount; /* of all */
    struct str currency;
    const struct order_shown *shown; /* PLACE, BUY; NULL: nothing is told */
    bool may_be_known;      /* BUY: it has a key, under which payment may have been asked before, at another price */
    int64_t ticket_id;      /* product's facts and answers; 0: not told */
    int64_t ticket_version; /* product's facts; 0: not told (a cancel's answer) */
    bool given_up;          /* PRODUCT_CANCELED, CANCEL_CONFIRMED: product had cancelled it by itself */
    int64_t given_back_at;  /* REFUNDED */
    int64_t payment_id;     /* PLACE: it is promised by this payment; 0: paid at the counter. REFUNDED */
};

struct order_event {
    enum order_event_kind kind;
    enum order_state state; /* the state afterwards */
    int64_t at;
    int64_t version; /* of the order after it */
    const struct order_intent *intent;
};

struct order_decision {
    struct order_event event;
    enum order_effect effect;
    enum order_refusal refusal;
};

enum order_verdict order_decide(const struct order *order, const struct order_intent *intent, int64_t now,
                                struct order_decision *out);
void order_apply(struct order *order, const struct order_event *event);

/** The status as the world knows it: "Requested", "Out of stock" …; static. */
struct str order_state_text(enum order_state state);
/** "Paid", "Refunded"; empty for one paid at the counter; static. */
struct str order_payment_text(enum order_payment payment);
/** What the shop cancelled it for: "Out of stock"; empty for one that its customer cancelled; static. */
struct str order_cancel_reason(const struct order *order);
/** Whether that is a reason for which product gives an order up. */
bool order_is_given_up_for(struct str reason);
/** The sentence for a refusal; static. */
const char *order_refusal_text(enum order_refusal refusal);
/** Whether nothing was done only because the customer was shown something else: they may agree to what it costs. */
bool order_refusal_is_of_price(enum order_refusal refusal);
/** Names in the table's words, for tests and diagrams. */
const char *order_state_name(enum order_state state);
const char *order_command_name(enum order_command_kind kind);

#endif
