#include "working_set.h"

#include "base.h"

bool working_set_init(struct working_set *set, size_t most, struct arena *arena)
{
    size_t slots = 8;

    while (slots < most * 2)
        slots *= 2;
    *set = (struct working_set){.most = most, .slots = slots, .key = siphash_process_key()};
    set->hash = ARENA_ARRAY(arena, uint64_t, slots);
    set->index = ARENA_ARRAY(arena, uint32_t, slots);
    set->number = ARENA_ARRAY(arena, int64_t, most + 1);
    set->text = ARENA_ARRAY(arena, struct str, most + 1);
    return set->hash && set->index && set->number && set->text;
}

/* The slot of the key, or the free one where it belongs. */
static size_t find_slot(struct working_set *set, uint64_t hash, int64_t number, struct str text)
{
    size_t slot = hash & (set->slots - 1);

    set->probes++;
    while (set->index[slot]) {
        size_t index = set->index[slot] - 1;
        if (set->hash[slot] == hash && set->number[index] == number && str_eq(set->text[index], text))
            return slot;
        slot = (slot + 1) & (set->slots - 1);
        set->probes++;
    }
    return slot;
}

static size_t index_of(struct working_set *set, uint64_t hash, int64_t number, struct str text)
{
    size_t slot = find_slot(set, hash, number, text);

    if (!set->index[slot]) {
        ASSERT(set->n < set->most);
        set->hash[slot] = hash;
        set->number[set->n] = number;
        set->text[set->n] = text;
        set->index[slot] = (uint32_t)++set->n;
    }
    return set->index[slot] - 1;
}

size_t working_set_number(struct working_set *set, int64_t number)
{
    return index_of(set, siphash_number(&set->key, number), number, (struct str){NULL, 0});
}

bool working_set_has_number(struct working_set *set, int64_t number)
{
    return set->index[find_slot(set, siphash_number(&set->key, number), number, (struct str){NULL, 0})] != 0;
}

size_t working_set_text(struct working_set *set, struct str text)
{
    return index_of(set, siphash_text(&set->key, text), 0, text);
}
