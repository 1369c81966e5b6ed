/* payment_refund.c: PUT /payments/{id}: an operator gives back what was taken, once.
 *
 * Whether the order is over only order knows. It is asked first: being over is for good, so that the answer is as true
 * when it is decided by. */
#include "client_answer.h"
#include "errors.h"
#include "http_body.h"
#include "log.h"
#include "payment_command.h"
#include "payment_hal.h"
#include "payment_http.h"
#include "payment_queries_sql.h"
#include "peer_problem.h"

struct refund_json {
    struct str status, reason, currency;
    int64_t amount; /* JSON_ABSENT: not given */
};

struct refund {
    struct payment_command command;
    struct payment_step step;
    struct guarded_call call;
    const struct payment_http *http;
    struct http_request *request;
    struct refund_json json;
    int rc; /* of reading the payment */
    struct loop_job go_on;
};

static const struct json_field refund_fields[] = {
    JSON_FIELD(struct refund_json, "status", status, JSON_STRING, JSON_REQUIRED, 1, 32),
    JSON_FIELD(struct refund_json, "reason", reason, JSON_STRING, JSON_NULLABLE, 0, 200),
    JSON_FIELD(struct refund_json, "amount", amount, JSON_I64, JSON_OPTIONAL, 0, INT64_MAX),
    JSON_FIELD(struct refund_json, "currency", currency, JSON_STRING, JSON_NULLABLE, 0, 8),
};
static const struct json_desc refund_desc = {"refund", refund_fields, COUNT_OF(refund_fields),
                                             sizeof(struct refund_json)};

