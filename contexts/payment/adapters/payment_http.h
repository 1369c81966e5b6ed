/** payment_http.h: payment's HTTP door: order's question, what operators look at and change, the sums of the days.
 */
#ifndef COFFEESHOP_PAYMENT_HTTP_H
#define COFFEESHOP_PAYMENT_HTTP_H

#include "reader.h"
#include "service.h"
#include "sql.h"

enum { PAYMENT_ARRAY_MAX = 1000 }; /* authorisations asked for in one call */

struct payment_http {
    struct service_http base; /* first: the common routes find the service here */
    struct sql *reads;        /* for single payments, on the loop thread */
    struct reader *reader;    /* for lists and sums */
    const char *timezone;     /* whose days are summed up; the process's TZ is set to it */
};

/** With struct payment_http as their context. Ends with a NULL path. */
extern const struct route payment_routes[];

/* payment_http_summary.c */
http_handler payment_http_summary;

#endif
