#include "payment.h"

#include "base.h"

enum outcome { OUTCOME_BECOME = 1, OUTCOME_TELL, OUTCOME_REPEAT, OUTCOME_REFUSE, OUTCOME_BROKEN };

struct cell {
    enum outcome outcome;
    enum payment_state state; /* become, tell: afterwards */
    enum payment_event_kind event;
    enum payment_refusal refusal;
};

#define become(s)                                                                                                      \
    {                                                                                                                  \
        .outcome = OUTCOME_BECOME, .state = PAYMENT_##s, .event = PAYMENT_EVENT_NOTED                                  \
    }
#define tell(s, e)                                                                                                     \
    {                                                                                                                  \
        .outcome = OUTCOME_TELL, .state = PAYMENT_##s, .event = PAYMENT_EVENT_##e                                      \
    }
#define repeat()                                                                                                       \
    {                                                                                                                  \
        .outcome = OUTCOME_REPEAT                                                                                      \
    }
#define refuse(r)                                                                                                      \
    {                                                                                                                  \
        .outcome = OUTCOME_REFUSE, .refusal = PAYMENT_REFUSAL_##r                                                      \
    }
#define broken()                                                                                                       \
    {                                                                                                                  \
        .outcome = OUTCOME_BROKEN                                                                                      \
    }

static const struct cell cells[PAYMENT_STATE_COUNT][PAYMENT_COMMAND_COUNT] = {
#define CELL(state, command, ...) [PAYMENT_##state][PAYMENT_##command] = __VA_ARGS__,
#include "payment_states.def"
#undef CELL
};

/* A pair listed twice overrides the first (-Woverride-init refuses that); the count finds one that is missing. */
enum {
#define CELL(state, command, ...) CELL_##state##_##command,
#include "payment_states.def"
#undef CELL
    CELL_COUNT
};
_Static_assert(CELL_COUNT == PAYMENT_STATE_COUNT * PAYMENT_COMMAND_COUNT, "every state x command pair has its cell");

/* With a growing pause, and each payment a little apart from the others. */
static int64_t pause_after(const struct payment *payment, int64_t attempt, const struct payment_policy *policy)
{
    int64_t pause = policy->retry_us;

    for (int64_t i = 1; i < attempt && pause < policy->retry_most_us; i++)
        pause *= 2;
    if (pause > policy->retry_most_us)
        pause = policy->retry_most_us;
    return pause + pause * ((payment->id * 7 + attempt * 3) % 16) / 64;
}

/* When something is to be done with it by itself, once it is in `state`; at the earliest in the next batch. */
static int64_t due_in(enum payment_state state, const struct payment *payment, const struct payment_policy *policy,
                      int64_t now, int64_t expires_at)
{
    switch (state) {
    case PAYMENT_AUTHORIZED:
        return expires_at;
    case PAYMENT_PENDING:
    case PAYMENT_CAPTURING:
    case PAYMENT_RETURNING:
        return now + pause_after(payment, 1, policy);
    default:
        return 0;
    }
}

/* One order's facts about another one's payment. */
static bool is_of_another_order(const struct payment *payment, const struct payment_intent *intent)
{
    return (intent->kind == PAYMENT_ORDERED || intent->kind == PAYMENT_ORDER_CANCELED) && payment->order_id != 0 &&
           payment->order_id != intent->order_id;
}

/* An order of another amount than what was promised for it. */
static bool is_of_another_amount(const struct payment *payment, const struct payment_intent *intent)
{
    return intent->kind == PAYMENT_ORDERED && payment->state != PAYMENT_NONE && intent->amount != payment->amount;
}

/* A feed may say again what it has said, long after: then its order's money may have gone back. */
static bool is_known_order(const struct payment *payment, const struct payment_intent *intent)
{
    return intent->kind == PAYMENT_ORDERED && payment->order_id != 0 && payment->order_id == intent->order_id;
}

