/* Names that lie under a key of an older version: see stock_repo_kv.h. */
#include "base.h"
#include "errors.h"
#include "kv_changes.h"
#include "stock_records.h"
#include "stock_repo_kv.h"
#include "text.h"

struct renaming {
    struct kv_changes changes;
    struct kv_entry *wanted; /* the new keys, and who has them */
    struct str *values;      /* what lies under the old ones */
    size_t n, room;
};

static bool make_room(struct renaming *renaming)
{
    struct arena *arena = renaming->changes.arena;

    if (renaming->n < renaming->room)
        return true;
    size_t room = renaming->room ? renaming->room * 2 : 16;
    struct kv_entry *wanted = ARENA_ARRAY(arena, struct kv_entry, room);
    struct str *values = ARENA_ARRAY(arena, struct str, room);
    if (!wanted || !values)
        return false;
    for (size_t i = 0; i < renaming->n; i++) {
        wanted[i] = renaming->wanted[i];
        values[i] = renaming->values[i];
    }
    renaming->wanted = wanted;
    renaming->values = values;
    renaming->room = room;
    return true;
}

static int on_name(void *context, struct str key, struct str value)
{
    struct renaming *renaming = context;
    struct arena *arena = renaming->changes.arena;
    struct str prefix = STOCK_NAME_PREFIX;
    struct str name = {key.p + prefix.n, key.n - prefix.n};

    if (text_is_ascii(name))
        return OK;
    struct str folded = text_fold(arena, name);
    if (!folded.p)
        return E_MEMORY;
    if (str_eq(folded, name))
        return OK;
    struct str old = arena_copy(arena, key), wanted = stock_text_key(arena, prefix, folded);
    struct str kept = arena_copy(arena, value);
    if (!old.p || !wanted.p || !kept.p || !make_room(renaming))
        return E_MEMORY;
    kv_changes_remove(&renaming->changes, old);
    renaming->wanted[renaming->n].key = wanted;
    renaming->values[renaming->n++] = kept;
    return OK;
}

static bool is_taken(const struct renaming *renaming, size_t at)
{
    int64_t id = 0;

    if (renaming->wanted[at].found && stock_number_of_value(renaming->wanted[at].value, &id) && id)
        return true;
    for (size_t i = 0; i < at; i++) {
        if (str_eq(renaming->wanted[i].key, renaming->wanted[at].key) &&
            stock_number_of_value(renaming->values[i], &id) && id)
            return true; /* a name that nobody has gives way */
    }
    return false;
}

int stock_repo_kv_rename(struct kv *kv)
{
    struct arena arena;
    struct renaming renaming = {.changes = {.arena = &arena}};

    arena_init(&arena, 0);
    int rc = kv->scan(kv, STOCK_NAME_PREFIX, STR(""), SIZE_MAX, on_name, &renaming);
    if (!rc && renaming.n)
        rc = kv->load(kv, renaming.wanted, renaming.n, &arena);
    for (size_t i = 0; i < renaming.n && !rc; i++) {
        if (!is_taken(&renaming, i))
            kv_changes_put(&renaming.changes, renaming.wanted[i].key, renaming.values[i]);
    }
    if (!rc && renaming.n)
        rc = kv_changes_commit(&renaming.changes, kv);
    arena_free(&arena);
    return rc;
}
