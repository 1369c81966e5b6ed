/** client_answer.h: what every context's HTTP door does with a client's command: makes it in the request's memory,
 * reads its Idempotency-Key, keeps its answer, and sends what came of it.
 */
#ifndef COFFEESHOP_CLIENT_ANSWER_H
#define COFFEESHOP_CLIENT_ANSWER_H

#include "client_request.h"
#include "http_server.h"
#include "json.h"

/** What was decoded of a body: `n` structs of the kind. */
struct client_body {
    const struct json_desc *desc;
    const void *items;
    size_t n;
};
/** Zeroed memory for a client's command, which ends with its request. NULL: there is none, and that is answered. Loop
 * thread. */
void *client_command_new(struct http_request *request, size_t size);

/** The Idempotency-Key with its scope ("POST /orders <key>") in the request's arena, empty when none was sent, and the
 * body's fingerprint, into `client`. false: there is no memory, and the request is answered; going on without the key
 * would do the work twice. Loop thread. */
bool client_read_key(struct http_request *request, const struct client_body *body, struct client_request *client);

/** The answer that is filled in, to be kept with the key, its links as paths; its texts stay the request's. Writer
 * thread. */
struct answer client_answer_of(struct http_request *request);

/** Sends what came of a command: the failure `rc` (errors.h: nothing was committed), what its key says (another body,
 * still being worked on, the kept answer, a success of which is of `kept_type`; NULL: by Accept), or what is filled in.
 * The request is gone. Any thread. */
void client_answer_send(struct http_request *request, int rc, const struct client_request *client,
                        const char *kept_type);
/** Sends 503 with the problem type outcome-unknown: it isn't known whether the change was made. Any thread. */
void client_answer_unknown(struct http_request *request, const char *detail);
/** Sends 503 with Retry-After: another service couldn't be asked, and nothing was done. `type` is the problem's, or
 * NULL when there is nothing more to say than the status does. Any thread. */
void client_answer_unasked(struct http_request *request, const char *type, int64_t retry_after_s, const char *detail);

#endif
