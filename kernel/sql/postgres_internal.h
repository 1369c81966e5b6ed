/** postgres_internal.h: what the files of the PostgreSQL adapter share. Not for others.
 *
 *  postgres_error.c       what an SQLSTATE means to us
 *  postgres_wire.c        asking and waiting, never longer than the server may be silent
 *  postgres_rows.c        rows as the port gives them
 *  postgres_statements.c  prepared statements, and parameters as the server takes them
 *  postgres_schema.c      whose the schema is, and bringing it up to date
 *  postgres_owner.c       whether it is us who may write
 *  postgres_holder.c      who has a lock, in words
 *  postgres_address.c     addresses that no waiting makes better
 *  postgres_session.c     a session at the server, and whether it is ours alone
 *  postgres_commits.c     whether the server still has what it has confirmed
 *  postgres_connect.c     from nothing to a connection that may be used
 *  postgres_running.c     sending and hearing, on a connection that is made again
 *  postgres_transaction.c begin, commit, rollback
 *  postgres_replace.c     a schema in the place of another
 *  postgres.c             the port
 */
#ifndef COFFEESHOP_POSTGRES_INTERNAL_H
#define COFFEESHOP_POSTGRES_INTERNAL_H

#include "base.h"
#include "log.h"
#include "sql.h"
#include "sql_slots.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

enum { POSTGRES_SQLSTATE = 5, POSTGRES_MAX_PARAMS = 32, POSTGRES_MAX_UNHEARD = 16 };

/** Types of parameters and columns that are told apart (pg_type.dat); all else is text. */
enum { TYPE_BOOL = 16, TYPE_BYTES = 17, TYPE_I64 = 20, TYPE_I16 = 21, TYPE_I32 = 23, TYPE_TEXT = 25 };

static inline bool postgres_is_number(Oid type)
{
    return type == TYPE_I64 || type == TYPE_I32 || type == TYPE_I16 || type == TYPE_BOOL;
}

/** One statement as the server knows it (sql_slots.h). */
struct postgres_slot {
    const struct sql_statement *statement;
    unsigned number;     /* its name there is "s<number>" */
    unsigned connection; /* which of our connections knows it */
    Oid types[POSTGRES_MAX_PARAMS];
};

/** A statement that was queued inside a transaction, whose outcome nobody has waited for yet. */
struct postgres_unheard {
    const char *text;
    size_t n; /* commands */
};

struct postgres {
    struct sql port;
    struct sql_options options; /* its texts are these */
    struct buf server;
    struct buf schema;
    struct buf application;
    PGconn *conn;        /* NULL: lost, or given up */
    unsigned connection; /* how many there have been */
    int64_t try_at;      /* monotonic: not connected again before */
    int64_t back_off;
    struct sql_slots statements;
    struct buf instance; /* which database this is: its random name, made with the schema */
    struct buf owner;    /* who wrote last: our random name, when we are alone */
    int64_t lock;        /* the advisory lock of whoever brings the schema up to date */
    int64_t cell_lock;   /* of whoever writes the cell */
    int64_t commits;     /* how many the server has confirmed, when we are alone */
    pthread_mutex_t interrupt_lock;
    bool running;          /* there is something to interrupt */
    bool interrupted;      /* it has been */
    int wake;              /* an eventfd, readable then: who waits for the server waits for it, too */
    _Atomic bool *damaged; /* the caller's, or `own` */
    _Atomic bool own;
    _Atomic bool replaced; /* another database, or an older one, answers by this address now: for good */
    struct postgres_unheard unheard[POSTGRES_MAX_UNHEARD];
    size_t n_unheard;
    bool stale; /* what was prepared on this connection is of tables as they were */
    bool in_transaction;
    bool changes;           /* something was written in it */
    bool lost;              /* E_OUTCOME_UNKNOWN: nothing is done any more, but to look whether the server is there */
    int broken;             /* the first error inside this transaction: nothing but its end is allowed any more */
    struct log_reason told; /* the SQLSTATE said last in the log */
};

/* --- postgres_error.c --- */

