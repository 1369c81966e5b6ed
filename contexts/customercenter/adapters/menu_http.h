/** menu_http.h: GET /menu: what is sold, and what is sold out by what stock last told.
 */
#ifndef COFFEESHOP_MENU_HTTP_H
#define COFFEESHOP_MENU_HTTP_H

#include "http_server.h"
#include "menu.h"
#include "sql.h"

/** Fills the reply, doesn't send. Loop thread, on its connection. */
void menu_fill(struct http_request *request, const struct menu *menu, struct sql *reads);

#endif
