#include "siphash.h"

#include "base.h"

#include <endian.h>
#include <sys/auxv.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t turn(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

/* The paper's SipRound, section 2.2. */
static void rounds(struct state *s, int n)
{
    for (; n > 0; n--) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = turn(s->v1, 13) ^ s->v0;
        s->v3 = turn(s->v3, 16) ^ s->v2;
        s->v0 = turn(s->v0, 32) + s->v3;
        s->v2 += s->v1;
        s->v1 = turn(s->v1, 17) ^ s->v2;
        s->v3 = turn(s->v3, 21) ^ s->v0;
        s->v2 = turn(s->v2, 32);
    }
}

static void take_word(struct state *s, uint64_t word, int c)
{
    s->v3 ^= word;
    rounds(s, c);
    s->v0 ^= word;
}

/* Of up to 8 bytes; the first is the least significant. */
static uint64_t word_of(const char *p, size_t n)
{
    uint64_t word = 0;

    if (n)
        memcpy(&word, p, n);
    return le64toh(word);
}

uint64_t siphash(const struct siphash_key *key, struct str bytes, int c, int d)
{
    struct state s = {key->k0 ^ 0x736f6d6570736575ULL, key->k1 ^ 0x646f72616e646f6dULL, key->k0 ^ 0x6c7967656e657261ULL,
                      key->k1 ^ 0x7465646279746573ULL};
    size_t whole = bytes.n & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8)
        take_word(&s, word_of(bytes.p + i, 8), c);
    take_word(&s, word_of(bytes.n ? bytes.p + whole : NULL, bytes.n - whole) | (uint64_t)bytes.n << 56, c);
    s.v2 ^= 0xff;
    rounds(&s, d);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

struct siphash_key siphash_process_key(void)
{
    unsigned long at = getauxval(AT_RANDOM); /* an address, told as a number */
    const void *bytes;
    struct siphash_key key;

    ASSERT(at); /* Linux gives them to every process */
    memcpy(&bytes, &at, sizeof(bytes));
    memcpy(&key, bytes, sizeof(key));
    return key;
}
