/* payment_webhook.c: what an external provider says by itself, later than it was asked. Everybody may call here, so
 * that nothing is looked at but what is signed, now, with the secret that only the provider has besides us.
 *
 * What is said twice, or again later, changes nothing: a payment goes each step once, and never back
 * (payment_states.def). */
#include "payment_http.h"

#include "client_answer.h"
#include "clock.h"
#include "errors.h"
#include "http_body.h"
#include "log.h"
#include "metrics.h"
#include "payment_command.h"
#include "payment_queries_sql.h"
#include "provider_contradiction.h"
#include "provider_messages.h"
#include "provider_name.h"
#include "signature.h"

static struct metric refused = METRIC_COUNTER_INIT("coffeeshop_webhooks_refused_total",
                                                   "What came by the webhook unsigned, wrongly signed or too late.");
static struct log_seldom refusals; /* the loop's */

struct told {
    struct payment_command command;
    struct payment_step step;
    struct http_request *request;
    const struct payment_http *http;
    struct provider_outcome outcome;
    struct payment payment; /* as it is stored when that is said */
    int rc;                 /* of reading it */
    struct loop_job go_on;
};

struct answer_json {
    struct str name, status;
};
static const struct json_field answer_fields[] = {
    JSON_FIELD(struct answer_json, "paymentId", name, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct answer_json, "status", status, JSON_STRING, 0, 0, 0),
};
static const struct json_desc answer_desc = {"payment", answer_fields, COUNT_OF(answer_fields),
                                             sizeof(struct answer_json)};

static void fill_answer(struct http_request *request, const struct payment *payment)
{
    struct provider_name name = provider_name_of(payment->id, payment->key);
    struct answer_json json = {provider_name_text(&name), payment_status_text(payment)};

    buf_clear(&request->reply);
    request->status = 200;
    request->content_type = "application/json";
    json_encode(&request->reply, &answer_desc, &json);
}

static void render(struct payment_command *command)
{
    struct told *told = CONTAINER_OF(command, struct told, command);

    if (told->step.verdict == PAYMENT_DECIDED || told->step.verdict == PAYMENT_REPEAT)
        fill_answer(told->request, &told->step.payment);
    else
        http_fill_problem(told->request, 409, "outcome",
                          "outcome contradicts what is known of the payment; nothing was changed");
}

static void finish(struct command *base, int rc)
{
    struct payment_command *command = CONTAINER_OF(base, struct payment_command, base);

    if (!rc)
        provider_contradiction_look(command->steps);
    client_answer_send(CONTAINER_OF(command, struct told, command)->request, rc, &(struct client_request){0}, NULL);
}

/* false: answered. */
static bool is_signed(const struct payment_http *http, struct http_request *request)
{
    enum signature_verdict verdict =
        signature_check(http->provider_key, request->signature, request->body, clock_wall() / US_PER_S,
                        http->webhook_tolerance_ms * US_PER_MS / US_PER_S);
    int64_t n;

    if (verdict == SIGNATURE_GOOD)
        return true;
    metric_add(&refused, 1);
    if (log_seldom(&refusals, &n))
        log_warning("a webhook's signature isn't believed", LOG_T("signature", signature_verdict_text(verdict)),
                    LOG_I("refused", n), LOG_T("more", "coffeeshop_webhooks_refused_total"));
    http_add_header(request, "WWW-Authenticate", STR("Coffeeshop-Signature"));
    http_problem(request, 401, "Coffeeshop-Signature", "Coffeeshop-Signature %s", signature_verdict_text(verdict));
    return false;
}

/* A name that begins with a number of ours and goes on otherwise is another purchase's, of before a restore.
 * PAYMENT_NONE: nobody's. */
static int find_named(struct sql *sql, struct told *told)
{
    int64_t number = provider_name_number(told->outcome.name);
    struct payment *payment = &told->payment;

    int rc = number ? payment_find(sql, number, payment, &told->request->arena) : OK;
    if (rc || payment->state == PAYMENT_NONE)
        return rc;
    struct provider_name known = provider_name_of(payment->id, payment->key);
    if (!str_eq(told->outcome.name, provider_name_text(&known)))
        payment->state = PAYMENT_NONE;
    return OK;
}

/* What never changes of a payment is compared here. false: answered. */
static bool is_of_a_payment(const struct told *told)
{
    const struct provider_outcome *outcome = &told->outcome;
    const struct payment *payment = &told->payment;
    const char *other = payment->amount != outcome->amount              ? "amount"
                        : !str_eq(payment->currency, outcome->currency) ? "currency"
                                                                        : NULL;

    if (told->rc) {
        http_fill_failure(told->request, told->rc);
    } else if (payment->state == PAYMENT_NONE) {
        http_fill_problem(told->request, 404, "paymentId", "there is no payment %.*s", STR_ARG(outcome->name));
    } else if (other) {
        provider_contradiction_note(payment->id, other);
        http_fill_problem(told->request, 409, other, "%s is not the payment's", other);
    } else {
        return true;
    }
    http_reply(told->request);
    return false;
}

/* Back on the loop: who submits is there. */
static void go_on(struct loop_job *job)
{
    struct told *told = CONTAINER_OF(job, struct told, go_on);
    struct http_request *request = told->request;

    if (!is_of_a_payment(told))
        return;
    if (!provider_outcome_intent(&told->outcome, &told->step.intent)) {
        fill_answer(request, &told->payment); /* pending: that is known */
        http_reply(request);
        return;
    }
    told->step.payment_id = told->payment.id;
    told->command = (struct payment_command){.base = {.origin = FROM_CLIENT, .finish = finish},
                                             .steps = &told->step,
                                             .n = 1,
                                             .correlation = request->correlation_id,
                                             .traceparent = request->traceparent,
                                             .render = render};
    told->command.base.cell = service_cell_of_id(told->http->base.service, told->payment.id);
    service_submit(told->http->base.service, request, &told->command.base);
}

static void read_named(void *context, struct http_request *request, struct sql *sql)
{
    struct told *told = context;

    UNUSED(request);
    told->rc = find_named(sql, told);
    loop_post(service_loop(told->http->base.service), &told->go_on);
}

void payment_webhook(void *context, struct http_request *request)
{
    const struct payment_http *http = context;
    struct provider_outcome outcome;

    if (!http->provider_key) {
        http_problem(request, 404, NULL, "no provider says anything here; payment.provider isn't http");
        return;
    }
    if (!is_signed(http, request) || !http_read_json(request, &provider_outcome_desc, &outcome))
        return;
    if (!provider_outcome_is_known(&outcome)) {
        http_problem(request, 422, "outcome", "outcome is none of that operation");
        return;
    }
    struct told *told = client_command_new(request, sizeof(*told));
    if (!told)
        return;
    *told = (struct told){.request = request, .http = http, .outcome = outcome, .go_on = {.run = go_on}};
    reader_serve_row(http->reader, request, read_named, told);
}

void payment_webhook_init(void)
{
    metric_register(&refused);
}
