/** client_answer.h: what every context's HTTP door does with a client's command: reads its Idempotency-Key, keeps its
 * answer, and sends what came of it.
 */
#ifndef COFFEESHOP_CLIENT_ANSWER_H
#define COFFEESHOP_CLIENT_ANSWER_H

#include "batch.h"
#include "http_server.h"
#include "json.h"

/** What was decoded of a body: `n` structs of the kind. */
struct client_body {
    const struct json_desc *desc;
    const void *items;
    size_t n;
};
/** The Idempotency-Key with its scope ("POST /orders <key>") in the request's arena, empty when none was sent, and the
 * body's fingerprint. false: there is no memory, and the request is answered; going on without the key would do the
 * work twice. Loop thread. */
bool client_read_key(struct http_request *request, const struct client_body *body, struct str *key,
                     struct fingerprint *fingerprint);

/** The answer that is filled in, to be kept with the key; its texts stay the request's. Writer thread. */
struct answer client_answer_of(const struct http_request *request);

/** What came of a command besides the answer that is filled in; all zero: nothing. */
struct client_outcome {
    int failure;               /* errors.h: nothing was committed */
    bool key_reused;           /* the key belongs to another body */
    bool key_in_progress;      /* its first request is still being worked on */
    const struct answer *kept; /* the answer to the key's first request; NULL: this is the first */
    const char *content_type;  /* of a kept success; NULL: by Accept */
};
/** Sends the problem, the kept answer, or what is filled in; the request is gone. Any thread. */
void client_answer_send(struct http_request *request, const struct client_outcome *outcome);
/** Sends 503 with the problem type outcome-unknown: it isn't known whether the change was made. Any thread. */
void client_answer_unknown(struct http_request *request, const char *detail);
/** Sends 503 with Retry-After: another service couldn't be asked, and nothing was done. Any thread. */
void client_answer_unasked(struct http_request *request, int64_t retry_after_s, const char *detail);

#endif
