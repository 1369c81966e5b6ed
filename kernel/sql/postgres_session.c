#include "base.h"
#include "errors.h"
#include "postgres_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { USER_TIMEOUT_MS = 3000, NUMBER_SIZE = 24 };

long long postgres_user_timeout(const struct postgres *self)
{
    return self->options.lost_ms ? self->options.lost_ms : USER_TIMEOUT_MS;
}

/* A notice of the server's (that a table is there already, …) isn't anybody's business. */
static void ignore_notice(void *context, const PGresult *result)
{
    UNUSED(context);
    UNUSED(result);
}

/* Ours come first, so that the address may say otherwise; but for the encoding, which is what all our texts have. A
 * host that has vanished is noticed by TCP: what waits for an acknowledgement by its user time-out, who only waits for
 * an answer by the keep-alives. */
PGconn *postgres_dial(const struct postgres *self)
{
    const char *const names[] = {"connect_timeout",
                                 "tcp_user_timeout",
                                 "keepalives_idle",
                                 "keepalives_interval",
                                 "keepalives_count",
                                 "fallback_application_name",
                                 "dbname",
                                 "client_encoding",
                                 NULL};
    char unacknowledged[NUMBER_SIZE];
    const char *const values[] = {
        "2", unacknowledged, "1", "1", "3", self->options.application, self->options.server, "UTF8", NULL};

    snprintf(unacknowledged, sizeof(unacknowledged), "%lld", postgres_user_timeout(self));
    PGconn *conn = PQconnectdbParams(names, values, 1);
    if (conn)
        PQsetNoticeReceiver(conn, ignore_notice, NULL);
    return conn;
}

/* --- whether it is ours --- */

/* A proxy that pools by transaction (PgBouncer's pool_mode) gives one's next statement to another session: a lock that
 * is held until the session ends is then held by nobody, or by somebody else. */

/* How often the two take turns: a pool that is used gives the same one by chance, too. */
enum { TURNS = 5 };

static int process_of(struct postgres *self, PGconn *conn, int *process, struct buf *problem)
{
    struct buf text = {0};
    PGresult *result;

    BUF_LIT(&text, "SELECT pg_backend_pid()");
    int error = postgres_ask(self, conn, &text, self->options.silent_ms, &result, problem);
    if (!error)
        *process = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return error;
}

/* Two connections that have a session each never meet the same process, and each always meets its own. */
static int compare_with_another(struct postgres *self, PGconn *conn, PGconn *other, int own, bool *shared,
                                struct buf *problem)
{
    int error = OK;

    *shared = false;
    for (int i = 0; i < TURNS && !error && !*shared; i++) {
        int its = 0, ours = own;
        error = process_of(self, other, &its, problem);
        if (!error)
            error = process_of(self, conn, &ours, problem);
        *shared = !error && (its == own || ours != own);
    }
    return error;
}

int postgres_check_session(struct postgres *self, PGconn *conn, struct buf *problem)
{
    int own = 0;
    bool shared = false;

    int error = process_of(self, conn, &own, problem);
    if (error || own == PQbackendPID(conn)) /* nobody in between: a proxy has numbers of its own for that */
        return error;
    PGconn *other = postgres_dial(self);
    if (PQstatus(other) == CONNECTION_OK) {
        error = compare_with_another(self, conn, other, own, &shared, problem);
    } else {
        postgres_say_where(problem, conn, self->options.schema);
        BUF_LIT(problem, " can't be reached a second time: ");
        postgres_say(problem, PQerrorMessage(other));
        error = E_UNAVAILABLE;
    }
    PQfinish(other);
    if (error || !shared)
        return error;
    postgres_say_where(problem, conn, self->options.schema);
    BUF_LIT(problem, ": a proxy stands before it that gives each transaction another session, where locks don't hold "
                     "that say who may write: give the server's own address, or have the proxy pool by session "
                     "(PgBouncer: pool_mode = session)");
    return E_SYSTEM;
}