/* What a provider says that can't be: it was never asked to take it, or it has said otherwise. */
static bool contradicts_what_was_said(const struct payment *payment, const struct payment_intent *intent)
{
    bool was_approved = payment->order_id != 0 || payment->reference.n != 0;
    bool was_voided = payment->state == PAYMENT_RETURNED && payment->captured < payment->amount;

    switch (intent->kind) {
    case PAYMENT_DECLINED_BY:
        return was_approved;
    case PAYMENT_TAKEN:
        return payment->order_id == 0 || was_voided;
    case PAYMENT_GIVEN_BACK:
        if (intent->of_capture && (payment->order_id == 0 || payment->captured > 0))
            return true; /* it was never asked to take it, or has said that it has */
        return intent->was_taken && (payment->state == PAYMENT_DECLINED || (was_voided && payment->order_id != 0));
    default:
        return false;
    }
}

/* What is about to be given back isn't kept any longer by asking for it: its order may have had its time. */
static bool is_too_late(const struct payment *payment, const struct payment_intent *intent, int64_t now)
{
    return intent->kind == PAYMENT_AUTHORIZE && payment->state == PAYMENT_AUTHORIZED && payment->expires_at <= now;
}

/* What is given back before it is made is made for nothing: product decides whether it isn't, when the order is
 * cancelled. */
static bool is_of_an_open_order(const struct payment *payment, const struct payment_intent *intent)
{
    return intent->kind == PAYMENT_REFUND && payment->state == PAYMENT_CAPTURED && !intent->order_is_over;
}

enum payment_verdict payment_decide(const struct payment *payment, const struct payment_intent *intent,
                                    const struct payment_policy *policy, int64_t now, int64_t wall,
                                    struct payment_decision *out)
{
    ASSERT(payment->state < PAYMENT_STATE_COUNT && intent->kind < PAYMENT_COMMAND_COUNT);
    const struct cell *cell = &cells[payment->state][intent->kind];
    int64_t expires_at = intent->kind == PAYMENT_AUTHORIZE ? now + policy->authorization_us : payment->expires_at;

    *out = (struct payment_decision){.refusal = cell->refusal};
    if (is_of_another_order(payment, intent) || is_of_another_amount(payment, intent) ||
        contradicts_what_was_said(payment, intent))
        return PAYMENT_BROKEN;
    if (is_too_late(payment, intent, now))
        return PAYMENT_REPEAT;
    if (is_of_an_open_order(payment, intent)) {
        out->refusal = PAYMENT_REFUSAL_ORDER_NOT_OVER;
        return PAYMENT_REFUSED;
    }
    switch (cell->outcome) {
    case OUTCOME_BECOME:
    case OUTCOME_TELL:
        if (is_known_order(payment, intent))
            return PAYMENT_REPEAT;
        out->event = (struct payment_event){
            .kind = cell->event,
            .state = cell->state,
            .at = wall,
            .due_at = due_in(cell->state, payment, policy, now, expires_at),
            .expires_at = expires_at,
            .version = payment->version + (cell->outcome == OUTCOME_TELL),
            .intent = intent,
        };
        return PAYMENT_DECIDED;
    case OUTCOME_REPEAT:
        return PAYMENT_REPEAT;
    case OUTCOME_REFUSE:
        return PAYMENT_REFUSED;
    case OUTCOME_BROKEN:
        break;
    }
    return PAYMENT_BROKEN;
}

static void begin(struct payment *payment, const struct payment_event *event)
{
    const struct payment_intent *intent = event->intent;

    payment->key = intent->key;
    payment->body = intent->body;
    payment->method = intent->method;
    payment->currency = intent->currency;
    payment->amount = intent->amount;
    payment->created_at = event->at;
}

/* What is given back was taken if the provider has said so, and was not if it was never asked to; its word for giving
 * it back decides only when neither is known. So what is booked as taken stays taken, and nothing without an order is.
 */
static int64_t taken_of(const struct payment *payment, const struct payment_intent *intent)
{
    bool is_open = payment->captured == 0 && payment->order_id != 0;

    return is_open && intent->was_taken ? payment->amount : payment->captured;
}

