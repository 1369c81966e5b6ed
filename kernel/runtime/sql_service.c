#include "sql_service.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "outbox_sql.h"
#include "sql_joint.h"
#include "stored_events.h"

#include <sys/prctl.h>

enum { BUSY_MS = 5000 };

/* One connection that is being opened. */
struct opening {
    const struct sql_options *options;
    struct sql *sql;
};

static int try_server(void *context, struct buf *problem)
{
    struct opening *opening = context;
    int error = OK;

    opening->sql = postgres_open(opening->options, problem, &error);
    return error;
}

/* NULL, a sentence, and *error. */
static struct sql *open_one(struct service *service, const struct sql_options *options, struct buf *problem, int *error)
{
    struct opening opening = {.options = options};

    if (!options->server)
        return sqlite_open(options, problem, error);
    *error = service_wait_for_store(service, try_server, &opening, problem);
    return opening.sql;
}

/* Two connections for lists. */
static struct reader *open_reader(struct service *service, const struct sql_options *options,
                                  const struct reader_limits *limits, struct buf *problem, int *error)
{
    struct sql *quick = open_one(service, options, problem, error);
    struct sql *slow = quick ? open_one(service, options, problem, error) : NULL;

    if (!slow) {
        if (quick)
            quick->close(quick);
        return NULL;
    }
    struct reader *reader = reader_new(quick, slow, limits);
    if (!reader)
        BUF_LIT(problem, "there is not enough memory, or no thread, for reading lists");
    return reader;
}

/* And one for single rows: the loop's, where it needn't wait. */
static bool open_reads(struct sql_service *store, struct service *service, const struct sql_options *options,
                       const struct common_settings *common, struct buf *problem, int *error)
{
    const struct reader_limits limits = reader_limits_of(common);

    store->reader = open_reader(service, options, &limits, problem, error);
    struct sql *rows = store->reader ? open_one(service, options, problem, error) : NULL;
    if (!rows)
        return false;
    if (!options->server) {
        store->reads = rows;
        reader_rows_at_once(store->reader, rows);
        return true;
    }
    bool done = reader_rows_apart(store->reader, rows, &limits);
    if (!done)
        BUF_LIT(problem, "there is no thread for reading rows");
    return done;
}

static int try_newest(void *context, struct buf *problem)
{
    struct sql_service *store = context;

    int error = OK;

    for (int32_t i = 0; i < store->n_cells && !error; i++)
        error = outbox_sql_newest(store->connection, store->cells[i].cell, &store->cells[i].retention.clock.newest);
    if (error)
        buf_printf(problem, "the database can't be read: %s", error_text(error));
    return error;
}

static bool find_newest(struct sql_service *store, struct service *service, struct buf *problem)
{
    bool on_server = store->connection->look != NULL;

    return (on_server ? service_wait_for_store(service, try_newest, store, problem) : try_newest(store, problem)) == OK;
}

static bool join_parts(struct sql_service *store, struct buf *problem)
{
    if (!store->connection)
        return false;
    store->writes = store->n_cells == 1 ? store->connection : sql_joint_new(store->connection);
    if (!store->writes)
        BUF_LIT(problem, "out of memory");
    return store->writes != NULL;
}

static bool open_all(struct sql_service *store, struct service *service, struct sql_options *options,
                     const struct common_settings *common, struct buf *problem, int *error)
{
    options->alone = true;
    store->connection = open_one(service, options, problem, error);
    if (!join_parts(store, problem))
        return false;
    options->alone = false;
    options->read_only = true;
    options->silent_ms = common->query_ms; /* who says nothing for so long is given up as a list is */
    if (!open_reads(store, service, options, common, problem, error))
        return false;
    if (common->kafka.servers[0]) {
        store->relays = open_one(service, options, problem, error);
        if (!store->relays)
            return false;
    }
    return find_newest(store, service, problem);
}

static bool make_cells(struct sql_service *store, struct service *service, const struct common_settings *common)
{
    store->service = service;
    store->n_cells = service_cells(service);
    store->cells = heap_alloc((size_t)store->n_cells * sizeof(*store->cells));
    for (int32_t i = 0; store->cells && i < store->n_cells; i++)
        store->cells[i] = (struct sql_cell){.cell = {i, store->n_cells},
                                            .retention = {.keys_us = common->idempotency_retain_hours * 3600 * US_PER_S,
                                                          .batches_us = common->outbox_retain_hours * 3600 * US_PER_S}};
    return store->cells != NULL;
}

struct sql_service *sql_service_open(struct service *service, const struct common_settings *common, const char *server,
                                     const char *name, const struct sql_migration *migrations, size_t n_migrations,
                                     struct buf *problem, int *error)
{
    struct sql_service *store = heap_alloc(sizeof(*store));
    struct buf file = {0};
    int unasked;

