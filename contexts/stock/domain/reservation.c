#include "reservation.h"

#include "base.h"

enum outcome { OUTCOME_TAKE = 1, OUTCOME_GIVE_BACK, OUTCOME_NOTE, OUTCOME_REPEAT };

struct cell {
    enum outcome outcome;
    enum reservation_state state;     /* afterwards */
    enum reservation_state otherwise; /* take: when there wasn't enough */
};

#define take(a, b)                                                                                                     \
    {                                                                                                                  \
        .outcome = OUTCOME_TAKE, .state = RESERVATION_##a, .otherwise = RESERVATION_##b                                \
    }
#define give_back(s)                                                                                                   \
    {                                                                                                                  \
        .outcome = OUTCOME_GIVE_BACK, .state = RESERVATION_##s                                                         \
    }
#define note(s)                                                                                                        \
    {                                                                                                                  \
        .outcome = OUTCOME_NOTE, .state = RESERVATION_##s                                                              \
    }
#define repeat()                                                                                                       \
    {                                                                                                                  \
        .outcome = OUTCOME_REPEAT                                                                                      \
    }

static const struct cell cells[RESERVATION_STATE_COUNT][RESERVATION_COMMAND_COUNT] = {
#define CELL(state, command, ...) [RESERVATION_##state][RESERVATION_##command] = __VA_ARGS__,
#include "reservation_states.def"
#undef CELL
};

enum {
#define CELL(state, command, ...) CELL_##state##_##command,
#include "reservation_states.def"
#undef CELL
    CELL_COUNT
};
_Static_assert(CELL_COUNT == RESERVATION_STATE_COUNT * RESERVATION_COMMAND_COUNT,
               "every state x command pair has its cell");

/* One id is one reduction: the same item (names' case doesn't matter), the same quantity. */
static bool is_another(const struct reservation *reservation, const struct stock_intent *intent)
{
    if (reservation_command_of(intent) != RESERVATION_REDUCE || reservation->qty == 0)
        return false;
    return reservation->qty != intent->qty || !str_eq_nocase(reservation->product_name, intent->product_name);
}

static enum stock_verdict take_from(const struct cell *cell, const struct stock *stock,
                                    const struct stock_intent *intent, int64_t now, struct reservation_event *event)
{
    struct stock_decision decision;

    enum stock_verdict verdict = stock_decide(stock, intent, now, &decision);
    event->moves = verdict == STOCK_DECIDED;
    event->stock = decision.event;
    event->state = event->moves ? cell->state : cell->otherwise;
    event->product_name = intent->product_name;
    event->qty = intent->qty;
    event->stock_id = stock->id;
    return verdict == STOCK_BROKEN ? STOCK_BROKEN : STOCK_DECIDED;
}

static enum stock_verdict give_back_to(const struct reservation *reservation, const struct stock *stock,
                                       const struct stock_intent *intent, int64_t now, struct reservation_event *event)
{
    const struct stock_intent back = {
        .kind = STOCK_GIVE_BACK,
        .qty = reservation->qty,
        .reservation_id = reservation->id,
        .reason = intent->reason,
    };
    struct stock_decision decision;

    ASSERT(stock->id == reservation->stock_id);
    enum stock_verdict verdict = stock_decide(stock, &back, now, &decision);
    event->moves = verdict == STOCK_DECIDED;
    event->stock = decision.event;
    return verdict == STOCK_BROKEN ? STOCK_BROKEN : STOCK_DECIDED;
}

enum stock_verdict reservation_decide(const struct reservation *reservation, const struct stock *stock,
                                      const struct stock_intent *intent, int64_t now, struct reservation_decision *out)
{
    ASSERT(reservation->state < RESERVATION_STATE_COUNT);
    const struct cell *cell = &cells[reservation->state][reservation_command_of(intent)];

    *out = (struct reservation_decision){
        .event = {.state = cell->state,
                  .product_name = reservation->product_name,
                  .qty = reservation->qty,
                  .stock_id = reservation->stock_id,
                  .at = now},
    };
    if (is_another(reservation, intent)) {
        out->refusal = STOCK_REFUSAL_ANOTHER_RESERVATION;
        return STOCK_REFUSED;
    }
    switch (cell->outcome) {
    case OUTCOME_TAKE:
        return take_from(cell, stock, intent, now, &out->event);
    case OUTCOME_GIVE_BACK:
        return give_back_to(reservation, stock, intent, now, &out->event);
    case OUTCOME_NOTE:
        return STOCK_DECIDED;
    case OUTCOME_REPEAT:
        break;
    }
    return STOCK_REPEAT;
}

void reservation_apply(struct reservation *reservation, struct stock *stock, const struct reservation_event *event)
{
    reservation->state = event->state;
    reservation->product_name = event->product_name;
    reservation->qty = event->qty;
    reservation->stock_id = event->stock_id;
    reservation->deducted = reservation->deducted || event->state == RESERVATION_REDUCED;
    reservation->changed_at = event->at;
    if (event->moves)
        stock_apply(stock, &event->stock);
}

bool reservation_answer(const struct reservation *reservation, enum reservation_command_kind kind)
{
    if (kind == RESERVATION_REDUCE)
        return reservation->state == RESERVATION_REDUCED;
    return reservation->state == RESERVATION_RELEASED && reservation->deducted;
}

enum reservation_command_kind reservation_command_of(const struct stock_intent *intent)
{
    ASSERT(intent->kind == STOCK_REDUCE || intent->kind == STOCK_GIVE_BACK);
    return intent->kind == STOCK_REDUCE ? RESERVATION_REDUCE : RESERVATION_RELEASE;
}

const char *reservation_state_name(enum reservation_state state)
{
    static const char *const names[RESERVATION_STATE_COUNT] = {"NONE", "REDUCED", "REFUSED", "RELEASED"};

    return state < RESERVATION_STATE_COUNT ? names[state] : "?";
}

const char *reservation_command_name(enum reservation_command_kind kind)
{
    static const char *const names[RESERVATION_COMMAND_COUNT] = {"REDUCE", "RELEASE"};

    return kind < RESERVATION_COMMAND_COUNT ? names[kind] : "?";
}
