#include "cell.h"

#include "base.h"

/* MurmurHash2 (Austin Appleby) with the seed of Kafka's clients; four bytes at a time, the lowest first. */
static uint32_t murmur2(struct str key)
{
    const uint32_t mix = UINT32_C(0x5bd1e995);
    uint32_t hash = UINT32_C(0x9747b28c) ^ (uint32_t)key.n;
    const unsigned char *p = (const unsigned char *)key.p;
    size_t rest = key.n;

    for (; rest >= 4; p += 4, rest -= 4) {
        uint32_t word = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        word *= mix;
        word ^= word >> 24;
        hash = (hash * mix) ^ (word * mix);
    }
    for (size_t i = 0; i < rest; i++)
        hash ^= (uint32_t)p[i] << 8 * i;
    if (rest)
        hash *= mix;
    hash ^= hash >> 13;
    hash *= mix;
    return hash ^ (hash >> 15);
}

int32_t cell_of_key(struct str key, int32_t count)
{
    ASSERT(key.n > 0 && count > 0);
    return (int32_t)(murmur2(key) & INT32_MAX) % count;
}

int32_t cell_of_id(int64_t id, int32_t count)
{
    char text[20];
    size_t at = sizeof(text);

    ASSERT(id > 0);
    if (count == 1)
        return 0;
    for (; id > 0; id /= 10)
        text[--at] = (char)('0' + id % 10);
    return cell_of_key((struct str){text + at, sizeof(text) - at}, count);
}

int64_t cell_next_id(struct cell cell, int64_t last)
{
    int64_t id = last + 1;

    ASSERT(cell.number >= 0 && cell.number < cell.count);
    while (cell_of_id(id, cell.count) != cell.number)
        id++;
    return id;
}
