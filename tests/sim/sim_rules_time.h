/** sim_rules_time.h: nothing is done before its time, and nothing waits longer than it is set to, whatever the clocks
 * say.
 */
#ifndef COFFEESHOP_SIM_RULES_TIME_H
#define COFFEESHOP_SIM_RULES_TIME_H

#include "sim_world.h"

/** The kitchen has committed something. */
void sim_rules_check_times(struct sim *sim);
void sim_rules_free_times(struct sim *sim);

#endif
