/** timeline_codec.h: a timeline as bytes for one column: per entry the fact, the version, and the time since the entry
 * before, each but the first as a variable-length integer (LEB128). About 9 bytes an entry. Pure.
 */
#ifndef COFFEESHOP_TIMELINE_CODEC_H
#define COFFEESHOP_TIMELINE_CODEC_H

#include "arena.h"
#include "mypage.h"

enum { TIMELINE_ENTRY_BYTES = 21 }; /* at most */

/** The page's timeline as bytes in `arena`; {NULL,0} when memory is exhausted (an empty timeline has a pointer). */
struct str timeline_encode(const struct mypage *page, struct arena *arena);
/** Fills timeline, n_timeline and room from `arena`. 0, E_MEMORY, or E_CORRUPT for bytes that timeline_encode() doesn't
 * write. */
int timeline_decode(struct str bytes, struct mypage *page, struct arena *arena);

#endif
