#include "order_http.h"

#include "client_answer.h"
#include "errors.h"
#include "hal.h"
#include "http_body.h"
#include "json.h"
#include "list_http.h"
#include "menu_http.h"
#include "menu_refusal.h"
#include "money.h"
#include "order_app.h"
#include "order_repo_sql.h"
#include "status_change.h"

static http_handler place_order, list_orders, show_order, change_order, show_menu;

const struct route order_routes[] = {
    {HTTP_POST, "/orders", place_order, .doc = "Place an order. 201 only after it is durable."},
    {HTTP_GET, "/orders", list_orders, .doc = "All orders, paged."},
    {HTTP_GET, "/orders/{id}", show_order, .doc = "One order, or 404."},
    {HTTP_PATCH, "/orders/{id}", change_order, .doc = "Cancel it, if production has not started."},
    {HTTP_GET, "/menu", show_menu, .doc = "What is sold, for when the view can't say; not what is sold out."},
    {.path = NULL},
};

enum { MAX_QTY = 1000 };
_Static_assert(MAX_QTY *(int64_t)MENU_MAX_PRICE <= MONEY_MOST, "payment takes whatever an order may cost");

/* ---- representation ---- */

struct order_json {
    int64_t id, product_id, qty, amount, payment_id, created_at, updated_at, canceled_at, refunded_at;
    struct str product_name, status, cancel_reason, currency, payment_status;
};

static const struct json_field order_fields[] = {
    JSON_FIELD(struct order_json, "id", id, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct order_json, "productId", product_id, JSON_I64, JSON_NULLABLE, 0, 0),
    JSON_FIELD(struct order_json, "productName", product_name, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct order_json, "qty", qty, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct order_json, "status", status, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct order_json, "cancelReason", cancel_reason, JSON_STRING, JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct order_json, "amount", amount, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct order_json, "currency", currency, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct order_json, "paymentId", payment_id, JSON_I64, JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct order_json, "paymentStatus", payment_status, JSON_STRING, JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct order_json, "createdAt", created_at, JSON_TIME, 0, 0, 0),
    JSON_FIELD(struct order_json, "updatedAt", updated_at, JSON_TIME, 0, 0, 0),
    JSON_FIELD(struct order_json, "canceledAt", canceled_at, JSON_TIME, JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct order_json, "refundedAt", refunded_at, JSON_TIME, JSON_SKIP_EMPTY, 0, 0),
};
static const struct json_desc order_desc = {"order", order_fields, COUNT_OF(order_fields), sizeof(struct order_json)};
static const struct hal_type order_type = {&order_desc, "orders", "order", offsetof(struct order_json, id)};

static struct order_json json_of(const struct order *order)
{
    return (struct order_json){
        .id = order->id,
        .product_id = order->product_id,
        .product_name = order->product_name,
        .qty = order->qty,
        .status = order_state_text(order->state),
        .cancel_reason = order_cancel_reason(order),
        .amount = order->amount,
        .currency = order->currency,
        .payment_id = order->payment_id,
        .payment_status = order_payment_text(order->payment),
        .created_at = order->created_at,
        .updated_at = order->updated_at,
        .canceled_at = order->canceled_at,
        .refunded_at = order->refunded_at,
    };
}

/* ---- commands ---- */

