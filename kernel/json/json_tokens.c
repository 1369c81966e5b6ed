#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "json_escape.h"
#include "json_tokens.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    FEW_NAMES = 24,   /* of one object; up to here a look at those before is cheaper than sorting */
    SMALL_TEXT = 4096 /* jsmn's cost grows with the square of the depth: nothing in so short a text */
};

/* One walk over text and tokens together. Token i of jsmn becomes token i of ours. */
struct walk {
    struct json_tokens *tokens;
    const jsmntok_t *raw;
    struct arena *arena;
    size_t at; /* in the text */
    size_t i;  /* the next token */
    unsigned depth;
    const char *reason; /* why it is refused, when there is more to say than that it isn't JSON */
    bool no_memory;
};

static bool walk_value(struct walk *walk);

static bool refuse(struct walk *walk, const char *reason)
{
    walk->reason = reason;
    return false;
}

/* The next character that isn't white space, without taking it; NUL, which never is one, at the end. */
static char peek(struct walk *walk)
{
    struct str text = walk->tokens->text;

    while (walk->at < text.n) {
        char c = text.p[walk->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
            return c;
        walk->at++;
    }
    return '\0';
}

static bool take(struct walk *walk, char c)
{
    if (peek(walk) != c)
        return false;
    walk->at++;
    return true;
}

static bool check_string(struct walk *walk, struct json_token *token)
{
    struct str text = json_token_text(walk->tokens, token);
    bool control = false, escape = false;
    unsigned char high = 0;

    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        control |= c < 0x20;
        escape |= c == '\\';
        high |= c;
    }
    token->kind = JSON_KIND_STRING;
    token->escaped = escape;
    walk->at = token->end + 1;
    if (control)
        return refuse(walk, "has a control character in a text");
    if (high >= 0x80 && !str_is_utf8(text))
        return refuse(walk, "isn't valid UTF-8");
    if (escape && !json_escapes_are_legal(text))
        return refuse(walk, "has an escape in a text that names no character");
    return true;
}

static size_t skip_digits(struct str text, size_t at)
{
    while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
        at++;
    return at;
}

/* RFC 8259, 6. */
static bool check_number(struct str text, uint8_t *kind)
{
    size_t first = text.p[0] == '-';
    size_t at = skip_digits(text, first);

    if (at == first || (text.p[first] == '0' && at > first + 1))
        return false;
    *kind = at == text.n ? JSON_KIND_INTEGER : JSON_KIND_REAL;
    if (at < text.n && text.p[at] == '.') {
        size_t fraction = at + 1;
        at = skip_digits(text, fraction);
        if (at == fraction)
            return false;
    }
    if (at < text.n && (text.p[at] == 'e' || text.p[at] == 'E')) {
        size_t exponent = at + 1;
        if (exponent < text.n && (text.p[exponent] == '+' || text.p[exponent] == '-'))
            exponent++;
        at = skip_digits(text, exponent);
        if (at == exponent)
            return false;
    }
    return at == text.n;
}

static bool check_primitive(struct walk *walk, struct json_token *token)
{
    struct str text = json_token_text(walk->tokens, token);

    walk->at = token->end;
    switch (text.n ? text.p[0] : '\0') {
    case 't':
        token->kind = JSON_KIND_TRUE;
        return str_eq(text, STR("true"));
    case 'f':
        token->kind = JSON_KIND_FALSE;
        return str_eq(text, STR("false"));
    case 'n':
        token->kind = JSON_KIND_NULL;
        return str_eq(text, STR("null"));
    default:
        return text.n > 0 && check_number(text, &token->kind);
    }
}

