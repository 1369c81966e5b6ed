#include "stock_repo_kv.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "kv_changes.h"
#include "log.h"
#include "outbox_kv.h"
#include "stock_records.h"

enum {
    STOP = -1,       /* from a scan's callback: enough; never an errors.h code */
    TIDY_MOST = 1000 /* things removed in one commit: a bite, so that nobody waits long behind it */
};

struct stock_repo_kv {
    struct stock_repo repo;
    struct kv *kv;
    struct stock_retention retention;
};

static struct stock_repo_kv *of(struct stock_repo *repo)
{
    return CONTAINER_OF(repo, struct stock_repo_kv, repo);
}

/* ---- find and load ---- */

static int load_all(struct kv *kv, struct kv_entry *entries, size_t n, struct arena *arena)
{
    for (size_t i = 0; i < n; i++) {
        if (!entries[i].key.p)
            return E_MEMORY;
    }
    return n ? kv->load(kv, entries, n, arena) : OK;
}

static int take_names(struct stock_batch *batch, const struct kv_entry *entries)
{
    for (size_t i = 0; i < batch->names.n; i++) {
        struct stock_name_entry *name = &batch->name_entries[i];
        name->known = entries[i].found;
        if (entries[i].found && !stock_number_of_value(entries[i].value, &name->stock_id))
            return E_CORRUPT;
    }
    return OK;
}

static int take_reservations(struct stock_batch *batch, const struct kv_entry *entries)
{
    for (size_t i = 0; i < batch->reservations.n; i++) {
        struct reservation *reservation = &batch->reservation_entries[i].reservation;
        reservation->id = batch->reservations.text[i];
        if (entries[i].found && !stock_reservation_of_value(entries[i].value, reservation))
            return E_CORRUPT;
    }
    return OK;
}

static int find(struct stock_repo *self, struct stock_batch *batch)
{
    struct kv *kv = of(self)->kv;
    struct arena *arena = batch->base.arena;
    size_t names = batch->names.n;
    size_t n = names + batch->reservations.n;
    struct kv_entry *entries = ARENA_ARRAY(arena, struct kv_entry, n + 1);

    if (!entries)
        return E_MEMORY;
    for (size_t i = 0; i < names; i++)
        entries[i].key = stock_text_key(arena, STOCK_NAME_PREFIX, batch->names.text[i]);
    for (size_t i = names; i < n; i++)
        entries[i].key = stock_text_key(arena, STOCK_RESERVATION_PREFIX, batch->reservations.text[i - names]);
    int rc = load_all(kv, entries, n, arena);
    if (!rc)
        rc = take_names(batch, entries);
    if (!rc)
        rc = take_reservations(batch, entries + names);
    return rc ? rc : outbox_kv_find_keys(kv, batch->base.records, batch->base.keys.n, arena);
}

static int load(struct stock_repo *self, struct stock_batch *batch)
{
    struct arena *arena = batch->base.arena;
    size_t n = batch->n_loaded;
    struct kv_entry *entries = ARENA_ARRAY(arena, struct kv_entry, n + 1);

    if (!entries)
        return E_MEMORY;
    for (size_t i = 0; i < n; i++)
        entries[i].key = stock_number_key(arena, STOCK_ITEM_PREFIX, batch->stocks.number[i]);
    int rc = load_all(of(self)->kv, entries, n, arena);
    for (size_t i = 0; i < n && !rc; i++) {
        struct stock *stock = &batch->entries[i].stock;
        stock->id = batch->stocks.number[i];
        if (entries[i].found && !stock_row_of_value(entries[i].value, stock))
            rc = E_CORRUPT;
    }
    return rc;
}

/* ---- commit ---- */

static void put(struct kv_changes *changes, struct str key, struct str value)
{
    changes->failed |= !key.p || !value.p;
    if (!changes->failed)
        kv_changes_put(changes, key, value);
}