/** The errors.h code for an SQLSTATE; NULL: there was none, because the connection broke. */
int postgres_error_of(const char *sqlstate);
/** The same of a result that is an error, noted (damage) and, when it isn't an everyday one, in the log. */
int postgres_report(struct postgres *self, const PGresult *result, const char *text);
/** Appends libpq's own words on one line. They name hosts, databases and users, never a password. */
void postgres_say(struct buf *problem, const char *words);
/** Appends "PostgreSQL at HOST:PORT, database D, schema S". */
void postgres_say_where(struct buf *problem, const PGconn *conn, const char *schema);

/* --- postgres_wire.c --- */

/** What queued commands have come to, and who wants to know. */
struct postgres_reply {
    const char *text; /* the statement, for the log */
    bool by_row;      /* rows as they come, one a result */
    /** For each result that isn't an error: rows, or what the command with that index has done. Non-zero: no more is
     * wanted. May be NULL. */
    int (*on_result)(struct postgres_reply *self, size_t index, const PGresult *result);
    int stopped;  /* what on_result answered when it wanted no more */
    int error;    /* the first */
    bool refused; /* the server has refused what was unheard: nothing behind it was done */
};

/** Reads what all that is unheard, `n` queued commands and the sync behind them have come to; returns reply->error, the
 * first. The connection is given up when it broke, or the wait was interrupted, E_TIMEOUT (self->conn is NULL then). */
int postgres_receive(struct postgres *self, size_t n, struct postgres_reply *reply);
/** Gives the connection up, whatever it is in the middle of. */
void postgres_drop(struct postgres *self);
/** Outside of pipeline mode: runs a text of one statement or more; NULL when the connection broke. The caller clears
 * it. `limit_ms` 0: as long as it takes. */
PGresult *postgres_run(PGconn *conn, const char *text, int64_t limit_ms);

/* --- postgres_rows.c --- */

/** Calls on_row for each row of the result until it answers non-zero, which is returned. */
int postgres_each_row(const PGresult *result, size_t index, sql_on_row *on_row, void *context);

/* --- postgres_statements.c --- */

/** The statement's slot, prepared on this connection. *out is good until the next one is asked for. E_MEMORY, or as
 * postgres_prepare(), which hears what is unheard. */
int postgres_known(struct postgres *self, const struct sql_statement *statement, struct postgres_slot **out);
/** Makes the server know `text` by the slot's number (0: without a name, until the next such one), and fills in what it
 * takes the parameters for. Errors as postgres_receive(). */
int postgres_prepare(struct postgres *self, struct postgres_slot *slot, const char *text, size_t n_params);
/** Queues the statement for each row of parameters; sent when somebody waits, or earlier when it is much. After an
 * error (E_TOO_LARGE, E_UNAVAILABLE) some may be queued: the connection has to be given up. */
int postgres_queue(struct postgres *self, const struct postgres_slot *slot, const struct sql_value *params,
                   int n_params, size_t n_rows);

/* --- postgres_schema.c --- */

/** Whose the schema is, checked against `options`; 0 when it isn't there yet or ours. *version 0: not there. */
int postgres_identify(struct postgres *self, PGconn *conn, int *version, struct buf *problem);
/** Makes the schema, runs the scripts that it hasn't seen yet: all in one transaction, by the schema's lock. */
int postgres_migrate(struct postgres *self, PGconn *conn, struct buf *problem);
/** Appends a script in PostgreSQL's words: INTEGER has 64 bits, BLOB is BYTEA, TEXT is ordered by its bytes. */
void postgres_translate(struct buf *out, struct str script);

/** Outside of pipeline mode: OK, or why not, in a sentence. *result is the caller's to clear; `text` is used up. */
int postgres_ask(struct postgres *self, PGconn *conn, struct buf *text, int64_t limit_ms, PGresult **result,
                 struct buf *problem);
/** A value of the table meta, the caller's to free; empty when it isn't there. */
int postgres_meta(struct postgres *self, PGconn *conn, const char *name, struct buf *value, struct buf *problem);

/* --- postgres_owner.c --- */

