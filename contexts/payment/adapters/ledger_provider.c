#include "ledger_provider.h"

#include "base.h"

static const struct {
    struct str method;
    struct str reason;
} always_declined[] = {
    {STR_INIT("test-declined"), STR_INIT("the bank said no")},
    {STR_INIT("test-insufficient"), STR_INIT("there is not enough money on the account")},
};

static struct payment_intent declined(struct str reason)
{
    return (struct payment_intent){.kind = PAYMENT_DECLINED_BY, .reason = reason};
}

static struct payment_intent authorize(const struct ledger_provider *ledger, const struct provider_question *question)
{
    for (size_t i = 0; i < COUNT_OF(always_declined); i++) {
        if (str_eq(question->method, always_declined[i].method))
            return declined(always_declined[i].reason);
    }
    if (!str_eq(question->currency, ledger->currency))
        return declined(STR("the currency is not taken here"));
    if (ledger->limit && question->amount > ledger->limit)
        return declined(STR("the amount is over the limit"));
    return (struct payment_intent){.kind = PAYMENT_APPROVED, .reference = STR("till")};
}

static bool decide(struct payment_provider *self, const struct provider_question *question,
                   struct payment_intent *answer)
{
    const struct ledger_provider *ledger = CONTAINER_OF(self, struct ledger_provider, port);

    switch (question->operation) {
    case PROVIDER_AUTHORIZE:
        if (str_is(question->method, "test-unknown"))
            return false;
        *answer = authorize(ledger, question);
        break;
    case PROVIDER_CAPTURE:
        *answer = (struct payment_intent){.kind = PAYMENT_TAKEN};
        break;
    case PROVIDER_RETURN:
        *answer = (struct payment_intent){.kind = PAYMENT_GIVEN_BACK, .was_taken = question->captured > 0};
        break;
    }
    return true;
}

/* Only what never answers gets here. */
static void ask(struct payment_provider *self, const struct provider_question *question)
{
    UNUSED(self);
    UNUSED(question);
}

static void flush(struct payment_provider *self)
{
    UNUSED(self);
}

void ledger_provider_init(struct ledger_provider *ledger, struct str currency, int64_t limit)
{
    *ledger = (struct ledger_provider){
        .port = {.decide = decide, .ask = ask, .flush = flush}, .currency = currency, .limit = limit};
}
