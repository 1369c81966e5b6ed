/** kv_redis_functions.h: what runs inside Redis. Not for others than the adapter.
 *
 *  A library of functions (Redis >= 7), with a version in its name and in each function's: two versions of the program
 * may use one Redis. Changed code is a new version.
 */
#ifndef COFFEESHOP_KV_REDIS_FUNCTIONS_H
#define COFFEESHOP_KV_REDIS_FUNCTIONS_H

#include "redis_link.h"

#define KV_REDIS_LIBRARY "coffeeshop_kv_2"
#define KV_REDIS_OPEN KV_REDIS_LIBRARY "_open"
#define KV_REDIS_UPGRADE KV_REDIS_LIBRARY "_upgrade"
#define KV_REDIS_COMMIT KV_REDIS_LIBRARY "_commit"
#define KV_REDIS_REMOVE KV_REDIS_LIBRARY "_remove"
#define KV_REDIS_HOLD KV_REDIS_LIBRARY "_hold"
#define KV_REDIS_SCAN KV_REDIS_LIBRARY "_scan"

/** How the keys are laid out; a store with a higher one is a newer program's. */
enum { KV_REDIS_LAYOUT = 1 };

extern const struct redis_library kv_redis_library;

#endif
