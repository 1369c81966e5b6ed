/** product_http.h: the kitchen's HTTP door: routes, representations, refusals as problem documents.
 */
#ifndef COFFEESHOP_PRODUCT_HTTP_H
#define COFFEESHOP_PRODUCT_HTTP_H

#include "guarded_caller.h"
#include "menu.h"
#include "reader.h"
#include "service.h"

struct product_http {
    struct service_http base; /* first: the common routes find the service here */
    const struct menu *menu;
    bool manual;                        /* a barista starts and finishes */
    int64_t start_after_ms, brew_ms;    /* as set; the barista's kitchen has no use for them */
    struct reader *reader;              /* for what is read of the store */
    const struct guarded_caller *stock; /* by which stock is asked: when it may be asked again */
};

/** With struct product_http as their context. Ends with a NULL path. */
extern const struct route product_routes[];

/** The reading handlers (product_http_queries.c). */
http_handler product_http_list, product_http_show, product_http_find_by_order, product_http_open, product_http_kitchen;

#endif
