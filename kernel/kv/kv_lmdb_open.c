#include "kv_lmdb_internal.h"
#include "kv_lmdb_sum.h"
#include "kv_lmdb_verify.h"
#include "log.h"

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

/* In what format it is; a leading NUL keeps it out of every scan. */
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

/* Whose it says it is; a mark in front says that its values have checksums. */
static struct str owner_of(struct kv_lmdb *self, MDB_val value)
{
    struct str owner = kv_lmdb_str(value);

    self->sums = str_starts_with(owner, KV_LMDB_MARK);
    if (self->sums && kv_sum_take_off(KV_LMDB_OWNER_KEY, &owner))
        owner = (struct str){owner.p + KV_LMDB_MARK.n, owner.n - KV_LMDB_MARK.n};
    return owner;
}

/* *format: -1 when the store is new. */
static int identify(struct kv_lmdb *self, MDB_txn *txn, const struct kv_options *options, int64_t *format,
                    struct buf *problem)
{
    MDB_val key = kv_lmdb_val(KV_LMDB_OWNER_KEY);
    MDB_val value;
    MDB_stat stat;

    *format = -1;
    int rc = mdb_stat(txn, self->dbi, &stat);
    if (rc)
        return explain(rc, options, "reading", problem);
    self->sums = true;
    if (stat.ms_entries == 0 && !options->read_only)
        return 0;
    rc = mdb_get(txn, self->dbi, &key, &value);
    if (rc == MDB_NOTFOUND)
        return refuse_foreign(options, (struct str){NULL, 0}, problem);
    if (rc)
        return explain(rc, options, "reading", problem);
    struct str text = owner_of(self, value);
    if (!str_is(text, options->application))
        return refuse_foreign(options, text, problem);
    key = kv_lmdb_val(format_key);
    rc = mdb_get(txn, self->dbi, &key, &value);
    text = rc ? (struct str){NULL, 0} : kv_lmdb_str(value);
    if (rc || kv_lmdb_unwrap(self, format_key, &text) || !str_to_i64(text, format))
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
    struct buf owner = {0};

    buf_i64(&format, options->format);
    if (self->sums)
        buf_add(&owner, KV_LMDB_MARK);
    buf_add(&owner, str_of(options->application));
    int rc = format.failed || owner.failed ? ENOMEM : mdb_txn_begin(self->env, NULL, 0, &txn);
    if (rc == 0)
        rc = kv_lmdb_put(self, txn, KV_LMDB_OWNER_KEY, buf_str(&owner));
    if (rc == 0)
        rc = kv_lmdb_put(self, txn, format_key, buf_str(&format));
    if (rc == 0)
        rc = kv_lmdb_note_commit(self, txn);
    if (rc == 0)
        rc = mdb_txn_commit(txn);
    else if (txn)
        mdb_txn_abort(txn);
    buf_free(&format);
    buf_free(&owner);
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

    int error = options->read_only ? OK : kv_lmdb_verify(options->path, problem);
    if (error)
        return error;
    int rc = open_env(self, options);
    if (rc)
        return explain(rc, options, "opening", problem);
    error = open_data(self, options, &format, problem);
    if (!error && !self->sums)
        log_warning("the store was made by an earlier version: damage to it may go unnoticed",
                    LOG_T("file", options->path));
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
