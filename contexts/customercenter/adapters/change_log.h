/** change_log.h: the view's most recent changes in memory, for those who follow live; who is further behind reads the
 * table.
 *
 *  The writer's thread adds a batch's changes, the loop's reads them. It has no holes: it knows every change after
 * `floor`.
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
/** `newest` is the last change so far. `on_changes` is called on the loop thread for what is new; with n 0 when some
 * was forgotten. NULL: no memory. */
struct change_log *change_log_new(struct loop *loop, int64_t newest,
                                  void (*on_changes)(void *context, struct change *changes, size_t n), void *context);
void change_log_free(struct change_log *log);
/** Copies the batch's visible changes. When there is no memory for them, what was kept before is forgotten instead.
 * Writer thread. */
void change_log_add(struct change_log *log, const struct view_batch *batch);
/** The first change after `change`; NULL: none, or (when `change` is below the floor) it isn't known here. Loop thread.
 */
struct change *change_log_after(struct change_log *log, int64_t change);
/** Every change after this one is known. Loop thread. */
int64_t change_log_floor(const struct change_log *log);
int64_t change_log_newest(const struct change_log *log);

#endif
