#include "arena.h"

#include "alloc.h"

#include <stdint.h>

enum { DEFAULT_BLOCK = 16 * 1024, ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* of data[] */
    size_t used;
    _Alignas(ALIGNMENT) unsigned char data[];
};

void arena_init(struct arena *arena, size_t block_size)
{
    *arena = (struct arena){.block_size = block_size ? block_size : DEFAULT_BLOCK};
}

static struct arena_block *block_new(struct arena *arena, size_t at_least)
{
#ifdef ARENA_MALLOC
    size_t size = at_least;
#else
    size_t size = at_least > arena->block_size ? at_least : arena->block_size;
#endif
    struct arena_block *block = heap_alloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    block->size = size;
    block->next = arena->head;
    arena->head = block;
    return block;
}

static size_t room_for(size_t size)
{
#ifdef ARENA_MALLOC
    return size ? size : 1;
#else
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
#endif
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT - sizeof(struct arena_block))
        return NULL;
    size_t rounded = room_for(size);
    struct arena_block *block = arena->head;

    if (!block || block->size - block->used < rounded) {
        block = block_new(arena, rounded);
        if (!block)
            return NULL;
    }
    void *piece = block->data + block->used;
    block->used += rounded;
    arena->used += rounded;
    memset(piece, 0, size);
    return piece;
}

struct str arena_copy(struct arena *arena, struct str text)
{
    char *copy = arena_alloc(arena, text.n + 1);

    if (!copy)
        return (struct str){NULL, 0};
    if (text.n)
        memcpy(copy, text.p, text.n);
    return (struct str){copy, text.n};
}

void arena_reset(struct arena *arena)
{
#ifdef ARENA_MALLOC
    arena_free(arena);
#else
    struct arena_block *keep = NULL;

    for (struct arena_block *block = arena->head; block;) {
        struct arena_block *next = block->next;
        if (!keep && block->size == arena->block_size) {
            keep = block;
            keep->next = NULL;
            keep->used = 0;
        } else {
            heap_free(block);
        }
        block = next;
    }
    arena->head = keep;
    arena->used = 0;
#endif
}

void arena_free(struct arena *arena)
{
    for (struct arena_block *block = arena->head; block;) {
        struct arena_block *next = block->next;
        heap_free(block);
        block = next;
    }
    arena->head = NULL;
    arena->used = 0;
}
