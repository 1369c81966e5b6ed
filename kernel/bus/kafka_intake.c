#include "kafka_intake.h"

#include "alloc.h"
#include "base.h"
#include "cell.h"
#include "clock.h"
#include "errors.h"
#include "kafka_topic.h"
#include "log.h"
#include "metrics.h"

#include <stdio.h>

enum { WAIT_MS = 50, ASK_MS = 1000, NUMBER_SIZE = 24 };

static struct metric consumed = METRIC_COUNTER_INIT("coffeeshop_kafka_consumed_total", "Events taken from the topic.");
static struct metric foreign =
    METRIC_COUNTER_INIT("coffeeshop_kafka_foreign_total", "Messages of the original system among them.");
static struct metric rekeyed = METRIC_COUNTER_INIT(
    "coffeeshop_kafka_rekeyed_total", "Messages of the original system written once more, where they belong.");
static struct metric dead = METRIC_COUNTER_INIT("coffeeshop_kafka_dead_letters_total",
                                                "Messages that can't be read, brought to the dead letters' topic.");

bool kafka_intake_init(struct kafka_intake *intake, const struct kafka_consumer_options *options)
{
    kafka_trouble_init(&intake->trouble, "consumer");
    intake->options = *options;
    intake->decoder.foreign = options->foreign;
    kafka_letters_init(&intake->letters, options->kafka, &intake->trouble);
    metric_register(&consumed);
    metric_register(&foreign);
    metric_register(&rekeyed);
    metric_register(&dead);
    intake->parts = heap_alloc((size_t)options->partitions * sizeof(*intake->parts));
    for (int32_t i = 0; intake->parts && i < options->partitions; i++)
        intake->parts[i].stored = -1;
    return intake->parts != NULL;
}

static void let_go(struct kafka_intake *intake)
{
    if (intake->held)
        rd_kafka_message_destroy(intake->held);
    intake->held = NULL;
    intake->held_reason = NULL;
    intake->held_written = false;
}

void kafka_intake_free(struct kafka_intake *intake)
{
    let_go(intake);
    kafka_letters_free(&intake->letters);
    kafka_connection_end(intake->rk);
    kafka_decoder_free(&intake->decoder);
    kafka_encoder_free(&intake->encoder);
    heap_free(intake->parts);
    kafka_trouble_free(&intake->trouble);
}

/* ---- which partitions ---- */

static rd_kafka_topic_partition_list_t *only(const struct kafka_intake *intake, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, intake->options.kafka->topic, partition)->offset = offset;
    return list;
}

static int hear(struct kafka_intake *intake, rd_kafka_error_t *failed)
{
    if (!failed)
        return OK;
    kafka_trouble_say(&intake->trouble, rd_kafka_error_code(failed), rd_kafka_error_string(failed));
    rd_kafka_error_destroy(failed);
    return E_UNAVAILABLE;
}

int kafka_intake_follow(struct kafka_intake *intake, int32_t partition, int64_t offset)
{
    struct kafka_part *part = &intake->parts[partition];
    rd_kafka_topic_partition_list_t *list = only(intake, partition, offset);

    ASSERT(!part->followed);
    int rc = hear(intake, rd_kafka_incremental_assign(intake->rk, list));
    rd_kafka_topic_partition_list_destroy(list);
    if (rc)
        return rc;
    part->paused = false;
    atomic_store(&part->next, offset);
    atomic_store(&part->waiting, 0);
    atomic_store(&part->stored, -1);
    atomic_store(&part->error, OK);
    atomic_store(&part->followed, true);
    return OK;
}

void kafka_intake_leave(struct kafka_intake *intake, int32_t partition)
{
    struct kafka_part *part = &intake->parts[partition];

    if (!atomic_exchange(&part->followed, false))
        return;
    if (intake->held && intake->held->partition == partition) {
        let_go(intake);
        kafka_letters_forget(&intake->letters); /* should it arrive, it does so twice */
    }
    rd_kafka_topic_partition_list_t *list = only(intake, partition, RD_KAFKA_OFFSET_INVALID);
    (void)hear(intake, rd_kafka_incremental_unassign(intake->rk, list));
    rd_kafka_topic_partition_list_destroy(list);
}

/* An only partition is held back by not asking for more: librdkafka's own queue is full soon, and it stops fetching. A
 * resumed one it takes up again only when its thread turns, which may be a second later. */
