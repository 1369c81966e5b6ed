#include "errors.h"
#include "kv_lmdb_internal.h"
#include "log.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { LITTLE_ROOM = 1024 * 1024 };

int kv_lmdb_error_of(int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return E_FULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return E_CORRUPT;
    case ENOMEM:
        return E_MEMORY;
    case MDB_BAD_VALSIZE:
    case MDB_TXN_FULL:
    case MDB_PAGE_FULL:
        return E_TOO_LARGE;
    default:
        return E_UNAVAILABLE; /* input/output, readers' table full, or MDB_PANIC: reopening the store is what helps then
                               */
    }
}

int kv_lmdb_report(struct kv_lmdb *self, int rc, const char *doing)
{
    int error = kv_lmdb_error_of(rc);

    if (error && log_is_news(&self->told, rc))
        log_warning("the store refused", LOG_T("error", error_name(error)), LOG_T("reason", mdb_strerror(rc)),
                    LOG_I("code", rc), LOG_T("doing", doing));
    return error;
}

bool kv_lmdb_has_no_room(struct kv_lmdb *self)
{
    struct stat file;
    struct statvfs disk;
    struct rlimit limit;
    int fd = -1;

    if (mdb_env_get_fd(self->env, &fd) != 0 || fstat(fd, &file) != 0 || fstatvfs(fd, &disk) != 0 ||
        getrlimit(RLIMIT_FSIZE, &limit) != 0)
        return false;
    return disk.f_bavail * disk.f_frsize < LITTLE_ROOM || (rlim_t)file.st_size + LITTLE_ROOM > limit.rlim_cur;
}
