/** steady_clock.h: the time that decides: a process's own.
 *
 *  It begins with what the wall clock says at the start and goes on at the monotonic clock's pace, whatever the wall
 *  clock is set to meanwhile. What people read is the wall clock's (clock_wall()); what waits, expires or is due goes
 * by this one. It does not change once it is started, so any thread may read it.
 */
#ifndef COFFEESHOP_STEADY_CLOCK_H
#define COFFEESHOP_STEADY_CLOCK_H

#include <stdint.h>

struct steady_clock {
    int64_t wall, monotonic; /* both at the start, us */
};

struct steady_clock steady_clock_start(void);
/** Its time at a moment of the monotonic clock, us. */
int64_t steady_clock_at(const struct steady_clock *clock, int64_t monotonic);
/** What it says now, us. */
int64_t steady_clock_now(const struct steady_clock *clock);
/** By how much the wall clock is ahead of it now, us; negative: behind. */
int64_t steady_clock_wall_ahead(const struct steady_clock *clock);

#endif
