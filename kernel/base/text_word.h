/** text_word.h: eight bytes of text looked at together, for scanners that have to be fast. Pure. */
#ifndef COFFEESHOP_TEXT_WORD_H
#define COFFEESHOP_TEXT_WORD_H

#include "str.h"

#include <endian.h>

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

/** The first quote, backslash or control character from `at` on; `end` when there is none. Into *seen come the bits of
 *  what is before it: with TEXT_EACH_BYTE(0x80) among them there is a byte that isn't ASCII. */
static inline const char *text_skip_plain(const char *at, const char *end, uint64_t *seen)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word = text_word(at);
        uint64_t special = text_word_special(word);
        if (special) {
            unsigned n = (unsigned)__builtin_ctzll(special) / 8;
            *seen |= text_word_first(word, n);
            return at + n;
        }
        *seen |= word;
    }
    for (; at < end; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\' || c < 0x20)
            return at;
        *seen |= c;
    }
    return end;
}

#endif
