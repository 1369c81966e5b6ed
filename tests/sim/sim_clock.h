/** sim_clock.h: what a process takes for the time. Its wall clock is set by others: wrong from the beginning (a host a
 * day off, an RTC in local time), or stepped by seconds, hours or days, ahead and back. Its own time is the program's
 * (steady_clock.h).
 */
#ifndef COFFEESHOP_SIM_CLOCK_H
#define COFFEESHOP_SIM_CLOCK_H

#include "sim_world.h"
#include "steady_clock.h"

struct sim_clock {
    int64_t off;             /* of the wall clock, us; 0: it is right */
    struct steady_clock own; /* since the process started; `monotonic` is the simulation's time */
};

/** The shop opens: clocks may be wrong from now on. */
void sim_clocks_begin(struct sim *sim);
/** They begin to step. */
void sim_clocks_step(struct sim *sim);
/** The process starts: its own time begins. */
void sim_clock_start(struct sim_service *service);
/** What core_run() is told as `now`, … */
int64_t sim_clock_now(const struct sim_service *service);
/** … and as wall_ahead. */
int64_t sim_clock_wall_ahead(const struct sim_service *service);
/** When that is in the simulation's time; INT64_MAX stays so. */
int64_t sim_clock_when(const struct sim_service *service, int64_t own);

#endif
