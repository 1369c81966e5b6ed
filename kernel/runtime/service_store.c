/* service_store.c: what becomes of a service whose store can't be trusted any more (docs/adr/0031). */
#include "service_history.h"

#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"

enum { LOOK_MS = 1000 }; /* how often it is looked whether the store is still there */

/* Only the disk knows what was committed last, and only a process that knows nothing yet believes the disk alone. */
static void start_again(struct loop_job *job)
{
    struct service *service = CONTAINER_OF(job, struct service, lost);

    log_error("ends, to be started again: only what is stored tells what was committed last");
    service_note_data(service);
    service->starts_again = true;
    service_end(service, 0);
}

void service_store_lost(void *context)
{
    struct service *service = context;

    loop_post(service->loop, &service->lost);
}

/* A file that was removed or replaced goes on taking commits, which are gone with the process; what is built on damaged
 * data is damaged, too; of two that write in turn each would believe what it remembers. So changes are refused, and
 * that stays so until somebody has looked. The first row that fits. */
static const struct store_loss {
    int error; /* 0: any */
    bool on_server;
    const char *reason, *event;
} losses[] = {
    {E_CORRUPT, false,
     "its data file is damaged: put the whole data directory back from one backup, or move the whole directory "
     "away to begin with an empty one (docs/operations.md, Restore)",
     "the data file is damaged: changes are refused"},
    {0, false, "its data file was removed or replaced: put it back, or a backup of all, and restart",
     "the data file was removed or replaced while it was open: changes are refused"},
    {E_CORRUPT, true, "what its server keeps is damaged: put all services' data back from one backup, and restart",
     "what the server keeps is damaged: changes are refused"},
    {E_CONFLICT, true,
     "another process has opened its store on the server since, and only one may write: end one of the two; to go on "
     "with "
     "this one, restart it",
     "another process has opened the store since: changes are refused"},
    {0, true,
     "its server has lost what was committed (it was emptied, or put back older): put all services' data back from one "
     "backup, and restart",
     "the server has lost what was committed: changes are refused"},
};

static void refuse_changes(struct service *service, int error)
{
    const struct store_loss *loss = losses;

    while ((loss->error && loss->error != error) || loss->on_server != service->parts.store->on_server)
        loss++;
    service->store_trouble = loss->reason;
    log_error(loss->event, LOG_T("directory", service->common->data));
    writer_bar(service->writer, E_UNAVAILABLE);
}

static void look(struct loop_timer *timer)
{
    struct service *service = CONTAINER_OF(timer, struct service, look);
    struct store *store = service->parts.store;

    int error = store->check(store);
    service_note_data(service);
    if (error)
        refuse_changes(service, error);
    else
        loop_timer_set(service->loop, timer, clock_monotonic() + LOOK_MS * US_PER_MS);
    service_look_at_reads(service);
}

void service_store_watch(struct service *service)
{
    service->lost.run = start_again;
    service->look.fire = look;
    if (service->parts.store)
        loop_timer_set(service->loop, &service->look, clock_monotonic() + LOOK_MS * US_PER_MS);
}
