/** feed_frames.h: events as they are stored and sent: frames of Server-Sent Events, one behind the other, each ending
 * with an empty line and beginning with its position ("id: 17"). Pure. Private to kernel/bus.
 */
#ifndef COFFEESHOP_FEED_FRAMES_H
#define COFFEESHOP_FEED_FRAMES_H

#include "str.h"

#include <stdint.h>

/** What is behind the first `n` frames; empty when there are no more. */
struct str frames_skip(struct str frames, uint64_t n);
/** How many whole ones there are. */
uint64_t frames_count(struct str frames);
/** The position of the first one; 0 when it isn't a frame. */
uint64_t frames_first_position(struct str frames);

#endif
