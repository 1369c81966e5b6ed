/* postgres.c: the port over one connection: asking, looking, opening. */
#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "postgres_internal.h"

#include <sys/eventfd.h>
#include <unistd.h>

enum { DEFAULT_BUSY_MS = 5000, DEFAULT_SILENT_MS = 10000 };

static const struct sql_statement write_probe = {
    "INSERT INTO meta (name, value) VALUES ('probe', '1') ON CONFLICT (name) DO UPDATE SET"
    " value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)",
    0};
/* Names are ordered by their bytes. */
static const struct sql_statement list_columns = {
    "SELECT t.relname, c.attname, COALESCE(array_position(CAST(k.indkey AS int2[]), c.attnum), -1) + 1 FROM pg_class "
    "AS t"
    " JOIN pg_attribute AS c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped"
    " LEFT JOIN pg_index AS k ON k.indrelid = t.oid AND k.indisprimary"
    " WHERE t.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND t.relkind = 'r'"
    " AND t.relname <> 'meta' ORDER BY t.relname, c.attnum",
    0};

struct querying {
    struct postgres_reply reply;
    sql_on_row *on_row;
    void *context;
};

static int on_rows(struct postgres_reply *reply, size_t index, const PGresult *result)
{
    const struct querying *querying = CONTAINER_OF(reply, struct querying, reply);

    return postgres_each_row(result, index, querying->on_row, querying->context);
}

static int pg_query_many(struct sql *port, const struct sql_statement *statement, const struct sql_value *params,
                         size_t n_rows, sql_on_row *on_row, void *context)
{
    struct postgres *self = postgres_of(port);
    struct querying querying = {
        {.text = statement->text, .by_row = on_row != NULL, .on_result = on_row ? on_rows : NULL}, on_row, context};
    struct postgres_slot *slot = NULL;
    int error = postgres_ready(self);

    if (error || n_rows == 0)
        return error;
    error = postgres_known(self, statement, &slot);
    if (error)
        return postgres_broken_by(self, error);
    return postgres_run_queued(self, slot, params, statement->n_params, n_rows, &querying.reply);
}

static int pg_exec_many(struct sql *port, const struct sql_statement *statement, const struct sql_value *params,
                        size_t n_rows)
{
    if (postgres_of(port)->in_transaction)
        return postgres_exec_unheard(postgres_of(port), statement, params, n_rows);
    return pg_query_many(port, statement, params, n_rows, NULL, NULL);
}

static int pg_query_text(struct sql *port, const char *text, const struct sql_value *params, size_t n_params,
                         sql_on_row *on_row, void *context)
{
    struct postgres *self = postgres_of(port);
    struct querying querying = {{.text = text, .by_row = true, .on_result = on_rows}, on_row, context};
    struct postgres_slot nameless = {.number = 0};
    int error = postgres_ready(self);

    if (error)
        return error;
    error = postgres_prepare(self, &nameless, text, n_params);
    if (error)
        return postgres_broken_by(self, error);
    return postgres_run_queued(self, &nameless, params, (int)n_params, 1, &querying.reply);
}

static int pg_columns(struct sql *port, sql_on_row *on_row, void *context)
{
    return sql_query(port, &list_columns, NULL, on_row, context);
}

/* --- the rest of the port --- */

static int pg_probe(struct sql *port)
{
    int error = port->begin(port);

    return error ? error : sql_end(port, sql_exec(port, &write_probe, NULL));
}

static int pg_check(struct sql *port)
{
    struct postgres *self = postgres_of(port);

    if (atomic_load_explicit(self->damaged, memory_order_relaxed))
        return E_CORRUPT;
    return atomic_load_explicit(&self->replaced, memory_order_relaxed) ? E_NOT_FOUND : OK;
}

