#include "kafka_producer.h"

#include "base.h"
#include "clock.h"
#include "errors.h"
#include "metrics.h"

#include <stdio.h>

enum { REASON_SIZE = 256, LAST_WORDS_MS = 100, FLUSH_MS = 50 };

static struct metric relayed =
    METRIC_COUNTER_INIT("coffeeshop_kafka_relayed_total", "Messages that Kafka has acknowledged.");

static void print(char *out, int64_t number, int64_t otherwise)
{
    (void)snprintf(out, KAFKA_NUMBER_SIZE, "%lld", (long long)(number > 0 ? number : otherwise));
}

void kafka_producer_init(struct kafka_producer *producer, const struct kafka_relay_options *options, int wake_fd)
{
    *producer = (struct kafka_producer){
        .kafka = options->kafka, .wake_fd = wake_fd, .way = {.partitions = options->partitions}};
    kafka_trouble_init(&producer->trouble, "relay");
    print(producer->queue_kbytes, options->queue_kbytes, KAFKA_QUEUE_KBYTES);
    print(producer->message_bytes, options->message_bytes, KAFKA_MESSAGE_BYTES);
    metric_register(&relayed);
}

void kafka_producer_free(struct kafka_producer *producer)
{
    kafka_encoder_free(&producer->way.encoder);
    kafka_trouble_free(&producer->trouble);
}

bool kafka_producer_is_there(const struct kafka_producer *producer)
{
    return producer->way.rk != NULL;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_producer *producer = opaque;

    UNUSED(rk);
    if (producer->ending)
        return;
    if (!kafka_slot_answered(message->_private, message->err, clock_monotonic())) {
        producer->broken = true; /* why, the lane has said, or is the producer's fatal error */
        return;
    }
    producer->delivered++;
}

static rd_kafka_conf_t *conf_of(struct kafka_producer *producer, struct buf *problem, int *error)
{
    kafka_settings settings = {"enable.idempotence",
                               "true",
                               "enable.gapless.guarantee",
                               "true",
                               "acks",
                               "all",
                               "message.timeout.ms",
                               "0", /* as long as it takes */
                               "queue.buffering.max.kbytes",
                               producer->queue_kbytes,
                               "queue.buffering.max.messages",
                               "100000", /* the bytes are what is to be bounded */
                               "message.max.bytes",
                               producer->message_bytes,
                               "linger.ms",
                               "1000", /* a burst goes when it is whole: it is flushed */
                               NULL};
    rd_kafka_conf_t *conf = kafka_connection_conf(producer->kafka, settings, &producer->trouble, problem, error);

    if (conf)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return conf;
}

/* Where librdkafka says that it has something for us; written to as that begins. */
static void watch(struct kafka_producer *producer)
{
    static const uint64_t one = 1;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer->way.rk);

    rd_kafka_queue_io_event_enable(queue, producer->wake_fd, &one, sizeof(one));
    rd_kafka_queue_destroy(queue);
}

static void unwatch(struct kafka_producer *producer)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer->way.rk);

    rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
    rd_kafka_queue_destroy(queue);
}

int kafka_producer_begin(struct kafka_producer *producer, struct buf *problem)
{
    char reason[REASON_SIZE] = "out of memory";
    int error = OK;
    rd_kafka_conf_t *conf = conf_of(producer, problem, &error);

    if (!conf)
        return error;
    producer->way.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (!producer->way.rk) {
        rd_kafka_conf_destroy(conf);
        buf_printf(problem, "Kafka's client can't be made: %s", reason);
        return E_SYSTEM;
    }
    producer->way.topic = rd_kafka_topic_new(producer->way.rk, producer->kafka->topic, NULL);
    producer->broken = producer->way.topic == NULL;
    watch(producer);
    return OK;
}

bool kafka_producer_is_busy(const struct kafka_producer *producer)
{
    return producer->way.rk && rd_kafka_outq_len(producer->way.rk) > 0;
}

bool kafka_producer_hear(struct kafka_producer *producer)
{
    char reason[REASON_SIZE];
    uint64_t delivered = producer->delivered;

    if (kafka_producer_is_busy(producer))
        (void)rd_kafka_flush(producer->way.rk, FLUSH_MS);
    else
        (void)rd_kafka_poll(producer->way.rk, 0);
    if (producer->delivered != delivered) {
        kafka_trouble_over(&producer->trouble);
        metric_add(&relayed, (int64_t)(producer->delivered - delivered));
    }
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(producer->way.rk, reason, sizeof(reason));
    if (fatal) {
        kafka_trouble_say(&producer->trouble, fatal, reason);
        (void)rd_kafka_poll(producer->way.rk, LAST_WORDS_MS); /* which message it was */
    }
    return !fatal && !producer->broken;
}

void kafka_producer_end(struct kafka_producer *producer)
{
    if (!producer->way.rk)
        return;
    producer->ending = true;
    (void)rd_kafka_purge(producer->way.rk,
                         RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    if (producer->way.topic)
        rd_kafka_topic_destroy(producer->way.topic);
    unwatch(producer);
    kafka_connection_end(producer->way.rk);
    producer->way.rk = NULL;
    producer->way.topic = NULL;
    producer->ending = false;
}
