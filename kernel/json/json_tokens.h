/** json_tokens.h: a text cut into tokens, and known to be JSON as RFC 8259 has it, without duplicate member names.
 *
 *  One strict pass: what isn't JSON, nests too deeply or names a member twice is refused here, so that who reads the
 *  tokens need not look again. Private to kernel/json. Any thread.
 */
#ifndef COFFEESHOP_JSON_TOKENS_H
#define COFFEESHOP_JSON_TOKENS_H

#include "json_internal.h"

enum { JSON_FEW_TOKENS = 96 }; /* an event of ours has about 40 */

struct json_token {
    uint32_t start; /* first byte; of a string, behind its quote */
    uint32_t end;   /* behind the last byte; of a string, its closing quote */
    uint32_t next;  /* the token behind this one and all that is inside it */
    uint8_t kind;   /* enum json_kind */
    bool escaped;   /* a string with escapes in it */
};

/** Token 0 is the whole value. Inside an object names and values alternate. */
struct json_tokens {
    struct str text;
    struct json_token *items; /* `few`, or in the arena */
    size_t n;
    struct json_token few[JSON_FEW_TOKENS];
};

/** false with JSON_MALFORMED or JSON_NO_MEMORY. The text has to outlive the tokens. */
bool json_tokenize(struct json_tokens *tokens, struct str text, struct arena *arena, struct json_error *error);
/** The bytes of a token as they stand in the text. */
static inline struct str json_token_text(const struct json_tokens *tokens, const struct json_token *token)
{
    return (struct str){tokens->text.p + token->start, token->end - token->start};
}
/** json_token_string() where there are escapes. */
struct str json_token_resolved(const struct json_tokens *tokens, const struct json_token *token, struct arena *arena);

/** The text of a string token, its escapes resolved in the arena; p is NULL when there is no memory. */
static inline struct str json_token_string(const struct json_tokens *tokens, const struct json_token *token,
                                           struct arena *arena)
{
    return token->escaped ? json_token_resolved(tokens, token, arena) : json_token_text(tokens, token);
}

#endif
