/* The readers' side of stock_repo_kv.h: snapshots of the store, on any thread. */
#include "base.h"
#include "errors.h"
#include "stock_records.h"
#include "stock_repo_kv.h"
#include "text.h"

/* A scan for one key: the prefix may have others behind it. */
struct looking {
    struct str key;
    struct arena *arena;
    struct str value; /* a copy; p NULL: not there */
};

static int on_looked_at(void *context, struct str key, struct str value)
{
    struct looking *looking = context;

    if (!str_eq(key, looking->key))
        return OK;
    looking->value = arena_copy(looking->arena, value);
    return looking->value.p ? OK : E_MEMORY;
}

static int look(struct kv *kv, struct str key, struct arena *arena, struct str *value)
{
    struct looking looking = {key, arena, {NULL, 0}};

    if (!key.p)
        return E_MEMORY;
    int rc = kv->scan(kv, key, STR(""), 1, on_looked_at, &looking);
    *value = looking.value;
    return rc || looking.value.p ? rc : E_NOT_FOUND;
}

int stock_find(struct kv *kv, int64_t id, struct arena *arena, struct stock *stock)
{
    struct str value;

    *stock = (struct stock){.id = id};
    int rc = look(kv, stock_number_key(arena, STOCK_ITEM_PREFIX, id), arena, &value);
    if (rc)
        return rc;
    if (!stock_row_of_value(value, stock))
        return E_CORRUPT;
    return stock->state == STOCK_KEPT ? OK : E_NOT_FOUND;
}

int stock_find_by_name(struct kv *kv, struct str name, struct arena *arena, struct stock *stock)
{
    struct str value, folded = text_fold(arena, name);
    int64_t id;

    *stock = (struct stock){0};
    if (!folded.p)
        return E_MEMORY;
    int rc = look(kv, stock_text_key(arena, STOCK_NAME_PREFIX, folded), arena, &value);
    if (rc)
        return rc;
    if (!stock_number_of_value(value, &id))
        return E_CORRUPT;
    return id ? stock_find(kv, id, arena, stock) : E_NOT_FOUND;
}

struct listing {
    struct arena *arena;
    struct stock *stocks;
    size_t n, most;
};

static bool make_room(struct listing *listing)
{
    if (listing->n < listing->most)
        return true;
    size_t most = listing->most ? listing->most * 2 : 64;
    struct stock *more = ARENA_ARRAY(listing->arena, struct stock, most);
    if (!more)
        return false;
    if (listing->n)
        memcpy(more, listing->stocks, listing->n * sizeof(*more));
    listing->stocks = more;
    listing->most = most;
    return true;
}

static int on_row(void *context, struct str key, struct str value)
{
    struct listing *listing = context;
    struct stock stock = {0};

    if (!stock_number_of_key(key, STOCK_ITEM_PREFIX, &stock.id) || !stock_row_of_value(value, &stock))
        return E_CORRUPT;
    if (stock.state != STOCK_KEPT)
        return OK;
    stock.product_name = arena_copy(listing->arena, stock.product_name);
    if (!stock.product_name.p || !make_room(listing))
        return E_MEMORY;
    listing->stocks[listing->n++] = stock;
    return OK;
}

int stock_list(struct kv *kv, struct arena *arena, struct stock **stocks, size_t *n)
{
    struct listing listing = {.arena = arena};

    int rc = kv->scan(kv, STOCK_ITEM_PREFIX, STR(""), SIZE_MAX, on_row, &listing);
    *stocks = listing.stocks;
    *n = listing.n;
    return rc;
}
