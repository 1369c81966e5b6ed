/** order_payment_question.h: what order asks of payment for one purchase, as POST /payments/authorize has it, and the
 * keys of purchases whose clients have sent none. One thread at a time: the writer's, or the loop's.
 */
#ifndef COFFEESHOP_ORDER_PAYMENT_QUESTION_H
#define COFFEESHOP_ORDER_PAYMENT_QUESTION_H

#include "buf.h"
#include "order_app.h"

enum { OWN_KEY_ROOM = 32 };

/** A number that nobody else has, for all that are asked for together; each one's key is its place behind it. Zeroed
 * there is none yet. */
struct own_keys {
    char begin[OWN_KEY_ROOM];
};

/** The key at this place, in `key` as long as that isn't changed; `now`: own time. Empty: there is no memory, or the
 * system has no random number. */
struct str order_payment_own_key(struct own_keys *keys, int64_t now, size_t place, struct buf *key);

/** Writes the question; the buffer's error is sticky. Of several cells it says the order's, which the payment is to be
 * in, too. */
void order_payment_question_write(struct buf *out, const struct order_command *command, struct str key,
                                  int32_t n_cells);

#endif
