/** payment_waiting.h: questions of order's whose answer the provider still owes us. They are kept, beyond the batch
 * that took them, until it is known or their time is over; then they are answered, "pending" if need be.
 *
 *  In memory only: whoever isn't answered asks again under the same key. Writer thread, and after its end whoever frees
 * the app.
 */
#ifndef COFFEESHOP_PAYMENT_WAITING_H
#define COFFEESHOP_PAYMENT_WAITING_H

#include "payment_command.h"

struct payment_waiting {
    struct payment_command *first, *last; /* by when their time is over */
};

/** After the commit that decided it: keeps the command when one of its steps is pending, and what has to be remembered
 * of the others fits into its memory. */
void payment_waiting_keep(struct payment_waiting *waiting, struct payment_command *command, int64_t until);
/** After a commit that changed payments: answers who waits for nothing any more, and whose time is over. */
void payment_waiting_answer(struct payment_waiting *waiting, struct payment_batch *batch);
/** When the time of the first is over; INT64_MAX: nobody waits. */
int64_t payment_waiting_until(const struct payment_waiting *waiting);
/** Answers all as they are. */
void payment_waiting_end(struct payment_waiting *waiting);

#endif
