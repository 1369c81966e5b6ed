/** kv_sum.h: the checksum behind each value of a store: over the value and the key that it belongs to. Not for
 * others than the adapters. */
#ifndef COFFEESHOP_KV_SUM_H
#define COFFEESHOP_KV_SUM_H

#include "checksum.h"
#include "str.h"

#include <stdbool.h>
#include <string.h>

enum { KV_SUM = 8 };

static inline uint64_t kv_sum_of(struct str key, struct str value)
{
    return checksum_of(value.p, value.n, checksum_of(key.p, key.n, 0));
}

/** Takes the checksum off the stored value. False: it isn't that of what is there. */
static inline bool kv_sum_take_off(struct str key, struct str *value)
{
    uint64_t stored;

    if (value->n < KV_SUM)
        return false;
    value->n -= KV_SUM;
    memcpy(&stored, value->p + value->n, sizeof(stored));
    return stored == kv_sum_of(key, *value);
}

#endif
