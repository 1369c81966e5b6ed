/** row_cache.h: the rows written lately, in memory: direct-mapped by the order's id, so its size never changes, however
 * many cells share it. Writer thread.
 *
 *  It only ever holds what is committed. A row with a long timeline isn't kept: there are few, and they are read again.
 */
#ifndef COFFEESHOP_ROW_CACHE_H
#define COFFEESHOP_ROW_CACHE_H

#include "arena.h"
#include "cell.h"
#include "mypage.h"

enum { ROW_CACHE_ROWS = 8192, ROW_CACHE_TIMELINE = 8 };

struct row_cache;
/** NULL when there is no memory. */
struct row_cache *row_cache_new(void);
void row_cache_free(struct row_cache *cache);
/** 0 with the row copied to `page` and `arena`; E_NOT_FOUND; E_MEMORY. */
int row_cache_find(const struct row_cache *cache, int64_t id, struct mypage *page, struct arena *arena);
/** The cell begins: whatever is known of its rows may be old, since somebody else may have had it meanwhile. */
void row_cache_forget(struct row_cache *cache, struct cell cell);
/** The row is committed like this. */
void row_cache_put(struct row_cache *cache, const struct mypage *page);

#endif
