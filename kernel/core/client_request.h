/** client_request.h: what a command has to do with the client who sent it: the Idempotency-Key that it came with, and
 * the answer that goes back. A context's command embeds it; one that no client sent leaves it zero.
 *
 *  A request that is repeated with its key gets the first one's answer, byte by byte: the key is looked up with the
 * batch's load, and stored with the answer in the commit that does the work (draft-ietf-httpapi-idempotency-key-header,
 * docs/adr/0007). Writer thread only.
 */
#ifndef COFFEESHOP_CLIENT_REQUEST_H
#define COFFEESHOP_CLIENT_REQUEST_H

#include "batch.h"

struct client_request {
    struct str key;                 /* scoped: "POST /orders <key>"; empty: none. Lives as long as the command */
    struct fingerprint fingerprint; /* of the body, with the key */

    /* what came out */
    bool key_reused;      /* the key belongs to another body */
    bool key_in_progress; /* its first request is still being worked on; set by the context that has such ones */
    bool replayed;        /* `answer` is the one kept for the key, and the batch's */
    struct answer answer; /* of the command's render(), unless it is replayed */
};

/** Before load: says that the key will be needed. */
void client_request_look_up(struct batch *batch, const struct client_request *client);
/** After load: whether there is nothing to be done, because the key has its answer already or is another body's: it is
 * filled in which. A key's first use, and a request without one, go on. */
bool client_request_is_settled(struct batch *batch, struct client_request *client);
/** Keeps the answer with the key in this batch's commit. 0 or E_MEMORY: then the batch can't be committed. */
int client_request_keep(struct batch *batch, const struct client_request *client);

#endif
