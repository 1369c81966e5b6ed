/** stock_queries_kv.h: what is asked of stock's stores: a row in the cell that it lies in, lists over all cells. Any
 * thread.
 *
 *  Each cell is read from one snapshot of its own; between two cells a list has no common one, as nothing that is
 * decided concerns both (docs/adr/0067).
 */
#ifndef COFFEESHOP_STOCK_QUERIES_KV_H
#define COFFEESHOP_STOCK_QUERIES_KV_H

#include "kv.h"
#include "stock.h"

/** The stores of all cells, by number; an embedded shop has one. */
struct stock_cells {
    struct kv **kv;
    int32_t count;
};

/** The store in which a row lies, or would. */
struct kv *stock_kv_of_id(const struct stock_cells *cells, int64_t id);
/** The row that is kept under this id (1 or more); texts are copied to the arena. 0, E_NOT_FOUND, or a failure. */
int stock_find(const struct stock_cells *cells, int64_t id, struct arena *arena, struct stock *stock);
/** The row that has the name (canonical, any letter case). The same. */
int stock_find_by_name(const struct stock_cells *cells, struct str name, struct arena *arena, struct stock *stock);

/** Rows that are kept, by id. */
struct stock_rows {
    struct stock *stocks; /* in the arena: those from number `from` on, `most` at most */
    size_t n;
    size_t total; /* that are kept */
};
/** 0, E_TIMEOUT when it takes longer than until `until_us` (monotonic), or a failure. */
int stock_list(const struct stock_cells *cells, struct arena *arena, size_t from, size_t most, int64_t until_us,
               struct stock_rows *rows);

#endif
