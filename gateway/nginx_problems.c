/* nginx_problems.c: what the gateway itself has to say: problem documents (RFC 9457), and the headers of the pages. */
#include "nginx_parts.h"

#include "embedded.h"

#include <inttypes.h>

#define RETRY_SOON "add_header Retry-After 1 always; "

static const struct {
    int status;
    const char *title, *detail; /* a detail may be a variable of nginx's */
    const char *header;         /* one more, or "" */
    const char *type;           /* NULL: the status says it all */
} problems[] = {
    {400, "Bad Request", "$why_unreadable", "", NULL},
    {403, "Forbidden", "this is not for everyone", "", NULL},
    {404, "Not Found", "there is nothing here", "", NULL},
    {405, "Method Not Allowed", "this can only be read", "add_header Allow \"GET, HEAD\" always; ", NULL},
    {411, "Length Required", "the request needs a Content-Length", "", NULL},
    {413, "Content Too Large", "the body is larger than is taken here", "", NULL},
    {414, "URI Too Long", "the request's line is longer than is taken here", "", NULL},
    {421, "Misdirected Request",
     "the shop is not known by the name in Host; the setting gateway.hosts has those it is known by", "", NULL},
    {429, "Too Many Requests", "more requests than one client may send; try again a little later", RETRY_SOON, NULL},
    {431, "Request Header Fields Too Large", "the headers are larger than is taken here", "", NULL},
    {500, "Internal Server Error", "something is broken here", "", NULL},
    {501, "Not Implemented", "this is not understood here", "", NULL},
    {503, "Service Unavailable", "the service behind this does not answer at the moment; try again a little later",
     RETRY_SOON, NULL},
    {503, "Service Unavailable",
     "the service behind this gave no answer, so it is not known whether it was done; repeat it with the same "
     "Idempotency-Key to find out",
     RETRY_SOON, "outcome-unknown"},
    {505, "HTTP Version Not Supported", "only HTTP/1.0, HTTP/1.1 and, with TLS, HTTP/2 are spoken here", "", NULL},
};

static void write_quoted(const char *text, struct buf *out)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            buf_char(out, '\\');
        buf_char(out, *c);
    }
}

/* What its location and its page are called by. */
static void write_name(size_t i, struct buf *out)
{
    if (problems[i].type)
        buf_add(out, str_of(problems[i].type));
    else
        buf_i64(out, problems[i].status);
}

void write_problem_paths(const struct filler *filler, struct buf *out)
{
    UNUSED(filler);
    for (size_t i = 0; i < COUNT_OF(problems); i++) {
        BUF_LIT(out, "        /.problem/");
        write_name(i, out);
        BUF_LIT(out, " \"\";\n");
    }
}

/* What the template sends on: a type of its own, and what is only here and there what nginx has called so. */
static bool is_the_templates(size_t i)
{
    return problems[i].type || problems[i].status == 405;
}

/* Over HTTP/2 a body that is too large is so in the place, too, where that is said. */
static void write_problem(const struct filler *filler, size_t i, struct buf *out)
{
    int status = problems[i].status;

    if (!is_the_templates(i))
        buf_printf(out, "        error_page %d /.problem/%d;\n", status, status);
    BUF_LIT(out, "        location = /.problem/");
    write_name(i, out);
    BUF_LIT(
        out,
        " {\n            internal; client_max_body_size 0;\n            if ($wants_page) { rewrite ^ /pages/error-");
    write_name(i, out);
    BUF_LIT(out, ".$page_language.html last; } ");
    if (problems[i].header[0]) { /* add_header is not inherited by a level that has one of its own */
        write_cors_headers(filler, out);
        buf_add(out, str_of(problems[i].header));
    }
    buf_printf(out, "\n            return %d '{\"type\":\"%s\",\"title\":\"%s\",\"status\":%d,\"detail\":\"", status,
               problems[i].type ? problems[i].type : "about:blank", problems[i].title, status);
    write_quoted(problems[i].detail, out);
    BUF_LIT(out, "\"$instance}';\n        }\n");
}

void write_problems(const struct filler *filler, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(problems); i++)
        write_problem(filler, i, out);
}

void write_page_headers(const struct filler *filler, struct buf *out)
{
    UNUSED(filler);
    buf_printf(
        out,
        "add_header Content-Security-Policy \"default-src 'none'; script-src 'self'; style-src %s; connect-src 'self'; "
        "img-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'\" always; "
        "add_header X-Content-Type-Options nosniff always; add_header Referrer-Policy no-referrer always; "
        "add_header Cross-Origin-Opener-Policy same-origin always; "
        "add_header Cross-Origin-Resource-Policy same-origin always; "
        "add_header Permissions-Policy \"camera=(), geolocation=(), microphone=(), payment=(), usb=()\" always;",
        embedded_styles);
}
