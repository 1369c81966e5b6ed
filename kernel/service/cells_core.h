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

/** NULL: no memory. It has no cell yet of the n that there are. `joint` is what all of them write by (sql_joint.h). */
struct core *cells_core_new(int32_t n, struct sql *joint);
/** From the next batch on the cell is this core's, which has to live as long; NULL: it isn't here any more. Writer
 * thread, or before it is started. */
void cells_core_put(struct core *core, int32_t cell, struct core *of_cell);
/** NULL is taken. */
void cells_core_free(struct core *core);

#endif
