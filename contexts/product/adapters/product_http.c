#include "product_http.h"

#include "client_answer.h"
#include "errors.h"
#include "hal.h"
#include "http_body.h"
#include "json.h"
#include "menu_refusal.h"
#include "product_app.h"
#include "product_json.h"
#include "status_change.h"

static http_handler open_ticket, cancel_ticket, change_ticket, cancel_by_order;

const struct route product_routes[] = {
    {HTTP_POST, "/products", open_ticket,
     .doc = "A ticket made at the counter: stock is asked while the client waits."},
    {HTTP_GET, "/products", product_http_list, .doc = "All tickets, paged."},
    {HTTP_GET, "/products/{id}", product_http_show, .doc = "One ticket, or 404."},
    {HTTP_PUT, "/products/{id}", cancel_ticket, .doc = "Cancel it, if production has not started."},
    {HTTP_PATCH, "/products/{id}", change_ticket, .doc = "The barista's: start it, finish it (manual mode)."},
    {HTTP_PUT, "/products/search/cancelByOrderId", cancel_by_order,
     .doc = "Cancel by order, also before the order has arrived here.", .body_optional = true, .inner = true},
    {HTTP_GET, "/products/search/findByOrderId", product_http_find_by_order,
     .doc = "The ticket of an order, as a list of one or none."},
    {HTTP_GET, "/products/search/open", product_http_open, .doc = "What is still to be made, oldest first."},
    {HTTP_GET, "/products/kitchen", product_http_kitchen, .doc = "How the kitchen works: its mode and its times."},
    {.path = NULL},
};

enum { MAX_QTY = 1000 };

/* ---- commands ---- */

/* What a client sends to open a ticket. */
struct open_json {
    struct str product_name;
    int64_t qty, order_id;
};
static const struct json_field open_fields[] = {
    JSON_FIELD_ALIAS(struct open_json, "productName", "item", product_name, JSON_STRING, JSON_REQUIRED, 1,
                     MENU_GIVEN_MAX),
    JSON_FIELD(struct open_json, "qty", qty, JSON_I64, JSON_REQUIRED | JSON_NUMBER_TEXT, 1, MAX_QTY),
    JSON_FIELD(struct open_json, "orderId", order_id, JSON_I64, JSON_NULLABLE | JSON_NUMBER_TEXT, 1, INT64_MAX),
};
static const struct json_desc open_desc = {"ticket", open_fields, COUNT_OF(open_fields), sizeof(struct open_json)};

/* A client's command: it lives in its request's arena and ends with it. */
struct client_command {
    struct product_command command;
    struct http_request *request;
    const struct product_http *http;
    int success; /* the status when it is done */
};

static struct http_request *request_of(struct product_command *command)
{
    return CONTAINER_OF(command, struct client_command, command)->request;
}

/* A barista wanted to start it, and stock said no. */
static bool ran_out_at_start(const struct product_command *command)
{
    return command->intent.kind == TICKET_START && command->ticket.state == TICKET_OUT_OF_STOCK;
}

static void fill(struct product_command *command)
{
    struct http_request *request = request_of(command);

    if (command->verdict == TICKET_REFUSAL && command->refusal == TICKET_REFUSAL_NO_SUCH_TICKET) {
        http_fill_problem(request, 404, NULL, "there is no ticket %lld", (long long)command->ticket_id);
    } else if (command->verdict == TICKET_REFUSAL) {
        http_fill_problem(request, 409, "status", "%s", ticket_refusal_text(command->refusal));
    } else if (ran_out_at_start(command)) {
        http_fill_problem(request, 409, "status", "%s", ticket_refusal_text(TICKET_REFUSAL_OUT_OF_STOCK));
    } else if (command->verdict == TICKET_BROKEN) {
        http_fill_problem(request, 500, NULL,
                          "what is asked contradicts what is known of the ticket; nothing was changed");
    } else {
        const struct client_command *self = CONTAINER_OF(command, struct client_command, command);
        struct ticket_json json = ticket_json_of(&command->ticket, service_wall_ahead(self->http->base.service));
        hal_fill_entity(request, self->success, &ticket_type, &json);
    }
}

