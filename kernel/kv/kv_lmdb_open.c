#include "kv_lmdb_internal.h"

#include "base.h"
#include "errors.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOST_READERS = 512,
    LOCK_SIZE = 64 * 1024 /* 64 bytes a reader and a head */,
    FILE_MODE = 0600,
    META_PAGES = 2,
    RESERVE_LEAST = 1024 * 1024,
    RESERVE_SHARE = 8
};

/* Whose store it is and in what format; a leading NUL keeps them out of every scan. */
static const struct str application_key = STR_INIT("\0meta/application");
static const struct str format_key = STR_INIT("\0meta/format");

static int explain(int rc, const struct kv_options *options, const char *doing, struct buf *problem)
{
    int error = kv_lmdb_error_of(rc);

    switch (error) {
    case E_CORRUPT:
        buf_printf(
            problem,
            "%s is damaged or not a store (%s): put the whole data directory back from one backup, or move the whole "
            "directory away to begin with an empty one (docs/operations.md, Restore)",
            options->path, mdb_strerror(rc));
        return error;
    case E_FULL:
        buf_printf(problem,
                   "the disk is full, or the store has reached its greatest size (%s %s): make room, or allow more, "
                   "then start again",
                   doing, options->path);
        return error;
    case E_MEMORY:
        buf_printf(problem, "no memory left, or no address space for %lld bytes (%s %s)", (long long)options->map_size,
                   doing, options->path);
        return error;
    default:
        break;
    }
    if (rc == MDB_VERSION_MISMATCH) {
        buf_printf(problem, "%s was made by another version of LMDB: dump it with that version and load it here",
                   options->path);
        return E_NEWER;
    }
    buf_printf(problem, "%s %s failed: %s; check that the directory exists and that this user may write to it", doing,
               options->path, mdb_strerror(rc));
    return E_SYSTEM;
}

/* LMDB reads through a memory map: a file cut short would end the process later. Every page in use has to be there. */
static int check_length(struct kv_lmdb *self, MDB_txn *txn)
{
    MDB_stat data;
    MDB_stat spare;
    struct stat file;
    int fd = -1;

    int rc = mdb_stat(txn, self->dbi, &data);
    if (rc == 0)
        rc = mdb_stat(txn, 0, &spare);
    if (rc == 0)
        rc = mdb_env_get_fd(self->env, &fd);
    if (rc)
        return rc;
    if (fstat(fd, &file) != 0)
        return errno;
    size_t pages = 2 + data.ms_branch_pages + data.ms_leaf_pages + data.ms_overflow_pages + spare.ms_branch_pages +
                   spare.ms_leaf_pages + spare.ms_overflow_pages;
    if (data.ms_depth + spare.ms_depth == 0)
        return 0; /* nothing in it yet */
    return (size_t)file.st_size / data.ms_psize < pages ? MDB_CORRUPTED : 0;
}

static int refuse_foreign(const struct kv_options *options, struct str owner, struct buf *problem)
{
    if (owner.n)
        buf_printf(problem, "%s belongs to \"%.*s\", not to \"%s\": give each service a file of its own", options->path,
                   STR_ARG(owner), options->application);
    else
        buf_printf(problem, "%s is another program's store: give \"%s\" a file of its own", options->path,
                   options->application);
    return E_FOREIGN;
}

/* *format: -1 when the store is new. */
static int identify(struct kv_lmdb *self, MDB_txn *txn, const struct kv_options *options, int64_t *format,
                    struct buf *problem)
{
    MDB_val key = kv_lmdb_val(application_key);
    MDB_val value;
    MDB_stat stat;

    *format = -1;
    int rc = mdb_stat(txn, self->dbi, &stat);
    if (rc)
        return explain(rc, options, "reading", problem);
    if (stat.ms_entries == 0 && !options->read_only)
        return 0;
    rc = mdb_get(txn, self->dbi, &key, &value);
    if (rc == MDB_NOTFOUND)
        return refuse_foreign(options, (struct str){NULL, 0}, problem);
    if (rc)
        return explain(rc, options, "reading", problem);
    if (!str_is(kv_lmdb_str(value), options->application))
        return refuse_foreign(options, kv_lmdb_str(value), problem);
    key = kv_lmdb_val(format_key);
    rc = mdb_get(txn, self->dbi, &key, &value);
    if (rc || !str_to_i64(kv_lmdb_str(value), format))
        return explain(rc && rc != MDB_NOTFOUND ? rc : MDB_CORRUPTED, options, "reading", problem);
    if (*format <= options->format)
        return 0;
    buf_printf(problem,
               "%s was written by a newer version (format %lld, this one knows %d): start the newer version, or "
               "restore a backup",
               options->path, (long long)*format, options->format);
    return E_NEWER;
}

