#include "kv_lmdb_verify.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "kv_lmdb_pages.h"
#include "kv_lmdb_sum.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOST_DEPTH = 32,
    FREE_FLAGS = 0x4008 /* of the list of free pages: its keys are numbers, and the store is a file, not a directory */
};

struct walk {
    const char *file;
    uint64_t n_pages; /* that the file has */
    const struct lmdb_meta *meta;
    unsigned char *seen; /* a bit a page */
    uint64_t n_seen;
    struct lmdb_tree found; /* what was counted */
    bool integers;          /* the tree that is walked is the list of free pages */
    bool sums;              /* values carry checksums */
    uint64_t wrong;         /* the page at which it ended */
};

/* --- the walk --- */

static const char *page_at(const struct walk *walk, uint64_t number)
{
    return number >= 2 && number <= walk->meta->last_page && number < walk->n_pages ? walk->file + number * LMDB_PAGE
                                                                                    : NULL;
}

static bool mark(struct walk *walk, uint64_t page, uint64_t n)
{
    for (uint64_t i = page; i < page + n; i++) {
        unsigned char bit = (unsigned char)(1U << i % 8);
        if (i < 2 || i > walk->meta->last_page || walk->seen[i / 8] & bit)
            return false;
        walk->seen[i / 8] |= bit;
    }
    walk->n_seen += n;
    return true;
}

static bool is_before(const struct walk *walk, struct str a, struct str b)
{
    if (!walk->integers)
        return str_compare(a, b) < 0;
    return a.n == 8 && b.n == 8 && lmdb_u64(a.p) < lmdb_u64(b.p);
}

/* A big value's pages: the head of the first says how many there are. */
static bool find_big(struct walk *walk, struct lmdb_node *node)
{
    const char *page = page_at(walk, node->page);
    uint64_t n = (node->value.n + LMDB_PAGE_HEAD - 1) / LMDB_PAGE + 1;

    if (!page || lmdb_u64(page) != node->page || lmdb_u16(page + 10) != LMDB_OVERFLOW || lmdb_u32(page + 12) != n ||
        node->page + n > walk->n_pages || !mark(walk, node->page, n))
        return false;
    node->value.p = page + LMDB_PAGE_HEAD;
    walk->found.n_overflow += n;
    return true;
}

/* A record of free pages: how many, and which, from the highest down. */
static bool check_free(struct walk *walk, struct str record)
{
    uint64_t n = record.n >= 8 ? lmdb_u64(record.p) : LMDB_NO_PAGE;

    if (n > record.n / 8 - 1)
        return false;
    for (uint64_t i = 1; i <= n; i++) {
        uint64_t page = lmdb_u64(record.p + 8 * i);
        if ((i > 1 && page >= lmdb_u64(record.p + 8 * (i - 1))) || !mark(walk, page, 1))
            return false;
    }
    return true;
}

static bool check_entry(struct walk *walk, struct lmdb_node *node)
{
    if (node->big && !find_big(walk, node))
        return false;
    walk->found.n_entries++;
    if (walk->integers)
        return node->key.n == 8 && lmdb_u64(node->key.p) <= walk->meta->txn && check_free(walk, node->value);
    /* Long ones are compared when they are read: they are most of the file. */
    return node->key.n > 0 && (!walk->sums || node->big || kv_sum_take_off(node->key, &node->value));
}

static bool check_page(struct walk *walk, uint64_t number, int depth, struct str low, struct str high);

static bool check_nodes(struct walk *walk, const char *page, size_t n, int depth, struct str low, struct str high)
{
    bool leaf = depth == 1;
    struct lmdb_node node;
    struct lmdb_node next;

    if (!lmdb_node_at(page, 0, leaf, &next))
        return false;
    for (size_t i = 0; i < n; i++) {
        node = next;
        if (!leaf && i == 0)
            node.key = low; /* the first key of an inner page is never looked at */
        if (i + 1 < n && !lmdb_node_at(page, i + 1, leaf, &next))
            return false;
        struct str end = i + 1 < n ? next.key : high;
        if ((low.n > 0 && is_before(walk, node.key, low)) || (end.n > 0 && !is_before(walk, node.key, end)))
            return false;
        if (leaf ? !check_entry(walk, &node) : !check_page(walk, node.page, depth - 1, node.key, end))
            return false;
    }
    return true;
}

