/** kv_lmdb_pages.h: what stands where in a store's file: the layout of LMDB 0.9 (mdb.c: MDB_page, MDB_meta, MDB_node),
 * in this machine's byte order. Every page is looked at before it is believed: nothing here reads past one. Not for
 * others than kv_lmdb_verify.c.
 */
#ifndef COFFEESHOP_KV_LMDB_PAGES_H
#define COFFEESHOP_KV_LMDB_PAGES_H

#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMDB_PAGE = 4096,
    LMDB_PAGE_HEAD = 16, /* number 8, nothing 2, kind 2, then lower 2 and upper 2, or how many pages 4 */
    LMDB_MAGIC_AT = 16,  /* in a meta page */
};
enum { LMDB_INNER = 1, LMDB_LEAF = 2, LMDB_OVERFLOW = 4 }; /* a page's kind */

#define LMDB_MAGIC UINT32_C(0xBEEFC0DE)
#define LMDB_NO_PAGE UINT64_MAX

struct lmdb_tree {
    uint32_t page_size;
    uint16_t flags, depth;
    uint64_t n_inner, n_leaves, n_overflow, n_entries, root;
};

struct lmdb_meta {
    struct lmdb_tree free, data;
    uint64_t last_page, txn;
};

struct lmdb_node {
    struct str key, value;
    uint64_t page; /* an inner node's child, or where a big value stands */
    bool big;
};

/** The number that stands there. */
uint16_t lmdb_u16(const char *p);
uint32_t lmdb_u32(const char *p);
uint64_t lmdb_u64(const char *p);
struct lmdb_meta lmdb_meta_at(const char *page);
/** How many nodes a page of this kind has; 0: it isn't one. */
size_t lmdb_nodes_of(const char *page, uint64_t number, int kind);
/** The one at `i`, less than that; its texts are the page's. false: it doesn't lie within the page. */
bool lmdb_node_at(const char *page, size_t i, bool leaf, struct lmdb_node *node);

#endif
