#include "dead_letters.h"

#include "bare_command.h"
#include "errors.h"
#include "http_body.h"
#include "outbox_sql.h"
#include "reader.h"
#include "service_decode.h"

enum { LETTERS_AT_ONCE = 100, MAX_SOURCE = 64, ENOUGH_BYTES = 1 << 20, ENOUGH = -1 };

static struct service *service_of(void *context)
{
    return ((struct service_http *)context)->service;
}

/* A service that follows nobody has none. */
static bool has_none(struct service *service, struct http_request *request)
{
    if (service->parts.n_producers > 0)
        return false;
    http_problem(request, 404, NULL, "this service follows nobody, so it has no dead letters");
    return true;
}

/* Which letter the list begins behind, and which cell it is at. */
struct listing {
    struct cell cell;
    struct str source;
    uint64_t position;
    struct buf *reply;
    size_t left; /* so many more */
};

static int write_letter(void *context, const struct dead_letter *letter, int64_t at)
{
    struct listing *listing = context;
    struct buf *reply = listing->reply;

    if (reply->n && reply->p[reply->n - 1] != '[')
        buf_char(reply, ',');
    buf_char(reply, '{');
    if (listing->cell.count > 1)
        buf_printf(reply, "\"cell\":%d,", (int)listing->cell.number);
    BUF_LIT(reply, "\"source\":");
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
    listing->left--;
    if (reply->failed)
        return E_MEMORY;
    return reply->n < ENOUGH_BYTES ? OK : ENOUGH;
}

/* From cell to cell: each has its own. */
static int write_letters(struct listing *listing, struct sql *sql)
{
    int rc = OK;

    for (; listing->cell.number < listing->cell.count && listing->left > 0 && !rc; listing->cell.number++) {
        rc = outbox_sql_dead_letters(sql, listing->cell, listing->source, listing->position, listing->left,
                                     write_letter, listing);
        listing->source = (struct str){NULL, 0};
        listing->position = 0;
    }
    return rc;
}

static void read_letters(void *context, struct http_request *request, struct sql *sql)
{
    struct listing *listing = context;

    request->status = 200;
    listing->reply = &request->reply;
    BUF_LIT(&request->reply, "{\"_embedded\":{\"deadLetters\":[");
    int rc = write_letters(listing, sql);
    BUF_LIT(&request->reply, "]}}");
    if (rc && rc != ENOUGH)
        http_fill_failure(request, rc);
    http_reply(request);
}

static bool read_place(struct http_request *request, struct listing *listing)
{
    struct str position, cell;
    bool has_position, has_cell;
    uint64_t number = 0;

    if (!http_query_once(request, "source", &listing->source, &has_position) ||
        !http_query_once(request, "position", &position, &has_position) ||
        !http_query_once(request, "cell", &cell, &has_cell)) {
        http_reply(request);
        return false;
    }
    if (has_position && (!str_to_u64(position, &listing->position) || listing->position > INT64_MAX)) {
        http_problem(request, 400, "position", "position must be a position in the feed");
        return false;
    }
    if (has_cell && (!str_to_u64(cell, &number) || number >= CELLS_MOST)) { /* behind the last one there is nothing */
        http_problem(request, 400, "cell", "cell must be a number from 0 to %d", CELLS_MOST - 1);
        return false;
    }
    listing->cell.number = (int32_t)number;
    return true;
}

void dead_letters_list(void *context, struct http_request *request)
{
    struct service *service = service_of(context);
    struct listing *listing = ARENA_NEW(&request->arena, struct listing);

    if (has_none(service, request))
        return;
    if (!listing) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    *listing = (struct listing){.cell = {0, service->n_cells}, .left = LETTERS_AT_ONCE};
    if (read_place(request, listing))
        reader_serve_row(service->parts.reader, request, read_letters, listing);
}

/* ---- trying one again ---- */

struct which_json {
    int64_t cell;
    struct str source;
    int64_t position;
};
static const struct json_field which_fields[] = {
    JSON_FIELD(struct which_json, "cell", cell, JSON_I64, JSON_NUMBER_TEXT, 0, CELLS_MOST - 1),
    JSON_FIELD(struct which_json, "source", source, JSON_STRING, JSON_REQUIRED, 1, MAX_SOURCE),
    JSON_FIELD(struct which_json, "position", position, JSON_I64, JSON_REQUIRED | JSON_NUMBER_TEXT, 1, INT64_MAX),
};
static const struct json_desc which_desc = {"dead letter", which_fields, COUNT_OF(which_fields),
                                            sizeof(struct which_json)};

struct replaying {
    struct service *service;
    struct http_request *request;
    struct which_json which;
    size_t source;   /* of the cursors; … */
    size_t producer; /* … whose event it is */
    int rc;          /* of looking for it */
    bool found;
    struct str frame; /* in the request's memory */
    struct loop_job go_on;
};

