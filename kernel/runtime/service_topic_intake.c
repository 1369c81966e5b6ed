/* service_topic_intake.c: from the topic's messages to the writer's queue.
 *
 *  message -> event (kafka_event.h) -> command, gathered for a turn of the consumer's -> one writer_post_list()
 *
 * The last command of a list moves the offset: it is committed with the events in front of it or after them, never
 * before, so that what is read again after a crash are repeats. */
#include "bare_command.h"
#include "errors.h"
#include "service_decode.h"
#include "service_topic.h"

#include "alloc.h"

static const struct str nothing = {NULL, 0};

void topic_intake_init(struct topic_intake *intake, struct service *service)
{
    const struct service_parts *parts = &service->parts;

    intake->service = service;
    for (size_t i = 0; i < parts->n_producers; i++)
        intake->seen[i] = parts->cursors->position[i];
    intake->next = (int64_t)parts->cursors->position[intake->topic_source];
}

/* ---- gathering ---- */

static void gather(struct topic_intake *intake, struct command *command, size_t source, uint64_t position)
{
    command->next = NULL;
    command->origin = FROM_FEED;
    command->source = source;
    command->position = position;
    if (intake->first)
        intake->last->next = command;
    else
        intake->first = command;
    intake->last = command;
    intake->n++;
    intake->skipped[source] = 0; /* this one moves the cursor past them, too */
}

/* Its index; n_producers: nobody whom this service hears. */
static size_t find_producer(const struct service_parts *parts, struct str name)
{
    size_t i = 0;

    while (i < parts->n_producers && !str_is(name, parts->producers[i].name))
        i++;
    return i;
}

/* It is a dead letter here, in the transaction that moves the cursor past it; and one on the topic, for everybody to
 * see: that comes first. */
static const char *put_aside(struct topic_intake *intake, const struct kafka_arrival *arrival, size_t source,
                             uint64_t position, const char *reason)
{
    struct command *dead = bare_command_new(COMMAND_DEAD, str_of(reason), arrival->event.text);

    if (!dead)
        return error_text(E_MEMORY);
    dead->source = source;
    dead->position = position;
    if (intake->aside)
        intake->aside->finish(intake->aside, E_CLOSING);
    intake->aside = dead;
    intake->aside_offset = arrival->offset;
    return reason;
}

/* NULL: it is seen to. What has no position of its own (the original's messages have none) has the topic's. */
static const char *take_event(struct topic_intake *intake, const struct kafka_arrival *arrival)
{
    const struct service_parts *parts = &intake->service->parts;
    const struct kafka_event *event = &arrival->event;
    size_t producer = find_producer(parts, event->producer);
    bool is_placed = arrival->reading == KAFKA_READ_OURS && event->position > 0;
    const char *reason = NULL;

    if (producer == parts->n_producers || (is_placed && event->position <= intake->seen[producer]))
        return NULL;
    size_t source = is_placed ? producer : intake->topic_source;
    uint64_t position = is_placed ? event->position : (uint64_t)arrival->offset + 1;
    struct command *command = service_decode(intake->service, producer, event->text, &reason);
    if (!command && reason)
        return reason == error_text(E_MEMORY) ? reason : put_aside(intake, arrival, source, position, reason);
    if (command)
        gather(intake, command, source, position);
    if (is_placed) {
        intake->seen[producer] = position;
        intake->skipped[producer] = command ? 0 : position;
    }
    return NULL;
}

/* Its message is among the topic's dead letters now. */
static void bury(struct topic_intake *intake, int64_t offset)
{
    struct command *dead = intake->aside;

    if (!dead || intake->aside_offset != offset)
        return;
    intake->aside = NULL;
    if (dead->source != intake->topic_source)
        intake->seen[dead->source] = dead->position;
    gather(intake, dead, dead->source, dead->position);
}

const char *topic_intake_take(void *owner, const struct kafka_arrival *arrival)
{
    struct topic_intake *intake = owner;
    const char *reason = NULL;

    if (arrival->reading == KAFKA_READ_OURS || arrival->reading == KAFKA_READ_FOREIGN)
        reason = take_event(intake, arrival);
    else if (arrival->reading == KAFKA_READ_UNREADABLE)
        bury(intake, arrival->offset);
    if (reason)
        return reason;
    intake->taken++;
    intake->next = arrival->offset + 1;
    return NULL;
}

/* ---- handing over ---- */

/* The cursor of the topic moves to where these messages end. */
struct offset_command {
    struct command base;
    struct topic_intake *intake;
    int64_t taken;
};

static void finish(struct command *base, int rc)
{
    struct offset_command *self = CONTAINER_OF(base, struct offset_command, base);
    struct kafka_consumer *consumer = self->intake->consumer;

    if (!rc) { /* else the writer is at its end, and the next process reads them again */
        kafka_consumer_note(consumer, TOPIC_PARTITION, (int64_t)base->position);
        kafka_consumer_done(consumer, TOPIC_PARTITION, self->taken);
    }
    heap_free(self);
}

static void add_offset(struct topic_intake *intake)
{
    struct offset_command *command = heap_alloc(sizeof(*command));

    if (!command)
        return; /* with the next turn's */
    *command = (struct offset_command){
        .base = {.fate = COMMAND_SKIP, .finish = finish}, .intake = intake, .taken = intake->taken};
    gather(intake, &command->base, intake->topic_source, (uint64_t)intake->next);
    intake->taken = 0;
}

static void add_skips(struct topic_intake *intake)
{
    for (size_t i = 0; i < intake->service->parts.n_producers; i++) {
        uint64_t position = intake->skipped[i];
        struct command *skip = position ? bare_command_new(COMMAND_SKIP, nothing, nothing) : NULL;
        if (skip)
            gather(intake, skip, i, position);
    }
}

void topic_intake_turned(void *owner)
{
    struct topic_intake *intake = owner;

    if (intake->taken) {
        add_skips(intake);
        add_offset(intake);
    }
    if (intake->n == 0)
        return;
    writer_post_list(intake->service->writer, intake->first, intake->last, intake->n);
    intake->first = NULL;
    intake->last = NULL;
    intake->n = 0;
}

void topic_intake_free(struct topic_intake *intake)
{
    if (intake->aside)
        intake->aside->finish(intake->aside, E_CLOSING);
    intake->aside = NULL;
}