/* All keys below are at least `low` and less than `high`; empty: nothing is known. */
static bool check_page(struct walk *walk, uint64_t number, int depth, struct str low, struct str high)
{
    const char *page = page_at(walk, number);
    size_t n = page ? lmdb_nodes_of(page, number, depth == 1 ? LMDB_LEAF : LMDB_INNER) : 0;
    uint64_t wrong = walk->wrong;

    walk->wrong = number;
    if (n == 0 || !mark(walk, number, 1))
        return false;
    *(depth == 1 ? &walk->found.n_leaves : &walk->found.n_inner) += 1;
    if (!check_nodes(walk, page, n, depth, low, high))
        return false;
    walk->wrong = wrong;
    return true;
}

static bool check_tree(struct walk *walk, const struct lmdb_tree *tree, int flags, bool integers)
{
    static const struct str open_end = {NULL, 0};

    walk->found = (struct lmdb_tree){
        .root = tree->root, .depth = tree->depth, .page_size = tree->page_size, .flags = (uint16_t)flags};
    walk->integers = integers;
    if (tree->root == LMDB_NO_PAGE)
        walk->found.depth = 0;
    else if (tree->depth < 1 || tree->depth > MOST_DEPTH ||
             !check_page(walk, tree->root, tree->depth, open_end, open_end))
        return false;
    return memcmp(&walk->found, tree, sizeof(*tree)) == 0;
}

/* --- the meta pages --- */

/* The value of a key in the tree of a meta page; false when it isn't there, or can't be found. */
static bool find(struct walk *walk, struct str key, struct str *value)
{
    const struct lmdb_tree *tree = &walk->meta->data;
    uint64_t number = tree->root;

    for (int depth = tree->depth; depth >= 1 && depth <= MOST_DEPTH; depth--) {
        const char *page = number == LMDB_NO_PAGE ? NULL : page_at(walk, number);
        size_t n = page ? lmdb_nodes_of(page, number, depth == 1 ? LMDB_LEAF : LMDB_INNER) : 0;
        struct lmdb_node node = {.page = LMDB_NO_PAGE};
        number = LMDB_NO_PAGE;
        for (size_t i = 0; i < n; i++) {
            if (!lmdb_node_at(page, i, depth == 1, &node))
                return false;
            int order = depth > 1 && i == 0 ? -1 : str_compare(node.key, key);
            if (depth == 1 && order == 0) {
                *value = node.value;
                return !node.big;
            }
            if (order > 0)
                break;
            number = node.page;
        }
    }
    return false;
}

/* Which commit wrote the meta page's tree, by what stands in it. */
static bool find_commit(struct walk *walk, uint64_t *txn)
{
    struct str value;

    if (!find(walk, KV_LMDB_COMMIT_KEY, &value) || !kv_sum_take_off(KV_LMDB_COMMIT_KEY, &value) ||
        value.n != sizeof(*txn))
        return false;
    *txn = lmdb_u64(value.p);
    return true;
}

/* The older meta page may be the newer one, made to look old: its tree is then of a later commit. The same is left
 * behind by a commit whose meta page could not be written: LMDB takes back its number and its length, and not its tree.
 * The lock file tells the two apart: LMDB counts there what was committed, after it was. */
static bool older_is_older(struct walk *walk, const struct lmdb_meta *older, uint64_t committed)
{
    struct lmdb_meta longer = *older;
    uint64_t txn = 0;

    if (older->txn == 0)
        return true;
    longer.last_page = walk->n_pages;
    walk->meta = &longer;
    if (!find_commit(walk, &txn))
        return false;
    return txn == older->txn || (committed > 0 && txn == committed + 1);
}

/* Commits take turns between the two pages. */
static bool take_turns(const struct lmdb_meta *metas)
{
    uint64_t a = metas[0].txn;
    uint64_t b = metas[1].txn;

    return (a == 0 && b == 0) || (a % 2 == 0 && b % 2 == 1 && (a + 1 == b || b + 1 == a));
}

