/* postgres_transaction.c: a transaction, whose statements nobody waits for before its end or a question. */
#include "base.h"
#include "errors.h"
#include "postgres_internal.h"

static const struct sql_statement begin_all = {"BEGIN", 0};
static const struct sql_statement lock_writer = {"SELECT pg_advisory_xact_lock($1)", 1};
static const struct sql_statement commit_all = {"COMMIT", 0};
static const struct sql_statement rollback_all = {"ROLLBACK", 0};
static const struct sql_statement note_commits = {
    "UPDATE meta SET value = CAST(CAST($1 AS BIGINT) AS TEXT) WHERE name = 'commits-' || CAST($2 AS BIGINT)", 2};

/* Inside a transaction nobody has to wait for it: what it comes to is heard with what is asked next, or the commit. */
int postgres_exec_unheard(struct postgres *self, const struct sql_statement *statement, const struct sql_value *params,
                          size_t n_rows)
{
    struct postgres_slot *slot = NULL;
    int error = postgres_ready(self);

    if (error || n_rows == 0)
        return error;
    if (self->n_unheard == POSTGRES_MAX_UNHEARD)
        error = postgres_hear(self);
    if (!error)
        error = postgres_known(self, statement, &slot);
    if (error)
        return postgres_broken_by(self, error);
    error = postgres_queue(self, slot, params, statement->n_params, n_rows);
    if (error) { /* half a pipeline can't be taken back */
        postgres_drop(self);
        return postgres_broken_by(self, error);
    }
    self->unheard[self->n_unheard++] = (struct postgres_unheard){statement->text, n_rows};
    self->changes = true;
    return OK;
}

int postgres_rollback(struct sql *port)
{
    struct postgres *self = postgres_of(port);
    bool was_in_transaction = self->in_transaction;

    (void)postgres_hear(self); /* an error among it would leave out what comes behind */
    self->in_transaction = false;
    self->broken = 0;
    if (!was_in_transaction || !self->conn) /* the server has done it by itself */
        return OK;
    int error = sql_exec(port, &rollback_all, NULL);
    if (error && self->conn)
        postgres_drop(self);
    return OK;
}

/* Who has the cell alone waits for nobody: it goes with what is asked next. */
static int begin_unheard(struct postgres *self)
{
    struct postgres_slot *begin = NULL;

    int error = postgres_known(self, &begin_all, &begin);
    if (error)
        return error;
    if (postgres_queue(self, begin, NULL, 0, 1)) {
        postgres_drop(self);
        return E_UNAVAILABLE;
    }
    self->unheard[self->n_unheard++] = (struct postgres_unheard){begin_all.text, 1};
    return OK;
}

/* The locks of others are waited for by the server, for busy_ms at most. */
static int begin_now(struct postgres *self)
{
    const struct sql_value lock = SQL_N(self->cell_lock);
    struct postgres_reply reply = {.text = begin_all.text};
    struct postgres_slot *begin = NULL;
    struct postgres_slot *take_lock = NULL;
    struct postgres_slot begins = {0};

    int error = postgres_known(self, &begin_all, &begin);
    if (!error)
        begins = *begin;
    if (!error && !self->options.read_only)
        error = postgres_known(self, &lock_writer, &take_lock);
    if (error)
        return error;
    error = postgres_queue(self, &begins, NULL, 0, 1);
    if (!error && take_lock)
        error = postgres_queue(self, take_lock, &lock, 1, 1);
    if (error || !PQpipelineSync(self->conn)) {
        postgres_drop(self);
        return E_UNAVAILABLE;
    }
    return postgres_receive(self, take_lock ? 2 : 1, &reply);
}

int postgres_begin(struct sql *port)
{
    struct postgres *self = postgres_of(port);

    ASSERT(!self->in_transaction);
    int error = postgres_ready(self);
    if (!error)
        error = self->options.alone ? begin_unheard(self) : begin_now(self);
    self->in_transaction = true;
    self->changes = false;
    if (error)
        postgres_rollback(port);
    return error;
}

/* Before a commit: what is known to be cut has not committed. */
static int still_there(struct postgres *self)
{
    if (self->n_unheard)
        return postgres_has_answered(self->conn) ? postgres_hear(self) : OK;
    if (!postgres_is_cut(self->conn))
        return OK;
    postgres_drop(self);
    return E_UNAVAILABLE;
}

/* Queued before COMMIT: this is one more (postgres_commits.c). */
static int count_commit(struct postgres *self)
{
    const struct sql_value params[] = {SQL_N(self->commits + 1), SQL_N(self->options.cell)};

    if (!self->options.alone || !self->changes || postgres_has_some(self))
        return OK;
    return postgres_exec_unheard(self, &note_commits, params, 1);
}

int postgres_commit(struct sql *port)
{
    struct postgres *self = postgres_of(port);
    struct postgres_reply reply = {.text = commit_all.text};
    struct postgres_slot *slot = NULL;

    ASSERT(self->in_transaction);
    int error = self->broken ? self->broken : still_there(self);
    if (!error)
        error = count_commit(self);
    if (!error)
        error = postgres_known(self, &commit_all, &slot);
    if (error) {
        postgres_rollback(port);
        return error;
    }
    error = postgres_run_queued(self, slot, NULL, 0, 1, &reply);
    /* The server has said no, to this or to one before: nothing was done. Or it has said nothing: then it may have
     * been.
     */
    self->lost = error && !self->conn && !reply.refused;
    if (error)
        postgres_rollback(port); /* one before the commit has left that out */
    else
        self->commits += self->options.alone && self->changes && !postgres_has_some(self);
    self->in_transaction = false;
    return self->lost ? E_OUTCOME_UNKNOWN : error;
}
