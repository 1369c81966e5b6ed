#include "errors.h"
#include "postgres_internal.h"

#include <stdio.h>

/* Advisory locks of the session: they go with the connection, as its open transaction does, so that who has lost a cell
 * can't commit to it any more. Who comes next leaves a name of its own in the table meta, which the one before finds
 * when it comes back. Who has a cell shares the lock of all of them with the other cells' owners, so that one who wants
 * all (an import, a rebuilt schema) gets it only when nobody has any.
 *
 * Who takes cells one by one has that shared lock as long as it is connected, and leaves no name: once its connection
 * has broken it believes nothing any more. */

static const int64_t OWNERS = 0x6f776e6572; /* apart from the lock of a transaction */

enum { CELL_NAME_SIZE = 80 /* NAMEDATALEN, and a number */ };

int64_t postgres_cell_lock(const struct postgres *self, int32_t cell)
{
    char name[CELL_NAME_SIZE];

    (void)snprintf(name, sizeof(name), "%s/%d", self->options.schema, (int)cell);
    return (int64_t)str_hash(str_of(name));
}

int64_t postgres_owners_lock(const struct postgres *self)
{
    return self->lock ^ OWNERS;
}

static bool has_all(const struct postgres *self)
{
    return self->options.cell == SQL_ALL_CELLS;
}

/* 't' or 'f' */
static int try_lock(struct postgres *self, PGconn *conn, const char *how, int64_t lock, bool *taken,
                    struct buf *problem)
{
    struct buf text = {0};
    PGresult *result;

    buf_printf(&text, "SELECT %s(%lld)", how, (long long)lock);
    int error = postgres_ask(self, conn, &text, self->options.silent_ms, &result, problem);
    *taken = !error && PQntuples(result) == 1 && *PQgetvalue(result, 0, 0) == 't';
    PQclear(result);
    return error;
}

static int take_locks(struct postgres *self, PGconn *conn, struct buf *problem)
{
    int64_t lock = postgres_owners_lock(self); /* of all cells */
    bool taken = false;

    int error = try_lock(self, conn, has_all(self) ? "pg_try_advisory_lock" : "pg_try_advisory_lock_shared", lock,
                         &taken, problem);
    if (taken && !has_all(self) && !postgres_has_some(self)) {
        lock = self->cell_lock ^ OWNERS;
        error = try_lock(self, conn, "pg_try_advisory_lock", lock, &taken, problem);
    }
    if (error || taken)
        return error;
    postgres_say_where(problem, conn, self->options.schema);
    buf_printf(problem, " is in use by another %s service, or by one that was cut off a moment ago",
               self->options.application);
    postgres_say_holder(self, conn, lock, problem);
    return E_UNAVAILABLE;
}

/* owner-3, or owner--1 of all: whoever comes with the one takes the other's name away. */
static void add_name(const struct postgres *self, struct buf *text)
{
    buf_printf(text, "owner-%d", (int)self->options.cell);
}

static int leave_name(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf text = {0};
    PGresult *result;

    buf_printf(&text, "DELETE FROM \"%s\".meta WHERE name LIKE '%s';", self->options.schema,
               has_all(self) ? "owner%" : "owner--1");
    buf_printf(&text, "INSERT INTO \"%s\".meta (name, value) VALUES ('", self->options.schema);
    add_name(self, &text);
    BUF_LIT(&text, "', gen_random_uuid()) ON CONFLICT (name) DO UPDATE SET value = excluded.value RETURNING value");
    int error = postgres_ask(self, conn, &text, self->options.silent_ms, &result, problem);
    if (!error && PQntuples(result) == 1)
        buf_add(&self->owner, str_of(PQgetvalue(result, 0, 0)));
    PQclear(result);
    return error ? error : self->owner.failed ? E_MEMORY : OK;
}

static int find_name(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf owner = {0};
    struct buf name = {0};

    add_name(self, &name);
    buf_char(&name, '\0');
    int error = name.failed ? E_MEMORY : postgres_meta(self, conn, name.p, &owner, problem);
    if (!error && !str_eq(buf_str(&owner), buf_str(&self->owner))) {
        self->lost = true;
        postgres_say_where(problem, conn, self->options.schema);
        BUF_LIT(problem, " was written by another process while this one was cut off");
        error = E_OUTCOME_UNKNOWN;
    }
    buf_free(&owner);
    buf_free(&name);
    return error;
}

/* Whoever had all of them finds its name gone. */
static int take_name_of_all(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf text = {0};
    PGresult *result;

    buf_printf(&text, "DELETE FROM \"%s\".meta WHERE name = 'owner--1'", self->options.schema);
    int error = postgres_ask(self, conn, &text, self->options.silent_ms, &result, problem);
    PQclear(result);
    return error;
}

static int own_some(struct postgres *self, PGconn *conn, bool first, struct buf *problem)
{
    if (!first) {
        self->lost = true;
        postgres_say_where(problem, conn, self->options.schema);
        BUF_LIT(problem, " was disconnected, and with the connection went its cells");
        return E_OUTCOME_UNKNOWN;
    }
    int error = take_locks(self, conn, problem);
    return error ? error : take_name_of_all(self, conn, problem);
}

static int on_taken(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    *(bool *)context = sql_i64(row, 0) != 0;
    return OK;
}

static int lock_cell(struct sql *port, int32_t cell, const struct sql_statement *how, bool *done)
{
    const struct sql_value lock = SQL_N(postgres_cell_lock(postgres_of(port), cell) ^ OWNERS);

    ASSERT(postgres_has_some(postgres_of(port)) && !postgres_of(port)->in_transaction);
    *done = false;
    return sql_query(port, how, &lock, on_taken, done);
}

int postgres_own_cell(struct sql *port, int32_t cell)
{
    static const struct sql_statement try = {"SELECT CAST(pg_try_advisory_lock($1) AS INTEGER)", 1};
    bool taken;

    int error = lock_cell(port, cell, &try, &taken);
    return error || taken ? error : E_UNAVAILABLE;
}

int postgres_disown_cell(struct sql *port, int32_t cell)
{
    static const struct sql_statement unlock = {"SELECT CAST(pg_advisory_unlock($1) AS INTEGER)", 1};
    bool released;

    return lock_cell(port, cell, &unlock, &released);
}

int postgres_own(struct postgres *self, PGconn *conn, bool first, struct buf *problem)
{
    if (postgres_has_some(self))
        return own_some(self, conn, first, problem);
    int error = take_locks(self, conn, problem);

    if (!error)
        error = first ? postgres_first_commits(self, conn, problem) : postgres_compare_commits(self, conn, problem);
    if (error)
        return error;
    return first ? leave_name(self, conn, problem) : find_name(self, conn, problem);
}
