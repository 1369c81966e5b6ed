#include "sql_archive.h"

#include "archive_sql.h"
#include "clock.h"
#include "errors.h"

#include <poll.h>
#include <unistd.h>

/* A server may sort a whole table before it says its first row. */
enum { NOTICED_MS = 3000, ASK_EACH_MS = 100, SILENT_MS = 5 * 60 * 1000 };

/* The lock of a process that was killed is gone when the server has noticed. */
static struct sql *open_server(const struct sql_options *options, struct buf *problem, int *error)
{
    int64_t until = clock_monotonic() + NOTICED_MS * US_PER_MS;
    struct sql *sql = postgres_open(options, problem, error);

    while (!sql && *error == E_UNAVAILABLE && clock_monotonic() < until) {
        (void)poll(NULL, 0, ASK_EACH_MS);
        buf_clear(problem);
        sql = postgres_open(options, problem, error);
    }
    return sql;
}

static struct sql *open_one(const struct sql_options *options, struct buf *problem, int *error)
{
    return options->server ? open_server(options, problem, error) : sqlite_open(options, problem, error);
}

/* As the service opens it, which is how damage is found; but as it is. */
static struct sql *open_to_read(struct sql_options *options, bool *absent, struct buf *problem)
{
    int error = OK;

    *absent = !options->server && access(options->path, F_OK) != 0;
    if (*absent)
        return NULL;
    options->exact = true;
    struct sql *sql = open_one(options, problem, &error);
    *absent = error == E_NOT_FOUND;
    if (*absent)
        buf_clear(problem);
    return sql;
}

static bool has_migration(size_t n_migrations, const char *name, int64_t schema, struct buf *problem)
{
    if (schema > 0 && schema <= (int64_t)n_migrations)
        return true;
    buf_printf(problem,
               "the tables of %s are of version %lld, this version of coffeeshop knows %zu: import it with the version "
               "that exported it",
               name, (long long)schema, n_migrations);
    return false;
}

struct archive_store *sql_archive_open(const struct common_settings *common, const char *server, const char *name,
                                       const struct sql_migration *migrations, size_t n_migrations,
                                       struct archive_opening *opening, struct buf *problem)
{
    int64_t schema = opening->imports ? opening->schema : (int64_t)n_migrations;
    struct buf file = {0};
    struct sql *sql = NULL;
    int error = OK;

    if (common->shop_cells > 1) { /* its numbers are cut, too, and no archive says so */
        buf_printf(problem, "shop.cells is %lld, and this version moves only shops of one cell",
                   (long long)common->shop_cells);
        return NULL;
    }
    buf_printf(&file, "%s/%s.db%c", common->data, name, '\0');
    struct sql_options options = {
        .path = file.p,
        .server = server[0] ? server : NULL,
        .application = name,
        .migrations = migrations,
        .n_migrations = (size_t)schema,
        .importing = opening->imports,
        .cell = SQL_ALL_CELLS,
        .cells = (int32_t)common->shop_cells,
        .alone = true,
        .silent_ms = SILENT_MS,
    };
    if (file.failed)
        BUF_LIT(problem, "out of memory");
    else if (!opening->imports)
        sql = open_to_read(&options, &opening->absent, problem);
    else if (has_migration(n_migrations, name, schema, problem))
        sql = open_one(&options, problem, &error);
    buf_free(&file);
    return sql ? archive_sql_new(sql, schema, problem) : NULL;
}
