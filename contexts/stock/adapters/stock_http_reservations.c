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
#include "stock_http_parts.h"
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

/* failed[i]: it isn't known of that one. NULL: all is known. */
static void fill_steps(struct client_command *self, const bool *failed,
                       void (*write)(struct buf *out, const struct stock_step *step))
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
        if (failed && failed[i])
            BUF_LIT(reply, "null");
        else
            write(reply, &self->command.steps[i]);
    }
    if (self->is_array)
        buf_char(reply, ']');
}

static void render_reduce(struct stock_command *command)
{
    if (!stock_http_is_problem(client_of(command)))
        fill_steps(client_of(command), NULL, write_taken);
    command->client.answer = client_answer_of(client_of(command)->request);
}

static void render_release(struct stock_command *command)
{
    if (!stock_http_is_problem(client_of(command)))
        fill_steps(client_of(command), NULL, write_released);
    command->client.answer = client_answer_of(client_of(command)->request);
}

static void answer_reduce(struct client_command *self, const bool *failed)
{
    fill_steps(self, failed, write_taken);
}

/* What is given back isn't given back twice, so all may be asked again. */
static void answer_release(struct client_command *self, const bool *failed)
{
    for (size_t i = 0; i < self->command.n; i++) {
        if (failed[i]) {
            http_fill_unknown(self->request, "some were given back, and of others it isn't known: ask for all again");
            return;
        }
    }
    fill_steps(self, failed, write_released);
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

/* Fills in what is asked for at one place of the body, and in which cell. False: answered. */
typedef bool fill_step(const struct stock_http *http, struct http_request *request, struct json_array *items,
                       bool is_array, size_t at, struct stock_step *step, int32_t *cell);

static bool fill_reduction(const struct stock_http *http, struct http_request *request, struct json_array *items,
                           bool is_array, size_t at, struct stock_step *step, int32_t *cell)
{
    struct reduce_json *json = (struct reduce_json *)items->items + at;
    struct str *name = &step->intent.product_name;
    const char *wrong;

    step->intent = (struct stock_intent){.kind = STOCK_REDUCE, .qty = json->qty};
    if (!stock_http_name(http, &request->arena, json->product_name, name, &wrong)) {
        stock_http_refuse_member(request, is_array, at, "productName", wrong);
        return false;
    }
    json->product_name = *name; /* by whichever of its names it was asked for */
    return name_reservation(request, is_array, at, json->reservation_id, &step->intent.reservation_id) &&
           stock_http_find_cell(http, request, *name, cell);
}

/* The name only says where the reservation is kept; what was taken goes back to the row that it came from. */
static bool fill_release(const struct stock_http *http, struct http_request *request, struct json_array *items,
                         bool is_array, size_t at, struct stock_step *step, int32_t *cell)
{
    struct release_json *json = (struct release_json *)items->items + at;
    struct str name = {NULL, 0};
    const char *wrong = "is required: by it the reservation is found among several cells of stock";
    bool is_given = json->product_name.n > 0;

    step->intent = (struct stock_intent){.kind = STOCK_GIVE_BACK};
    bool fine =
        is_given ? stock_http_name(http, &request->arena, json->product_name, &name, &wrong) : http->cells->count == 1;
    if (!fine) {
        stock_http_refuse_member(request, is_array, at, "productName", wrong);
        return false;
    }
    json->product_name = name; /* by whichever of its names it was asked for */
    return name_reservation(request, is_array, at, json->reservation_id, &step->intent.reservation_id) &&
           stock_http_find_cell(http, request, name, cell);
}

/* One command where all is in one cell. */
static void submit(struct stock_http *http, struct client_command *self, const struct client_body *body,
                   const int32_t *cells, stock_http_answer *answer)
{
    size_t n = 1;

    while (n < self->command.n && cells[n] == cells[0])
        n++;
    self->command.base.cell = cells[0];
    if (n < self->command.n)
        stock_http_submit_parts(http, self, body, cells, answer);
    else
        stock_http_submit(http, self, body);
}

/* What /stocks/reduce and /stocks/release do each in their own way. */
struct asked {
    const struct json_desc *desc;
    fill_step *fill;
    void (*render)(struct stock_command *command);
    stock_http_answer *answer;
};

static void take_or_give_back(struct stock_http *http, struct http_request *request, const struct asked *asked)
{
    bool several = http->cells->count > 1;
    struct json_array items;
    int32_t only = 0;
    bool is_array;

    if (!read_items(request, asked->desc, &items, &is_array))
        return;
    struct client_command *self = stock_http_command(request, items.n, asked->render, 200);
    if (!self)
        return;
    self->is_array = is_array;
    self->content_type = "application/json";
    int32_t *cells = several ? ARENA_ARRAY(&request->arena, int32_t, items.n + 1) : &only;
    if (!cells) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return;
    }
    for (size_t i = 0; i < items.n; i++) {
        if (!asked->fill(http, request, &items, is_array, i, &self->command.steps[i], several ? &cells[i] : cells))
            return;
    }
    const struct client_body body = {asked->desc, items.items, items.n};
    if (several)
        submit(http, self, &body, cells, asked->answer);
    else
        stock_http_submit(http, self, &body);
}

void stock_http_reduce(void *context, struct http_request *request)
{
    static const struct asked reductions = {&reduce_desc, fill_reduction, render_reduce, answer_reduce};

    take_or_give_back(context, request, &reductions);
}

void stock_http_release(void *context, struct http_request *request)
{
    static const struct asked releases = {&release_desc, fill_release, render_release, answer_release};

    take_or_give_back(context, request, &releases);
}