/* Whose the schema is was looked at when the connection was made, and nobody else's it is as long as that lives. */
static int pg_look(struct sql *port)
{
    static const struct sql_statement nothing = {"SELECT 1", 0};
    struct postgres *self = postgres_of(port);

    if (!self->lost)
        return sql_query(port, &nothing, NULL, NULL, NULL);
    if (atomic_load_explicit(&self->replaced, memory_order_relaxed))
        return E_NOT_FOUND;
    if (clock_monotonic() < self->try_at)
        return E_UNAVAILABLE;
    int error = postgres_look_at_server(self);
    if (error)
        postgres_back_off(self);
    return error;
}

static bool pg_broke(const struct sql *port)
{
    const struct postgres *self = CONTAINER_OF(port, struct postgres, port);

    return !self->conn || self->connection > 1;
}

/* A turn's rows from one snapshot would cost round trips, for its beginning and its end, and save none. */
static void pg_share(struct sql *port, bool begins)
{
    UNUSED(port);
    UNUSED(begins);
}

/* The server isn't asked to end the query: that may take as long as the query, when it doesn't answer. Who waits for it
 * gives the connection up, which the server notices within a second. */
static void pg_interrupt(struct sql *port)
{
    struct postgres *self = postgres_of(port);
    const uint64_t once = 1;

    pthread_mutex_lock(&self->interrupt_lock);
    if (self->running) {
        self->interrupted = true;
        (void)!write(self->wake, &once, sizeof(once));
    }
    pthread_mutex_unlock(&self->interrupt_lock);
}

static void pg_close(struct sql *port)
{
    struct postgres *self = postgres_of(port);

    postgres_drop(self);
    sql_slots_free(&self->statements);
    buf_free(&self->instance);
    buf_free(&self->owner);
    buf_free(&self->server);
    buf_free(&self->schema);
    buf_free(&self->application);
    pthread_mutex_destroy(&self->interrupt_lock);
    if (self->wake >= 0)
        close(self->wake);
    heap_free(self);
}

/* --- opening --- */

static const char *keep(struct buf *copy, const char *text)
{
    buf_add(copy, str_of(text));
    buf_char(copy, '\0');
    return copy->p;
}

static void settle_options(struct postgres *self, const struct sql_options *options)
{
    self->options = *options;
    self->options.server = keep(&self->server, options->server);
    self->options.application = keep(&self->application, options->application);
    self->options.schema = keep(&self->schema, options->schema ? options->schema : options->application);
    if (!options->busy_ms)
        self->options.busy_ms = DEFAULT_BUSY_MS;
    if (!options->silent_ms)
        self->options.silent_ms = DEFAULT_SILENT_MS;
    self->damaged = options->damaged ? options->damaged : &self->own;
    self->lock = (int64_t)str_hash(str_of(self->options.schema));
    self->cell_lock = postgres_cell_lock(self, self->options.cell);
}

struct sql *postgres_open(const struct sql_options *options, struct buf *problem, int *error)
{
    struct postgres *self = heap_alloc(sizeof(*self));

    *error = self ? OK : E_MEMORY;
    if (!self) {
        BUF_LIT(problem, "no memory left to open PostgreSQL");
        return NULL;
    }
    pthread_mutex_init(&self->interrupt_lock, NULL);
    self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->port = (struct sql){.own = options->cell == SQL_SOME_CELLS ? postgres_own_cell : NULL,
                              .disown = options->cell == SQL_SOME_CELLS ? postgres_disown_cell : NULL,
                              .begin = postgres_begin,
                              .commit = postgres_commit,
                              .rollback = postgres_rollback,
                              .exec_many = pg_exec_many,
                              .query_many = pg_query_many,
                              .query_shared = pg_query_many,
                              .query_text = pg_query_text,
                              .columns = pg_columns,
                              .probe = pg_probe,
                              .check = pg_check,
                              .look = pg_look,
                              .broke = pg_broke,
                              .share = pg_share,
                              .interrupt = pg_interrupt,
                              .close = pg_close};
    settle_options(self, options);
    bool ready = self->wake >= 0 && !self->server.failed && !self->schema.failed && !self->application.failed;
    *error = ready ? postgres_connect(self, true, problem) : E_MEMORY;
    if (*error) {
        pg_close(&self->port);
        return NULL;
    }
    return &self->port;
}