/** Whether cells are taken one by one. */
static inline bool postgres_has_some(const struct postgres *self)
{
    return self->options.cell == SQL_SOME_CELLS;
}
/** sql.h's own() and disown(). */
int postgres_own_cell(struct sql *port, int32_t cell);
int postgres_disown_cell(struct sql *port, int32_t cell);
/** The advisory lock of whoever writes the cell. */
int64_t postgres_cell_lock(const struct postgres *self, int32_t cell);
/** The advisory lock that whoever has a cell shares with the others, and who has all of them with nobody. */
int64_t postgres_owners_lock(const struct postgres *self);
/** Makes this connection the one that writes to the schema, for as long as it lives. `first`: and leaves its name
 * there. Later: E_OUTCOME_UNKNOWN and `lost` when somebody else has written meanwhile, so that what is in memory is
 * old. E_UNAVAILABLE: somebody else is the one. */
int postgres_own(struct postgres *self, PGconn *conn, bool first, struct buf *problem);

/* --- postgres_holder.c --- */

/** Adds to a sentence who has an advisory lock and what to do about it. Outside of pipeline mode. */
void postgres_say_holder(struct postgres *self, PGconn *conn, int64_t lock, struct buf *problem);

/* --- postgres_address.c --- */

/** Whether waiting doesn't make this failed connection better: an address that makes no sense, a wrong password. */
bool postgres_is_hopeless(const PGconn *conn);

/* --- postgres_session.c --- */

/** How long what was sent may go unacknowledged, ms, on either side. */
long long postgres_user_timeout(const struct postgres *self);
/** A connection as `options` say, whatever has come of it (PQstatus()); NULL: no memory. Nothing is looked at yet. */
PGconn *postgres_dial(const struct postgres *self);
/** Whether what this connection asks is all asked in one session, which is its own. E_SYSTEM: a proxy in between shares
 * sessions out. Once, when it has been made. */
int postgres_check_session(struct postgres *self, PGconn *conn, struct buf *problem);

/* --- postgres_commits.c --- */

/** How many there are, when we begin. */
int postgres_first_commits(struct postgres *self, PGconn *conn, struct buf *problem);
/** E_NOT_FOUND and `replaced` when there are less than the server has confirmed. */
int postgres_compare_commits(struct postgres *self, PGconn *conn, struct buf *problem);

/* --- postgres_connect.c --- */

/** After E_OUTCOME_UNKNOWN, by a connection of its own: OK when the schema can be opened again, E_UNAVAILABLE while it
 * can't, E_NOT_FOUND when the server has lost what it had confirmed. */
int postgres_look_at_server(struct postgres *self);

/** Connects and checks what answers; `first`: makes and migrates, too. On failure a sentence in `problem`. */
int postgres_connect(struct postgres *self, bool first, struct buf *problem);

/* --- postgres_running.c --- */

static inline struct postgres *postgres_of(struct sql *port)
{
    return CONTAINER_OF(port, struct postgres, port);
}

/** Whether there is somebody to ask: OK, or the error that answers everything now. Connects again when it is time to.
 */
int postgres_ready(struct postgres *self);
/** Notes the first error inside a transaction; returns `error`. */
int postgres_broken_by(struct postgres *self, int error);
/** Queues the statement for each row of parameters, sends all that is queued, and hears what it has come to. */
int postgres_run_queued(struct postgres *self, const struct postgres_slot *slot, const struct sql_value *params,
                        int n_params, size_t n_rows, struct postgres_reply *reply);
/** Hears what is unheard. The first error of it. */
int postgres_hear(struct postgres *self);
/** Whether there is something to read. */
bool postgres_has_answered(PGconn *conn);
/** With nothing unheard: whether the server has ended our session. */
bool postgres_is_cut(PGconn *conn);
/** The server is left alone for a while, after it couldn't be reached. */
void postgres_back_off(struct postgres *self);

/* --- postgres_transaction.c: as the port says --- */

int postgres_begin(struct sql *port);
int postgres_commit(struct sql *port);
int postgres_rollback(struct sql *port);
/** Inside a transaction. */
int postgres_exec_unheard(struct postgres *self, const struct sql_statement *statement, const struct sql_value *params,
                          size_t n_rows);

#endif
