#include "stock_queries_kv.h"

#include "base.h"
#include "clock.h"
#include "errors.h"
#include "stock_cell.h"
#include "stock_records.h"
#include "text.h"

#include <stdlib.h>

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

static int find_in(struct kv *kv, int64_t id, struct arena *arena, struct stock *stock)
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

struct kv *stock_kv_of_id(const struct stock_cells *cells, int64_t id)
{
    return cells->kv[stock_cell_of_id(id, cells->count)];
}

int stock_find(const struct stock_cells *cells, int64_t id, struct arena *arena, struct stock *stock)
{
    return find_in(stock_kv_of_id(cells, id), id, arena, stock);
}

int stock_find_by_name(const struct stock_cells *cells, struct str name, struct arena *arena, struct stock *stock)
{
    struct str value, folded = text_fold(arena, name);
    int32_t cell;
    int64_t id;

    *stock = (struct stock){0};
    if (!folded.p || !stock_cell_of_name(arena, name, cells->count, &cell))
        return E_MEMORY;
    struct kv *kv = cells->kv[cell];
    int rc = look(kv, stock_text_key(arena, STOCK_NAME_PREFIX, folded), arena, &value);
    if (rc)
        return rc;
    if (!stock_number_of_value(value, &id))
        return E_CORRUPT;
    return id ? find_in(kv, id, arena, stock) : E_NOT_FOUND;
}

enum { LOOK_AT_CLOCK = 1024 }; /* rows */

struct listing {
    struct arena *arena;
    struct stock_rows *rows;
    size_t from, most, room, seen;
    int64_t until_us;
};

static bool make_room(struct listing *listing)
{
    struct stock_rows *rows = listing->rows;

    if (rows->n < listing->room)
        return true;
    size_t room = listing->room ? listing->room * 2 : 64;
    struct stock *more = ARENA_ARRAY(listing->arena, struct stock, room);
    if (!more)
        return false;
    if (rows->n)
        memcpy(more, rows->stocks, rows->n * sizeof(*more));
    rows->stocks = more;
    listing->room = room;
    return true;
}

static int take_row(struct listing *listing, const struct stock *stock)
{
    struct str name = arena_copy(listing->arena, stock->product_name);

    if (!name.p || !make_room(listing))
        return E_MEMORY;
    struct stock *row = &listing->rows->stocks[listing->rows->n++];
    *row = *stock;
    row->product_name = name;
    return OK;
}

static int on_row(void *context, struct str key, struct str value)
{
    struct listing *listing = context;
    struct stock_rows *rows = listing->rows;
    struct stock stock = {0};

    if (listing->seen++ % LOOK_AT_CLOCK == 0 && clock_monotonic() >= listing->until_us)
        return E_TIMEOUT;
    if (!stock_number_of_key(key, STOCK_ITEM_PREFIX, &stock.id) || !stock_row_of_value(value, &stock))
        return E_CORRUPT;
    if (stock.state != STOCK_KEPT)
        return OK;
    size_t number = rows->total++;
    return number >= listing->from && rows->n < listing->most ? take_row(listing, &stock) : OK;
}

static int by_id(const void *left, const void *right)
{
    const struct stock *a = left, *b = right;

    return (a->id > b->id) - (a->id < b->id);
}

/* What was gathered from several cells, as if it had been one. */
static void cut(struct stock_rows *rows, size_t from, size_t most)
{
    if (rows->n == 0)
        return;
    qsort(rows->stocks, rows->n, sizeof(*rows->stocks), by_id);
    size_t skipped = from < rows->n ? from : rows->n;
    rows->stocks += skipped;
    rows->n = rows->n - skipped < most ? rows->n - skipped : most;
}

/* In one cell rows come in the order of their ids. Of several all are needed to know which are the first. */
int stock_list(const struct stock_cells *cells, struct arena *arena, size_t from, size_t most, int64_t until_us,
               struct stock_rows *rows)
{
    bool several = cells->count > 1;
    struct listing listing = {.arena = arena,
                              .rows = rows,
                              .from = several ? 0 : from,
                              .most = several ? SIZE_MAX : most,
                              .until_us = until_us};
    int rc = OK;

    *rows = (struct stock_rows){0};
    for (int32_t i = 0; i < cells->count && !rc; i++)
        rc = cells->kv[i]->scan(cells->kv[i], STOCK_ITEM_PREFIX, STR(""), SIZE_MAX, on_row, &listing);
    if (!rc && several)
        cut(rows, from, most);
    return rc;
}
