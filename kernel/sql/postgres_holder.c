/* postgres_holder.c: who has the lock that we want, for the sentence that says so. */
#include "errors.h"
#include "postgres_internal.h"

enum { APPLICATION, ADDRESS, SINCE, PROCESS, WAITS, N_COLUMNS };

/* An advisory lock's number in two halves, as pg_locks has it; of others than our own user it tells less. */
static void ask_who(uint64_t lock, struct buf *text)
{
    buf_printf(text,
               "SELECT a.application_name, COALESCE(host(a.client_addr), 'its own machine'),"
               " to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), a.pid, a.wait_event = 'SyncRep'"
               " FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE l.locktype = 'advisory'"
               " AND l.granted AND l.classid = %llu AND l.objid = %llu AND l.objsubid = 1"
               " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 5 DESC "
               "NULLS LAST, 3 LIMIT 1",
               (unsigned long long)(lock >> 32), (unsigned long long)(lock & UINT32_MAX));
}

void postgres_say_holder(struct postgres *self, PGconn *conn, int64_t lock, struct buf *problem)
{
    struct buf text = {0}, unsaid = {0};
    PGresult *result;

    ask_who((uint64_t)lock, &text);
    int error = postgres_ask(self, conn, &text, self->options.silent_ms, &result, &unsaid);
    bool is_known = !error && PQntuples(result) == 1 && PQnfields(result) == N_COLUMNS;
    bool waits = is_known && *PQgetvalue(result, 0, WAITS) == 't';
    if (is_known)
        buf_printf(problem, " (\"%s\" from %s, connected since %s UTC, the server's process %s)",
                   PQgetvalue(result, 0, APPLICATION), PQgetvalue(result, 0, ADDRESS), PQgetvalue(result, 0, SINCE),
                   PQgetvalue(result, 0, PROCESS));
    if (waits)
        BUF_LIT(problem, ", whose commit waits for the synchronous standby: bring that back, or take it out of "
                         "synchronous_standby_names and reload the server");
    else
        BUF_LIT(problem, ": stop it, or give this one a database of its own");
    PQclear(result);
    buf_free(&unsaid);
}
