/** kv_lmdb_sum.h: the LMDB adapter's own entries, by which it knows a store and whether its values have checksums
 * (kv_sum.h). Not for others. */
#ifndef COFFEESHOP_KV_LMDB_SUM_H
#define COFFEESHOP_KV_LMDB_SUM_H

#include "kv_sum.h"

/** A leading NUL keeps them out of every scan. Whose store it is; the mark in front says that its values have
 * checksums. */
#define KV_LMDB_OWNER_KEY STR("\0meta/application")
#define KV_LMDB_MARK STR("checksums:")
/** The number of the transaction that wrote it, in every commit: a meta page that says another one is damaged. */
#define KV_LMDB_COMMIT_KEY STR("\0meta/commit")

#endif
