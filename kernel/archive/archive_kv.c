#include "archive_kv.h"

#include "alloc.h"
#include "archive_line.h"
#include "errors.h"

enum { AT_ONCE = 1024 };

static const struct archive_table entries = {
    .name = STR_INIT("entry"), .columns = STR_INIT("key value"), .n_columns = 2, .key = {0}, .n_key = 1};

struct archive_kv {
    struct archive_store store;
    struct kv *kv;
    void (*release)(void *held);
    void *held;
};

/* What a store says of itself, and not of the shop. */
static bool is_mark(struct str key)
{
    return str_eq(key, KV_IMPORT_KEY) || str_eq(key, KV_CELLS_KEY);
}

static struct archive_kv *of(struct archive_store *store)
{
    return CONTAINER_OF(store, struct archive_kv, store);
}

/* --- reading --- */

struct reading {
    archive_on_row *on_row;
    void *context;
    struct buf last; /* the key that was handed out last */
    size_t n;        /* entries of this piece */
};

static int on_entry(void *context, struct str key, struct str value)
{
    struct reading *reading = context;
    const struct sql_value row[] = {SQL_B(key), SQL_B(value)};

    reading->n++;
    if (str_eq(key, buf_str(&reading->last)) || is_mark(key))
        return 0;
    buf_clear(&reading->last);
    buf_add(&reading->last, key);
    return reading->last.failed ? E_MEMORY : reading->on_row(reading->context, row);
}

/* In pieces: nobody else writes, and what one scan carries may be held in memory whole. Each begins with the entry that
 * the one before it ended with. */
static int store_read(struct archive_store *store, const struct archive_table *table, const struct sql_value *after,
                      archive_on_row *on_row, void *context)
{
    struct kv *kv = of(store)->kv;
    struct reading reading = {on_row, context, {0}, AT_ONCE};
    int error = OK;

    UNUSED(table);
    if (after)
        buf_add(&reading.last, after[0].text);
    while (!error && !reading.last.failed && reading.n == AT_ONCE) {
        struct buf from = {0};
        buf_add(&from, buf_str(&reading.last));
        reading.n = 0;
        error = from.failed ? E_MEMORY : kv->scan(kv, STR(""), buf_str(&from), AT_ONCE, on_entry, &reading);
        buf_free(&from);
    }
    if (reading.last.failed)
        error = E_MEMORY;
    buf_free(&reading.last);
    return error;
}

struct newest {
    struct buf line;
    uint64_t chain;
};

static int on_newest(void *context, struct str key, struct str value)
{
    struct newest *newest = context;
    const struct sql_value row[] = {SQL_B(key), SQL_B(value)};

    buf_clear(&newest->line);
    archive_row_write(&newest->line, row, COUNT_OF(row));
    archive_line_end(&newest->line, &newest->chain);
    return newest->line.failed ? E_MEMORY : OK;
}

/* A start adds an epoch, what happens is an event (outbox_kv.h). */
static int store_state(struct archive_store *store, uint64_t *state)
{
    static const struct str prefixes[] = {STR_INIT("epoch/"), STR_INIT("outbox/"), STR_INIT("")};
    struct kv *kv = of(store)->kv;
    struct newest newest = {.chain = 0};
    int error = OK;

    for (size_t i = 0; i < COUNT_OF(prefixes) && !error; i++)
        error = kv->last(kv, prefixes[i], on_newest, &newest);
    buf_free(&newest.line);
    *state = newest.chain;
    return error;
}

/* --- filling --- */

static int on_mark(void *context, struct str key, struct str value)
{
    if (str_eq(key, KV_IMPORT_KEY))
        buf_add(context, value);
    return 0;
}

static int on_any(void *context, struct str key, struct str value)
{
    UNUSED(value);
    if (!is_mark(key))
        *(bool *)context = true;
    return 0;
}

static int store_look(struct archive_store *store, struct buf *mark, bool *is_empty)
{
    struct kv *kv = of(store)->kv;
    bool has_any = false;

    int error = kv->scan(kv, KV_IMPORT_KEY, STR(""), 1, on_mark, mark);
    if (!error)
        error = kv->scan(kv, STR(""), STR(""), 3, on_any, &has_any);
    *is_empty = !has_any;
    return error ? error : mark->failed ? E_MEMORY : OK;
}

static bool is_entry(const struct sql_value *row)
{
    struct str key = row[0].text;

    return row[0].kind == SQL_BLOB && row[1].kind == SQL_BLOB && key.n > 0 && key.n <= KV_KEY_MAX && key.p[0] != '\0' &&
           !is_mark(key);
}

static int store_write(struct archive_store *store, const struct archive_table *table, const struct sql_value *rows,
                       size_t n, struct str mark)
{
    struct kv *kv = of(store)->kv;
    struct kv_entry *changes = heap_alloc((n + 1) * sizeof(*changes));
    int error = changes ? OK : E_MEMORY;

    UNUSED(table);
    for (size_t i = 0; i < n && !error; i++) {
        changes[i] = (struct kv_entry){.key = rows[2 * i].text, .value = rows[2 * i + 1].text};
        error = is_entry(&rows[2 * i]) ? OK : E_MALFORMED;
    }
    if (!error) {
        changes[n] = (struct kv_entry){.key = KV_IMPORT_KEY, .value = mark};
        error = kv->commit(kv, changes, n + 1);
    }
    heap_free(changes);
    return error;
}

static int store_begin(struct archive_store *store, struct str mark)
{
    return store_write(store, &entries, NULL, 0, mark);
}

static int store_end(struct archive_store *store)
{
    struct kv *kv = of(store)->kv;
    const struct kv_entry gone = {.key = KV_IMPORT_KEY, .remove = true};
    struct buf mark = {0};

    /* Where there is none the store may be open to be looked at only. */
    int error = kv->scan(kv, KV_IMPORT_KEY, STR(""), 1, on_mark, &mark);
    bool is_marked = mark.n > 0 || mark.failed;
    buf_free(&mark);
    return error || !is_marked ? error : kv->commit(kv, &gone, 1);
}

static void store_close(struct archive_store *store)
{
    struct archive_kv *self = of(store);

    self->kv->close(self->kv);
    if (self->release)
        self->release(self->held);
    heap_free(self);
}

struct archive_store *archive_kv_new(struct kv *kv, int64_t schema, void (*release)(void *held), void *held,
                                     struct buf *problem)
{
    struct archive_kv *self = heap_alloc(sizeof(*self));

    if (!self) {
        kv->close(kv);
        BUF_LIT(problem, "out of memory");
        return NULL;
    }
    self->kv = kv;
    self->release = release;
    self->held = held;
    self->store = (struct archive_store){.schema = schema,
                                         .tables = &entries,
                                         .n_tables = 1,
                                         .read = store_read,
                                         .state = store_state,
                                         .look = store_look,
                                         .begin = store_begin,
                                         .write = store_write,
                                         .end = store_end,
                                         .close = store_close};
    return &self->store;
}
