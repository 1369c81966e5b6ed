#include "sqlite_internal.h"

#include "errors.h"
#include "sql_import.h"

/* A file says whose it is in two places: the header's application id, for a quick look, and the table meta, for people.
 */
static const uint32_t MAGIC = UINT32_C(0x0C0FFEE5);

static int64_t application_id(struct str name)
{
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a */

    for (size_t i = 0; i < name.n; i++)
        hash = (hash ^ (unsigned char)name.p[i]) * UINT32_C(16777619);
    return (int32_t)(hash ^ MAGIC);
}

static int number_of(sqlite3 *db, const char *text, int64_t *number)
{
    sqlite3_stmt *prepared = NULL;
    int rc = sqlite3_prepare_v2(db, text, -1, &prepared, NULL);

    if (rc == SQLITE_OK && (rc = sqlite3_step(prepared)) == SQLITE_ROW) {
        *number = sqlite3_column_int64(prepared, 0);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(prepared);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Whose file it says it is; empty when it doesn't. */
static void owner_of(sqlite3 *db, struct buf *owner)
{
    sqlite3_stmt *prepared = NULL;

    if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE name = 'application'", -1, &prepared, NULL) == SQLITE_OK &&
        sqlite3_step(prepared) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(prepared, 0);
        buf_add(owner, str_of(text));
    }
    sqlite3_finalize(prepared);
}

static int refuse_foreign(sqlite3 *db, const struct sql_options *options, int64_t id, struct buf *problem)
{
    struct buf owner = {0};

    owner_of(db, &owner);
    if (owner.n && id == application_id(buf_str(&owner)))
        buf_printf(problem, "%s belongs to \"%.*s\", not to \"%s\": give each service a file of its own", options->path,
                   STR_ARG(buf_str(&owner)), options->application);
    else
        buf_printf(problem, "%s is another program's database: give \"%s\" a file of its own", options->path,
                   options->application);
    buf_free(&owner);
    return E_FOREIGN;
}

static int check_version(const struct sql_options *options, int64_t version, struct buf *problem)
{
    if (version > (int64_t)options->n_migrations) {
        buf_printf(problem,
                   "%s was written by a newer version (schema %lld, this one knows %zu): start the newer version, or "
                   "restore a backup",
                   options->path, (long long)version, options->n_migrations);
        return E_NEWER;
    }
    if ((options->read_only || options->exact) && version < (int64_t)options->n_migrations) {
        buf_printf(problem, "%s has schema %lld, %zu is needed: start the service first, it brings the file up to date",
                   options->path, (long long)version, options->n_migrations);
        return E_UNAVAILABLE;
    }
    return 0;
}

static int check_import(sqlite3 *db, const struct sql_options *options, struct buf *problem)
{
    int64_t n = 0;

    int rc = number_of(db, "SELECT count(*) FROM meta WHERE name = 'import'", &n);
    if (rc)
        return sqlite_explain(db, rc, options->path, "reading", problem);
    if (n == 0 || options->importing)
        return 0;
    buf_printf(problem, "%s " SQL_HALF_IMPORTED, options->path);
    return E_FOREIGN;
}

/* A file from before there were cells is one. */
static int check_cells(sqlite3 *db, const struct sql_options *options, struct buf *problem)
{
    int64_t cells = 1;

    if (!options->cells)
        return 0;
    int rc = number_of(db, "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'cells'", &cells);
    if (rc)
        return sqlite_explain(db, rc, options->path, "reading", problem);
    if (cells == options->cells)
        return 0;
    buf_add(problem, str_of(options->path));
    buf_printf(problem, SQL_OTHER_CELLS, (long long)cells, (int)options->cells, (long long)cells);
    return E_FOREIGN;
}

int sqlite_identify(sqlite3 *db, const struct sql_options *options, int *version, struct buf *problem)
{
    int64_t id = 0;
    int64_t schema = 0;
    int64_t n_objects = 0;

    int rc =
        number_of(db, "SELECT count(*) FROM sqlite_schema", &n_objects); /* reads the header and the whole schema */
    if (rc == SQLITE_OK)
        rc = number_of(db, "PRAGMA application_id", &id);
    if (rc == SQLITE_OK)
        rc = number_of(db, "PRAGMA user_version", &schema);
    if (rc)
        return sqlite_explain(db, rc, options->path, "reading", problem);
    *version = (int)schema;
    bool untouched = id == 0 && schema == 0 && n_objects == 0;
    if (untouched && options->exact) {
        buf_printf(problem, "%s is empty", options->path);
        return E_NOT_FOUND;
    }
    if (untouched && !options->read_only)
        return 0;
    if (id != application_id(str_of(options->application)))
        return refuse_foreign(db, options, id, problem);
    int error = check_version(options, schema, problem);
    if (!error)
        error = check_cells(db, options, problem);
    return error ? error : check_import(db, options, problem);
}

/* One step: the script, whose it is, and the version, all or nothing. */
static int step(sqlite3 *db, const struct sql_options *options, int version, const char *script)
{
    struct buf text = {0};

    buf_printf(&text, "PRAGMA application_id = %lld;", (long long)application_id(str_of(options->application)));
    BUF_LIT(&text, "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
                   "INSERT INTO meta (name, value) VALUES ('application', '");
    buf_add(&text, str_of(options->application));
    BUF_LIT(&text, "') ON CONFLICT DO NOTHING;");
    if (version == 1) /* as the file is made */
        buf_printf(&text, "INSERT INTO meta (name, value) VALUES ('cells', '%d') ON CONFLICT DO NOTHING;",
                   options->cells ? (int)options->cells : 1);
    buf_add(&text, str_of(script));
    buf_printf(&text, ";PRAGMA user_version = %d;COMMIT", version);
    buf_char(&text, '\0');
    int rc = text.failed ? SQLITE_NOMEM : sqlite3_exec(db, text.p, NULL, NULL, NULL);
    buf_free(&text);
    return rc;
}

int sqlite_migrate(sqlite3 *db, const struct sql_options *options, struct buf *problem)
{
    for (size_t i = 0; i < options->n_migrations; i++) {
        const struct sql_migration *migration = &options->migrations[i];
        int64_t version = 0;
        ASSERT(migration->version == (int)i + 1);
        int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = number_of(db, "PRAGMA user_version", &version); /* again: somebody else may have been faster */
        if (rc == SQLITE_OK && version < migration->version)
            rc = step(db, options, migration->version, migration->script);
        int error = rc ? sqlite_explain(db, rc, options->path, "bringing up to date", problem) : 0;
        if (!sqlite3_get_autocommit(db))
            sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        if (error)
            return error;
    }
    return 0;
}
