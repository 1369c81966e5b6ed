/** arena.h: memory for one request or one batch, given back all at once.
 *
 *  Not thread-safe; whoever has the request or batch has its arena. Under -DARENA_MALLOC (the sanitizer builds) every
 *  piece is a heap block of its own, so that AddressSanitizer sees an overrun between neighbours.
 */
#ifndef COFFEESHOP_ARENA_H
#define COFFEESHOP_ARENA_H

#include "str.h"

#include <stddef.h>

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t block_size; /* bytes asked from the heap at a time */
    size_t used;       /* bytes handed out since the last reset */
};

/** Nothing is allocated yet. `block_size` 0 means 16 KiB. */
void arena_init(struct arena *arena, size_t block_size);
/** `size` zeroed bytes aligned for any type, or NULL when the heap is exhausted. Lives until reset or free. */
void *arena_alloc(struct arena *arena, size_t size);
/** A copy of `text` with a NUL behind it (not counted in n); {NULL,0} when the heap is exhausted. */
struct str arena_copy(struct arena *arena, struct str text);
/** Everything handed out is gone; one block is kept for reuse. */
void arena_reset(struct arena *arena);
/** Everything goes back to the heap; the arena can be used again. */
void arena_free(struct arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))

#endif
