#include "fake_kv.h"

#include "base.h"
#include "errors.h"

#include <stdlib.h>

struct pair {
    struct str key;
    struct str value;
};

/* A failure asked for: at the `left`-th call from now. */
struct trap {
    size_t left;
    int error;
};

struct fake_kv {
    struct kv port;
    struct pair *pairs; /* sorted by key */
    size_t n;
    size_t cap;
    size_t n_commits;
    bool is_gone;
    struct trap commits;
    struct trap reads;
};

static struct fake_kv *of(struct kv *port)
{
    return CONTAINER_OF(port, struct fake_kv, port);
}

static int sprung(struct trap *trap)
{
    return trap->left && --trap->left == 0 ? trap->error : 0;
}

/* Where `key` is, or would be. */
static size_t lower_bound(const struct fake_kv *fake, struct str key)
{
    size_t low = 0;
    size_t high = fake->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(fake->pairs[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct fake_kv *fake, size_t at, struct str key)
{
    return at < fake->n && str_eq(fake->pairs[at].key, key);
}

static struct str copy_of(struct str text)
{
    char *p = malloc(text.n + 1);

    ASSERT(p);
    if (text.n)
        memcpy(p, text.p, text.n);
    return (struct str){p, text.n};
}

static void forget(struct str text)
{
    void *p; /* it was made by copy_of(): ours, whatever a str promises */

    memcpy(&p, &text.p, sizeof(p));
    free(p);
}

static void put(struct fake_kv *fake, struct str key, struct str value)
{
    size_t at = lower_bound(fake, key);

    if (is_at(fake, at, key)) {
        struct str old = fake->pairs[at].value;
        fake->pairs[at].value = copy_of(value);
        forget(old);
        return;
    }
    if (fake->n == fake->cap) {
        fake->cap = fake->cap ? fake->cap * 2 : 64;
        fake->pairs = realloc(fake->pairs, fake->cap * sizeof(*fake->pairs));
        ASSERT(fake->pairs);
    }
    memmove(&fake->pairs[at + 1], &fake->pairs[at], (fake->n - at) * sizeof(*fake->pairs));
    fake->pairs[at] = (struct pair){copy_of(key), copy_of(value)};
    fake->n++;
}

static void cut(struct fake_kv *fake, struct str key)
{
    size_t at = lower_bound(fake, key);

    if (!is_at(fake, at, key))
        return;
    forget(fake->pairs[at].key);
    forget(fake->pairs[at].value);
    fake->n--;
    memmove(&fake->pairs[at], &fake->pairs[at + 1], (fake->n - at) * sizeof(*fake->pairs));
}

static int fake_load(struct kv *port, struct kv_entry *entries, size_t n, struct arena *arena)
{
    struct fake_kv *fake = of(port);
    int error = sprung(&fake->reads);

    for (size_t i = 0; i < n && !error; i++) {
        size_t at = lower_bound(fake, entries[i].key);
        if (entries[i].key.n > KV_KEY_MAX)
            return E_TOO_LARGE;
        entries[i].found = is_at(fake, at, entries[i].key);
        entries[i].value = entries[i].found ? arena_copy(arena, fake->pairs[at].value) : (struct str){NULL, 0};
        if (entries[i].found && !entries[i].value.p)
            return E_MEMORY;
    }
    return error;
}

static int fake_commit(struct kv *port, const struct kv_entry *entries, size_t n)
{
    struct fake_kv *fake = of(port);

    if (n == 0)
        return 0;
    int error = sprung(&fake->commits);
    for (size_t i = 0; i < n && !error; i++) {
        ASSERT(entries[i].key.n && entries[i].key.p[0] != '\0');
        if (entries[i].key.n > KV_KEY_MAX)
            error = E_TOO_LARGE;
    }
    if (error)
        return error;
    for (size_t i = 0; i < n; i++) {
        if (entries[i].remove)
            cut(fake, entries[i].key);
        else
            put(fake, entries[i].key, entries[i].value);
    }
    fake->n_commits++;
    return 0;
}

static int fake_scan(struct kv *port, struct str prefix, struct str from, size_t limit, kv_on_entry *on_entry,
                     void *context)
{
    struct fake_kv *fake = of(port);
    size_t at = lower_bound(fake, str_compare(prefix, from) > 0 ? prefix : from);
    int error = sprung(&fake->reads);

    for (; !error && limit && at < fake->n && str_starts_with(fake->pairs[at].key, prefix); at++, limit--)
        error = on_entry(context, fake->pairs[at].key, fake->pairs[at].value);
    return error;
}

static int fake_last(struct kv *port, struct str prefix, kv_on_entry *on_entry, void *context)
{
    struct fake_kv *fake = of(port);
    int error = sprung(&fake->reads);

    for (size_t at = fake->n; !error && at-- > 0;) {
        if (str_starts_with(fake->pairs[at].key, prefix))
            return on_entry(context, fake->pairs[at].key, fake->pairs[at].value);
    }
    return error;
}

static int fake_probe(struct kv *port)
{
    struct fake_kv *fake = of(port);
    int error = sprung(&fake->commits);

    fake->n_commits += error == 0;
    return error;
}

static int fake_check(struct kv *port)
{
    return of(port)->is_gone ? E_NOT_FOUND : OK;
}

static void fake_close(struct kv *port)
{
    fake_kv_crash(of(port));
}

struct fake_kv *fake_kv_new(void)
{
    struct fake_kv *fake = calloc(1, sizeof(*fake));

    ASSERT(fake);
    fake->port = (struct kv){.load = fake_load,
                             .commit = fake_commit,
                             .scan = fake_scan,
                             .last = fake_last,
                             .probe = fake_probe,
                             .check = fake_check,
                             .close = fake_close};
    return fake;
}

struct kv *fake_kv_port(struct fake_kv *fake)
{
    return &fake->port;
}

void fake_kv_crash(struct fake_kv *fake)
{
    fake->commits = (struct trap){0, 0};
    fake->reads = (struct trap){0, 0};
}

void fake_kv_fail_commit(struct fake_kv *fake, size_t nth, int error)
{
    fake->commits = (struct trap){nth, error};
}

void fake_kv_fail_read(struct fake_kv *fake, size_t nth, int error)
{
    fake->reads = (struct trap){nth, error};
}

void fake_kv_lose_file(struct fake_kv *fake)
{
    fake->is_gone = true;
}

size_t fake_kv_commits(const struct fake_kv *fake)
{
    return fake->n_commits;
}

size_t fake_kv_size(const struct fake_kv *fake)
{
    return fake->n;
}

static void cut_all(struct fake_kv *fake)
{
    for (size_t i = 0; i < fake->n; i++) {
        forget(fake->pairs[i].key);
        forget(fake->pairs[i].value);
    }
    fake->n = 0;
}

struct fake_kv *fake_kv_copy(const struct fake_kv *fake)
{
    struct fake_kv *copy = fake_kv_new();

    fake_kv_put_back(copy, fake);
    return copy;
}

void fake_kv_put_back(struct fake_kv *fake, const struct fake_kv *copy)
{
    cut_all(fake);
    for (size_t i = 0; copy && i < copy->n; i++)
        put(fake, copy->pairs[i].key, copy->pairs[i].value);
    fake->n_commits++;
}

void fake_kv_free(struct fake_kv *fake)
{
    cut_all(fake);
    free(fake->pairs);
    free(fake);
}
