/** cell.h: the share of a service's state that has one owner at a time (docs/adr/0063). An embedded shop is one cell of
 * one; past one machine a cell is a partition of the events' topic (docs/adr/0055).
 *
 *  An id is its cell's: whoever knows it can compute whose it is, and a cell gives only ids of its own. Pure; any
 * thread.
 */
#ifndef COFFEESHOP_CELL_H
#define COFFEESHOP_CELL_H

#include "str.h"

#include <stdint.h>

struct cell {
    int32_t number; /* from 0 */
    int32_t count;  /* of all cells; fixed when the shop is made */
};

enum { CELLS_MOST = 1024 };
/** The only cell of an embedded shop. */
#define CELL_ONLY ((struct cell){0, 1})

/** 0 to count - 1: the partition that Kafka's own clients put the key in (murmur2, as its default partitioner), so that
 * whoever produces with that key reaches the cell where its aggregate lives. `key` is an id in decimal, or whatever
 * else a message is keyed by; not empty: Kafka's clients put a message without a key anywhere. */
int32_t cell_of_key(struct str key, int32_t count);
/** The same for an id: its decimal text is the key. */
int32_t cell_of_id(int64_t id, int32_t count);
/** The smallest id above `last` (0: none was given yet) that is the cell's. Of one cell: last + 1, without a look; of P
 * cells P hashes are expected. */
int64_t cell_next_id(struct cell cell, int64_t last);

/** The next number that no other cell gives, for what isn't found by its number: number + 1, and then every count-th.
 * Of one cell: 1, 2, 3 … */
static inline int64_t cell_next_number(struct cell cell, int64_t last)
{
    return last ? last + cell.count : cell.number + 1;
}
/** Which cell has given such a number; it is 1 or more. */
static inline int32_t cell_of_number(int64_t number, int32_t count)
{
    return (int32_t)((number - 1) % count);
}

/** Where the n-th row of a cell lies in a table that all cells share and each numbers by itself (outbox, ledger): a
 * cell's rows are together, in the order of their numbers, and those of cell 0 have just these for a key, as they had
 * before there were cells. `n` is below CELL_ROWS. */
#define CELL_ROWS (INT64_C(1) << 53)
static inline int64_t cell_place(struct cell cell, int64_t n)
{
    return cell.number * CELL_ROWS + n;
}
/** The first and the last place of a cell. */
static inline int64_t cell_floor(struct cell cell)
{
    return cell_place(cell, 0);
}
static inline int64_t cell_ceiling(struct cell cell)
{
    return cell_place(cell, CELL_ROWS - 1);
}

#endif
