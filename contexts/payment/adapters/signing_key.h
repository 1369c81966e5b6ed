/** signing_key.h: a secret that two sides share, as HMAC-SHA256 (RFC 2104) needs it.
 *
 *  It is held as secret.h says; the text it was made of isn't kept. Nothing here writes it anywhere, and no sentence
 * quotes it. Once made it isn't changed: any thread.
 */
#ifndef COFFEESHOP_SIGNING_KEY_H
#define COFFEESHOP_SIGNING_KEY_H

#include "secret.h"

enum {
    SIGNING_KEY_LEAST = 32, /* bytes: as many as the hash has (RFC 2104, 3) */
    SIGNING_KEY_MOST = SECRET_MOST,
    SIGNING_DIGEST = 32,
};

struct signing_key;

/** NULL and a sentence in `problem`: too short, too long, or no memory. */
struct signing_key *signing_key_from_text(struct str secret, struct buf *problem);
/** The same of a file's content; white space at its end is not meant. A file that everybody may read is refused. */
struct signing_key *signing_key_from_file(const char *path, struct buf *problem);
/** NULL is taken. */
void signing_key_free(struct signing_key *key);
/** The code of what `parts` are, one after the other. */
void signing_key_digest(const struct signing_key *key, const struct str *parts, size_t n,
                        unsigned char out[SIGNING_DIGEST]);

#endif
