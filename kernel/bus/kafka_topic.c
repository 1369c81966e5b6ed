#include "kafka_topic.h"

#include "base.h"
#include "clock.h"
#include "errors.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

enum { ANY_NUMBER = 0, LOOK_AGAIN_MS = 100, NUMBER_SIZE = 24, REASON_SIZE = 256, ENOUGH_REPLICAS = 3 };

struct preparing {
    struct kafka_trouble trouble; /* first: the connection's opaque */
    const struct kafka_topic_options *options;
    rd_kafka_t *rk;
    int64_t deadline; /* monotonic, us */
    struct buf *problem;
};

static int left_ms(const struct preparing *self)
{
    int64_t left = (self->deadline - clock_monotonic()) / US_PER_MS;

    return left > 0 ? (int)left : 0;
}

/* Nobody has answered: in the words of who knows why. */
static int give_up(struct preparing *self, rd_kafka_resp_err_t cause)
{
    while (rd_kafka_poll(self->rk, 0) > 0)
        ;
    int error = kafka_trouble_told(&self->trouble, NULL);
    buf_printf(self->problem, "Kafka at %s doesn't answer: ", self->options->kafka->servers);
    if (!error)
        buf_printf(self->problem, "%s", rd_kafka_err2str(cause));
    else
        (void)kafka_trouble_told(&self->trouble, self->problem);
    return error ? error : kafka_trouble_kind(cause);
}

/* How many partitions it has, -1: there is no such topic. All topics are asked for: one that is asked for by name may
 * be made by that, with any number. */
static int look(struct preparing *self, const char *topic, int *partitions)
{
    const struct rd_kafka_metadata *all = NULL;
    rd_kafka_resp_err_t cause = RD_KAFKA_RESP_ERR__TIMED_OUT;

    *partitions = -1;
    while (left_ms(self) > 0) {
        cause = rd_kafka_metadata(self->rk, 1, NULL, &all, left_ms(self));
        (void)rd_kafka_poll(self->rk, 0);
        if (cause == RD_KAFKA_RESP_ERR_NO_ERROR || kafka_trouble_told(&self->trouble, NULL) == E_SYSTEM)
            break;
        (void)rd_kafka_poll(self->rk, LOOK_AGAIN_MS);
    }
    if (cause != RD_KAFKA_RESP_ERR_NO_ERROR)
        return give_up(self, cause);
    for (int i = 0; i < all->topic_cnt; i++) {
        if (strcmp(all->topics[i].topic, topic) == 0 && all->topics[i].partition_cnt > 0)
            *partitions = all->topics[i].partition_cnt;
    }
    rd_kafka_metadata_destroy(all);
    return OK;
}

static rd_kafka_NewTopic_t *describe(const struct kafka_topic_options *options, const char *topic, int32_t partitions)
{
    char reason[REASON_SIZE], number[NUMBER_SIZE];
    rd_kafka_NewTopic_t *new_topic =
        rd_kafka_NewTopic_new(topic, partitions, options->replication, reason, sizeof(reason));

    if (!new_topic)
        return NULL;
    if (options->replication >= ENOUGH_REPLICAS)
        (void)rd_kafka_NewTopic_set_config(new_topic, "min.insync.replicas", "2");
    if (options->retain_ms) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)(options->retain_ms < 0 ? -1 : options->retain_ms));
        (void)rd_kafka_NewTopic_set_config(new_topic, "retention.ms", number);
    }
    return new_topic;
}

