#include "outbox_kv.h"

#include "base.h"
#include "errors.h"
#include "outbox_kv_row.h"

enum { STOP = -1 }; /* from a scan's callback: enough; never an errors.h code */

static int add(struct kv_changes *changes, struct str key, struct str value)
{
    if (!key.p || !value.p)
        changes->failed = true;
    if (key.n > KV_KEY_MAX)
        return E_TOO_LARGE;
    kv_changes_put(changes, key, value);
    return changes->failed ? E_MEMORY : 0;
}

/* --- writing --- */

static int write_batch(struct kv_changes *changes, const struct outbox *outbox, int64_t now)
{
    uint64_t last = outbox->first + outbox->count - 1;
    struct str frames = buf_str(&outbox->frames);
    size_t n = (size_t)3 * ROW_NUMBER + frames.n;
    char *p = outbox->frames.failed ? NULL : arena_alloc(changes->arena, n);
    struct row_place at = {p};

    if (p) {
        row_put_number(&at, outbox->first);
        row_put_number(&at, outbox->count);
        row_put_number(&at, (uint64_t)now);
        row_put_text(&at, frames);
    }
    return add(changes, row_key(changes->arena, STR("outbox/"), &last, STR("")), (struct str){p, n});
}

static int write_cursors(struct kv_changes *changes, const struct cursors *cursors)
{
    int error = 0;

    for (size_t i = 0; i < cursors->n && !error; i++) {
        struct str epoch = row_key(changes->arena, STR(""), &cursors->epoch[i], STR(""));
        error = add(changes, row_key(changes->arena, STR("cursor/"), NULL, str_of(cursors->source[i])),
                    row_key(changes->arena, STR(""), &cursors->position[i], epoch));
    }
    return error;
}

static struct str key_value(struct arena *arena, const struct idempotency_record *record, int64_t now)
{
    size_t n = (size_t)4 * ROW_NUMBER + record->location.n + record->body.n;
    char *p = arena_alloc(arena, n);
    struct row_place at = {p};

    if (!p)
        return (struct str){NULL, 0};
    row_put_number(&at, record->fingerprint);
    row_put_number(&at, (uint64_t)record->status);
    row_put_number(&at, (uint64_t)now);
    row_put_number(&at, record->location.n);
    row_put_text(&at, record->location);
    row_put_text(&at, record->body);
    return (struct str){p, n};
}

static int write_key(struct kv_changes *changes, const struct idempotency_record *record, int64_t now)
{
    struct arena *arena = changes->arena;
    uint64_t moment = (uint64_t)now;
    struct str expiry = row_key(arena, STR("keyat/"), &moment, row_key(arena, STR("/"), NULL, record->key));

    int error = add(changes, expiry, STR(""));
    return error ? error : add(changes, row_key(arena, STR("key/"), NULL, record->key), key_value(arena, record, now));
}

static int write_dead(struct kv_changes *changes, const struct dead_letter *dead, int64_t wall)
{
    struct arena *arena = changes->arena;
    struct str where = row_key(arena, dead->source, NULL, STR("/"));
    struct str key = row_key(arena, STR("dead/"), NULL, row_key(arena, where, &dead->position, STR("")));
    size_t n = (size_t)2 * ROW_NUMBER + dead->reason.n + dead->frame.n;
    char *p = arena_alloc(arena, n);
    struct row_place at = {p};

    if (p) {
        row_put_number(&at, (uint64_t)wall);
        row_put_number(&at, dead->reason.n);
        row_put_text(&at, dead->reason);
        row_put_text(&at, dead->frame);
    }
    return add(changes, key, (struct str){p, n});
}

int outbox_kv_write(struct kv_changes *changes, const struct outbox_write *write)
{
    int error = 0;

    ASSERT(write->now >= 0);
    if (write->outbox && write->outbox->count)
        error = write_batch(changes, write->outbox, write->now);
    if (!error && write->cursors && write->cursors_moved)
        error = write_cursors(changes, write->cursors);
    for (size_t i = 0; i < write->n_records && !error; i++)
        error = write_key(changes, &write->records[i], write->now);
    for (size_t i = 0; i < write->n_dead && !error; i++)
        error = write_dead(changes, &write->dead[i], write->wall);
    return error;
}

/* --- reading batches --- */

struct stored_batch {
    uint64_t first;
    uint64_t count;
    uint64_t at;
    struct str frames;
};

static bool batch_of(struct str value, struct stored_batch *batch)
{
    bool whole = row_take_number(&value, &batch->first) && row_take_number(&value, &batch->count) &&
                 row_take_number(&value, &batch->at);

    batch->frames = value;
    return whole && batch->first && batch->count;
}

