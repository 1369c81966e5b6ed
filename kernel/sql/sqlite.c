#include "sqlite_internal.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"

struct sqlite_row {
    struct sql_row row;
    sqlite3_stmt *prepared;
};

static const struct sql_statement begin_write = {"BEGIN IMMEDIATE", 0};
static const struct sql_statement begin_read = {"BEGIN", 0};
static const struct sql_statement commit_all = {"COMMIT", 0};
static const struct sql_statement rollback_all = {"ROLLBACK", 0};
static const struct sql_statement write_probe = {
    "INSERT INTO meta (name, value) VALUES ('probe', '1') ON CONFLICT (name) DO UPDATE SET value = value + 1", 0};
static const struct sql_statement list_columns = {
    "SELECT t.name, c.name, c.pk FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table' "
    "AND "
    "t.name <> 'meta' AND substr(t.name, 1, 7) <> 'sqlite_' ORDER BY t.name, c.cid",
    0};

static struct sqlite *of(struct sql *port)
{
    return CONTAINER_OF(port, struct sqlite, port);
}

static int64_t column_i64(const struct sql_row *row, int column)
{
    return sqlite3_column_int64(CONTAINER_OF(row, const struct sqlite_row, row)->prepared, column);
}

static struct str column_text(const struct sql_row *row, int column)
{
    sqlite3_stmt *prepared = CONTAINER_OF(row, const struct sqlite_row, row)->prepared;
    const char *p = sqlite3_column_blob(prepared, column); /* first: it settles how many bytes there are */
    int n = sqlite3_column_bytes(prepared, column);

    return p ? (struct str){p, (size_t)n} : (struct str){NULL, 0};
}

static enum sql_kind column_kind(const struct sql_row *row, int column)
{
    switch (sqlite3_column_type(CONTAINER_OF(row, const struct sqlite_row, row)->prepared, column)) {
    case SQLITE_NULL:
        return SQL_NULL;
    case SQLITE_INTEGER:
        return SQL_I64;
    case SQLITE_BLOB:
        return SQL_BLOB;
    default:
        return SQL_TEXT;
    }
}

/* SQLite ends a transaction by itself after some errors; what came next would then be committed alone. So the first
 * error is remembered, and answers everything until the transaction ends. */
static int broken_by(struct sqlite *self, int error)
{
    if (error && self->in_transaction && !self->broken)
        self->broken = error;
    return error;
}

/* --- prepared statements, kept for life --- */

static int prepared_for(struct sqlite *self, const struct sql_statement *statement, sqlite3_stmt **out)
{
    struct sqlite_slot *slot = sql_slots_of(&self->statements, sizeof(*slot), statement);

    if (!slot)
        return E_MEMORY;
    if (!slot->prepared) {
        int rc = sqlite3_prepare_v3(self->db, statement->text, -1, SQLITE_PREPARE_PERSISTENT, &slot->prepared, NULL);
        if (rc)
            return sqlite_report(self, rc, statement->text);
        ASSERT(sqlite3_bind_parameter_count(slot->prepared) == statement->n_params);
    }
    *out = slot->prepared;
    return 0;
}

static int bind_one(sqlite3_stmt *prepared, int at, const struct sql_value *value)
{
    /* SQLite takes a NULL pointer for NULL; an empty text is not that. */
    const char *p = value->text.p ? value->text.p : "";

    switch (value->kind) {
    case SQL_I64:
        return sqlite3_bind_int64(prepared, at, value->number);
    case SQL_TEXT:
        return sqlite3_bind_text64(prepared, at, p, value->text.n, SQLITE_STATIC, SQLITE_UTF8);
    case SQL_BLOB:
        return sqlite3_bind_blob64(prepared, at, p, value->text.n, SQLITE_STATIC);
    case SQL_NULL:
    default:
        return sqlite3_bind_null(prepared, at);
    }
}

/* Runs one row of parameters. *stopped: what on_row answered when it wanted no more. */
static int run_row(sqlite3_stmt *prepared, const struct sql_value *params, int n_params, size_t index,
                   sql_on_row *on_row, void *context, int *stopped)
{
    const struct sqlite_row row = {{column_i64, column_text, column_kind}, prepared};
    int rc = SQLITE_OK;

    for (int i = 0; i < n_params && rc == SQLITE_OK; i++)
        rc = bind_one(prepared, i + 1, &params[i]);
    if (rc)
        return rc;
    while ((rc = sqlite3_step(prepared)) == SQLITE_ROW) {
        if (on_row && (*stopped = on_row(context, index, &row.row)) != 0)
            return SQLITE_DONE;
    }
    return rc;
}

