#include "stock_http.h"

#include "client_answer.h"
#include "errors.h"
#include "http_body.h"
#include "log.h"
#include "stock_app.h"
#include "stock_etag.h"
#include "stock_json.h"

static http_handler reduce, release, receive, keep, correct, mark, stop_keeping;

const struct route stock_routes[] = {
    {HTTP_POST, "/stocks/reduce", reduce,
     .doc = "Take out of stock: true or false. With a reservationId exactly once."},
    {HTTP_POST, "/stocks/release", release, .doc = "Give a reservation back, once."},
    {HTTP_POST, "/stocks/receive", receive, .doc = "Goods in: adds to what is on hand."},
    {HTTP_GET, "/stocks", stock_http_list, .doc = "All that is kept, paged."},
    {HTTP_POST, "/stocks", keep, .doc = "Keep stock under a new name; 409 when it is kept already."},
    {HTTP_GET, "/stocks/search/findByProductName", stock_http_find_by_name, .doc = "The stock of that name, or 404."},
    {HTTP_GET, "/stocks/{id}", stock_http_show, .doc = "One stock, or 404."},
    {HTTP_PATCH, "/stocks/{id}", correct, .doc = "Set what is on hand, or change it by so many."},
    {HTTP_PUT, "/stocks/{id}/lowMark", mark, .doc = "Set below what it is low; 0 takes the mark away."},
    {HTTP_GET, "/stocks/{id}/movements", stock_http_movements, .doc = "What moved, newest first."},
    {HTTP_DELETE, "/stocks/{id}", stop_keeping, .doc = "Stop keeping it; its name is free again, its id is not."},
    {.path = NULL},
};

/* ---- a client's command: it lives in its request's arena and ends with it ---- */

struct client_command {
    struct stock_command command;
    struct http_request *request;
    int success;              /* the status when it is done */
    const char *content_type; /* of a success; NULL: by Accept */
    bool is_array;
};

static struct client_command *client_of(struct stock_command *command)
{
    return CONTAINER_OF(command, struct client_command, command);
}

/* The problem says how many there are. */
static void tell_on_hand(struct http_request *request, const struct stock *stock)
{
    struct buf number = {0};

    buf_i64(&number, stock->on_hand);
    http_extend_problem(request, "qty", buf_str(&number));
    buf_free(&number);
}

static void refuse(struct http_request *request, const struct stock_step *step)
{
    const struct stock_intent *intent = &step->intent;
    struct buf link = {0};

    switch (step->refusal) {
    case STOCK_REFUSAL_NOT_KEPT:
        if (intent->kind == STOCK_RECEIVE)
            http_fill_problem(request, 404, "productName", "no stock is kept under this name");
        else
            http_fill_problem(request, 404, NULL, "%s", stock_refusal_text(step->refusal));
        break;
    case STOCK_REFUSAL_KEPT_ALREADY:
        http_fill_problem(request, 409, "productName", "%.*s is kept already", STR_ARG(step->stock.product_name));
        buf_printf(&link, "\"%.*s/stocks/%lld\"", STR_ARG(request->base), (long long)step->stock.id);
        http_extend_problem(request, "existing", buf_str(&link));
        buf_free(&link);
        break;
    case STOCK_REFUSAL_TOO_MUCH:
        http_fill_problem(request, 409, intent->kind == STOCK_ADJUST ? "change" : "qty", "%s %s",
                          intent->kind == STOCK_ADJUST ? "change" : "qty", stock_refusal_text(step->refusal));
        break;
    case STOCK_REFUSAL_TOO_LITTLE:
        http_fill_problem(request, 409, "change", "change %s; there are %lld", stock_refusal_text(step->refusal),
                          (long long)step->stock.on_hand);
        tell_on_hand(request, &step->stock);
        break;
    case STOCK_REFUSAL_CHANGED:
        http_fill_problem(request, 412, "If-Match", "the stock %s; there are %lld now",
                          stock_refusal_text(step->refusal), (long long)step->stock.on_hand);
        tell_on_hand(request, &step->stock);
        break;
    case STOCK_REFUSAL_ANOTHER_RESERVATION:
        http_fill_problem(request, 422, "reservationId", "reservationId %s", stock_refusal_text(step->refusal));
        break;
    case STOCK_REFUSAL_NONE:
        break;
    }
}

/* True when a problem was filled in. An array's steps are answered by themselves: one that can't be done must not keep
 * the others from it. */
static bool is_problem(struct client_command *self)
{
    const struct stock_step *step = self->command.steps;

    if (self->is_array)
        return false;
    if (step->verdict == STOCK_BROKEN)
        http_fill_problem(self->request, 500, NULL, "what is stored contradicts itself; nothing was changed");
    else if (step->verdict == STOCK_REFUSED)
        refuse(self->request, step);
    return step->verdict == STOCK_BROKEN || step->verdict == STOCK_REFUSED;
}

