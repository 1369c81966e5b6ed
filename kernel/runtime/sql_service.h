/** sql_service.h: a service's relational database: the writer's connection, the loop's for single rows and stored
 * events, the reader's for lists. In a file, or on a server: then the loop has none, because it must not wait, and
 * single rows have a lane of the reader's (docs/adr/0053).
 */
#ifndef COFFEESHOP_SQL_SERVICE_H
#define COFFEESHOP_SQL_SERVICE_H

#include "outbox_sql.h"
#include "reader.h"
#include "service.h"
#include "sql.h"

/** What it keeps of one of the cells. */
struct sql_cell {
    struct cell cell;
    struct outbox_retention retention; /* the writer's: how long keys and events are kept */
};

struct sql_service {
    struct service *service;
    struct sql_cell *cells; /* shop.cells of them */
    int32_t n_cells;
    struct store store;     /* probed by the writer, looked after by the loop */
    struct sql *connection; /* the writer thread's connection … */
    struct sql *writes;     /* … and what the cells write by: the same, or of several its joint (sql_joint.h) */
    bool says;              /* it has an outbox */
    struct sql *reads;      /* the loop thread's; NULL: on a server */
    struct sql *relays;     /* the relay's thread's, where events go to a topic; NULL: they don't */
    struct reader *reader;
    struct feed_history history;
    _Atomic bool damaged; /* one of the connections has met damage */
};

/** Opens DATA/<name>.db in the service's data directory or, unless `server` is empty, the schema <name> of that
 * PostgreSQL, for which it waits as service_wait_for_store() does; made and migrated when it has to be. NULL, a
 * sentence in `problem`, and *error: what opening it came to, OK when it was something else; may be NULL. */
struct sql_service *sql_service_open(struct service *service, const struct common_settings *common, const char *server,
                                     const char *name, const struct sql_migration *migrations, size_t n_migrations,
                                     struct buf *problem, int *error);
/** Begins an epoch of the service's own feed (feed_history.h); several cells have a topic, which needs none. false and
 * a sentence in `problem`. Not for a service that says nothing. */
bool sql_service_begin_epoch(struct sql_service *store, struct buf *problem);
/** The exit status of a service that can't start, behind what it has said in `problem`: PROGRAM_START_AGAIN, and that
 * is said, too, when the connection to its server broke in the middle; the next start waits for that as each does.
 * `store` may be NULL. */
int sql_service_cannot_start(const struct sql_service *store, struct buf *problem);
/** Fills in how stored events and dead letters are read, and the reader. */
void sql_service_fill(struct sql_service *store, struct service_parts *parts);
/** After service_free(). */
void sql_service_close(struct sql_service *store);

#endif
