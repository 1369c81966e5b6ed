#include "fake_view_repo.h"

#include "base.h"
#include "errors.h"

#include <stdlib.h>

static struct fake_view_repo *of(struct view_repo *port)
{
    return CONTAINER_OF(port, struct fake_view_repo, port);
}

static size_t lower_bound(const struct fake_view_repo *fake, int64_t id)
{
    size_t at = fake->n;

    while (at > 0 && fake->pages[at - 1].id >= id)
        at--;
    return at;
}

const struct mypage *fake_view_repo_find(const struct fake_view_repo *fake, int64_t id)
{
    size_t at = lower_bound(fake, id);

    return at < fake->n && fake->pages[at].id == id ? &fake->pages[at] : NULL;
}

static int copy_page(struct mypage *out, const struct mypage *page, struct arena *arena)
{
    *out = *page;
    out->room = page->n_timeline;
    out->product_name = arena_copy(arena, page->product_name);
    out->timeline = ARENA_ARRAY(arena, struct mypage_entry, page->n_timeline + 1);
    if (!out->product_name.p || !out->timeline)
        return E_MEMORY;
    if (page->n_timeline)
        memcpy(out->timeline, page->timeline, page->n_timeline * sizeof(*page->timeline));
    return OK;
}

static int load(struct view_repo *port, struct view_batch *batch)
{
    struct fake_view_repo *fake = of(port);

    int rc = fake_trap_sprung(&fake->reads);
    for (size_t i = 0; i < batch->orders.n && !rc; i++) {
        const struct mypage *page = fake_view_repo_find(fake, batch->orders.number[i]);
        batch->rows[i].page.id = batch->orders.number[i];
        if (page)
            rc = copy_page(&batch->rows[i].page, page, batch->base.arena);
    }
    return rc;
}

static void store(struct fake_view_repo *fake, const struct mypage *page)
{
    size_t at = lower_bound(fake, page->id);

    if (at == fake->n || fake->pages[at].id != page->id) {
        fake->pages = fake_grow(fake->pages, fake->n, 1, &fake->room, sizeof(*page));
        memmove(&fake->pages[at + 1], &fake->pages[at], (fake->n - at) * sizeof(*page));
        fake->n++;
    }
    struct mypage *kept = &fake->pages[at];
    *kept = *page;
    kept->room = page->n_timeline;
    kept->product_name = fake_copy(&fake->outbox, page->product_name);
    kept->timeline = fake_bytes(&fake->outbox, page->timeline, page->n_timeline * sizeof(*page->timeline));
}

static void store_item(struct fake_view_repo *fake, const struct item_level *item)
{
    size_t at = 0;

    while (at < fake->n_items && !str_eq(fake->items[at].name, item->name))
        at++;
    if (at == fake->n_items) {
        fake->items = fake_grow(fake->items, fake->n_items, 1, &fake->items_room, sizeof(*item));
        fake->items[fake->n_items++] = (struct item_level){.name = fake_copy(&fake->outbox, item->name)};
    }
    struct item_level *known = &fake->items[at];
    if (item->stock_id < known->stock_id || (item->stock_id == known->stock_id && item->version <= known->version))
        return;
    known->on_hand = item->on_hand;
    known->stock_id = item->stock_id;
    known->version = item->version;
}

static int commit(struct view_repo *port, struct view_batch *batch)
{
    struct fake_view_repo *fake = of(port);
    struct outbox_write write = batch_write(&batch->base);

    int rc = fake_trap_sprung(&fake->commits);
    if (rc)
        return rc;
    for (size_t i = 0; i < batch->orders.n; i++) {
        if (batch->rows[i].changed)
            store(fake, &batch->rows[i].page);
    }
    for (size_t i = 0; i < batch->names.n; i++)
        store_item(fake, &batch->items[i]);
    fake_outbox_write(&fake->outbox, &write);
    fake->n_commits += !outbox_write_is_empty(&write);
    return OK;
}

static int restore(struct view_repo *port, int64_t *last_change, struct cursors *cursors)
{
    struct fake_view_repo *fake = of(port);
    uint64_t nothing;

    *last_change = 0;
    for (size_t i = 0; i < fake->n; i++) {
        if (fake->pages[i].change > *last_change)
            *last_change = fake->pages[i].change;
    }
    fake_outbox_restore(&fake->outbox, &nothing, cursors);
    return fake_trap_sprung(&fake->reads);
}

struct fake_view_repo *fake_view_repo_new(void)
{
    struct fake_view_repo *fake = calloc(1, sizeof(*fake));

    ASSERT(fake);
    fake->port = (struct view_repo){.load = load, .commit = commit, .restore = restore};
    fake_outbox_init(&fake->outbox);
    return fake;
}

void fake_view_repo_free(struct fake_view_repo *fake)
{
    fake_outbox_free(&fake->outbox);
    free(fake->pages);
    free(fake->items);
    free(fake);
}

struct fake_view_repo *fake_view_repo_copy(const struct fake_view_repo *fake)
{
    struct fake_view_repo *copy = fake_view_repo_new();

    copy->pages = fake_duplicate(fake->pages, fake->n, sizeof(*fake->pages));
    copy->n = copy->room = fake->n;
    copy->items = fake_duplicate(fake->items, fake->n_items, sizeof(*fake->items));
    copy->n_items = copy->items_room = fake->n_items;
    copy->outbox = fake_outbox_copy(&fake->outbox);
    return copy;
}

void fake_view_repo_put_back(struct fake_view_repo *fake, const struct fake_view_repo *copy)
{
    free(fake->pages);
    fake->pages = copy ? fake_duplicate(copy->pages, copy->n, sizeof(*copy->pages)) : NULL;
    fake->n = fake->room = copy ? copy->n : 0;
    free(fake->items);
    fake->items = copy ? fake_duplicate(copy->items, copy->n_items, sizeof(*copy->items)) : NULL;
    fake->n_items = fake->items_room = copy ? copy->n_items : 0;
    fake_outbox_put_back(&fake->outbox, copy ? &copy->outbox : NULL);
    fake->n_commits++;
}
