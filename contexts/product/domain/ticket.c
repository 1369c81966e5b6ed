#include "ticket.h"

#include "base.h"

enum outcome { OUTCOME_EMIT = 1, OUTCOME_NOTE, OUTCOME_REPEAT, OUTCOME_ASK, OUTCOME_REFUSE, OUTCOME_BROKEN };

struct cell {
    enum outcome outcome;
    enum ticket_state state; /* emit, note: afterwards */
    enum ticket_event_kind event;
    enum ticket_refusal refusal;
};

#define emit(e, s)                                                                                                     \
    {                                                                                                                  \
        .outcome = OUTCOME_EMIT, .event = TICKET_EVENT_##e, .state = TICKET_##s                                        \
    }
#define note(s)                                                                                                        \
    {                                                                                                                  \
        .outcome = OUTCOME_NOTE, .event = TICKET_EVENT_NOTED, .state = TICKET_##s                                      \
    }
#define repeat()                                                                                                       \
    {                                                                                                                  \
        .outcome = OUTCOME_REPEAT                                                                                      \
    }
#define ask()                                                                                                          \
    {                                                                                                                  \
        .outcome = OUTCOME_ASK                                                                                         \
    }
#define refuse(r)                                                                                                      \
    {                                                                                                                  \
        .outcome = OUTCOME_REFUSE, .refusal = TICKET_REFUSAL_##r                                                       \
    }
#define broken()                                                                                                       \
    {                                                                                                                  \
        .outcome = OUTCOME_BROKEN                                                                                      \
    }

static const struct cell cells[TICKET_STATE_COUNT][TICKET_COMMAND_COUNT] = {
#define CELL(state, command, ...) [TICKET_##state][TICKET_##command] = __VA_ARGS__,
#include "ticket_states.def"
#undef CELL
};

/* A pair listed twice overrides the first (-Woverride-init refuses that); the count finds one that is missing. */
enum {
#define CELL(state, command, ...) CELL_##state##_##command,
#include "ticket_states.def"
#undef CELL
    CELL_COUNT
};
_Static_assert(CELL_COUNT == TICKET_STATE_COUNT * TICKET_COMMAND_COUNT, "every state x command pair has its cell");

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* An answer to an earlier attempt's question, or to a question that a later one has overtaken. */
static bool is_old_answer(const struct ticket *ticket, const struct ticket_intent *intent)
{
    switch (intent->kind) {
    case TICKET_REDUCED:
    case TICKET_REFUSED:
    case TICKET_REFUSED_LATE:
    case TICKET_UNANSWERED:
        return ticket->state != TICKET_NONE && intent->attempt != ticket->attempt;
    default:
        return false;
    }
}

/* Goods that were too few for it don't begin its waiting anew, and neither does a restart; but a clock that was ahead
 * before a restart doesn't put it off. */
static int64_t waits_since(const struct ticket *ticket, enum ticket_state state, int64_t now)
{
    bool begins = !ticket->waits_since || ticket->waits_since > now;

    return state == TICKET_OUT_OF_STOCK && begins ? now : ticket->waits_since;
}

/* When something is to be done with the ticket by itself, once it is in `state`. At the earliest in the next batch:
 * `now` is this one's. */
static int64_t due_in(enum ticket_state state, const struct ticket *ticket, const struct ticket_intent *intent,
                      const struct ticket_policy *policy, int64_t now)
{
    const int64_t soon = now + 1;

    switch (state) {
    case TICKET_READY:
        return intent->kind == TICKET_ORDERED ? later_of(soon, now + policy->start_after) : soon;
    case TICKET_PENDING:
        return soon;
    case TICKET_PRODUCING:
        return later_of(soon, now + policy->brew);
    case TICKET_OUT_OF_STOCK:
        return policy->give_up_after && ticket->order_id
                   ? later_of(soon, waits_since(ticket, state, now) + policy->give_up_after)
                   : 0;
    case TICKET_CANCELED:
        /* What a Ready ticket may have reserved is given back; stock's no needs no giving back, and who never asked has
         * nothing. */
        return ticket->state == TICKET_READY ? soon : 0;
    case TICKET_VOID:
        return intent->kind == TICKET_RELEASED ? 0 : soon;
    default:
        return 0;
    }
}

static int64_t attempt_after(const struct ticket *ticket, const struct ticket_intent *intent)
{
    if (ticket->state == TICKET_NONE)
        return 1;
    if (intent->kind == TICKET_GOODS_IN || intent->kind == TICKET_REFUSED_LATE)
        return ticket->attempt + 1;
    return ticket->attempt;
}