static void pause_or_resume(struct kafka_intake *intake, int32_t partition, bool pause)
{
    intake->parts[partition].paused = pause;
    if (intake->options.partitions == 1)
        return;
    rd_kafka_topic_partition_list_t *list = only(intake, partition, RD_KAFKA_OFFSET_INVALID);

    (void)(pause ? rd_kafka_pause_partitions(intake->rk, list) : rd_kafka_resume_partitions(intake->rk, list));
    rd_kafka_topic_partition_list_destroy(list);
}

static void resume_those_with_room(struct kafka_intake *intake)
{
    for (int32_t i = 0; i < intake->options.partitions; i++) {
        struct kafka_part *part = &intake->parts[i];
        if (part->followed && part->paused && atomic_load(&part->waiting) <= intake->options.max_waiting / 2)
            pause_or_resume(intake, i, false);
    }
}

/* ---- a message ---- */

static struct kafka_message message_of(rd_kafka_message_t *raw)
{
    struct kafka_message message = {.key = {raw->key, raw->key ? raw->key_len : 0},
                                    .value = {raw->payload, raw->payload ? raw->len : 0},
                                    .partition = raw->partition,
                                    .offset = raw->offset};
    rd_kafka_timestamp_type_t type;
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value;
    size_t n;

    int64_t timestamp = rd_kafka_message_timestamp(raw, &type);
    message.timestamp_ms = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp > 0 ? timestamp : 0;
    if (rd_kafka_message_headers(raw, &headers))
        return message;
    for (size_t i = 0;
         message.n_headers < KAFKA_EVENT_HEADERS && !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++) {
        if (value && kafka_event_knows_header(str_of(name)))
            message.headers[message.n_headers++] = (struct kafka_header){str_of(name), {value, n}};
    }
    return message;
}

/* What can't be read, to the dead letters. OK: it is there. */
static int bury(struct kafka_intake *intake, const struct kafka_message *message, const char *reason)
{
    char topic[KAFKA_TOPIC_MAX + sizeof(KAFKA_DEAD_LETTERS)], partition[NUMBER_SIZE], offset[NUMBER_SIZE];

    stpcpy(stpcpy(topic, intake->options.kafka->topic), KAFKA_DEAD_LETTERS);
    (void)snprintf(partition, sizeof(partition), "%d", (int)message->partition);
    (void)snprintf(offset, sizeof(offset), "%lld", (long long)message->offset);
    const struct kafka_header why[] = {{STR("reason"), str_of(reason)},
                                       {STR("source_partition"), str_of(partition)},
                                       {STR("source_offset"), str_of(offset)}};
    int rc = kafka_letters_send(&intake->letters, topic, RD_KAFKA_PARTITION_UA, message, why, COUNT_OF(why), WAIT_MS);
    if (rc)
        return rc;
    metric_add(&dead, 1);
    log_error("a message can't be read: it is among the dead letters", LOG_I("partition", message->partition),
              LOG_I("offset", message->offset), LOG_T("reason", reason));
    return OK;
}

/* A foreign message, to the partition that its key belongs to. OK: it is there. */
static int key_anew(struct kafka_intake *intake, const struct kafka_message *message, const struct kafka_event *event,
                    int32_t home)
{
    struct kafka_message again;
    int rc = kafka_event_rekey(&intake->encoder, event, message->value, &again);

    if (!rc)
        rc = kafka_letters_send(&intake->letters, intake->options.kafka->topic, home, &again, NULL, 0, WAIT_MS);
    if (!rc)
        metric_add(&rekeyed, 1);
    return rc;
}

static int hand_over(struct kafka_intake *intake, const struct kafka_arrival *arrival)
{
    const char *reason = intake->options.take(intake->options.owner, arrival);

    if (reason) { /* again, and as unreadable if it is */
        if (reason != error_text(E_MEMORY) && arrival->reading != KAFKA_READ_UNREADABLE) {
            intake->held_reason = reason;
            intake->held_written = false;
        }
        return E_MEMORY;
    }
    struct kafka_part *part = &intake->parts[arrival->partition];
    atomic_store(&part->next, arrival->offset + 1);
    if (arrival->reading == KAFKA_READ_OURS || arrival->reading == KAFKA_READ_FOREIGN)
        metric_add(&consumed, 1);
    if (arrival->reading == KAFKA_READ_FOREIGN)
        metric_add(&foreign, 1);
    if (atomic_fetch_add(&part->waiting, 1) + 1 >= intake->options.max_waiting)
        pause_or_resume(intake, arrival->partition, true);
    return OK;
}

