#include "payment_authorized.h"

#include "clock.h"
#include "json.h"

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

/* The same purchase may cost something else by now: what was promised is what it cost when it was first asked for. */
static void say_price(struct authorized_json *json, const struct payment *payment, const struct payment_intent *asked)
{
    if (payment->amount == asked->amount && str_eq(payment->currency, asked->currency))
        return;
    json->amount = payment->amount;
    json->currency = payment->currency;
}

/* While it was waited for it may have been given up, or its order may have come: then asking again tells. */
struct authorized_json payment_authorized_of(const struct payment_step *step)
{
    struct authorized_json json = payment_authorized_pending();

    json.id = step->payment_id;
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

struct authorized_json payment_authorized_pending(void)
{
    return (struct authorized_json){.status = STR("Pending"), .amount = JSON_ABSENT};
}

void payment_authorized_begin(struct http_request *request)
{
    buf_clear(&request->reply);
    request->status = 200;
    request->content_type = "application/json";
    buf_char(&request->reply, '[');
}

void payment_authorized_add(struct http_request *request, const struct authorized_json *json)
{
    if (request->reply.n > 1)
        buf_char(&request->reply, ',');
    json_encode(&request->reply, &authorized_desc, json);
}

void payment_authorized_end(struct http_request *request)
{
    buf_char(&request->reply, ']');
}
