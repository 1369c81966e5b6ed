#include "errors.h"
#include "file.h"
#include "log.h"
#include "sqlite_internal.h"
#include "sqlite_log.h"
#include "sqlite_vfs.h"

#include <errno.h>
#include <string.h>

enum { DEFAULT_BUSY_MS = 5000 };

static int run_script(sqlite3 *db, const char *script, const char *path, struct buf *problem)
{
    int rc = sqlite3_exec(db, script, NULL, NULL, NULL);

    return rc ? sqlite_explain(db, rc, path, "setting up", problem) : 0;
}

/* Only after the file is known to be ours: changing the journal's mode writes to it. */
static int adjust(sqlite3 *db, const struct sql_options *options, struct buf *problem)
{
    static const char for_reading[] = "PRAGMA temp_store = MEMORY; PRAGMA query_only = ON";
    static const char for_writing[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;"
        "PRAGMA journal_size_limit = 67108864; PRAGMA foreign_keys = OFF;"
        "PRAGMA temp_store = MEMORY";

    if (options->read_only)
        return run_script(db, for_reading, options->path, problem);
    if (sqlite3_db_readonly(db, "main") == 1) {
        buf_printf(
            problem,
            "%s can't be written: give this user the permission, and check that the disk is not mounted read-only",
            options->path);
        return E_SYSTEM;
    }
    int error = run_script(db, for_writing, options->path, problem);
    return error ? error : sqlite_migrate(db, options, problem);
}

static int beside(const char *path, const char *suffix, int (*act)(const char *path))
{
    struct buf name = {0};

    buf_add(&name, str_of(path));
    buf_add(&name, str_of(suffix));
    buf_char(&name, '\0');
    int rc = name.failed ? ENOMEM : act(name.p);
    buf_free(&name);
    return rc;
}

static int write_all_again(const char *path)
{
    return file_write_again(path, SIZE_MAX);
}

/* The files are there, nobody else's to read, and what recovery is going to believe is on the disk and all there: the
 * log is written once more before it is read. What stands in the database itself may be lost with its log still there:
 * it is copied again. */
static int prepare_files(const struct sql_options *options, struct buf *problem)
{
    int rc = file_make_private(options->path);

    if (rc == 0)
        rc = beside(options->path, "-wal", file_hide);
    if (rc == 0)
        rc = beside(options->path, "-shm", file_hide);
    if (rc == 0)
        rc = beside(options->path, "-wal", write_all_again);
    if (rc == 0)
        return sqlite_log_check(options->path, problem);
    if (rc == ENOSPC || rc == EDQUOT) {
        buf_printf(problem, "the disk is full (opening %s): make room, then start again", options->path);
        return E_FULL;
    }
    buf_printf(problem, "opening %s failed: %s; check that the directory exists and that this user may write to it",
               options->path, strerrordesc_np(rc));
    return E_SYSTEM;
}

int sqlite_set_up(const struct sql_options *options, sqlite3 **db, struct buf *problem)
{
    int flags = options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int version = 0;
    int error = options->read_only ? OK : prepare_files(options, problem);

    if (error)
        return error;
    /* Counting its memory costs SQLite a lock for every piece of it, and nobody asks. Only before the first file is
     * opened can it be told so; later it refuses, and it has been told. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    const char *vfs = sqlite_vfs();
    int rc = vfs ? sqlite3_open_v2(options->path, db, flags | SQLITE_OPEN_NOMUTEX, vfs) : SQLITE_NOMEM;
    if (rc)
        return sqlite_explain(*db, rc, options->path, "opening", problem);
    sqlite_vfs_ask_for_room(*db);
    sqlite3_extended_result_codes(*db, 1);
    sqlite3_busy_timeout(*db, options->busy_ms ? (int)options->busy_ms : DEFAULT_BUSY_MS);
    sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    error = sqlite_identify(*db, options, &version, problem);
    if (!error)
        error = adjust(*db, options, problem);
    if (!error && !options->read_only && !sqlite_vfs_guards(*db))
        log_warning("the database was made by an earlier version: damage to it may go unnoticed",
                    LOG_T("file", options->path));
    return error;
}
