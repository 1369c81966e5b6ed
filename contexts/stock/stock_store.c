/* stock_store.c: the part of the composition root that names the stores. */
#include "stock_store.h"

#include "alloc.h"
#include "archive_kv.h"
#include "base.h"
#include "errors.h"
#include "kv_cells.h"
#include "kv_redis.h"
#include "secret.h"
#include "stock_repo_kv.h"

#include <string.h>
#include <unistd.h>

static const char application[] = "stock";

static int open_file(struct stock_store *store, struct service *service, const struct stock_store_settings *settings,
                     struct buf *problem)
{
    const struct kv_options options = {.path = service_path(service, "stock.lmdb"),
                                       .application = application,
                                       .format = STOCK_STORE_FORMAT,
                                       .map_size = settings->map_size};
    int error = OK;

    store->cells.kv[0] = kv_lmdb_open(&options, problem, &error);
    return error;
}

static bool take_password(struct stock_store *store, const struct stock_store_settings *settings, struct buf *problem)
{
    return secret_take("stock.redis_password", settings->redis_password, settings->redis_password_file,
                       &store->password, problem);
}

struct opening {
    struct stock_store *store;
    const struct stock_store_settings *settings;
};

static struct kv_redis_options redis_options(const struct stock_store *store, const char *cell,
                                             const struct stock_store_settings *settings)
{
    return (struct kv_redis_options){
        .url = settings->redis,
        .password = secret_text(store->password).p,
        .ca_file = settings->redis_ca_file,
        .cert_file = settings->redis_cert_file,
        .key_file = settings->redis_key_file,
        .cell = cell,
        .application = application,
        .format = STOCK_STORE_FORMAT,
        .patience_ms = settings->redis_patience_ms,
    };
}

enum { OPENING_MS = 1000 }; /* then it is said that it is waited for; for how long is start.wait_ms */

/* Those that aren't open yet. */
static int try_redis(void *context, struct buf *problem)
{
    const struct opening *opening = context;
    const struct stock_cells *cells = &opening->store->cells;
    int error = OK;

    for (int32_t i = 0; i < cells->count && !error; i++) {
        struct kv_redis_options options = redis_options(opening->store, opening->store->names[i], opening->settings);
        options.holder = opening->store->holder.p;
        options.opening_ms = options.patience_ms < OPENING_MS ? options.patience_ms : OPENING_MS;
        if (!cells->kv[i])
            cells->kv[i] = kv_redis_open(&options, problem, &error);
    }
    return error;
}

/* false: no memory. */
static bool name_cells(struct stock_store *store, int32_t count)
{
    store->cells.kv = heap_alloc((size_t)count * sizeof(struct kv *));
    store->names = heap_alloc((size_t)count * sizeof(*store->names));
    if (!store->cells.kv || !store->names)
        return false;
    store->cells.count = count;
    for (int32_t i = 0; i < count; i++) {
        struct buf name = {0};
        buf_printf(&name, "stock:%d", (int)i);
        bool fine = !name.failed && name.n < STOCK_CELL_NAME;
        if (fine)
            memcpy(store->names[i], name.p, name.n);
        buf_free(&name);
        if (!fine)
            return false;
    }
    return true;
}

static bool open_any(struct stock_store *store, struct service *service, const struct stock_store_settings *settings,
                     struct buf *problem)
{
    struct opening opening = {store, settings};

    if (!store->on_a_server)
        return open_file(store, service, settings, problem) == OK;
    service_name_holder(service, &store->holder);
    buf_char(&store->holder, '\0');
    if (store->holder.failed) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    return take_password(store, settings, problem) &&
           service_wait_for_store(service, try_redis, &opening, problem) == OK;
}

static const char name[] = "the stock's store";

static bool keep_cells(const struct stock_cells *cells, struct buf *problem)
{
    bool fine = true;

    for (int32_t i = 0; i < cells->count && fine; i++)
        fine = kv_cells_keep(cells->kv[i], name, cells->count, false, problem) == OK;
    return fine;
}

bool stock_store_open(struct stock_store *store, struct service *service, const struct common_settings *common,
                      const struct stock_store_settings *settings, struct buf *problem)
{
    *store = (struct stock_store){.on_a_server = settings->redis[0] != '\0'};
    if (!store->on_a_server && common->shop_cells > 1) {
        buf_printf(problem, "shop.cells is %lld, and stock's file is one cell: keep stock in a Redis (stock.redis)",
                   (long long)common->shop_cells);
        return false;
    }
    if (!name_cells(store, (int32_t)common->shop_cells)) {
        BUF_LIT(problem, "out of memory");
        return false;
    }
    return open_any(store, service, settings, problem) && keep_cells(&store->cells, problem);
}

