/* Any list of headers, any path, query and Accept: the guard keeps what it promises to whoever is behind it. */
#include "http_guard.h"

#include "base.h"
#include "errors.h"
#include "fuzz.h"
#include "http_forwarded.h"
#include "http_route.h"
#include "http_text.h"

enum { MAX_BODY = 1000 };

/* "name:value" lines; the first line is the request's target. */
static size_t cut_fields(struct str text, struct http_field *fields)
{
    size_t n = 0;
    while (text.n && n < HTTP_MAX_FIELDS) {
        struct str value;
        struct str name = str_split(str_split(text, '\n', &text), ':', &value);
        fields[n++] = (struct http_field){name, value};
    }
    return n;
}

static size_t count(const struct http_field *fields, size_t n, struct str name)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += str_eq_nocase(fields[i].name, name);
    return found;
}

/* What a request that got through can be relied on. */
static void check_head(const struct http_field *fields, size_t n, const struct http_head *head)
{
    ASSERT(count(fields, n, STR("Host")) == 1 && http_is_host(head->value[HTTP_HOST]));
    ASSERT(count(fields, n, STR("Content-Length")) + count(fields, n, STR("Transfer-Encoding")) <= 1);
    ASSERT(head->chunked == (count(fields, n, STR("Transfer-Encoding")) == 1));
    ASSERT(head->content_length <= MAX_BODY);
    ASSERT(head->value[HTTP_IDEMPOTENCY_KEY].n <= 255);
}

/* The base goes into JSON and into headers as it is. */
static void check_base(struct arena *arena, const struct http_head *head)
{
    struct str base = http_base_url(arena, head, head->value[HTTP_HOST], true);
    ASSERT(str_starts_with(base, STR("http")) && http_is_visible(base, 8, 1024));
    for (size_t i = 0; i < base.n; i++)
        ASSERT(base.p[i] != '"' && base.p[i] != '\\');
}

static bool is_plain_name(struct str value)
{
    for (size_t i = 0; i < value.n; i++)
        if (strchr("/\\;", value.p[i]) || value.p[i] == 0x7f || (value.p[i] >= 0 && value.p[i] < ' '))
            return false;
    return str_is_utf8(value) && !str_is(value, ".") && !str_is(value, "..");
}

static void check_target(struct arena *arena, struct str target)
{
    struct http_path path;
    struct str value;
    struct str query;
    struct str raw = str_split(target, '?', &query);
    if (http_path_read(arena, raw, &path) == OK) {
        const char *at = raw.p; /* the segments are the text, as it came */
        for (size_t i = 0; i < path.n; at += path.segment[i++].n)
            ASSERT(*at++ == '/' && path.segment[i].p == at && is_plain_name(path.value[i]));
        ASSERT(at == raw.p + raw.n || (path.n == 0 && raw.n == 1));
    }
    if (http_query_check(arena, query) == OK && http_query_find(arena, query, STR("size"), 0, &value))
        ASSERT(str_is_utf8(value) && value.n <= query.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_field fields[HTTP_MAX_FIELDS];
    struct http_head head;
    struct arena arena;
    struct str rest;
    struct str target = str_split((struct str){(const char *)data, size}, '\n', &rest);
    size_t n = cut_fields(rest, fields);

    arena_init(&arena, 0);
    check_target(&arena, target);
    struct http_verdict verdict = http_guard(fields, n, true, MAX_BODY, &head);
    ASSERT(verdict.status == 0 || verdict.status == 400 || verdict.status == 413 || verdict.status == 417);
    ASSERT((verdict.status == 0) == (verdict.detail == NULL));
    if (verdict.status == 0) {
        check_head(fields, n, &head);
        check_base(&arena, &head);
        (void)http_is_json(head.value[HTTP_CONTENT_TYPE], head.value[HTTP_CONTENT_ENCODING]);
    }
    for (int offer = 0; offer < HTTP_OFFERS; offer++) {
        int quality = http_accept_quality(&head.accept, (enum http_offer)offer);
        ASSERT(quality >= 0 && quality <= 1000);
    }
    arena_free(&arena);
    return 0;
}
