/* postgres_replace.c: a schema goes, or takes the place of another, in one transaction that nobody who has it alone may
 * be in the middle of. Whose it is was looked at when it was opened. */
#include "base.h"
#include "errors.h"
#include "postgres_internal.h"

static int run_text(struct sql *sql, const char *text)
{
    return sql->query_text(sql, text, NULL, 0, NULL, NULL);
}

/* The server waits for it, busy_ms at most: who had the schema until now, perhaps we ourselves, may have closed it a
 * moment ago. */
static int wait_for_owner(struct sql *sql)
{
    static const struct sql_statement lock = {"SELECT pg_advisory_xact_lock($1)", 1};
    const struct sql_value number = SQL_N(postgres_owners_lock(CONTAINER_OF(sql, struct postgres, port)));

    return sql_query(sql, &lock, &number, NULL, NULL);
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
        error = wait_for_owner(sql);
        if (!error)
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
    struct sql_options apart = *options;
    int error = OK;

    apart.cell = SQL_ALL_CELLS; /* it writes no cell's rows, and a cell's lock would be waited for by its owner */
    struct sql *sql = postgres_open(&apart, problem, &error);
    if (!sql)
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
