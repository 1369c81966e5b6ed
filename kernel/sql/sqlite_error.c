#include "log.h"
#include "sqlite_internal.h"

#include "errors.h"

#include <errno.h>
#include <string.h>

/* SQLite says "I/O error" for a quota or a file size limit too; for whoever runs the service they are a full disk. */
static bool disk_is_full(int system_error)
{
    return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

static int last_errno(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    int system_error = 0;

    if (sqlite3_file_control(db, "main", which, &file) == SQLITE_OK && file && file->pMethods)
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &system_error);
    return system_error;
}

/* sqlite3_system_errno() may have forgotten by the time that a COMMIT returns; the files remember, unless closed. */
static bool write_found_no_room(sqlite3 *db)
{
    return disk_is_full(sqlite3_system_errno(db)) || disk_is_full(last_errno(db, SQLITE_FCNTL_JOURNAL_POINTER)) ||
           disk_is_full(last_errno(db, SQLITE_FCNTL_FILE_POINTER));
}

static int error_of_io(sqlite3 *db, int rc)
{
    switch (rc) {
    case SQLITE_IOERR_NOMEM:
        return E_MEMORY;
    case SQLITE_IOERR_SHMSIZE: /* the index of the WAL could not grow */
        return E_FULL;
    case SQLITE_IOERR_CORRUPTFS:
    case SQLITE_IOERR_DATA:
        return E_CORRUPT;
    case SQLITE_IOERR_WRITE:
        return db && write_found_no_room(db) ? E_FULL : E_UNAVAILABLE;
    default:
        return db && disk_is_full(sqlite3_system_errno(db)) ? E_FULL : E_UNAVAILABLE;
    }
}

int sqlite_error_of(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_IOERR:
        return error_of_io(db, rc);
    case SQLITE_FULL:
        return E_FULL;
    case SQLITE_CONSTRAINT:
        return E_CONFLICT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN: /* after the open succeeded: the WAL can't be made at the moment */
        return db && disk_is_full(sqlite3_system_errno(db)) ? E_FULL : E_UNAVAILABLE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return E_CORRUPT;
    case SQLITE_NOMEM:
        return E_MEMORY;
    case SQLITE_INTERRUPT:
        return E_TIMEOUT;
    case SQLITE_TOOBIG:
        return E_TOO_LARGE;
    case SQLITE_ERROR: /* no such table, no such column */
    case SQLITE_MISMATCH:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return E_REFUSED;
    default:
        return E_SYSTEM;
    }
}

bool sqlite_commit_is_undone(int rc)
{
    /* The frames of a transaction are written, the last one marked as a commit; then they are synced; then the index is
     * brought up to date. When a write fails there is no whole last frame. After that recovery may find one. */
    switch (rc & 0xff) {
    case SQLITE_IOERR:
        return rc == SQLITE_IOERR_WRITE;
    case SQLITE_NOMEM:
    case SQLITE_INTERNAL:
        return false;
    default:
        return true;
    }
}

int sqlite_report(struct sqlite *self, int rc, const char *text)
{
    sqlite3 *db = self->db;
    int error = sqlite_error_of(db, rc);

    if (error == E_CORRUPT)
        atomic_store_explicit(self->damaged, true, memory_order_relaxed);
    if (error == 0 || error == E_CONFLICT || error == E_TIMEOUT || !log_is_news(&self->told, rc))
        return error;
    log_warning("the database refused", LOG_T("error", error_name(error)), LOG_T("reason", sqlite3_errmsg(db)),
                LOG_I("code", rc), LOG_T("statement", text));
    return error;
}

int sqlite_explain(sqlite3 *db, int rc, const char *path, const char *doing, struct buf *problem)
{
    int system_error = db ? sqlite3_system_errno(db) : 0;
    int error = sqlite_error_of(db, rc);

    switch (error) {
    case E_CORRUPT:
        buf_printf(problem,
                   "%s is damaged or not a database (%s): put the whole data directory back from one backup, or move "
                   "the whole "
                   "directory away to begin with an empty one (docs/operations.md, Restore)",
                   path, rc == SQLITE_IOERR_DATA ? "a page isn't what was written" : sqlite3_errmsg(db));
        return error;
    case E_FULL:
        buf_printf(problem, "the disk is full (%s %s): make room, then start again", doing, path);
        return error;
    case E_MEMORY:
        buf_printf(problem, "no memory left (%s %s)", doing, path);
        return error;
    case E_UNAVAILABLE:
        if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED) {
            buf_printf(problem, "%s is locked by another program: stop it, or wait until it is done", path);
            return error;
        }
        break;
    default:
        break;
    }
    buf_printf(problem, "%s %s failed: %s (%s); check that the directory exists and that this user may write to it",
               doing, path, sqlite3_errstr(rc), system_error ? strerrordesc_np(system_error) : sqlite3_errmsg(db));
    return E_SYSTEM;
}