static void write_taken(struct buf *out, const struct stock_step *step)
{
    if (step->verdict == STOCK_REFUSED)
        log_debug("a reservation is used for something else", LOG_S("reservation", step->intent.reservation_id));
    buf_add(out, step->yes ? STR("true") : STR("false"));
}

static void write_released(struct buf *out, const struct stock_step *step)
{
    struct released_json json = {step->intent.reservation_id, step->yes};

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
    if (!is_problem(client_of(command)))
        fill_steps(client_of(command), write_taken);
    command->answer = client_answer_of(client_of(command)->request);
}

static void render_release(struct stock_command *command)
{
    if (!is_problem(client_of(command)))
        fill_steps(client_of(command), write_released);
    command->answer = client_answer_of(client_of(command)->request);
}

static void render_row(struct stock_command *command)
{
    struct client_command *self = client_of(command);
    struct stock_json json = stock_json_of(&command->steps->stock);

    bool fine = !is_problem(self);
    if (fine && self->request->method == HTTP_POST) /* a kept answer has no tag */
        hal_fill_entity(self->request, self->success, &stock_type, &json);
    else if (fine && self->success != 204)
        stock_http_fill(self->request, self->success, &command->steps->stock);
    else if (fine)
        self->request->status = 204;
    command->answer = client_answer_of(self->request);
}

/* After the commit, or once it is sure that there is none. */
static void finish(struct command *base, int rc)
{
    struct stock_command *command = CONTAINER_OF(base, struct stock_command, base);
    const struct client_command *self = client_of(command);

    client_answer_send(self->request, &(struct client_outcome){.failure = rc,
                                                               .key_reused = command->key_reused,
                                                               .kept = command->replayed ? &command->answer : NULL,
                                                               .content_type = self->content_type});
}

/* A command of `n` empty steps. NULL: there is no memory, and that is answered. */
static struct client_command *new_command(struct http_request *request, size_t n,
                                          void (*render)(struct stock_command *), int success)
{
    struct client_command *self = ARENA_NEW(&request->arena, struct client_command);
    struct stock_step *steps = ARENA_ARRAY(&request->arena, struct stock_step, n + 1);

    if (!self || !steps) {
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return NULL;
    }
    *self = (struct client_command){
        .command = {.base = {.origin = FROM_CLIENT, .finish = finish},
                    .steps = steps,
                    .n = n,
                    .correlation = request->correlation_id,
                    .traceparent = request->traceparent,
                    .render = render},
        .request = request,
        .success = success,
    };
    if ((request->method == HTTP_POST || request->method == HTTP_PATCH) &&
        !client_read_key(request, &self->command.idempotency_key, &self->command.fingerprint))
        return NULL;
    return self;
}

/* ---- what is sent ---- */

static bool is_reservation_id(struct str id)
{
    for (size_t i = 0; i < id.n; i++) {
        if (id.p[i] < '!' || id.p[i] > '~')
            return false;
    }
    return true;
}

/* The problem for a member; in an array with its place: "[3].qty". */
static void refuse_member(struct http_request *request, bool is_array, size_t at, const char *member, const char *wrong)
{
    struct buf path = {0};

    if (is_array)
        buf_printf(&path, "[%zu].", at);
    buf_add(&path, str_of(member));
    buf_char(&path, '\0');
    const char *name = path.failed ? member : path.p;
    http_problem(request, 422, name, "%s %s", name, wrong);
    buf_free(&path);
}

/* One object, or an array of them. False: answered. */
static bool read_items(struct http_request *request, const struct json_desc *desc, struct json_array *items,
                       bool *is_array)
{
    static const char blanks[] = {' ', '\t', '\r', '\n'};
    struct json_error error;
    size_t blank = 0;

    while (blank < request->body.n && memchr(blanks, request->body.p[blank], sizeof(blanks)))
        blank++;
    *is_array = blank < request->body.n && request->body.p[blank] == '[';
    if (!*is_array) {
        *items = (struct json_array){arena_alloc(&request->arena, desc->size), 1};
        if (items->items)
            return http_read_json(request, desc, items->items);
        http_fill_failure(request, E_MEMORY);
        http_reply(request);
        return false;
    }
    if (json_decode_array_fast(desc, request->body, STOCK_ARRAY_MAX, items, &request->arena, &error))
        return true;
    http_json_problem(request, &error);
    return false;
}

static bool fill_reduction(const struct stock_http *http, struct http_request *request, const struct json_array *items,
                           bool is_array, size_t at, struct stock_step *step)
{
    const struct reduce_json *json = (const struct reduce_json *)items->items + at;
    const char *wrong;

    step->intent =
        (struct stock_intent){.kind = STOCK_REDUCE, .qty = json->qty, .reservation_id = json->reservation_id};
    if (!stock_http_name(http, json->product_name, &step->intent.product_name, &wrong)) {
        refuse_member(request, is_array, at, "productName", wrong);
        return false;
    }
    if (!is_reservation_id(json->reservation_id)) {
        refuse_member(request, is_array, at, "reservationId", "must be printable ASCII without blanks");
        return false;
    }
    return true;
}