static void write_names(struct kv_changes *changes, const struct stock_batch *batch)
{
    for (size_t i = 0; i < batch->names.n; i++) {
        if (batch->name_entries[i].changed)
            put(changes, stock_text_key(changes->arena, STOCK_NAME_PREFIX, batch->names.text[i]),
                stock_number_value(changes->arena, batch->name_entries[i].stock_id));
    }
}

/* New rows come in the order of their ids: the last one has the highest. */
static void write_rows(struct kv_changes *changes, const struct stock_batch *batch)
{
    int64_t newest = 0;

    for (size_t i = 0; i < batch->stocks.n; i++) {
        const struct stock *stock = &batch->entries[i].stock;
        if (!batch->entries[i].changed)
            continue;
        put(changes, stock_number_key(changes->arena, STOCK_ITEM_PREFIX, stock->id),
            stock_row_value(changes->arena, stock));
        if (i >= batch->n_loaded)
            newest = stock->id;
    }
    if (newest)
        put(changes, STOCK_LAST_ID_KEY, stock_number_value(changes->arena, newest));
}

/* Reservations, and one entry that says which of them changed at this moment: a row each would cost as much as the
 * reservation. */
static void write_reservations(struct kv_changes *changes, const struct stock_batch *batch)
{
    size_t room = 0, used = 0;

    for (size_t i = 0; i < batch->reservations.n; i++)
        room += batch->reservations.text[i].n + 1;
    char *ids = arena_alloc(changes->arena, room + 1);
    if (!ids)
        changes->failed = true;
    for (size_t i = 0; i < batch->reservations.n && !changes->failed; i++) {
        const struct reservation *reservation = &batch->reservation_entries[i].reservation;
        if (!batch->reservation_entries[i].changed)
            continue;
        put(changes, stock_text_key(changes->arena, STOCK_RESERVATION_PREFIX, reservation->id),
            stock_reservation_value(changes->arena, reservation));
        memcpy(ids + used, reservation->id.p, reservation->id.n);
        used += reservation->id.n + 1; /* the arena's bytes are zero */
    }
    if (used)
        put(changes, stock_number_key(changes->arena, STOCK_MOMENT_PREFIX, batch->moment), (struct str){ids, used});
}

static int commit(struct stock_repo *self, struct stock_batch *batch)
{
    struct kv_changes changes = {.arena = batch->base.arena};
    struct outbox_write write = batch_write(&batch->base);

    write.now = batch->moment;
    write_names(&changes, batch);
    write_rows(&changes, batch);
    write_reservations(&changes, batch);
    int rc = outbox_kv_write(&changes, &write);
    if (rc)
        return rc;
    return changes.n || changes.failed ? kv_changes_commit(&changes, of(self)->kv) : OK;
}

/* ---- tidy ---- */

struct tidying {
    struct kv_changes *changes;
    int64_t before;
    struct kv_entry *candidates; /* reservations of the entries removed */
    size_t n, most;
};

static int add_candidates(struct tidying *tidying, struct str ids)
{
    struct arena *arena = tidying->changes->arena;

    while (ids.n) {
        struct str rest, id = str_split(ids, '\0', &rest);
        if (tidying->n == tidying->most) {
            struct kv_entry *more = ARENA_ARRAY(arena, struct kv_entry, tidying->most * 2);
            if (!more)
                return E_MEMORY;
            memcpy(more, tidying->candidates, tidying->n * sizeof(*more));
            tidying->candidates = more;
            tidying->most *= 2;
        }
        tidying->candidates[tidying->n++].key = stock_text_key(arena, STOCK_RESERVATION_PREFIX, id);
        ids = rest;
    }
    return OK;
}

static int on_moment(void *context, struct str key, struct str value)
{
    struct tidying *tidying = context;
    int64_t moment;

    if (!stock_number_of_key(key, STOCK_MOMENT_PREFIX, &moment))
        return E_CORRUPT;
    if (moment >= tidying->before)
        return STOP;
    struct str copy = arena_copy(tidying->changes->arena, key);
    if (!copy.p)
        return E_MEMORY;
    kv_changes_remove(tidying->changes, copy);
    int rc = add_candidates(tidying, value);
    return !rc && tidying->n >= TIDY_MOST ? STOP : rc;
}

