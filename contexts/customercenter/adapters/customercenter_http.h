/** customercenter_http.h: the view's HTTP door: routes and representations. All of it is reading, but for PUT
 * /view/swap.
 */
#ifndef COFFEESHOP_CUSTOMERCENTER_HTTP_H
#define COFFEESHOP_CUSTOMERCENTER_HTTP_H

#include "menu.h"
#include "mypage_stream.h"
#include "reader.h"
#include "service.h"
#include "view_place.h"

struct customercenter_http {
    struct service_http base; /* first: the common routes find the service here */
    const struct menu *menu;
    struct reader *reader;
    struct mypage_stream *stream;
    struct view_place rebuilt; /* what a rebuild leaves */
    bool wants_swap;           /* the service stops, to go on with that one */
};

/** With struct customercenter_http as their context. Ends with a NULL path. */
extern const struct route customercenter_routes[];

#endif
