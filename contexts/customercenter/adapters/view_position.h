/** view_position.h: how far a follower of the view is: of each cell the last change that it has got. As a text it is
 * the id of a message of the stream, which its client gives back as Last-Event-ID, at whichever replica
 * (docs/adr/0068).
 *
 *  Of one cell it is that change's number. Of several: the highest of the numbers, and for each cell in turn, behind a
 * dot, how much less its own is, in base 36; nothing when it has got none. 0 is the beginning of any. Pure.
 */
#ifndef COFFEESHOP_VIEW_POSITION_H
#define COFFEESHOP_VIEW_POSITION_H

#include "buf.h"
#include "str.h"

#include <stdint.h>

/** Appends the position: `last` of `cells` cells. */
void view_position_write(struct buf *out, const int64_t *last, int32_t cells);

enum view_position_reading {
    VIEW_POSITION_MALFORMED, /* nobody has ever been given it */
    VIEW_POSITION_FOREIGN,   /* of a shop of another number of cells */
    VIEW_POSITION_READ,
};
/** Fills `last` of `cells` cells when it is read; else it is all 0. */
enum view_position_reading view_position_read(struct str text, int64_t *last, int32_t cells);

#endif
