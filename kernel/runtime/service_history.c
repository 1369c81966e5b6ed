#include "service_history.h"

#include "errors.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define WHAT_TO_DO                                                                                                     \
    "put back the whole data directory from one backup, or move the whole directory away to begin with an empty one "  \
    "(docs/operations.md, Restore)"

/* ---- the file that remembers the epoch ---- */

static const char *epoch_path(struct service *service, const char *suffix)
{
    struct buf name = {0};

    buf_printf(&name, "%s.epoch%s", service->program->name, suffix);
    buf_char(&name, '\0');
    const char *path = name.failed ? NULL : service_path(service, name.p);
    buf_free(&name);
    return path;
}

/* false: there is none. One that can't be read as a number names an epoch that no store has. */
static bool read_epoch(const char *path, uint64_t *epoch)
{
    char text[32] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n > 0 && text[n - 1] == '\n')
        n--;
    if (n <= 0 || !str_to_u64((struct str){text, (size_t)n}, epoch))
        *epoch = EPOCH_REFUSED;
    return true;
}

static bool sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return false;
    bool synced = fsync(fd) == 0;
    close(fd);
    return synced;
}

static bool write_whole(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    bool written = write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    return close(fd) == 0 && written;
}

/* Beside it, then over it: whenever it is interrupted, one of the two is there whole. */
static bool write_epoch(struct service *service, const char *path, uint64_t epoch)
{
    const char *beside = epoch_path(service, ".new");
    struct buf text = {0};

    buf_u64(&text, epoch);
    buf_char(&text, '\n');
    bool written = beside && !text.failed && write_whole(beside, buf_str(&text)) && rename(beside, path) == 0 &&
                   sync_directory(service->common->data);
    buf_free(&text);
    return written;
}

void service_check_data(struct service *service)
{
    const struct feed_history *history = service->parts.history;
    const char *path = history ? epoch_path(service, "") : NULL;
    uint64_t before;

    if (!path || feed_history_epoch(history) == EPOCH_UNKNOWN)
        return;
    if (read_epoch(path, &before) && !feed_history_knows(history, before)) {
        buf_printf(&service->data_trouble,
                   "this is not the data that %s has worked with here: it was lost, or put back from an older backup, "
                   "while the other services' was not; " WHAT_TO_DO,
                   service->program->name);
        buf_char(&service->data_trouble, '\0');
        log_error("this is not the data that the service has worked with; it makes no changes",
                  LOG_T("epoch_file", path));
        return;
    }
    if (!write_epoch(service, path, feed_history_epoch(history)))
        log_warning("the epoch can't be noted; a loss of the data would be noticed later", LOG_T("file", path),
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
        if (trouble != FOLLOWER_REFUSED && trouble != FOLLOWER_GAP)
            continue;
        if (out->n > 0)
            BUF_LIT(out, "; ");
        if (trouble == FOLLOWER_GAP)
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
