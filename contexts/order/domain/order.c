#include "order.h"

#include "base.h"

enum outcome { OUTCOME_EMIT = 1, OUTCOME_NOTE, OUTCOME_REPEAT, OUTCOME_ASK, OUTCOME_REFUSE, OUTCOME_BROKEN };

struct cell {
    enum outcome outcome;
    enum order_state state; /* emit, note: the state afterwards */
    enum order_event_kind event;
    enum order_effect effect;
    enum order_refusal refusal;
};

#define STATE_AFTER_ORDERED ORDER_REQUESTED
#define STATE_AFTER_ORDER_CANCELED ORDER_CANCELED
#define emit(e)                                                                                                        \
    {                                                                                                                  \
        .outcome = OUTCOME_EMIT, .event = ORDER_EVENT_##e, .state = STATE_AFTER_##e                                    \
    }
#define note(s)                                                                                                        \
    {                                                                                                                  \
        .outcome = OUTCOME_NOTE, .event = ORDER_EVENT_NOTED, .state = ORDER_##s                                        \
    }
#define repeat()                                                                                                       \
    {                                                                                                                  \
        .outcome = OUTCOME_REPEAT                                                                                      \
    }
#define ask(x)                                                                                                         \
    {                                                                                                                  \
        .outcome = OUTCOME_ASK, .effect = ORDER_EFFECT_##x                                                             \
    }
#define refuse(r)                                                                                                      \
    {                                                                                                                  \
        .outcome = OUTCOME_REFUSE, .refusal = ORDER_REFUSAL_##r                                                        \
    }
#define broken()                                                                                                       \
    {                                                                                                                  \
        .outcome = OUTCOME_BROKEN                                                                                      \
    }

static const struct cell cells[ORDER_STATE_COUNT][ORDER_COMMAND_COUNT] = {
#define CELL(state, command, ...) [ORDER_##state][ORDER_##command] = __VA_ARGS__,
#include "order_states.def"
#undef CELL
};

/* A pair listed twice overrides the first (-Woverride-init refuses that); the count finds one that is missing. */
enum {
#define CELL(state, command, ...) CELL_##state##_##command,
#include "order_states.def"
#undef CELL
    CELL_COUNT
};
_Static_assert(CELL_COUNT == ORDER_STATE_COUNT * ORDER_COMMAND_COUNT, "every state x command pair has its cell");

/* Product's facts come in versions; one that is not newer than what we know was taken before. */
static bool is_old_fact(const struct order *order, const struct order_intent *intent)
{
    return order->state != ORDER_NONE && intent->ticket_version != 0 && intent->ticket_version <= order->ticket_version;
}

static bool is_another(int64_t shown, int64_t right)
{
    return shown >= 0 && shown != right;
}

/* Nobody is charged what they weren't shown. */
static enum order_refusal what_was_shown_wrong(const struct order_intent *intent)
{
    const struct order_shown *shown = intent->shown;

    if (!shown || (intent->kind != ORDER_PLACE && intent->kind != ORDER_BUY))
        return ORDER_REFUSAL_NONE;
    if (shown->currency.n && !str_eq(shown->currency, intent->currency))
        return ORDER_REFUSAL_OTHER_CURRENCY;
    if (is_another(shown->price, intent->price))
        return ORDER_REFUSAL_OTHER_PRICE;
    return is_another(shown->amount, intent->amount) ? ORDER_REFUSAL_OTHER_AMOUNT : ORDER_REFUSAL_NONE;
}

static bool is_of_another_payment(const struct order *order, const struct order_intent *intent)
{
    return intent->kind == ORDER_REFUNDED && order->state != ORDER_NONE && order->payment_id != intent->payment_id;
}

static bool is_known_refund(const struct order *order, const struct order_intent *intent)
{
    return intent->kind == ORDER_REFUNDED && order->payment == ORDER_PAYMENT_GONE_BACK;
}

enum order_verdict order_decide(const struct order *order, const struct order_intent *intent, int64_t now,
                                struct order_decision *out)
{
    ASSERT(order->state < ORDER_STATE_COUNT && intent->kind < ORDER_COMMAND_COUNT);
    const struct cell *cell = &cells[order->state][intent->kind];
    enum order_refusal shown_wrong = what_was_shown_wrong(intent);

    *out = (struct order_decision){.refusal = cell->refusal, .effect = cell->effect};
    if (is_of_another_payment(order, intent))
        return ORDER_BROKEN;
    if (is_old_fact(order, intent) || is_known_refund(order, intent))
        return ORDER_REPEAT;
    if (shown_wrong && intent->kind == ORDER_BUY && intent->may_be_known) {
        out->effect = ORDER_EFFECT_FIND_PURCHASE;
        return ORDER_ASK;
    }
    if (shown_wrong) {
        out->refusal = shown_wrong;
        return ORDER_REFUSED;
    }
    switch (cell->outcome) {
    case OUTCOME_EMIT:
    case OUTCOME_NOTE:
        out->event = (struct order_event){
            .kind = cell->event,
            .state = cell->state,
            .at = now,
            .version = order->version + (cell->outcome == OUTCOME_EMIT),
            .intent = intent,
        };
        return ORDER_DECIDED;
    case OUTCOME_REPEAT:
        return ORDER_REPEAT;
    case OUTCOME_ASK:
        return ORDER_ASK;
    case OUTCOME_REFUSE:
        return ORDER_REFUSED;
    case OUTCOME_BROKEN:
        break;
    }
    return ORDER_BROKEN;
}

