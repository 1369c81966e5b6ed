/* postgres_replace.c: a schema goes, or takes the place of another. By the port alone: whose a schema is has been
 * looked at when it was opened, and nobody else has it while it is open. */
#include "clock.h"
#include "errors.h"
#include "sql.h"

#include <time.h>

enum { PATIENCE_MS = 3000 };

static int run_text(struct sql *sql, const char *text)
{
    return sql->query_text(sql, text, NULL, 0, NULL, NULL);
}

/* Who had it until now, perhaps we ourselves, may have closed it a moment ago: the server takes notice a little later.
 */
static int open_alone(const struct sql_options *options, struct sql **sql, struct buf *problem)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    struct sql_options alone = *options;
    int64_t until = clock_monotonic() + PATIENCE_MS * US_PER_MS;
    int error;

    alone.alone = true;
    alone.read_only = false;
    do {
        buf_clear(problem);
        error = OK;
        *sql = postgres_open(&alone, problem, &error);
    } while (error == E_UNAVAILABLE && clock_monotonic() < until && nanosleep(&pause, NULL) == 0);
    return error;
}

/* The connection's schema goes, and `rebuilt`, unless it is NULL, gets its name: all or nothing. */
static int replace(struct sql *sql, const char *schema, const char *rebuilt)
{
    struct buf drop = {0};
    struct buf rename = {0};

    buf_printf(&drop, "DROP SCHEMA \"%s\" CASCADE%c", schema, '\0');
    buf_printf(&rename, "ALTER SCHEMA \"%s\" RENAME TO \"%s\"%c", rebuilt ? rebuilt : "", schema, '\0');
    int error = drop.failed || rename.failed ? E_MEMORY : sql->begin(sql);
    if (!error) {
        error = run_text(sql, drop.p);
        if (!error && rebuilt)
            error = run_text(sql, rename.p);
        error = sql_end(sql, error);
    }
    buf_free(&drop);
    buf_free(&rename);
    return error;
}

int postgres_replace_schema(const struct sql_options *options, const char *rebuilt, struct buf *problem)
{
    struct sql *sql;
    int error = open_alone(options, &sql, problem);

    if (error)
        return error;
    error = replace(sql, options->schema, rebuilt);
    sql->close(sql);
    if (error && rebuilt)
        buf_printf(problem, "the schema %s can't take the place of %s: %s", rebuilt, options->schema,
                   error_text(error));
    else if (error)
        buf_printf(problem, "the schema %s can't be removed: %s", options->schema, error_text(error));
    return error;
}
