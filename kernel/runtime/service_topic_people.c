/* service_topic_people.c: what people are told of the topic, and what they can decide. */
#include "bare_command.h"
#include "errors.h"
#include "log.h"
#include "service_topic.h"
#include "topic_forgery.h"

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

static void add_stranger(const struct service *service, const struct topic_cell_intake *cell, struct buf *out)
{
    const char *name = service->common->kafka.topic;
    uint64_t stranger = atomic_load(&cell->stranger);

    if (!stranger)
        return;
    separate(out);
    buf_printf(out,
               "the topic %s has event %llu of this service's, which has said %llu: another shop is on it, or the data "
               "here is older than what was told; give this shop a topic of its own (kafka.topic). If somebody else "
               "wrote that event alone, `coffeeshop feeds %s resume topic:%s` puts it aside",
               name, (unsigned long long)stranger,
               (unsigned long long)atomic_load(&service->topic->cells[cell->cell].newest), service->program->name,
               name);
}

static void add_lane_trouble(const struct service *service, const struct kafka_lane *lane, struct buf *out)
{
    int unsendable = lane ? kafka_lane_error(lane) : OK;

    if (!unsendable || unsendable == E_UNAVAILABLE || unsendable == E_MEMORY)
        return; /* those end by themselves */
    separate(out);
    if (unsendable == E_FOREIGN) {
        buf_printf(out,
                   "the topic %s is not there any more, or has lost a partition: put it back, or give the shop "
                   "another one (kafka.topic): what is still kept is told again there",
                   service->common->kafka.topic);
        return;
    }
    buf_printf(out, "the event %llu can't be brought to the topic %s, and those behind it wait: %s",
               (unsigned long long)kafka_lane_position(lane) + 1, service->common->kafka.topic, error_text(unsendable));
}

void topic_add_trouble(struct service *service, struct buf *out)
{
    const struct service_topic *topic = service->topic;

    for (int32_t i = 0; i < service->n_cells; i++) {
        if (topic->intake.consumer) {
            add_intake_trouble(service, &topic->intake.cells[i], out);
            add_stranger(service, &topic->intake.cells[i], out);
        }
        add_lane_trouble(service, topic->cells[i].lane, out);
    }
}

/* Whose events came ahead of what is missing before them. */
static void add_ahead(const struct service *service, const struct topic_cell_intake *cell, struct buf *out)
{
    const char *name = service->common->kafka.topic;

    for (size_t i = 0; i < service->parts.n_producers; i++) {
        if (!atomic_load(&cell->ahead[i]))
            continue;
        separate(out);
        buf_printf(out,
                   "event %llu of %s's is not on the topic %s, and what comes ahead of it is put aside in its .dlt: "
                   "somebody else writes there, or it is lost; then `coffeeshop feeds %s resume topic:%s` goes on "
                   "without it",
                   (unsigned long long)atomic_load(&cell->seen[i]) + 1, service->parts.producers[i].name, name,
                   service->program->name, name);
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
    for (int32_t i = 0; topic->intake.consumer && i < service->n_cells; i++)
        add_ahead(service, &topic->intake.cells[i], out);
    buf_free(&why);
}

/* ---- for people ---- */

static const char *state_of(const struct topic_cell_intake *cell)
{
    if (kafka_consumer_error(cell->intake->consumer, cell->cell))
        return topic_intake_has_gap(cell) ? "gap" : "another history";
    if (atomic_load(&cell->stranger))
        return "another history";
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

static int pass_over(struct service *service, struct topic_cell_intake *cell)
{
    struct kafka_consumer *consumer = cell->intake->consumer;
    int64_t oldest = kafka_consumer_oldest(consumer, cell->cell);

    log_warning("events that the topic no longer keeps are passed over", LOG_I("partition", cell->cell),
                LOG_I("next", atomic_load(&cell->next)), LOG_I("oldest", oldest));
    kafka_consumer_leave(consumer, cell->cell);
    post_gaps(service, cell);
    topic_join(cell);
    return kafka_consumer_follow(consumer, cell->cell, oldest);
}

/* All partitions that have a gap, or something else to be decided. */
int topic_resume(struct service *service, struct str source)
{
    struct topic_intake *intake = &service->topic->intake;
    int rc = E_CONFLICT;

    if (!intake->consumer || !str_is(source, service->began[0].source[service->topic->topic_source]))
        return E_NOT_FOUND;
    for (int32_t i = 0; i < service->n_cells && (rc == OK || rc == E_CONFLICT); i++) {
        if (topic_intake_has_gap(&intake->cells[i]))
            rc = pass_over(service, &intake->cells[i]);
        else if (topic_pass(&intake->cells[i]))
            rc = OK;
    }
    return rc;
}
