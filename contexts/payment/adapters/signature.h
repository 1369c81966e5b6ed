/** signature.h: what one side says and the other can check: a time stamp and the HMAC-SHA256 of it and the body, in one
 * header.
 *
 *      Coffeeshop-Signature: t=1764406800,v1=6d9f…
 *
 *  `t` is in seconds since 1970, `v1` 64 hexadecimal digits: the code of "<t>.<body>" under the shared secret
 * (signing_key.h). Several v1 may stand there, as while a secret is changed; one has to be right. What is compared is
 * compared in a time that doesn't depend on where it differs. Any thread.
 */
#ifndef COFFEESHOP_SIGNATURE_H
#define COFFEESHOP_SIGNATURE_H

#include "buf.h"
#include "signing_key.h"

enum signature_verdict {
    SIGNATURE_GOOD,
    SIGNATURE_MISSING, /* there is none, or it can't be read */
    SIGNATURE_WRONG,   /* somebody without the secret, or the body is another one */
    SIGNATURE_OLD,     /* right, but of another time than now, give or take the tolerance */
};

/** Appends the header's value. `at`: seconds since 1970. */
void signature_write(const struct signing_key *key, int64_t at, struct str body, struct buf *out);
/** What to think of a header's value that came with a body. Times in seconds. */
enum signature_verdict signature_check(const struct signing_key *key, struct str value, struct str body, int64_t now,
                                       int64_t tolerance);
/** A sentence; static. */
const char *signature_verdict_text(enum signature_verdict verdict);

#endif
