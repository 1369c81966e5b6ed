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

void topic_add_trouble(struct service *service, struct buf *out)
{
    const struct service_topic *topic = service->topic;
    const char *name = service->common->kafka.topic;
    int unsendable = topic->lane ? kafka_lane_error(topic->lane) : OK;

    if (topic->intake.consumer && kafka_consumer_error(topic->intake.consumer, TOPIC_PARTITION)) {
        separate(out);
        if (topic_intake_has_gap(&topic->intake))
            buf_printf(out,
                       "the topic %s keeps its messages from offset %lld on only, and those from %lld on are needed "
                       "here; `coffeeshop feeds %s resume topic:%s` goes on without those that are gone",
                       name, (long long)kafka_consumer_oldest(topic->intake.consumer, TOPIC_PARTITION),
                       (long long)atomic_load(&topic->intake.next), service->program->name, name);
        else
            buf_printf(out,
                       "the topic %s is not the one that was read here: it ends before offset %lld; put it back, or "
                       "give the shop another one (kafka.topic): what is still kept is told again there",
                       name, (long long)atomic_load(&topic->intake.next));
    }
    if (unsendable && unsendable != E_UNAVAILABLE && unsendable != E_MEMORY) { /* those end by themselves */
        separate(out);
        buf_printf(out, "the event %llu can't be brought to the topic %s, and those behind it wait: %s",
                   (unsigned long long)kafka_lane_position(topic->lane) + 1, name, error_text(unsendable));
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

static const char *state_of(const struct topic_intake *intake)
{
    if (kafka_consumer_error(intake->consumer, TOPIC_PARTITION))
        return topic_intake_has_gap(intake) ? "gap" : "another history";
    return kafka_consumer_trouble(intake->consumer, NULL) ? "not connected" : "following";
}

static void add_feed(struct buf *out, const char *source, uint64_t position, const char *state)
{
    buf_printf(out, "%s{\"source\":\"%s\",\"epoch\":\"0\",\"position\":%llu,\"state\":\"%s\"}",
               out->p[out->n - 1] == '}' ? "," : "", source, (unsigned long long)position, state);
}

/* The topic, and how far each producer is known from it. */
void topic_list(struct service *service, struct buf *out)
{
    const struct topic_intake *intake = &service->topic->intake;
    const struct service_parts *parts = &service->parts;

    if (!intake->consumer)
        return;
    const char *state = state_of(intake);
    add_feed(out, parts->cursors->source[service->topic->topic_source], (uint64_t)atomic_load(&intake->next), state);
    for (size_t i = 0; i < parts->n_producers; i++)
        add_feed(out, parts->producers[i].name, atomic_load(&intake->seen[i]), state);
}

/* What was said in between isn't known: whoever has to look behind a gap is told of one. */
static void post_gaps(struct service *service)
{
    const struct topic_intake *intake = &service->topic->intake;

    for (size_t i = 0; i < service->parts.n_producers; i++) {
        struct command *gap = bare_command_new(COMMAND_GAP, (struct str){NULL, 0}, (struct str){NULL, 0});
        if (!gap)
            continue;
        gap->origin = FROM_FEED;
        gap->source = i;
        gap->position = atomic_load(&intake->seen[i]);
        writer_post_list(service->writer, gap, gap, 1);
    }
}

int topic_resume(struct service *service, struct str source)
{
    struct topic_intake *intake = &service->topic->intake;

    if (!intake->consumer || !str_is(source, service->parts.cursors->source[service->topic->topic_source]))
        return E_NOT_FOUND;
    if (!topic_intake_has_gap(intake))
        return E_CONFLICT;
    int64_t oldest = kafka_consumer_oldest(intake->consumer, TOPIC_PARTITION);
    log_warning("events that the topic no longer keeps are passed over", LOG_I("next", atomic_load(&intake->next)),
                LOG_I("oldest", oldest));
    kafka_consumer_leave(intake->consumer, TOPIC_PARTITION);
    post_gaps(service);
    return kafka_consumer_follow(intake->consumer, TOPIC_PARTITION, oldest);
}
