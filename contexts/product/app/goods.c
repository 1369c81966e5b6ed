#include "goods.h"

#include "errors.h"

int goods_init(struct goods *goods)
{
    *goods = (struct goods){0};
    arena_init(&goods->arena, 0);
    goods->name = ARENA_ARRAY(&goods->arena, struct str, GOODS_MAX_ITEMS);
    goods->count = ARENA_ARRAY(&goods->arena, int64_t, GOODS_MAX_ITEMS);
    return goods->name && goods->count ? OK : E_MEMORY;
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

int goods_came(struct goods *goods, struct str name)
{
    size_t i = find(goods, name);

    if (i == GOODS_MAX_ITEMS)
        i--;
    if (i == goods->n) {
        goods->name[i] = arena_copy(&goods->arena, name);
        if (!goods->name[i].p)
            return E_MEMORY;
        goods->n++;
    }
    goods->count[i]++;
    return OK;
}
