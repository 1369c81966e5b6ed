#include "order_payment_answer.h"

#include "base.h"
#include "json.h"

static const struct json_field answer_fields[] = {
    JSON_FIELD(struct payment_answer, "id", id, JSON_I64, JSON_NULLABLE, 1, INT64_MAX),
    JSON_FIELD(struct payment_answer, "status", status, JSON_STRING, JSON_REQUIRED, 1, 32),
    JSON_FIELD(struct payment_answer, "reason", reason, JSON_STRING, JSON_NULLABLE, 0, 1000),
    JSON_FIELD(struct payment_answer, "validMs", valid_ms, JSON_I64, JSON_NULLABLE, 0, INT64_MAX / 1000),
    JSON_FIELD(struct payment_answer, "amount", amount, JSON_I64, JSON_OPTIONAL, 0, INT64_MAX),
    JSON_FIELD(struct payment_answer, "currency", currency, JSON_STRING, JSON_NULLABLE, 3, 3),
};
static const struct json_desc answer_desc = {"authorization", answer_fields, COUNT_OF(answer_fields),
                                             sizeof(struct payment_answer)};

bool order_payment_is_pending(const struct payment_answer *answer)
{
    return str_is(answer->status, "Pending");
}

static bool is_known(const struct payment_answer *answer)
{
    static const char *const known[] = {"Authorized", "Declined", "KeyReused"};

    if ((answer->amount >= 0) != (answer->currency.n > 0))
        return false;
    if (str_is(answer->status, "NotKnown") || order_payment_is_pending(answer))
        return true;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (str_is(answer->status, known[i]))
            return answer->id > 0;
    }
    return false;
}

const struct payment_answer *order_payment_answer(const struct http_call *call, size_t n, struct arena *arena)
{
    struct json_array array;
    struct json_error error;

    if (call->status != 200 || call->media != HTTP_MEDIA_JSON ||
        !json_decode_array(&answer_desc, buf_str(&call->reply), n, &array, arena, &error) || array.n != n)
        return NULL;
    const struct payment_answer *answers = array.items;
    for (size_t i = 0; i < n; i++) {
        if (!is_known(&answers[i]))
            return NULL;
    }
    return answers;
}
