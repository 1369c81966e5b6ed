/** stock.h: the Stock aggregate: one row per item, and how much of it is left.
 *
 *  Pure: no I/O, no clock, no allocation. stock_decide() says what happens, stock_apply() makes it so; the caller loads
 *  before and commits after. Times are the caller's: microseconds since the epoch, UTC. The whole behaviour is the
 * table stock_states.def.
 *
 *  A row never goes below zero (rule 2). A row that was removed stays as a tombstone: its id is never given again, and
 *  what was reserved from it can still be released, which adds nothing.
 */
#ifndef COFFEESHOP_STOCK_H
#define COFFEESHOP_STOCK_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STOCK_NAME_MAX = 64,                  /* characters, of at most 4 bytes */
    STOCK_GIVEN_MAX = 4 * STOCK_NAME_MAX, /* as it is given: not composed, with blanks around it */
    STOCK_REASON_MAX = 200,               /* characters */
    STOCK_REDUCE_MAX = 1000000,           /* in one reduction */
    STOCK_ON_HAND_MAX = 1000000000,       /* what a row may be filled up to; only give-backs may go above it */
};

enum stock_state {
    STOCK_NONE, /* never kept */
    STOCK_KEPT,
    STOCK_REMOVED,
    STOCK_STATE_COUNT
};

enum stock_command_kind {
    STOCK_ADD,       /* a row for a name that has none */
    STOCK_RECEIVE,   /* goods in */
    STOCK_CORRECT,   /* somebody counted: so many there are */
    STOCK_REMOVE,    /* not kept any more */
    STOCK_REDUCE,    /* take some out, or none */
    STOCK_GIVE_BACK, /* a reservation is released (reservation.h) */
    STOCK_MARK,      /* the keeper wants to be told when so little is left */
    STOCK_ADJUST,    /* somebody counted: so many more, or fewer, than thought */
    STOCK_COMMAND_COUNT
};

enum stock_event_kind {
    STOCK_EVENT_RECEIVED,
    STOCK_EVENT_CORRECTED,
    STOCK_EVENT_REMOVED,
    STOCK_EVENT_REDUCED,
    STOCK_EVENT_RELEASED
};

enum stock_refusal {
    STOCK_REFUSAL_NONE,
    STOCK_REFUSAL_NOT_KEPT,
    STOCK_REFUSAL_KEPT_ALREADY,
    STOCK_REFUSAL_TOO_MUCH,
    STOCK_REFUSAL_TOO_LITTLE,
    STOCK_REFUSAL_CHANGED,             /* it isn't as the caller expects it any more */
    STOCK_REFUSAL_ANOTHER_RESERVATION, /* the reservation's id was used for another item or quantity */
};

/** What came out of a decision. */
enum stock_verdict {
    STOCK_DECIDED,  /* `event` happened: apply it, commit it */
    STOCK_NOTED,    /* the keeper's note changes: stock_note() it, store it. Nothing moved, so nobody hears of it */
    STOCK_REPEAT,   /* nothing new; the answer is the state as it is */
    STOCK_DECLINED, /* a reduction that isn't made: the answer is "no" */
    STOCK_REFUSED,  /* `refusal` says why; nothing changes */
    STOCK_BROKEN,   /* the facts contradict each other: somebody broke a rule. Nothing changes */
};

struct stock {
    int64_t id;
    enum stock_state state;
    struct str product_name; /* as it is shown; memory is the loader's */
    int64_t on_hand;
    int64_t version; /* of the last event; 0 before the first */
    int64_t updated_at;
    int64_t low_mark; /* so little is low; 0: no mark */
};

/** A row as it was seen at some time: any change of what is shown of it makes another. */
struct stock_edition {
    int64_t version, low_mark;
};

/** Which editions a change is meant for. */
struct stock_expectation {
    bool given; /* otherwise it is meant for any */
    const struct stock_edition *one_of;
    size_t n;
};

/** What is asked; only the members of its kind are read. */
struct stock_intent {
    enum stock_command_kind kind;
    int64_t id;                        /* CORRECT, ADJUST, REMOVE, MARK: the row */
    struct stock_expectation expected; /* of the row named by id */
    struct str product_name;           /* ADD, RECEIVE, REDUCE: the name, canonical and trimmed */
    int64_t qty;                       /* ADD, CORRECT, MARK: 0 or more; RECEIVE, REDUCE: 1 or more */
    int64_t change;                    /* ADJUST: what is added; less than 0: taken away */
    struct str reservation_id;         /* GIVE_BACK; REDUCE: empty when nothing is reserved */
    struct str reason;                 /* may be empty */
};

struct stock_event {
    enum stock_event_kind kind;
    enum stock_state state; /* afterwards */
    struct str product_name;
    int64_t qty;     /* how much moved; only a correction's may be negative */
    int64_t on_hand; /* afterwards */
    int64_t version; /* of the row after it */
    int64_t at;
    struct str reservation_id;
    struct str reason;
};

struct stock_decision {
    struct stock_event event;
    enum stock_refusal refusal;
};

enum stock_verdict stock_decide(const struct stock *stock, const struct stock_intent *intent, int64_t now,
                                struct stock_decision *out);
void stock_apply(struct stock *stock, const struct stock_event *event);
/** After STOCK_NOTED. */
void stock_note(struct stock *stock, const struct stock_intent *intent);

/** The sentence for a refusal; static. */
const char *stock_refusal_text(enum stock_refusal refusal);
/** Names in the table's words, for tests and diagrams. */
const char *stock_state_name(enum stock_state state);
const char *stock_command_name(enum stock_command_kind kind);

#endif
