/** stock_http_command.h: a client's command: it lives in its request's arena and ends with it. Private to stock's HTTP
 * door.
 */
#ifndef COFFEESHOP_STOCK_HTTP_COMMAND_H
#define COFFEESHOP_STOCK_HTTP_COMMAND_H

#include "base.h"
#include "client_answer.h"
#include "stock_app.h"
#include "stock_http.h"

struct client_command {
    struct stock_command command;
    struct http_request *request;
    int success;              /* the status when it is done */
    const char *content_type; /* of a success; NULL: by Accept */
    bool is_array;
};

static inline struct client_command *client_of(struct stock_command *command)
{
    return CONTAINER_OF(command, struct client_command, command);
}

/** A command of `n` empty steps. NULL: there is no memory, and that is answered. Loop thread. */
struct client_command *stock_http_command(struct http_request *request, size_t n,
                                          void (*render)(struct stock_command *), int success);
/** The cell of an item (canonical). False: there is no memory, and that is answered. Loop thread. */
bool stock_http_find_cell(const struct stock_http *http, struct http_request *request, struct str name, int32_t *cell);
/** Hands it to the cell `command.base.cell`, with its Idempotency-Key when `body` (NULL: it takes none) is what was
 * decoded for it. Loop thread. */
void stock_http_submit(struct stock_http *http, struct client_command *self, const struct client_body *body);
/** What came of the only step, when that is a problem: true, and it is filled in. An array's steps are answered by
 * themselves: one that can't be done must not keep the others from it. Writer thread. */
bool stock_http_is_problem(struct client_command *self);
/** Sends the problem for a member; in an array with its place: "[3].qty". */
void stock_http_refuse_member(struct http_request *request, bool is_array, size_t at, const char *member,
                              const char *wrong);

#endif
