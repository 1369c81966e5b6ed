/** sim_rules_payment.h: rule 7: paid exactly once per order, given back exactly once for a cancelled one, and an unpaid
 * order doesn't exist; looked at in what is committed, and in the provider's own books.
 */
#ifndef COFFEESHOP_SIM_RULES_PAYMENT_H
#define COFFEESHOP_SIM_RULES_PAYMENT_H

#include "sim_world.h"

/** After a step, when order, payment or the provider has changed something. */
void sim_rules_check_payments(struct sim *sim);
/** At the end: nothing is left open, and all books agree. */
void sim_rules_check_payments_end(struct sim *sim);
/** A customer hears that they haven't paid: so it is. */
void sim_rules_check_declined(struct sim *sim, int64_t customer, struct str key);

#endif
