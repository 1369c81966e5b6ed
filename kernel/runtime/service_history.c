#include "service_history.h"

#include "log.h"
#include "service_bus.h"
#include "service_files.h"

#include <errno.h>
#include <string.h>

/* Whether the store has all that was noted, in the history in which it was. */
static bool is_what_was_noted(const struct service *service, struct feed_cursor noted)
{
    const struct feed_history *history = service->parts.history;

    return feed_history_knows(history, noted.epoch) &&
           feed_history_check(history, noted, service->cells[0].last_position, 0) != CURSOR_FOREIGN;
}

void service_check_data(struct service *service)
{
    const struct feed_history *history = service->parts.history;
    const char *data = service->common->data, *name = service->program->name;
    struct feed_cursor noted;

    if (!history || feed_history_epoch(history) == EPOCH_UNKNOWN)
        return;
    if (service_files_read_epoch(data, name, &noted) && !is_what_was_noted(service, noted)) {
        buf_printf(&service->data_trouble,
                   "this is not the data that %s has worked with here: it was lost, or put back from an older backup, "
                   "while the other services' was not; " SERVICE_PUT_BACK_DATA,
                   name);
        buf_char(&service->data_trouble, '\0');
        log_error("this is not the data that the service has worked with; it makes no changes",
                  LOG_T("directory", data));
        return;
    }
    service->noted = (struct feed_cursor){feed_history_epoch(history), service->cells[0].last_position};
    if (!service_files_write_epoch(data, name, service->noted))
        log_warning("the epoch can't be noted; a loss of the data would be noticed later", LOG_T("directory", data),
                    LOG_T("error", strerror(errno)));
}

/* Only what is committed was published. */
void service_note_data(struct service *service)
{
    struct feed_cursor noted = service->noted;

    if (noted.epoch == EPOCH_UNKNOWN || service->data_trouble.n > 0)
        return;
    noted.position = service->bus->newest(service, 0).position;
    if (noted.position > service->noted.position &&
        service_files_note_position(service->common->data, service->program->name, noted))
        service->noted = noted;
}

/* ---- who has read more of us than there is ---- */

static bool has_said(void *owner, struct feed_cursor cursor)
{
    return feed_has_said(((const struct service *)owner)->feed, cursor);
}

static void say_overtaken(struct service *service)
{
    buf_printf(&service->data_trouble,
               "%s has read events of %s that this data doesn't hold: it was lost, or put back from an older backup, "
               "while the other services' was not; " SERVICE_PUT_BACK_DATA,
               service->parts.producers[service->overtaken_by].name, service->program->name);
    buf_char(&service->data_trouble, '\0');
}

/* Not from inside the client's callback. */
static void stop_work(struct loop_job *job)
{
    struct service *service = CONTAINER_OF(job, struct service, stop_work);

    if (service->data_trouble.n == 0)
        say_overtaken(service);
    service->bus->stop(service);
    writer_stop(service->writer);
}

void service_store_asked(void *context)
{
    struct service *service = context;

    loop_post(service->loop, &service->stop_work);
}

/* Of a store on a server it may be what is in memory that is old: another process has written there while this one was
 * cut off. So that is looked at before it is believed. */
static void be_overtaken(void *owner, size_t source)
{
    struct service *service = owner;
    const struct store *store = service->parts.store;

    if (service->data_trouble.n > 0 || service->overtaken)
        return;
    service->overtaken = true;
    service->overtaken_by = source;
    if (store && store->look) {
        writer_ask_store(service->writer);
        return;
    }
    say_overtaken(service);
    loop_post(service->loop, &service->stop_work);
}

void service_watch_producer(struct service *service, struct follower_options *options)
{
    service->stop_work.run = stop_work;
    options->owner = service;
    if (!service->parts.history)
        return;
    options->self = service->program->name;
    options->has_said = has_said;
    options->overtaken = be_overtaken;
}

const char *service_data_trouble(const struct service *service)
{
    if (service->data_trouble.failed)
        return "this is not the data that the service has worked with";
    return service->data_trouble.n > 0 ? service->data_trouble.p : NULL;
}
