/* service_topic.c: events through Kafka's topic: one relay for what is said, one consumer for what is heard. */
#include "service_topic.h"

#include "alloc.h"
#include "bare_command.h"
#include "clock.h"
#include "errors.h"
#include "kafka_topic.h"
#include "log.h"
#include "metrics.h"
#include "service_decode.h"

#include <stdio.h>

enum { LOOK_MS = 1000, TRY_MS = 3000, NO_SOURCE = CURSOR_MAX_SOURCES, LABEL_SIZE = 24 };

/* By partition; for the process's life, as all metrics. */
static struct metric lags[CELLS_MOST];
static char lag_labels[CELLS_MOST][LABEL_SIZE];
static struct metric unsent = METRIC_GAUGE_INIT("coffeeshop_kafka_unsent", "Events that aren't on the topic yet.");

static const struct str nothing = {NULL, 0};

/* ---- joining ---- */

static int prepare_topic(void *context, struct buf *problem)
{
    const struct service *service = context;
    const struct common_settings *common = service->common;
    const struct kafka_topic_options options = {
        .kafka = &service->topic->kafka,
        .partitions = service->n_cells,
        .replication = (int32_t)common->kafka.replication,
        .retain_ms = common->kafka.retain_hours ? common->kafka.retain_hours * 3600 * US_PER_S / US_PER_MS : -1,
        .patience_ms = common->kafka.answer_ms < TRY_MS ? common->kafka.answer_ms : TRY_MS,
    };

    return kafka_topic_prepare(&options, problem);
}

static bool add_cursor(struct service *service, struct cursors *sources, const char *what, size_t *source)
{
    const char *name = topic_cursor_name(service->common, what, &service->arena);

    ASSERT(sources->n < CURSOR_MAX_SOURCES);
    if (!name)
        return false;
    *source = sources->n++;
    sources->source[*source] = name;
    return true;
}

static bool join(struct service *service, struct cursors *sources, bool says, struct buf *problem)
{
    struct service_topic *topic = heap_alloc(sizeof(*topic));
    bool hears = sources->n > 0;

    service->topic = topic;
    if (topic)
        topic->cells = ARENA_ARRAY(&service->arena, struct topic_cell, (size_t)service->n_cells);
    if (!topic || !topic->cells) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    topic->service = service;
    if (!topic_options_take(service->common, service->program->name, &topic->kafka, &topic->password, problem))
        return false;
    topic->topic_source = NO_SOURCE;
    topic->relayed_source = NO_SOURCE;
    if ((hears && !add_cursor(service, sources, TOPIC_CURSOR, &topic->topic_source)) ||
        (says && !add_cursor(service, sources, RELAYED_CURSOR, &topic->relayed_source))) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    return service_wait_for_store(service, prepare_topic, service, problem) == OK;
}

const uint64_t *service_relayed(const struct service *service, int32_t cell)
{
    return service->topic ? &service->topic->cells[cell].mark.relayed : NULL;
}

/* ---- what is said ---- */

static void relay_moved(void *owner, uint64_t position)
{
    topic_mark_moved(owner, position);
}

static int read_to_relay(void *owner, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest)
{
    const struct topic_mark *mark = owner;
    const struct service_parts *parts = &mark->service->parts;

    return parts->read_to_relay(parts->read_context, mark->cell, after, enough, frames, oldest);
}

static bool is_for_all(void *owner, struct str type, struct str text)
{
    const struct topic_mark *mark = owner;
    const struct service_parts *parts = &mark->service->parts;

    return parts->everywhere(parts->read_context, type, text);
}

/* Nothing is on this topic yet: it begins with the oldest that is kept. */
static int begin_with_oldest(const struct service_parts *parts, int32_t cell, uint64_t *relayed)
{
    struct buf frames = {0};
    uint64_t oldest = 0;

    int rc = *relayed ? OK : parts->read_to_relay(parts->read_context, cell, 0, 1, &frames, &oldest);
    buf_free(&frames);
    if (oldest)
        *relayed = oldest - 1;
    return rc;
}

