/** store.h: what the writer and the service ask of whatever a context's state is stored in, beside its repository.
 *  Adapters: kernel/runtime/sql_service.c for SQL stores; a context with another engine brings its own.
 */
#ifndef COFFEESHOP_STORE_H
#define COFFEESHOP_STORE_H

struct store {
    /** A durable commit of a small row: whether commits succeed at all. 0 or an errors.h code. Writer thread. */
    int (*probe)(struct store *self);
    /** Whether the store is still where it is going to be looked for after a restart: 0, or E_NOT_FOUND when its file
     * was removed or replaced, E_CORRUPT when damage was met in it. Takes microseconds; called about once a second.
     * Loop thread. */
    int (*check)(struct store *self);
};

#endif
