/** kv.h: the port to a key-value store, shaped for batches: load many, then commit many, all or nothing.
 *
 *  Keys sort bytewise; a context prefixes them ("item/", "reservation/"). Adapters: kv_lmdb.c (embedded default,
 * durable commit), kv_redis.h. Keys have 1 to KV_KEY_MAX bytes and don't start with NUL (those are the adapter's own).
 * The writer thread uses load() and commit(); any number of readers use scan() and last(). Errors: E_FULL,
 * E_UNAVAILABLE, E_CORRUPT, E_MEMORY, E_TOO_LARGE (a key, or more in one commit than it can hold).
 *
 *  E_OUTCOME_UNKNOWN (from commit(), or from load() after it): it can't be told whether what commit() was to write is
 * on the disk. Nothing may be done with the store any more but to close it; opened again, it shows the truth, and that
 * is durable (docs/adr/0031).
 */
#ifndef COFFEESHOP_KV_H
#define COFFEESHOP_KV_H

#include "arena.h"
#include "buf.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KV_KEY_MAX = 511 };

/** Where an import that has begun to fill a store leaves its mark until it has finished (kernel/archive). Who opens a
 * marked store without saying that it imports is refused with E_FOREIGN. */
#define KV_IMPORT_KEY STR("import")

/** Where a store keeps of how many cells its shop is made (kv_cells_keep()); not for an archive either. */
#define KV_CELLS_KEY STR("cells")

struct kv_entry {
    struct str key;
    struct str value; /* load: filled in ({NULL,0} when missing), lives in the arena given */
    bool found;       /* load */
    bool remove;      /* commit: delete the key */
};

typedef int kv_on_entry(void *context, struct str key, struct str value); /* non-zero stops */

struct kv_options {
    const char *path;        /* LMDB: the directory's file */
    const char *application; /* refused when the store was made for another */
    int format;              /* the schema's version; an older one is handed to `migrate`, a newer one refused */
    /** `context` is the store itself (struct kv *), open and writable. The new format is noted after it returned 0:
     * after a crash in between it is called again, so it has to bear that. Any errors.h code ends the opening. */
    int (*migrate)(void *context, int from);
    int64_t map_size; /* LMDB: most bytes in use; beyond it a commit that puts anything is E_FULL (one that only removes
                         goes through) */
    bool read_only;
    bool importing; /* a store that an import has begun to fill is opened, not refused */
};

struct kv {
    /** One consistent view for all entries. */
    int (*load)(struct kv *self, struct kv_entry *entries, size_t n, struct arena *arena);
    /** All or nothing, durable when it returns 0. Nothing is changed otherwise, but with E_OUTCOME_UNKNOWN. */
    int (*commit)(struct kv *self, const struct kv_entry *entries, size_t n);
    /** Entries whose key starts with `prefix` and is >= `from` (empty: the start), in order, at most `limit`. One
     * consistent view; any thread. */
    int (*scan)(struct kv *self, struct str prefix, struct str from, size_t limit, kv_on_entry *on_entry,
                void *context);
    /** The last entry whose key starts with `prefix`; on_entry is called once or never. */
    int (*last)(struct kv *self, struct str prefix, kv_on_entry *on_entry, void *context);
    /** A durable commit of one small entry of the adapter's own: whether commits succeed at all. Writer thread. */
    int (*probe)(struct kv *self);
    /** To be called about once a second, by any thread; takes microseconds. 0, or E_NOT_FOUND when the open file isn't
     * the one any more that its name stands for: what is committed from then on is lost with the process (of a server:
     * when it has lost what was committed). E_CONFLICT when somebody else has opened it since. E_CORRUPT
     * when an entry was met that isn't what was written, for good. Frees what readers of other processes hold that were
     * killed: their snapshots would keep old pages from being used again, and the file would grow. */
    int (*check)(struct kv *self);
    /** Whether the server that it is on answers, and has what was committed. After E_OUTCOME_UNKNOWN: whether it can be
     * asked again. NULL: it is on none. Writer thread; may wait as commit() does. */
    int (*look)(struct kv *self);
    void (*close)(struct kv *self);
};

/** Opens or makes the file (and `path`-lock beside it) and checks that it is ours. NULL on failure, with a sentence in
 * `problem` that says what is wrong and what to do, and *error set: E_FOREIGN, E_NEWER, E_CORRUPT, E_FULL, E_SYSTEM, or
 * what `migrate` returned. A file can be open once per process. */
struct kv *kv_lmdb_open(const struct kv_options *options, struct buf *problem, int *error);

#endif
