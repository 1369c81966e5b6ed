#include "kv_store.h"

#include "base.h"
#include "kv_redis.h"
#include "redis_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { MAP_SIZE = 8 * 1024 * 1024 };

static struct redis_server server;

int kv_store_start_redis(void **state)
{
    UNUSED(state);
    redis_server_start(&server, NULL);
    return 0;
}

int kv_store_stop_redis(void **state)
{
    UNUSED(state);
    redis_server_free(&server);
    return 0;
}

static struct kv *open_real(const struct kv_store *store, struct kv_store_manner manner, struct buf *problem,
                            int *error)
{
    const struct kv_options lmdb = {
        .path = store->path, .application = "stock", .format = 1, .map_size = MAP_SIZE, .importing = manner.importing};
    const struct kv_redis_options redis = {.url = server.url,
                                           .cell = store->cell,
                                           .application = "stock",
                                           .format = 1,
                                           .importing = manner.importing,
                                           .look = manner.look};

    return store->cell[0] ? kv_redis_open(&redis, problem, error) : kv_lmdb_open(&lmdb, problem, error);
}

struct kv *kv_store_open_as(const struct kv_store *store, struct kv_store_manner manner, int *error)
{
    struct buf problem = {0};

    struct kv *kv = open_real(store, manner, &problem, error);
    assert_int_equal(kv == NULL, problem.n > 0);
    buf_free(&problem);
    return kv;
}

static void open_store(struct kv_store *store)
{
    struct buf problem = {0};
    int error = 0;

    store->kv =
        store->fake ? fake_kv_port(store->fake) : open_real(store, (struct kv_store_manner){false}, &problem, &error);
    if (!store->kv)
        printf("%.*s\n", STR_ARG(buf_str(&problem)));
    assert_int_equal(error, 0);
    assert_int_equal(problem.n, 0);
    buf_free(&problem);
}

void kv_store_make_lmdb(struct kv_store *store)
{
    scratch_make(&store->scratch);
    scratch_path(&store->scratch, "stock.lmdb", store->path);
    open_store(store);
}

void kv_store_make_redis(struct kv_store *store)
{
    static int cells;

    (void)snprintf(store->cell, sizeof(store->cell), "stock:%d", cells++);
    open_store(store);
}

void kv_store_make_fake(struct kv_store *store)
{
    store->fake = fake_kv_new();
    open_store(store);
}

void kv_store_reopen(struct kv_store *store)
{
    store->kv->close(store->kv);
    open_store(store);
}

void kv_store_remove(struct kv_store *store)
{
    if (store->kv)
        store->kv->close(store->kv);
    if (store->fake)
        fake_kv_free(store->fake);
    else if (!store->cell[0])
        scratch_remove(&store->scratch);
}
