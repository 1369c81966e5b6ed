/** text.h: names as people type them: the same text however it is composed and in whichever letter case (Unicode 3.13
 *  and UAX 15, by utf8proc). Any thread.
 *
 *  Texts are well-formed UTF-8. Results live in the arena; {NULL,0} when there is no memory.
 */
#ifndef COFFEESHOP_TEXT_H
#define COFFEESHOP_TEXT_H

#include "arena.h"
#include "str.h"

#include <stdbool.h>

/** Nothing but ASCII: composed already, and folded letter by letter. */
bool text_is_ascii(struct str text);
/** In normal form C, as it is kept and shown. An ASCII text is returned as it is. */
struct str text_nfc(struct arena *arena, struct str text);
/** As a key to compare by: normal form C with full case folding. */
struct str text_fold(struct arena *arena, struct str text);
/** Whether the two are the same text. Without memory only what is spelled the same is. */
bool text_same(struct str a, struct str b);

#endif
