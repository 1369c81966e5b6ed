/** reader.h: a thread for reads that may take long (lists), with a connection of its own, so that they block neither
 * the loop nor the writer.
 *
 *  A read that takes longer than query_ms is interrupted and answered with 503.
 */
#ifndef COFFEESHOP_READER_H
#define COFFEESHOP_READER_H

#include "sql.h"

#include <stdbool.h>
#include <stdint.h>

struct read_job {
    /** On the reader's thread; ends in http_reply(). Statements that run into the time limit return E_TIMEOUT. */
    void (*run)(struct read_job *self, struct sql *sql);
    struct read_job *next; /* the reader's */
};

struct reader;
/** Takes over `sql` (closed by reader_free). NULL when there is no memory or thread. */
struct reader *reader_new(struct sql *sql, int64_t query_ms, size_t most_waiting);
/** false: too many wait already; the job is still the caller's. Any thread. */
bool reader_post(struct reader *reader, struct read_job *job);
/** Runs what waits, then ends. */
void reader_free(struct reader *reader);

#endif
