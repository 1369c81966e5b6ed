/* json_token.c: one token's text. */
#include "json_escape.h"
#include "json_tokens.h"

struct str json_token_resolved(const struct json_tokens *tokens, const struct json_token *token, struct arena *arena)
{
    struct str raw = json_token_text(tokens, token);
    char *text = arena_alloc(arena, raw.n);

    return text ? (struct str){text, json_unescape(raw, text)} : (struct str){NULL, 0};
}
