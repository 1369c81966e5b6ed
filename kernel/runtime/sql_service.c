#include "sql_service.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "outbox_sql.h"

enum { BUSY_MS = 5000 };

static struct reader *open_reader(const struct sql_options *options, const struct common_settings *common,
                                  struct buf *problem)
{
    const struct reader_limits limits = reader_limits_of(common);
    int error = OK;
    struct sql *quick = sqlite_open(options, problem, &error);
    struct sql *slow = quick ? sqlite_open(options, problem, &error) : NULL;

    if (!slow) {
        if (quick)
            quick->close(quick);
        return NULL;
    }
    struct reader *reader = reader_new(quick, slow, &limits);
    if (!reader)
        BUF_LIT(problem, "there is not enough memory, or no thread, for reading lists");
    return reader;
}

struct sql_service *sql_service_open(struct service *service, const struct common_settings *common, const char *name,
                                     const struct sql_migration *migrations, size_t n_migrations, struct buf *problem)
{
    struct sql_service *store = heap_alloc(sizeof(*store));
    struct buf file = {0};
    int error = OK;

    buf_printf(&file, "%s.db", name);
    buf_char(&file, '\0');
    struct sql_options options = {
        .path = file.failed ? NULL : service_path(service, file.p),
        .application = name,
        .migrations = migrations,
        .n_migrations = n_migrations,
        .busy_ms = BUSY_MS,
        .damaged = store ? &store->damaged : NULL,
    };
    buf_free(&file);
    if (!store || !options.path) {
        heap_free(store);
        BUF_LIT(problem, "out of memory");
        return NULL;
    }
    store->retention = (struct outbox_retention){
        .keys_us = common->idempotency_retain_hours * 3600 * US_PER_S,
        .batches_us = common->outbox_retain_hours * 3600 * US_PER_S,
    };
    store->writes = sqlite_open(&options, problem, &error);
    options.read_only = true;
    store->reader = store->writes ? open_reader(&options, common, problem) : NULL;
    store->reads = store->reader ? sqlite_open(&options, problem, &error) : NULL;
    bool fine = store->reads != NULL;
    if (fine && outbox_sql_newest(store->writes, &store->retention.clock.newest)) {
        buf_printf(problem, "%s can't be read", options.path);
        fine = false;
    }
    if (!fine) {
        sql_service_close(store);
        return NULL;
    }
    return store;
}

bool sql_service_begin_epoch(struct sql_service *store, struct buf *problem)
{
    int error = outbox_sql_begin_epoch(store->writes, feed_epoch_new(), &store->history);

    /* On a full disk it goes on in the last epoch, to be there for reading: what it says meanwhile can't be told from
     * what it said before. */
    if (error && error != E_FULL)
        buf_printf(problem, "the epochs of the feed can't be kept: %s", error_text(error));
    return !error || error == E_FULL;
}

static int probe(struct store *self)
{
    struct sql *sql = CONTAINER_OF(self, struct sql_service, store)->writes;

    return sql->probe(sql);
}

static int check(struct store *self)
{
    struct sql *sql = CONTAINER_OF(self, struct sql_service, store)->reads;

    return sql->check(sql);
}

static int read_stored(void *context, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest)
{
    struct sql_service *store = context;

    return outbox_sql_read(store->reads, after, enough, frames, oldest);
}

void sql_service_fill(struct sql_service *store, struct service_parts *parts)
{
    store->store = (struct store){.probe = probe, .check = check};
    parts->store = &store->store;
    parts->read_stored = read_stored;
    parts->read_context = store;
    parts->reads = store->reads;
    parts->reader = store->reader;
    parts->history = store->history.n ? &store->history : NULL;
}

void sql_service_close(struct sql_service *store)
{
    if (!store)
        return;
    reader_free(store->reader);
    feed_history_free(&store->history);
    if (store->reads)
        store->reads->close(store->reads);
    if (store->writes)
        store->writes->close(store->writes);
    heap_free(store);
}
