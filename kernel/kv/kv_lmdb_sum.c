#include "kv_lmdb_sum.h"

#include "errors.h"
#include "kv_lmdb_internal.h"
#include "log.h"

int kv_lmdb_unwrap(struct kv_lmdb *self, struct str key, struct str *value)
{
    if (!self->sums || kv_sum_take_off(key, value))
        return OK;
    if (!atomic_exchange_explicit(&self->damaged, true, memory_order_relaxed)) {
        const char *path = NULL;
        (void)mdb_env_get_path(self->env, &path);
        log_error("an entry of the store is damaged: it isn't what was written", LOG_T("file", path),
                  LOG_S("key", key));
    }
    return E_CORRUPT;
}

int kv_lmdb_put(struct kv_lmdb *self, MDB_txn *txn, struct str key, struct str value)
{
    MDB_val name = kv_lmdb_val(key);
    MDB_val room = kv_lmdb_val(value);

    if (!self->sums)
        return mdb_put(txn, self->dbi, &name, &room, 0);
    room = (MDB_val){.mv_size = value.n + KV_SUM};
    int rc = mdb_put(txn, self->dbi, &name, &room, MDB_RESERVE);
    if (rc)
        return rc;
    uint64_t sum = kv_sum_of(key, value);
    char *at = room.mv_data;
    if (value.n)
        memcpy(at, value.p, value.n);
    memcpy(at + value.n, &sum, sizeof(sum));
    return 0;
}

int kv_lmdb_note_commit(struct kv_lmdb *self, MDB_txn *txn)
{
    uint64_t number = mdb_txn_id(txn);

    if (!self->sums)
        return 0;
    return kv_lmdb_put(self, txn, KV_LMDB_COMMIT_KEY, (struct str){(const char *)&number, sizeof(number)});
}
