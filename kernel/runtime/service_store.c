/* service_store.c: what becomes of a service whose store can't be trusted any more (docs/adr/0031). */
#include "service_internal.h"

#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"

enum { LOOK_MS = 1000 }; /* how often it is looked whether the store is still there */

/* Only the disk knows what was committed last, and only a process that knows nothing yet believes the disk alone. */
static void start_again(struct loop_job *job)
{
    struct service *service = CONTAINER_OF(job, struct service, lost);

    log_error("ends, to be started again: only the disk knows what was committed last");
    service->starts_again = true;
    service_end(service, 0);
}

void service_store_lost(void *context)
{
    struct service *service = context;

    loop_post(service->loop, &service->lost);
}

/* A file that was removed or replaced goes on taking commits, which are gone with the process; what is built on damaged
 * data is damaged, too. So changes are refused, and that stays so until somebody has looked. */
static void refuse_changes(struct service *service, int error)
{
    const char *directory = service->common->data;

    if (error == E_CORRUPT) {
        service->store_trouble =
            "its data file is damaged: put the whole data directory back from one backup, or move the whole directory "
            "away to begin with an empty one (docs/operations.md, Restore)";
        log_error("the data file is damaged: changes are refused", LOG_T("directory", directory));
    } else {
        service->store_trouble = "its data file was removed or replaced: put it back, or a backup of all, and restart";
        log_error("the data file was removed or replaced while it was open: changes are refused",
                  LOG_T("directory", directory));
    }
    writer_bar(service->writer, E_UNAVAILABLE);
}

static void look(struct loop_timer *timer)
{
    struct service *service = CONTAINER_OF(timer, struct service, look);
    struct store *store = service->parts.store;

    int error = store->check(store);
    if (error)
        refuse_changes(service, error);
    else
        loop_timer_set(service->loop, timer, clock_monotonic() + LOOK_MS * US_PER_MS);
}

void service_store_watch(struct service *service)
{
    service->lost.run = start_again;
    service->look.fire = look;
    if (service->parts.store)
        loop_timer_set(service->loop, &service->look, clock_monotonic() + LOOK_MS * US_PER_MS);
}
