/** kv_cells.h: of how many cells a shop's key-value store is made: kept in it from the beginning, as the relational
 * ones do (sql_options.cells).
 */
#ifndef COFFEESHOP_KV_CELLS_H
#define COFFEESHOP_KV_CELLS_H

#include "kv.h"

/** Before anything else is put there: notes the number in an empty store (not when it is only looked at, and not when
 * it is full). Any other store has to be of that number: E_FOREIGN, with a sentence in `problem` that begins with
 * `name`. One from before there were cells is one. */
int kv_cells_keep(struct kv *kv, const char *name, int32_t cells, bool looks, struct buf *problem);

#endif
