#include "topic_reading.h"

#include "alloc.h"
#include "topic_intake.h"
#include "topic_options.h"

struct topic_reading {
    struct kafka_options kafka;
    struct secret *password;
    struct topic_intake intake;
};

bool topic_reading_add_cursor(const struct common_settings *common, struct cursors *sources, struct arena *arena)
{
    ASSERT(sources->n < CURSOR_MAX_SOURCES);
    sources->source[sources->n] = topic_cursor_name(common, TOPIC_CURSOR, arena);
    return sources->source[sources->n++] != NULL;
}

struct topic_reading *topic_reading_begin(const struct common_settings *common,
                                          const struct topic_reading_options *options, struct buf *problem)
{
    struct topic_reading *reading = heap_alloc(sizeof(*reading));

    if (!reading) {
        BUF_LIT(problem, "out of memory");
        return NULL;
    }
    const struct topic_intake_options intake = {
        .kafka = &reading->kafka,
        .producers = options->producers,
        .n_producers = options->n_producers,
        .cells = (int32_t)common->shop_cells,
        .cursors = options->cursors,
        .topic_source = options->n_producers,
        .writer = options->writer,
        .decode = options->decode,
        .context = options->context,
    };
    if (topic_options_take(common, options->client, &reading->kafka, &reading->password, problem) &&
        topic_intake_begin(&reading->intake, common, &intake, problem))
        return reading;
    topic_reading_free(reading);
    return NULL;
}

struct topic_progress topic_reading_progress(const struct topic_reading *reading)
{
    const struct topic_intake *intake = &reading->intake;
    struct topic_progress progress = {0};

    for (int32_t i = 0; i < intake->options.cells; i++) {
        const struct topic_cell_intake *cell = &intake->cells[i];
        int64_t lag = kafka_consumer_lag(intake->consumer, i);
        progress.done += atomic_load(&cell->committed);
        progress.end = lag < 0 || progress.end < 0 ? -1 : progress.end + atomic_load(&cell->next) + lag;
        if (topic_intake_has_gap(cell))
            progress.oldest = kafka_consumer_oldest(intake->consumer, i);
    }
    return progress;
}

void topic_reading_stop(struct topic_reading *reading)
{
    topic_intake_stop(&reading->intake);
}

void topic_reading_free(struct topic_reading *reading)
{
    if (!reading)
        return;
    topic_intake_free(&reading->intake);
    secret_free(reading->password);
    heap_free(reading);
}