static int keep_letter(void *context, const struct dead_letter *letter, int64_t at)
{
    struct replaying *replaying = context;

    UNUSED(at);
    replaying->found = true;
    replaying->frame = arena_copy(&replaying->request->arena, letter->frame);
    return letter->frame.n && !replaying->frame.p ? E_MEMORY : OK;
}

struct any_data {
    struct str id;
};
static const struct json_field any_fields[] = {
    JSON_FIELD(struct any_data, "id", id, JSON_RAW, JSON_NULLABLE, 0, INT64_MAX),
};
static const struct json_desc any_desc = {"event", any_fields, COUNT_OF(any_fields), sizeof(struct any_data)};

/* One that has no position of its own lies under the topic's (service_topic.h): itself says whose it is. */
static bool find_producer(struct replaying *replaying)
{
    const struct service_parts *parts = &replaying->service->parts;
    struct any_data data;
    struct json_error error;
    struct event event;

    replaying->producer = replaying->source;
    if (replaying->source < parts->n_producers)
        return true;
    if (!event_decode(replaying->frame, &event, &any_desc, &data, &replaying->request->arena, &error) ||
        event.source.n < 2)
        return false;
    struct str name = {event.source.p + 1, event.source.n - 1}; /* "/order" */
    for (replaying->producer = 0; replaying->producer < parts->n_producers; replaying->producer++) {
        if (str_is(name, parts->producers[replaying->producer].name))
            return true;
    }
    return false;
}

static struct command *decode_again(struct replaying *replaying, const char **reason)
{
    struct command *command = service_decode(replaying->service, replaying->producer, replaying->frame, reason);

    if (!command && !*reason) { /* what turns out not to concern us is forgotten */
        command = bare_command_new(COMMAND_SKIP, (struct str){NULL, 0}, (struct str){NULL, 0});
        *reason = command ? NULL : error_text(E_MEMORY);
    }
    if (command) {
        command->origin = FROM_REPLAY;
        command->cell = (int32_t)replaying->which.cell;
        command->source = replaying->source;
        command->position = (uint64_t)replaying->which.position;
    }
    return command;
}

static bool find_source(const struct service *service, struct str name, size_t *source)
{
    const struct cursors *sources = &service->began[0]; /* every cell has the same */

    for (size_t i = 0; i < sources->n; i++) {
        if (str_is(name, sources->source[i])) {
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

/* Back on the loop: that is where events are decoded. */
static void go_on(struct loop_job *job)
{
    struct replaying *replaying = CONTAINER_OF(job, struct replaying, go_on);
    struct http_request *request = replaying->request;
    const char *reason = NULL;

    if (replaying->rc) {
        http_fill_failure(request, replaying->rc);
        http_reply(request);
        return;
    }
    if (!replaying->found) {
        http_problem(request, 404, "position", "there is no such dead letter");
        return;
    }
    struct command *command = NULL;
    if (find_producer(replaying))
        command = decode_again(replaying, &reason);
    else
        reason = "is not an event of a producer that this service follows";
    if (!command) {
        refuse_undecoded(request, reason);
        return;
    }
    (void)writer_post(replaying->service->writer, command); /* one that is not a client's is always taken */
    request->status = 202;
    request->content_type = "application/json";
    BUF_LIT(&request->reply, "{\"status\":\"queued\"}");
    http_reply(request);
}

static void read_letter(void *context, struct http_request *request, struct sql *sql)
{
    struct replaying *replaying = context;

    UNUSED(request);
    const struct which_json *which = &replaying->which;
    const struct cell cell = {(int32_t)which->cell, replaying->service->n_cells};

    replaying->rc = outbox_sql_dead_letter(sql, cell, which->source, (uint64_t)which->position, keep_letter, replaying);
    loop_post(replaying->service->loop, &replaying->go_on);
}

void dead_letters_replay(void *context, struct http_request *request)
{
    struct service *service = service_of(context);
    struct replaying *replaying = ARENA_NEW(&request->arena, struct replaying);

    if (has_none(service, request) || commits_fail(service, request))
        return;
    if (!replaying) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    *replaying = (struct replaying){.service = service, .request = request, .go_on = {.run = go_on}};
    if (!http_read_json(request, &which_desc, &replaying->which))
        return;
    if (replaying->which.cell >= service->n_cells) {
        http_problem(request, 422, "cell", "cell must be one of the shop's, 0 to %d", (int)service->n_cells - 1);
        return;
    }
    if (!find_source(service, replaying->which.source, &replaying->source)) {
        http_problem(request, 422, "source", "source is not a producer that this service follows");
        return;
    }
    reader_serve_row(service->parts.reader, request, read_letter, replaying);
}
