/** kafka_connection.h: where Kafka is and how it lets us in, as librdkafka wants to hear it.
 *
 *  The password is given to librdkafka and nobody else: no sentence and no line of the log has it.
 */
#ifndef COFFEESHOP_KAFKA_CONNECTION_H
#define COFFEESHOP_KAFKA_CONNECTION_H

#include "buf.h"
#include "kafka_trouble.h"

#include <stdbool.h>
#include <stdint.h>

/** The texts have to live as long as who is given them. */
struct kafka_options {
    const char *servers; /* HOST:PORT, several with commas between: any of the cluster's */
    const char *topic;   /* the shop's; letters, digits, '.', '_', '-' */
    const char *client;  /* who we are to Kafka: "order" */
    bool tls;
    const char *user, *password; /* SASL; NULL or empty: nobody */
    const char *mechanism;       /* NULL: SCRAM-SHA-512 */
    /* In TLS, PEM files, NULL or empty: the authorities to believe (none: the system's); our own certificate and its
     * key, where Kafka asks for one. */
    const char *ca_file, *cert_file, *key_file;
    int64_t answer_ms; /* a broker that hasn't answered for so long is asked again; 0: KAFKA_ANSWER_MS */
};

enum { KAFKA_ANSWER_MS = 10000, KAFKA_TOPIC_MAX = 240, KAFKA_END_MS = 500 };

/** name, value, name, value, …, NULL: what else librdkafka is told. */
typedef const char *const kafka_settings[];

/** librdkafka's configuration (rd_kafka_conf_t), the caller's. What goes wrong later is told to `trouble`, on the
 * thread that polls. NULL with a sentence when the options can't be: *error E_MALFORMED, or E_SYSTEM for files that
 * can't be read. `opaque` is what librdkafka's callbacks get: a struct that begins with a struct kafka_trouble. */
struct rd_kafka_s;
struct rd_kafka_conf_s *kafka_connection_conf(const struct kafka_options *options, kafka_settings more,
                                              struct kafka_trouble *opaque, struct buf *problem, int *error);
/** Destroys what was made with it; NULL is taken. A client that doesn't end in KAFKA_END_MS is left behind, with a line
 * in the log: librdkafka 2.0 may wait for ever for a partition of a topic that was deleted. Its opaque isn't used any
 * more. No queue of it may still write to a descriptor of ours. */
void kafka_connection_end(struct rd_kafka_s *rk);

#endif
