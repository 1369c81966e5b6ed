/* postgres.c: the port over one connection, made again when it was lost: running, transactions, opening. */
#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "postgres_internal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { DEFAULT_BUSY_MS = 5000, DEFAULT_SILENT_MS = 10000 };
static const int64_t FIRST_BACK_OFF_US = 50 * US_PER_MS, LONGEST_BACK_OFF_US = 2 * US_PER_S;

static const struct sql_statement begin_all = {"BEGIN", 0};
static const struct sql_statement lock_writer = {"SELECT pg_advisory_xact_lock($1)", 1};
static const struct sql_statement commit_all = {"COMMIT", 0};
static const struct sql_statement rollback_all = {"ROLLBACK", 0};
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

static struct postgres *of(struct sql *port)
{
    return CONTAINER_OF(port, struct postgres, port);
}

/* As the port says: the first error answers everything until the transaction ends. */
static int broken_by(struct postgres *self, int error)
{
    if (error && self->in_transaction && !self->broken)
        self->broken = error;
    return error;
}

/* --- running --- */

/* Nothing is to be read from a server that nobody has asked; what is there says that it has ended our session. */
static bool is_cut(PGconn *conn)
{
    struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};

    if (poll(&fd, 1, 0) <= 0)
        return PQstatus(conn) != CONNECTION_OK;
    return !PQconsumeInput(conn) || PQisBusy(conn) || !PQconsumeInput(conn) || PQstatus(conn) != CONNECTION_OK;
}

/* So long the server is left alone after it couldn't be reached. */
static void back_off(struct postgres *self)
{
    self->back_off = self->back_off ? self->back_off * 2 : FIRST_BACK_OFF_US;
    if (self->back_off > LONGEST_BACK_OFF_US)
        self->back_off = LONGEST_BACK_OFF_US;
    self->try_at = clock_monotonic() + self->back_off;
}

static int reconnect(struct postgres *self)
{
    struct buf problem = {0};

    if (clock_monotonic() < self->try_at)
        return E_UNAVAILABLE;
    int error = postgres_connect(self, false, &problem);
    if (self->lost) {
        log_error("what is in memory is old", LOG_S("reason", buf_str(&problem)));
        error = E_OUTCOME_UNKNOWN;
    } else if (error) {
        if (self->back_off == 0)
            log_warning("the database is away", LOG_S("reason", buf_str(&problem)));
        back_off(self);
        error = E_UNAVAILABLE;
    } else {
        log_info("the database is back", LOG_T("host", PQhost(self->conn)), LOG_T("port", PQport(self->conn)));
        self->back_off = 0;
    }
    buf_free(&problem);
    return error;
}

/* Whether there is somebody to ask. */
static int ready(struct postgres *self)
{
    if (self->lost || self->broken)
        return self->lost ? E_OUTCOME_UNKNOWN : self->broken;
    if (self->in_transaction)
        return OK;
    if (atomic_load_explicit(&self->replaced, memory_order_relaxed))
        return E_UNAVAILABLE;
    if (self->conn && is_cut(self->conn))
        postgres_drop(self);
    return self->conn ? OK : reconnect(self);
}

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

/* From here until the answer is there interrupt() has something to end. */
static void runs(struct postgres *self, bool running)
{
    uint64_t times;

    pthread_mutex_lock(&self->interrupt_lock);
    self->running = running;
    if (self->interrupted) { /* that is over, or came too late: the next one isn't meant */
        self->interrupted = false;
        (void)!read(self->wake, &times, sizeof(times));
    }
    pthread_mutex_unlock(&self->interrupt_lock);
}

static int run(struct postgres *self, const struct postgres_slot *slot, const struct sql_value *params, int n_params,
               size_t n_rows, struct postgres_reply *reply)
{
    int error = postgres_queue(self, slot, params, n_params, n_rows);

    if (!error && !PQpipelineSync(self->conn))
        error = E_UNAVAILABLE;
    if (error) { /* half a pipeline can't be taken back */
        postgres_drop(self);
        return broken_by(self, error);
    }
    runs(self, true);
    error = postgres_receive(self, n_rows, reply);
    runs(self, false);
    return error ? broken_by(self, error) : reply->stopped;
}

static int pg_query_many(struct sql *port, const struct sql_statement *statement, const struct sql_value *params,
                         size_t n_rows, sql_on_row *on_row, void *context)
{
    struct postgres *self = of(port);
    struct querying querying = {
        {.text = statement->text, .by_row = on_row != NULL, .on_result = on_row ? on_rows : NULL}, on_row, context};
    struct postgres_slot *slot = NULL;
    int error = ready(self);

    if (error || n_rows == 0)
        return error;
    error = postgres_known(self, statement, &slot);
    if (error)
        return broken_by(self, error);
    return run(self, slot, params, statement->n_params, n_rows, &querying.reply);
}

