/** view_queries_sql.h: what readers ask of the view, on a connection of their own.
 */
#ifndef COFFEESHOP_VIEW_QUERIES_SQL_H
#define COFFEESHOP_VIEW_QUERIES_SQL_H

#include "cell.h"
#include "hal.h"
#include "mypage.h"
#include "sql.h"

#include <stdbool.h>

/** One page by its order's id; texts and timeline live in `arena`. One that can't be seen has a `seen` of zeros. */
int view_find(struct sql *sql, int64_t id, struct mypage *page, struct arena *arena);
/** `n` pages at a time, as they are at one moment. */
int view_find_many(struct sql *sql, const int64_t *ids, size_t n, struct mypage *pages, struct arena *arena);

/** The members a list can be sorted by, NULL-terminated; the same order as their columns. */
extern const char *const view_sortable[];
/** Returns non-zero to stop. */
typedef int view_on_page(void *context, const struct mypage *page);
/** A page of pages, and how many there are in all. */
int view_list(struct sql *sql, const struct page_request *request, struct arena *arena, view_on_page *on_page,
              void *context, int64_t *total);

/** A cell's pages that changed after `change`, in the order of their last changes, at most `most`. */
int view_changes_after(struct sql *sql, struct cell cell, int64_t change, int64_t most, struct arena *arena,
                       view_on_page *on_page, void *context);
/** How many changed, of each of `cells` cells after its change in `after`; stops counting at `most` in each. */
int view_count_changes(struct sql *sql, const int64_t *after, int32_t cells, int64_t most, int64_t *n,
                       struct arena *arena);

/** Returns non-zero to stop. Unless it was asked for whole pages `page` has an id and a change, and nothing else. */
typedef int view_on_change(void *context, int32_t cell, const struct mypage *page);
struct view_changes {
    const int64_t *after; /* the change, of each cell */
    int32_t cells;
    int64_t most; /* in each of them */
    bool whole;   /* the pages */
};
/** What changed in any of them: each cell's in the order of their last changes. */
int view_changes_of_cells(struct sql *sql, const struct view_changes *asked, struct arena *arena,
                          view_on_change *on_change, void *context);
/** Where numbers begin that are this view's, and the last change of each of `cells` cells: no less than that. */
int view_newest_changes(struct sql *sql, int32_t cells, int64_t *epoch, int64_t *newest, struct arena *arena);

/** What is on hand of each of `n` items, whose names are keys (text_fold()); -1: not known. */
int view_on_hand(struct sql *sql, const struct str *keys, size_t n, int64_t *on_hand, struct arena *arena);

#endif
