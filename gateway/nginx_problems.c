/* nginx_problems.c: what the gateway itself has to say: problem documents (RFC 9457), and the headers of the pages. */
#include "nginx_parts.h"

#include "embedded.h"

#include <inttypes.h>

static const struct {
    int status;
    const char *title, *detail; /* a detail may be a variable of nginx's */
    const char *header;         /* one more, or "" */
} problems[] = {
    {400, "Bad Request", "$why_unreadable", ""},
    {403, "Forbidden", "this is not for everyone", ""},
    {404, "Not Found", "there is nothing here", ""},
    {405, "Method Not Allowed", "this can only be read", "add_header Allow \"GET, HEAD\" always; "},
    {408, "Request Timeout", "the request took too long to arrive", ""},
    {411, "Length Required", "the request needs a Content-Length", ""},
    {413, "Content Too Large", "the body is larger than is taken here", ""},
    {414, "URI Too Long", "the request's line is longer than is taken here", ""},
    {421, "Misdirected Request",
     "the shop is not known by the name in Host; the setting gateway.hosts has those it is known by", ""},
    {429, "Too Many Requests", "more requests than one client may send; try again a little later",
     "add_header Retry-After 1 always; "},
    {431, "Request Header Fields Too Large", "the headers are larger than is taken here", ""},
    {500, "Internal Server Error", "something is broken here", ""},
    {501, "Not Implemented", "this is not understood here", ""},
    {503, "Service Unavailable", "the service behind this does not answer at the moment; try again a little later",
     "add_header Retry-After 1 always; "},
    {505, "HTTP Version Not Supported", "only HTTP/1.0, HTTP/1.1 and, with TLS, HTTP/2 are spoken here", ""},
};

static void write_quoted(const char *text, struct buf *out)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            buf_char(out, '\\');
        buf_char(out, *c);
    }
}

void write_problem_paths(const struct filler *filler, struct buf *out)
{
    UNUSED(filler);
    for (size_t i = 0; i < COUNT_OF(problems); i++)
        buf_printf(out, "        /.problem/%d \"\";\n", problems[i].status);
}

void write_problems(const struct filler *filler, struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(problems); i++) {
        int status = problems[i].status;
        buf_printf(out, "        error_page %d /.problem/%d;\n", status, status);
        buf_printf(out,
                   "        location = /.problem/%d {\n            internal; "
                   "if ($wants_page) { rewrite ^ /pages/error-%d.$page_language.html last; } ",
                   status, status);
        if (problems[i].header[0]) { /* add_header is not inherited by a level that has one of its own */
            write_cors_headers(filler, out);
            buf_add(out, str_of(problems[i].header));
        }
        buf_printf(out,
                   "\n            return %d '{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"",
                   status, problems[i].title, status);
        write_quoted(problems[i].detail, out);
        BUF_LIT(out, "\"$instance}';\n        }\n");
    }
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
