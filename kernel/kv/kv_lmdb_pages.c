#include "kv_lmdb_pages.h"

#include <string.h>

enum {
    NODE_HEAD = 8, /* size 4 (an inner node: page 6), flags 2, key's size 2 */
    TREES_AT = 40, /* in a meta page */
    TREE =
        48, /* page size or nothing 4, flags 2, depth 2, inner pages 8, leaves 8, overflow pages 8, entries 8, root 8 */
    LAST_AT = 136,
    TXN_AT = 144,
    IS_BIG = 1, /* a node's value stands on pages of its own */
};

uint16_t lmdb_u16(const char *p)
{
    uint16_t n;

    memcpy(&n, p, sizeof(n));
    return n;
}

uint32_t lmdb_u32(const char *p)
{
    uint32_t n;

    memcpy(&n, p, sizeof(n));
    return n;
}

uint64_t lmdb_u64(const char *p)
{
    uint64_t n;

    memcpy(&n, p, sizeof(n));
    return n;
}

static struct lmdb_tree tree_at(const char *p)
{
    return (struct lmdb_tree){lmdb_u32(p),      lmdb_u16(p + 4),  lmdb_u16(p + 6),  lmdb_u64(p + 8),
                              lmdb_u64(p + 16), lmdb_u64(p + 24), lmdb_u64(p + 32), lmdb_u64(p + 40)};
}

struct lmdb_meta lmdb_meta_at(const char *page)
{
    return (struct lmdb_meta){tree_at(page + TREES_AT), tree_at(page + TREES_AT + TREE), lmdb_u64(page + LAST_AT),
                              lmdb_u64(page + TXN_AT)};
}

size_t lmdb_nodes_of(const char *page, uint64_t number, int kind)
{
    uint16_t lower = lmdb_u16(page + 12);
    uint16_t upper = lmdb_u16(page + 14);

    if (lmdb_u64(page) != number || lmdb_u16(page + 10) != kind || lower < LMDB_PAGE_HEAD || lower > upper ||
        upper > LMDB_PAGE)
        return 0;
    return (size_t)(lower - LMDB_PAGE_HEAD) / 2;
}

bool lmdb_node_at(const char *page, size_t i, bool leaf, struct lmdb_node *node)
{
    size_t at = lmdb_u16(page + LMDB_PAGE_HEAD + 2 * i);

    if (at < LMDB_PAGE_HEAD || at + NODE_HEAD > LMDB_PAGE)
        return false;
    const char *p = page + at;
    uint16_t flags = lmdb_u16(p + 4);
    *node = (struct lmdb_node){.key = {p + NODE_HEAD, lmdb_u16(p + 6)}};
    if (at + NODE_HEAD + node->key.n > LMDB_PAGE)
        return false;
    if (!leaf) {
        node->page = lmdb_u32(p) | (uint64_t)flags << 32;
        return true;
    }
    node->value = (struct str){node->key.p + node->key.n, lmdb_u32(p)};
    node->big = flags == IS_BIG;
    size_t stored = node->big ? sizeof(node->page) : node->value.n;
    if (flags > IS_BIG || at + NODE_HEAD + node->key.n + stored > LMDB_PAGE)
        return false;
    if (node->big)
        node->page = lmdb_u64(node->value.p);
    return true;
}