/* What a client sends to place an order. */
struct place_json {
    struct str product_name;
    int64_t qty;
    struct order_shown shown; /* JSON_ABSENT is below 0 */
    struct str payment_method;
};
static const struct json_field place_fields[] = {
    {.name = "productName",
     .alias = "item",
     .type = JSON_STRING,
     .flags = JSON_REQUIRED,
     .offset = offsetof(struct place_json, product_name),
     .min = 1,
     .max = MENU_GIVEN_MAX},
    JSON_FIELD(struct place_json, "qty", qty, JSON_I64, JSON_REQUIRED | JSON_NUMBER_TEXT, 1, MAX_QTY),
    JSON_FIELD(struct place_json, "amount", shown.amount, JSON_I64, JSON_OPTIONAL | JSON_NUMBER_TEXT, 0, INT64_MAX),
    /* Skipped when empty, so that a key that is kept with a body without them goes on knowing it. */
    JSON_FIELD(struct place_json, "price", shown.price, JSON_I64, JSON_OPTIONAL | JSON_NUMBER_TEXT | JSON_SKIP_EMPTY, 0,
               INT64_MAX),
    JSON_FIELD(struct place_json, "currency", shown.currency, JSON_STRING, JSON_NULLABLE | JSON_SKIP_EMPTY, 1, 32),
    JSON_FIELD(struct place_json, "paymentMethod", payment_method, JSON_STRING, JSON_NULLABLE | JSON_SKIP_EMPTY, 1,
               ORDER_PAYMENT_METHOD),
};
static const struct json_desc place_desc = {"order", place_fields, COUNT_OF(place_fields), sizeof(struct place_json)};

/* A client's command: it lives in its request's arena and ends with it. */
struct client_command {
    struct order_command command;
    struct http_request *request;
    const struct order_http *http;
    int success;    /* the status when it is done */
    int64_t number; /* that a new order is meant to get; 0: it isn't known */
    struct order_shown shown;
};

static struct http_request *request_of(struct order_command *command)
{
    return CONTAINER_OF(command, struct client_command, command)->request;
}

/* What it costs, for a customer who was shown something else. */
static void refuse_price(struct http_request *request, enum order_refusal refusal, const struct order_intent *intent)
{
    const char *why = order_refusal_text(refusal);
    struct buf json = {0};

    if (refusal == ORDER_REFUSAL_OTHER_CURRENCY)
        http_fill_problem(request, 409, "currency", "currency %s: that is %.*s", why, STR_ARG(intent->currency));
    else if (refusal == ORDER_REFUSAL_OTHER_PRICE)
        http_fill_problem(request, 409, "price", "price %s: that is %lld %.*s", why, (long long)intent->price,
                          STR_ARG(intent->currency));
    else
        http_fill_problem(request, 409, "amount", "amount %s: that is %lld %.*s", why, (long long)intent->amount,
                          STR_ARG(intent->currency));
    buf_i64(&json, intent->price);
    http_extend_problem(request, "price", buf_str(&json));
    buf_clear(&json);
    buf_i64(&json, intent->amount);
    http_extend_problem(request, "amount", buf_str(&json));
    buf_clear(&json);
    buf_json_string(&json, intent->currency);
    http_extend_problem(request, "currency", buf_str(&json));
    buf_free(&json);
}

static void refuse_unpaid(struct http_request *request, const struct order_command *command)
{
    struct buf json = {0};

    http_fill_problem(request, 402, "paymentMethod", "%s: %s", order_refusal_text(ORDER_REFUSAL_DECLINED),
                      command->decline_reason);
    buf_json_string(&json, str_of(command->decline_reason));
    http_extend_problem(request, "reason", buf_str(&json));
    buf_free(&json);
}

/* Payment believes it by the number (payment_refund.c): any service says 404. */
static void fill_no_such_order(struct http_request *request, int64_t id)
{
    struct buf json = {0};

    http_fill_problem(request, 404, NULL, "there is no order %lld", (long long)id);
    buf_i64(&json, id);
    http_extend_problem(request, "orderId", buf_str(&json));
    buf_free(&json);
}

