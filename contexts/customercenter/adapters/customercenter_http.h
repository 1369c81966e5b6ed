/** customercenter_http.h: the view's HTTP door: routes and representations. All of it is reading, but for PUT
 * /view/swap.
 */
#ifndef COFFEESHOP_CUSTOMERCENTER_HTTP_H
#define COFFEESHOP_CUSTOMERCENTER_HTTP_H

#include "menu.h"
#include "mypage_stream.h"
#include "reader.h"
#include "service.h"
#include "sql.h"

struct customercenter_http {
    struct service_http base; /* first: the common routes find the service here */
    const struct menu *menu;
    struct sql *reads;     /* for single pages, on the loop thread */
    struct reader *reader; /* for lists */
    struct mypage_stream *stream;
    const char *rebuilt; /* path of the database that a rebuild leaves */
    bool wants_swap;     /* the service stops, to go on with that one */
};

/** With struct customercenter_http as their context. Ends with a NULL path. */
extern const struct route customercenter_routes[];

#endif
