#include "signing_key.h"

#include "secret.h"

#include <nettle/hmac.h>
#include <string.h>

_Static_assert(SIGNING_DIGEST == SHA256_DIGEST_SIZE, "the code is SHA-256's");

struct signing_key {
    struct hmac_sha256_ctx keyed;
};

void signing_key_free(struct signing_key *key)
{
    secret_memory_free(key, sizeof(*key));
}

static struct signing_key *make(struct str secret, const char *what, struct buf *problem)
{
    if (secret.n < SIGNING_KEY_LEAST || secret.n > SIGNING_KEY_MOST) {
        buf_printf(problem, "%s has to be of %d..%d bytes", what, SIGNING_KEY_LEAST, SIGNING_KEY_MOST);
        return NULL;
    }
    struct signing_key *key = secret_memory(sizeof(*key), problem);
    if (key)
        hmac_sha256_set_key(&key->keyed, secret.n, (const uint8_t *)secret.p);
    return key;
}

struct signing_key *signing_key_from_text(struct str secret, struct buf *problem)
{
    return make(secret, "the secret", problem);
}

struct signing_key *signing_key_from_file(const char *path, struct buf *problem)
{
    struct secret *secret = secret_from_file(path, problem);
    struct signing_key *key = secret ? make(secret_text(secret), "the secret in the file", problem) : NULL;

    secret_free(secret);
    return key;
}

void signing_key_digest(const struct signing_key *key, const struct str *parts, size_t n,
                        unsigned char out[SIGNING_DIGEST])
{
    struct hmac_sha256_ctx context = key->keyed;

    for (size_t i = 0; i < n; i++) {
        if (parts[i].n > 0)
            hmac_sha256_update(&context, parts[i].n, (const uint8_t *)parts[i].p);
    }
    hmac_sha256_digest(&context, SIGNING_DIGEST, out);
    explicit_bzero(&context, sizeof(context));
}
