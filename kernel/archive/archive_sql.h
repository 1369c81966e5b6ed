/** archive_sql.h: a relational database as an archive reads and fills it: the tables and columns that the engine's own
 *  catalogue names, so that nothing is forgotten when a context changes its schema.
 */
#ifndef COFFEESHOP_ARCHIVE_SQL_H
#define COFFEESHOP_ARCHIVE_SQL_H

#include "archive_store.h"

/** Owns `sql` from here on, also when it fails. NULL with a sentence in `problem`. */
struct archive_store *archive_sql_new(struct sql *sql, int64_t schema, struct buf *problem);

#endif
