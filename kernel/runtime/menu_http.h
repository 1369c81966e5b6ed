/** menu_http.h: GET /menu: what is sold, at which price, and what is sold out.
 *
 *  Two services answer it (ADR 36): customercenter, who knows by stock's events what there is, and order, who knows all
 * but that.
 */
#ifndef COFFEESHOP_MENU_HTTP_H
#define COFFEESHOP_MENU_HTTP_H

#include "http_server.h"
#include "menu.h"

/** Fills the reply, doesn't send. `on_hand` has what there is of each item of the menu, -1: not known; NULL: nothing is
 * known of any. What isn't known is `"soldOut":null`. Loop thread. */
void menu_fill(struct http_request *request, const struct menu *menu, const int64_t *on_hand);

#endif