/* What the cluster says to the wish; that somebody else has made it meanwhile is fine. */
static int hear(struct preparing *self, const char *topic, rd_kafka_event_t *said)
{
    size_t n = 0;
    const rd_kafka_CreateTopics_result_t *result = said ? rd_kafka_event_CreateTopics_result(said) : NULL;
    const rd_kafka_topic_result_t **topics = result ? rd_kafka_CreateTopics_result_topics(result, &n) : NULL;
    rd_kafka_resp_err_t cause = said ? rd_kafka_event_error(said) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    const char *why = said ? rd_kafka_event_error_string(said) : rd_kafka_err2str(cause);

    if (cause == RD_KAFKA_RESP_ERR_NO_ERROR && n > 0) {
        cause = rd_kafka_topic_result_error(topics[0]);
        why = rd_kafka_topic_result_error_string(topics[0]);
    }
    if (cause == RD_KAFKA_RESP_ERR_NO_ERROR || cause == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return OK;
    buf_printf(self->problem, "the topic %s is missing, and Kafka doesn't make it: %s; somebody who may has to", topic,
               why ? why : rd_kafka_err2str(cause));
    return said ? E_SYSTEM : E_UNAVAILABLE;
}

static int make(struct preparing *self, const char *topic, int32_t partitions)
{
    rd_kafka_NewTopic_t *new_topic = describe(self->options, topic, partitions);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(self->rk);

    if (!new_topic) {
        rd_kafka_queue_destroy(queue);
        buf_printf(self->problem, "a topic with %d partitions and %d replicas can't be", (int)partitions,
                   (int)self->options->replication);
        return E_MALFORMED;
    }
    rd_kafka_CreateTopics(self->rk, &new_topic, 1, NULL, queue);
    rd_kafka_event_t *said = rd_kafka_queue_poll(queue, left_ms(self));
    int rc = hear(self, topic, said);
    rd_kafka_event_destroy(said);
    rd_kafka_NewTopic_destroy(new_topic);
    rd_kafka_queue_destroy(queue);
    return rc;
}

/* A topic that was just made may not be known to every broker at once. */
static int ensure(struct preparing *self, const char *topic, int32_t wanted, int32_t when_made)
{
    int partitions = -1;
    int rc = look(self, topic, &partitions);

    if (!rc && partitions < 0)
        rc = make(self, topic, when_made);
    while (!rc && partitions < 0 && left_ms(self) > 0) {
        rc = look(self, topic, &partitions);
        if (!rc && partitions < 0)
            (void)rd_kafka_poll(self->rk, LOOK_AGAIN_MS);
    }
    if (rc)
        return rc;
    if (partitions < 0) {
        buf_printf(self->problem, "the topic %s was made, and Kafka doesn't show it in time", topic);
        return E_UNAVAILABLE;
    }
    if (wanted == ANY_NUMBER || partitions == wanted)
        return OK;
    buf_printf(
        self->problem,
        "the topic %s has %d partitions, this shop has %d cells, and a key would lie in another one: name another "
        "topic, or move the shop to %d cells by export and import",
        topic, partitions, (int)wanted, partitions);
    return E_FOREIGN;
}

static int prepare_both(struct preparing *self)
{
    char dead[KAFKA_TOPIC_MAX + sizeof(KAFKA_DEAD_LETTERS)];
    const char *topic = self->options->kafka->topic;

    stpcpy(stpcpy(dead, topic), KAFKA_DEAD_LETTERS);
    int rc = ensure(self, topic, self->options->partitions, self->options->partitions);
    return rc ? rc : ensure(self, dead, ANY_NUMBER, 1);
}

int kafka_topic_prepare(const struct kafka_topic_options *options, struct buf *problem)
{
    struct preparing self = {
        .options = options, .problem = problem, .deadline = clock_monotonic() + options->patience_ms * US_PER_MS};
    static kafka_settings none = {NULL};
    char reason[REASON_SIZE];
    int error;

    kafka_trouble_init(&self.trouble, "start");
    rd_kafka_conf_t *conf = kafka_connection_conf(options->kafka, none, &self.trouble, problem, &error);
    if (conf) {
        self.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
        if (self.rk) {
            error = prepare_both(&self);
            kafka_connection_end(self.rk);
        } else {
            rd_kafka_conf_destroy(conf);
            buf_printf(problem, "Kafka's client can't be made: %s", reason);
            error = E_SYSTEM;
        }
    }
    kafka_trouble_free(&self.trouble);
    return error;
}
