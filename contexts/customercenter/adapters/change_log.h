/** change_log.h: the view's most recent changes in memory, for those who follow live; who is further behind reads the
 * table.
 *
 *  The writer's thread adds a batch's changes, the loop's takes in what it has found in the table of other processes',
 * and reads. Each cell's changes are in the order of their numbers, and it has no holes: of each cell it knows every
 * change after the cell's floor, or of a page that has changed more than once the last one. What it has got both ways
 * is in it once.
 */
#ifndef COFFEESHOP_CHANGE_LOG_H
#define COFFEESHOP_CHANGE_LOG_H

#include "loop.h"
#include "view_ports.h"

enum { CHANGE_LOG_MOST = 4096 }; /* after so many the oldest batches go */

/** One change: the page as it was then, and its message once somebody wanted it. Belongs to the log. */
struct change {
    struct mypage page;
    struct buf text; /* empty: not written yet */
};

struct change_log;
/** `newest` is the last change so far of each of `cells` cells; it is copied. `on_changes` is called on the loop thread
 * for what is new; with n 0 when some was forgotten. NULL: no memory. */
struct change_log *change_log_new(struct loop *loop, const int64_t *newest, int32_t cells,
                                  void (*on_changes)(void *context, struct change *changes, size_t n), void *context);
void change_log_free(struct change_log *log);
/** Copies the visible changes of a cell's batch. When there is no memory for them, what was kept before is forgotten
 * instead. Writer thread. */
void change_log_add(struct change_log *log, int32_t cell, const struct view_batch *batch);
/** Copies what the table has of a cell after its newest change, in its order; what is known already is left out. 0 or
 * E_MEMORY: then nothing is changed. Loop thread. */
int change_log_take(struct change_log *log, int32_t cell, const struct mypage *pages, size_t n);
/** The cell has changed up to there, and who wants to know how reads the table. Loop thread. */
void change_log_skip(struct change_log *log, int32_t cell, int64_t until);
/** Begins anew: what there was is another view's. Loop thread. */
void change_log_begin_again(struct change_log *log, const int64_t *newest);
/** The next change for who has got the changes `last` of each cell, and which cell's it is; NULL: none. `*at` is the
 * reader's place in the log, 0 at first. Loop thread. */
struct change *change_log_next(struct change_log *log, const int64_t *last, uint64_t *at, int32_t *cell);
/** The first cell of which it doesn't know all that comes after `last`; -1: it knows all. Loop thread. */
int32_t change_log_unknown(const struct change_log *log, const int64_t *last);
/** The last change of each cell, as far as it knows. Loop thread. */
const int64_t *change_log_newest(const struct change_log *log);

#endif
