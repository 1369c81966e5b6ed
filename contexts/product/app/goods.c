#include "goods.h"

#include "errors.h"
#include "text.h"

int goods_init(struct goods *goods)
{
    *goods = (struct goods){0};
    arena_init(&goods->arena, 0);
    goods->name = ARENA_ARRAY(&goods->arena, struct str, GOODS_MAX_ITEMS);
    goods->count = ARENA_ARRAY(&goods->arena, int64_t, GOODS_MAX_ITEMS);
    goods->spare = ARENA_ARRAY(&goods->arena, int64_t, GOODS_MAX_ITEMS);
    goods->over = ARENA_ARRAY(&goods->arena, int64_t, GOODS_MAX_ITEMS);
    goods->rest = ARENA_ARRAY(&goods->arena, int64_t, GOODS_MAX_ITEMS);
    goods->unknown = ARENA_ARRAY(&goods->arena, bool, GOODS_MAX_ITEMS);
    return goods->name && goods->count && goods->spare && goods->over && goods->rest && goods->unknown ? OK : E_MEMORY;
}

void goods_free(struct goods *goods)
{
    arena_free(&goods->arena);
}

/* Folded or ASCII: only ASCII letters may differ, as they came. */
static size_t find_key(const struct goods *goods, struct str key)
{
    size_t i = 0;

    while (i < goods->n && !str_eq_nocase(goods->name[i], key))
        i++;
    return i;
}

static size_t find(const struct goods *goods, struct str name)
{
    struct arena arena;

    if (text_is_ascii(name))
        return find_key(goods, name);
    arena_init(&arena, 0);
    struct str key = text_fold(&arena, name);
    size_t i = find_key(goods, key.p ? key : name);
    arena_free(&arena);
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
    goods->name[i] = text_fold(&goods->arena, name);
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

static bool add(struct goods *goods, int64_t *to, struct str name, int64_t qty)
{
    size_t i = put(goods, name);

    if (i == GOODS_MAX_ITEMS || qty <= 0)
        return false;
    to[i] += qty;
    return true;
}

void goods_rest(struct goods *goods, struct str name, int64_t rest)
{
    size_t i = put(goods, name);

    if (i < GOODS_MAX_ITEMS)
        goods->rest[i] = rest;
}

static void take_up_next(struct goods *goods, size_t i)
{
    goods->spare[i] = GOODS_OF_UNKNOWN_QTY;
    goods->has_spare = true;
}

int goods_are_unknown(struct goods *goods, struct str name)
{
    size_t i = put(goods, name);

    if (i == GOODS_MAX_ITEMS)
        return E_MEMORY;
    goods->unknown[i] = true;
    take_up_next(goods, i);
    return OK;
}

/* Those that have no name yet count, too: it is their count that a question is put with. */
void goods_may_have_come(struct goods *goods)
{
    for (size_t i = 0; i < GOODS_MAX_ITEMS; i++)
        goods->count[i]++;
}

void goods_are_known(struct goods *goods, struct str name)
{
    size_t i = find(goods, name);

    if (i < GOODS_MAX_ITEMS)
        goods->unknown[i] = false;
}

void goods_were_enough(struct goods *goods, struct str name)
{
    size_t i = find(goods, name);

    if (i < GOODS_MAX_ITEMS && goods->unknown[i])
        take_up_next(goods, i);
}

void goods_are_at_most(struct goods *goods, struct str name, int64_t qty)
{
    size_t i = put(goods, name);

    if (i == GOODS_MAX_ITEMS)
        return;
    goods->rest[i] = 0;
    if (goods->spare[i] == GOODS_OF_UNKNOWN_QTY)
        goods->spare[i] = 0;
    goods->unknown[i] = false;
    if (goods->spare[i] < qty)
        goods->spare[i] = qty;
    goods->has_spare |= qty > 0;
}

void goods_set_free(struct goods *goods, struct str name, int64_t qty)
{
    size_t i = put(goods, name);

    if (i == GOODS_MAX_ITEMS)
        return;
    if (goods->unknown[i]) {
        take_up_next(goods, i);
        return;
    }
    goods->has_spare |= add(goods, goods->spare, name, qty + goods->rest[i]);
    goods->rest[i] = 0;
}

void goods_begin(struct goods *goods)
{
    if (goods->has_over)
        memset(goods->over, 0, GOODS_MAX_ITEMS * sizeof(*goods->over));
    goods->has_over = false;
}

void goods_leave_over(struct goods *goods, struct str name, int64_t qty)
{
    goods->has_over |= add(goods, goods->over, name, qty);
}

void goods_were_offered(struct goods *goods)
{
    int64_t *offered = goods->spare;

    goods->spare = goods->over;
    goods->over = offered;
    if (goods->has_spare)
        memset(offered, 0, GOODS_MAX_ITEMS * sizeof(*offered));
    goods->has_spare = goods->has_over;
    goods->has_over = false;
}
