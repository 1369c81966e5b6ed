/** store.h: what the writer and the service ask of whatever a context's state is stored in, beside its repository.
 *  Adapters: kernel/runtime/sql_service.c for SQL stores; a context with another engine brings its own.
 */
#ifndef COFFEESHOP_STORE_H
#define COFFEESHOP_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct sql;

struct store {
    /** A durable commit of a small row: whether commits succeed at all. 0 or an errors.h code. Writer thread. */
    int (*probe)(struct store *self);
    /** After a batch was committed, at `now` (the service's own time, us): removes a bite of what was kept for long
     * enough, in commits of its own, or sees to what else may not wait until there is nothing to do. A failure is its
     * own to get over. NULL: the context sees to it, or there is nothing. Writer thread. */
    void (*tidy)(struct store *self, int64_t now);
    /** Whether the store is still where it is going to be looked for after a restart: 0, or E_NOT_FOUND when its file
     * was removed or replaced, or a server has lost what was committed, E_CONFLICT when another process has taken it
     * over, E_CORRUPT when damage was met in it. Takes microseconds; called about once a second. Loop thread. */
    int (*check)(struct store *self);
    bool on_server; /* it can be away, and come back */
    /** Whether the server answers, and has what was committed: 0 or an errors.h code; may wait as a commit does. NULL:
     * it isn't on one. Writer thread, when it has nothing to do for a second, and after E_OUTCOME_UNKNOWN. */
    int (*look)(struct store *self);
    /** The same for who reads by `sql` (NULL: what any thread reads by). NULL: it isn't on a server. A reader's thread.
     */
    int (*look_read)(struct store *self, struct sql *sql);
};

#endif
