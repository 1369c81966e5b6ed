/* POST /stocks/reduce and /stocks/release: one reduction or release, or an array of them.
 *
 * A reservation's id is its caller's own: the kitchen says who it is, and its ids are kept as they are; everybody
 * else's are kept in a name space of clients, so that nobody's "o8.1" is the kitchen's. */
#include "client_answer.h"
#include "errors.h"
#include "http_body.h"
#include "log.h"
#include "stock_events.h"
#include "stock_http.h"
#include "stock_http_command.h"
#include "stock_json.h"

static void write_taken(struct buf *out, const struct stock_step *step)
{
    if (step->verdict == STOCK_REFUSED)
        log_debug("a reservation is used for something else", LOG_S("reservation", step->intent.reservation_id));
    buf_add(out, step->yes ? STR("true") : STR("false"));
}

/* The id as it was given. */
static void write_released(struct buf *out, const struct stock_step *step)
{
    struct released_json json = {stock_reservation_given(step->intent.reservation_id), step->yes};

    json_encode(out, &released_desc, &json);
}

static void fill_steps(struct client_command *self, void (*write)(struct buf *out, const struct stock_step *step))
{
    struct buf *reply = &self->request->reply;

    buf_clear(reply);
    self->request->status = 200;
    self->request->content_type = self->content_type;
    if (self->is_array)
        buf_char(reply, '[');
    for (size_t i = 0; i < self->command.n; i++) {
        if (i)
            buf_char(reply, ',');
        write(reply, &self->command.steps[i]);
    }
    if (self->is_array)
        buf_char(reply, ']');
}

static void render_reduce(struct stock_command *command)
{
    if (!stock_http_is_problem(client_of(command)))
        fill_steps(client_of(command), write_taken);
    command->client.answer = client_answer_of(client_of(command)->request);
}

static void render_release(struct stock_command *command)
{
    if (!stock_http_is_problem(client_of(command)))
        fill_steps(client_of(command), write_released);
    command->client.answer = client_answer_of(client_of(command)->request);
}

/* ---- what is sent ---- */

static bool is_the_kitchen(const struct http_request *request)
{
    return !request->outside && str_is(request->caller, "product");
}

/* The id in its caller's name space; none stays none. False: it can't be one, or there is no memory, and that is
 * answered. */
static bool name_reservation(struct http_request *request, bool is_array, size_t at, struct str given, struct str *id)
{
    *id = given;
    if (!stock_reservation_is_id(given)) {
        stock_http_refuse_member(request, is_array, at, "reservationId", "must be printable ASCII without blanks");
        return false;
    }
    if (given.n && !is_the_kitchen(request))
        *id = stock_reservation_of_client(&request->arena, given);
    if (given.n == 0 || id->p)
        return true;
    http_fill_failure(request, E_MEMORY);
    http_reply(request);
    return false;
}

/* One object, or an array of them. False: answered. */
static bool read_items(struct http_request *request, const struct json_desc *desc, struct json_array *items,
                       bool *is_array)
{
    static const char blanks[] = {' ', '\t', '\r', '\n'};
    struct json_error error;
    size_t blank = 0;

    struct str text = str_without_bom(request->body);
    while (blank < text.n && memchr(blanks, text.p[blank], sizeof(blanks)))
        blank++;
    *is_array = blank < text.n && text.p[blank] == '[';
    if (!*is_array) {
        *items = (struct json_array){arena_alloc(&request->arena, desc->size), 1};
        if (items->items)
            return http_read_json(request, desc, items->items);
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return false;
    }
    if (json_decode_array(desc, request->body, STOCK_ARRAY_MAX, items, &request->arena, &error))
        return true;
    http_json_problem(request, &error);
    return false;
}

static bool fill_reduction(const struct stock_http *http, struct http_request *request, struct json_array *items,
                           bool is_array, size_t at, struct stock_step *step)
{
    struct reduce_json *json = (struct reduce_json *)items->items + at;
    const char *wrong;

    step->intent = (struct stock_intent){.kind = STOCK_REDUCE, .qty = json->qty};
    if (!stock_http_name(http, &request->arena, json->product_name, &step->intent.product_name, &wrong)) {
        stock_http_refuse_member(request, is_array, at, "productName", wrong);
        return false;
    }
    json->product_name = step->intent.product_name; /* by whichever of its names it was asked for */
    return name_reservation(request, is_array, at, json->reservation_id, &step->intent.reservation_id);
}

void stock_http_reduce(void *context, struct http_request *request)
{
    struct stock_http *http = context;
    struct json_array items;
    bool is_array;

    if (!read_items(request, &reduce_desc, &items, &is_array))
        return;
    struct client_command *self = stock_http_command(request, items.n, render_reduce, 200);
    if (!self)
        return;
    self->is_array = is_array;
    self->content_type = "application/json";
    for (size_t i = 0; i < items.n; i++) {
        if (!fill_reduction(http, request, &items, is_array, i, &self->command.steps[i]))
            return;
    }
    stock_http_submit(http, self, &(struct client_body){&reduce_desc, items.items, items.n});
}

/* The name only says where the reservation is kept; what was taken goes back to the row that it came from. */
static bool fill_release(const struct stock_http *http, struct http_request *request, struct json_array *items,
                         bool is_array, size_t at, struct stock_step *step)
{
    struct release_json *json = (struct release_json *)items->items + at;
    struct str name = {NULL, 0};
    const char *wrong;

    step->intent = (struct stock_intent){.kind = STOCK_GIVE_BACK};
    if (json->product_name.n && !stock_http_name(http, &request->arena, json->product_name, &name, &wrong)) {
        stock_http_refuse_member(request, is_array, at, "productName", wrong);
        return false;
    }
    json->product_name = name; /* by whichever of its names it was asked for */
    return name_reservation(request, is_array, at, json->reservation_id, &step->intent.reservation_id);
}

void stock_http_release(void *context, struct http_request *request)
{
    struct stock_http *http = context;
    struct json_array items;
    bool is_array;

    if (!read_items(request, &release_desc, &items, &is_array))
        return;
    struct client_command *self = stock_http_command(request, items.n, render_release, 200);
    if (!self)
        return;
    self->is_array = is_array;
    self->content_type = "application/json";
    for (size_t i = 0; i < items.n; i++) {
        if (!fill_release(http, request, &items, is_array, i, &self->command.steps[i]))
            return;
    }
    stock_http_submit(http, self, &(struct client_body){&release_desc, items.items, items.n});
}
