#include "goods.h"

#include "errors.h"

int goods_init(struct goods *goods)
{
    *goods = (struct goods){0};
    arena_init(&goods->arena, 0);
    goods->name = ARENA_ARRAY(&goods->arena, struct str, GOODS_MAX_ITEMS);
    goods->count = ARENA_ARRAY(&goods->arena, int64_t, GOODS_MAX_ITEMS);
    goods->spare = ARENA_ARRAY(&goods->arena, int64_t, GOODS_MAX_ITEMS);
    return goods->name && goods->count && goods->spare ? OK : E_MEMORY;
}

void goods_free(struct goods *goods)
{
    arena_free(&goods->arena);
}

static size_t find(const struct goods *goods, struct str name)
{
    size_t i = 0;

    while (i < goods->n && !str_eq(goods->name[i], name))
        i++;
    return i;
}

int64_t goods_count(const struct goods *goods, struct str name)
{
    size_t i = find(goods, name);

    if (i == GOODS_MAX_ITEMS)
        i--;
    return goods->count[i];
}

/* The name's place, a new one when it is the first time; GOODS_MAX_ITEMS: no memory. */
static size_t put(struct goods *goods, struct str name)
{
    size_t i = find(goods, name);

    if (i == GOODS_MAX_ITEMS)
        i--;
    if (i < goods->n)
        return i;
    goods->name[i] = arena_copy(&goods->arena, name);
    if (!goods->name[i].p)
        return GOODS_MAX_ITEMS;
    return goods->n++;
}

int goods_came(struct goods *goods, struct str name)
{
    size_t i = put(goods, name);

    if (i == GOODS_MAX_ITEMS)
        return E_MEMORY;
    goods->count[i]++;
    return OK;
}

void goods_set_free(struct goods *goods, struct str name, int64_t qty)
{
    size_t i = put(goods, name);

    if (i == GOODS_MAX_ITEMS || qty <= 0)
        return;
    goods->spare[i] += qty;
    goods->has_spare = true;
}

void goods_forget_spare(struct goods *goods)
{
    for (size_t i = 0; goods->has_spare && i < goods->n; i++)
        goods->spare[i] = 0;
    goods->has_spare = false;
}