    error = error ? error : &unasked;
    *error = OK;
    if (common->shop_cells > 1 && !server[0]) {
        buf_printf(problem, "shop.cells is %lld, and a file keeps one cell: set store.sql, or leave it at 1",
                   (long long)common->shop_cells);
        return NULL;
    }
    buf_printf(&file, "%s.db", name);
    buf_char(&file, '\0');
    struct sql_options options = {
        .path = file.failed ? NULL : service_path(service, file.p),
        .server = server[0] ? server : NULL,
        .application = name,
        .migrations = migrations,
        .n_migrations = n_migrations,
        .cell = common->shop_cells == 1 ? 0 : SQL_ALL_CELLS,
        .cells = (int32_t)common->shop_cells,
        .busy_ms = BUSY_MS,
        .damaged = store ? &store->damaged : NULL,
    };
    buf_free(&file);
    if (!store || !options.path || !make_cells(store, service, common)) {
        heap_free(store);
        BUF_LIT(problem, "out of memory");
        return NULL;
    }
    if (options.server)
        prctl(PR_SET_DUMPABLE, 0); /* libpq keeps the password in its memory */
    if (!open_all(store, service, &options, common, problem, error)) {
        sql_service_close(store);
        return NULL;
    }
    return store;
}

bool sql_service_begin_epoch(struct sql_service *store, struct buf *problem)
{
    int error = OK;

    store->says = true;
    if (store->n_cells == 1)
        error = outbox_sql_begin_epoch(store->writes, store->cells[0].cell, feed_epoch_new(), &store->history);

    /* On a full disk it goes on in the last epoch, to be there for reading: what it says meanwhile can't be told from
     * what it said before. */
    if (error && error != E_FULL)
        buf_printf(problem, "the epochs of the feed can't be kept: %s", error_text(error));
    return !error || error == E_FULL;
}

int sql_service_cannot_start(const struct sql_service *store, struct buf *problem)
{
    const struct sql *sql = store ? store->connection : NULL;

    if (!sql || !sql->broke || !sql->broke(sql))
        return PROGRAM_CANNOT_START;
    BUF_LIT(problem, ": the connection to its server broke meanwhile; it ends, to be started again");
    return PROGRAM_START_AGAIN;
}

static int probe(struct store *self)
{
    struct sql *sql = CONTAINER_OF(self, struct sql_service, store)->connection;

    return sql->probe(sql);
}

static int check(struct store *self)
{
    const struct sql_service *store = CONTAINER_OF(self, struct sql_service, store);
    struct sql *sql = store->reads ? store->reads : store->connection; /* a server's: any thread */

    return sql->check(sql);
}

static int look(struct store *self)
{
    struct sql *sql = CONTAINER_OF(self, struct sql_service, store)->connection;

    return sql->look(sql);
}

static int look_read(struct store *self, struct sql *sql)
{
    UNUSED(self);
    return sql->look(sql);
}

static int read_by(void *context, struct sql *sql, struct feed_reading *reading)
{
    const struct sql_service *store = context;

    return outbox_sql_read(sql, store->cells[0].cell, reading->after, reading->enough, &reading->frames,
                           &reading->oldest);
}

static void read_stored(void *context, struct feed_reading *reading)
{
    struct sql_service *store = context;

    stored_events_fetch(store->service, store->reader, read_by, store, reading);
}

static int read_to_relay(void *context, int32_t cell, uint64_t after, size_t enough, struct buf *frames,
                         uint64_t *oldest)
{
    const struct sql_service *store = context;

    return outbox_sql_read(store->relays, store->cells[cell].cell, after, enough, frames, oldest);
}

static void tidy(struct store *self, int64_t now)
{
    struct sql_service *store = CONTAINER_OF(self, struct sql_service, store);

    for (int32_t i = 0; i < store->n_cells; i++) {
        struct sql_cell *cell = &store->cells[i];
        outbox_sql_tidy(store->connection, cell->cell, &cell->retention,
                        retention_clock_at(&cell->retention.clock, now));
    }
}

void sql_service_fill(struct sql_service *store, struct service_parts *parts)
{
    bool on_server = store->connection->look != NULL;

    store->store = (struct store){.probe = probe,
                                  .check = check,
                                  .tidy = store->says ? tidy : NULL,
                                  .on_server = on_server,
                                  .look = on_server ? look : NULL,
                                  .look_read = on_server ? look_read : NULL};
    parts->store = &store->store;
    for (int32_t i = 0; i < store->n_cells; i++)
        store->cells[i].retention.relayed = service_relayed(store->service, i);
    parts->joint = store->n_cells > 1 ? store->writes : NULL;
    parts->read_stored = read_stored;
    parts->read_to_relay = read_to_relay;
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
    if (store->relays)
        store->relays->close(store->relays);
    if (store->reads)
        store->reads->close(store->reads);
    if (store->writes && store->writes != store->connection)
        store->writes->close(store->writes);
    if (store->connection)
        store->connection->close(store->connection);
    heap_free(store->cells);
    heap_free(store);
}