/* One that changed again since is in a later entry too, and goes with that. */
static int remove_reservations(struct stock_repo_kv *self, struct kv_changes *changes, int64_t now)
{
    struct tidying tidying = {.changes = changes, .before = now - self->retention.reservations, .most = TIDY_MOST};

    if (self->retention.reservations == 0)
        return OK;
    tidying.candidates = ARENA_ARRAY(changes->arena, struct kv_entry, tidying.most);
    if (!tidying.candidates)
        return E_MEMORY;
    int rc = self->kv->scan(self->kv, STOCK_MOMENT_PREFIX, STR(""), SIZE_MAX, on_moment, &tidying);
    if (!rc || rc == STOP)
        rc = load_all(self->kv, tidying.candidates, tidying.n, changes->arena);
    for (size_t i = 0; i < tidying.n && !rc; i++) {
        struct reservation reservation;
        if (!tidying.candidates[i].found)
            continue;
        if (!stock_reservation_of_value(tidying.candidates[i].value, &reservation))
            rc = E_CORRUPT;
        else if (reservation.changed_at < tidying.before)
            kv_changes_remove(changes, tidying.candidates[i].key);
    }
    return rc;
}

static bool tidy(struct stock_repo *self, int64_t now)
{
    struct stock_repo_kv *repo = of(self);
    int64_t keys_before = repo->retention.keys ? now - repo->retention.keys : 0;
    int64_t outbox_before = repo->retention.outbox ? now - repo->retention.outbox : 0;
    struct arena arena;
    struct kv_changes changes = {.arena = &arena};

    arena_init(&arena, 64 * (size_t)1024);
    int rc = remove_reservations(repo, &changes, now);
    if (!rc)
        rc = outbox_kv_expire(repo->kv, &changes, keys_before, outbox_before,
                              repo->retention.relayed ? *repo->retention.relayed : UINT64_MAX, TIDY_MOST);
    if (!rc && (changes.n || changes.failed))
        rc = kv_changes_commit(&changes, repo->kv);
    bool more = !rc && changes.n >= TIDY_MOST;
    arena_free(&arena);
    if (rc)
        log_warning("what is too old could not be removed", LOG_T("reason", error_text(rc)));
    return more;
}

/* ---- restore ---- */

static int on_last_moment(void *context, struct str key, struct str value)
{
    UNUSED(value);
    return stock_number_of_key(key, STOCK_MOMENT_PREFIX, context) ? OK : E_CORRUPT;
}

static int on_last_id(void *context, struct str key, struct str value)
{
    UNUSED(key);
    return stock_number_of_value(value, context) ? OK : E_CORRUPT;
}

static int restore(struct stock_repo *self, int64_t *last_id, uint64_t *last_position, int64_t *last_moment,
                   struct cursors *cursors)
{
    struct kv *kv = of(self)->kv;
    int64_t newest = 0;

    *last_id = 0;
    *last_moment = 0;
    int rc = kv->last(kv, STOCK_LAST_ID_KEY, on_last_id, last_id);
    if (!rc)
        rc = kv->last(kv, STOCK_MOMENT_PREFIX, on_last_moment, last_moment);
    if (!rc)
        rc = outbox_kv_newest(kv, &newest);
    if (newest > *last_moment)
        *last_moment = newest;
    return rc ? rc : outbox_kv_restore(kv, last_position, cursors);
}

struct stock_repo *stock_repo_kv_new(struct kv *kv, const struct stock_retention *retention)
{
    struct stock_repo_kv *self = heap_alloc(sizeof(*self));

    if (!self)
        return NULL;
    *self = (struct stock_repo_kv){
        .repo = {.find = find, .load = load, .commit = commit, .tidy = tidy, .restore = restore},
        .kv = kv,
        .retention = *retention,
    };
    return &self->repo;
}

void stock_repo_kv_free(struct stock_repo *repo)
{
    if (repo)
        heap_free(of(repo));
}
