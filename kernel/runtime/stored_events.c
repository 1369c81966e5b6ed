#include "stored_events.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"

/* Stored events that are on their way. */
struct fetching {
    struct row_reading base;
    stored_events_read *read;
    void *context;
    struct feed_reading *reading;
};

static int fetch(struct row_reading *base, struct sql *sql)
{
    struct fetching *fetching = CONTAINER_OF(base, struct fetching, base);

    return fetching->read(fetching->context, sql, fetching->reading);
}

static void have_fetched(struct row_reading *base, int error)
{
    struct fetching *fetching = CONTAINER_OF(base, struct fetching, base);
    struct feed_reading *reading = fetching->reading;

    heap_free(fetching);
    reading->error = error;
    reading->done(reading);
}

void stored_events_fetch(struct service *service, struct reader *reader, stored_events_read *read, void *context,
                         struct feed_reading *reading)
{
    struct fetching *fetching = heap_alloc(sizeof(*fetching));

    if (!fetching) {
        reading->error = E_MEMORY;
        reading->done(reading);
        return;
    }
    *fetching = (struct fetching){
        .base = {.read = fetch, .done = have_fetched}, .read = read, .context = context, .reading = reading};
    reader_read_row(reader, service_loop(service), &fetching->base);
}
