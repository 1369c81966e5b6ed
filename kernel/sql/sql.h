/** sql.h: the port to a relational database, shaped for batches.
 *
 *  A context writes its SQL once, in the subset that SQLite and PostgreSQL share (docs/adr/0051): parameters $1, $2 …
 * in order of first appearance, INSERT … ON CONFLICT … DO UPDATE, the types INTEGER (64 bits), TEXT (ordered by bytes)
 * and BLOB. exec_many() and query_many() run one statement over many rows of parameters: a loop over a prepared
 * statement here (an INSERT of nothing but its VALUES takes several rows at once), one pipelined round trip there.
 * Adapters: sqlite.c (embedded default: WAL, synchronous=FULL), postgres.c (PostgreSQL 15 or later).
 *
 *  One struct sql belongs to one thread at a time. Readers open their own (read_only): they see a snapshot and never
 * wait for the writer. Errors: E_FULL (disk full), E_UNAVAILABLE (locked, I/O), E_CORRUPT, E_CONFLICT (unique
 * violation), E_MEMORY. After an error inside a transaction only rollback() is allowed. There exec_many() needn't wait
 * for a server: its error may come with the next query, or with commit(). Outside of one, E_UNAVAILABLE
 *  from exec_many() leaves open whether a server has done it: only what may be repeated is run so.
 *
 *  E_OUTCOME_UNKNOWN (from commit(), or from anything after it): it can't be told whether what commit() was to write is
 *  on the disk. Nothing may be done with the store any more but to close it; opened again, it shows the truth, and that
 *  is durable (docs/adr/0031).
 */
#ifndef COFFEESHOP_SQL_H
#define COFFEESHOP_SQL_H

#include "arena.h"
#include "buf.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sql_kind { SQL_NULL, SQL_I64, SQL_TEXT, SQL_BLOB };

struct sql_value {
    enum sql_kind kind;
    int64_t number;
    struct str text; /* TEXT and BLOB; has to live until the call returns */
};

#define SQL_N(n_) ((struct sql_value){.kind = SQL_I64, .number = (n_)})
#define SQL_S(s_) ((struct sql_value){.kind = SQL_TEXT, .text = (s_)})
#define SQL_B(s_) ((struct sql_value){.kind = SQL_BLOB, .text = (s_)})
/** 0 becomes NULL. */
#define SQL_N0(n_) ((struct sql_value){.kind = (n_) ? SQL_I64 : SQL_NULL, .number = (n_)})
/** Empty becomes NULL. */
#define SQL_S0(s_) ((struct sql_value){.kind = (s_).n ? SQL_TEXT : SQL_NULL, .text = (s_)})

struct sql;
/** A result row; valid inside the callback only. Columns from 0. NULL reads as 0 / empty. The adapter's own row begins
 * with it. */
struct sql_row {
    int64_t (*i64)(const struct sql_row *self, int column);
    struct str (*text)(const struct sql_row *self, int column);
    enum sql_kind (*kind)(const struct sql_row *self, int column); /* what can't be an integer or bytes is a text */
};
static inline int64_t sql_i64(const struct sql_row *row, int column)
{
    return row->i64(row, column);
}
static inline struct str sql_text(const struct sql_row *row, int column) /* also blobs; copy what you keep */
{
    return row->text(row, column);
}

/** The column's value, of the kind that it is stored as. */
static inline struct sql_value sql_value_of(const struct sql_row *row, int column)
{
    enum sql_kind kind = row->kind(row, column);
    struct sql_value value = {.kind = kind};

    if (kind == SQL_I64)
        value.number = row->i64(row, column);
    else if (kind != SQL_NULL)
        value.text = row->text(row, column);
    return value;
}

/** `index` is which parameter row the result belongs to. Return non-zero to stop early (it is returned by the query).
 */
typedef int sql_on_row(void *context, size_t index, const struct sql_row *row);