/* What it is here. A foreign one away from home is none of this cell's. */
static enum kafka_reading read_message(struct kafka_intake *intake, const struct kafka_message *message,
                                       struct kafka_event *event, int32_t *home)
{
    enum kafka_reading reading = kafka_event_decode(&intake->decoder, message, event);

    *home = message->partition;
    if (intake->held_reason) {
        event->reason = intake->held_reason;
        return KAFKA_READ_UNREADABLE;
    }
    if (reading != KAFKA_READ_FOREIGN)
        return reading;
    *home = cell_of_key(event->key, intake->options.partitions);
    return *home == message->partition ? KAFKA_READ_FOREIGN : KAFKA_READ_OTHER;
}

/* OK: it is the taker's; else it is to be looked at again. */
static int look_at(struct kafka_intake *intake, rd_kafka_message_t *raw)
{
    const struct kafka_message message = message_of(raw);
    struct kafka_arrival arrival = {.partition = raw->partition, .offset = raw->offset};
    int32_t home;
    int rc = OK;

    arrival.reading = read_message(intake, &message, &arrival.event, &home);
    if (arrival.reading == KAFKA_READ_NO_MEMORY)
        return E_MEMORY;
    if (arrival.reading == KAFKA_READ_UNREADABLE && !intake->held_written)
        rc = bury(intake, &message, arrival.event.reason);
    else if (home != raw->partition && intake->options.rekeys && !intake->held_written)
        rc = key_anew(intake, &message, &arrival.event, home);
    if (rc)
        return rc;
    if (arrival.reading == KAFKA_READ_UNREADABLE || home != raw->partition)
        kafka_trouble_over(&intake->trouble); /* what was written of it is there */
    intake->held_written = true;
    return hand_over(intake, &arrival);
}

/* ---- what librdkafka says ---- */

static void take_error(struct kafka_intake *intake, const rd_kafka_message_t *raw)
{
    if (raw->err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        kafka_trouble_say(&intake->trouble, raw->err, rd_kafka_message_errstr(raw));
        return;
    }
    if (raw->partition < 0 || raw->partition >= intake->options.partitions)
        return;
    struct kafka_part *part = &intake->parts[raw->partition];
    int64_t oldest = -1, end = -1;
    if (rd_kafka_query_watermark_offsets(intake->rk, intake->options.kafka->topic, raw->partition, &oldest, &end,
                                         ASK_MS))
        oldest = -1;
    atomic_store(&part->oldest, oldest);
    if (part->followed && atomic_exchange(&part->error, E_NOT_FOUND) == OK)
        log_error("the topic doesn't hold the offset that is needed", LOG_I("partition", raw->partition),
                  LOG_I("offset", part->next), LOG_T("reason", rd_kafka_message_errstr(raw)));
}

/* Whether it is of a partition that is followed, and not one that was handed over already. */
static bool is_wanted(const struct kafka_intake *intake, const rd_kafka_message_t *raw)
{
    return raw->partition >= 0 && raw->partition < intake->options.partitions &&
           intake->parts[raw->partition].followed && raw->offset >= intake->parts[raw->partition].next;
}

static bool take_next(struct kafka_intake *intake)
{
    rd_kafka_message_t *raw = rd_kafka_consumer_poll(intake->rk, 0);

    if (!raw)
        return false;
    if (raw->err)
        take_error(intake, raw);
    if (raw->err || !is_wanted(intake, raw)) {
        rd_kafka_message_destroy(raw);
        return true;
    }
    kafka_trouble_over(&intake->trouble);
    intake->held = raw;
    return true;
}

bool kafka_intake_turn(struct kafka_intake *intake, int most)
{
    int n = 0;

    resume_those_with_room(intake);
    while (n++ < most) {
        if (!intake->held && ((intake->options.partitions == 1 && intake->parts[0].paused) || !take_next(intake)))
            return false;
        if (!intake->held)
            continue;
        const bool had_reason = intake->held_reason != NULL;
        if (look_at(intake, intake->held)) {
            if (intake->held_reason && !had_reason)
                continue; /* now it is known what it is */
            return false;
        }
        let_go(intake);
    }
    return true;
}
