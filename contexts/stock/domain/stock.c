#include "stock.h"

#include "base.h"

enum outcome {
    OUTCOME_EMIT = 1,
    OUTCOME_ADD,
    OUTCOME_SET,
    OUTCOME_SHIFT,
    OUTCOME_TAKE,
    OUTCOME_NOTE,
    OUTCOME_REFUSE,
    OUTCOME_DECLINE,
    OUTCOME_REPEAT,
    OUTCOME_BROKEN
};

struct cell {
    enum outcome outcome;
    enum stock_event_kind event;
    enum stock_refusal refusal;
};

#define emit(e)                                                                                                        \
    {                                                                                                                  \
        .outcome = OUTCOME_EMIT, .event = STOCK_EVENT_##e                                                              \
    }
#define add()                                                                                                          \
    {                                                                                                                  \
        .outcome = OUTCOME_ADD, .event = STOCK_EVENT_RECEIVED                                                          \
    }
#define set()                                                                                                          \
    {                                                                                                                  \
        .outcome = OUTCOME_SET, .event = STOCK_EVENT_CORRECTED                                                         \
    }
#define shift()                                                                                                        \
    {                                                                                                                  \
        .outcome = OUTCOME_SHIFT                                                                                       \
    }
#define take()                                                                                                         \
    {                                                                                                                  \
        .outcome = OUTCOME_TAKE, .event = STOCK_EVENT_REDUCED                                                          \
    }
#define note()                                                                                                         \
    {                                                                                                                  \
        .outcome = OUTCOME_NOTE                                                                                        \
    }
#define refuse(r)                                                                                                      \
    {                                                                                                                  \
        .outcome = OUTCOME_REFUSE, .refusal = STOCK_REFUSAL_##r                                                        \
    }
#define decline()                                                                                                      \
    {                                                                                                                  \
        .outcome = OUTCOME_DECLINE                                                                                     \
    }
#define repeat()                                                                                                       \
    {                                                                                                                  \
        .outcome = OUTCOME_REPEAT                                                                                      \
    }
#define broken()                                                                                                       \
    {                                                                                                                  \
        .outcome = OUTCOME_BROKEN                                                                                      \
    }

static const struct cell cells[STOCK_STATE_COUNT][STOCK_COMMAND_COUNT] = {
#define CELL(state, command, ...) [STOCK_##state][STOCK_##command] = __VA_ARGS__,
#include "stock_states.def"
#undef CELL
};

/* A pair listed twice overrides the first (-Woverride-init refuses that); the count finds one that is missing. */
enum {
#define CELL(state, command, ...) CELL_##state##_##command,
#include "stock_states.def"
#undef CELL
    CELL_COUNT
};
_Static_assert(CELL_COUNT == STOCK_STATE_COUNT * STOCK_COMMAND_COUNT, "every state x command pair has its cell");

static int64_t on_hand_after(const struct stock *stock, const struct stock_intent *intent, enum stock_event_kind kind)
{
    switch (kind) {
    case STOCK_EVENT_RECEIVED:
    case STOCK_EVENT_RELEASED:
        return stock->on_hand + intent->qty;
    case STOCK_EVENT_REDUCED:
        return stock->on_hand - intent->qty;
    case STOCK_EVENT_CORRECTED:
        return intent->kind == STOCK_ADJUST ? stock->on_hand + intent->change : intent->qty;
    case STOCK_EVENT_REMOVED:
        break;
    }
    return 0;
}

/* By how much the row changes, and what the event tells of it (a removal tells what was left). */
static int64_t moved(const struct stock *stock, const struct stock_intent *intent, enum stock_event_kind kind)
{
    switch (kind) {
    case STOCK_EVENT_CORRECTED:
        return on_hand_after(stock, intent, kind) - stock->on_hand;
    case STOCK_EVENT_REMOVED:
        return stock->on_hand;
    case STOCK_EVENT_RECEIVED:
    case STOCK_EVENT_REDUCED:
    case STOCK_EVENT_RELEASED:
        break;
    }
    return intent->qty;
}

static enum stock_verdict happens(const struct stock *stock, const struct stock_intent *intent,
                                  enum stock_event_kind kind, int64_t now, struct stock_decision *out)
{
    out->event = (struct stock_event){
        .kind = kind,
        .state = kind == STOCK_EVENT_REMOVED ? STOCK_REMOVED : STOCK_KEPT,
        .product_name = stock->state == STOCK_NONE ? intent->product_name : stock->product_name,
        .qty = moved(stock, intent, kind),
        .on_hand = on_hand_after(stock, intent, kind),
        .version = stock->version + 1,
        .at = now,
        .reservation_id = intent->reservation_id,
        .reason = intent->reason,
    };
    ASSERT(out->event.on_hand >= 0);
    return STOCK_DECIDED;
}