struct sql_statement { /* static const, one per SQL text; the adapter prepares it at first use and keeps it for the
                          connection's life */
    const char *text;
    int n_params;
};

struct sql_migration {
    int version; /* 1, 2, … without gaps */
    const char *script;
};

/** Of sql_options.cell: it has them all, or takes one by one (own()). */
enum { SQL_ALL_CELLS = -1, SQL_SOME_CELLS = -2 };
/** What is said behind the name of a store that was made of another number of cells. */
#define SQL_OTHER_CELLS                                                                                                \
    " was made with shop.cells=%lld, and it is %d now: set it to %lld; with another number a shop has to be made anew"

struct sql_options {
    const char *path;        /* SQLite: the file */
    const char *server;      /* PostgreSQL: a URL or keyword=value, what it leaves out comes from the PG* variables; may
                                have a password in it: never shown */
    const char *schema;      /* PostgreSQL: whose tables are ours; NULL: the application's name */
    const char *application; /* "order": a file or schema made by another service is refused (E_FOREIGN) */
    const struct sql_migration *migrations;
    size_t n_migrations;
    bool read_only;
    int32_t cell;   /* PostgreSQL: of which cell's rows it writes, or SQL_ALL_CELLS: a transaction keeps off those who
                       write the same one only; SQL_SOME_CELLS: of those that it owns, `alone` */
    int32_t cells;  /* of how many the store is made, kept in it from the beginning, and another number is refused; 0:
                       not looked at, one when it is made */
    bool alone;     /* PostgreSQL: nobody else who asks for the same has the cell as long as this connection has it (all
                       cells: nobody has any); who has lost it to another one meanwhile says E_OUTCOME_UNKNOWN. A
                       proxy that doesn't give it a session of its own is refused (E_SYSTEM) */
    bool exact;     /* nothing is made or brought up to date: what isn't there is E_NOT_FOUND, an older version
                       E_UNAVAILABLE */
    bool importing; /* a store that an import has begun to fill is opened, not refused (sql_import.h) */
    int64_t busy_ms;   /* how long begin() waits for another writer; 0: 5 s */
    int64_t silent_ms; /* PostgreSQL: a server that says nothing for so long while it is asked is given up; 0: 10 s */
    int64_t lost_ms;   /* PostgreSQL: the server ends a session that says nothing for so long, with its locks and its
                          open transaction: whoever was stopped, or is cut off, has lost them by then. To be asked more
                          often. 0: it may be silent as long as it likes */
    /** Set when damage is met, by whichever of the connections that were opened with it, for check(); the caller's, and
     * has to live as long as they do. NULL: each connection knows of its own. */
    _Atomic bool *damaged;
};

