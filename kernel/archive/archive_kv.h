/** archive_kv.h: a key-value store as an archive reads and fills it: one table of all entries.
 */
#ifndef COFFEESHOP_ARCHIVE_KV_H
#define COFFEESHOP_ARCHIVE_KV_H

#include "archive_store.h"
#include "kv.h"

/** Owns `kv` from here on, also when it fails. `release` (NULL: nothing) is called with `held`, what the store's
 * options point to, when what is returned is closed. NULL with a sentence in `problem`. */
struct archive_store *archive_kv_new(struct kv *kv, int64_t schema, void (*release)(void *held), void *held,
                                     struct buf *problem);

#endif