static int take_last(void *context, struct str key, struct str value)
{
    struct stored_batch batch;
    uint64_t *last = context;

    UNUSED(key);
    if (!batch_of(value, &batch))
        return E_CORRUPT;
    *last = batch.first + batch.count - 1;
    return 0;
}

static int take_first(void *context, struct str key, struct str value)
{
    struct stored_batch batch;
    uint64_t *first = context;

    UNUSED(key);
    if (!batch_of(value, &batch))
        return E_CORRUPT;
    *first = batch.first;
    return 0;
}

static int restore_cursors(struct kv *kv, struct cursors *cursors, struct arena *arena)
{
    struct kv_entry entries[CURSOR_MAX_SOURCES];

    ASSERT(cursors->n <= CURSOR_MAX_SOURCES);
    for (size_t i = 0; i < cursors->n; i++) {
        entries[i] = (struct kv_entry){.key = row_key(arena, STR("cursor/"), NULL, str_of(cursors->source[i]))};
        if (!entries[i].key.p)
            return E_MEMORY;
    }
    int error = kv->load(kv, entries, cursors->n, arena);
    for (size_t i = 0; i < cursors->n && !error; i++) {
        cursors->position[i] = 0;
        cursors->epoch[i] = EPOCH_UNKNOWN;
        if (entries[i].found && !row_take_number(&entries[i].value, &cursors->position[i]))
            error = E_CORRUPT;
        if (!error && entries[i].value.n && !row_take_number(&entries[i].value, &cursors->epoch[i]))
            error = E_CORRUPT;
    }
    return error;
}

int outbox_kv_restore(struct kv *kv, uint64_t *last, struct cursors *cursors)
{
    struct arena arena;

    *last = 0;
    int error = kv->last(kv, STR("outbox/"), take_last, last);
    if (error || !cursors)
        return error;
    arena_init(&arena, 0);
    error = restore_cursors(kv, cursors, &arena);
    arena_free(&arena);
    return error;
}

static int take_batch_moment(void *context, struct str key, struct str value)
{
    struct stored_batch batch;

    UNUSED(key);
    if (!batch_of(value, &batch))
        return E_CORRUPT;
    *(int64_t *)context = (int64_t)batch.at;
    return 0;
}

static int take_key_moment(void *context, struct str key, struct str value)
{
    struct str rest = {key.p + sizeof("keyat/") - 1, key.n - (sizeof("keyat/") - 1)};
    uint64_t at = 0;

    UNUSED(value);
    if (!row_take_number(&rest, &at))
        return E_CORRUPT;
    *(int64_t *)context = (int64_t)at;
    return 0;
}

int outbox_kv_newest(struct kv *kv, int64_t *moment)
{
    int64_t batch = 0, key = 0;

    int error = kv->last(kv, STR("outbox/"), take_batch_moment, &batch);
    if (!error)
        error = kv->last(kv, STR("keyat/"), take_key_moment, &key);
    *moment = batch > key ? batch : key;
    return error;
}

/* --- epochs --- */

static int take_epoch(void *context, struct str key, struct str value)
{
    struct feed_epoch epoch;

    UNUSED(key);
    if (!row_take_number(&value, &epoch.number) || !row_take_number(&value, &epoch.after))
        return E_CORRUPT;
    return feed_history_add(context, epoch);
}

static int add_epoch(struct kv *kv, struct feed_epoch epoch, uint64_t n)
{
    struct arena arena;
    struct kv_changes changes = {.arena = &arena};

    arena_init(&arena, 0);
    struct str after = row_key(&arena, STR(""), &epoch.after, STR(""));
    int error =
        add(&changes, row_key(&arena, STR("epoch/"), &n, STR("")), row_key(&arena, STR(""), &epoch.number, after));
    if (!error)
        error = kv_changes_commit(&changes, kv);
    arena_free(&arena);
    return error;
}

int outbox_kv_begin_epoch(struct kv *kv, uint64_t number, struct feed_history *history)
{
    struct feed_epoch epoch = {.number = number};

    int error = kv->scan(kv, STR("epoch/"), STR(""), SIZE_MAX, take_epoch, history);
    if (error || number == EPOCH_UNKNOWN)
        return error;
    error = kv->last(kv, STR("outbox/"), take_last, &epoch.after);
    if (!error)
        error = add_epoch(kv, epoch, history->n + 1);
    return error ? error : feed_history_add(history, epoch);
}

struct reading {
    size_t enough;
    struct buf *frames;
    uint64_t first; /* of the first batch read; 0: none yet */
};

static int take_batch(void *context, struct str key, struct str value)
{
    struct reading *reading = context;
    struct stored_batch batch;

    UNUSED(key);
    if (!batch_of(value, &batch))
        return E_CORRUPT;
    if (!reading->first)
        reading->first = batch.first;
    buf_add(reading->frames, batch.frames);
    if (reading->frames->failed)
        return E_MEMORY;
    return reading->frames->n >= reading->enough ? STOP : 0;
}