static int compare_names(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Many names, or names with escapes: resolved, sorted, neighbours compared. `first`..`end` are an object's members. */
static bool names_differ_sorted(struct walk *walk, size_t first, size_t end, size_t n)
{
    const struct json_token *items = walk->tokens->items;
    struct str *names = ARENA_ARRAY(walk->arena, struct str, n);
    size_t k = 0;

    if (!names) {
        walk->no_memory = true;
        return false;
    }
    for (size_t i = first; i < end; i = items[i + 1].next) {
        names[k] = json_token_string(walk->tokens, &items[i], walk->arena);
        if (!names[k++].p) {
            walk->no_memory = true;
            return false;
        }
    }
    qsort(names, n, sizeof(*names), compare_names);
    for (size_t i = 1; i < n; i++) {
        if (str_eq(names[i - 1], names[i]))
            return refuse(walk, "names a member twice");
    }
    return true;
}

/* A bit for a name; two names with different bits differ. */
static uint64_t name_bit(struct str name)
{
    unsigned mix = name.n ? (unsigned)(unsigned char)name.p[0] * 7 + (unsigned)(unsigned char)name.p[name.n - 1] : 0;

    return UINT64_C(1) << ((mix + (unsigned)name.n * 31) & 63);
}

static bool names_differ(struct walk *walk, size_t first, size_t end)
{
    const struct json_token *items = walk->tokens->items;
    uint64_t seen = 0;
    size_t n = 0;
    bool escaped = false, maybe = false;

    for (size_t i = first; i < end; i = items[i + 1].next) {
        uint64_t bit = name_bit(json_token_text(walk->tokens, &items[i]));
        maybe |= (seen & bit) != 0;
        seen |= bit;
        escaped |= items[i].escaped;
        n++;
    }
    if (escaped || (maybe && n > FEW_NAMES))
        return names_differ_sorted(walk, first, end, n);
    if (!maybe)
        return true;
    for (size_t i = first; i < end; i = items[i + 1].next) {
        struct str name = json_token_text(walk->tokens, &items[i]);
        for (size_t k = first; k < i; k = items[k + 1].next) {
            if (str_eq(name, json_token_text(walk->tokens, &items[k])))
                return refuse(walk, "names a member twice");
        }
    }
    return true;
}

static bool walk_members(struct walk *walk)
{
    size_t first = walk->i;

    if (take(walk, '}'))
        return true;
    do {
        if (peek(walk) != '"' || !walk_value(walk) || !take(walk, ':') || !walk_value(walk))
            return false;
    } while (take(walk, ','));
    return take(walk, '}') && names_differ(walk, first, walk->i);
}

static bool walk_items(struct walk *walk)
{
    if (take(walk, ']'))
        return true;
    do {
        if (!walk_value(walk))
            return false;
    } while (take(walk, ','));
    return take(walk, ']');
}

static bool walk_inside(struct walk *walk, struct json_token *token, bool is_object)
{
    if (++walk->depth > JSON_MAX_DEPTH)
        return refuse(walk, "is nested too deeply");
    token->kind = is_object ? JSON_KIND_OBJECT : JSON_KIND_ARRAY;
    walk->at++;
    if (!(is_object ? walk_members(walk) : walk_items(walk)))
        return false;
    walk->depth--;
    return true;
}

static bool walk_value(struct walk *walk)
{
    char c = peek(walk);
    if (walk->i >= walk->tokens->n)
        return false;
    const jsmntok_t *raw = &walk->raw[walk->i];
    struct json_token *token = &walk->tokens->items[walk->i];
    bool ok;

    /* The token has to begin here: otherwise there is something else between it and the last one. */
    if ((size_t)raw->start != walk->at + (c == '"'))
        return false;
    *token = (struct json_token){.start = (uint32_t)raw->start, .end = (uint32_t)raw->end};
    walk->i++;
    if (raw->type == JSMN_STRING)
        ok = check_string(walk, token);
    else if (raw->type == JSMN_PRIMITIVE)
        ok = check_primitive(walk, token);
    else
        ok = walk_inside(walk, token, raw->type == JSMN_OBJECT);
    token->next = (uint32_t)walk->i;
    return ok;
}

static bool fail_at(struct json_error *error, const char *reason, size_t at)
{
    (void)json_fail(error, JSON_MALFORMED, NULL, "");
    (void)snprintf(error->reason, sizeof(error->reason), "%s (near byte %zu)", reason, at + 1);
    return false;
}

/* The walk over what jsmn found; `raw` has as many tokens as `tokens` has. */
static bool walk_text(struct json_tokens *tokens, const jsmntok_t *raw, struct arena *arena, struct json_error *error)
{
    struct walk walk = {.tokens = tokens, .raw = raw, .arena = arena};

    if (walk_value(&walk) && peek(&walk) == '\0' && walk.at == tokens->text.n && walk.i == tokens->n)
        return true;
    if (walk.no_memory)
        return json_fail_memory(error);
    return fail_at(error, walk.reason ? walk.reason : "isn't valid JSON", walk.at);
}

/* More tokens than `few`: both arrays come from the arena. */
static bool tokenize_many(struct json_tokens *tokens, struct str text, struct arena *arena, struct json_error *error)
{
    jsmn_parser parser;

    jsmn_init(&parser);
    int n = jsmn_parse(&parser, text.p, text.n, NULL, 0);
    if (n <= 0)
        return fail_at(error, "isn't valid JSON", parser.pos);
    jsmntok_t *raw = ARENA_ARRAY(arena, jsmntok_t, (size_t)n);
    tokens->items = ARENA_ARRAY(arena, struct json_token, (size_t)n);
    if (!raw || !tokens->items)
        return json_fail_memory(error);
    jsmn_init(&parser);
    n = jsmn_parse(&parser, text.p, text.n, raw, (unsigned)n);
    if (n <= 0)
        return fail_at(error, "isn't valid JSON", parser.pos);
    tokens->n = (size_t)n;
    return walk_text(tokens, raw, arena, error);
}

bool json_tokenize(struct json_tokens *tokens, struct str text, struct arena *arena, struct json_error *error)
{
    jsmntok_t raw[JSON_FEW_TOKENS];
    jsmn_parser parser;

    tokens->text = text;
    tokens->items = tokens->few;
    if (text.n > SMALL_TEXT && json_is_too_deep(text))
        return json_fail(error, JSON_MALFORMED, NULL, "is nested too deeply");
    jsmn_init(&parser);
    int n = jsmn_parse(&parser, text.p, text.n, raw, JSON_FEW_TOKENS);
    if (n == JSMN_ERROR_NOMEM)
        return tokenize_many(tokens, text, arena, error);
    if (n <= 0)
        return fail_at(error, "isn't valid JSON", parser.pos);
    tokens->n = (size_t)n;
    return walk_text(tokens, raw, arena, error);
}

struct str json_token_string(const struct json_tokens *tokens, const struct json_token *token, struct arena *arena)
{
    struct str raw = json_token_text(tokens, token);

    if (!token->escaped)
        return raw;
    char *text = arena_alloc(arena, raw.n);
    if (!text)
        return (struct str){NULL, 0};
    return (struct str){text, json_unescape(raw, text)};
}
