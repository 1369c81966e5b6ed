#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "postgres_internal.h"

#include <errno.h>
#include <poll.h>

/* Until a result can be taken without waiting. false: the connection broke, or said nothing for `limit_ms` (0: no
 * limit). */
static bool await(PGconn *conn, int64_t limit_ms)
{
    for (;;) {
        int unsent = PQflush(conn);
        if (unsent < 0)
            return false;
        if (!PQisBusy(conn))
            return true;
        struct pollfd fd = {.fd = PQsocket(conn), .events = (short)(unsent ? POLLIN | POLLOUT : POLLIN)};
        int ready = poll(&fd, 1, limit_ms ? (int)limit_ms : -1);
        if (ready == 0 || (ready < 0 && errno != EINTR))
            return false;
        if (ready > 0 && (fd.revents & ~POLLOUT) && !PQconsumeInput(conn))
            return false;
    }
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
        if (!reply->error)
            reply->error = postgres_report(self, result, reply->text);
        return;
    }
}

/* All results of one command. What comes after an error, or when no more is wanted, is read and thrown away. */
static bool receive_one(struct postgres *self, struct postgres_reply *reply, size_t index)
{
    if (reply->by_row)
        PQsetSingleRowMode(self->conn);
    for (;;) {
        if (!await(self->conn, self->options.silent_ms))
            return false;
        PGresult *result = PQgetResult(self->conn);
        if (!result)
            return true;
        take(self, reply, index, result);
        PQclear(result);
        if (PQstatus(self->conn) != CONNECTION_OK)
            return false;
    }
}

static bool receive_sync(struct postgres *self)
{
    if (!await(self->conn, self->options.silent_ms))
        return false;
    PGresult *result = PQgetResult(self->conn);
    bool is_sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
    return is_sync;
}

int postgres_receive(struct postgres *self, size_t n, struct postgres_reply *reply)
{
    bool whole = true;

    for (size_t i = 0; whole && i < n; i++)
        whole = receive_one(self, reply, i);
    if (!whole || !receive_sync(self)) {
        log_warning("the connection to the database broke", LOG_T("host", PQhost(self->conn)),
                    LOG_T("port", PQport(self->conn)));
        postgres_drop(self);
        reply->error = E_UNAVAILABLE;
    }
    return reply->error;
}

void postgres_drop(struct postgres *self)
{
    pthread_mutex_lock(&self->cancel_lock);
    PQfreeCancel(self->cancel);
    self->cancel = NULL;
    pthread_mutex_unlock(&self->cancel_lock);
    PQfinish(self->conn);
    self->conn = NULL;
}

PGresult *postgres_run(PGconn *conn, const char *text, int64_t limit_ms)
{
    PGresult *last = NULL;

    if (!PQsendQuery(conn, text))
        return NULL;
    for (;;) {
        if (!await(conn, limit_ms)) {
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
