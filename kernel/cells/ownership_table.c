#include "ownership_table.h"

#include <stdatomic.h>
#include <string.h>

bool ownership_entry_set(struct ownership_entry *entry, enum ownership_place place, const char *address)
{
    uint64_t words[ADDRESS_WORDS] = {0};
    bool changes = (int)place != atomic_load_explicit(&entry->place, memory_order_relaxed);

    if (place == CELL_ELSEWHERE)
        memcpy(words, address, strnlen(address, sizeof(words) - 1));
    for (size_t i = 0; i < ADDRESS_WORDS; i++)
        changes = changes || words[i] != atomic_load_explicit(&entry->address[i], memory_order_relaxed);
    if (!changes)
        return false;
    uint32_t sequence = atomic_load_explicit(&entry->sequence, memory_order_relaxed);
    atomic_store_explicit(&entry->sequence, sequence + 1, memory_order_relaxed);
    atomic_store_explicit(&entry->place, (int)place, memory_order_release); /* who sees it sees the odd number */
    for (size_t i = 0; i < ADDRESS_WORDS; i++)
        atomic_store_explicit(&entry->address[i], words[i], memory_order_release);
    atomic_store_explicit(&entry->sequence, sequence + 2, memory_order_release);
    return true;
}

enum ownership_place ownership_entry_get(struct ownership_entry *entry, char address[MEMBER_ADDRESS_SIZE])
{
    uint64_t words[ADDRESS_WORDS];
    uint32_t before, after;
    int place;

    do {
        before = atomic_load_explicit(&entry->sequence, memory_order_acquire);
        place = atomic_load_explicit(&entry->place, memory_order_acquire);
        for (size_t i = 0; i < ADDRESS_WORDS; i++)
            words[i] = atomic_load_explicit(&entry->address[i], memory_order_acquire);
        after = atomic_load_explicit(&entry->sequence, memory_order_relaxed);
    } while (before != after || before % 2);
    memcpy(address, words, sizeof(words));
    return (enum ownership_place)place;
}
