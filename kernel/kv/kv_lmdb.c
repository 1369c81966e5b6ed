#include "kv_lmdb_internal.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "file.h"
#include "kv_import.h"

#include <errno.h>

static struct kv_lmdb *of(struct kv *port)
{
    return CONTAINER_OF(port, struct kv_lmdb, port);
}

static bool is_key(struct str key)
{
    ASSERT(key.n && key.p[0] != '\0');
    return key.n <= KV_KEY_MAX;
}

/* --- load --- */

static int start_reading(struct kv_lmdb *self)
{
    if (self->reading)
        return mdb_txn_renew(self->reading);
    return mdb_txn_begin(self->env, NULL, MDB_RDONLY, &self->reading);
}

static int load_one(struct kv_lmdb *self, struct kv_entry *entry, struct arena *arena)
{
    MDB_val key = kv_lmdb_val(entry->key);
    MDB_val value;

    entry->value = (struct str){NULL, 0};
    entry->found = false;
    if (!is_key(entry->key))
        return E_TOO_LARGE;
    int rc = mdb_get(self->reading, self->dbi, &key, &value);
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc)
        return kv_lmdb_report(self, rc, "load");
    struct str stored = kv_lmdb_str(value);
    int error = kv_lmdb_unwrap(self, entry->key, &stored);
    if (error)
        return error;
    entry->value = arena_copy(arena, stored);
    entry->found = entry->value.p != NULL;
    return entry->found ? 0 : E_MEMORY;
}

/* The writer's failures: after one that LMDB can't undo it does nothing any more (MDB_PANIC). */
static int report_writer(struct kv_lmdb *self, int rc, const char *doing)
{
    int error = kv_lmdb_report(self, rc, doing);

    return rc == MDB_PANIC ? E_OUTCOME_UNKNOWN : error;
}

static int lmdb_load(struct kv *port, struct kv_entry *entries, size_t n, struct arena *arena)
{
    struct kv_lmdb *self = of(port);

    int rc = start_reading(self);
    if (rc)
        return report_writer(self, rc, "load");
    int error = OK;
    for (size_t i = 0; i < n && !error; i++)
        error = load_one(self, &entries[i], arena);
    mdb_txn_reset(self->reading); /* a snapshot held keeps old pages from being used again */
    return error;
}

/* --- commit --- */

/* The pages that the next transaction may use again: LMDB's list of free pages, each record headed by its count. */
static int count_free(MDB_txn *txn, size_t *n)
{
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;

    *n = 0;
    int rc = mdb_cursor_open(txn, 0, &cursor);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        size_t in_record;
        memcpy(&in_record, value.mv_data, sizeof(in_record));
        *n += in_record;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static bool only_removes(const struct kv_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!entries[i].remove)
            return false;
    }
    return true;
}

/* MDB_MAP_FULL when more pages are in use than allowed. Free pages are counted only once the file has got that long. */
static int check_room(struct kv_lmdb *self, const struct kv_entry *entries, size_t n)
{
    MDB_envinfo info;
    size_t n_free = 0;

    mdb_env_info(self->env, &info);
    if (info.me_last_pgno < self->most_pages || only_removes(entries, n))
        return 0;
    int rc = start_reading(self); /* LMDB shows the list to readers only */
    if (rc)
        return rc;
    rc = count_free(self->reading, &n_free);
    mdb_txn_reset(self->reading);
    if (rc)
        return rc;
    return info.me_last_pgno + 1 - n_free > self->most_pages ? MDB_MAP_FULL : 0;
}

static int change_one(struct kv_lmdb *self, MDB_txn *txn, const struct kv_entry *entry)
{
    MDB_val key = kv_lmdb_val(entry->key);

    if (!entry->remove)
        return kv_lmdb_put(self, txn, entry->key, entry->value);
    int rc = mdb_del(txn, self->dbi, &key, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* A transaction ends with the write of its meta page, by which LMDB knows it for committed. If that very write fails,
 * LMDB can't tell any more, and neither can we; all that fails before leaves everything as it was. */
static bool is_lost(struct kv_lmdb *self)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(self->env, NULL, 0, &txn);

    if (rc == 0)
        mdb_txn_abort(txn);
    return rc == MDB_PANIC;
}

static int commit_all(struct kv_lmdb *self, const struct kv_entry *entries, size_t n)
{
    MDB_txn *txn = NULL;

    int rc = mdb_txn_begin(self->env, NULL, 0, &txn);
    if (rc)
        return report_writer(self, rc, "begin");
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = change_one(self, txn, &entries[i]);
    if (rc == 0)
        rc = kv_lmdb_note_commit(self, txn);
    if (rc)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn); /* ends the transaction whatever it returns */
    if (rc == 0)
        return OK;
    if (is_lost(self))
        return report_writer(self, MDB_PANIC, "commit");
    if (rc == EIO && kv_lmdb_has_no_room(self))
        rc = ENOSPC;
    return kv_lmdb_report(self, rc, "commit");
}

static int lmdb_commit(struct kv *port, const struct kv_entry *entries, size_t n)
{
    struct kv_lmdb *self = of(port);

    if (n == 0)
        return OK;
    for (size_t i = 0; i < n; i++) {
        if (!is_key(entries[i].key))
            return kv_lmdb_report(self, MDB_BAD_VALSIZE, "commit");
    }
    int rc = check_room(self, entries, n);
    return rc ? report_writer(self, rc, "begin") : commit_all(self, entries, n);
}

