/* How fast the relay brings committed events to Kafka, beside a bare librdkafka loop that sends messages of the same
 * sizes with the same guarantees, in turns.
 *
 *      kafka_bench SERVERS [EVENTS [ROUNDS]]        (tools/kafka start DIR PORT starts one; 100000 events, 3 rounds)
 *
 * It makes and leaves the topics bench and bench.dlt. Events are as order's; a batch has 64 of them. Timed from the
 * first hand-over to the last acknowledgement.
 */
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "event.h"
#include "kafka_event.h"
#include "kafka_relay.h"
#include "kafka_topic.h"

#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { BATCH = 64, USUAL_EVENTS = 100000, USUAL_ROUNDS = 3, REASON_SIZE = 256, TRY_MS = 10 };

struct placed {
    int64_t id, qty, amount;
    struct str product_name, status, currency;
};
static const struct json_field placed_fields[] = {
    JSON_FIELD(struct placed, "id", id, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct placed, "productName", product_name, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct placed, "qty", qty, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct placed, "status", status, JSON_STRING, 0, 0, 0),
    JSON_FIELD(struct placed, "amount", amount, JSON_I64, 0, 0, 0),
    JSON_FIELD(struct placed, "currency", currency, JSON_STRING, 0, 0, 0),
};
static const struct json_desc placed_desc = {"order", placed_fields, COUNT_OF(placed_fields), sizeof(struct placed)};

static struct kafka_options kafka = {.topic = "bench", .client = "bench"};

static void add_event(struct outbox *outbox)
{
    char subject[32];
    const struct placed placed = {(int64_t)outbox->next, 2, 8000, STR_INIT("Americano"), STR_INIT("Requested"),
                                  STR_INIT("KRW")};

    int n = snprintf(subject, sizeof(subject), "%llu", (unsigned long long)outbox->next);
    outbox_add(outbox,
               &(struct event){.type = STR("Ordered"),
                               .subject = {subject, (size_t)n},
                               .time = INT64_C(1795426200123000),
                               .version = 1,
                               .correlation = STR("0123456789abcdef0123456789abcdef"),
                               .traceparent = STR("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")},
               &placed_desc, &placed);
}

/* What this process has used of the processors, us: steadier than the clock where others use them, too. */
static int64_t cpu_us(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * US_PER_S + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

struct figure {
    double rate;   /* events per second; 0: it failed */
    double cpu_us; /* an event */
};

static struct figure figure_of(size_t events, int64_t took, int64_t cpu)
{
    return (struct figure){(double)events * (double)US_PER_S / (double)took, (double)cpu / (double)events};
}

/* ---- the relay ---- */

static int nothing_stored(void *owner, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest)
{
    UNUSED(owner);
    UNUSED(after);
    UNUSED(enough);
    UNUSED(frames);
    UNUSED(oldest);
    return E_NOT_FOUND;
}

static struct figure run_relay(size_t events)
{
    const struct kafka_relay_options options = {.kafka = &kafka, .partitions = 1};
    const struct kafka_lane_options lane_options = {.tail_bytes = INT64_MAX / 2, .read_stored = nothing_stored};
    size_t batches = events / BATCH;
    struct outbox *committed = calloc(batches, sizeof(*committed)); /* as the writer would have made them */
    struct outbox outbox;
    struct buf problem = {0};
    int error = OK;

    outbox_init(&outbox, "order", 0);
    for (size_t i = 0; i < batches; i++) {
        outbox_begin(&outbox);
        for (size_t k = 0; k < BATCH; k++)
            add_event(&outbox);
        committed[i] = outbox;
        outbox.frames = (struct buf){0};
    }
    struct kafka_relay *relay = kafka_relay_new(&options, &problem, &error);
    if (!relay)
        return (struct figure){0, 0};
    struct kafka_lane *lane = kafka_lane_open(relay, &lane_options);
    int64_t began = clock_monotonic(), cpu = cpu_us();
    for (size_t i = 0; i < batches; i++)
        kafka_lane_publish(lane, &committed[i]);
    while (kafka_lane_position(lane) < batches * BATCH)
        (void)poll(NULL, 0, 1);
    int64_t took = clock_monotonic() - began;
    cpu = cpu_us() - cpu;
    kafka_lane_close(lane);
    kafka_relay_free(relay);
    free(committed);
    return figure_of(batches * BATCH, took, cpu);
}

/* ---- the bare loop ---- */

static size_t delivered;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    UNUSED(rk);
    UNUSED(opaque);
    delivered += message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_t *bare_producer(void)
{
    static const char *const settings[] = {"enable.idempotence",         "true", "acks", "all", "linger.ms", "1",
                                           "queue.buffering.max.kbytes", "8192"};
    char reason[REASON_SIZE];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    (void)rd_kafka_conf_set(conf, "bootstrap.servers", kafka.servers, reason, sizeof(reason));
    for (size_t i = 0; i < COUNT_OF(settings); i += 2)
        (void)rd_kafka_conf_set(conf, settings[i], settings[i + 1], reason, sizeof(reason));
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
}

static bool send_bare(rd_kafka_t *rk, const struct kafka_message *message)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->n_headers);
    void *value; /* which is only read */

    memcpy(&value, &message->value.p, sizeof(value));
    for (size_t i = 0; i < message->n_headers; i++)
        (void)rd_kafka_header_add(headers, message->headers[i].name.p, (ssize_t)message->headers[i].name.n,
                                  message->headers[i].value.p, (ssize_t)message->headers[i].value.n);
    if (!rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(kafka.topic), RD_KAFKA_V_PARTITION(0),
                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(message->key.p, message->key.n),
                           RD_KAFKA_V_VALUE(value, message->value.n), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END))
        return true;
    rd_kafka_headers_destroy(headers); /* its queue is full */
    return false;
}

