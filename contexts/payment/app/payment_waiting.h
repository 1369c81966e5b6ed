/** payment_waiting.h: questions of order's of which nothing is known yet, because the provider owes us the answers.
 * They are kept, beyond the batch that took them, until one of their purchases is decided or their time is over; then
 * they are answered, what isn't known as "pending". Nobody waits for another's card: order asks for the pending ones
 * again, on their own. An answer in which nothing is decided is the last one: the time was over.
 *
 *  What was asked together and is of several cells is a command for each of them: what is decided in one hurries the
 * others.
 *
 *  In memory only: whoever isn't answered asks again under the same key. Writer thread, and after its end whoever frees
 * the app.
 */
#ifndef COFFEESHOP_PAYMENT_WAITING_H
#define COFFEESHOP_PAYMENT_WAITING_H

#include "payment_command.h"

struct payment_waiting {
    struct payment_command *first, *last; /* as they came */
};

/** After the commit that took it: keeps the command when all of its steps are pending. What was decided behind it in
 * the same batch it is told at once. */
void payment_waiting_keep(struct payment_waiting *waiting, struct payment_command *command, struct payment_batch *batch,
                          int64_t until);
/** After a commit that changed payments: answers who waits for nothing any more, and whose time is over. */
void payment_waiting_answer(struct payment_waiting *waiting, struct payment_batch *batch);
/** Something that was asked together with it is decided: it waits for company at most, now or when it begins to. */
void payment_waiting_hurry(struct payment_command *command, int64_t now);
/** Whether it isn't known yet what comes of a purchase. */
bool payment_waiting_is_pending(const struct payment_step *step);
/** When the next one's time is over; INT64_MAX: nobody waits. */
int64_t payment_waiting_until(const struct payment_waiting *waiting);
/** Answers all as they are. */
void payment_waiting_end(struct payment_waiting *waiting);

#endif
