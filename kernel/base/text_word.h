/** text_word.h: eight bytes of text (or sixteen, where the processor can) looked at together, for scanners that have to
 * be fast. Pure. */
#ifndef COFFEESHOP_TEXT_WORD_H
#define COFFEESHOP_TEXT_WORD_H

#include "str.h"

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define TEXT_EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/** The 8 bytes at `p`; the first is the lowest. */
static inline uint64_t text_word(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return le64toh(word);
}

/** Not 0 when there is a quote, a backslash or a control character in the word. Its lowest bit is bit 7 of the first;
 *  what is above that means nothing (subtraction borrows upwards). */
static inline uint64_t text_word_special(uint64_t word)
{
    uint64_t quote = word ^ TEXT_EACH_BYTE('"');
    uint64_t backslash = word ^ TEXT_EACH_BYTE('\\');

    return (((quote - TEXT_EACH_BYTE(1)) & ~quote) | ((backslash - TEXT_EACH_BYTE(1)) & ~backslash) |
            ((word - TEXT_EACH_BYTE(0x20)) & ~word)) &
           TEXT_EACH_BYTE(0x80);
}

/** The first `n` < 8 bytes of the word. */
static inline uint64_t text_word_first(uint64_t word, unsigned n)
{
    return word & ((UINT64_C(1) << (8 * n)) - 1);
}

#ifdef __SSE2__
/* The same for sixteen bytes: a bit a byte. */
static inline unsigned text_block_special(__m128i block)
{
    __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control));
}
#endif

/** The first quote, backslash or control character from `at` on; `end` when there is none. *high becomes true when
 * there is a byte before it that isn't ASCII. */
static inline const char *text_skip_plain(const char *at, const char *end, bool *high)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
        unsigned special = text_block_special(block), not_ascii = (unsigned)_mm_movemask_epi8(block);
        if (special) { /* the bits below its lowest one */
            *high |= (not_ascii & (special ^ (special - 1)) >> 1) != 0;
            return at + __builtin_ctz(special);
        }
        *high |= not_ascii != 0;
    }
#endif
    for (; end - at >= 8; at += 8) {
        uint64_t word = text_word(at);
        uint64_t special = text_word_special(word);
        if (special) {
            unsigned n = (unsigned)__builtin_ctzll(special) / 8;
            *high |= (text_word_first(word, n) & TEXT_EACH_BYTE(0x80)) != 0;
            return at + n;
        }
        *high |= (word & TEXT_EACH_BYTE(0x80)) != 0;
    }
    for (; at < end; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\' || c < 0x20)
            return at;
        *high |= c >= 0x80;
    }
    return end;
}

#endif