static bool check_all(struct walk *walk, const struct lmdb_meta *metas, uint64_t committed)
{
    const struct lmdb_meta *newer = metas[1].txn > metas[0].txn ? &metas[1] : &metas[0];
    const struct lmdb_meta *older = newer == &metas[0] ? &metas[1] : &metas[0];
    struct str owner = {NULL, 0};
    uint64_t txn = 0;

    walk->wrong = newer == &metas[0] ? 0 : 1;
    walk->meta = newer;
    if (!take_turns(metas) || metas[0].free.page_size != LMDB_PAGE || metas[1].free.page_size != LMDB_PAGE)
        return false;
    walk->sums = find(walk, KV_LMDB_OWNER_KEY, &owner) && str_starts_with(owner, KV_LMDB_MARK);
    if (walk->sums && (!find_commit(walk, &txn) || txn != newer->txn || !older_is_older(walk, older, committed)))
        return false;
    walk->meta = newer;
    if (!check_tree(walk, &newer->data, 0, false) || !check_tree(walk, &newer->free, FREE_FLAGS, true))
        return false;
    return walk->n_seen + 2 == newer->last_page + 1; /* each page is in use, or free */
}

/* --- the file --- */

/* The last commit that the lock file knows of; it outlives a killed process. 0: it knows of none. */
static uint64_t read_committed(const char *path)
{
    char head[8 + sizeof(pthread_mutex_t) + 8] = {0}; /* mark, format, lock, number */
    struct buf name = {0};

    buf_add(&name, str_of(path));
    BUF_LIT(&name, "-lock");
    buf_char(&name, '\0');
    int fd = name.failed ? -1 : open(name.p, O_RDONLY | O_CLOEXEC);
    bool there = fd >= 0 && read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) && lmdb_u32(head) == LMDB_MAGIC;
    if (fd >= 0)
        close(fd);
    buf_free(&name);
    return there ? lmdb_u64(head + sizeof(head) - 8) : 0;
}

static int judge(const char *file, size_t n, const char *path, struct buf *problem)
{
    const struct lmdb_meta metas[] = {lmdb_meta_at(file), lmdb_meta_at(file + LMDB_PAGE)};
    uint64_t last = metas[metas[1].txn > metas[0].txn].last_page;
    struct walk walk = {.file = file, .n_pages = n / LMDB_PAGE};

    if (lmdb_u32(file + LMDB_MAGIC_AT) != LMDB_MAGIC || lmdb_u32(file + LMDB_PAGE + LMDB_MAGIC_AT) != LMDB_MAGIC)
        return OK; /* LMDB says so itself */
    /* Pages at the end that were freed before they were ever written don't make the file longer, but not for long. */
    bool whole = last / 64 < n;
    walk.seen = whole ? heap_alloc(last / 8 + 1) : NULL;
    if (whole && !walk.seen) {
        buf_printf(problem, "no memory left to look through %s", path);
        return E_MEMORY;
    }
    whole = whole && check_all(&walk, metas, read_committed(path));
    heap_free(walk.seen);
    if (whole)
        return OK;
    buf_printf(problem,
               "%s is damaged (page %llu): put the whole data directory back from one backup, or move the whole "
               "directory away to begin with an empty one (docs/operations.md, Restore)",
               path, (unsigned long long)walk.wrong);
    return E_CORRUPT;
}

int kv_lmdb_verify(const char *path, struct buf *problem)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = OK;

    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size < (off_t)2 * LMDB_PAGE) {
        if (fd >= 0)
            close(fd);
        return OK; /* LMDB says what it thinks of it */
    }
    size_t n = (size_t)status.st_size;
    char *file = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (file == MAP_FAILED) {
        buf_printf(problem, "%s can't be looked through: %s", path, strerrordesc_np(errno));
        return errno == ENOMEM ? E_MEMORY : E_SYSTEM;
    }
    error = judge(file, n, path, problem);
    munmap(file, n);
    return error;
}
