/** kv_redis_tls.h: a connection to Redis in TLS (OpenSSL). Not for others than kv_redis_line.c and whoever opens it.
 *
 *  The other side has to prove by a certificate that it is the host of the address; TLS 1.2 at least (RFC 9325).
 */
#ifndef COFFEESHOP_KV_REDIS_TLS_H
#define COFFEESHOP_KV_REDIS_TLS_H

#include "buf.h"

#include <openssl/ssl.h>

/** What all connections of a store have in common. `ca_file`: the authorities believed (NULL: the system's); cert_file
 * and key_file: our own certificate and its key, PEM, both or none. NULL with a sentence in `problem`. Freed with
 * SSL_CTX_free(). */
SSL_CTX *redis_tls_new(const char *ca_file, const char *cert_file, const char *key_file, struct buf *problem);
/** A session on the connected socket, which stays the caller's; not yet greeted. NULL: no memory. */
SSL *redis_tls_on(SSL_CTX *tls, int fd, const char *host);
/** Whether the thread's last operation failed because one side doesn't want the other, so that trying again is of no
 * use; an end in the middle isn't that. */
bool redis_tls_is_refusal(void);
/** Why the last operation on this session failed; static, or the library's own. */
const char *redis_tls_why(const SSL *session);

#endif
