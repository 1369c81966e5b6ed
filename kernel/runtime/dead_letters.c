#include "dead_letters.h"

#include "alloc.h"
#include "errors.h"
#include "http_body.h"
#include "outbox_sql.h"
#include "service_internal.h"

enum { LETTERS_AT_ONCE = 100, MAX_SOURCE = 64, ENOUGH_BYTES = 1 << 20, ENOUGH = -1 };

static struct service *service_of(void *context)
{
    return ((struct service_http *)context)->service;
}

/* A service that follows nobody has none. */
static bool has_none(struct service *service, struct http_request *request)
{
    if (service->parts.reads)
        return false;
    http_problem(request, 404, NULL, "this service follows nobody, so it has no dead letters");
    return true;
}

static int write_letter(void *context, const struct dead_letter *letter, int64_t at)
{
    struct buf *reply = context;

    if (reply->n && reply->p[reply->n - 1] != '[')
        buf_char(reply, ',');
    BUF_LIT(reply, "{\"source\":");
    buf_json_string(reply, letter->source);
    BUF_LIT(reply, ",\"position\":");
    buf_u64(reply, letter->position);
    BUF_LIT(reply, ",\"at\":\"");
    buf_time(reply, at);
    BUF_LIT(reply, "\",\"reason\":");
    buf_json_string(reply, letter->reason);
    BUF_LIT(reply, ",\"event\":");
    buf_json_string(reply, str_is_utf8(letter->frame) ? letter->frame : STR("(not UTF-8)"));
    buf_char(reply, '}');
    if (reply->failed)
        return E_MEMORY;
    return reply->n < ENOUGH_BYTES ? OK : ENOUGH;
}

void dead_letters_list(void *context, struct http_request *request)
{
    struct service *service = service_of(context);
    struct str source = {NULL, 0}, text;
    uint64_t position = 0;

    if (has_none(service, request))
        return;
    http_query(request, "source", 0, &source);
    if (http_query(request, "position", 0, &text) && (!str_to_u64(text, &position) || position > INT64_MAX)) {
        http_problem(request, 400, "position", "must be a position in the feed");
        return;
    }
    request->status = 200;
    BUF_LIT(&request->reply, "{\"_embedded\":{\"deadLetters\":[");
    int rc =
        outbox_sql_dead_letters(service->parts.reads, source, position, LETTERS_AT_ONCE, write_letter, &request->reply);
    BUF_LIT(&request->reply, "]}}");
    if (rc && rc != ENOUGH)
        http_fill_failure(request, rc);
    http_reply(request);
}

/* ---- trying one again ---- */

struct which_json {
    struct str source;
    int64_t position;
};
static const struct json_field which_fields[] = {
    JSON_FIELD(struct which_json, "source", source, JSON_STRING, JSON_REQUIRED, 1, MAX_SOURCE),
    JSON_FIELD(struct which_json, "position", position, JSON_I64, JSON_REQUIRED | JSON_NUMBER_TEXT, 1, INT64_MAX),
};
static const struct json_desc which_desc = {"dead letter", which_fields, COUNT_OF(which_fields),
                                            sizeof(struct which_json)};

struct replaying {
    struct service *service;
    size_t source;
    bool found;
    struct command *command;
    const char *reason; /* why it still can't be decoded */
};

static void finish_skip(struct command *command, int rc)
{
    UNUSED(rc);
    heap_free(command);
}

/* What turns out not to concern us is forgotten. */
static struct command *new_skip(const char **reason)
{
    struct command *skip = heap_alloc(sizeof(*skip));

    if (skip)
        *skip = (struct command){.fate = COMMAND_SKIP, .finish = finish_skip};
    else
        *reason = error_text(E_MEMORY);
    return skip;
}

static int decode_again(void *context, const struct dead_letter *letter, int64_t at)
{
    struct replaying *replaying = context;
    const struct service_parts *parts = &replaying->service->parts;

    UNUSED(at);
    replaying->found = true;
    replaying->command = parts->decode(parts->decode_context, replaying->source, letter->frame, &replaying->reason);
    if (!replaying->command && !replaying->reason)
        replaying->command = new_skip(&replaying->reason);
    if (replaying->command) {
        replaying->command->origin = FROM_REPLAY;
        replaying->command->source = replaying->source;
        replaying->command->position = letter->position;
    }
    return OK;
}

static bool find_source(const struct service *service, struct str name, size_t *source)
{
    for (size_t i = 0; i < service->parts.n_producers; i++) {
        if (str_is(name, service->parts.cursors->source[i])) {
            *source = i;
            return true;
        }
    }
    return false;
}

static void refuse_undecoded(struct http_request *request, const char *reason)
{
    if (reason == error_text(E_MEMORY)) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    http_problem(request, 409, "position", "%s", reason);
}

/* As long as commits fail, nothing that is tried again could leave the queue. */
static bool commits_fail(const struct service *service, struct http_request *request)
{
    int64_t since;

    if (writer_is_well(service->writer, &since))
        return false;
    http_fill_failure(request, E_UNAVAILABLE);
    http_reply(request);
    return true;
}

void dead_letters_replay(void *context, struct http_request *request)
{
    struct service *service = service_of(context);
    struct replaying replaying = {.service = service};
    struct which_json which;

    if (has_none(service, request) || commits_fail(service, request) || !http_read_json(request, &which_desc, &which))
        return;
    if (!find_source(service, which.source, &replaying.source)) {
        http_problem(request, 422, "source", "is not a producer that this service follows");
        return;
    }
    int rc =
        outbox_sql_dead_letter(service->parts.reads, which.source, (uint64_t)which.position, decode_again, &replaying);
    if (rc) {
        http_fill_failure(request, rc);
        http_reply(request);
        return;
    }
    if (!replaying.found) {
        http_problem(request, 404, "position", "there is no such dead letter");
        return;
    }
    if (!replaying.command) {
        refuse_undecoded(request, replaying.reason);
        return;
    }
    (void)writer_post(service->writer, replaying.command); /* one that is not a client's is always taken */
    request->status = 202;
    request->content_type = "application/json";
    BUF_LIT(&request->reply, "{\"status\":\"queued\"}");
    http_reply(request);
}
