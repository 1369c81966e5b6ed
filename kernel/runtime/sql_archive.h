/** sql_archive.h: a service's relational database, opened for `coffeeshop export` or `coffeeshop import`.
 */
#ifndef COFFEESHOP_SQL_ARCHIVE_H
#define COFFEESHOP_SQL_ARCHIVE_H

#include "archive_store.h"
#include "program.h"

/** Where sql_service_open() has it. As program.h says of open_archive. */
struct archive_store *sql_archive_open(const struct common_settings *common, const char *server, const char *name,
                                       const struct sql_migration *migrations, size_t n_migrations,
                                       struct archive_opening *opening, struct buf *problem);

#endif
