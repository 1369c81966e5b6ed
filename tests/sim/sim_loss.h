/** sim_loss.h: what nobody can promise any more: events that were passed over for good, because an operator said so
 * (`coffeeshop feeds SERVICE resume PRODUCER`). The rules hold for all the rest.
 */
#ifndef COFFEESHOP_SIM_LOSS_H
#define COFFEESHOP_SIM_LOSS_H

#include "outbox_write.h"
#include "sim_feed.h"

/** The follower goes on behind `until`: what it hasn't read up to there is lost to it. */
void sim_loss_note(struct sim_follower *follower, uint64_t until);
/** Whether `consumer` has lost events of this subject; SIM_WORLD: anybody. */
bool sim_loss_is_of(const struct sim *sim, enum sim_who consumer, struct str subject);
bool sim_loss_is_of_order(const struct sim *sim, enum sim_who consumer, int64_t order_id);
/** Whether it has lost any of this producer's. */
bool sim_loss_is_from(const struct sim *sim, enum sim_who consumer, enum sim_who producer);
/** Whether this dead letter may be one: it tells of what is lost in part. */
bool sim_loss_explains(const struct sim_service *consumer, const struct dead_letter *dead);

#endif
