#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "postgres_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* Until a result can be taken without waiting: OK. E_UNAVAILABLE: the connection broke, or said nothing for `limit_ms`
 * (0: no limit). E_TIMEOUT: `wake` can be read (-1: never). */
static int await(PGconn *conn, int64_t limit_ms, int wake)
{
    for (;;) {
        int unsent = PQflush(conn);
        if (unsent < 0)
            return E_UNAVAILABLE;
        if (!PQisBusy(conn))
            return OK;
        struct pollfd fds[2] = {{.fd = PQsocket(conn), .events = (short)(unsent ? POLLIN | POLLOUT : POLLIN)},
                                {.fd = wake, .events = POLLIN}};
        int ready = poll(fds, 2, limit_ms ? (int)limit_ms : -1);
        if (ready == 0 || (ready < 0 && errno != EINTR))
            return E_UNAVAILABLE;
        if (ready > 0 && fds[1].revents)
            return E_TIMEOUT;
        if (ready > 0 && (fds[0].revents & ~POLLOUT) && !PQconsumeInput(conn))
            return E_UNAVAILABLE;
    }
}

/* Somebody has changed a table: statements that were prepared before fail as long as the connection lives. */
static bool is_stale(const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return sqlstate && strcmp(sqlstate, "0A000") == 0;
}

static void take(struct postgres *self, struct postgres_reply *reply, size_t index, const PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
        if (reply->on_result && !reply->stopped && !reply->error)
            reply->stopped = reply->on_result(reply, index, result);
        return;
    case PGRES_PIPELINE_ABORTED: /* the one before it has said why */
        return;
    default:
        self->stale = self->stale || is_stale(result);
        if (!reply->error)
            reply->error = postgres_report(self, result, reply->text);
        return;
    }
}

/* All results of one command. What comes after an error, or when no more is wanted, is read and thrown away. */
static int receive_one(struct postgres *self, struct postgres_reply *reply, size_t index)
{
    if (reply->by_row)
        PQsetSingleRowMode(self->conn);
    for (;;) {
        int error = await(self->conn, self->options.silent_ms, self->wake);
        if (error)
            return error;
        PGresult *result = PQgetResult(self->conn);
        if (!result)
            return OK;
        take(self, reply, index, result);
        PQclear(result);
        if (PQstatus(self->conn) != CONNECTION_OK)
            return E_UNAVAILABLE;
    }
}

static int receive_sync(struct postgres *self)
{
    int error = await(self->conn, self->options.silent_ms, self->wake);
    if (error)
        return error;
    PGresult *result = PQgetResult(self->conn);
    bool is_sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    return is_sync ? OK : E_UNAVAILABLE;
}

static int receive_unheard(struct postgres *self, struct postgres_reply *reply)
{
    int error = OK;

    for (size_t at = 0; at < self->n_unheard; at++) {
        struct postgres_reply unheard = {.text = self->unheard[at].text};
        for (size_t i = 0; !error && i < self->unheard[at].n; i++)
            error = receive_one(self, &unheard, i);
        if (!reply->error)
            reply->error = unheard.error;
        reply->refused |= unheard.error != OK;
    }
    self->n_unheard = 0;
    return error;
}

int postgres_receive(struct postgres *self, size_t n, struct postgres_reply *reply)
{
    int error = receive_unheard(self, reply);

    for (size_t i = 0; !error && i < n; i++)
        error = receive_one(self, reply, i);
    if (!error)
        error = receive_sync(self);
    if (error == E_UNAVAILABLE)
        log_warning("the connection to the database broke", LOG_T("host", PQhost(self->conn)),
                    LOG_T("port", PQport(self->conn)));
    if (!error && self->stale)
        error = E_UNAVAILABLE;
    self->stale = false;
    if (error) {
        postgres_drop(self);
        reply->error = error;
    }
    return reply->error;
}

void postgres_drop(struct postgres *self)
{
    PQfinish(self->conn);
    self->conn = NULL;
    self->n_unheard = 0;
}

PGresult *postgres_run(PGconn *conn, const char *text, int64_t limit_ms)
{
    PGresult *last = NULL;

    if (!PQsendQuery(conn, text))
        return NULL;
    for (;;) {
        if (await(conn, limit_ms, -1)) {
            PQclear(last);
            return NULL;
        }
        PGresult *result = PQgetResult(conn);
        if (!result)
            return last;
        if (last && PQresultStatus(last) == PGRES_FATAL_ERROR) { /* the first error tells what happened */
            PQclear(result);
            continue;
        }
        PQclear(last);
        last = result;
    }
}
