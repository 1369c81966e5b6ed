/** kv_lmdb_sum.h: the checksum behind each value of a store: over the value and the key that it belongs to. Not for
 * others. */
#ifndef COFFEESHOP_KV_LMDB_SUM_H
#define COFFEESHOP_KV_LMDB_SUM_H

#include "checksum.h"
#include "str.h"

#include <stdbool.h>
#include <string.h>

enum { KV_LMDB_SUM = 8 };

/** The adapter's own entries: a leading NUL keeps them out of every scan. Whose store it is; the mark in front says
 * that its values have checksums. */
#define KV_LMDB_OWNER_KEY STR("\0meta/application")
#define KV_LMDB_MARK STR("checksums:")
/** The number of the transaction that wrote it, in every commit: a meta page that says another one is damaged. */
#define KV_LMDB_COMMIT_KEY STR("\0meta/commit")

static inline uint64_t kv_lmdb_sum_of(struct str key, struct str value)
{
    return checksum_of(value.p, value.n, checksum_of(key.p, key.n, 0));
}

/** Takes the checksum off the stored value. False: it isn't that of what is there. */
static inline bool kv_lmdb_take_off(struct str key, struct str *value)
{
    uint64_t stored;

    if (value->n < KV_LMDB_SUM)
        return false;
    value->n -= KV_LMDB_SUM;
    memcpy(&stored, value->p + value->n, sizeof(stored));
    return stored == kv_lmdb_sum_of(key, *value);
}

#endif
