/** sim_shelf.h: the keeper at the shelf: counts it, and takes items off and keeps them again.
 */
#ifndef COFFEESHOP_SIM_SHELF_H
#define COFFEESHOP_SIM_SHELF_H

#include "sim_shop.h"

/** As many counts and removals as the shape has, while the shop is busy. */
void sim_shelf_is_looked_after(struct sim *sim);
/** What the keeper hears of a row is so. */
void sim_shelf_check_answer(struct sim *sim, const struct stock_intent *intent, const struct stock_step *step);
/** A correction's reason says which count it is, below 64, and by how much it was wrong. False: it is no count's. */
bool sim_shelf_read_count(struct str reason, int64_t *number, int64_t *difference);

#endif
