/** retention_clock.h: the time by which it is judged what is kept for long enough: only time in which the service ran
 *  counts.
 *
 *  It begins at the newest moment that is stored and goes on as the service's own time does, so no step of the wall
 *  clock, in a run or between two, makes anything expire. What is kept grows only while the service runs: counting
 *  nothing but that bounds it just as well. Writer thread.
 */
#ifndef COFFEESHOP_RETENTION_CLOCK_H
#define COFFEESHOP_RETENTION_CLOCK_H

#include <stdint.h>

struct retention_clock {
    int64_t newest; /* the newest moment stored at the start, us; 0: nothing is */
    int64_t began;  /* the service's own time at the first look; 0: none yet */
};

/** The moment of what is stored at `now` (the service's own time, us), and to judge what is stored by. */
static inline int64_t retention_clock_at(struct retention_clock *clock, int64_t now)
{
    if (!clock->began)
        clock->began = now;
    if (!clock->newest)
        clock->newest = clock->began;
    return clock->newest + (now - clock->began);
}

#endif
