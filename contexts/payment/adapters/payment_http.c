#include "payment_http.h"

#include "client_answer.h"
#include "errors.h"
#include "hal.h"
#include "http_body.h"
#include "json.h"
#include "list_http.h"
#include "money.h"
#include "payment_app.h"
#include "payment_hal.h"
#include "payment_queries_sql.h"

#include "clock.h"

static http_handler authorize, list_payments, show_payment, find_by_order;

const struct route payment_routes[] = {
    {HTTP_POST, "/payments/authorize", authorize, .inner = true,
     .doc = "Authorise what an order is about to cost; order's, many at once."},
    {HTTP_GET, "/payments", list_payments, .doc = "All payments, paged."},
    {HTTP_GET, "/payments/{id}", show_payment, .doc = "One payment, or 404."},
    {HTTP_GET, "/payments/search/findByOrderId", find_by_order, .doc = "The payment of an order."},
    {HTTP_GET, "/payments/summary", payment_http_summary, .doc = "Counts and sums by day and status."},
    {HTTP_POST, "/payments/webhook", payment_webhook, .doc = "What the provider says later than it was asked; signed."},
    {HTTP_PUT, "/payments/{id}", payment_refund, .doc = "Give it back, once, when its order is over."},
    {.path = NULL},
};

enum { WAITED_MOST_MS = 600000 };

/* ---- what is sent ---- */

struct authorize_json {
    struct str key, currency, method;
    int64_t amount, body;
    bool only_if_known;
};
static const struct json_field authorize_fields[] = {
    JSON_FIELD(struct authorize_json, "key", key, JSON_STRING, JSON_REQUIRED, 1, 320),
    JSON_FIELD(struct authorize_json, "amount", amount, JSON_I64, JSON_REQUIRED, 0, MONEY_MOST),
    JSON_FIELD(struct authorize_json, "currency", currency, JSON_STRING, JSON_REQUIRED, 3, 3),
    JSON_FIELD(struct authorize_json, "method", method, JSON_STRING, JSON_REQUIRED, 1, 32),
    JSON_FIELD(struct authorize_json, "body", body, JSON_I64, JSON_NULLABLE, INT64_MIN, INT64_MAX),
    JSON_FIELD(struct authorize_json, "onlyIfKnown", only_if_known, JSON_BOOL, JSON_NULLABLE, 0, 0),
};
static const struct json_desc authorize_desc = {"authorization", authorize_fields, COUNT_OF(authorize_fields),
                                                sizeof(struct authorize_json)};

/* ---- what is answered ---- */

struct authorized_json {
    int64_t id, valid_ms, amount;
    struct str status, reason, currency;
};
static const struct json_field authorized_fields[] = {
    JSON_FIELD(struct authorized_json, "id", id, JSON_I64, JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct authorized_json, "status", status, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct authorized_json, "reason", reason, JSON_STRING, JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct authorized_json, "validMs", valid_ms, JSON_I64, JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct authorized_json, "amount", amount, JSON_I64, JSON_OPTIONAL | JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct authorized_json, "currency", currency, JSON_STRING, JSON_SKIP_EMPTY, 0, 0),
};
static const struct json_desc authorized_desc = {"authorization", authorized_fields, COUNT_OF(authorized_fields),
                                                 sizeof(struct authorized_json)};

/* A client's command: it lives in its request's arena and ends with it. */
struct client_command {
    struct payment_command command;
    struct http_request *request;
};

static struct http_request *request_of(struct payment_command *command)
{
    return CONTAINER_OF(command, struct client_command, command)->request;
}

/* The same purchase may cost something else by now: what was promised is what it cost when it was first asked for. */
static void say_price(struct authorized_json *json, const struct payment *payment, const struct payment_intent *asked)
{
    if (payment->amount == asked->amount && str_eq(payment->currency, asked->currency))
        return;
    json->amount = payment->amount;
    json->currency = payment->currency;
}

/* While it was waited for it may have been given up, or its order may have come: then asking again tells. */
static struct authorized_json authorized_of(const struct payment_step *step)
{
    struct authorized_json json = {.id = step->payment_id, .status = STR("Pending"), .amount = JSON_ABSENT};

    if (!step->payment_id) {
        json.status = STR("NotKnown");
    } else if (step->key_of_another) {
        json.status = STR("KeyReused");
    } else if (step->payment.state == PAYMENT_AUTHORIZED) {
        say_price(&json, &step->payment, &step->intent);
        json.status = payment_status_text(&step->payment);
        json.valid_ms = step->valid_us > 0 ? step->valid_us / US_PER_MS : 0;
    } else if (step->payment.state == PAYMENT_DECLINED) {
        json.status = payment_status_text(&step->payment);
        json.reason = step->payment.reason;
    }
    return json;
}

static void render_authorized(struct payment_command *command)
{
    struct http_request *request = request_of(command);
    struct buf *reply = &request->reply;

    buf_clear(reply);
    request->status = 200;
    request->content_type = "application/json";
    buf_char(reply, '[');
    for (size_t i = 0; i < command->n; i++) {
        struct authorized_json json = authorized_of(&command->steps[i]);
        if (i)
            buf_char(reply, ',');
        json_encode(reply, &authorized_desc, &json);
    }
    buf_char(reply, ']');
}

/* After the commit, or once it is sure that there is none. */
static void finish(struct command *base, int rc)
{
    struct payment_command *command = CONTAINER_OF(base, struct payment_command, base);

    client_answer_send(request_of(command), rc, &(struct client_request){0}, NULL);
}

