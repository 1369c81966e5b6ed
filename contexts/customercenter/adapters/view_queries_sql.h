/** view_queries_sql.h: what readers ask of the view, on a connection of their own.
 */
#ifndef COFFEESHOP_VIEW_QUERIES_SQL_H
#define COFFEESHOP_VIEW_QUERIES_SQL_H

#include "cell.h"
#include "hal.h"
#include "mypage.h"
#include "sql.h"

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
/** How many of a cell's changed after `change`; stops counting at `most`. */
int view_count_changes(struct sql *sql, struct cell cell, int64_t change, int64_t most, int64_t *n);

/** What is on hand of each of `n` items, whose names are keys (text_fold()); -1: not known. */
int view_on_hand(struct sql *sql, const struct str *keys, size_t n, int64_t *on_hand, struct arena *arena);

#endif
