#include "errors.h"
#include "log.h"
#include "postgres_internal.h"

#include <inttypes.h>

/* How many transactions of a cell's were committed is kept in the table meta, and written by each of them. Who was told
 * that one was committed and finds a smaller number when it comes back has found a server that has lost it: a replica
 * took over that lacked some, or an older copy was put back. Only whoever is alone counts, by a number of its own,
 * which needs no reading; it goes out with COMMIT, so nobody waits for it. */

int postgres_first_commits(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf text = {0};
    PGresult *result;

    buf_printf(&text,
               "INSERT INTO \"%s\".meta (name, value) VALUES ('commits-%" PRId32 "', '0')"
               " ON CONFLICT (name) DO UPDATE SET value = meta.value RETURNING value",
               self->options.schema, self->options.cell);
    int error = postgres_ask(self, conn, &text, self->options.silent_ms, &result, problem);
    if (!error && (PQntuples(result) != 1 || !str_to_i64(str_of(PQgetvalue(result, 0, 0)), &self->commits))) {
        postgres_say_where(problem, conn, self->options.schema);
        BUF_LIT(problem, ": how many commits there were can't be read");
        error = E_CORRUPT;
    }
    PQclear(result);
    return error;
}

int postgres_compare_commits(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf name = {0};
    struct buf value = {0};
    int64_t found = 0;

    buf_printf(&name, "commits-%" PRId32 "%c", self->options.cell, '\0');
    int error = name.failed ? E_MEMORY : postgres_meta(self, conn, name.p, &value, problem);
    if (!error && (!str_to_i64(buf_str(&value), &found) || found < self->commits)) {
        atomic_store_explicit(&self->replaced, true, memory_order_relaxed);
        log_error("the database has less than it has confirmed", LOG_T("schema", self->options.schema),
                  LOG_I("commits", found), LOG_I("confirmed", self->commits));
        postgres_say_where(problem, conn, self->options.schema);
        buf_printf(problem, " has %" PRId64 " commits, and had confirmed %" PRId64, found, self->commits);
        error = E_NOT_FOUND;
    }
    buf_free(&name);
    buf_free(&value);
    return error;
}
