/** product_http.h: the kitchen's HTTP door: routes, representations, refusals as problem documents.
 */
#ifndef COFFEESHOP_PRODUCT_HTTP_H
#define COFFEESHOP_PRODUCT_HTTP_H

#include "menu.h"
#include "reader.h"
#include "service.h"
#include "sql.h"

struct product_http {
    struct service_http base; /* first: the common routes find the service here */
    const struct menu *menu;
    bool manual;           /* a barista starts and finishes */
    struct sql *reads;     /* for single tickets, on the loop thread */
    struct reader *reader; /* for lists */
};

/** With struct product_http as their context. Ends with a NULL path. */
extern const struct route product_routes[];

#endif
