/** sim_rules_story.h: what is told of one order or ticket is a story that can have happened, whoever has heard all of
 * it knows it, and what somebody is told to their face is so.
 */
#ifndef COFFEESHOP_SIM_RULES_STORY_H
#define COFFEESHOP_SIM_RULES_STORY_H

#include "sim_shop.h"

/** `next` is told behind `last` (empty: it is the first) of the same order or ticket. */
void sim_rules_check_story(struct sim_service *teller, struct str subject, struct str last, struct str next);
/** Order has taken in all that product has committed: an order's state is its ticket's. */
void sim_rules_check_told(struct sim *sim);
/** The answer to a cancel of the order. */
void sim_rules_check_order_answer(const struct sim_order_request *request, const struct order_command *command);
/** The answer to whoever wants something of the ticket. */
void sim_rules_check_ticket_answer(const struct sim_product_request *request, const struct product_command *command);

#endif
