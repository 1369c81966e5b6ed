/** menu_refusal.h: the answer to a name that is not on the menu. */
#ifndef COFFEESHOP_MENU_REFUSAL_H
#define COFFEESHOP_MENU_REFUSAL_H

#include "http_server.h"
#include "menu.h"

/** 422 for the member productName, with the list of what is sold as the extension member `menu`. Sends it. Loop thread.
 */
void menu_refuse(struct http_request *request, const struct menu *menu, struct str name);

#endif
