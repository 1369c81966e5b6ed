/** sim_rules_time.h: nothing is done before its time, and nothing waits longer than it is set to, whatever the clocks
 * say and were; and what a barista does is not done by itself.
 */
#ifndef COFFEESHOP_SIM_RULES_TIME_H
#define COFFEESHOP_SIM_RULES_TIME_H

#include "sim_world.h"

/** The kitchen has committed something. */
void sim_rules_check_times(struct sim *sim);
/** A barista takes this ticket up. */
void sim_rules_note_hand(struct sim *sim, int64_t ticket_id);
/** The store is another one: since when what is in it is so isn't known. */
void sim_rules_forget_times(struct sim *sim);
void sim_rules_free_times(struct sim *sim);

#endif
