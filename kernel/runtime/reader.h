/** reader.h: a thread for reads that may take long (lists), with a connection of its own, so that they block neither
 * the loop nor the writer.
 *
 *  A read that isn't done query_ms after it was posted is interrupted and answered with 503: a list for which others
 * had to be waited for has less time left for itself, so that nobody waits longer than that for an answer.
 */
#ifndef COFFEESHOP_READER_H
#define COFFEESHOP_READER_H

#include "http_server.h"
#include "sql.h"

#include <stdbool.h>
#include <stdint.h>

struct read_job {
    /** On the reader's thread; ends in http_reply(). Statements that run into the time limit return E_TIMEOUT. */
    void (*run)(struct read_job *self, struct sql *sql);
    struct read_job *next; /* the reader's */
    int64_t posted_us;     /* the reader's */
};

struct reader;
/** Takes over `sql`, also when it fails: it is closed then. NULL when there is no memory or thread. */
struct reader *reader_new(struct sql *sql, int64_t query_ms, size_t most_waiting);
/** false: too many wait already; the job is still the caller's. Any thread. */
bool reader_post(struct reader *reader, struct read_job *job);
/** Posts a request's read, or answers it with 503 when too many wait already. Loop thread. */
void reader_serve(struct reader *reader, struct http_request *request, struct read_job *job);
/** Runs what waits, then ends its threads; afterwards nothing is taken any more. To be called before the loop is gone
 * that the last answer wakes. Harmless when it is stopped already. */
void reader_stop(struct reader *reader);
/** Stops it when it runs, and closes the database. NULL is taken. */
void reader_free(struct reader *reader);

#endif
