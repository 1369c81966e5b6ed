/** checksum.h: does it still say what was written? Against accidents (a disk, a cable, memory), not against people.
 *
 *  XXH3 with 64 bits (libxxhash): a page of 4 KiB in a quarter of a microsecond. What it gives is stored, so it stays
 * the same function for ever; the format of XXH3 is frozen since 0.8. Any thread. */
#ifndef COFFEESHOP_CHECKSUM_H
#define COFFEESHOP_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/** Never 0: that stands for "none was written". `seed` is what else has to be so, as the place where the bytes belong.
 */
uint64_t checksum_of(const void *bytes, size_t n, uint64_t seed);

#endif