static void render(struct order_command *command)
{
    struct http_request *request = request_of(command);

    if (command->verdict == ORDER_REFUSED && command->refusal == ORDER_REFUSAL_NO_SUCH_ORDER) {
        fill_no_such_order(request, command->order_id);
    } else if (command->verdict == ORDER_REFUSED && order_refusal_is_of_price(command->refusal)) {
        refuse_price(request, command->refusal, &command->intent);
    } else if (command->verdict == ORDER_REFUSED && command->refusal == ORDER_REFUSAL_DECLINED) {
        refuse_unpaid(request, command);
    } else if (command->verdict == ORDER_REFUSED) {
        http_fill_problem(request, 409, "status", "%s", order_refusal_text(command->refusal));
    } else if (command->verdict == ORDER_BROKEN) {
        http_fill_problem(request, 500, NULL,
                          "what product says contradicts what is known of the order; nothing was changed");
    } else {
        struct order_json json = json_of(&command->order);
        hal_fill_entity(request, CONTAINER_OF(command, struct client_command, command)->success, &order_type, &json);
    }
    command->client.answer = client_answer_of(request);
}

/* Product was asked to cancel, and what came of it isn't known, or is known and could not be noted. */
static bool is_unknown(const struct order_command *command, int rc)
{
    if (command->intent.kind != ORDER_CANCEL)
        return false;
    if (command->unanswered)
        return command->unanswered == E_OUTCOME_UNKNOWN;
    return rc && command->base.origin == FROM_EFFECT;
}

/* Payment may have promised, and that is all: an order is there only after its own commit. A promise without one is
 * given up (ADR 43). */
static void answer_payment_unknown(struct http_request *request)
{
    http_fill_unknown(request, request->idempotency_key.n
                                   ? "it is not known whether it was paid, and nothing was ordered; the same "
                                     "Idempotency-Key tries again without paying twice"
                                   : "it is not known whether it was paid, and nothing was ordered; what may have been "
                                     "promised goes back by itself");
    http_extend_problem(request, "ordered", STR("false"));
    http_reply(request);
}

static void answer_payment_busy(struct http_request *request, const struct order_http *http)
{
    client_answer_unasked(request, "payment-busy", guarded_caller_retry_after_s(http->payment),
                          "payment can't be asked at the moment; nothing was ordered and nothing is paid");
}

/* Product or payment was asked in vain, and that is all that is known. */
static void answer_unanswered(const struct client_command *self)
{
    const struct order_http *http = self->http;
    bool is_cancel = self->command.intent.kind == ORDER_CANCEL;

    if (!is_cancel && self->command.unanswered == E_OUTCOME_UNKNOWN)
        answer_payment_unknown(self->request);
    else if (!is_cancel)
        answer_payment_busy(self->request, http);
    else
        client_answer_unasked(self->request, NULL, guarded_caller_retry_after_s(http->product),
                              "product can't be asked at the moment; the order is unchanged");
}

/* After the commit, or once it is sure that there is none. */
static void finish(struct command *base, int rc)
{
    struct client_command *self = CONTAINER_OF(base, struct client_command, command.base);
    const struct order_command *command = &self->command;

    if (!command->order.id)
        service_number_unused(self->http->base.service, self->number);
    if (is_unknown(command, rc))
        client_answer_unknown(self->request, "product was asked to cancel, and it is not known whether it did; look at "
                                             "the order, or cancel it again");
    else if (command->unanswered)
        answer_unanswered(self);
    else
        client_answer_send(self->request, rc, &command->client, NULL);
}

static struct client_command *new_command(const struct order_http *http, struct http_request *request,
                                          enum order_command_kind kind, int success)
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
    self->command.correlation = request->correlation_id;
    self->command.traceparent = request->traceparent;
    self->command.render = render;
    return self;
}

static bool is_payment_method(struct str methods, struct str method)
{
    while (methods.n) {
        struct str word = str_split(methods, ' ', &methods);
        if (word.n && str_eq(word, method))
            return true;
    }
    return false;
}

/* What it costs and how it is paid. false: answered. */
static bool read_price(const struct order_http *http, struct http_request *request, const struct menu_item *item,
                       const struct place_json *place, struct order_command *command)
{
    struct str others;

    command->payment_method =
        place->payment_method.n ? place->payment_method : str_split(http->payment_methods, ' ', &others);
    if (http->payment && !is_payment_method(http->payment_methods, command->payment_method)) {
        http_problem(request, 422, "paymentMethod", "paymentMethod must be one of: %.*s",
                     STR_ARG(http->payment_methods));
        return false;
    }
    command->intent.amount = item->price * place->qty;
    command->intent.price = item->price;
    command->intent.currency = http->menu->currency;
    return true;
}