void order_apply(struct order *order, const struct order_event *event)
{
    const struct order_intent *intent = event->intent;

    if (event->kind == ORDER_EVENT_ORDERED) {
        order->product_name = intent->product_name;
        order->qty = intent->qty;
        order->amount = intent->amount;
        order->currency = intent->currency;
        order->payment_id = intent->payment_id;
        order->payment = intent->payment_id ? ORDER_PAID : ORDER_PAID_AT_THE_COUNTER;
        order->created_at = event->at;
    }
    if (intent->kind == ORDER_REFUNDED) {
        order->payment = ORDER_PAYMENT_GONE_BACK;
        order->refunded_at = intent->given_back_at;
    }
    if (event->kind == ORDER_EVENT_ORDER_CANCELED) {
        order->given_up = intent->given_up;
        order->canceled_at = event->at;
    }
    order->state = event->state;
    order->version = event->version;
    order->updated_at = event->at;
    if (intent->ticket_id)
        order->product_id = intent->ticket_id;
    if (intent->ticket_version > order->ticket_version)
        order->ticket_version = intent->ticket_version;
}

struct str order_state_text(enum order_state state)
{
    static const struct str texts[ORDER_STATE_COUNT] = {
        [ORDER_NONE] = STR_INIT(""),
        [ORDER_REQUESTED] = STR_INIT("Requested"),
        [ORDER_OUT_OF_STOCK] = STR_INIT("Out of stock"),
        [ORDER_PRODUCING] = STR_INIT("Producing"),
        [ORDER_COMPLETED] = STR_INIT("Completed"),
        [ORDER_CANCELED] = STR_INIT("Canceled"),
    };

    ASSERT(state < ORDER_STATE_COUNT);
    return texts[state];
}

struct str order_payment_text(enum order_payment payment)
{
    switch (payment) {
    case ORDER_PAID_AT_THE_COUNTER:
        break;
    case ORDER_PAID:
        return STR("Paid");
    case ORDER_PAYMENT_GONE_BACK:
        return STR("Refunded");
    }
    return STR("");
}

struct str order_cancel_reason(const struct order *order)
{
    return order->given_up ? order_state_text(ORDER_OUT_OF_STOCK) : STR("");
}

bool order_is_given_up_for(struct str reason)
{
    return str_eq(reason, order_state_text(ORDER_OUT_OF_STOCK));
}

const char *order_refusal_text(enum order_refusal refusal)
{
    switch (refusal) {
    case ORDER_REFUSAL_NO_SUCH_ORDER:
        return "there is no such order";
    case ORDER_REFUSAL_PRODUCTION_STARTED:
        return "production has started, the order can't be cancelled any more";
    case ORDER_REFUSAL_PRODUCTION_DONE:
        return "the order is completed, it can't be cancelled any more";
    case ORDER_REFUSAL_OTHER_CURRENCY:
        return "isn't the menu's";
    case ORDER_REFUSAL_OTHER_PRICE:
        return "isn't what one costs";
    case ORDER_REFUSAL_OTHER_AMOUNT:
        return "isn't what the order costs";
    case ORDER_REFUSAL_DECLINED:
        return "the payment was declined";
    case ORDER_REFUSAL_NONE:
        break;
    }
    return "";
}

bool order_refusal_is_of_price(enum order_refusal refusal)
{
    return refusal == ORDER_REFUSAL_OTHER_CURRENCY || refusal == ORDER_REFUSAL_OTHER_PRICE ||
           refusal == ORDER_REFUSAL_OTHER_AMOUNT;
}

const char *order_state_name(enum order_state state)
{
    static const char *const names[ORDER_STATE_COUNT] = {"NONE",      "REQUESTED", "OUT_OF_STOCK",
                                                         "PRODUCING", "COMPLETED", "CANCELED"};

    return state < ORDER_STATE_COUNT ? names[state] : "?";
}

const char *order_command_name(enum order_command_kind kind)
{
    static const char *const names[ORDER_COMMAND_COUNT] = {
        "PLACE",    "CANCEL",   "CANCEL_CONFIRMED", "CANCEL_REFUSED",   "STARTED",
        "RAN_OUT",  "REQUEUED", "PRODUCED",         "PRODUCT_CANCELED", "BUY",
        "DECLINED", "REFUNDED",
    };

    return kind < ORDER_COMMAND_COUNT ? names[kind] : "?";
}
