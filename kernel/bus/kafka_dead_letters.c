#include "kafka_dead_letters.h"

#include "clock.h"
#include "errors.h"
#include "kafka_topic.h"

#include <librdkafka/rdkafka.h>
#include <string.h>

enum { REASON_SIZE = 256 };

struct reading {
    struct kafka_trouble trouble; /* first: the connection's opaque */
    rd_kafka_t *rk;
    char topic[KAFKA_TOPIC_MAX + sizeof(KAFKA_DEAD_LETTERS)];
    int open; /* partitions whose end wasn't reached */
    kafka_on_dead_letter *on_letter;
    void *context;
    struct buf *problem;
};

static int connect_to(struct reading *self, const struct kafka_options *kafka)
{
    static kafka_settings settings = {
        "group.id", "coffeeshop-dead-letters", "enable.auto.commit", "false", "enable.partition.eof",
        "true",     "auto.offset.reset",       "earliest",           NULL};
    char reason[REASON_SIZE];
    int error;

    rd_kafka_conf_t *conf = kafka_connection_conf(kafka, settings, &self->trouble, self->problem, &error);
    if (!conf)
        return error;
    self->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    if (self->rk) {
        rd_kafka_poll_set_consumer(self->rk);
        return OK;
    }
    rd_kafka_conf_destroy(conf);
    buf_printf(self->problem, "Kafka's client can't be made: %s", reason);
    return E_SYSTEM;
}

/* Nobody answers, or what is asked for isn't there. */
static int refuse(struct reading *self, const char *why)
{
    buf_printf(self->problem, "the topic %s can't be read: %s", self->topic, why);
    return E_UNAVAILABLE;
}

static int assign_all(struct reading *self, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(self->rk, self->topic, NULL);
    rd_kafka_resp_err_t cause = rd_kafka_metadata(self->rk, 0, topic, &metadata, timeout_ms);

    rd_kafka_topic_destroy(topic);
    if (cause)
        return refuse(self, rd_kafka_err2str(cause));
    self->open = metadata->topic_cnt > 0 ? metadata->topics[0].partition_cnt : 0;
    cause = metadata->topic_cnt > 0 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_metadata_destroy(metadata);
    if (self->open <= 0)
        return refuse(self, cause ? rd_kafka_err2str(cause) : "it has no partitions");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(self->open);
    for (int i = 0; i < self->open; i++)
        rd_kafka_topic_partition_list_add(list, self->topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    cause = rd_kafka_assign(self->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return cause ? refuse(self, rd_kafka_err2str(cause)) : OK;
}

static struct str header_of(const rd_kafka_message_t *raw, const char *name)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t n = 0;

    if (rd_kafka_message_headers(raw, &headers) || rd_kafka_header_get_last(headers, name, &value, &n) || !value)
        return (struct str){NULL, 0};
    return (struct str){value, n};
}

static void tell(struct reading *self, const rd_kafka_message_t *raw)
{
    rd_kafka_timestamp_type_t type;
    int64_t at_ms = rd_kafka_message_timestamp(raw, &type);
    const struct kafka_dead_letter letter = {
        .reason = header_of(raw, "reason"),
        .source_partition = header_of(raw, "source_partition"),
        .source_offset = header_of(raw, "source_offset"),
        .message = {raw->payload, raw->payload ? raw->len : 0},
        .at_ms = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && at_ms > 0 ? at_ms : 0,
    };

    self->on_letter(self->context, &letter);
}

static int read_all(struct reading *self, int patience_ms)
{
    int rc = OK;

    while (!rc && self->open > 0) {
        rd_kafka_message_t *raw = rd_kafka_consumer_poll(self->rk, patience_ms);
        if (!raw)
            return refuse(self, "Kafka says nothing");
        if (raw->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            self->open--;
        else if (raw->err)
            rc = refuse(self, rd_kafka_message_errstr(raw));
        else
            tell(self, raw);
        rd_kafka_message_destroy(raw);
    }
    return rc;
}

int kafka_dead_letters_read(const struct kafka_options *kafka, int64_t patience_ms, kafka_on_dead_letter *on_letter,
                            void *context, struct buf *problem)
{
    struct reading self = {.on_letter = on_letter, .context = context, .problem = problem};

    kafka_trouble_init(&self.trouble, "dead letters");
    int rc = connect_to(&self, kafka);
    if (!rc) {
        stpcpy(stpcpy(self.topic, kafka->topic), KAFKA_DEAD_LETTERS); /* its length was looked at */
        rc = assign_all(&self, (int)patience_ms);
    }
    if (!rc)
        rc = read_all(&self, (int)patience_ms);
    kafka_connection_end(self.rk);
    kafka_trouble_free(&self.trouble);
    return rc;
}
