/** ownership_table.h: whose each cell is, as any thread may ask at any moment. Not for others than ownership.h's files.
 *
 *  One thread writes; readers take no lock. An entry has a number that is odd while it is written: who has read
 * something while it changed reads it again (a sequence lock). Writing is a matter of a few stores.
 */
#ifndef COFFEESHOP_OWNERSHIP_TABLE_H
#define COFFEESHOP_OWNERSHIP_TABLE_H

#include "ownership.h"

enum { ADDRESS_WORDS = MEMBER_ADDRESS_SIZE / 8 };

struct ownership_entry {
    _Atomic uint32_t sequence;
    _Atomic int place;                       /* enum ownership_place */
    _Atomic uint64_t address[ADDRESS_WORDS]; /* its bytes; zeros unless it is elsewhere */
};

/** The writer's thread. `address` is looked at for CELL_ELSEWHERE only. Whether that is something else than before. */
bool ownership_entry_set(struct ownership_entry *entry, enum ownership_place place, const char *address);
/** Any thread. */
enum ownership_place ownership_entry_get(struct ownership_entry *entry, char address[MEMBER_ADDRESS_SIZE]);

#endif
