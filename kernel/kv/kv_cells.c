#include "kv_cells.h"

#include "base.h"
#include "errors.h"

struct looking {
    bool has_any;
    int64_t cells; /* 0: it doesn't say */
};

static int on_cells(void *context, struct str key, struct str value)
{
    struct looking *looking = context;

    return str_eq(key, KV_CELLS_KEY) && !str_to_i64(value, &looking->cells) ? E_CORRUPT : OK;
}

static int on_any(void *context, struct str key, struct str value)
{
    UNUSED(value);
    if (!str_eq(key, KV_IMPORT_KEY))
        ((struct looking *)context)->has_any = true;
    return OK;
}

static int note(struct kv *kv, int32_t cells)
{
    struct buf text = {0};

    buf_i64(&text, cells);
    const struct kv_entry entry = {.key = KV_CELLS_KEY, .value = buf_str(&text)};
    int error = text.failed ? E_MEMORY : kv->commit(kv, &entry, 1);
    buf_free(&text);
    return error == E_FULL ? OK : error; /* it can still be read */
}

int kv_cells_keep(struct kv *kv, const char *name, int32_t cells, bool looks, struct buf *problem)
{
    struct looking looking = {0};

    int error = kv->scan(kv, KV_CELLS_KEY, KV_CELLS_KEY, 1, on_cells, &looking);
    if (!error && !looking.cells)
        error = kv->scan(kv, STR(""), STR(""), 2, on_any, &looking);
    if (!error && !looking.cells && !looking.has_any)
        error = looks ? OK : note(kv, cells);
    else if (!error && !looking.cells)
        looking.cells = 1;
    if (error) {
        buf_printf(problem, "%s can't be read or written: %s", name, error_text(error));
        return error;
    }
    if (!looking.cells || looking.cells == cells)
        return OK;
    buf_printf(
        problem,
        "%s was made with shop.cells=%lld, and it is %d now: set it to %lld; with another number a shop has to be "
        "made anew",
        name, (long long)looking.cells, (int)cells, (long long)looking.cells);
    return E_FOREIGN;
}
