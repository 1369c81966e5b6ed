#include "errors.h"
#include "postgres_internal.h"

/* An advisory lock of the session: it goes with the connection, as its open transaction does, so that who has lost it
 * can't commit any more. Who comes next leaves a name of its own in the table meta, which the one before finds when it
 * comes back. */

static const int64_t OWNERS = 0x6f776e6572; /* apart from the lock of a transaction */

int64_t postgres_owners_lock(const struct postgres *self)
{
    return self->lock ^ OWNERS;
}

static int take_lock(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf text = {0};
    PGresult *result;

    buf_printf(&text, "SELECT pg_try_advisory_lock(%lld)", (long long)postgres_owners_lock(self));
    int error = postgres_ask(self, conn, &text, self->options.silent_ms, &result, problem);
    bool taken = !error && PQntuples(result) == 1 && *PQgetvalue(result, 0, 0) == 't';
    PQclear(result);
    if (error || taken)
        return error;
    postgres_say_where(problem, conn, self->options.schema);
    buf_printf(problem,
               " is in use by another %s service, or by one that was cut off a moment ago: stop it, or give this one a "
               "database of its own",
               self->options.application);
    return E_UNAVAILABLE;
}

static int leave_name(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf text = {0};
    PGresult *result;

    buf_printf(&text,
               "INSERT INTO \"%s\".meta (name, value) VALUES ('owner', gen_random_uuid())"
               " ON CONFLICT (name) DO UPDATE SET value = excluded.value RETURNING value",
               self->options.schema);
    int error = postgres_ask(self, conn, &text, self->options.silent_ms, &result, problem);
    if (!error && PQntuples(result) == 1)
        buf_add(&self->owner, str_of(PQgetvalue(result, 0, 0)));
    PQclear(result);
    return error ? error : self->owner.failed ? E_MEMORY : OK;
}

static int find_name(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf owner = {0};

    int error = postgres_meta(self, conn, "owner", &owner, problem);
    if (!error && !str_eq(buf_str(&owner), buf_str(&self->owner))) {
        self->lost = true;
        postgres_say_where(problem, conn, self->options.schema);
        BUF_LIT(problem, " was written by another process while this one was cut off");
        error = E_OUTCOME_UNKNOWN;
    }
    buf_free(&owner);
    return error;
}

int postgres_own(struct postgres *self, PGconn *conn, bool first, struct buf *problem)
{
    int error = take_lock(self, conn, problem);

    if (error)
        return error;
    return first ? leave_name(self, conn, problem) : find_name(self, conn, problem);
}
