/** cells_core.h: the cores of several cells as one, for a process that owns several (docs/adr/0069): one writer has
 * them all, and a batch of its commands is each core's own part of it.
 *
 *  What they write is committed together: a batch costs one commit, however many cells it concerns (group commit).
 * Where the store can't do that, since each cell has a store of its own, a batch is of one cell (`joint` NULL): the
 * writer cuts it so (writer_settings.by_cell).
 */
#ifndef COFFEESHOP_CELLS_CORE_H
#define COFFEESHOP_CELLS_CORE_H

#include "core.h"
#include "sql.h"

/** NULL: no memory. The cores have to live longer; cells[i] is cell i's. `joint` is what all of them write by
 * (sql_joint.h). */
struct core *cells_core_new(struct core *const *cells, int32_t n, struct sql *joint);
/** NULL is taken. */
void cells_core_free(struct core *core);

#endif