static int pg_exec_many(struct sql *port, const struct sql_statement *statement, const struct sql_value *params,
                        size_t n_rows)
{
    return pg_query_many(port, statement, params, n_rows, NULL, NULL);
}

static int pg_query_text(struct sql *port, const char *text, const struct sql_value *params, size_t n_params,
                         sql_on_row *on_row, void *context)
{
    struct postgres *self = of(port);
    struct querying querying = {{.text = text, .by_row = true, .on_result = on_rows}, on_row, context};
    struct postgres_slot nameless = {.number = 0};
    int error = ready(self);

    if (error)
        return error;
    error = postgres_prepare(self, &nameless, text, n_params);
    if (error)
        return broken_by(self, error);
    return run(self, &nameless, params, (int)n_params, 1, &querying.reply);
}

static int pg_columns(struct sql *port, sql_on_row *on_row, void *context)
{
    return sql_query(port, &list_columns, NULL, on_row, context);
}

/* --- transactions --- */

static int pg_rollback(struct sql *port)
{
    struct postgres *self = of(port);
    bool was_in_transaction = self->in_transaction;

    self->in_transaction = false;
    self->broken = 0;
    if (!was_in_transaction || !self->conn) /* the server has done it by itself */
        return OK;
    int error = sql_exec(port, &rollback_all, NULL);
    if (error && self->conn)
        postgres_drop(self);
    return OK;
}

/* The locks of others are waited for by the server, for busy_ms at most. */
static int begin_now(struct postgres *self)
{
    const struct sql_value lock = SQL_N(self->lock);
    struct postgres_reply reply = {.text = begin_all.text};
    struct postgres_slot *begin = NULL;
    struct postgres_slot *take_lock = NULL;
    struct postgres_slot begins = {0};

    int error = postgres_known(self, &begin_all, &begin);
    if (!error)
        begins = *begin;
    if (!error && !self->options.read_only)
        error = postgres_known(self, &lock_writer, &take_lock);
    if (error)
        return error;
    error = postgres_queue(self, &begins, NULL, 0, 1);
    if (!error && take_lock)
        error = postgres_queue(self, take_lock, &lock, 1, 1);
    if (error || !PQpipelineSync(self->conn)) {
        postgres_drop(self);
        return E_UNAVAILABLE;
    }
    return postgres_receive(self, take_lock ? 2 : 1, &reply);
}

static int pg_begin(struct sql *port)
{
    struct postgres *self = of(port);

    ASSERT(!self->in_transaction);
    int error = ready(self);
    if (!error)
        error = begin_now(self);
    self->in_transaction = true;
    if (error)
        pg_rollback(port);
    return error;
}

static int pg_commit(struct sql *port)
{
    struct postgres *self = of(port);
    struct postgres_reply reply = {.text = commit_all.text};
    struct postgres_slot *slot = NULL;

    ASSERT(self->in_transaction);
    int error = self->broken ? self->broken : OK;
    if (!error && is_cut(self->conn)) {
        postgres_drop(self);
        error = E_UNAVAILABLE;
    }
    if (!error)
        error = postgres_known(self, &commit_all, &slot);
    if (error) {
        pg_rollback(port);
        return error;
    }
    error = run(self, slot, NULL, 0, 1, &reply);
    self->in_transaction = false;
    self->broken = 0;
    /* The server has said no: nothing was done. Or it has said nothing: then it may have been. */
    if (error && !self->conn) {
        self->lost = true;
        return E_OUTCOME_UNKNOWN;
    }
    return error;
}

/* --- the rest of the port --- */

static int pg_probe(struct sql *port)
{
    int error = port->begin(port);

    return error ? error : sql_end(port, sql_exec(port, &write_probe, NULL));
}

static int pg_check(struct sql *port)
{
    struct postgres *self = of(port);

    if (atomic_load_explicit(self->damaged, memory_order_relaxed))
        return E_CORRUPT;
    return atomic_load_explicit(&self->replaced, memory_order_relaxed) ? E_NOT_FOUND : OK;
}

/* Whose the schema is was looked at when the connection was made, and nobody else's it is as long as that lives. */
static int pg_look(struct sql *port)
{
    static const struct sql_statement nothing = {"SELECT 1", 0};
    struct postgres *self = of(port);

    if (!self->lost)
        return sql_query(port, &nothing, NULL, NULL, NULL);
    if (clock_monotonic() < self->try_at)
        return E_UNAVAILABLE;
    if (postgres_is_there(self))
        return OK;
    back_off(self);
    return E_UNAVAILABLE;
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
    struct postgres *self = of(port);
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
    struct postgres *self = of(port);

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
    self->port = (struct sql){.begin = pg_begin,
                              .commit = pg_commit,
                              .rollback = pg_rollback,
                              .exec_many = pg_exec_many,
                              .query_many = pg_query_many,
                              .query_shared = pg_query_many,
                              .query_text = pg_query_text,
                              .columns = pg_columns,
                              .probe = pg_probe,
                              .check = pg_check,
                              .look = pg_look,
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
