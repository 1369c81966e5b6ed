#include "http_text.h"

#include "errors.h"
#include "http_server.h"

static bool needs_decoding(struct str text, bool plus_is_blank)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '%' || (plus_is_blank && text.p[i] == '+'))
            return true;
    return false;
}

static bool is_readable(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return false;
    return str_is_utf8(text);
}

/* `to` has room for text.n bytes. Returns how many were written, or -1. */
static ptrdiff_t decode_into(char *to, struct str text, bool plus_is_blank)
{
    char *at = to;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '+' && plus_is_blank) {
            c = ' ';
        } else if (c == '%') {
            int high = text.n - i > 2 ? str_hex_digit(text.p[i + 1]) : -1;
            int low = text.n - i > 2 ? str_hex_digit(text.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -1;
            c = (char)(high * 16 + low);
            i += 2;
        }
        *at++ = c;
    }
    return at - to;
}

int http_decode(struct arena *arena, struct str text, bool plus_is_blank, struct str *out)
{
    *out = text;
    if (needs_decoding(text, plus_is_blank)) {
        char *to = arena_alloc(arena, text.n);
        if (!to)
            return E_MEMORY;
        ptrdiff_t n = decode_into(to, text, plus_is_blank);
        if (n < 0)
            return E_MALFORMED;
        *out = (struct str){to, (size_t)n};
    }
    return is_readable(*out) ? OK : E_MALFORMED;
}

int http_query_check(struct arena *arena, struct str query)
{
    struct str decoded;
    return http_decode(arena, query, true, &decoded);
}

bool http_query_find(struct arena *arena, struct str query, struct str name, size_t nth, struct str *value)
{
    while (query.n) {
        struct str raw_value;
        struct str raw_name = str_split(str_split(query, '&', &query), '=', &raw_value);
        struct str decoded;
        if (http_decode(arena, raw_name, true, &decoded) || !str_eq(decoded, name))
            continue;
        if (nth-- == 0)
            return http_decode(arena, raw_value, true, value) == OK;
    }
    return false;
}

bool http_query(struct http_request *request, const char *name, size_t nth, struct str *value)
{
    return http_query_find(&request->arena, request->query, str_of(name), nth, value);
}

bool http_query_once(struct http_request *request, const char *name, struct str *value, bool *given)
{
    struct str again;

    *given = http_query(request, name, 0, value);
    if (!*given || !http_query(request, name, 1, &again))
        return true;
    http_fill_problem(request, 400, name, "%s must be given once", name);
    return false;
}

bool http_query_id(struct http_request *request, const char *name, const char *what, int64_t *id)
{
    struct str text;
    bool given;

    if (!http_query_once(request, name, &text, &given))
        return false;
    if (!given) {
        http_fill_problem(request, 400, name, "%s is missing", name);
        return false;
    }
    if (!str_to_i64(text, id) || *id < 1) {
        http_fill_problem(request, 400, name, "%s must be %s", name, what);
        return false;
    }
    return true;
}
