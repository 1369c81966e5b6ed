/* postgres_running.c: what is queued is sent and heard, on a connection that is made again when it was lost. */
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "log.h"
#include "postgres_internal.h"

#include <poll.h>
#include <unistd.h>

static const int64_t FIRST_BACK_OFF_US = 50 * US_PER_MS, LONGEST_BACK_OFF_US = 2 * US_PER_S;

/* As the port says, it answers everything until the transaction ends. */
int postgres_broken_by(struct postgres *self, int error)
{
    if (error && self->in_transaction && !self->broken)
        self->broken = error;
    return error;
}

bool postgres_has_answered(PGconn *conn)
{
    struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};

    return poll(&fd, 1, 0) > 0;
}

/* Nothing is to be read from a server that nobody has asked; what is there says that it has ended our session. */
bool postgres_is_cut(PGconn *conn)
{
    if (!postgres_has_answered(conn))
        return PQstatus(conn) != CONNECTION_OK;
    return !PQconsumeInput(conn) || PQisBusy(conn) || !PQconsumeInput(conn) || PQstatus(conn) != CONNECTION_OK;
}

void postgres_back_off(struct postgres *self)
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
        if (self->back_off == 0 && error != E_NOT_FOUND)
            log_warning("the database is away", LOG_S("reason", buf_str(&problem)));
        postgres_back_off(self);
        error = E_UNAVAILABLE;
    } else {
        if (self->back_off)
            log_info("the database is back", LOG_T("host", PQhost(self->conn)), LOG_T("port", PQport(self->conn)));
        self->back_off = 0;
    }
    buf_free(&problem);
    return error;
}

int postgres_ready(struct postgres *self)
{
    if (self->lost || self->broken)
        return self->lost ? E_OUTCOME_UNKNOWN : self->broken;
    if (self->in_transaction)
        return OK;
    if (atomic_load_explicit(&self->replaced, memory_order_relaxed))
        return E_UNAVAILABLE;
    if (self->conn && postgres_is_cut(self->conn))
        postgres_drop(self);
    return self->conn ? OK : reconnect(self);
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

int postgres_run_queued(struct postgres *self, const struct postgres_slot *slot, const struct sql_value *params,
                        int n_params, size_t n_rows, struct postgres_reply *reply)
{
    int error = postgres_queue(self, slot, params, n_params, n_rows);

    if (!error && !PQpipelineSync(self->conn))
        error = E_UNAVAILABLE;
    if (error) { /* half a pipeline can't be taken back */
        postgres_drop(self);
        return postgres_broken_by(self, error);
    }
    runs(self, true);
    error = postgres_receive(self, n_rows, reply);
    runs(self, false);
    return error ? postgres_broken_by(self, error) : reply->stopped;
}

int postgres_hear(struct postgres *self)
{
    struct postgres_reply reply = {0};

    if (self->n_unheard == 0)
        return OK;
    if (!PQpipelineSync(self->conn)) {
        postgres_drop(self);
        return postgres_broken_by(self, E_UNAVAILABLE);
    }
    return postgres_broken_by(self, postgres_receive(self, 0, &reply));
}