/* Under the store's own keys, which the port's commit() doesn't let through. */
static int sign(struct kv_lmdb *self, const struct kv_options *options)
{
    MDB_txn *txn = NULL;
    struct buf format = {0};

    buf_i64(&format, options->format);
    MDB_val owner = kv_lmdb_val(str_of(options->application));
    MDB_val version = kv_lmdb_val(buf_str(&format));
    MDB_val key = kv_lmdb_val(application_key);
    int rc = format.failed ? ENOMEM : mdb_txn_begin(self->env, NULL, 0, &txn);
    if (rc == 0)
        rc = mdb_put(txn, self->dbi, &key, &owner, 0);
    key = kv_lmdb_val(format_key);
    if (rc == 0)
        rc = mdb_put(txn, self->dbi, &key, &version, 0);
    if (rc == 0)
        rc = mdb_txn_commit(txn);
    else if (txn)
        mdb_txn_abort(txn);
    buf_free(&format);
    return rc;
}

/* LMDB maps its lock file over a hole and writes to it: on a full disk that would end the process. So the disk is asked
 * for the room first, where it can say no. */
static int make_lock_file(const char *path)
{
    struct buf name = {0};

    buf_add(&name, str_of(path));
    BUF_LIT(&name, "-lock");
    buf_char(&name, '\0');
    int rc = name.failed ? ENOMEM : file_make_private(name.p);
    int fd = rc ? -1 : open(name.p, O_RDWR | O_CLOEXEC);
    if (rc == 0)
        rc = fd < 0 ? errno : posix_fallocate(fd, 0, LOCK_SIZE);
    if (fd >= 0)
        close(fd);
    buf_free(&name);
    return rc;
}

/* The files are there and nobody else's to read; and the meta pages, by which LMDB finds the last commit, are on the
 * disk as they are going to be read. What they point to was synced before they were written. */
static int prepare_files(const char *path)
{
    int rc = file_make_private(path);

    if (rc == 0)
        rc = file_write_again(path, META_PAGES * (size_t)sysconf(_SC_PAGESIZE));
    return rc ? rc : make_lock_file(path);
}

static int open_env(struct kv_lmdb *self, const struct kv_options *options)
{
    size_t map_size = (size_t)options->map_size;
    size_t reserve = map_size / RESERVE_SHARE > RESERVE_LEAST ? map_size / RESERVE_SHARE : RESERVE_LEAST;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned int flags = MDB_NOSUBDIR | MDB_NOTLS | (options->read_only ? MDB_RDONLY : 0U);
    int n_dead = 0;

    int rc = mdb_env_create(&self->env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(self->env, (map_size + reserve) / page * page);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(self->env, MOST_READERS);
    if (rc == 0 && !options->read_only)
        rc = prepare_files(options->path);
    if (rc == 0)
        rc = mdb_env_open(self->env, options->path, flags, FILE_MODE);
    if (rc == 0)
        rc = mdb_reader_check(self->env, &n_dead); /* a killed reader's snapshot would keep pages for ever */
    self->most_pages = map_size / page;
    return rc;
}

static int open_data(struct kv_lmdb *self, const struct kv_options *options, int64_t *format, struct buf *problem)
{
    MDB_txn *txn = NULL;

    int rc = mdb_txn_begin(self->env, NULL, MDB_RDONLY, &txn);
    if (rc)
        return explain(rc, options, "reading", problem);
    rc = mdb_dbi_open(txn, NULL, 0, &self->dbi);
    if (rc == 0)
        rc = check_length(self, txn);
    int error = rc ? explain(rc, options, "reading", problem) : identify(self, txn, options, format, problem);
    if (error)
        mdb_txn_abort(txn);
    else
        mdb_txn_commit(txn); /* a dbi opened in an aborted transaction is closed again */
    return error;
}

int kv_lmdb_set_up(struct kv_lmdb *self, const struct kv_options *options, struct buf *problem)
{
    int64_t format = -1;

    int rc = open_env(self, options);
    if (rc)
        return explain(rc, options, "opening", problem);
    int error = open_data(self, options, &format, problem);
    if (error || format == options->format || options->read_only)
        return error;
    if (format >= 0 && options->migrate)
        error = options->migrate(&self->port, (int)format);
    if (error) {
        buf_printf(problem, "bringing %s from format %lld to %d failed: %s", options->path, (long long)format,
                   options->format, error_text(error));
        return error;
    }
    rc = sign(self, options);
    if (rc == 0)
        rc = file_sync_parent(options->path);
    return rc ? explain(rc, options, "setting up", problem) : 0;
}