static void render(struct product_command *command)
{
    struct http_request *request = request_of(command);

    if (command->unanswered)
        return; /* finish() says so */
    fill(command);
    command->client.answer = client_answer_of(request);
}

/* After the commit, or once it is sure that there is none. */
static void finish(struct command *base, int rc)
{
    struct client_command *self = CONTAINER_OF(base, struct client_command, command.base);
    const struct product_command *command = &self->command;

    if (!rc && command->unanswered)
        client_answer_unasked(self->request, NULL, guarded_caller_retry_after_s(self->http->stock),
                              "stock can't be asked at the moment; nothing was made");
    else
        client_answer_send(self->request, rc, &command->client, NULL);
}

static struct client_command *new_command(const struct product_http *http, struct http_request *request,
                                          enum ticket_command_kind kind, int success)
{
    struct client_command *self = client_command_new(request, sizeof(*self));

    if (!self)
        return NULL;
    self->request = request;
    self->http = http;
    self->success = success;
    self->command.base.origin = FROM_CLIENT;
    self->command.base.finish = finish;
    self->command.intent.kind = kind;
    self->command.render = render;
    return self;
}

static void open_ticket(void *context, struct http_request *request)
{
    struct product_http *http = context;
    struct open_json open;

    if (!http_read_json(request, &open_desc, &open))
        return;
    const struct menu_item *item = menu_find(http->menu, open.product_name);
    if (!item) {
        menu_refuse(request, http->menu, open.product_name);
        return;
    }
    struct client_command *self = new_command(http, request, TICKET_OPEN, 201);
    if (!self)
        return;
    self->command.intent.product_name = item->name;
    self->command.intent.qty = open.qty;
    self->command.intent.reference = open.order_id;
    self->command.intent.correlation = request->correlation_id;
    self->command.intent.traceparent = request->traceparent;
    open.product_name = item->name; /* by whichever of its names it was asked for */
    if (client_read_key(request, &(struct client_body){&open_desc, &open, 1}, &self->command.client)) {
        int64_t number;
        self->command.base.cell = service_cell_for(http->base.service, self->command.client.key, &number);
        service_submit(http->base.service, request, &self->command.base);
    }
}

static void submit_for_ticket(struct product_http *http, struct http_request *request, enum ticket_command_kind kind,
                              int64_t id)
{
    struct client_command *self = new_command(http, request, kind, 200);

    if (!self)
        return;
    self->command.ticket_id = id;
    self->command.base.cell = service_cell_of_id(http->base.service, id);
    service_submit(http->base.service, request, &self->command.base);
}

static void cancel_ticket(void *context, struct http_request *request)
{
    struct str status;
    int64_t id;

    if (!status_change_read(request, &id, &status))
        return;
    if (str_is(status, "Canceled"))
        submit_for_ticket(context, request, TICKET_CANCEL, id);
    else
        http_problem(request, 422, "status", "status can only be put to \"Canceled\"");
}

static void change_ticket(void *context, struct http_request *request)
{
    struct product_http *http = context;
    struct str status;
    int64_t id;

    if (!status_change_read(request, &id, &status))
        return;
    bool start = str_is(status, "Producing");
    if (!start && !str_is(status, "Completed"))
        http_problem(request, 422, "status", "status can only be set to \"Producing\" or \"Completed\"");
    else if (!http->manual)
        http_problem(request, 409, "status", "the kitchen works by itself (product.mode = auto)");
    else
        submit_for_ticket(http, request, start ? TICKET_START : TICKET_FINISH, id);
}

static void cancel_by_order(void *context, struct http_request *request)
{
    struct product_http *http = context;
    int64_t order_id;

    if (!http_query_id(request, "orderId", "an order's number", &order_id)) {
        http_reply(request);
        return;
    }
    struct client_command *self = new_command(http, request, TICKET_CANCEL_ORDER, 200);
    if (!self)
        return;
    self->command.intent.order_id = order_id;
    self->command.base.cell = service_cell_of_id(http->base.service, order_id);
    service_submit(http->base.service, request, &self->command.base);
}