/* Where each cell's lane begins. Before any is open: then its thread reads, by the same connection. */
static bool find_beginnings(struct service *service, struct buf *problem)
{
    struct service_topic *topic = service->topic;
    int rc = OK;

    for (int32_t i = 0; i < service->n_cells && !rc; i++) {
        uint64_t relayed = service->cells[i].cursors->position[topic->relayed_source];
        rc = begin_with_oldest(&service->parts, i, &relayed);
        topic_mark_init(&topic->cells[i].mark, service, i, topic->relayed_source, relayed);
    }
    if (rc)
        buf_printf(problem, "the outbox can't be read: %s", error_text(rc));
    return rc == OK;
}

static bool open_lane(struct service *service, int32_t number, struct buf *problem)
{
    struct service_topic *topic = service->topic;
    struct topic_cell *cell = &topic->cells[number];
    const struct service_parts *parts = &service->parts;
    const struct kafka_lane_options options = {
        .cell = number,
        .partition = parts->cut_otherwise ? KAFKA_BY_KEY : number,
        .everywhere = parts->everywhere ? is_for_all : NULL,
        .last = service->cells[number].last_position,
        .relayed = cell->mark.relayed,
        .tail_bytes = service->common->feed_tail_bytes / service->n_cells,
        .read_stored = read_to_relay,
        .moved = relay_moved,
        .owner = &cell->mark,
    };
    cell->lane = kafka_lane_open(topic->relay, &options);
    if (!cell->lane)
        BUF_LIT(problem, "out of memory");
    return cell->lane != NULL;
}

static bool begin_saying(struct service *service, struct buf *problem)
{
    struct service_topic *topic = service->topic;
    const struct kafka_common *settings = &service->common->kafka;
    const struct kafka_relay_options options = {
        .kafka = &topic->kafka,
        .partitions = service->n_cells,
        .queue_kbytes = settings->queue_bytes / TOPIC_KIB,
        .message_bytes = settings->message_bytes,
    };
    int error;

    if (topic->relayed_source == NO_SOURCE)
        return true;
    metric_register(&unsent);
    topic->relay = kafka_relay_new(&options, problem, &error);
    bool done = topic->relay && find_beginnings(service, problem);
    for (int32_t i = 0; i < service->n_cells && done; i++)
        done = open_lane(service, i, problem);
    return done;
}

static void publish(struct service *service, int32_t number, struct outbox *outbox)
{
    struct topic_cell *cell = &service->topic->cells[number];

    atomic_store(&cell->newest, outbox->first + outbox->count - 1);
    kafka_lane_publish(cell->lane, outbox);
}

/* ---- what is heard ---- */

/* Positions are the topic's from now on: which epoch of its feed a producer was in says nothing any more. */
static bool leave_epochs(struct service *service, int32_t cell)
{
    for (size_t i = 0; i < service->parts.n_producers; i++) {
        if (service->cells[cell].cursors->epoch[i] == EPOCH_UNKNOWN)
            continue;
        struct command *command = bare_command_new(COMMAND_EPOCH, nothing, nothing);
        if (!command)
            return false;
        command->origin = FROM_FEED;
        command->cell = cell;
        command->source = i;
        command->position = EPOCH_UNKNOWN;
        writer_post_list(service->writer, command, command, 1);
    }
    return true;
}

static struct command *decode(void *context, size_t source, struct str text, const char **reason)
{
    return service_decode(context, source, text, reason);
}

static void register_lag(int32_t partition)
{
    struct metric *lag = &lags[partition];

    (void)snprintf(lag_labels[partition], LABEL_SIZE, "partition=\"%d\"", (int)partition);
    lag->name = "coffeeshop_kafka_lag";
    lag->help = "Messages in the partition that weren't taken yet; -1: not known.";
    lag->labels = lag_labels[partition];
    lag->kind = METRIC_GAUGE;
    metric_register(lag);
}

