/** kv_lmdb_internal.h: what the files of the LMDB adapter share. Not for others. */
#ifndef COFFEESHOP_KV_LMDB_INTERNAL_H
#define COFFEESHOP_KV_LMDB_INTERNAL_H

#include "kv.h"
#include "log.h"

#include <lmdb.h>
#include <stdatomic.h>

struct kv_lmdb {
    struct kv port;
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *reading;       /* load()'s: reset between calls, so that renewing it costs no lock */
    struct log_reason told; /* LMDB's result said last in the log */
    bool sums;              /* values carry checksums; those of stores from before there were any don't */
    _Atomic bool damaged;   /* met; said by check() */
    size_t most_pages; /* in use; the map has a reserve above it, without which a full store could not even delete */
};

/** The errors.h code for an LMDB or errno result. */
int kv_lmdb_error_of(int rc);
/** The same, and a line in the log unless it is the one said before. Any thread. */
int kv_lmdb_report(struct kv_lmdb *self, int rc, const char *doing);
/** Takes the checksum off what was stored under the key. E_CORRUPT, and a line in the log, when it isn't what was
 * written. Any thread. */
int kv_lmdb_unwrap(struct kv_lmdb *self, struct str key, struct str *value);
/** mdb_put with a checksum behind the value. */
int kv_lmdb_put(struct kv_lmdb *self, MDB_txn *txn, struct str key, struct str value);
/** Notes in the store, where its values have checksums, which transaction it was committed by last. */
int kv_lmdb_note_commit(struct kv_lmdb *self, MDB_txn *txn);
/** Whether EIO may well mean a full disk: LMDB says so when a write was cut short. */
bool kv_lmdb_has_no_room(struct kv_lmdb *self);
/** Opens env and dbi as `options` ask, checks whose store it is; the format is brought up to date with
 * options->migrate. */
int kv_lmdb_set_up(struct kv_lmdb *self, const struct kv_options *options, struct buf *problem);

/* LMDB's value isn't const, though nothing that goes in is written to. */
static inline MDB_val kv_lmdb_val(struct str text)
{
    MDB_val val = {.mv_size = text.n};

    memcpy(&val.mv_data, &text.p, sizeof(text.p));
    return val;
}

static inline struct str kv_lmdb_str(MDB_val val)
{
    return (struct str){val.mv_data, val.mv_size};
}

#endif
