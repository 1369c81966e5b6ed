#include "errors.h"
#include "postgres_internal.h"

/* Advisory locks of the session: they go with the connection, as its open transaction does, so that who has lost a cell
 * can't commit to it any more. Who comes next leaves a name of its own in the table meta, which the one before finds
 * when it comes back. Who has a cell shares the lock of all of them with the other cells' owners, so that one who wants
 * all (an import, a rebuilt schema) gets it only when nobody has any. */

static const int64_t OWNERS = 0x6f776e6572; /* apart from the lock of a transaction */

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
    if (taken && !has_all(self)) {
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

int postgres_own(struct postgres *self, PGconn *conn, bool first, struct buf *problem)
{
    int error = take_locks(self, conn, problem);

    if (!error)
        error = first ? postgres_first_commits(self, conn, problem) : postgres_compare_commits(self, conn, problem);
    if (error)
        return error;
    return first ? leave_name(self, conn, problem) : find_name(self, conn, problem);
}
