/* payment_authorize.c: POST /payments/authorize: order's question, many at once. Each is asked of its order's cell. */
#include "client_answer.h"
#include "clock.h"
#include "errors.h"
#include "http_body.h"
#include "json.h"
#include "money.h"
#include "payment_authorized.h"
#include "payment_http.h"
#include "payment_parts.h"

#include <stdio.h>

enum { WAITED_MOST_MS = 600000 };

/* ---- what is sent ---- */

struct authorize_json {
    struct str key, currency, method;
    int64_t amount, body, cell;
    bool only_if_known;
};
static const struct json_field authorize_fields[] = {
    JSON_FIELD(struct authorize_json, "key", key, JSON_STRING, JSON_REQUIRED, 1, 320),
    JSON_FIELD(struct authorize_json, "amount", amount, JSON_I64, JSON_REQUIRED, 0, MONEY_MOST),
    JSON_FIELD(struct authorize_json, "currency", currency, JSON_STRING, JSON_REQUIRED, 3, 3),
    JSON_FIELD(struct authorize_json, "method", method, JSON_STRING, JSON_REQUIRED, 1, 32),
    JSON_FIELD(struct authorize_json, "body", body, JSON_I64, JSON_NULLABLE, INT64_MIN, INT64_MAX),
    JSON_FIELD(struct authorize_json, "cell", cell, JSON_I64, JSON_OPTIONAL, 0, CELLS_MOST - 1),
    JSON_FIELD(struct authorize_json, "onlyIfKnown", only_if_known, JSON_BOOL, JSON_NULLABLE, 0, 0),
};
static const struct json_desc authorize_desc = {"authorization", authorize_fields, COUNT_OF(authorize_fields),
                                                sizeof(struct authorize_json)};

/* ---- what is answered ---- */

/* A client's command: it lives in its request's arena and ends with it. */
struct client_command {
    struct payment_command command;
    struct http_request *request;
};

static struct http_request *request_of(struct payment_command *command)
{
    return CONTAINER_OF(command, struct client_command, command)->request;
}

static void render_authorized(struct payment_command *command)
{
    struct http_request *request = request_of(command);

    payment_authorized_begin(request);
    for (size_t i = 0; i < command->n; i++) {
        struct authorized_json json = payment_authorized_of(&command->steps[i]);
        payment_authorized_add(request, &json);
    }
    payment_authorized_end(request);
}

/* After the commit, or once it is sure that there is none. */
static void finish(struct command *base, int rc)
{
    struct payment_command *command = CONTAINER_OF(base, struct payment_command, base);

    client_answer_send(request_of(command), rc, &(struct client_request){0}, NULL);
}

/* NULL: answered. */
static struct client_command *new_command(struct http_request *request, size_t n)
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
                    .render = render_authorized,
                    .memory = &request->arena},
        .request = request,
    };
    return self;
}

/* ---- what is refused ---- */

static void refuse_member(struct http_request *request, size_t at, const char *member, const char *wrong)
{
    struct buf path = {0};

    buf_printf(&path, "[%zu].%s", at, member);
    buf_char(&path, '\0');
    const char *name = path.failed ? member : path.p;
    http_problem(request, 422, name, "%s %s", name, wrong);
    buf_free(&path);
}

/* Its order's, who says it where there are several. false: answered. */
static bool read_cell(const struct payment_http *http, struct http_request *request, size_t at, int64_t given,
                      int32_t *cell)
{
    bool is_needed = http->n_cells > 1;
    char wrong[80];

    *cell = given == JSON_ABSENT ? 0 : (int32_t)given;
    if (given == JSON_ABSENT ? !is_needed : given < http->n_cells)
        return true;
    (void)snprintf(wrong, sizeof(wrong), "must be the cell of its order: a whole number from 0 to %d",
                   (int)http->n_cells - 1);
    refuse_member(request, at, "cell", wrong);
    return false;
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

/* ---- asking ---- */

/* false: answered. */
static bool fill_step(const struct payment_http *http, struct http_request *request, const struct json_array *items,
                      size_t at, struct payment_step *step, int32_t *cell)
{
    const struct authorize_json *item = (const struct authorize_json *)items->items + at;

    if (!money_is_currency(item->currency)) {
        refuse_member(request, at, "currency", "must be three capital letters, as in ISO 4217");
        return false;
    }
    step->only_if_known = item->only_if_known;
    step->intent = (struct payment_intent){.kind = PAYMENT_AUTHORIZE,
                                           .key = item->key,
                                           .amount = item->amount,
                                           .body = item->body,
                                           .currency = item->currency,
                                           .method = item->method};
    return read_cell(http, request, at, item->cell, cell);
}

/* A command where all are in one cell. */
static void submit(const struct payment_http *http, struct client_command *self, const int32_t *cells)
{
    size_t n = 1;

    while (n < self->command.n && cells[n] == cells[0])
        n++;
    self->command.base.cell = self->command.n ? cells[0] : 0;
    if (n < self->command.n)
        payment_parts_submit(http, self->request, &self->command, cells);
    else
        service_submit(http->base.service, self->request, &self->command.base);
}

void payment_authorize(void *context, struct http_request *request)
{
    const struct payment_http *http = context;
    struct json_array items;
    struct json_error error;
    int64_t waited_us;
    int32_t only = 0;

    if (!is_provider_asked(http, request) || !read_waited(request, &waited_us))
        return;
    if (!json_decode_array(&authorize_desc, request->body, PAYMENT_ARRAY_MAX, &items, &request->arena, &error)) {
        http_json_problem(request, &error);
        return;
    }
    struct client_command *self = new_command(request, items.n);
    bool several = http->n_cells > 1;
    int32_t *cells = self && several ? client_command_new(request, (items.n + 1) * sizeof(*cells)) : &only;
    if (!self || !cells)
        return;
    self->command.waited_us = waited_us;
    for (size_t i = 0; i < items.n; i++) {
        if (!fill_step(http, request, &items, i, &self->command.steps[i], several ? &cells[i] : cells))
            return;
    }
    if (several)
        submit(http, self, cells);
    else
        service_submit(http->base.service, request, &self->command.base);
}
