/** sql_engine.h: which relational engine a contract suite runs over: the same tests, another word on the command line.
 *
 *      x_contract_test              SQLite
 *      x_contract_test postgres     a PostgreSQL of its own (postgres_server.h)
 *
 *  Where there is no PostgreSQL the program says so and ends with 77, which Meson counts as skipped; with CI=true in
 * the environment it fails.
 */
#ifndef COFFEESHOP_SQL_ENGINE_H
#define COFFEESHOP_SQL_ENGINE_H

#include "sql.h"

/** Before the first test. Ends the process when the engine isn't there. */
void sql_engine_start(int argc, char **argv);
/** After the last. */
void sql_engine_stop(void);
/** "sqlite" or "postgres". */
const char *sql_engine_name(void);
bool sql_engine_is_postgres(void);
/** As sqlite_open(); with PostgreSQL each path is a schema of its own. */
struct sql *sql_engine_open(const struct sql_options *options, struct buf *problem, int *error);
/** The options with which sql_engine_open() would open; `schema` is room for its name. */
enum { SQL_ENGINE_SCHEMA_SIZE = 32 };
struct sql_options sql_engine_options(const struct sql_options *options, char *schema);

#endif
