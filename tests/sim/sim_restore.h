/** sim_restore.h: one process's data is replaced by an older copy of itself, or by an empty one, while the others' is
 * not: from then on the data don't fit together, and no promise but one can be kept: that it is said. In the end an
 * operator puts the whole directory back from one backup, and all rules hold again for what was in it.
 */
#ifndef COFFEESHOP_SIM_RESTORE_H
#define COFFEESHOP_SIM_RESTORE_H

#include "sim_world.h"

/** Somewhere in this history a backup is taken, and somewhere data is replaced. */
void sim_restore_begin(struct sim *sim);
/** When all is calm and the data don't fit together: everybody who has to has said so. */
void sim_restore_check_said(struct sim *sim);
/** The operator puts the whole directory back. */
void sim_restore_everything(struct sim *sim);
void sim_restore_free(struct sim *sim);

#endif
