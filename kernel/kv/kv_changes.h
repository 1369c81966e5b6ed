/** kv_changes.h: what one commit changes, gathered piece by piece, with a sticky error.
 *
 *      struct kv_changes changes = {.arena = arena};
 *      kv_changes_put(&changes, key, value); …
 *      error = kv_changes_commit(&changes, kv);
 *
 *  The list lives in the arena; keys and values are not copied: they have to live until the commit returned. Not
 * thread-safe.
 */
#ifndef COFFEESHOP_KV_CHANGES_H
#define COFFEESHOP_KV_CHANGES_H

#include "kv.h"

struct kv_changes {
    struct arena *arena;
    struct kv_entry *items;
    size_t n;
    size_t cap;
    bool failed; /* memory ran out: the list is not whole and must not be committed */
};

void kv_changes_put(struct kv_changes *changes, struct str key, struct str value);
void kv_changes_remove(struct kv_changes *changes, struct str key);
/** Commits everything at once. E_MEMORY when the list is not whole, otherwise what kv's commit returns. */
int kv_changes_commit(const struct kv_changes *changes, struct kv *kv);

#endif
