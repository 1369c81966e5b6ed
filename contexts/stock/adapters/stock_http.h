/** stock_http.h: stock's HTTP door: routes, representations, refusals as problem documents.
 */
#ifndef COFFEESHOP_STOCK_HTTP_H
#define COFFEESHOP_STOCK_HTTP_H

#include "menu.h"
#include "reader.h"
#include "service.h"
#include "stock_queries_kv.h"

struct stock_http {
    struct service_http base;        /* first: the common routes find the service here */
    const struct menu *menu;         /* what is kept under an alias is kept under the item's name */
    const struct stock_cells *cells; /* for queries */
    struct reader *reader;           /* who asks them */
};

/** With struct stock_http as their context. Ends with a NULL path. */
extern const struct route stock_routes[];

/** What is taken and given back (stock_http_reservations.c). */
http_handler stock_http_reduce, stock_http_release;
/** The queries (stock_http_queries.c). */
http_handler stock_http_list, stock_http_show, stock_http_find_by_name;
/** What moved of one stock (stock_http_movements.c). */
http_handler stock_http_movements;

/** Fills in the row as it is shown, with its ETag. */
void stock_http_fill(struct http_request *request, int status, const struct stock *stock);
/** A given name as it is kept: trimmed, composed (text.h), and the menu's when it is on the menu. False, and a sentence
 * (without the member's name) in `*wrong`, when it can't be one. */
bool stock_http_name(const struct stock_http *http, struct arena *arena, struct str given, struct str *name,
                     const char **wrong);

#endif
