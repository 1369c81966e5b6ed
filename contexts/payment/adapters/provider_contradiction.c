#include "provider_contradiction.h"

#include "log.h"
#include "metrics.h"

static struct metric contradictions =
    METRIC_COUNTER_INIT("coffeeshop_provider_contradictions_total",
                        "What the payment provider said that can't be so with what it said, or was asked, before.");

void provider_contradiction_note(int64_t payment_id, const char *member)
{
    metric_add(&contradictions, 1);
    log_error("the payment provider contradicts what is known", LOG_I("payment", payment_id), LOG_T("member", member));
}

/* It was given back, which is believed, but as what it can't have been: see payment.c. */
static bool is_misnamed(const struct payment_step *step)
{
    return step->verdict == PAYMENT_DECIDED && step->intent.kind == PAYMENT_GIVEN_BACK && step->payment.amount > 0 &&
           step->intent.was_taken != (step->payment.captured > 0);
}

void provider_contradiction_look(const struct payment_step *step)
{
    if (step->verdict == PAYMENT_BROKEN || is_misnamed(step))
        provider_contradiction_note(step->payment_id, "outcome");
}

void provider_contradiction_init(void)
{
    metric_register(&contradictions);
}
