#include "http_body.h"

#include "errors.h"
#include "http_links.h"

void http_json_problem(struct http_request *request, const struct json_error *error)
{
    if (error->kind == JSON_NO_MEMORY) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    http_problem(request, json_error_status(error->kind), error->member[0] ? error->member : NULL, "%s %s",
                 error->member[0] ? error->member : "the body", error->reason);
}

bool http_read_json(struct http_request *request, const struct json_desc *desc, void *out)
{
    struct json_error error;

    if (json_decode(desc, request->body, out, &request->arena, &error))
        return true;
    http_json_problem(request, &error);
    return false;
}

struct str http_scoped_key(struct http_request *request)
{
    struct buf scoped = {0};

    if (request->idempotency_key.n == 0)
        return (struct str){NULL, 0};
    buf_add(&scoped, request->method == HTTP_PATCH ? STR("PATCH ") : STR("POST "));
    buf_add(&scoped, request->path);
    buf_char(&scoped, ' ');
    buf_add(&scoped, request->idempotency_key);
    struct str key = scoped.failed ? (struct str){NULL, 0} : arena_copy(&request->arena, buf_str(&scoped));
    buf_free(&scoped);
    return key;
}

void http_fill_stored(struct http_request *request, int status, struct str location, struct str body)
{
    request->status = status;
    request->content_type = status >= 400 ? "application/problem+json" : NULL;
    buf_clear(&request->reply);
    http_links_from_paths(&request->reply, body, request->base);
    if (location.n) {
        struct buf url = {0};
        buf_add(&url, request->base);
        buf_add(&url, location);
        struct str copy = url.failed ? (struct str){NULL, 0} : arena_copy(&request->arena, buf_str(&url));
        buf_free(&url);
        if (copy.p)
            http_add_header(request, "Location", copy);
        else
            request->reply.failed = true; /* half an answer is none */
    }
}

struct str http_location_path(const struct http_request *request)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        struct str value = request->header[i].value;
        if (str_is(str_of(request->header[i].name), "Location") && str_starts_with(value, request->base))
            return (struct str){value.p + request->base.n, value.n - request->base.n};
    }
    return (struct str){NULL, 0};
}

void http_extend_problem(struct http_request *request, const char *member, struct str json)
{
    struct buf *reply = &request->reply;

    if (reply->n == 0 || reply->p[reply->n - 1] != '}')
        return;
    reply->n--;
    BUF_LIT(reply, ",\"");
    buf_add(reply, str_of(member));
    BUF_LIT(reply, "\":");
    buf_add(reply, json);
    buf_char(reply, '}');
}
