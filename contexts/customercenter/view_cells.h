/** view_cells.h: the view's app for each cell, over one connection: what the service and the rebuild are made of. */
#ifndef COFFEESHOP_VIEW_CELLS_H
#define COFFEESHOP_VIEW_CELLS_H

#include "row_cache.h"
#include "sql.h"
#include "view_app.h"

struct view_cell {
    struct view_repo *repo;
    struct view_app app;
};

struct view_cells {
    struct row_cache *cache; /* of all: an order is one cell's, and they have one writer */
    struct view_cell *of;    /* by number */
    int32_t n;               /* that are open */
};

/** Opens all `n` of them, as the database has them. `sql` is what they write by: the connection, or of several its
 * joint (sql_joint.h). To be closed, also when it fails. 0 or an errors.h code. */
int view_cells_open(struct view_cells *cells, struct sql *sql, int32_t n, const struct cursors *sources);
/** What was never opened is taken, too. */
void view_cells_close(struct view_cells *cells);

#endif
