#include "stock_http.h"

#include "client_answer.h"
#include "errors.h"
#include "http_body.h"
#include "stock_cell.h"
#include "stock_etag.h"
#include "stock_http_command.h"
#include "stock_json.h"

static http_handler receive, keep, correct, mark, stop_keeping;

const struct route stock_routes[] = {
    {HTTP_POST, "/stocks/reduce", stock_http_reduce,
     .doc = "Take out of stock: true or false. With a reservationId exactly once."},
    {HTTP_POST, "/stocks/release", stock_http_release, .doc = "Give a reservation back, once."},
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

static void render_row(struct stock_command *command)
{
    struct client_command *self = client_of(command);
    struct stock_json json = stock_json_of(&command->steps->stock);

    bool fine = !stock_http_is_problem(self);
    if (fine && self->request->method == HTTP_POST) /* a kept answer has no tag */
        hal_fill_entity(self->request, self->success, &stock_type, &json);
    else if (fine && self->success != 204)
        stock_http_fill(self->request, self->success, &command->steps->stock);
    else if (fine)
        self->request->status = 204;
    command->client.answer = client_answer_of(self->request);
}

/* ---- what is sent ---- */

/* POST /stocks and POST /stocks/receive. */
static void add_some(struct stock_http *http, struct http_request *request, const struct json_desc *desc,
                     enum stock_command_kind kind, int success)
{
    struct quantity_json json;
    struct str name;
    const char *wrong;

    if (!http_read_json(request, desc, &json))
        return;
    if (!stock_http_name(http, &request->arena, json.product_name, &name, &wrong)) {
        stock_http_refuse_member(request, false, 0, "productName", wrong);
        return;
    }
    struct client_command *self = stock_http_command(request, 1, render_row, success);
    if (!self || !stock_http_find_cell(http, request, name, &self->command.base.cell))
        return;
    self->command.steps->intent =
        (struct stock_intent){.kind = kind, .product_name = name, .qty = json.qty, .reason = json.reason};
    json.product_name = name; /* by whichever of its names it was asked for */
    stock_http_submit(http, self, &(struct client_body){desc, &json, 1});
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
                       const struct client_body *body, int success)
{
    struct client_command *self;
    int64_t id;

    if (!hal_read_id(request, 0, &id)) {
        http_reply(request);
        return;
    }
    self = stock_http_command(request, 1, render_row, success);
    if (!self)
        return;
    self->command.steps->intent = *intent;
    self->command.steps->intent.id = id;
    self->command.base.cell = stock_cell_of_id(id, http->cells->count);
    int rc = stock_if_match(&request->arena, request->if_match, &self->command.steps->intent.expected);
    if (rc) {
        refuse_if_match(request, rc);
        return;
    }
    stock_http_submit(http, self, body);
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
               &(struct client_body){&correct_desc, &json, 1}, 200);
}

static void mark(void *context, struct http_request *request)
{
    struct quantity_json json;

    if (http_read_json(request, &mark_desc, &json))
        change_row(context, request, &(struct stock_intent){.kind = STOCK_MARK, .qty = json.qty}, NULL, 200);
}

static void stop_keeping(void *context, struct http_request *request)
{
    change_row(context, request, &(struct stock_intent){.kind = STOCK_REMOVE}, NULL, 204);
}