/* Without a key it goes to payment from here, if the store could take what comes of it: nobody's money is promised for
 * an order that can't be noted. What is wrong with it the writer says. */
static bool is_asked_for(const struct order_http *http, struct order_command *command)
{
    return http->payment && service_takes_changes(http->base.service) && order_app_buy(http->app, command);
}

static void place_order(void *context, struct http_request *request)
{
    struct order_http *http = context;
    struct place_json place;

    if (!http_read_json(request, &place_desc, &place))
        return;
    const struct menu_item *item = menu_find(http->menu, place.product_name);
    if (!item) {
        menu_refuse(request, http->menu, place.product_name);
        return;
    }
    struct client_command *self = new_command(http, request, http->payment ? ORDER_BUY : ORDER_PLACE, 201);
    if (!self)
        return;
    self->command.intent.product_name = item->name;
    self->command.intent.qty = place.qty;
    if (!read_price(http, request, item, &place, &self->command))
        return;
    self->shown = place.shown;
    self->command.intent.shown = &self->shown;
    place.product_name = item->name; /* by whichever of its names it was asked for */
    if (!client_read_key(request, &(struct client_body){&place_desc, &place, 1}, &self->command.client))
        return;
    self->command.base.cell = service_cell_for(http->base.service, self->command.client.key, &self->number);
    self->command.intent.may_be_known = self->command.client.key.n > 0;
    /* Only a key may already have its answer. */
    if (http->payment && !self->command.client.key.n && guarded_caller_refuses(http->payment))
        answer_payment_busy(request, http);
    else if (!is_asked_for(http, &self->command))
        service_submit(http->base.service, request, &self->command.base);
}

static void change_order(void *context, struct http_request *request)
{
    struct order_http *http = context;
    struct str status;
    int64_t id;

    if (!status_change_read(request, &id, &status))
        return;
    if (!str_is(status, "Canceled")) {
        http_problem(request, 422, "status", "status can only be set to \"Canceled\"");
        return;
    }
    struct client_command *self = new_command(http, request, ORDER_CANCEL, 200);
    if (!self)
        return;
    self->command.order_id = id;
    self->command.base.cell = service_cell_of_id(http->base.service, id);
    service_submit(http->base.service, request, &self->command.base);
}

/* ---- queries ---- */

static void read_order(void *context, struct http_request *request, struct sql *sql)
{
    struct order order;
    int64_t id;

    UNUSED(context);
    if (hal_read_id(request, 0, &id)) {
        int rc = order_find(sql, id, &order, &request->arena);
        if (rc) {
            http_fill_failure(request, rc);
        } else if (order.state == ORDER_NONE) {
            fill_no_such_order(request, id);
        } else {
            struct order_json json = json_of(&order);
            hal_fill_entity(request, 200, &order_type, &json);
        }
    }
    http_reply(request);
}

static void show_order(void *context, struct http_request *request)
{
    struct order_http *http = context;

    reader_serve_row(http->reader, request, read_order, http);
}

static void add_to_list(void *context, const struct order *order)
{
    struct order_json json = json_of(order);

    hal_page_item(context, &order_type, &json);
}

static int fetch(struct list_job *job, struct sql *sql, int64_t *total)
{
    return order_list(sql, &job->page, add_to_list, job->request, total);
}

static void list_orders(void *context, struct http_request *request)
{
    static const struct list_source orders = {&order_type, order_sortable, 1, fetch};
    struct order_http *http = context;

    list_serve(http->reader, request, &orders, http);
}

static void show_menu(void *context, struct http_request *request)
{
    struct order_http *http = context;

    menu_fill(request, http->menu, NULL);
    http_reply(request);
}
