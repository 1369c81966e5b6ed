/** membership_redis_functions.h: what runs inside Redis. Not for others than membership_redis.c. */
#ifndef COFFEESHOP_MEMBERSHIP_REDIS_FUNCTIONS_H
#define COFFEESHOP_MEMBERSHIP_REDIS_FUNCTIONS_H

#include "redis_link.h"

#define CELLS_LIBRARY "coffeeshop_cells_1"

/** How the keys are laid out; a higher one is a newer program's. */
enum { CELLS_LAYOUT = 1 };

extern const struct redis_library membership_redis_library;

#endif