enum ticket_verdict ticket_decide(const struct ticket *ticket, const struct ticket_intent *intent,
                                  const struct ticket_policy *policy, int64_t now, struct ticket_decision *out)
{
    ASSERT(ticket->state < TICKET_STATE_COUNT && intent->kind < TICKET_COMMAND_COUNT);
    const struct cell *cell = &cells[ticket->state][intent->kind];

    *out = (struct ticket_decision){.refusal = cell->refusal};
    if (is_old_answer(ticket, intent))
        return TICKET_REPEAT;
    switch (cell->outcome) {
    case OUTCOME_EMIT:
    case OUTCOME_NOTE:
        out->event = (struct ticket_event){
            .kind = cell->event,
            .state = cell->state,
            .at = now,
            .version = ticket->version + (cell->outcome == OUTCOME_EMIT),
            .attempt = attempt_after(ticket, intent),
            .due_at = due_in(cell->state, ticket, intent, policy, now),
            .waits_since = waits_since(ticket, cell->state, now),
            .intent = intent,
        };
        return TICKET_DECIDED;
    case OUTCOME_REPEAT:
        return TICKET_REPEAT;
    case OUTCOME_ASK:
        return TICKET_ASK_STOCK;
    case OUTCOME_REFUSE:
        return TICKET_REFUSAL;
    case OUTCOME_BROKEN:
        break;
    }
    return TICKET_BROKEN;
}

void ticket_apply(struct ticket *ticket, const struct ticket_event *event)
{
    const struct ticket_intent *intent = event->intent;

    if (ticket->state == TICKET_NONE) {
        ticket->order_id = intent->order_id;
        ticket->reference = intent->reference;
        ticket->created_at = event->at;
    }
    if (intent->kind == TICKET_ORDERED || intent->kind == TICKET_OPEN) {
        ticket->product_name = intent->product_name;
        ticket->qty = intent->qty;
        ticket->correlation = intent->correlation;
        ticket->traceparent = intent->traceparent;
    }
    ticket->state = event->state;
    ticket->version = event->version;
    ticket->attempt = event->attempt;
    ticket->due_at = event->due_at;
    ticket->waits_since = event->waits_since;
    ticket->given_up |= intent->kind == TICKET_GIVE_UP;
    ticket->updated_at = event->at;
}

bool ticket_is_hidden(const struct ticket *ticket)
{
    return ticket->state == TICKET_NONE || ticket->state == TICKET_PENDING || ticket->state == TICKET_VOID;
}

struct str ticket_state_text(enum ticket_state state)
{
    static const struct str texts[TICKET_STATE_COUNT] = {
        [TICKET_NONE] = STR_INIT(""),
        [TICKET_PENDING] = STR_INIT("Pending"),
        [TICKET_READY] = STR_INIT("Ready"),
        [TICKET_OUT_OF_STOCK] = STR_INIT("Out of stock"),
        [TICKET_PRODUCING] = STR_INIT("Producing"),
        [TICKET_COMPLETED] = STR_INIT("Completed"),
        [TICKET_CANCELED] = STR_INIT("Canceled"),
        [TICKET_VOID] = STR_INIT("Void"),
        [TICKET_TOMBSTONE] = STR_INIT("Canceled"),
    };

    ASSERT(state < TICKET_STATE_COUNT);
    return texts[state];
}

struct str ticket_cancel_reason(const struct ticket *ticket)
{
    return ticket->given_up ? ticket_state_text(TICKET_OUT_OF_STOCK) : STR("");
}

const char *ticket_refusal_text(enum ticket_refusal refusal)
{
    switch (refusal) {
    case TICKET_REFUSAL_NO_SUCH_TICKET:
        return "there is no such ticket";
    case TICKET_REFUSAL_NOT_STARTED:
        return "production has not started";
    case TICKET_REFUSAL_OUT_OF_STOCK:
        return "it is out of stock";
    case TICKET_REFUSAL_PRODUCTION_STARTED:
        return "production has started, it can't be cancelled any more";
    case TICKET_REFUSAL_PRODUCTION_DONE:
        return "production is done";
    case TICKET_REFUSAL_CANCELED:
        return "it is cancelled";
    case TICKET_REFUSAL_NONE:
        break;
    }
    return "";
}

const char *ticket_state_name(enum ticket_state state)
{
    static const char *const names[TICKET_STATE_COUNT] = {"NONE",      "PENDING",  "READY", "OUT_OF_STOCK", "PRODUCING",
                                                          "COMPLETED", "CANCELED", "VOID",  "TOMBSTONE"};

    return state < TICKET_STATE_COUNT ? names[state] : "?";
}

const char *ticket_command_name(enum ticket_command_kind kind)
{
    static const char *const names[TICKET_COMMAND_COUNT] = {
        "ORDERED", "OPEN",   "REDUCED", "REFUSED",      "REFUSED_LATE", "UNANSWERED", "GOODS_IN",
        "START",   "FINISH", "CANCEL",  "CANCEL_ORDER", "RELEASED",     "GIVE_UP",
    };

    return kind < TICKET_COMMAND_COUNT ? names[kind] : "?";
}
