/** archive_store.h: the port to what a service keeps, for `coffeeshop export` and `coffeeshop import`: tables in a
 * fixed order, rows in the order of their keys, whatever the engine.
 *
 *  Nobody else may have the store open. Adapters: archive_sql.h, archive_kv.h. One thread. Errors are those of the
 * ports below (sql.h, kv.h).
 *
 *  An import leaves a *mark* in the store, which is committed with the rows that it speaks of and taken away at the
 * end; what is marked is opened by nobody but an import (sql_import.h, KV_IMPORT_KEY).
 */
#ifndef COFFEESHOP_ARCHIVE_STORE_H
#define COFFEESHOP_ARCHIVE_STORE_H

#include "sql.h"

enum { ARCHIVE_MOST_COLUMNS = 32, ARCHIVE_MOST_KEY = 4 };

struct archive_table {
    struct str name;
    struct str columns; /* their names, separated by blanks */
    size_t n_columns;
    size_t key[ARCHIVE_MOST_KEY]; /* which columns are the key, in its order */
    size_t n_key;
};

/** `row` has the table's columns; valid inside the call. Non-zero stops and is returned. */
typedef int archive_on_row(void *context, const struct sql_value *row);

struct archive_store {
    int64_t schema; /* the version of its tables */
    const struct archive_table *tables;
    size_t n_tables;
    /** The rows behind `after` (a row of the table: only its key counts; NULL: from the first), in the order of their
     * keys. */
    int (*read)(struct archive_store *self, const struct archive_table *table, const struct sql_value *after,
                archive_on_row *on_row, void *context);
    /** A number that is another one after the service has been started, or has written something. */
    int (*state)(struct archive_store *self, uint64_t *state);
    /** The mark of an import (empty: there is none), and whether anything is kept. */
    int (*look)(struct archive_store *self, struct buf *mark, bool *is_empty);
    /** Of an empty store: what making it has put there goes, the mark comes. */
    int (*begin)(struct archive_store *self, struct str mark);
    /** Adds rows, and the mark: all or nothing. */
    int (*write)(struct archive_store *self, const struct archive_table *table, const struct sql_value *rows, size_t n,
                 struct str mark);
    /** Takes the mark away. */
    int (*end)(struct archive_store *self);
    void (*close)(struct archive_store *self);
};

/** How a program opens its own (program.h). */
struct archive_opening {
    bool imports;   /* to be filled; otherwise it is only read */
    int64_t schema; /* of the rows that are coming: a later version of the tables is made of them when the service is
                       started. When reading it says nothing */
    bool absent;    /* set, and no sentence said, when there is nothing to read */
};

static inline const struct archive_table *archive_find_table(const struct archive_store *store, struct str name)
{
    for (size_t i = 0; i < store->n_tables; i++) {
        if (str_eq(store->tables[i].name, name))
            return &store->tables[i];
    }
    return NULL;
}

#endif
