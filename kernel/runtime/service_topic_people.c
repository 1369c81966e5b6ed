/* service_topic_people.c: what people are told of the topic, and what they can decide. */
#include "bare_command.h"
#include "errors.h"
#include "log.h"
#include "service_topic.h"

static void separate(struct buf *out)
{
    if (out->n > 0)
        BUF_LIT(out, "; ");
}

static void add_intake_trouble(const struct service *service, const struct topic_cell_intake *cell, struct buf *out)
{
    const struct kafka_consumer *consumer = cell->intake->consumer;
    const char *name = service->common->kafka.topic;
    long long next = (long long)atomic_load(&cell->next);

    if (!kafka_consumer_error(consumer, cell->cell))
        return;
    separate(out);
    buf_printf(out, "partition %d of ", (int)cell->cell);
    if (topic_intake_has_gap(cell))
        buf_printf(out,
                   "the topic %s keeps its messages from offset %lld on only, and those from %lld on are needed "
                   "here; `coffeeshop feeds %s resume topic:%s` goes on without those that are gone",
                   name, (long long)kafka_consumer_oldest(consumer, cell->cell), next, service->program->name, name);
    else
        buf_printf(out,
                   "the topic %s is not the one that was read here: it ends before offset %lld; put it back, or "
                   "give the shop another one (kafka.topic): what is still kept is told again there",
                   name, next);
}

static void add_lane_trouble(const struct service *service, const struct kafka_lane *lane, struct buf *out)
{
    int unsendable = lane ? kafka_lane_error(lane) : OK;

    if (!unsendable || unsendable == E_UNAVAILABLE || unsendable == E_MEMORY)
        return; /* those end by themselves */
    separate(out);
    buf_printf(out, "the event %llu can't be brought to the topic %s, and those behind it wait: %s",
               (unsigned long long)kafka_lane_position(lane) + 1, service->common->kafka.topic, error_text(unsendable));
}

void topic_add_trouble(struct service *service, struct buf *out)
{
    const struct service_topic *topic = service->topic;

    for (int32_t i = 0; i < service->n_cells; i++) {
        if (topic->intake.consumer)
            add_intake_trouble(service, &topic->intake.cells[i], out);
        add_lane_trouble(service, topic->cells[i].lane, out);
    }
}

void topic_add_notice(struct service *service, struct buf *out)
{
    struct service_topic *topic = service->topic;
    struct buf why = {0};

    int rc = topic->relay ? kafka_relay_trouble(topic->relay, &why) : OK;
    if (!rc && topic->intake.consumer)
        rc = kafka_consumer_trouble(topic->intake.consumer, &why);
    if (rc)
        buf_printf(out, "%s (%.*s); what is said here is kept, and told when it is back",
                   rc == E_SYSTEM ? "Kafka refuses" : "Kafka is away", STR_ARG(buf_str(&why)));
    buf_free(&why);
}

/* ---- for people ---- */

static const char *state_of(const struct topic_cell_intake *cell)
{
    if (kafka_consumer_error(cell->intake->consumer, cell->cell))
        return topic_intake_has_gap(cell) ? "gap" : "another history";
    return kafka_consumer_trouble(cell->intake->consumer, NULL) ? "not connected" : "following";
}

/* Of several cells it is said which. */
static void add_feed(const struct service *service, struct buf *out, int32_t cell, const char *source,
                     uint64_t position, const char *state)
{
    buf_printf(out, "%s{\"source\":\"%s\",", out->p[out->n - 1] == '}' ? "," : "", source);
    if (service->n_cells > 1)
        buf_printf(out, "\"cell\":%d,", (int)cell);
    buf_printf(out, "\"epoch\":\"0\",\"position\":%llu,\"state\":\"%s\"}", (unsigned long long)position, state);
}

/* The topic, and how far each producer is known from it. */
void topic_list(struct service *service, struct buf *out)
{
    const struct topic_intake *intake = &service->topic->intake;
    const struct service_parts *parts = &service->parts;
    const char *topic = intake->consumer ? service->began[0].source[service->topic->topic_source] : NULL;

    for (int32_t i = 0; topic && i < service->n_cells; i++) {
        const struct topic_cell_intake *cell = &intake->cells[i];
        const char *state = state_of(cell);
        add_feed(service, out, i, topic, (uint64_t)atomic_load(&cell->next), state);
        for (size_t k = 0; k < parts->n_producers; k++)
            add_feed(service, out, i, parts->producers[k].name, atomic_load(&cell->seen[k]), state);
    }
}

/* What was said in between isn't known: whoever has to look behind a gap is told of one. */
static void post_gaps(struct service *service, const struct topic_cell_intake *cell)
{
    for (size_t i = 0; i < service->parts.n_producers; i++) {
        struct command *gap = bare_command_new(COMMAND_GAP, (struct str){NULL, 0}, (struct str){NULL, 0});
        if (!gap)
            continue;
        gap->origin = FROM_FEED;
        gap->cell = cell->cell;
        gap->source = i;
        gap->position = atomic_load(&cell->seen[i]);
        writer_post_list(service->writer, gap, gap, 1);
    }
}

static int pass_over(struct service *service, const struct topic_cell_intake *cell)
{
    struct kafka_consumer *consumer = cell->intake->consumer;
    int64_t oldest = kafka_consumer_oldest(consumer, cell->cell);

    log_warning("events that the topic no longer keeps are passed over", LOG_I("partition", cell->cell),
                LOG_I("next", atomic_load(&cell->next)), LOG_I("oldest", oldest));
    kafka_consumer_leave(consumer, cell->cell);
    post_gaps(service, cell);
    return kafka_consumer_follow(consumer, cell->cell, oldest);
}

/* All partitions that have a gap. */
int topic_resume(struct service *service, struct str source)
{
    struct topic_intake *intake = &service->topic->intake;
    int rc = E_CONFLICT;

    if (!intake->consumer || !str_is(source, service->began[0].source[service->topic->topic_source]))
        return E_NOT_FOUND;
    for (int32_t i = 0; i < service->n_cells && (rc == OK || rc == E_CONFLICT); i++) {
        if (topic_intake_has_gap(&intake->cells[i]))
            rc = pass_over(service, &intake->cells[i]);
    }
    return rc;
}