struct order_json {
    int64_t id;
    struct str status;
};
static const struct json_field order_fields[] = {
    JSON_FIELD(struct order_json, "id", id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
    JSON_FIELD(struct order_json, "status", status, JSON_STRING, JSON_REQUIRED, 1, 32),
};
static const struct json_desc order_desc = {"order", order_fields, COUNT_OF(order_fields), sizeof(struct order_json)};

/* A problem of order's, beside what all problems have (peer_problem.h). */
struct no_order_json {
    int64_t order_id;
};
static const struct json_field no_order_fields[] = {
    JSON_FIELD(struct no_order_json, "orderId", order_id, JSON_I64, JSON_REQUIRED, 1, INT64_MAX),
};
static const struct json_desc no_order_desc = {"problem", no_order_fields, COUNT_OF(no_order_fields),
                                               sizeof(struct no_order_json)};

/* ---- what is answered ---- */

static void render(struct payment_command *command)
{
    struct http_request *request = CONTAINER_OF(command, struct refund, command)->request;
    const struct payment_step *step = command->steps;

    if (step->verdict == PAYMENT_REFUSED && step->refusal == PAYMENT_REFUSAL_NO_SUCH_PAYMENT)
        http_fill_problem(request, 404, NULL, "there is no payment %lld", (long long)step->payment_id);
    else if (step->verdict == PAYMENT_REFUSED)
        http_fill_problem(request, 409, "status", "%s", payment_refusal_text(step->refusal));
    else if (step->verdict == PAYMENT_BROKEN)
        http_fill_problem(request, 500, NULL, "what is stored contradicts itself; nothing was changed");
    else
        payment_hal_fill(request, &step->payment);
}

static void finish(struct command *base, int rc)
{
    struct payment_command *command = CONTAINER_OF(base, struct payment_command, base);

    client_answer_send(CONTAINER_OF(command, struct refund, command)->request, rc, &(struct client_request){0}, NULL);
}

/* ---- whether the order is over ---- */

/* Any service of the shop has a 404 for a path that it doesn't know; order names the order that isn't there. */
static bool has_no_such_order(struct refund *self)
{
    const struct http_call *http = &self->call.http;
    struct peer_problem problem;
    struct json_error error;
    struct no_order_json none;

    return http->status == 404 && peer_problem_read(http, &problem) &&
           json_decode(&no_order_desc, buf_str(&http->reply), &none, &self->request->arena, &error) &&
           none.order_id == self->step.payment.order_id;
}

/* false: what answered isn't order, or not to what was asked. */
static bool read_order(struct refund *self, bool *is_over)
{
    const struct http_call *http = &self->call.http;
    struct json_error error;
    struct order_json order;

    *is_over = true;
    if (has_no_such_order(self))
        return true; /* there is none that anything could be made for */
    if (http->status != 200 || http->media != HTTP_MEDIA_JSON ||
        !json_decode(&order_desc, buf_str(&http->reply), &order, &self->request->arena, &error) ||
        order.id != self->step.payment.order_id)
        return false;
    *is_over = str_is(order.status, "Completed") || str_is(order.status, "Canceled");
    return true;
}

static void on_answer(struct guarded_call *call, int error)
{
    struct refund *self = CONTAINER_OF(call, struct refund, call);
    bool known = !error && read_order(self, &self->step.intent.order_is_over);

    if (!error && !known)
        log_error("what answered isn't order", LOG_I("status", call->http.status),
                  LOG_I("order", self->step.payment.order_id));
    if (known)
        service_submit(self->http->base.service, self->request, &self->command.base);
    else
        client_answer_unasked(self->request, NULL, guarded_caller_retry_after_s(self->http->order),
                              "order can't be asked at the moment whether it is over; nothing was given back");
}

static void ask_order(struct refund *self)
{
    struct buf url = {0};

    buf_printf(&url, "%s/orders/%lld", self->http->order_url, (long long)self->step.payment.order_id);
    buf_char(&url, '\0');
    struct str kept = url.failed ? (struct str){NULL, 0} : arena_copy(&self->request->arena, buf_str(&url));
    buf_free(&url);
    if (!kept.p) {
        http_fill_failure(self->request, E_MEMORY);
        http_reply(self->request);
        return;
    }
    self->call = (struct guarded_call){.http = {.method = "GET",
                                                .url = kept.p,
                                                .correlation_id = self->request->correlation_id,
                                                .traceparent = self->request->traceparent},
                                       .done = on_answer};
    guarded_call(self->http->order, &self->call);
}

/* ---- what is asked ---- */

/* false: answered. */
static bool read_refund(struct http_request *request, int64_t *id, struct refund_json *json)
{
    if (!hal_read_id(request, 0, id)) {
        http_reply(request);
        return false;
    }
    if (!http_read_json(request, &refund_desc, json))
        return false;
    if (str_is(json->status, "Refunded"))
        return true;
    http_problem(request, 422, "status", "status can only be set to \"Refunded\"");
    return false;
}

static void ask_or_decide(struct refund *self)
{
    if (self->step.payment.state == PAYMENT_CAPTURED)
        ask_order(self);
    else
        service_submit(self->http->base.service, self->request, &self->command.base); /* the table says why not */
}

/* There is no giving back of a part; who means one must not give back all. */
static bool means_all_of_it(struct http_request *request, const struct refund_json *json, const struct payment *payment)
{
    const char *member = NULL;

    if (json->amount != JSON_ABSENT && json->amount != payment->amount)
        member = "amount";
    else if (json->currency.n && !str_eq(json->currency, payment->currency))
        member = "currency";
    if (!member)
        return true;
    http_problem(request, 409, member, "a payment is given back as a whole, this one is %lld %.*s; nothing was changed",
                 (long long)payment->amount, STR_ARG(payment->currency));
    return false;
}

/* Back on the loop: who asks order, and who submits, is there. */
static void go_on(struct loop_job *job)
{
    struct refund *self = CONTAINER_OF(job, struct refund, go_on);

    if (self->rc) {
        http_fill_failure(self->request, self->rc);
        http_reply(self->request);
    } else if (self->step.payment.state == PAYMENT_NONE ||
               means_all_of_it(self->request, &self->json, &self->step.payment)) {
        ask_or_decide(self);
    }
}

static void read_payment(void *context, struct http_request *request, struct sql *sql)
{
    struct refund *self = context;

    self->rc = payment_find(sql, self->step.payment_id, &self->step.payment, &request->arena);
    loop_post(service_loop(self->http->base.service), &self->go_on);
}

void payment_refund(void *context, struct http_request *request)
{
    const struct payment_http *http = context;
    struct refund_json json;
    int64_t id;

    if (!read_refund(request, &id, &json))
        return;
    struct refund *self = client_command_new(request, sizeof(*self));
    if (!self)
        return;
    *self = (struct refund){.step = {.intent = {.kind = PAYMENT_REFUND, .reason = json.reason}, .payment_id = id},
                            .http = http,
                            .request = request,
                            .json = json,
                            .go_on = {.run = go_on}};
    self->command = (struct payment_command){.base = {.origin = FROM_CLIENT, .finish = finish},
                                             .steps = &self->step,
                                             .n = 1,
                                             .correlation = request->correlation_id,
                                             .traceparent = request->traceparent,
                                             .render = render};
    self->command.base.cell = service_cell_of_id(http->base.service, id);
    reader_serve_row(http->reader, request, read_payment, self);
}
