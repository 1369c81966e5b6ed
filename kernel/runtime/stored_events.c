#include "stored_events.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"

/* Stored events that are on their way. */
struct fetching {
    struct read_job base;
    struct service *service;
    stored_events_read *read;
    void *context;
    struct feed_reading *reading;
    struct loop_job back;
};

static void bring_back(struct loop_job *job)
{
    struct fetching *fetching = CONTAINER_OF(job, struct fetching, back);
    struct feed_reading *reading = fetching->reading;

    heap_free(fetching);
    reading->done(reading);
}

static void fetch(struct read_job *base, struct sql *sql)
{
    struct fetching *fetching = CONTAINER_OF(base, struct fetching, base);

    fetching->reading->error = fetching->read(fetching->context, sql, fetching->reading);
    loop_post(service_loop(fetching->service), &fetching->back);
}

static void refuse(struct read_job *base)
{
    struct fetching *fetching = CONTAINER_OF(base, struct fetching, base);

    fetching->reading->error = E_BUSY;
    bring_back(&fetching->back);
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
    *fetching = (struct fetching){.base = {.run = fetch, .refused = refuse},
                                  .service = service,
                                  .read = read,
                                  .context = context,
                                  .reading = reading,
                                  .back = {.run = bring_back}};
    reader_post_row(reader, &fetching->base);
}
