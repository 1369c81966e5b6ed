#include "errors.h"
#include "http_internal.h"

#include <stdio.h>

void http_add_header(struct http_request *request, const char *name, struct str value)
{
    if (request->n_headers < HTTP_MAX_HEADERS_OUT)
        request->header[request->n_headers++] = (struct http_reply_header){name, value};
}

static const char *title_of(int status)
{
    const char *title = MHD_get_reason_phrase_for((unsigned)status);
    return title ? title : "Error";
}

static void add_member(struct buf *out, const char *name, struct str text)
{
    BUF_LIT(out, ",\"");
    buf_add(out, str_of(name));
    BUF_LIT(out, "\":");
    buf_json_string(out, text);
}

/* A detail may quote what a client sent. */
static struct str as_utf8(char *text)
{
    struct str whole = str_of(text);
    if (!str_is_utf8(whole))
        for (char *at = text; *at; at++)
            if ((unsigned char)*at >= 0x80)
                *at = '?';
    return whole;
}

static bool has_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (str_eq_nocase(str_of(request->header[i].name), str_of(name)))
            return true;
    return false;
}

static const char usual_type[] = "about:blank"; /* RFC 9457: the status says it all */

static void fill_text(struct http_request *request, const char *type, int status, const char *member, struct str detail)
{
    struct buf *out = &request->reply;
    request->status = status;
    request->content_type = "application/problem+json";
    buf_clear(out);
    BUF_LIT(out, "{\"type\":");
    buf_json_string(out, str_of(type));
    add_member(out, "title", str_of(title_of(status)));
    BUF_LIT(out, ",\"status\":");
    buf_i64(out, status);
    add_member(out, "detail", detail);
    if (request->path.n)
        add_member(out, "instance", request->path);
    if (member)
        add_member(out, "member", str_of(member));
    buf_char(out, '}');
    if (status == 503 && !has_header(request, "Retry-After"))
        http_add_header(request, "Retry-After", STR("1"));
}

static void fill(struct http_request *request, int status, const char *member, char *detail)
{
    fill_text(request, usual_type, status, member, detail ? as_utf8(detail) : (struct str){NULL, 0});
}

/* Room for `n` characters and the NUL that vsnprintf() adds; NULL when there is none, and the problem has no detail. */
static char *room_for(struct http_request *request, int n)
{
    return n < 0 ? NULL : arena_alloc(&request->arena, (size_t)n + 1);
}

void http_fill_problem_args(struct http_request *request, int status, const char *member, const char *detail,
                            va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, detail, args);
    char *text = room_for(request, n);
    if (text)
        (void)vsnprintf(text, (size_t)n + 1, detail, again);
    va_end(again);
    fill(request, status, member, text);
}

void http_fill_problem(struct http_request *request, int status, const char *member, const char *detail, ...)
{
    va_list args;
    va_start(args, detail);
    http_fill_problem_args(request, status, member, detail, args);
    va_end(args);
}

void http_fill_problem_of(struct http_request *request, const char *type, int status, const char *detail)
{
    fill_text(request, type, status, NULL, str_of(detail));
}

void http_fill_unknown(struct http_request *request, const char *detail)
{
    fill_text(request, "outcome-unknown", error_http_status(E_OUTCOME_UNKNOWN), NULL, str_of(detail));
}

void http_fill_failure(struct http_request *request, int error)
{
    if (error == E_OUTCOME_UNKNOWN)
        http_fill_unknown(
            request, request->idempotency_key.n
                         ? "it is not known whether it was done; repeat it with the same Idempotency-Key to find out"
                         : "it is not known whether it was done; look at what there is before asking again");
    else
        fill_text(request, usual_type, error_http_status(error), NULL, str_of(error_text(error)));
}
