#include "json_names.h"

#include "text_word.h"

#include <stdlib.h>

enum { FEW_NAMES = 24 }; /* of one object; up to here a look at those before is cheaper than sorting */

static int compare_names(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static enum json_names check_sorted(const struct json_tokens *tokens, size_t first, size_t end, size_t n,
                                    struct arena *arena)
{
    const struct json_token *items = tokens->items;
    struct str *names = ARENA_ARRAY(arena, struct str, n);
    size_t k = 0;

    if (!names)
        return JSON_NAMES_NO_MEMORY;
    for (size_t i = first; i < end; i = items[i + 1].next) {
        names[k] = json_token_string(tokens, &items[i], arena);
        if (!names[k++].p)
            return JSON_NAMES_NO_MEMORY;
    }
    qsort(names, n, sizeof(*names), compare_names);
    for (size_t i = 1; i < n; i++) {
        if (str_eq(names[i - 1], names[i]))
            return JSON_NAMES_REPEAT;
    }
    return JSON_NAMES_DIFFER;
}

/* A bit for a name; two names with different bits differ. */
static uint64_t name_bit(const struct json_tokens *tokens, const struct json_token *token)
{
    const char *name = tokens->text.p + token->start;
    size_t n = token->end - token->start;
    char last[8] = {0};
    uint64_t word;

    if (n >= 8) {
        word = text_word(name);
    } else if (tokens->text.n - token->start >= 8) {
        word = text_word_first(text_word(name), (unsigned)n);
    } else { /* the text ends here */
        memcpy(last, name, n);
        word = text_word(last);
    }
    return UINT64_C(1) << ((word + n) * UINT64_C(0x9E3779B97F4A7C15) >> 58);
}

/* The name of token `at` among those before it. */
static bool is_repeated(const struct json_tokens *tokens, size_t first, size_t at)
{
    const struct json_token *items = tokens->items;
    struct str name = json_token_text(tokens, &items[at]);

    for (size_t i = first; i < at; i = items[i + 1].next) {
        if (str_eq(name, json_token_text(tokens, &items[i])))
            return true;
    }
    return false;
}

enum json_names json_names_check(const struct json_tokens *tokens, size_t first, size_t end, struct arena *arena)
{
    const struct json_token *items = tokens->items;
    uint64_t seen = 0;
    size_t n = 0, doubtful[FEW_NAMES], n_doubtful = 0;
    bool escaped = false;

    for (size_t i = first; i < end; i = items[i + 1].next) {
        uint64_t bit = name_bit(tokens, &items[i]);
        if ((seen & bit) && n_doubtful < FEW_NAMES)
            doubtful[n_doubtful++] = i;
        seen |= bit;
        escaped |= items[i].escaped;
        n++;
    }
    if (escaped || (n_doubtful > 0 && n > FEW_NAMES))
        return check_sorted(tokens, first, end, n, arena);
    for (size_t i = 0; i < n_doubtful; i++) {
        if (is_repeated(tokens, first, doubtful[i]))
            return JSON_NAMES_REPEAT;
    }
    return JSON_NAMES_DIFFER;
}
