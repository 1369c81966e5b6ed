#include "kv_redis_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    return text ? text : "no reason given";
}

static bool set_files(SSL_CTX *tls, const char *ca_file, const char *cert_file, const char *key_file,
                      struct buf *problem)
{
    if (ca_file ? SSL_CTX_load_verify_file(tls, ca_file) != 1 : SSL_CTX_set_default_verify_paths(tls) != 1) {
        buf_printf(problem, "%s holds no authority's certificate that can be read (%s)",
                   ca_file ? ca_file : "the system", reason());
        return false;
    }
    if (!cert_file != !key_file) {
        BUF_LIT(problem, "a certificate and its key go together: give both files, or none");
        return false;
    }
    if (cert_file && (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1 ||
                      SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1)) {
        buf_printf(problem, "%s and %s are no certificate and its key that can be read (%s)", cert_file, key_file,
                   reason());
        return false;
    }
    return true;
}

SSL_CTX *redis_tls_new(const char *ca_file, const char *cert_file, const char *key_file, struct buf *problem)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    ERR_clear_error();
    if (!tls) {
        BUF_LIT(problem, "no memory left for TLS");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (set_files(tls, ca_file, cert_file, key_file, problem))
        return tls;
    SSL_CTX_free(tls);
    return NULL;
}

/* A name has to be among the certificate's names, an address among its addresses. */
static bool expect_host(SSL *session, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host) == 1;
    return SSL_set1_host(session, host) == 1 && SSL_set_tlsext_host_name(session, host) == 1;
}

SSL *redis_tls_on(SSL_CTX *tls, int fd, const char *host)
{
    SSL *session = SSL_new(tls);

    if (session && SSL_set_fd(session, fd) == 1 && expect_host(session, host))
        return session;
    SSL_free(session);
    return NULL;
}

bool redis_tls_is_refusal(void)
{
    unsigned long error = ERR_peek_last_error();

    return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) != SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

const char *redis_tls_why(const SSL *session)
{
    long verdict = SSL_get_verify_result(session);

    return verdict == X509_V_OK ? reason() : X509_verify_cert_error_string(verdict);
}