static void reduce(void *context, struct http_request *request)
{
    const struct stock_http *http = context;
    struct json_array items;
    bool is_array;

    if (!read_items(request, &reduce_desc, &items, &is_array))
        return;
    struct client_command *self = new_command(request, items.n, render_reduce, 200);
    if (!self)
        return;
    self->is_array = is_array;
    self->content_type = "application/json";
    for (size_t i = 0; i < items.n; i++) {
        if (!fill_reduction(http, request, &items, is_array, i, &self->command.steps[i]))
            return;
    }
    service_submit(http->base.service, request, &self->command.base);
}

static void release(void *context, struct http_request *request)
{
    const struct stock_http *http = context;
    struct json_array items;
    bool is_array;

    if (!read_items(request, &release_desc, &items, &is_array))
        return;
    struct client_command *self = new_command(request, items.n, render_release, 200);
    if (!self)
        return;
    self->is_array = is_array;
    self->content_type = "application/json";
    for (size_t i = 0; i < items.n; i++) {
        struct str id = ((const struct release_json *)items.items)[i].reservation_id;
        if (!is_reservation_id(id)) {
            refuse_member(request, is_array, i, "reservationId", "must be printable ASCII without blanks");
            return;
        }
        self->command.steps[i].intent = (struct stock_intent){.kind = STOCK_GIVE_BACK, .reservation_id = id};
    }
    service_submit(http->base.service, request, &self->command.base);
}

/* POST /stocks and POST /stocks/receive. */
static void add_some(struct stock_http *http, struct http_request *request, const struct json_desc *desc,
                     enum stock_command_kind kind, int success)
{
    struct quantity_json json;
    struct str name;
    const char *wrong;

    if (!http_read_json(request, desc, &json))
        return;
    if (!stock_http_name(http, json.product_name, &name, &wrong)) {
        refuse_member(request, false, 0, "productName", wrong);
        return;
    }
    struct client_command *self = new_command(request, 1, render_row, success);
    if (!self)
        return;
    self->command.steps->intent =
        (struct stock_intent){.kind = kind, .product_name = name, .qty = json.qty, .reason = json.reason};
    service_submit(http->base.service, request, &self->command.base);
}

static void receive(void *context, struct http_request *request)
{
    add_some(context, request, &receive_desc, STOCK_RECEIVE, 200);
}

static void keep(void *context, struct http_request *request)
{
    add_some(context, request, &add_desc, STOCK_ADD, 201);
}

static void refuse_if_match(struct http_request *request, int rc)
{
    if (rc == E_MALFORMED)
        http_fill_problem(request, 400, "If-Match", "If-Match must be * or a list of entity tags");
    else
        http_fill_failure(request, rc);
    http_reply(request);
}

static void change_row(struct stock_http *http, struct http_request *request, const struct stock_intent *intent,
                       int success)
{
    struct client_command *self;
    int64_t id;

    if (!hal_read_id(request, 0, &id)) {
        http_reply(request);
        return;
    }
    self = new_command(request, 1, render_row, success);
    if (!self)
        return;
    self->command.steps->intent = *intent;
    self->command.steps->intent.id = id;
    int rc = stock_if_match(&request->arena, request->if_match, &self->command.steps->intent.expected);
    if (rc) {
        refuse_if_match(request, rc);
        return;
    }
    service_submit(http->base.service, request, &self->command.base);
}

static void correct(void *context, struct http_request *request)
{
    struct correction_json json;

    if (!http_read_json(request, &correct_desc, &json))
        return;
    bool sets = json.qty != JSON_ABSENT, shifts = json.change != JSON_ABSENT;
    if (sets == shifts) {
        http_problem(request, 422, sets ? "change" : "qty",
                     sets ? "change can't be given together with qty" : "qty or change is required");
        return;
    }
    change_row(context, request,
               &(struct stock_intent){.kind = sets ? STOCK_CORRECT : STOCK_ADJUST,
                                      .qty = sets ? json.qty : 0,
                                      .change = shifts ? json.change : 0,
                                      .reason = json.reason},
               200);
}

static void mark(void *context, struct http_request *request)
{
    struct quantity_json json;

    if (http_read_json(request, &mark_desc, &json))
        change_row(context, request, &(struct stock_intent){.kind = STOCK_MARK, .qty = json.qty}, 200);
}

static void stop_keeping(void *context, struct http_request *request)
{
    change_row(context, request, &(struct stock_intent){.kind = STOCK_REMOVE}, 204);
}
