/** order_newest.h: what order says to GET /events/newest: how far each cell of it has got.
 */
#ifndef COFFEESHOP_ORDER_NEWEST_H
#define COFFEESHOP_ORDER_NEWEST_H

#include "arena.h"
#include "http_client.h"

struct order_newest {
    uint64_t epoch;
    uint64_t *position; /* by cell, in the arena */
};

/** Reads the answer of an order of `n_cells`. false: it isn't order's answer, or one of another number of cells. Inside
 * the call's `done`. */
bool order_newest_read(const struct http_call *call, int32_t n_cells, struct order_newest *newest, struct arena *arena);

#endif