static uint64_t newest_of(void *context, int32_t cell)
{
    const struct service *service = context;

    return atomic_load(&service->topic->cells[cell].newest);
}

static bool begin_hearing(struct service *service, struct buf *problem)
{
    struct service_topic *topic = service->topic;
    const struct service_parts *parts = &service->parts;
    const struct topic_intake_options options = {
        .kafka = &topic->kafka,
        .producers = parts->producers,
        .n_producers = parts->n_producers,
        .cells = service->n_cells,
        .cursors = service->began,
        .topic_source = topic->topic_source,
        .writer = service->writer,
        .decode = decode,
        .context = service,
        .rekeys = parts->rekeys,
        .own = topic->relay ? service->program->name : NULL,
        .newest = newest_of,
    };

    if (topic->topic_source == NO_SOURCE)
        return true;
    for (int32_t i = 0; i < service->n_cells; i++) {
        if (!leave_epochs(service, i)) {
            BUF_LIT(problem, "out of memory");
            return false;
        }
        register_lag(i);
    }
    return topic_intake_begin(&topic->intake, service->common, &options, problem);
}

/* ---- life ---- */

static void look(struct loop_timer *timer)
{
    struct service_topic *topic = CONTAINER_OF(timer, struct service_topic, look);
    struct service *service = topic->service;
    int64_t behind = 0;

    for (int32_t i = 0; i < service->n_cells; i++) {
        const struct topic_cell *cell = &topic->cells[i];
        if (topic->intake.consumer)
            metric_set(&lags[i], kafka_consumer_lag(topic->intake.consumer, i));
        if (cell->lane)
            behind += (int64_t)(atomic_load(&cell->newest) - kafka_lane_position(cell->lane));
    }
    metric_set(&unsent, behind);
    loop_timer_set(service->loop, timer, clock_monotonic() + LOOK_MS * US_PER_MS);
}

static bool open_nothing(struct service *service)
{
    ASSERT(service->topic);
    for (int32_t i = 0; i < service->n_cells; i++)
        service->topic->cells[i].newest = service->cells[i].last_position;
    return true;
}

static bool begin(struct service *service, struct buf *problem)
{
    if (!begin_saying(service, problem) || !begin_hearing(service, problem))
        return false;
    service->topic->look.fire = look;
    look(&service->topic->look);
    return true;
}

static void stop(struct service *service)
{
    struct service_topic *topic = service->topic;

    if (topic)
        topic_intake_stop(&topic->intake);
}

static void end(struct service *service)
{
    struct service_topic *topic = service->topic;

    if (!topic)
        return;
    topic_intake_free(&topic->intake);
    if (topic->relay && !kafka_relay_flush(topic->relay, service->stop_by))
        log_info("what isn't on the topic yet is told after the next start");
    for (int32_t i = 0; topic->cells && i < service->n_cells; i++)
        kafka_lane_close(topic->cells[i].lane);
    kafka_relay_free(topic->relay);
    for (int32_t i = 0; topic->cells && i < service->n_cells; i++)
        topic_mark_stop(&topic->cells[i].mark);
    if (service->loop)
        loop_timer_cancel(service->loop, &topic->look);
    secret_free(topic->password);
    heap_free(topic);
    service->topic = NULL;
}

/* ---- what is said of it ---- */

static struct feed_cursor newest(const struct service *service, int32_t cell)
{
    return (struct feed_cursor){EPOCH_UNKNOWN, atomic_load(&service->topic->cells[cell].newest)};
}

static void serve_events(struct service *service, struct http_request *request)
{
    http_problem(request, 404, NULL, "events are on Kafka's topic %s", service->common->kafka.topic);
}

const struct service_bus service_on_topic = {
    .join = join,
    .open = open_nothing,
    .begin = begin,
    .publish = publish,
    .stop = stop,
    .end = end,
    .newest = newest,
    .serve_events = serve_events,
    .add_trouble = topic_add_trouble,
    .add_notice = topic_add_notice,
    .list = topic_list,
    .resume = topic_resume,
};
