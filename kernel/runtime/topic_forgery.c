#include "topic_forgery.h"

#include "errors.h"
#include "log.h"

/* Whether its events come one by one in the partition of its cell. */
static bool is_consecutive(const struct topic_intake_options *options, size_t producer)
{
    return options->cells == 1 || !options->producers[producer].cut_otherwise;
}

static bool is_ahead(struct topic_cell_intake *cell, uint64_t position, size_t producer)
{
    uint64_t seen = atomic_load(&cell->seen[producer]);

    if (seen == 0 || position <= seen + 1)
        return false;
    if (!atomic_load(&cell->joins[producer])) {
        atomic_store(&cell->ahead[producer], true);
        return true;
    }
    log_warning("events are missing on the topic", LOG_T("producer", cell->intake->options.producers[producer].name),
                LOG_I("cell", cell->cell), LOG_I("after", seen), LOG_I("before", position));
    return false;
}

const char *topic_find_forgery(struct topic_cell_intake *cell, const struct kafka_event *event, size_t producer)
{
    const struct topic_intake_options *options = &cell->intake->options;

    if (event->position == 0 && event->cell < 0)
        return NULL; /* one of the original's that was keyed anew */
    if (event->position == 0 || event->cell < 0)
        return "has a number that its producer doesn't give";
    if (event->cell >= options->cells)
        return "is of a cell that this shop hasn't";
    if (!is_consecutive(options, producer))
        return NULL;
    if (event->cell != cell->cell)
        return "is of another cell";
    return is_ahead(cell, event->position, producer) ? "comes ahead of what its producer says before it" : NULL;
}

/* One alone is somebody's mistake; one that is the next, or follows such a one, is the history of another shop, or of
 * this one before its data was put back older: whatever comes behind may be that shop's. */
const char *topic_find_stranger(struct topic_cell_intake *cell, const struct kafka_event *event)
{
    const struct topic_intake_options *options = &cell->intake->options;
    uint64_t stranger = atomic_load(&cell->stranger);

    if (!options->own || !str_is(event->producer, options->own) || event->cell != cell->cell)
        return NULL;
    uint64_t newest = options->newest(options->context, cell->cell);
    if (!stranger && event->position <= newest)
        return NULL;
    bool follows = event->position == newest + 1 || event->position == cell->strange + 1;
    if (atomic_load(&cell->passed) == event->position || (!stranger && !follows)) {
        cell->strange = event->position;
        atomic_store(&cell->stranger, 0);
        return "is said to be this service's, which hasn't said it";
    }
    if (!stranger)
        log_error("the topic has an event of this service's that it hasn't said, and nothing behind it is taken",
                  LOG_I("cell", cell->cell), LOG_I("position", event->position), LOG_I("newest", newest));
    atomic_store(&cell->stranger, event->position);
    return error_text(E_MEMORY);
}

void topic_see(struct topic_cell_intake *cell, size_t producer, uint64_t position)
{
    atomic_store(&cell->seen[producer], position);
    atomic_store(&cell->joins[producer], false);
    atomic_store(&cell->ahead[producer], false);
}

void topic_join(struct topic_cell_intake *cell)
{
    for (size_t i = 0; i < cell->intake->options.n_producers; i++)
        atomic_store(&cell->joins[i], true);
}

bool topic_pass(struct topic_cell_intake *cell)
{
    uint64_t stranger = atomic_load(&cell->stranger);
    bool any = stranger != 0;

    atomic_store(&cell->passed, stranger);
    for (size_t i = 0; i < cell->intake->options.n_producers; i++) {
        if (!atomic_load(&cell->ahead[i]))
            continue;
        atomic_store(&cell->joins[i], true);
        any = true;
    }
    return any;
}
