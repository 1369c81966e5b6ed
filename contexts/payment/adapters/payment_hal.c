#include "payment_hal.h"

#include "json.h"

struct payment_json {
    int64_t id, order_id, amount, created_at, updated_at;
    struct str currency, method, status, reference, reason;
};

static const struct json_field payment_fields[] = {
    JSON_FIELD(struct payment_json, "id", id, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct payment_json, "orderId", order_id, JSON_I64, JSON_NULLABLE, 0, 0),
    JSON_FIELD(struct payment_json, "amount", amount, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct payment_json, "currency", currency, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct payment_json, "method", method, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct payment_json, "status", status, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct payment_json, "reference", reference, JSON_STRING, JSON_NULLABLE, 0, 0),
    JSON_FIELD(struct payment_json, "reason", reason, JSON_STRING, JSON_NULLABLE, 0, 0),
    JSON_FIELD(struct payment_json, "createdAt", created_at, JSON_TIME, 0, 0, 0),
    JSON_FIELD(struct payment_json, "updatedAt", updated_at, JSON_TIME, 0, 0, 0),
};
static const struct json_desc payment_desc = {"payment", payment_fields, COUNT_OF(payment_fields),
                                              sizeof(struct payment_json)};
const struct hal_type payment_hal_type = {&payment_desc, "payments", "payment", offsetof(struct payment_json, id)};

static struct payment_json json_of(const struct payment *payment)
{
    return (struct payment_json){
        .id = payment->id,
        .order_id = payment->order_id,
        .amount = payment->amount,
        .currency = payment->currency,
        .method = payment->method,
        .status = payment_status_text(payment),
        .reference = payment->reference,
        .reason = payment->reason,
        .created_at = payment->created_at,
        .updated_at = payment->updated_at,
    };
}

void payment_hal_fill(struct http_request *request, const struct payment *payment)
{
    struct payment_json json = json_of(payment);

    hal_fill_entity(request, 200, &payment_hal_type, &json);
}

void payment_hal_item(struct http_request *request, const struct payment *payment)
{
    struct payment_json json = json_of(payment);

    hal_page_item(request, &payment_hal_type, &json);
}
