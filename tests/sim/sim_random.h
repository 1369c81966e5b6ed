/** sim_random.h: the one source of chance (splitmix64; Steele, Lea, Flood 2014). */
#ifndef COFFEESHOP_SIM_RANDOM_H
#define COFFEESHOP_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

static inline uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15ULL;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

/** From `low` to `high`, both included. */
static inline int64_t sim_between(struct sim_random *random, int64_t low, int64_t high)
{
    return low + (int64_t)(sim_random_next(random) % (uint64_t)(high - low + 1));
}

static inline bool sim_chance(struct sim_random *random, int64_t per_mille)
{
    return sim_between(random, 0, 999) < per_mille;
}

#endif
