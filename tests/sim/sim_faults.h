/** sim_faults.h: what kind of shop a seed has, and what goes wrong there. */
#ifndef COFFEESHOP_SIM_FAULTS_H
#define COFFEESHOP_SIM_FAULTS_H

#include "sim_world.h"

void sim_choose_shape(struct sim *sim);
/** Processes begin to die. */
void sim_faults_begin(struct sim *sim);
/** Nothing breaks any more; who is away comes back by itself. */
void sim_faults_end(struct sim *sim);

#endif
