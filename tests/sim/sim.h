/** sim.h: one simulated history of the shop: real cores, virtual time, one seed.
 *
 *  The same options give the same history, step by step. See README.md.
 */
#ifndef COFFEESHOP_SIM_H
#define COFFEESHOP_SIM_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

/** A known bug, built into the simulation's own wiring to see that the rules notice it. */
enum sim_plant {
    PLANT_NONE,
#define PLANT(name, sentence) PLANT_##name,
#include "sim_plants.def"
#undef PLANT
    PLANT_COUNT
};

/** What happened on the way. */
enum sim_met {
#define MEET(name, sentence) MET_##name,
#include "sim_meets.def"
#undef MEET
    MET_COUNT
};

struct sim_options {
    uint64_t seed;
    enum sim_plant plant;
    bool aloud; /* everything that happens goes to standard output */
};

struct sim_result {
    bool broken; /* a rule was */
    uint64_t steps;
    uint64_t hash;     /* of everything that happened */
    int64_t simulated; /* us of virtual time */
    bool met[MET_COUNT];
    struct buf report; /* broken: seed, step, rule, and what happened just before; buf_free() it */
};

void sim_play(const struct sim_options *options, struct sim_result *result);
/** "RELEASE_FORGOTTEN", and what it does wrong; static. */
const char *sim_plant_name(enum sim_plant plant);
const char *sim_plant_sentence(enum sim_plant plant);
/** "a call times out"; static. */
const char *sim_met_sentence(enum sim_met met);

#endif
