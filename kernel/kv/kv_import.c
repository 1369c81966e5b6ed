#include "kv_import.h"

#include "base.h"
#include "errors.h"

static int on_mark(void *context, struct str key, struct str value)
{
    UNUSED(value);
    *(bool *)context = str_eq(key, KV_IMPORT_KEY);
    return 0;
}

int kv_check_import(struct kv *kv, bool importing, const char *name, struct buf *problem)
{
    bool is_marked = false;

    int error = importing ? OK : kv->scan(kv, KV_IMPORT_KEY, STR(""), 1, on_mark, &is_marked);
    if (error) {
        buf_printf(problem, "%s can't be read: %s", name, error_text(error));
        return error;
    }
    if (!is_marked)
        return OK;
    buf_printf(problem,
               "%s is half of an import: `coffeeshop import` with the same file finishes it; or remove all that it has "
               "written",
               name);
    return E_FOREIGN;
}
