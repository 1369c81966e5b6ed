#include "topic_intake.h"

#include "alloc.h"
#include "bare_command.h"
#include "errors.h"
#include "topic_forgery.h"
#include "topic_options.h"

static const struct str nothing = {NULL, 0};

/* ---- gathering ---- */

static void gather(struct topic_cell_intake *intake, struct command *command, size_t source, uint64_t position)
{
    command->next = NULL;
    command->cell = intake->cell;
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
static size_t find_producer(const struct topic_intake_options *options, struct str name)
{
    size_t i = 0;

    while (i < options->n_producers && !str_is(name, options->producers[i].name))
        i++;
    return i;
}

/* It is a dead letter here, in the transaction that moves the cursor past it; and one on the topic, for everybody to
 * see: that comes first. */
static const char *put_aside(struct topic_cell_intake *intake, const struct kafka_arrival *arrival, size_t source,
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

/* What has no position of its own (the original's messages), or one in another cell's outbox, has the topic's. */
static bool has_position(const struct topic_cell_intake *intake, const struct kafka_arrival *arrival)
{
    const struct kafka_event *event = &arrival->event;

    return arrival->reading == KAFKA_READ_OURS && event->position > 0 && event->cell == intake->cell;
}

/* NULL: it is seen to. */
static const char *take_event(struct topic_cell_intake *intake, const struct kafka_arrival *arrival)
{
    const struct topic_intake_options *options = &intake->intake->options;
    const struct kafka_event *event = &arrival->event;
    size_t producer = find_producer(options, event->producer);
    bool is_placed = has_position(intake, arrival);
    const char *reason = NULL;

    if (producer == options->n_producers)
        return NULL;
    if (arrival->reading == KAFKA_READ_OURS)
        reason = topic_find_forgery(intake, event, producer);
    if (reason || (is_placed && event->position <= intake->seen[producer]))
        return reason;
    size_t source = is_placed ? producer : options->topic_source;
    uint64_t position = is_placed ? event->position : (uint64_t)arrival->offset + 1;
    struct command *command = options->decode(options->context, producer, event->text, &reason);
    if (!command && reason)
        return reason == error_text(E_MEMORY) ? reason : put_aside(intake, arrival, source, position, reason);
    if (command)
        gather(intake, command, source, position);
    if (is_placed) {
        topic_see(intake, producer, position);
        intake->skipped[producer] = command ? 0 : position;
    }
    return NULL;
}

/* Its message is among the topic's dead letters now. */
static void bury(struct topic_cell_intake *intake, int64_t offset)
{
    struct command *dead = intake->aside;

    if (!dead || intake->aside_offset != offset)
        return;
    intake->aside = NULL;
    if (dead->source != intake->intake->options.topic_source)
        topic_see(intake, dead->source, dead->position);
    gather(intake, dead, dead->source, dead->position);
}

static const char *take(void *owner, const struct kafka_arrival *arrival)
{
    struct topic_cell_intake *intake = &((struct topic_intake *)owner)->cells[arrival->partition];
    const char *reason = NULL;

    if (arrival->reading == KAFKA_READ_OURS)
        reason = topic_find_stranger(intake, &arrival->event);
    if (!reason && (arrival->reading == KAFKA_READ_OURS || arrival->reading == KAFKA_READ_FOREIGN))
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
    struct topic_cell_intake *intake;
    int64_t taken;
};

static void finish(struct command *base, int rc)
{
    struct offset_command *self = CONTAINER_OF(base, struct offset_command, base);
    struct kafka_consumer *consumer = self->intake->intake->consumer;

    if (!rc) {
        /* else the writer is at its end, and the next process reads them again */
        atomic_store(&self->intake->committed, (int64_t)base->position);
        kafka_consumer_note(consumer, base->cell, (int64_t)base->position);
        kafka_consumer_done(consumer, base->cell, self->taken);
    }
    heap_free(self);
}

static void add_offset(struct topic_cell_intake *intake)
{
    struct offset_command *command = heap_alloc(sizeof(*command));

    if (!command)
        return; /* with the next turn's */
    *command = (struct offset_command){
        .base = {.fate = COMMAND_SKIP, .finish = finish}, .intake = intake, .taken = intake->taken};
    gather(intake, &command->base, intake->intake->options.topic_source, (uint64_t)intake->next);
    intake->taken = 0;
}

static void add_skips(struct topic_cell_intake *intake)
{
    for (size_t i = 0; i < intake->intake->options.n_producers; i++) {
        uint64_t position = intake->skipped[i];
        struct command *skip = position ? bare_command_new(COMMAND_SKIP, nothing, nothing) : NULL;
        if (skip)
            gather(intake, skip, i, position);
    }
}

static void hand_over(struct topic_cell_intake *intake)
{
    if (intake->taken) {
        add_skips(intake);
        add_offset(intake);
    }
    if (intake->n == 0)
        return;
    writer_post_list(intake->intake->options.writer, intake->first, intake->last, intake->n);
    intake->first = NULL;
    intake->last = NULL;
    intake->n = 0;
}

static void turned(void *owner)
{
    struct topic_intake *intake = owner;

    for (int32_t i = 0; i < intake->options.cells; i++)
        hand_over(&intake->cells[i]);
}

/* ---- life ---- */

static void init_cell(struct topic_intake *intake, int32_t number)
{
    const struct topic_intake_options *options = &intake->options;
    const struct cursors *cursors = &options->cursors[number];
    struct topic_cell_intake *cell = &intake->cells[number];
    int64_t offset = (int64_t)cursors->position[options->topic_source];

    *cell = (struct topic_cell_intake){.intake = intake, .cell = number, .next = offset, .committed = offset};
    for (size_t i = 0; i < options->n_producers; i++)
        cell->seen[i] = cursors->position[i];
    if (offset == 0) /* on this topic nothing was read yet: it may begin later than what is known from elsewhere */
        topic_join(cell);
}

static int follow_all(const struct topic_intake *intake)
{
    int error = OK;

    ASSERT(intake->cells);
    for (int32_t i = 0; i < intake->options.cells && !error; i++)
        error = kafka_consumer_follow(intake->consumer, i, intake->cells[i].next);
    return error;
}

bool topic_intake_begin(struct topic_intake *intake, const struct common_settings *common,
                        const struct topic_intake_options *options, struct buf *problem)
{
    const struct kafka_consumer_options consumer = {
        .kafka = options->kafka,
        .partitions = options->cells,
        .foreign = common->foreign,
        .rekeys = options->rekeys,
        .max_waiting = common->feed_max_waiting,
        .buffer_kbytes = common->kafka.buffer_bytes / TOPIC_KIB,
        .take = take,
        .turned = turned,
        .owner = intake,
    };
    int error = E_MEMORY;

    intake->options = *options;
    intake->cells = heap_alloc((size_t)options->cells * sizeof(*intake->cells));
    for (int32_t i = 0; intake->cells && i < options->cells; i++)
        init_cell(intake, i);
    if (intake->cells)
        intake->consumer = kafka_consumer_new(&consumer, problem, &error);
    if (intake->consumer)
        error = follow_all(intake);
    if (error && problem->n == 0)
        buf_printf(problem, "the topic can't be followed: %s", error_text(error));
    return !error;
}

void topic_intake_stop(struct topic_intake *intake)
{
    for (int32_t i = 0; intake->consumer && i < intake->options.cells; i++)
        kafka_consumer_leave(intake->consumer, i);
}

void topic_intake_free(struct topic_intake *intake)
{
    kafka_consumer_free(intake->consumer);
    intake->consumer = NULL;
    for (int32_t i = 0; intake->cells && i < intake->options.cells; i++) {
        struct command *aside = intake->cells[i].aside;
        if (aside)
            aside->finish(aside, E_CLOSING);
    }
    heap_free(intake->cells);
    intake->cells = NULL;
}

bool topic_intake_has_gap(const struct topic_cell_intake *cell)
{
    const struct kafka_consumer *consumer = cell->intake->consumer;

    return kafka_consumer_error(consumer, cell->cell) &&
           kafka_consumer_oldest(consumer, cell->cell) > atomic_load(&cell->next);
}
