/** payment_http.h: payment's HTTP door: order's question, what operators look at and change, the sums of the days, what
 * an external provider says.
 */
#ifndef COFFEESHOP_PAYMENT_HTTP_H
#define COFFEESHOP_PAYMENT_HTTP_H

#include "guarded_caller.h"
#include "reader.h"
#include "service.h"
#include "signing_key.h"

enum { PAYMENT_ARRAY_MAX = 1000 }; /* authorisations asked for in one call */

struct payment_http {
    struct service_http base;     /* first: the common routes find the service here */
    int32_t n_cells;              /* shop.cells */
    struct reader *reader;        /* for what is read of the store */
    const char *timezone;         /* whose days are summed up; the process's TZ is set to it */
    struct guarded_caller *order; /* by which order is asked */
    const char *order_url;
    /* of an external provider; NULL: there is none */
    struct guarded_caller *provider;
    const struct signing_key *provider_key;
    int64_t webhook_tolerance_ms;
};

/** With struct payment_http as their context. Ends with a NULL path. */
extern const struct route payment_routes[];

/* payment_authorize.c */
http_handler payment_authorize;
/* payment_refund.c */
http_handler payment_refund;
/* payment_http_summary.c */
http_handler payment_http_summary;
/* payment_webhook.c */
http_handler payment_webhook;
/** Shows the webhook's figures in /metrics. */
void payment_webhook_init(void);

#endif
