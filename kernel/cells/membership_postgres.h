/** membership_postgres.h: membership (membership.h) in PostgreSQL.
 *
 *  The schema <service>_cells has a row for each member and each cell. A member lives as long as an advisory lock does
 * that its session holds. A session ends with its process, by TCP when its host has vanished, and by the server when it
 * says nothing for `lost_ms` (idle_session_timeout): so a member that was stopped is noticed, too. A beat is a round
 * trip, and no write.
 */
#ifndef COFFEESHOP_MEMBERSHIP_POSTGRES_H
#define COFFEESHOP_MEMBERSHIP_POSTGRES_H

#include "buf.h"
#include "membership.h"

struct membership_postgres_options {
    const char *server;  /* as in sql_options */
    const char *service; /* "shop": names the schema */
    size_t n_cells;      /* into how many the service's state is cut */
    int64_t lost_ms;     /* who gives no sign of life for so long is dead */
};

/** Connects and makes the schema, or brings it up to date. NULL on failure, with a sentence in `problem` and *error set
 * as postgres_open() does; E_FOREIGN, too: the service's state is cut into another number of cells. The options' texts
 * need not live longer than the call. */
struct membership *membership_postgres_open(const struct membership_postgres_options *options, struct buf *problem,
                                            int *error);

#endif
