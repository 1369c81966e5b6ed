/** view_ports.h: what the view's one use case needs from the outside. An adapter embeds its port as the first member.
 */
#ifndef COFFEESHOP_VIEW_PORTS_H
#define COFFEESHOP_VIEW_PORTS_H

#include "batch.h"
#include "mypage.h"

struct view_row {
    struct mypage page;
    bool changed;   /* to be stored */
    bool is_new;    /* becomes visible in this batch */
    int64_t cup_us; /* from the order to its cup, when this batch completed it; 0: it didn't */
};

/** What stock last told of an item. */
struct item_level {
    struct str name;
    int64_t on_hand;
    int64_t stock_id; /* of stock's row: a name that is kept again after a removal has a new one, with a higher id */
    int64_t version;  /* of that row */
};

/** A batch and what it concerns; `orders` gives each order's id its row, `names` each item its level. */
struct view_batch {
    struct batch base;
    struct working_set orders;
    struct view_row *rows;
    struct working_set names;
    struct item_level *items; /* only raised: one that is older than what is stored changes nothing */
    size_t n_events;          /* that were taken in */
    int64_t oldest_at;        /* when the oldest of them happened; with n_events 0 meaningless */
    int64_t change_before;    /* the last change before those of this batch */
    int64_t last_change;      /* and the last one with them */
};

/** Where the view is kept. Adapter: adapters/view_repo_sql.c. Writer thread. */
struct view_repo {
    /** Fills rows 0..orders.n-1 (an order never heard of stays a zero page; its id is filled in). Texts and timelines
     * are the batch's arena's. 0, E_UNAVAILABLE, E_CORRUPT, E_MEMORY. */
    int (*load)(struct view_repo *self, struct view_batch *batch);
    /** Changed rows, items, cursors, dead letters: all or nothing, durable when it returns 0. E_FULL, E_UNAVAILABLE,
     * E_MEMORY. */
    int (*commit)(struct view_repo *self, struct view_batch *batch);
    /** How the batch has ended, committed together with others or alone: 0: it is durable; only now what is kept of it
     * in memory may be believed. After each, whether commit() was called or not. NULL: nothing is kept. */
    void (*settle)(struct view_repo *self, const struct view_batch *batch, int rc);
    /** At start: the highest change number ever given, and the cursors (their sources are filled in). */
    int (*restore)(struct view_repo *self, int64_t *last_change, struct cursors *cursors);
};

/** Who wants to know what was committed. Adapter: adapters/mypage_stream.c. Writer thread. */
struct view_sink {
    /** The batch is committed. Its changed rows that are visible have growing change numbers. Copies what it keeps. */
    void (*publish)(struct view_sink *self, const struct view_batch *batch);
};

#endif