void payment_apply(struct payment *payment, const struct payment_event *event)
{
    const struct payment_intent *intent = event->intent;

    switch (intent->kind) {
    case PAYMENT_AUTHORIZE:
        if (payment->state == PAYMENT_NONE)
            begin(payment, event);
        break;
    case PAYMENT_APPROVED:
        payment->reference = intent->reference;
        break;
    case PAYMENT_ORDERED:
    case PAYMENT_ORDER_CANCELED:
        payment->order_id = intent->order_id;
        if (payment_has_come_too_late(intent->kind, event->state))
            payment->reason = STR("its order came when the authorisation had ended");
        break;
    case PAYMENT_DECLINED_BY:
    case PAYMENT_REFUND:
        payment->reason = intent->reason;
        break;
    case PAYMENT_TAKEN:
        payment->captured = payment->amount;
        break;
    case PAYMENT_GIVEN_BACK:
        payment->captured = taken_of(payment, intent);
        payment->returned = payment->captured;
        break;
    default:
        break;
    }
    payment->state = event->state;
    payment->due_at = event->due_at;
    payment->expires_at = event->expires_at;
    payment->attempt = 1;
    payment->version = event->version;
    payment->updated_at = event->at;
}

bool payment_is_owed(const struct payment *payment)
{
    return payment->state == PAYMENT_PENDING || payment->state == PAYMENT_CAPTURING ||
           payment->state == PAYMENT_RETURNING;
}

void payment_ask_again(struct payment *payment, const struct payment_policy *policy, int64_t now)
{
    payment->attempt++;
    payment->due_at = now + pause_after(payment, payment->attempt, policy);
}

bool payment_has_come_too_late(enum payment_command_kind kind, enum payment_state state)
{
    return kind == PAYMENT_ORDERED && (state == PAYMENT_RETURNING || state == PAYMENT_RETURNED);
}

bool payment_is_same(const struct payment *payment, const struct payment_intent *intent)
{
    if (payment->body && intent->body)
        return payment->body == intent->body;
    return payment->amount == intent->amount && str_eq(payment->currency, intent->currency) &&
           str_eq(payment->method, intent->method);
}

bool payment_is_over(const struct payment *payment)
{
    switch (payment->state) {
    case PAYMENT_NONE:
    case PAYMENT_PENDING:
    case PAYMENT_AUTHORIZED:
    case PAYMENT_DECLINED:
        return false;
    default:
        return true;
    }
}

bool payment_was_taken(const struct payment *payment)
{
    return payment->captured > 0 || (payment->amount == 0 && payment->order_id != 0);
}

struct str payment_status_text(const struct payment *payment)
{
    switch (payment->state) {
    case PAYMENT_NONE:
        return STR("");
    case PAYMENT_PENDING:
        return STR("Pending");
    case PAYMENT_AUTHORIZED:
    case PAYMENT_CAPTURING:
        return STR("Authorized");
    case PAYMENT_CAPTURED:
        return STR("Captured");
    case PAYMENT_RETURNING: /* not yet what it is going to be */
        return payment_was_taken(payment) ? STR("Captured") : STR("Authorized");
    case PAYMENT_RETURNED:
        return payment_was_taken(payment) ? STR("Refunded") : STR("Voided");
    case PAYMENT_DECLINED:
        return STR("Declined");
    case PAYMENT_STATE_COUNT:
        break;
    }
    ASSERT(false);
    return STR("");
}

const char *payment_refusal_text(enum payment_refusal refusal)
{
    switch (refusal) {
    case PAYMENT_REFUSAL_NO_SUCH_PAYMENT:
        return "there is no such payment";
    case PAYMENT_REFUSAL_NOT_TAKEN:
        return "nothing was taken that could be given back";
    case PAYMENT_REFUSAL_GOING_BACK:
        return "it is being given back already";
    case PAYMENT_REFUSAL_GONE_BACK:
        return "it has been given back";
    case PAYMENT_REFUSAL_ORDER_NOT_OVER:
        return "its order isn't completed yet; one that isn't begun is cancelled instead, and its money goes back by "
               "itself";
    case PAYMENT_REFUSAL_NONE:
        break;
    }
    return "";
}

const char *payment_state_name(enum payment_state state)
{
    static const char *const names[PAYMENT_STATE_COUNT] = {"NONE",     "PENDING",   "AUTHORIZED", "CAPTURING",
                                                           "CAPTURED", "RETURNING", "RETURNED",   "DECLINED"};

    return names[state];
}

const char *payment_command_name(enum payment_command_kind kind)
{
    static const char *const names[PAYMENT_COMMAND_COUNT] = {
        "AUTHORIZE", "APPROVED", "DECLINED_BY", "ORDERED", "ORDER_CANCELED", "EXPIRE", "TAKEN", "GIVEN_BACK", "REFUND"};

    return names[kind];
}
