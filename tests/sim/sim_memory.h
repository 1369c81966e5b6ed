/** sim_memory.h: memory runs out in the program's hands: one allocation of what it does next fails. The simulation's
 * own and its fakes' are not the program's: they are made between sim_memory_pause() and sim_memory_resume().
 */
#ifndef COFFEESHOP_SIM_MEMORY_H
#define COFFEESHOP_SIM_MEMORY_H

#include "sim_world.h"

/** Perhaps: of the allocations from now on one fails. */
void sim_memory_may_fail(struct sim *sim);
/** All is well again. Whether one has failed. */
bool sim_memory_is_back(struct sim *sim);

/** None fails from here … (what is given back goes to the other) */
uint64_t sim_memory_pause(struct sim *sim);
/** … to here. */
void sim_memory_resume(uint64_t left);

#endif