void stock_store_close(struct stock_store *store)
{
    for (int32_t i = 0; i < store->cells.count; i++) {
        if (store->cells.kv[i])
            store->cells.kv[i]->close(store->cells.kv[i]);
    }
    heap_free(store->cells.kv);
    heap_free(store->names);
    secret_free(store->password);
    buf_free(&store->holder);
    *store = (struct stock_store){0};
}

/* --- for export and import --- */

static void release(void *held)
{
    struct stock_store *store = held;

    secret_free(store->password);
    heap_free(store);
}

/* Of the right number of cells; an empty one gets it. */
static struct archive_store *new_archive(struct kv *kv, int64_t cells, bool looks, struct stock_store *held,
                                         struct buf *problem)
{
    if (kv_cells_keep(kv, name, (int32_t)cells, looks, problem) == OK)
        return archive_kv_new(kv, STOCK_STORE_FORMAT, held ? release : NULL, held, problem);
    kv->close(kv);
    return NULL;
}

static struct archive_store *open_file_archive(const char *path, int64_t cells,
                                               const struct stock_store_settings *settings,
                                               struct archive_opening *opening, struct buf *problem)
{
    const struct kv_options options = {.path = path,
                                       .application = application,
                                       .format = STOCK_STORE_FORMAT,
                                       .map_size = settings->map_size,
                                       .importing = opening->imports};
    int error = OK;

    opening->absent = !opening->imports && access(path, F_OK) != 0;
    if (opening->absent)
        return NULL;
    struct kv *kv = kv_lmdb_open(&options, problem, &error);
    return kv ? new_archive(kv, cells, !opening->imports, NULL, problem) : NULL;
}

/* Whether there is a store, and whether it may be filled: nothing is kept, or half of an import. */
static int look_at_redis(struct kv_redis_options options, bool *may_be_filled, struct buf *problem)
{
    struct buf mark = {0};
    bool is_empty = false;
    int error = OK;

    options.look = true;
    struct kv *kv = kv_redis_open(&options, problem, &error);
    struct archive_store *store = kv ? archive_kv_new(kv, STOCK_STORE_FORMAT, NULL, NULL, problem) : NULL;
    if (!store)
        return error ? error : E_MEMORY;
    error = store->look(store, &mark, &is_empty);
    if (error)
        buf_printf(problem, "what stock keeps can't be read: %s", error_text(error));
    *may_be_filled = is_empty || mark.n > 0;
    buf_free(&mark);
    store->close(store);
    return error;
}

static const char only_cell[] = "stock:0";

/* Whoever has it open is fenced off only by what fills it. */
static struct archive_store *open_redis_archive(struct stock_store *held, int64_t cells,
                                                const struct stock_store_settings *settings,
                                                struct archive_opening *opening, struct buf *problem)
{
    struct kv_redis_options options = redis_options(held, only_cell, settings);
    bool may_be_filled = true;

    options.importing = opening->imports;
    int error = look_at_redis(options, &may_be_filled, problem);
    if (error == E_NOT_FOUND)
        buf_clear(problem);
    opening->absent = error == E_NOT_FOUND && !opening->imports;
    if (opening->absent || (error && error != E_NOT_FOUND))
        return NULL;
    options.look = !opening->imports || !may_be_filled;
    struct kv *kv = kv_redis_open(&options, problem, &error);
    return kv ? new_archive(kv, cells, options.look, held, problem) : NULL;
}

static struct archive_store *take_redis_archive(int64_t cells, const struct stock_store_settings *settings,
                                                struct archive_opening *opening, struct buf *problem)
{
    struct stock_store *held = heap_alloc(sizeof(*held));
    struct archive_store *store = NULL;

    if (!held || cells > 1) {
        if (held)
            buf_printf(problem, "shop.cells is %lld, and stock is moved only of a shop of one cell", (long long)cells);
        else
            BUF_LIT(problem, "out of memory");
        heap_free(held);
        return NULL;
    }
    if (take_password(held, settings, problem))
        store = open_redis_archive(held, cells, settings, opening, problem);
    if (!store)
        release(held);
    return store;
}

struct archive_store *stock_store_open_archive(const struct common_settings *common,
                                               const struct stock_store_settings *settings,
                                               struct archive_opening *opening, struct buf *problem)
{
    struct buf path = {0};
    struct archive_store *store = NULL;

    if (opening->imports && opening->schema != STOCK_STORE_FORMAT) {
        buf_printf(problem,
                   "stock was exported in format %lld, this version of coffeeshop knows %d: import it with the version "
                   "that exported it",
                   (long long)opening->schema, STOCK_STORE_FORMAT);
        return NULL;
    }
    if (settings->redis[0])
        return take_redis_archive(common->shop_cells, settings, opening, problem);
    buf_printf(&path, "%s/stock.lmdb%c", common->data, '\0');
    if (path.failed)
        BUF_LIT(problem, "out of memory");
    else
        store = open_file_archive(path.p, common->shop_cells, settings, opening, problem);
    buf_free(&path);
    return store;
}