static int lmdb_probe(struct kv *port)
{
    static const struct kv_entry entry = {.key = STR_INIT("\0meta/probe"), .value = STR_INIT("1")};

    return commit_all(of(port), &entry, 1);
}

static int lmdb_check(struct kv *port)
{
    struct kv_lmdb *self = of(port);
    const char *path = NULL;
    int fd = -1;
    int n_dead = 0;

    if (atomic_load_explicit(&self->damaged, memory_order_relaxed))
        return E_CORRUPT;
    (void)mdb_reader_check(self->env, &n_dead); /* what can't be cleared now is cleared in a second */
    if (mdb_env_get_fd(self->env, &fd) != 0 || mdb_env_get_path(self->env, &path) != 0)
        return OK;
    return file_is_still(fd, path) ? OK : E_NOT_FOUND;
}

/* --- scan and last: a snapshot of their own, so any thread may --- */

static int open_snapshot(struct kv_lmdb *self, MDB_txn **txn, MDB_cursor **cursor)
{
    int rc = mdb_txn_begin(self->env, NULL, MDB_RDONLY, txn);
    if (rc)
        return rc;
    rc = mdb_cursor_open(*txn, self->dbi, cursor);
    if (rc)
        mdb_txn_abort(*txn);
    return rc;
}

static void close_snapshot(MDB_txn *txn, MDB_cursor *cursor)
{
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
}

static int walk(struct kv_lmdb *self, MDB_cursor *cursor, struct str prefix, struct str from, size_t limit,
                kv_on_entry *on_entry, void *context)
{
    MDB_val key = kv_lmdb_val(from);
    MDB_val value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

    for (size_t i = 0; i < limit && rc == 0 && str_starts_with(kv_lmdb_str(key), prefix); i++) {
        struct str stored = kv_lmdb_str(value);
        int stopped = kv_lmdb_unwrap(self, kv_lmdb_str(key), &stored);
        if (!stopped)
            stopped = on_entry(context, kv_lmdb_str(key), stored);
        if (stopped)
            return stopped;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : kv_lmdb_report(self, rc, "scan");
}

static int lmdb_scan(struct kv *port, struct str prefix, struct str from, size_t limit, kv_on_entry *on_entry,
                     void *context)
{
    struct kv_lmdb *self = of(port);
    struct str start = str_compare(prefix, from) > 0 ? prefix : from;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;

    if (start.n == 0)
        start = STR("\x01"); /* behind the adapter's own keys */
    if (!is_key(start))
        return E_TOO_LARGE;
    int error = kv_lmdb_report(self, open_snapshot(self, &txn, &cursor), "scan");
    if (error)
        return error;
    error = walk(self, cursor, prefix, start, limit, on_entry, context);
    close_snapshot(txn, cursor);
    return error;
}

/* Onto the last key that starts with `prefix`, or near it: the one before the first that sorts behind them all. */
static int seek_last(MDB_cursor *cursor, struct str prefix, MDB_val *key, MDB_val *value)
{
    unsigned char bound[KV_KEY_MAX];
    size_t n = prefix.n;

    if (n)
        memcpy(bound, prefix.p, n);
    while (n && bound[n - 1] == 0xff)
        n--;
    if (n == 0)
        return mdb_cursor_get(cursor, key, value, MDB_LAST);
    bound[n - 1]++;
    *key = (MDB_val){n, bound};
    int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    return mdb_cursor_get(cursor, key, value, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
}

static int lmdb_last(struct kv *port, struct str prefix, kv_on_entry *on_entry, void *context)
{
    struct kv_lmdb *self = of(port);
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val value;

    if (prefix.n && !is_key(prefix))
        return E_TOO_LARGE;
    int error = kv_lmdb_report(self, open_snapshot(self, &txn, &cursor), "last");
    if (error)
        return error;
    int rc = seek_last(cursor, prefix, &key, &value);
    if (rc == 0 && str_starts_with(kv_lmdb_str(key), prefix) && *(const char *)key.mv_data != '\0') {
        struct str stored = kv_lmdb_str(value);
        error = kv_lmdb_unwrap(self, kv_lmdb_str(key), &stored);
        if (!error)
            error = on_entry(context, kv_lmdb_str(key), stored);
    } else if (rc != MDB_NOTFOUND)
        error = kv_lmdb_report(self, rc, "last");
    close_snapshot(txn, cursor);
    return error;
}

/* --- life --- */

static void lmdb_close(struct kv *port)
{
    struct kv_lmdb *self = of(port);

    if (self->reading)
        mdb_txn_abort(self->reading);
    if (self->env)
        mdb_env_close(self->env);
    heap_free(self);
}

struct kv *kv_lmdb_open(const struct kv_options *options, struct buf *problem, int *error)
{
    struct kv_lmdb *self = heap_alloc(sizeof(*self));

    *error = self ? 0 : E_MEMORY;
    if (!self) {
        buf_printf(problem, "no memory left to open %s", options->path);
        return NULL;
    }
    self->port = (struct kv){.load = lmdb_load,
                             .commit = lmdb_commit,
                             .scan = lmdb_scan,
                             .last = lmdb_last,
                             .probe = lmdb_probe,
                             .check = lmdb_check,
                             .close = lmdb_close};
    *error = kv_lmdb_set_up(self, options, problem);
    if (!*error)
        *error = kv_check_import(&self->port, options->importing, options->path, problem);
    if (*error) {
        lmdb_close(&self->port);
        return NULL;
    }
    return &self->port;
}
