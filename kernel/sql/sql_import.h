/** sql_import.h: the mark in a database that an import has begun to fill and not finished (kernel/archive).
 *
 *  It is a row of the adapters' own table, so it is committed with the rows that it speaks of. Whoever opens a marked
 * database without saying that it imports (sql_options.importing) is refused with E_FOREIGN.
 */
#ifndef COFFEESHOP_SQL_IMPORT_H
#define COFFEESHOP_SQL_IMPORT_H

#include "sql.h"

/** What is said behind the store's name. */
#define SQL_HALF_IMPORTED                                                                                              \
    "is half of an import: `coffeeshop import` with the same file finishes it; or remove all that it has written"

/** The mark; stays empty when there is none. 0 or a failure. */
int sql_import_find(struct sql *sql, struct buf *mark);
/** Inside the caller's transaction. */
int sql_import_note(struct sql *sql, struct str mark);
/** Takes the mark away: the database is whole. Own transaction. */
int sql_import_end(struct sql *sql);

#endif
