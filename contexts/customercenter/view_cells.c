#include "view_cells.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "view_repo_sql.h"

static int open_cell(struct view_cells *cells, struct cell number, struct sql *sql, const struct cursors *sources)
{
    struct view_cell *cell = &cells->of[number.number];

    cell->repo = view_repo_sql_new(sql, number, cells->cache);
    if (!cell->repo)
        return E_MEMORY;
    struct view_ports ports = {.repo = cell->repo};
    return view_app_init(&cell->app, &ports, number, sources);
}

int view_cells_open(struct view_cells *cells, struct sql *sql, int32_t n, const struct cursors *sources)
{
    int rc = OK;

    *cells = (struct view_cells){.cache = row_cache_new(), .of = heap_alloc((size_t)n * sizeof(*cells->of))};
    if (!cells->cache || !cells->of)
        return E_MEMORY;
    while (cells->n < n && !rc) {
        rc = open_cell(cells, (struct cell){cells->n, n}, sql, sources);
        cells->n++;
    }
    return rc;
}

void view_cells_close(struct view_cells *cells)
{
    for (int32_t i = 0; i < cells->n; i++) {
        view_app_free(&cells->of[i].app);
        view_repo_sql_free(cells->of[i].repo);
    }
    heap_free(cells->of);
    row_cache_free(cells->cache);
    *cells = (struct view_cells){.n = 0};
}
