/** reservation.h: the Reservation aggregate: one reduction that is made at most once, whatever is retried, and given
 *  back at most once.
 *
 *  Its id is the caller's (one per ticket and attempt). The first answer for an id, yes or no, is final. Pure, as
 *  stock.h; the whole behaviour is the table reservation_states.def. A reservation and its row of stock are decided and
 *  committed together.
 */
#ifndef COFFEESHOP_RESERVATION_H
#define COFFEESHOP_RESERVATION_H

#include "stock.h"

#include <stdbool.h>

enum {
    RESERVATION_ID_MAX = 64,   /* as a caller gives it: printable ASCII, no blanks */
    RESERVATION_KEPT_MAX = 72, /* as it is kept, in the name space of its caller */
};

enum reservation_state {
    RESERVATION_NONE, /* never heard of */
    RESERVATION_REDUCED,
    RESERVATION_REFUSED,
    RESERVATION_RELEASED,
    RESERVATION_STATE_COUNT
};

enum reservation_command_kind { RESERVATION_REDUCE, RESERVATION_RELEASE, RESERVATION_COMMAND_COUNT };

struct reservation {
    struct str id;
    enum reservation_state state;
    struct str product_name; /* of the first reduction; empty when there was only a release */
    int64_t qty;
    int64_t stock_id;   /* the row it was taken from; 0: none */
    bool deducted;      /* it was REDUCED once */
    int64_t changed_at; /* by the retention's clock, us */
};

struct reservation_event {
    enum reservation_state state; /* afterwards */
    struct str product_name;
    int64_t qty;
    int64_t stock_id;
    int64_t at;
    bool moves; /* stock moves: `stock` happened to its row */
    struct stock_event stock;
};

struct reservation_decision {
    struct reservation_event event;
    enum stock_refusal refusal;
};

/** `stock` is the row that the reservation was taken from (state REDUCED), else the row of the intent's name; the zero
 *  row when there is none. STOCK_DECIDED, STOCK_REPEAT, STOCK_REFUSED or STOCK_BROKEN; the yes or no is
 *  reservation_answer() afterwards. */
enum stock_verdict reservation_decide(const struct reservation *reservation, const struct stock *stock,
                                      const struct stock_intent *intent, int64_t now, struct reservation_decision *out);
/** Changes `stock` too when something moved. */
void reservation_apply(struct reservation *reservation, struct stock *stock, const struct reservation_event *event);

/** REDUCE: whether the goods are taken and the caller's. RELEASE: whether they were taken and are given back. */
bool reservation_answer(const struct reservation *reservation, enum reservation_command_kind kind);
/** A STOCK_REDUCE or STOCK_GIVE_BACK intent in the reservation's terms. */
enum reservation_command_kind reservation_command_of(const struct stock_intent *intent);

const char *reservation_state_name(enum reservation_state state);
const char *reservation_command_name(enum reservation_command_kind kind);

#endif
