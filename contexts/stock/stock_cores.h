/** stock_cores.h: the part of the composition root that makes a core of each cell: over the cell's store, for its share
 * of the menu. An embedded shop has one.
 */
#ifndef COFFEESHOP_STOCK_CORES_H
#define COFFEESHOP_STOCK_CORES_H

#include "menu.h"
#include "service.h"
#include "stock_app.h"
#include "stock_queries_kv.h"
#include "stock_repo_kv.h"

struct stock_core {
    struct stock_repo *repo;
    struct feed_history history;
    struct stock_app app;
};

struct stock_cores {
    struct stock_core *of;      /* by cell */
    struct service_cell *parts; /* the same, as the service has them */
    int32_t count;
    struct str opening[MENU_MAX_ITEMS]; /* the menu's names, those of a cell together */
};

struct stock_cores_options {
    const struct stock_cells *cells;
    const struct menu *menu;
    int64_t opening_qty;
    struct stock_retention retention; /* `relayed` is the cells' own */
    const struct cursors *sources;
};

/** Opens the rows of the menu, each in its cell, before anybody can look. What the options point to has to live as long
 * as the cores. false and a sentence in `problem`; to be closed all the same. */
bool stock_cores_open(struct stock_cores *cores, struct service *service, const struct stock_cores_options *options,
                      struct buf *problem);
void stock_cores_close(struct stock_cores *cores);

#endif
