#include "order_payment_question.h"

#include "clock.h"
#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

struct question {
    struct str key, currency, method;
    int64_t amount, body, cell;
    bool only_if_known;
};
static const struct json_field question_fields[] = {
    JSON_FIELD(struct question, "key", key, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct question, "amount", amount, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct question, "currency", currency, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct question, "method", method, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct question, "body", body, JSON_I64, JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct question, "cell", cell, JSON_I64, JSON_OPTIONAL | JSON_SKIP_EMPTY, 0, 0),
    JSON_FIELD(struct question, "onlyIfKnown", only_if_known, JSON_BOOL, JSON_SKIP_EMPTY, 0, 0),
};
static const struct json_desc question_desc = {"authorization", question_fields, COUNT_OF(question_fields),
                                               sizeof(struct question)};

void order_payment_question_write(struct buf *out, const struct order_command *command, struct str key, int32_t n_cells)
{
    const struct question question = {.key = key,
                                      .amount = command->intent.amount,
                                      .currency = command->intent.currency,
                                      .method = command->payment_method,
                                      .body = (int64_t)command->client.fingerprint.members,
                                      .cell = n_cells > 1 ? command->base.cell : JSON_ABSENT,
                                      .only_if_known = command->effect == ORDER_EFFECT_FIND_PURCHASE};

    json_encode(out, &question_desc, &question);
}

/* Those of one moment lie beside each other in payment's index (as UUIDv7, RFC 9562). */
static bool make_begin(struct own_keys *keys, int64_t now)
{
    uint64_t random;
    ssize_t n;

    do
        n = getrandom(&random, sizeof(random), 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(random))
        return false;
    (void)snprintf(keys->begin, sizeof(keys->begin), "%012llx-%016llx", (unsigned long long)(now / US_PER_MS),
                   (unsigned long long)random);
    return true;
}

struct str order_payment_own_key(struct own_keys *keys, int64_t now, size_t place, struct buf *key)
{
    buf_clear(key);
    if (!keys->begin[0] && !make_begin(keys, now))
        return buf_str(key);
    buf_add(key, str_of(keys->begin));
    buf_char(key, '.');
    buf_u64(key, place);
    return key->failed ? (struct str){0} : buf_str(key);
}
