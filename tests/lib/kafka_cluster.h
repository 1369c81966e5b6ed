/** kafka_cluster.h: a Kafka that one test program has to itself: librdkafka's mock cluster, or a real broker
 * (tools/kafka) on loopback. For cmocka tests; what goes wrong here fails the test.
 *
 *  Beside it a bare way to write to and read from its topics, so that what an adapter did is seen without it. The real
 *  one doesn't outlive the test's process.
 */
#ifndef COFFEESHOP_KAFKA_CLUSTER_H
#define COFFEESHOP_KAFKA_CLUSTER_H

#include "kafka_event.h"

#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h> /* behind the other */
#include <stdbool.h>
#include <sys/types.h>

enum { KAFKA_DIR_SIZE = 64, KAFKA_SERVERS_SIZE = 64, KAFKA_SKIPPED_STATUS = 77 };

struct kafka_cluster {
    bool is_real;
    char servers[KAFKA_SERVERS_SIZE];
    rd_kafka_t *reader, *writer; /* the bare clients */
    /* mock */
    rd_kafka_t *holder;
    rd_kafka_mock_cluster_t *mock;
    /* real */
    pid_t pid;
    int port;
    char dir[KAFKA_DIR_SIZE];
};

/** Starts one: the real one when the program was called with the word "real". False when it can't be had here: says
 * "SKIPPED" and why; end with KAFKA_SKIPPED_STATUS then. With CI=true that ends the process with 1 instead. */
bool kafka_cluster_start(struct kafka_cluster *cluster, int argc, char **argv);
void kafka_cluster_stop(struct kafka_cluster *cluster);

void kafka_cluster_make_topic(struct kafka_cluster *cluster, const char *topic, int partitions);
/** It is gone, connections too. */
void kafka_cluster_down(struct kafka_cluster *cluster);
void kafka_cluster_up(struct kafka_cluster *cluster);
/** It takes what it is sent, and doesn't answer. */
void kafka_cluster_silence(struct kafka_cluster *cluster);
void kafka_cluster_speak(struct kafka_cluster *cluster);

/** Writes the message to its partition, and returns when it is there. */
void kafka_cluster_write(struct kafka_cluster *cluster, const char *topic, const struct kafka_message *message);
/** Reads a partition from the beginning to the end; the message's texts are valid inside the call. Returns how many. */
size_t kafka_cluster_read(struct kafka_cluster *cluster, const char *topic, int32_t partition,
                          void (*on_message)(void *context, const struct kafka_message *message), void *context);

#endif
