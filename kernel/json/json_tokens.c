/* The scanner: one pass over the text, one token a value. */
#include "json_tokens.h"

#include "json_escape.h"
#include "json_names.h"
#include "text_word.h"

#include <stdio.h>

struct scan {
    struct json_tokens *tokens;
    struct arena *arena;
    const char *start, *at, *end;
    size_t room; /* for tokens, those that are there included */
    unsigned depth;
    const char *reason; /* why it is refused, when there is more to say than that it isn't JSON */
    bool no_memory;
};

static bool scan_value(struct scan *scan);

static bool refuse(struct scan *scan, const char *reason)
{
    scan->reason = reason;
    return false;
}

static bool fail_memory(struct scan *scan)
{
    scan->no_memory = true;
    return false;
}

/* The next character that isn't white space, without taking it; NUL, which never is one, at the end. */
static inline char peek(struct scan *scan)
{
    for (; scan->at < scan->end; scan->at++) {
        char c = *scan->at;
        if (c > ' ' || (c != ' ' && c != '\n' && c != '\t' && c != '\r'))
            return c;
    }
    return '\0';
}

static inline bool take(struct scan *scan, char c)
{
    if (peek(scan) != c)
        return false;
    scan->at++;
    return true;
}

static bool more_room(struct scan *scan)
{
    struct json_tokens *tokens = scan->tokens;
    struct json_token *items = ARENA_ARRAY(scan->arena, struct json_token, scan->room * 2);

    if (!items)
        return fail_memory(scan);
    memcpy(items, tokens->items, tokens->n * sizeof(*items));
    tokens->items = items;
    scan->room *= 2;
    return true;
}

/* The token of the bytes `start`..`end`, with none inside it. */
static inline bool add_token(struct scan *scan, enum json_kind kind, const char *start, const char *end, bool escaped)
{
    struct json_tokens *tokens = scan->tokens;

    if (tokens->n == scan->room && !more_room(scan))
        return false;
    struct json_token *token = &tokens->items[tokens->n++];
    token->start = (uint32_t)(start - scan->start);
    token->end = (uint32_t)(end - scan->start);
    token->next = (uint32_t)tokens->n;
    token->kind = (uint8_t)kind;
    token->escaped = escaped;
    return true;
}

/* Whether what stands between the quotes is text. */
static bool check_text(struct scan *scan, struct str text, bool escaped, bool high)
{
    if (high && !str_is_utf8(text))
        return refuse(scan, "isn't valid UTF-8");
    if (escaped && !json_escapes_are_legal(text))
        return refuse(scan, "has an escape in a text that names no character");
    return true;
}

