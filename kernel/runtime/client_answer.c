#include "client_answer.h"

#include "errors.h"
#include "http_body.h"
#include "http_links.h"

/* Of the decoded members, in the descriptor's order and in our spelling. False: no memory. */
static bool read_fingerprint(struct http_request *request, const struct client_body *body,
                             struct fingerprint *fingerprint)
{
    struct buf canonical = {0};
    const char *item = body->items;

    for (size_t i = 0; i < body->n; i++, item += body->desc->size)
        json_encode(&canonical, body->desc, item);
    *fingerprint = (struct fingerprint){str_hash(buf_str(&canonical)), str_hash(request->body)};
    bool fine = !canonical.failed;
    buf_free(&canonical);
    return fine;
}

void *client_command_new(struct http_request *request, size_t size)
{
    void *command = arena_alloc(&request->arena, size);

    if (command)
        return command;
    http_fill_failure(request, E_MEMORY);
    http_reply(request);
    return NULL;
}

bool client_read_key(struct http_request *request, const struct client_body *body, struct client_request *client)
{
    client->key = http_scoped_key(request);
    if (!request->idempotency_key.n || (client->key.n && read_fingerprint(request, body, &client->fingerprint)))
        return true;
    http_fill_failure(request, E_MEMORY);
    http_reply(request);
    return false;
}

struct answer client_answer_of(struct http_request *request)
{
    bool is_kept = request->idempotency_key.n > 0;
    struct str body = buf_str(&request->reply);

    if (is_kept)
        body = http_links_to_paths(body, request->base, &request->arena);
    return (struct answer){
        .status = request->reply.failed || (is_kept && !body.p) ? 0 : request->status,
        .location = request->status == 201 ? http_location_path(request) : STR(""),
        .body = body,
    };
}

static void fill_kept(struct http_request *request, const struct answer *kept, const char *type)
{
    http_fill_stored(request, (int)kept->status, kept->location, kept->body);
    if (kept->status < 300)
        request->content_type = type;
}

void client_answer_send(struct http_request *request, int rc, const struct client_request *client,
                        const char *kept_type)
{
    if (rc) {
        request->n_headers = 0; /* Location: of what is filled in, and was not committed */
        http_fill_failure(request, rc);
    } else if (client->key_reused) {
        http_fill_problem(request, 422, "Idempotency-Key", "Idempotency-Key was used before with another body");
    } else if (client->key_in_progress) {
        http_fill_problem(request, 409, "Idempotency-Key", "the first request with this key is still being worked on");
    } else if (client->replayed) {
        fill_kept(request, &client->answer, kept_type);
    }
    http_reply(request);
}

void client_answer_unknown(struct http_request *request, const char *detail)
{
    request->n_headers = 0;
    http_fill_unknown(request, detail);
    http_reply(request);
}

void client_answer_unasked(struct http_request *request, const char *type, int64_t retry_after_s, const char *detail)
{
    struct buf seconds = {0};

    buf_i64(&seconds, retry_after_s);
    struct str text = seconds.failed ? (struct str){NULL, 0} : arena_copy(&request->arena, buf_str(&seconds));
    buf_free(&seconds);
    request->n_headers = 0;
    if (text.n)
        http_add_header(request, "Retry-After", text);
    if (type)
        http_fill_problem_of(request, type, 503, detail);
    else
        http_fill_problem(request, 503, NULL, "%s", detail);
    http_reply(request);
}
