/** sqlite_internal.h: what the files of the SQLite adapter share. Not for others. */
#ifndef COFFEESHOP_SQLITE_INTERNAL_H
#define COFFEESHOP_SQLITE_INTERNAL_H

#include "log.h"
#include "sql.h"
#include "sql_slots.h"

#include <sqlite3.h>
#include <stdatomic.h>

/** The prepared form of one statement (sql_slots.h). */
struct sqlite_slot {
    const struct sql_statement *statement;
    sqlite3_stmt *prepared; /* NULL: not yet, or it couldn't be */
    sqlite3_stmt *wide;     /* the same for SQLITE_WIDE_ROWS rows; NULL: not yet, it couldn't be, or it `is_narrow` */
    bool is_narrow;         /* it can't be run for more than one row at once */
};

struct sqlite {
    struct sql port;
    sqlite3 *db;
    struct sql_slots statements;
    _Atomic bool *damaged; /* the caller's, or `own` */
    _Atomic bool own;
    bool read_only;
    bool in_transaction;
    bool shares;            /* between share(true) and share(false) */
    bool has_shared;        /* something was asked meanwhile that may be */
    bool holds;             /* a read transaction, until share(false) */
    int result;             /* SQLite's, of the statement run last */
    struct log_reason told; /* the SQLite result said last in the log */
    bool lost;              /* E_OUTCOME_UNKNOWN: nothing is done any more */
    int broken;             /* the first error inside this transaction: nothing but its end is allowed any more */
};

/* So many rows go into an INSERT at once: opening table and indexes and closing them again costs as much as a row. */
enum { SQLITE_WIDE_ROWS = 8 };
/** The statement for so many rows, if it is an INSERT whose parameters are its VALUES, in their order, and nothing
 * else; otherwise *out is NULL. 0 or an errors.h code. */
int sqlite_wide_for(struct sqlite *self, const struct sql_statement *statement, sqlite3_stmt **out);

/** The errors.h code for an SQLite result; `db` tells what the operating system said (NULL: unknown). */
int sqlite_error_of(sqlite3 *db, int rc);
/** The same, and the sentence of SQLite in the log when it isn't an everyday one (a conflict, an interrupted query),
 * nor the one said before. */
int sqlite_report(struct sqlite *self, int rc, const char *text);
/** Whether a COMMIT that ended with `rc` has certainly left nothing that a recovery would take for committed. */
bool sqlite_commit_is_undone(int rc);

/** Opens the file (made when it isn't there), checks that it is ours, brings it up to date, says how it is to be
 * written. *db is the caller's to close, also after a failure. */
int sqlite_set_up(const struct sql_options *options, sqlite3 **db, struct buf *problem);
/** What kind of file `db` is, checked against `options`; 0 when it is new or ours. *version: its schema (0 for a new
 * one). */
int sqlite_identify(sqlite3 *db, const struct sql_options *options, int *version, struct buf *problem);
/** Runs the scripts that the file hasn't seen yet, each in a transaction of its own that also moves the version. */
int sqlite_migrate(sqlite3 *db, const struct sql_options *options, struct buf *problem);
/** Says in `problem` what went wrong with the file and what to do about it; returns the errors.h code. */
int sqlite_explain(sqlite3 *db, int rc, const char *path, const char *doing, struct buf *problem);

#endif
