#include "peer_problem.h"

#include "base.h"
#include "json.h"

struct document {
    struct str type;
    int64_t status;
};
static const struct json_field fields[] = {
    JSON_FIELD(struct document, "type", type, JSON_STRING, JSON_REQUIRED, 1, 256),
    JSON_FIELD(struct document, "status", status, JSON_I64, JSON_REQUIRED, 100, 599),
};
static const struct json_desc desc = {"problem", fields, COUNT_OF(fields), sizeof(struct document)};

bool peer_problem_read(const struct http_call *call, struct peer_problem *problem)
{
    struct document document;
    struct json_error error;
    struct arena arena;

    *problem = (struct peer_problem){0};
    if (call->media != HTTP_MEDIA_PROBLEM)
        return false;
    arena_init(&arena, 4096);
    bool is_ours =
        json_decode(&desc, buf_str(&call->reply), &document, &arena, &error) && document.status == call->status;
    if (is_ours)
        problem->outcome_unknown = str_is(document.type, "outcome-unknown");
    arena_free(&arena);
    return is_ours;
}
