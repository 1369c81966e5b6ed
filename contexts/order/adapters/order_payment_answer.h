/** order_payment_answer.h: what payment says to POST /payments/authorize.
 */
#ifndef COFFEESHOP_ORDER_PAYMENT_ANSWER_H
#define COFFEESHOP_ORDER_PAYMENT_ANSWER_H

#include "arena.h"
#include "http_client.h"

struct payment_answer {
    int64_t id, valid_ms; /* of what is authorised: it is kept so much longer */
    struct str status;    /* "Authorized", "Declined", "KeyReused", "Pending", "NotKnown" */
    struct str reason;
    int64_t amount;      /* of what is authorised at another price than it was asked for now; else below 0 */
    struct str currency; /* with it */
};

/** Whether it isn't known yet what comes of it. */
bool order_payment_is_pending(const struct payment_answer *answer);

/** Reads the answers to `n` questions, in their order, into the arena. NULL: it isn't payment's answer, or not to what
 * was asked. Inside the call's `done`. */
const struct payment_answer *order_payment_answer(const struct http_call *call, size_t n, struct arena *arena);

#endif
