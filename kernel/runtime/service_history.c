#include "service_history.h"

#include "log.h"
#include "service_files.h"

#include <errno.h>
#include <string.h>

#define WHAT_TO_DO                                                                                                     \
    "put back the whole data directory from one backup, or move the whole directory away to begin with an empty one "  \
    "(docs/operations.md, Restore)"

void service_check_data(struct service *service)
{
    const struct feed_history *history = service->parts.history;
    const char *data = service->common->data, *name = service->program->name;
    uint64_t before;

    if (!history || feed_history_epoch(history) == EPOCH_UNKNOWN)
        return;
    if (service_files_read_epoch(data, name, &before) && !feed_history_knows(history, before)) {
        buf_printf(&service->data_trouble,
                   "this is not the data that %s has worked with here: it was lost, or put back from an older backup, "
                   "while the other services' was not; " WHAT_TO_DO,
                   name);
        buf_char(&service->data_trouble, '\0');
        log_error("this is not the data that the service has worked with; it makes no changes",
                  LOG_T("directory", data));
        return;
    }
    if (!service_files_write_epoch(data, name, feed_history_epoch(history)))
        log_warning("the epoch can't be noted; a loss of the data would be noticed later", LOG_T("directory", data),
                    LOG_T("error", strerror(errno)));
}

/* ---- who has read more of us than there is ---- */

static bool has_said(void *owner, struct feed_cursor cursor)
{
    return feed_has_said(((const struct service *)owner)->feed, cursor);
}

/* Not from inside the client's callback. */
static void stop_work(struct loop_job *job)
{
    struct service *service = CONTAINER_OF(job, struct service, stop_work);

    for (size_t i = 0; i < service->n_followers; i++)
        follower_stop(service->followers[i]);
    writer_stop(service->writer);
}

static void be_overtaken(void *owner, size_t source)
{
    struct service *service = owner;

    if (service->data_trouble.n > 0)
        return;
    buf_printf(&service->data_trouble,
               "%s has read events of %s that this data doesn't hold: it was lost, or put back from an older backup, "
               "while the other services' was not; " WHAT_TO_DO,
               service->parts.producers[source].name, service->program->name);
    buf_char(&service->data_trouble, '\0');
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

/* ---- feeds that can't be followed any more ---- */

void service_add_feed_trouble(const struct service *service, struct buf *out)
{
    for (size_t i = 0; i < service->n_followers; i++) {
        const char *name = service->parts.producers[i].name;
        uint64_t oldest;
        enum follower_trouble trouble = follower_trouble(service->followers[i], &oldest);
        uint64_t next = follower_cursor(service->followers[i]).position + 1;
        if (trouble != FOLLOWER_REFUSED && trouble != FOLLOWER_GAP && trouble != FOLLOWER_FOREIGN)
            continue;
        if (out->n > 0)
            BUF_LIT(out, "; ");
        if (trouble == FOLLOWER_FOREIGN)
            buf_printf(out, "another service answers at the address of %s: look at %s.%s_url", name,
                       service->program->name, name);
        else if (trouble == FOLLOWER_GAP)
            buf_printf(
                out,
                "the events of %s from %llu on are needed here and are kept from %llu on only; `coffeeshop feeds "
                "%s resume %s` goes on without those that are gone",
                name, (unsigned long long)next, (unsigned long long)oldest, service->program->name, name);
        else
            buf_printf(out, "the events of %s are not those that were read here: its data was lost, or is older; %s",
                       name, service->parts.rebuild ? service->parts.rebuild : WHAT_TO_DO);
    }
}

struct str service_cursors_text(const struct service *service, struct arena *arena)
{
    struct buf text = {0};

    for (size_t i = 0; i < service->n_followers; i++) {
        struct feed_cursor cursor = follower_cursor(service->followers[i]);
        if (cursor.epoch <= EPOCH_REFUSED)
            continue;
        buf_printf(&text, "%s%s=%llu:%llu", text.n > 0 ? "," : "", service->parts.producers[i].name,
                   (unsigned long long)cursor.epoch, (unsigned long long)cursor.position);
    }
    struct str kept = text.failed || text.n == 0 ? (struct str){NULL, 0} : arena_copy(arena, buf_str(&text));
    buf_free(&text);
    return kept;
}
