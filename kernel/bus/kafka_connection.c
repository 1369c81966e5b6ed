#include "kafka_connection.h"

#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"

#include <librdkafka/rdkafka.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REASON_SIZE = 256, NUMBER_SIZE = 24, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static bool is_given(const char *text)
{
    return text && *text;
}

/* librdkafka speaks to the log at the level at which only who looks for something reads it; what matters is an error,
 * too. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    UNUSED(rk);
    UNUSED(level);
    log_debug("librdkafka", LOG_T("about", facility), LOG_T("text", text));
}

static void on_error(rd_kafka_t *rk, int cause, const char *reason, void *opaque)
{
    UNUSED(rk);
    if (cause != RD_KAFKA_RESP_ERR__FATAL) /* whoever polls asks for what it is */
        kafka_trouble_say(opaque, cause, reason);
}

/* OpenSSL's number, as librdkafka hands it on. */
static const char *what_is_wrong(int x509_error)
{
    switch (x509_error) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "is not valid yet";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "has expired";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "is for another host";
    default:
        return "is not signed by an authority that is believed here (kafka.ca_file)";
    }
}

/* librdkafka itself says of all of them that the authority isn't known. On its own threads. */
static int on_certificate(rd_kafka_t *rk, const char *broker, int32_t id, int *x509_error, int depth, const char *der,
                          size_t n, char *reason, size_t reason_size, void *opaque)
{
    struct buf text = {0};

    UNUSED(rk);
    UNUSED(id);
    UNUSED(depth);
    UNUSED(der);
    UNUSED(n);
    if (*x509_error == 0)
        return 1;
    buf_printf(&text, "%s: the certificate that it shows %s", broker, what_is_wrong(*x509_error));
    buf_char(&text, '\0');
    (void)snprintf(reason, reason_size, "%s", what_is_wrong(*x509_error));
    kafka_trouble_say_for_sure(opaque, RD_KAFKA_RESP_ERR__SSL, text.failed ? what_is_wrong(*x509_error) : text.p);
    buf_free(&text);
    return 0;
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct buf *problem)
{
    char reason[REASON_SIZE];

    if (rd_kafka_conf_set(conf, name, value, reason, sizeof(reason)) == RD_KAFKA_CONF_OK)
        return true;
    buf_printf(problem, "Kafka's client refuses the setting %s: %s", name, reason);
    return false;
}

static bool set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, struct buf *problem)
{
    char text[NUMBER_SIZE];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    return set(conf, name, text, problem);
}

/* Looked at here, because the client would only say so when it connects, again and again. */
static bool set_file(rd_kafka_conf_t *conf, const char *name, const char *path, struct buf *problem)
{
    if (!is_given(path))
        return true;
    if (access(path, R_OK) != 0) {
        buf_printf(problem, "the file %s, for the connection to Kafka in TLS, can't be read", path);
        return false;
    }
    return set(conf, name, path, problem);
}

static bool set_security(rd_kafka_conf_t *conf, const struct kafka_options *options, struct buf *problem)
{
    bool has_user = is_given(options->user);
    const char *protocol = options->tls ? (has_user ? "sasl_ssl" : "ssl") : (has_user ? "sasl_plaintext" : "plaintext");
    char reason[REASON_SIZE];

    if (!set(conf, "security.protocol", protocol, problem))
        return false;
    if (options->tls && !(set_file(conf, "ssl.ca.location", options->ca_file, problem) &&
                          set_file(conf, "ssl.certificate.location", options->cert_file, problem) &&
                          set_file(conf, "ssl.key.location", options->key_file, problem)))
        return false;
    if (options->tls && rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate) != RD_KAFKA_CONF_OK) {
        BUF_LIT(problem, "Kafka's client was built without TLS");
        return false;
    }
    if (!has_user)
        return true;
    const char *mechanism = is_given(options->mechanism) ? options->mechanism : "SCRAM-SHA-512";
    if (!set(conf, "sasl.mechanisms", mechanism, problem) || !set(conf, "sasl.username", options->user, problem))
        return false;
    if (rd_kafka_conf_set(conf, "sasl.password", options->password ? options->password : "", reason, sizeof(reason)) ==
        RD_KAFKA_CONF_OK)
        return true;
    BUF_LIT(problem, "Kafka's client refuses the password"); /* its own words might show it */
    return false;
}

static bool is_topic(const char *topic)
{
    size_t n = topic ? strlen(topic) : 0;

    return n > 0 && n <= KAFKA_TOPIC_MAX && strcmp(topic, ".") != 0 && strcmp(topic, "..") != 0 &&
           strspn(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static bool set_all(rd_kafka_conf_t *conf, const struct kafka_options *options, kafka_settings more,
                    struct buf *problem)
{
    int64_t answer_ms = options->answer_ms > 0 ? options->answer_ms : KAFKA_ANSWER_MS;

    if (!set(conf, "bootstrap.servers", options->servers, problem) ||
        !set(conf, "client.id", is_given(options->client) ? options->client : "coffeeshop", problem) ||
        !set_number(conf, "socket.timeout.ms", answer_ms, problem) ||
        !set(conf, "socket.nagle.disable", "true", problem) || !set(conf, "socket.keepalive.enable", "true", problem) ||
        !set(conf, "reconnect.backoff.ms", "100", problem) || !set(conf, "reconnect.backoff.max.ms", "2000", problem) ||
        !set(conf, "allow.auto.create.topics", "false", problem))
        return false;
    for (size_t i = 0; more[i]; i += 2) {
        if (!set(conf, more[i], more[i + 1], problem))
            return false;
    }
    return true;
}

rd_kafka_conf_t *kafka_connection_conf(const struct kafka_options *options, kafka_settings more,
                                       struct kafka_trouble *opaque, struct buf *problem, int *error)
{
    *error = E_MALFORMED;
    if (!is_given(options->servers)) {
        BUF_LIT(problem, "no server of Kafka is named; it is HOST:PORT, several with commas between");
        return NULL;
    }
    if (!is_topic(options->topic)) {
        buf_printf(problem, "a topic's name has 1 to %d letters, digits or . _ -", KAFKA_TOPIC_MAX);
        return NULL;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!conf) {
        *error = E_MEMORY;
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, opaque);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (!set_all(conf, options, more, problem)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    *error = E_SYSTEM;
    if (!set_security(conf, options, problem)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    *error = OK;
    return conf;
}

static void *destroy(void *rk)
{
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); /* no group to take leave of */
    return NULL;
}

void kafka_connection_end(rd_kafka_t *rk)
{
    struct timespec until;
    pthread_t thread;

    if (!rk)
        return;
    if (pthread_create(&thread, NULL, destroy, rk)) {
        (void)destroy(rk);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + (int64_t)KAFKA_END_MS * NS_PER_MS;
    until.tv_sec += ns / NS_PER_S;
    until.tv_nsec = ns % NS_PER_S;
    if (pthread_timedjoin_np(thread, NULL, &until) == 0)
        return;
    pthread_detach(thread);
    log_warning("Kafka's client doesn't end, and is left behind");
}
