#include "steady_clock.h"

#include "clock.h"

struct steady_clock steady_clock_start(void)
{
    return (struct steady_clock){.wall = clock_wall(), .monotonic = clock_monotonic()};
}

int64_t steady_clock_at(const struct steady_clock *clock, int64_t monotonic)
{
    return clock->wall + (monotonic - clock->monotonic);
}

int64_t steady_clock_now(const struct steady_clock *clock)
{
    return steady_clock_at(clock, clock_monotonic());
}

int64_t steady_clock_wall_ahead(const struct steady_clock *clock)
{
    return clock_wall() - steady_clock_now(clock);
}