static bool scan_string(struct scan *scan)
{
    const char *start = scan->at + 1, *end = scan->end;
    bool escaped = false, high = false;

    const char *at = text_skip_plain(start, end, &high);
    while (at < end && *at == '\\') {
        escaped = true;
        at = end - at > 2 ? text_skip_plain(at + 2, end, &high) : end;
    }
    scan->at = at + 1;
    if (at == end)
        return false;
    if (*at != '"')
        return refuse(scan, "has a control character in a text");
    if (!check_text(scan, (struct str){start, (size_t)(at - start)}, escaped, high))
        return false;
    return add_token(scan, JSON_KIND_STRING, start, at, escaped);
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* Behind the fraction and exponent at `at`, which may be missing; NULL when what is there is neither. RFC 8259, 6. */
static const char *skip_fraction(const char *at, const char *end)
{
    if (at < end && *at == '.') {
        const char *first = at + 1;
        at = skip_digits(first, end);
        if (at == first)
            return NULL;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        const char *first = at + 1;
        if (first < end && (*first == '+' || *first == '-'))
            first++;
        at = skip_digits(first, end);
        if (at == first)
            return NULL;
    }
    return at;
}

/* What follows it is looked at by who reads on: a comma or bracket, or it isn't JSON (01, 1x). */
static bool scan_number(struct scan *scan)
{
    const char *start = scan->at;
    const char *first = start + (*start == '-');
    const char *at = skip_digits(first, scan->end);
    enum json_kind kind = JSON_KIND_INTEGER;

    if (at == first || (*first == '0' && at > first + 1))
        return false;
    if (at < scan->end && (*at == '.' || *at == 'e' || *at == 'E')) {
        kind = JSON_KIND_REAL;
        at = skip_fraction(at, scan->end);
        if (!at)
            return false;
    }
    scan->at = at;
    return add_token(scan, kind, start, at, false);
}

static bool scan_word(struct scan *scan, struct str word, enum json_kind kind)
{
    const char *start = scan->at;

    if (!str_starts_with((struct str){start, (size_t)(scan->end - start)}, word))
        return false;
    scan->at += word.n;
    return add_token(scan, kind, start, scan->at, false);
}

static bool names_differ(struct scan *scan, size_t first)
{
    switch (json_names_check(scan->tokens, first, scan->tokens->n, scan->arena)) {
    case JSON_NAMES_DIFFER:
        return true;
    case JSON_NAMES_REPEAT:
        return refuse(scan, "names a member twice");
    case JSON_NAMES_NO_MEMORY:
        break;
    }
    return fail_memory(scan);
}

static bool scan_members(struct scan *scan)
{
    size_t first = scan->tokens->n;

    if (take(scan, '}'))
        return true;
    do {
        if (peek(scan) != '"' || !scan_string(scan) || !take(scan, ':') || !scan_value(scan))
            return false;
    } while (take(scan, ','));
    return take(scan, '}') && names_differ(scan, first);
}

static bool scan_items(struct scan *scan)
{
    if (take(scan, ']'))
        return true;
    do {
        if (!scan_value(scan))
            return false;
    } while (take(scan, ','));
    return take(scan, ']');
}

static bool scan_inside(struct scan *scan, enum json_kind kind)
{
    struct json_tokens *tokens = scan->tokens;
    size_t i = tokens->n;

    if (++scan->depth > JSON_MAX_DEPTH)
        return refuse(scan, "is nested too deeply");
    if (!add_token(scan, kind, scan->at, scan->at, false))
        return false;
    scan->at++;
    if (!(kind == JSON_KIND_OBJECT ? scan_members(scan) : scan_items(scan)))
        return false;
    tokens->items[i].end = (uint32_t)(scan->at - scan->start);
    tokens->items[i].next = (uint32_t)tokens->n;
    scan->depth--;
    return true;
}

static bool scan_value(struct scan *scan)
{
    switch (peek(scan)) {
    case '"':
        return scan_string(scan);
    case '{':
        return scan_inside(scan, JSON_KIND_OBJECT);
    case '[':
        return scan_inside(scan, JSON_KIND_ARRAY);
    case 't':
        return scan_word(scan, STR("true"), JSON_KIND_TRUE);
    case 'f':
        return scan_word(scan, STR("false"), JSON_KIND_FALSE);
    case 'n':
        return scan_word(scan, STR("null"), JSON_KIND_NULL);
    case '\0':
        return false;
    default:
        return scan_number(scan);
    }
}

bool json_tokenize(struct json_tokens *tokens, struct str text, struct arena *arena, struct json_error *error)
{
    struct scan scan = {.tokens = tokens,
                        .arena = arena,
                        .start = text.p,
                        .at = text.p,
                        .end = text.p + text.n,
                        .room = JSON_FEW_TOKENS};

    tokens->text = text;
    tokens->items = tokens->few;
    tokens->n = 0;
    if (scan_value(&scan) && peek(&scan) == '\0' && scan.at == scan.end)
        return true;
    if (scan.no_memory)
        return json_fail_memory(error);
    (void)json_fail(error, JSON_MALFORMED, NULL, "");
    (void)snprintf(error->reason, sizeof(error->reason), "%s (near byte %zu)",
                   scan.reason ? scan.reason : "isn't valid JSON", (size_t)(scan.at - scan.start) + 1);
    return false;
}