/* NULL: answered. */
static struct client_command *new_command(struct http_request *request, size_t n,
                                          void (*render)(struct payment_command *))
{
    struct client_command *self = client_command_new(request, sizeof(*self));
    struct payment_step *steps = self ? client_command_new(request, (n + 1) * sizeof(*steps)) : NULL;

    if (!steps)
        return NULL;
    *self = (struct client_command){
        .command = {.base = {.origin = FROM_CLIENT, .finish = finish},
                    .steps = steps,
                    .n = n,
                    .correlation = request->correlation_id,
                    .traceparent = request->traceparent,
                    .render = render},
        .request = request,
    };
    return self;
}

static void refuse_currency(struct http_request *request, size_t at)
{
    struct buf member = {0};

    buf_printf(&member, "[%zu].currency", at);
    buf_char(&member, '\0');
    const char *name = member.failed ? "currency" : member.p;
    http_problem(request, 422, name, "%s must be three capital letters, as in ISO 4217", name);
    buf_free(&member);
}

/* Nothing is begun that couldn't be asked: order hears at once that it has to wait. What was begun before is asked
 * again by itself, and shows whether the provider is well. */
static bool is_provider_asked(const struct payment_http *http, struct http_request *request)
{
    if (!http->provider || !guarded_caller_refuses(http->provider))
        return true;
    client_answer_unasked(request, "payment-busy", guarded_caller_retry_after_s(http->provider),
                          "the payment provider isn't asked at the moment; nothing was done");
    return false;
}

/* What is left of the customers' time is less by that. false: answered. */
static bool read_waited(struct http_request *request, int64_t *waited_us)
{
    struct str text;
    uint64_t ms = 0;
    bool given;

    if (http_query_once(request, "waitedMs", &text, &given)) {
        *waited_us = 0;
        if (!given)
            return true;
        if (str_to_u64(text, &ms) && ms <= WAITED_MOST_MS) {
            *waited_us = (int64_t)ms * US_PER_MS;
            return true;
        }
        http_fill_problem(request, 400, "waitedMs", "waitedMs must be a whole number of milliseconds, at most %d",
                          WAITED_MOST_MS);
    }
    http_reply(request);
    return false;
}

static void authorize(void *context, struct http_request *request)
{
    const struct payment_http *http = context;
    struct json_array items;
    struct json_error error;
    int64_t waited_us;

    if (!is_provider_asked(http, request) || !read_waited(request, &waited_us))
        return;
    if (!json_decode_array(&authorize_desc, request->body, PAYMENT_ARRAY_MAX, &items, &request->arena, &error)) {
        http_json_problem(request, &error);
        return;
    }
    struct client_command *self = new_command(request, items.n, render_authorized);
    if (!self)
        return;
    self->command.memory = &request->arena;
    self->command.waited_us = waited_us;
    for (size_t i = 0; i < items.n; i++) {
        const struct authorize_json *item = (const struct authorize_json *)items.items + i;
        if (!money_is_currency(item->currency)) {
            refuse_currency(request, i);
            return;
        }
        self->command.steps[i].only_if_known = item->only_if_known;
        self->command.steps[i].intent = (struct payment_intent){.kind = PAYMENT_AUTHORIZE,
                                                                .key = item->key,
                                                                .amount = item->amount,
                                                                .body = item->body,
                                                                .currency = item->currency,
                                                                .method = item->method};
    }
    service_submit(http->base.service, request, &self->command.base);
}

/* ---- queries ---- */

static void read_payment(void *context, struct http_request *request, struct sql *sql)
{
    struct payment payment;
    int64_t id;

    UNUSED(context);
    if (hal_read_id(request, 0, &id)) {
        int rc = payment_find(sql, id, &payment, &request->arena);
        if (rc) {
            http_fill_failure(request, rc);
        } else if (payment.state == PAYMENT_NONE) {
            http_fill_problem(request, 404, NULL, "there is no payment %lld", (long long)id);
        } else {
            payment_hal_fill(request, &payment);
        }
    }
    http_reply(request);
}

static void show_payment(void *context, struct http_request *request)
{
    struct payment_http *http = context;

    reader_serve_row(http->reader, request, read_payment, http);
}

static void add_to_list(void *context, const struct payment *payment)
{
    payment_hal_item(context, payment);
}

static void read_by_order(void *context, struct http_request *request, struct sql *sql)
{
    int64_t order_id;

    UNUSED(context);
    if (http_query_id(request, "orderId", "an order's number", &order_id)) {
        hal_page_begin(request, &payment_hal_type);
        int rc = payment_find_by_order(sql, order_id, add_to_list, request);
        if (rc)
            http_fill_failure(request, rc);
        else
            hal_list_end(request, &payment_hal_type);
    }
    http_reply(request);
}

static void find_by_order(void *context, struct http_request *request)
{
    struct payment_http *http = context;

    reader_serve_row(http->reader, request, read_by_order, http);
}

static int fetch(struct list_job *job, struct sql *sql, int64_t *total)
{
    return payment_list(sql, &job->page, add_to_list, job->request, total);
}

static void list_payments(void *context, struct http_request *request)
{
    static const struct list_source payments = {&payment_hal_type, payment_sortable, 1, fetch};
    struct payment_http *http = context;

    list_serve(http->reader, request, &payments, http);
}
