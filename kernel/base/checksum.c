#include "checksum.h"

#include <xxhash.h>

uint64_t checksum_of(const void *bytes, size_t n, uint64_t seed)
{
    uint64_t sum = XXH3_64bits_withSeed(bytes, n, seed);

    return sum ? sum : 1;
}
