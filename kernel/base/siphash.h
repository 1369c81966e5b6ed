/** siphash.h: SipHash (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012): the hash for tables whose keys
 *  somebody else chooses. Who doesn't know the key can't choose texts that fall into one slot.
 *
 *  Its values are this process's alone: never stored, never sent. Any thread; pure but for siphash_process_key().
 */
#ifndef COFFEESHOP_SIPHASH_H
#define COFFEESHOP_SIPHASH_H

#include "str.h"

#include <stdint.h>

struct siphash_key {
    uint64_t k0, k1;
};

/** The process's own key: the random bytes that the kernel gave it at its start (getauxval(3), AT_RANDOM). */
struct siphash_key siphash_process_key(void);
/** SipHash-c-d of the bytes, `c` rounds a word and `d` at the end. */
uint64_t siphash(const struct siphash_key *key, struct str bytes, int c, int d);
/** SipHash-1-3, which hash tables use. */
static inline uint64_t siphash_text(const struct siphash_key *key, struct str text)
{
    return siphash(key, text, 1, 3);
}
static inline uint64_t siphash_number(const struct siphash_key *key, int64_t number)
{
    return siphash(key, (struct str){(const char *)&number, sizeof(number)}, 1, 3);
}

#endif
