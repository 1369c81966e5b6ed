#include "kv_changes.h"

#include "errors.h"

enum { FIRST_ITEMS = 32 };

static struct kv_entry *next_item(struct kv_changes *changes)
{
    if (changes->failed)
        return NULL;
    if (changes->n == changes->cap) {
        size_t cap = changes->cap ? changes->cap * 2 : FIRST_ITEMS;
        struct kv_entry *items = ARENA_ARRAY(changes->arena, struct kv_entry, cap);
        if (!items) {
            changes->failed = true;
            return NULL;
        }
        if (changes->n)
            memcpy(items, changes->items, changes->n * sizeof(*items));
        changes->items = items;
        changes->cap = cap;
    }
    return &changes->items[changes->n++];
}

void kv_changes_put(struct kv_changes *changes, struct str key, struct str value)
{
    struct kv_entry *item = next_item(changes);

    if (item)
        *item = (struct kv_entry){.key = key, .value = value};
}

void kv_changes_remove(struct kv_changes *changes, struct str key)
{
    struct kv_entry *item = next_item(changes);

    if (item)
        *item = (struct kv_entry){.key = key, .remove = true};
}

int kv_changes_commit(const struct kv_changes *changes, struct kv *kv)
{
    return changes->failed ? E_MEMORY : kv->commit(kv, changes->items, changes->n);
}
