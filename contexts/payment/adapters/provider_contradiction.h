/** provider_contradiction.h: what a provider says, by whichever way, that can't be so with what is known of its
 * payment. It changes nothing that is booked; somebody has to hear of it. Loop thread.
 */
#ifndef COFFEESHOP_PROVIDER_CONTRADICTION_H
#define COFFEESHOP_PROVIDER_CONTRADICTION_H

#include "payment_command.h"

/** Counts and logs it when what came of the step is such a contradiction. After the commit. */
void provider_contradiction_look(const struct payment_step *step);
/** Counts and logs it: `member` is what contradicts. */
void provider_contradiction_note(int64_t payment_id, const char *member);
/** Shows the figure in /metrics. */
void provider_contradiction_init(void);

#endif
