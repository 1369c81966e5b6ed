/** str.h: a piece of text that somebody else owns: a pointer and a length, not NUL-terminated.
 *
 *  Whoever hands out a `struct str` says how long its bytes live. The empty string has n == 0; p may be NULL then.
 */
#ifndef COFFEESHOP_STR_H
#define COFFEESHOP_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

/** A literal as a str; usable in static initialisers too as STR_INIT. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal)                                                                                              \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }
/** For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *text)
{
    return str_eq(a, str_of(text));
}

static inline bool str_starts_with(struct str text, struct str prefix)
{
    return text.n >= prefix.n && (prefix.n == 0 || memcmp(text.p, prefix.p, prefix.n) == 0);
}

/** ASCII letters' case ignored. */
bool str_eq_nocase(struct str a, struct str b);
/** Unicode simple case folding for Latin, Greek, Cyrillic is not needed here: menus fold ASCII only. */
int str_compare(struct str a, struct str b);
/** Blanks and tabs at both ends removed. */
struct str str_trim(struct str text);
/** The part before the first `separator`; `*rest` becomes what is after it ({NULL,0} when there was none). */
struct str str_split(struct str text, char separator, struct str *rest);
/** A whole decimal integer, nothing else around it. false when it isn't one or doesn't fit. */
bool str_to_i64(struct str text, int64_t *out);
bool str_to_u64(struct str text, uint64_t *out);
/** 0 to 15, in either case; -1: it is no hexadecimal digit. */
int str_hex_digit(char c);
/** Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
bool str_is_utf8(struct str text);
/** How many characters (code points) a well-formed text has. */
size_t str_characters(struct str text);
/** The beginning of a well-formed text, at most so many bytes: it is cut between characters. */
struct str str_beginning(struct str text, size_t most);
/** The text without the byte order mark that some editors begin a file with (U+FEFF). */
struct str str_without_bom(struct str text);
/** FNV-1a, 64 bits: the same in every process, so it may be stored. Not for tables whose keys somebody else chooses:
 *  siphash.h. */
uint64_t str_hash(struct str text);

#endif
