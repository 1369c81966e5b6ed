/** idempotency.h: the answer kept for an Idempotency-Key: the same key with the same body gets the same answer again,
 * with another body it is refused with 422 (draft-ietf-httpapi-idempotency-key-header). Stored in the transaction that
 * did the work.
 */
#ifndef COFFEESHOP_IDEMPOTENCY_H
#define COFFEESHOP_IDEMPOTENCY_H

#include "str.h"

#include <stdbool.h>
#include <stdint.h>

enum { IDEMPOTENCY_KEY_MAX = 255 };

struct idempotency_record {
    struct str key;       /* scoped by the resource: "POST /orders <key>" is what is stored */
    uint64_t fingerprint; /* of the body */
    int64_t status;
    struct str location; /* path, or empty */
    struct str body;     /* as it was sent the first time */
    bool found;          /* after a look-up */
};

#endif
