#include "provider_messages.h"

/* ---- what is asked ---- */

struct question_json {
    struct str name, operation, currency, method, reference;
    int64_t amount;
};
static const struct json_field question_fields[] = {
    JSON_FIELD(struct question_json, "paymentId", name, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct question_json, "operation", operation, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct question_json, "amount", amount, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct question_json, "currency", currency, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct question_json, "method", method, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct question_json, "reference", reference, JSON_STRING, JSON_NULLABLE, 0, 0),
};
static const struct json_desc question_desc = {"question", question_fields, COUNT_OF(question_fields),
                                               sizeof(struct question_json)};

struct str provider_operation_text(enum provider_operation operation)
{
    static const struct str texts[] = {
        [PROVIDER_AUTHORIZE] = STR_INIT("authorize"),
        [PROVIDER_CAPTURE] = STR_INIT("capture"),
        [PROVIDER_RETURN] = STR_INIT("reverse"),
    };

    return texts[operation];
}

void provider_question_write(struct buf *out, const struct provider_question *question, struct str name)
{
    const struct question_json json = {
        .name = name,
        .operation = provider_operation_text(question->operation),
        .amount = question->amount,
        .currency = question->currency,
        .method = question->method,
        .reference = question->reference,
    };

    json_encode(out, &question_desc, &json);
}

void provider_question_key(struct buf *out, const struct provider_question *question, struct str name)
{
    buf_add(out, name);
    buf_char(out, '.');
    buf_add(out, provider_operation_text(question->operation));
}

/* ---- what comes of it ---- */

static const struct json_field outcome_fields[] = {
    JSON_FIELD(struct provider_outcome, "paymentId", name, JSON_STRING, JSON_REQUIRED, 1, 64),
    JSON_FIELD(struct provider_outcome, "operation", operation, JSON_STRING, JSON_REQUIRED, 1, 32),
    JSON_FIELD(struct provider_outcome, "outcome", outcome, JSON_STRING, JSON_REQUIRED, 1, 32),
    JSON_FIELD(struct provider_outcome, "amount", amount, JSON_I64, JSON_REQUIRED, 0, INT64_MAX),
    JSON_FIELD(struct provider_outcome, "currency", currency, JSON_STRING, JSON_REQUIRED, 3, 3),
    JSON_FIELD(struct provider_outcome, "reference", reference, JSON_STRING, JSON_NULLABLE, 0, 128),
    JSON_FIELD(struct provider_outcome, "reason", reason, JSON_STRING, JSON_NULLABLE, 0, 200),
};
const struct json_desc provider_outcome_desc = {"outcome", outcome_fields, COUNT_OF(outcome_fields),
                                                sizeof(struct provider_outcome)};

static const struct meaning {
    enum provider_operation operation;
    const char *outcome;
    bool is_known; /* false: not yet */
    enum payment_command_kind kind;
    bool was_taken;
    bool of_capture;
} meanings[] = {
    {PROVIDER_AUTHORIZE, "approved", true, PAYMENT_APPROVED, false, false},
    {PROVIDER_AUTHORIZE, "declined", true, PAYMENT_DECLINED_BY, false, false},
    {PROVIDER_CAPTURE, "captured", true, PAYMENT_TAKEN, false, false},
    {PROVIDER_CAPTURE, "voided", true, PAYMENT_GIVEN_BACK, false, true},
    {PROVIDER_RETURN, "voided", true, PAYMENT_GIVEN_BACK, false, false},
    {PROVIDER_RETURN, "refunded", true, PAYMENT_GIVEN_BACK, true, false},
    {PROVIDER_AUTHORIZE, "pending", false, 0, false, false},
    {PROVIDER_CAPTURE, "pending", false, 0, false, false},
    {PROVIDER_RETURN, "pending", false, 0, false, false},
};

/* NULL: there is no such outcome of that operation. */
static const struct meaning *meaning_of(const struct provider_outcome *outcome)
{
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (str_eq(outcome->operation, provider_operation_text(meanings[i].operation)) &&
            str_is(outcome->outcome, meanings[i].outcome))
            return &meanings[i];
    }
    return NULL;
}

bool provider_outcome_is_known(const struct provider_outcome *outcome)
{
    return meaning_of(outcome) != NULL;
}

bool provider_outcome_intent(const struct provider_outcome *outcome, struct payment_intent *intent)
{
    const struct meaning *meaning = meaning_of(outcome);

    if (!meaning || !meaning->is_known)
        return false;
    *intent = (struct payment_intent){.kind = meaning->kind,
                                      .reference = outcome->reference,
                                      .reason = outcome->reason,
                                      .was_taken = meaning->was_taken,
                                      .of_capture = meaning->of_capture};
    return true;
}