struct sql {
    int (*begin)(struct sql *self);
    int (*commit)(struct sql *self); /* durable when it returns 0, E_OUTCOME_UNKNOWN when it may be; otherwise
                                        everything is rolled back */
    int (*rollback)(struct sql *self);
    /** `params` has n_rows * statement->n_params values, row by row. */
    int (*exec_many)(struct sql *self, const struct sql_statement *statement, const struct sql_value *params,
                     size_t n_rows);
    int (*query_many)(struct sql *self, const struct sql_statement *statement, const struct sql_value *params,
                      size_t n_rows, sql_on_row *on_row, void *context);
    /** A text made at run time (ORDER BY of a list); prepared, run, forgotten. Values still go in as parameters. */
    int (*query_text)(struct sql *self, const char *text, const struct sql_value *params, size_t n_params,
                      sql_on_row *on_row, void *context);
    /** Every column of every table of the migrations, by the table's name and the column's place in it. A row has three
     * columns: the table, the column, and its place in the primary key from 1 on, 0: not in it. */
    int (*columns)(struct sql *self, sql_on_row *on_row, void *context);
    /** A durable commit of one small row of the adapter's own: whether commits succeed at all. Not inside a
     * transaction. */
    int (*probe)(struct sql *self);
    /** Whether the open files are still the ones that their names stand for: 0, or E_NOT_FOUND when one was removed or
     * replaced: what is committed from then on is lost with the process. E_CORRUPT when damage was met, for good.
     * PostgreSQL: whether it is still the database that was opened; any thread, it only tells what is known. */
    int (*check)(struct sql *self);
    /** Whether the server answers; after E_OUTCOME_UNKNOWN: whether it could be opened again. Waits as commit() does.
     * NULL: there is no server. */
    int (*look)(struct sql *self);
    /** Whether the connection was lost since it was opened: what has failed may succeed by another one. NULL: there is
     * no server. */
    bool (*broke)(const struct sql *self);
    /** SQL_SOME_CELLS: nobody else has the cell from now on, until disown(), or until the session ends: with the
     * connection all are lost, and E_OUTCOME_UNKNOWN is all that is said from then on. E_UNAVAILABLE: somebody has it.
     * Outside a transaction. NULL: cells aren't taken one by one. */
    int (*own)(struct sql *self, int32_t cell);
    int (*disown)(struct sql *self, int32_t cell);
    /** As query_many(), but from share(true) to share(false) a reader may answer all of these from the state from which
     * it has answered the first: for the handlers of one turn of the loop, none of whose clients can have heard of
     * anything newer (docs/adr/0050). What is asked by query_many() is always told what is newest. */
    int (*query_shared)(struct sql *self, const struct sql_statement *statement, const struct sql_value *params,
                        size_t n_rows, sql_on_row *on_row, void *context);
    /** Outside a transaction. */
    void (*share)(struct sql *self, bool begins);
    /** Any thread: makes a running query_text/query_many return E_TIMEOUT. */
    void (*interrupt)(struct sql *self);
    void (*close)(struct sql *self);
};

/** Opens or makes the file, checks that it is ours, migrates it (each step in a transaction; a copy is not needed).
 * NULL on failure with a sentence in `problem` that says what is wrong and what to do, and *error set: E_FOREIGN,
 * E_NEWER, E_CORRUPT, E_FULL, E_SYSTEM. */
struct sql *sqlite_open(const struct sql_options *options, struct buf *problem, int *error);
/** The same for a schema of a PostgreSQL database, made when it isn't there. E_UNAVAILABLE, too: nobody answers, or
 * somebody else is writing; try again. What is `const char *` in `options` need not live longer than the call, the
 * migrations need. A connection that is lost is made again by what is called next. */
struct sql *postgres_open(const struct sql_options *options, struct buf *problem, int *error);
/** Whether libpq can read the address; false with a sentence that repeats no password. Nobody is asked. */
bool postgres_check_address(const char *server, struct buf *problem);

/** The application's schema `options->schema` goes with all that is in it, and the schema `rebuilt`, which nobody has
 * open, gets its name, in one transaction; NULL: it only goes. Nobody else may have it, which is
 * waited for some seconds; what isn't ours is refused as postgres_open() does. On failure a sentence in `problem`, and
 * nothing is changed. */
int postgres_replace_schema(const struct sql_options *options, const char *rebuilt, struct buf *problem);

/* Shorthands for one row of parameters. */
static inline int sql_exec(struct sql *sql, const struct sql_statement *statement, const struct sql_value *params)
{
    return sql->exec_many(sql, statement, params, 1);
}
static inline int sql_query(struct sql *sql, const struct sql_statement *statement, const struct sql_value *params,
                            sql_on_row *on_row, void *context)
{
    return sql->query_many(sql, statement, params, 1, on_row, context);
}
/** The first column of the last row that a query finds; `number` stays as it is when there is none. */
int sql_number(struct sql *sql, const struct sql_statement *statement, const struct sql_value *params, int64_t *number);
/** Ends a transaction: `rc` says how it went inside; 0 commits it, anything else rolls it back and is returned. */
int sql_end(struct sql *sql, int rc);

#endif
