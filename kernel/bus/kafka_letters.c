#include "kafka_letters.h"

#include "base.h"
#include "clock.h"
#include "errors.h"

enum { REASON_SIZE = 256 };

void kafka_letters_init(struct kafka_letters *letters, const struct kafka_options *kafka, struct kafka_trouble *trouble)
{
    *letters = (struct kafka_letters){.trouble = trouble, .kafka = kafka};
}

void kafka_letters_forget(struct kafka_letters *letters)
{
    if (letters->rk && letters->state == KAFKA_LETTER_UNDER_WAY) {
        (void)rd_kafka_purge(letters->rk,
                             RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
        kafka_connection_end(letters->rk); /* an answer that comes later is nobody's */
        letters->rk = NULL;
    }
    letters->state = KAFKA_LETTER_NONE;
    letters->without_value = false;
}

void kafka_letters_free(struct kafka_letters *letters)
{
    kafka_letters_forget(letters);
    kafka_connection_end(letters->rk);
    letters->rk = NULL;
}

static void say(struct kafka_letters *letters, const char *topic, rd_kafka_resp_err_t error)
{
    struct buf text = {0};

    buf_printf(&text, "a message can't be written to the topic %s, and those behind it wait: %s", topic,
               rd_kafka_err2str(error));
    buf_char(&text, '\0');
    kafka_trouble_say(letters->trouble, error, text.failed ? rd_kafka_err2str(error) : text.p);
    buf_free(&text);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_letters *letters = message->_private;

    UNUSED(rk);
    UNUSED(opaque);
    letters->state = message->err ? KAFKA_LETTER_FAILED : KAFKA_LETTER_THERE;
    letters->without_value |= message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    if (message->err)
        say(letters, rd_kafka_topic_name(message->rkt), message->err);
}

static int begin(struct kafka_letters *letters)
{
    kafka_settings settings = {"enable.idempotence", "true",  "acks", "all", "linger.ms", "0",
                               "message.timeout.ms", "10000", NULL};
    char reason[REASON_SIZE];
    struct buf problem = {0};
    int error = OK;

    if (letters->rk)
        return OK;
    rd_kafka_conf_t *conf = kafka_connection_conf(letters->kafka, settings, letters->trouble, &problem, &error);
    buf_free(&problem);
    if (!conf)
        return error;
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    letters->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (letters->rk)
        return OK;
    rd_kafka_conf_destroy(conf);
    return E_SYSTEM;
}

static void add(rd_kafka_headers_t *headers, const struct kafka_header *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)rd_kafka_header_add(headers, list[i].name.p, (ssize_t)list[i].name.n, list[i].value.p,
                                  (ssize_t)list[i].value.n);
}

static int produce(struct kafka_letters *letters, const char *topic, int32_t partition,
                   const struct kafka_message *message, const struct kafka_header *more, size_t n_more)
{
    static const struct kafka_header left_out = {STR_INIT("value"), STR_INIT("left out: too large")};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(n_more + message->n_headers + 1);
    void *value; /* which is only read */

    memcpy(&value, &message->value.p, sizeof(value));
    add(headers, more, n_more);
    add(headers, &left_out, letters->without_value ? 1 : 0);
    add(headers, message->headers, message->n_headers);
    letters->state = KAFKA_LETTER_UNDER_WAY;
    rd_kafka_resp_err_t error = rd_kafka_producev(
        letters->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_KEY(message->key.n ? message->key.p : NULL, message->key.n),
        RD_KAFKA_V_VALUE(letters->without_value ? NULL : value, letters->without_value ? 0 : message->value.n),
        RD_KAFKA_V_OPAQUE(letters), RD_KAFKA_V_END);
    if (!error)
        return OK;
    rd_kafka_headers_destroy(headers);
    letters->state = KAFKA_LETTER_NONE;
    letters->without_value |= error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    say(letters, topic, error);
    return E_UNAVAILABLE;
}

/* A producer that ended for good, as an idempotent one may, is made anew. */
static int fail(struct kafka_letters *letters)
{
    char reason[REASON_SIZE];

    letters->state = KAFKA_LETTER_NONE;
    if (rd_kafka_fatal_error(letters->rk, reason, sizeof(reason))) {
        kafka_trouble_say(letters->trouble, RD_KAFKA_RESP_ERR__FATAL, reason);
        kafka_connection_end(letters->rk);
        letters->rk = NULL;
    }
    return E_UNAVAILABLE;
}

int kafka_letters_send(struct kafka_letters *letters, const char *topic, int32_t partition,
                       const struct kafka_message *message, const struct kafka_header *more, size_t n_more, int wait_ms)
{
    int64_t deadline = clock_monotonic() + wait_ms * US_PER_MS;
    int rc = begin(letters);

    if (!rc && letters->state == KAFKA_LETTER_NONE)
        rc = produce(letters, topic, partition, message, more, n_more);
    if (rc)
        return rc;
    do
        (void)rd_kafka_poll(letters->rk, wait_ms);
    while (letters->state == KAFKA_LETTER_UNDER_WAY && clock_monotonic() < deadline);
    if (letters->state == KAFKA_LETTER_UNDER_WAY)
        return E_BUSY;
    if (letters->state == KAFKA_LETTER_FAILED)
        return fail(letters);
    letters->state = KAFKA_LETTER_NONE;
    letters->without_value = false;
    return OK;
}