int outbox_kv_read(struct kv *kv, uint64_t after, size_t enough, struct buf *frames, uint64_t *oldest)
{
    struct reading reading = {enough, frames, 0};
    char from[sizeof("outbox/") - 1 + ROW_NUMBER];
    struct row_place at = {from};

    *oldest = 0;
    int error = kv->scan(kv, STR("outbox/"), STR(""), 1, take_first, oldest);
    if (error || after == UINT64_MAX)
        return error;
    row_put_text(&at, STR("outbox/"));
    row_put_number(&at, after + 1);
    error = kv->scan(kv, STR("outbox/"), (struct str){from, sizeof(from)}, SIZE_MAX, take_batch, &reading);
    if (reading.first > after + 1 && reading.first > *oldest)
        *oldest = reading.first; /* what was the oldest has expired between the two looks */
    return error == STOP ? 0 : error;
}

/* --- idempotency keys --- */

static int take_record(const struct kv_entry *entry, struct idempotency_record *record)
{
    struct str rest = entry->value;
    uint64_t status = 0;
    uint64_t at = 0;
    uint64_t n = 0;

    record->found = entry->found;
    if (!entry->found)
        return 0;
    if (!row_take_number(&rest, &record->fingerprint) || !row_take_number(&rest, &status) ||
        !row_take_number(&rest, &at) || !row_take_number(&rest, &n) || !row_take_text(&rest, n, &record->location))
        return E_CORRUPT;
    record->status = (int64_t)status;
    record->body = rest;
    return 0;
}

int outbox_kv_find_keys(struct kv *kv, struct idempotency_record *records, size_t n, struct arena *arena)
{
    if (n == 0)
        return 0;
    struct kv_entry *entries = ARENA_ARRAY(arena, struct kv_entry, n);
    if (!entries)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        entries[i].key = row_key(arena, STR("key/"), NULL, records[i].key);
        if (!entries[i].key.p)
            return E_MEMORY;
    }
    int error = kv->load(kv, entries, n, arena);
    for (size_t i = 0; i < n && !error; i++)
        error = take_record(&entries[i], &records[i]);
    return error;
}

/* --- forgetting --- */

struct expiring {
    struct kv_changes *changes;
    uint64_t before;
    uint64_t newest; /* the last position: its batch stays */
    uint64_t up_to;
};

static int remove_copy(struct kv_changes *changes, struct str prefix, struct str rest)
{
    struct str key = row_key(changes->arena, prefix, NULL, rest);

    if (!key.p)
        return E_MEMORY;
    kv_changes_remove(changes, key);
    return changes->failed ? E_MEMORY : 0;
}

static int expire_key(void *context, struct str key, struct str value)
{
    struct expiring *expiring = context;
    struct str rest = {key.p + sizeof("keyat/") - 1, key.n - (sizeof("keyat/") - 1)};
    uint64_t at = 0;
    struct str slash;

    UNUSED(value);
    if (!row_take_number(&rest, &at) || !row_take_text(&rest, 1, &slash))
        return E_CORRUPT;
    if (at >= expiring->before)
        return STOP;
    int error = remove_copy(expiring->changes, STR(""), key);
    return error ? error : remove_copy(expiring->changes, STR("key/"), rest);
}

static int expire_batch(void *context, struct str key, struct str value)
{
    struct expiring *expiring = context;
    struct stored_batch batch;

    if (!batch_of(value, &batch))
        return E_CORRUPT;
    if (batch.at >= expiring->before || batch.first + batch.count - 1 >= expiring->newest ||
        batch.first + batch.count - 1 > expiring->up_to)
        return STOP;
    return remove_copy(expiring->changes, STR(""), key);
}

int outbox_kv_expire(struct kv *kv, struct kv_changes *changes, int64_t keys_before, int64_t batches_before,
                     uint64_t up_to, size_t limit)
{
    struct expiring keys = {.changes = changes, .before = (uint64_t)keys_before};
    struct expiring batches = {.changes = changes, .before = (uint64_t)batches_before, .up_to = up_to};
    int error = 0;

    if (keys_before > 0)
        error = kv->scan(kv, STR("keyat/"), STR(""), limit, expire_key, &keys);
    if ((error && error != STOP) || batches_before <= 0)
        return error == STOP ? 0 : error;
    error = kv->last(kv, STR("outbox/"), take_last, &batches.newest);
    if (!error)
        error = kv->scan(kv, STR("outbox/"), STR(""), limit, expire_batch, &batches);
    return error == STOP ? 0 : error;
}
