/** sim_retention.h: what is kept only for a while: events and idempotency keys, in the fakes as outbox_sql_tidy() does
 * it (stock's own repository is the real one); and that nothing is removed before its time.
 */
#ifndef COFFEESHOP_SIM_RETENTION_H
#define COFFEESHOP_SIM_RETENTION_H

#include "retention_clock.h"
#include "sim_world.h"

struct sim_retention {
    struct retention_clock clock;
    int64_t next_at;
};

/** The process starts: its retention's clock begins with the newest moment that is stored. */
void sim_retention_start(struct sim_service *service);
/** Behind a commit that was made, `now` the service's own time. */
void sim_retention_tidy(struct sim_service *service, int64_t now);
/** After a step: events are kept as long as is set. */
void sim_rules_check_retention(struct sim *sim);

/** At the end: stock, which looks by itself, has removed what is too old. */
void sim_rules_check_removed(struct sim *sim);

#endif