static struct figure run_bare(size_t events)
{
    struct kafka_encoder encoder = {0};
    struct kafka_message message;
    struct outbox outbox;
    rd_kafka_t *rk = bare_producer();

    if (!rk)
        return (struct figure){0, 0};
    outbox_init(&outbox, "order", 100000);
    outbox_begin(&outbox);
    add_event(&outbox);
    struct str rest;
    struct str text = buf_str(&outbox.frames); /* "id: …\ndata: {…}\n\n" */
    (void)str_split(text, '\n', &rest);
    text = str_split((struct str){rest.p + sizeof("data: ") - 1, rest.n - sizeof("data: ") + 1}, '\n', &rest);
    if (kafka_event_encode(&encoder, text, 0, &message))
        return (struct figure){0, 0};
    delivered = 0;
    int64_t began = clock_monotonic(), cpu = cpu_us();
    for (size_t i = 0; i < events; i++) {
        while (!send_bare(rk, &message))
            (void)rd_kafka_poll(rk, TRY_MS);
        (void)rd_kafka_poll(rk, 0);
    }
    while (delivered < events)
        (void)rd_kafka_poll(rk, TRY_MS);
    int64_t took = clock_monotonic() - began;
    cpu = cpu_us() - cpu;
    rd_kafka_destroy(rk);
    kafka_encoder_free(&encoder);
    outbox_free(&outbox);
    return figure_of(events, took, cpu);
}

int main(int argc, char **argv)
{
    size_t events = argc > 2 ? strtoul(argv[2], NULL, 10) : USUAL_EVENTS;
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : USUAL_ROUNDS;
    const struct kafka_topic_options topic = {.kafka = &kafka, .partitions = 1, .replication = 1, .patience_ms = 30000};
    struct buf problem = {0};

    if (argc < 2 || events < BATCH) {
        fprintf(stderr, "usage: kafka_bench SERVERS [EVENTS [ROUNDS]]\n");
        return 2;
    }
    kafka.servers = argv[1];
    if (kafka_topic_prepare(&topic, &problem)) {
        fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&problem)));
        return 1;
    }
    printf("%-6s %14s %14s %8s %18s %14s\n", "round", "bare, events/s", "relay", "ratio", "bare, CPU us/event",
           "relay");
    for (size_t i = 0; i < rounds; i++) {
        struct figure bare = run_bare(events), relay = run_relay(events);
        printf("%-6zu %14.0f %14.0f %8.2f %18.1f %14.1f\n", i + 1, bare.rate, relay.rate,
               bare.rate > 0 ? relay.rate / bare.rate : 0, bare.cpu_us, relay.cpu_us);
    }
    buf_free(&problem);
    return 0;
}
