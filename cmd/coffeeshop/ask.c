#include "ask.h"

#include "errors.h"
#include "json.h"
#include "peer_urls.h"

enum {
    ASK_MS = 10000,
    MAX_REPLY = 256 * 1024 * 1024, /* a page of the largest events */
};

void ask_begin(struct question *question, const char *listen, const char *path)
{
    buf_clear(&question->url);
    BUF_LIT(&question->url, "http://");
    reachable_address(str_of(listen), &question->url);
    buf_printf(&question->url, "%s", path);
}

static void on_answer(struct http_call *call, int error)
{
    struct question *question = CONTAINER_OF(call, struct question, call);

    question->error = error;
    question->status = error ? 0 : call->status;
    if (!error)
        buf_add(&question->reply, buf_str(&call->reply));
    loop_stop(question->loop);
}

void ask_service(struct question *question, const char *method, struct str body)
{
    struct loop *loop = loop_new();
    struct http_client *client = loop ? http_client_new(loop, 1) : NULL;

    buf_clear(&question->reply);
    question->status = 0;
    question->error = E_MEMORY;
    question->loop = loop;
    buf_char(&question->url, '\0');
    if (client && !question->url.failed) {
        question->call = (struct http_call){.method = method,
                                            .url = question->url.p,
                                            .body = body,
                                            .timeout_ms = ASK_MS,
                                            .max_reply = MAX_REPLY,
                                            .done = on_answer};
        http_client_call(client, &question->call);
        loop_run(loop);
    }
    http_client_free(client);
    if (loop)
        loop_free(loop);
}

struct problem_json {
    struct str detail;
};
static const struct json_field problem_fields[] = {
    JSON_FIELD(struct problem_json, "detail", detail, JSON_STRING, 0, 0, INT64_MAX),
};
static const struct json_desc problem_desc = {"problem", problem_fields, COUNT_OF(problem_fields),
                                              sizeof(struct problem_json)};

void ask_add_reason(const struct question *question, struct buf *out)
{
    struct arena arena;
    struct problem_json said;
    struct json_error error;

    arena_init(&arena, 0);
    if (!question->status)
        buf_add(out, str_of(error_text(question->error)));
    else if (json_decode(&problem_desc, buf_str(&question->reply), &said, &arena, &error) && said.detail.n)
        buf_add(out, said.detail);
    else
        buf_printf(out, "it answered %d", question->status);
    arena_free(&arena);
}
