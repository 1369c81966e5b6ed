#include "payment_meter.h"

#include "base.h"
#include "metrics.h"

#define PAYMENTS(status_)                                                                                              \
    {                                                                                                                  \
        .name = "coffeeshop_payments_total", .help = "Payments that have come into a status since the start.",         \
        .labels = "status=\"" status_ "\"", .kind = METRIC_COUNTER                                                     \
    }

static struct metric authorized = PAYMENTS("Authorized");
static struct metric declined = PAYMENTS("Declined");
static struct metric captured = PAYMENTS("Captured");
static struct metric voided = PAYMENTS("Voided");
static struct metric refunded = PAYMENTS("Refunded");

void payment_meter_init(void)
{
    struct metric *all[] = {&authorized, &declined, &captured, &voided, &refunded};

    for (size_t i = 0; i < COUNT_OF(all); i++)
        metric_register(all[i]);
}

void payment_meter_count(const struct payment_tally *tally)
{
    metric_add(&authorized, tally->authorized);
    metric_add(&declined, tally->declined);
    metric_add(&captured, tally->captured);
    metric_add(&voided, tally->voided);
    metric_add(&refunded, tally->refunded);
}