static int run_rows(struct sqlite *self, sqlite3_stmt *prepared, const char *text, const struct sql_value *params,
                    int n_params, size_t n_rows, sql_on_row *on_row, void *context)
{
    int stopped = 0;

    for (size_t i = 0; i < n_rows && !stopped; i++) {
        const struct sql_value *row = n_params ? params + i * (size_t)n_params : NULL;
        int rc = run_row(prepared, row, n_params, i, on_row, context, &stopped);
        int error = rc == SQLITE_DONE ? 0 : sqlite_report(self, rc, text);
        self->result = rc;
        sqlite3_reset(prepared);
        if (error)
            return broken_by(self, error);
    }
    return stopped;
}

/* --- what is read outside a transaction --- */

/* SQLite locks and unlocks the file for each row of parameters and each query, unless there is a read transaction
 * around them. A query that stays alone in its turn is better off without the statements for one. */
static int hold(struct sqlite *self, bool shared, size_t n_rows)
{
    bool wanted = n_rows > 1 || (shared && self->has_shared);

    self->has_shared |= shared;
    if (self->holds || !wanted)
        return OK;
    int error = sql_exec(&self->port, &begin_read, NULL);
    self->holds = !error;
    return error;
}

static void let_go(struct sqlite *self)
{
    /* It has written nothing, so nothing can be lost; some errors end it by themselves. */
    if (self->holds && !sqlite3_get_autocommit(self->db))
        (void)sql_exec(&self->port, &commit_all, NULL);
    self->holds = false;
}

static int read_rows(struct sqlite *self, bool shared, sqlite3_stmt *prepared, const struct sql_statement *statement,
                     const struct sql_value *params, size_t n_rows, sql_on_row *on_row, void *context)
{
    if (!shared)
        let_go(self); /* it is told what is newest */
    int error = hold(self, shared, n_rows);
    if (error)
        return error;
    error = run_rows(self, prepared, statement->text, params, statement->n_params, n_rows, on_row, context);
    if (error || !shared)
        let_go(self);
    return error;
}

/* --- the port --- */

static int query(struct sqlite *self, bool shared, const struct sql_statement *statement,
                 const struct sql_value *params, size_t n_rows, sql_on_row *on_row, void *context)
{
    sqlite3_stmt *prepared = NULL;

    if (self->broken || self->lost)
        return self->broken ? self->broken : E_OUTCOME_UNKNOWN;
    int error = prepared_for(self, statement, &prepared);
    if (error)
        return broken_by(self, error);
    if (on_row && !self->in_transaction)
        return read_rows(self, shared, prepared, statement, params, n_rows, on_row, context);
    return run_rows(self, prepared, statement->text, params, statement->n_params, n_rows, on_row, context);
}

/* As many as can be inserted at once are; *done: so many. */
static int insert_wide(struct sqlite *self, const struct sql_statement *statement, const struct sql_value *params,
                       size_t n_rows, size_t *done)
{
    size_t n = n_rows / SQLITE_WIDE_ROWS;
    sqlite3_stmt *wide = NULL;

    *done = 0;
    if (n == 0 || self->broken || self->lost)
        return OK; /* what comes behind says it */
    int error = sqlite_wide_for(self, statement, &wide);
    if (error)
        return broken_by(self, error);
    if (!wide)
        return OK;
    *done = n * SQLITE_WIDE_ROWS;
    return run_rows(self, wide, statement->text, params, statement->n_params * SQLITE_WIDE_ROWS, n, NULL, NULL);
}

static int lite_query_many(struct sql *port, const struct sql_statement *statement, const struct sql_value *params,
                           size_t n_rows, sql_on_row *on_row, void *context)
{
    return query(of(port), false, statement, params, n_rows, on_row, context);
}

static int lite_query_shared(struct sql *port, const struct sql_statement *statement, const struct sql_value *params,
                             size_t n_rows, sql_on_row *on_row, void *context)
{
    struct sqlite *self = of(port);

    return query(self, self->shares, statement, params, n_rows, on_row, context);
}

static int lite_exec_many(struct sql *port, const struct sql_statement *statement, const struct sql_value *params,
                          size_t n_rows)
{
    size_t done = 0;

    int error = insert_wide(of(port), statement, params, n_rows, &done);
    if (error || (done && done == n_rows))
        return error;
    const struct sql_value *rest = params ? params + done * (size_t)statement->n_params : NULL;
    return lite_query_many(port, statement, rest, n_rows - done, NULL, NULL);
}

