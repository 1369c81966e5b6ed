/** reader.h: threads for reads that may take long (lists), with connections of their own, so that they block neither
 * the loop nor the writer.
 *
 *  Two lanes: reads of few rows don't queue behind those that sort a table or walk far through it. In each lane the
 * addresses take turns (read_queue.h). A store behind a network has a third lane, for what the loop reads by itself of
 * a store in files: single rows. A read that isn't done query_ms after it was posted is interrupted and answered
 * with 503: a list for which others had to be waited for has less time left for itself, so that nobody waits longer
 * than that for an answer.
 */
#ifndef COFFEESHOP_READER_H
#define COFFEESHOP_READER_H

#include "http_server.h"
#include "sql.h"

#include <stdbool.h>
#include <stdint.h>

struct read_job {
    /** On a reader's thread; ends in http_reply(). Statements that run into the time limit return E_TIMEOUT. Without a
     * connection there is nothing to interrupt: the job looks at `until_us` itself. */
    void (*run)(struct read_job *self, struct sql *sql);
    /** Instead of run(): too many wait already, or it is the end. NULL: its request is answered so. Loop thread. */
    void (*refused)(struct read_job *self);
    int64_t rows; /* that have to be passed to find what is asked for; INT64_MAX: all that there are */
    /* the reader's */
    struct http_request *request;
    struct http_address from;
    int64_t posted_us, until_us; /* monotonic */
    struct read_job *next_line;  /* read_queue.h: of the first in a line */
    struct read_job *behind;     /* in the same line */
    size_t waiting;              /* of the first in a line: in it, itself among them */
};

struct reader_limits {
    int64_t query_ms;
    int64_t quick_rows;          /* who has to pass more is in the slow lane */
    int64_t most_waiting;        /* in a lane */
    int64_t waiting_per_address; /* in a lane */
    int64_t most_rows;           /* that may wait in the lane of single rows, whoever asks */
};

struct common_settings;
struct reader_limits reader_limits_of(const struct common_settings *common);

struct reader;
/** Takes over `quick` and `slow`, two connections to the same database, also when it fails: they are closed then. Both
 * may be NULL, for a store that any thread may read. NULL when there is no memory or thread. */
struct reader *reader_new(struct sql *quick, struct sql *slow, const struct reader_limits *limits);
/** false: too many wait already; the job is still the caller's. So is `*pushed_out`, unless it is NULL: a job that gave
 * up its place. Any thread. */
bool reader_post(struct reader *reader, struct read_job *job, struct read_job **pushed_out);
/** Posts a request's read, or answers it with 503 when too many wait already. Loop thread. */
void reader_serve(struct reader *reader, struct http_request *request, struct read_job *job);

/** Reads what a request asks for and ends in http_reply(). On the loop's thread or on a reader's. */
typedef void row_read(void *context, struct http_request *request, struct sql *sql);
/** Who reads single rows: the loop, at once, by `sql`, a connection of its own that never waits; it stays the caller's.
 * NULL: for a store that any thread may read. */
void reader_rows_at_once(struct reader *reader, struct sql *sql);
/** Or a lane of their own, by `sql`, which is taken over, also when it fails. False: there is no thread. Once, before
 * anything is served. */
bool reader_rows_apart(struct reader *reader, struct sql *sql, const struct reader_limits *limits);
/** Answers a request that is about a row or a few, found by an index; 503 when too many wait already. Loop thread. */
void reader_serve_row(struct reader *reader, struct http_request *request, row_read *read, void *context);
/** The same for a read that no request waits for; it is refused by `refused`. Only with a lane of single rows. Loop
 * thread. */
void reader_post_row(struct reader *reader, struct read_job *job);
/** The same in the lane of lists with so many rows. Loop thread. */
void reader_post_list(struct reader *reader, struct read_job *job);
/** A read of a row or a few that no request waits for. The caller's, until done() is called. */
struct row_reading {
    int (*read)(struct row_reading *self, struct sql *sql); /* on the loop's thread or on a reader's */
    void (*done)(struct row_reading *self, int error);      /* loop thread; what read() returned, or E_BUSY */
    /* the reader's */
    struct read_job job;
    struct loop *loop;
    struct loop_job back;
    int error;
};
/** Reads, then calls done(): before this returns, where rows are read at once or too many wait already. Loop thread. */
void reader_read_row(struct reader *reader, struct loop *loop, struct row_reading *reading);
/** Runs what waits, then ends its threads; afterwards nothing is taken any more. To be called before the loop is gone
 * that the last answer wakes. Harmless when it is stopped already. */
void reader_stop(struct reader *reader);
/** Stops it when it runs, and closes the database. NULL is taken. */
void reader_free(struct reader *reader);

#endif
