/** kv_import.h: refuses a store that an import has begun to fill and not finished. For the adapters.
 */
#ifndef COFFEESHOP_KV_IMPORT_H
#define COFFEESHOP_KV_IMPORT_H

#include "kv.h"

/** To be called when the store is open. 0, E_FOREIGN with a sentence in `problem` that begins with `name`, or a failure
 * of the store's. */
int kv_check_import(struct kv *kv, bool importing, const char *name, struct buf *problem);

#endif
