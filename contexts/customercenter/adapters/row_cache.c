#include "row_cache.h"

#include "alloc.h"
#include "errors.h"

struct slot {
    struct mypage page; /* id 0: free */
    char name[MYPAGE_NAME_MAX];
    struct mypage_entry timeline[ROW_CACHE_TIMELINE];
};

struct row_cache {
    struct slot slots[ROW_CACHE_ROWS];
};

static size_t slot_number(int64_t id)
{
    return (size_t)((uint64_t)id % ROW_CACHE_ROWS);
}

struct row_cache *row_cache_new(void)
{
    return heap_alloc(sizeof(struct row_cache));
}

void row_cache_free(struct row_cache *cache)
{
    heap_free(cache);
}

int row_cache_find(const struct row_cache *cache, int64_t id, struct mypage *page, struct arena *arena)
{
    const struct slot *slot = &cache->slots[slot_number(id)];

    if (slot->page.id != id)
        return E_NOT_FOUND;
    *page = slot->page;
    page->room = (size_t)ROW_CACHE_TIMELINE * 2;
    page->timeline = ARENA_ARRAY(arena, struct mypage_entry, page->room);
    page->product_name = arena_copy(arena, slot->page.product_name);
    if (!page->timeline || !page->product_name.p)
        return E_MEMORY;
    memcpy(page->timeline, slot->timeline, page->n_timeline * sizeof(*page->timeline));
    return OK;
}

void row_cache_forget(struct row_cache *cache, struct cell cell)
{
    for (size_t i = 0; i < ROW_CACHE_ROWS; i++) {
        struct mypage *page = &cache->slots[i].page;
        if (page->id && cell_of_id(page->id, cell.count) == cell.number)
            page->id = 0;
    }
}

void row_cache_put(struct row_cache *cache, const struct mypage *page)
{
    struct slot *slot = &cache->slots[slot_number(page->id)];

    if (page->n_timeline > ROW_CACHE_TIMELINE || page->product_name.n > sizeof(slot->name)) {
        if (slot->page.id == page->id)
            slot->page.id = 0;
        return;
    }
    slot->page = *page;
    if (page->product_name.n)
        memcpy(slot->name, page->product_name.p, page->product_name.n);
    memcpy(slot->timeline, page->timeline, page->n_timeline * sizeof(*page->timeline));
    slot->page.product_name.p = slot->name;
    slot->page.timeline = slot->timeline;
}
