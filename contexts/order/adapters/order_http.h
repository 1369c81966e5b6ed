/** order_http.h: the order's HTTP door: routes, representations, refusals as problem documents.
 */
#ifndef COFFEESHOP_ORDER_HTTP_H
#define COFFEESHOP_ORDER_HTTP_H

#include "guarded_caller.h"
#include "menu.h"
#include "order_app.h"
#include "reader.h"
#include "service.h"

struct order_http {
    struct service_http base; /* first: the common routes find the service here */
    const struct menu *menu;
    const struct order_app *app;          /* one of them: for what needs no cell */
    struct reader *reader;                /* for what is read of the store */
    const struct guarded_caller *product; /* by which product is asked: when it may be asked again */
    struct guarded_caller *payment;       /* the same; NULL: paid at the counter */
    struct str payment_methods;           /* words, separated by blanks; the first is what who says nothing pays by */
};

/** With struct order_http as their context. Ends with a NULL path. */
extern const struct route order_routes[];

#endif