static enum stock_verdict refused(enum stock_refusal refusal, struct stock_decision *out)
{
    out->refusal = refusal;
    return STOCK_REFUSED;
}

static enum stock_verdict adjusted(const struct stock *stock, const struct stock_intent *intent, int64_t now,
                                   struct stock_decision *out)
{
    if (intent->change < -stock->on_hand)
        return refused(STOCK_REFUSAL_TOO_LITTLE, out);
    if (intent->change > 0 && intent->change > STOCK_ON_HAND_MAX - stock->on_hand)
        return refused(STOCK_REFUSAL_TOO_MUCH, out);
    return intent->change == 0 ? STOCK_REPEAT : happens(stock, intent, STOCK_EVENT_CORRECTED, now, out);
}

static bool is_as_expected(const struct stock *stock, const struct stock_expectation *expected)
{
    for (size_t i = 0; i < expected->n; i++) {
        if (expected->one_of[i].version == stock->version && expected->one_of[i].low_mark == stock->low_mark)
            return true;
    }
    return !expected->given;
}

enum stock_verdict stock_decide(const struct stock *stock, const struct stock_intent *intent, int64_t now,
                                struct stock_decision *out)
{
    ASSERT(stock->state < STOCK_STATE_COUNT && intent->kind < STOCK_COMMAND_COUNT && intent->qty >= 0);
    const struct cell *cell = &cells[stock->state][intent->kind];

    *out = (struct stock_decision){0};
    if (stock->state == STOCK_KEPT && !is_as_expected(stock, &intent->expected))
        return refused(STOCK_REFUSAL_CHANGED, out);
    switch (cell->outcome) {
    case OUTCOME_EMIT:
        return happens(stock, intent, cell->event, now, out);
    case OUTCOME_ADD:
        if (intent->qty > STOCK_ON_HAND_MAX - stock->on_hand)
            return refused(STOCK_REFUSAL_TOO_MUCH, out);
        return happens(stock, intent, cell->event, now, out);
    case OUTCOME_SET:
        if (intent->qty > STOCK_ON_HAND_MAX)
            return refused(STOCK_REFUSAL_TOO_MUCH, out);
        return intent->qty == stock->on_hand ? STOCK_REPEAT : happens(stock, intent, cell->event, now, out);
    case OUTCOME_SHIFT:
        return adjusted(stock, intent, now, out);
    case OUTCOME_TAKE:
        return intent->qty > stock->on_hand ? STOCK_DECLINED : happens(stock, intent, cell->event, now, out);
    case OUTCOME_NOTE:
        return intent->qty == stock->low_mark ? STOCK_REPEAT : STOCK_NOTED;
    case OUTCOME_REFUSE:
        return refused(cell->refusal, out);
    case OUTCOME_DECLINE:
        return STOCK_DECLINED;
    case OUTCOME_REPEAT:
        return STOCK_REPEAT;
    case OUTCOME_BROKEN:
        break;
    }
    return STOCK_BROKEN;
}

void stock_apply(struct stock *stock, const struct stock_event *event)
{
    stock->state = event->state;
    stock->product_name = event->product_name;
    stock->on_hand = event->on_hand;
    stock->version = event->version;
    stock->updated_at = event->at;
}

void stock_note(struct stock *stock, const struct stock_intent *intent)
{
    stock->low_mark = intent->qty;
}

const char *stock_refusal_text(enum stock_refusal refusal)
{
    switch (refusal) {
    case STOCK_REFUSAL_NOT_KEPT:
        return "no such stock is kept";
    case STOCK_REFUSAL_KEPT_ALREADY:
        return "is kept already";
    case STOCK_REFUSAL_TOO_MUCH:
        return "must leave no more than 1000000000 in stock";
    case STOCK_REFUSAL_TOO_LITTLE:
        return "must not leave less than nothing in stock";
    case STOCK_REFUSAL_CHANGED:
        return "has changed since it was read";
    case STOCK_REFUSAL_ANOTHER_RESERVATION:
        return "was used for another item or quantity";
    case STOCK_REFUSAL_NONE:
        break;
    }
    return "";
}

const char *stock_state_name(enum stock_state state)
{
    static const char *const names[STOCK_STATE_COUNT] = {"NONE", "KEPT", "REMOVED"};

    return state < STOCK_STATE_COUNT ? names[state] : "?";
}

const char *stock_command_name(enum stock_command_kind kind)
{
    static const char *const names[STOCK_COMMAND_COUNT] = {"ADD",    "RECEIVE",   "CORRECT", "REMOVE",
                                                           "REDUCE", "GIVE_BACK", "MARK",    "ADJUST"};

    return kind < STOCK_COMMAND_COUNT ? names[kind] : "?";
}