static int lite_query_text(struct sql *port, const char *text, const struct sql_value *params, size_t n_params,
                           sql_on_row *on_row, void *context)
{
    struct sqlite *self = of(port);
    sqlite3_stmt *prepared = NULL;

    if (self->broken || self->lost)
        return self->broken ? self->broken : E_OUTCOME_UNKNOWN;
    int rc = sqlite3_prepare_v2(self->db, text, -1, &prepared, NULL);
    if (rc)
        return broken_by(self, sqlite_report(self, rc, text));
    ASSERT((size_t)sqlite3_bind_parameter_count(prepared) == n_params);
    int error = run_rows(self, prepared, text, params, (int)n_params, 1, on_row, context);
    sqlite3_finalize(prepared);
    return error;
}

static int lite_columns(struct sql *port, sql_on_row *on_row, void *context)
{
    return sql_query(port, &list_columns, NULL, on_row, context);
}

static void lite_share(struct sql *port, bool begins)
{
    struct sqlite *self = of(port);

    ASSERT(self->read_only && !self->in_transaction);
    let_go(self);
    self->shares = begins;
    self->has_shared = false;
}

static int lite_begin(struct sql *port)
{
    struct sqlite *self = of(port);

    ASSERT(!self->in_transaction);
    let_go(self);
    int error = sql_exec(port, self->read_only ? &begin_read : &begin_write, NULL);
    self->in_transaction = !error;
    return error;
}

static int lite_rollback(struct sql *port)
{
    struct sqlite *self = of(port);

    self->in_transaction = false;
    self->broken = 0;
    return sqlite3_get_autocommit(self->db) ? 0 : sql_exec(port, &rollback_all, NULL);
}

static int lite_commit(struct sql *port)
{
    struct sqlite *self = of(port);

    ASSERT(self->in_transaction);
    if (self->broken) {
        int error = self->broken;
        lite_rollback(port);
        return error;
    }
    int error = sql_exec(port, &commit_all, NULL);
    if (error && !sqlite_commit_is_undone(self->result))
        error = E_OUTCOME_UNKNOWN;
    if (error)
        lite_rollback(port);
    self->lost |= error == E_OUTCOME_UNKNOWN;
    self->in_transaction = false;
    return error;
}

static int lite_probe(struct sql *port)
{
    int error = port->begin(port);

    if (error)
        return error;
    error = sql_exec(port, &write_probe, NULL);
    if (!error)
        return port->commit(port);
    port->rollback(port);
    return error;
}

static bool has_moved(sqlite3_file *file)
{
    int moved = 0;

    /* A log that isn't open, and what can't be told, hasn't. */
    return file && file->pMethods && file->pMethods->xFileControl(file, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved;
}

static int lite_check(struct sql *port)
{
    static const int which[] = {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER};
    struct sqlite *self = of(port);

    if (atomic_load_explicit(self->damaged, memory_order_relaxed))
        return E_CORRUPT;
    for (size_t i = 0; i < COUNT_OF(which); i++) {
        sqlite3_file *file = NULL;
        if (sqlite3_file_control(self->db, "main", which[i], &file) == SQLITE_OK && has_moved(file))
            return E_NOT_FOUND;
    }
    return OK;
}

static void lite_interrupt(struct sql *port)
{
    sqlite3_interrupt(of(port)->db);
}

static void lite_close(struct sql *port)
{
    struct sqlite *self = of(port);
    struct sqlite_slot *slots = self->statements.slots;

    for (size_t i = 0; i < self->statements.n_slots; i++) {
        sqlite3_finalize(slots[i].prepared);
        sqlite3_finalize(slots[i].wide);
    }
    sql_slots_free(&self->statements);
    sqlite3_close(self->db);
    heap_free(self);
}

/* --- opening --- */

struct sql *sqlite_open(const struct sql_options *options, struct buf *problem, int *error)
{
    struct sqlite *self = heap_alloc(sizeof(*self));

    *error = self ? 0 : E_MEMORY;
    if (!self) {
        buf_printf(problem, "no memory left to open %s", options->path);
        return NULL;
    }
    self->read_only = options->read_only;
    self->damaged = options->damaged ? options->damaged : &self->own;
    self->port = (struct sql){.begin = lite_begin,
                              .commit = lite_commit,
                              .rollback = lite_rollback,
                              .exec_many = lite_exec_many,
                              .query_many = lite_query_many,
                              .query_shared = lite_query_shared,
                              .query_text = lite_query_text,
                              .columns = lite_columns,
                              .probe = lite_probe,
                              .check = lite_check,
                              .share = lite_share,
                              .interrupt = lite_interrupt,
                              .close = lite_close};
    *error = sqlite_set_up(options, &self->db, problem);
    if (*error) {
        lite_close(&self->port);
        return NULL;
    }
    return &self->port;
}
