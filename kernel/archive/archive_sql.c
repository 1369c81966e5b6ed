#include "archive_sql.h"

#include "alloc.h"
#include "archive_line.h"
#include "checksum.h"
#include "errors.h"
#include "sql_import.h"

enum { STOP = -1, MOST_TABLES = 64 };

struct table {
    struct sql_statement insert;
    const char *select; /* the columns, and whence */
    const char *behind; /* which rows come behind the key $1, $2 … */
    const char *order, *order_down;
};

struct archive_sql {
    struct archive_store store;
    struct sql *sql;
    struct arena arena; /* the tables and their statements */
    struct archive_table tables[MOST_TABLES];
    struct table texts[MOST_TABLES];          /* as tables */
    struct str columns[ARCHIVE_MOST_COLUMNS]; /* of the table that is being made */
    struct buf names;
    int error;
};

static struct archive_sql *of(struct archive_store *store)
{
    return CONTAINER_OF(store, struct archive_sql, store);
}

/* --- the tables, as the engine tells them --- */

static const char *keep(struct archive_sql *self, struct buf *text)
{
    buf_char(text, '\0');
    const char *kept = text->failed ? NULL : arena_copy(&self->arena, (struct str){text->p, text->n - 1}).p;
    buf_clear(text);
    if (!kept)
        self->error = E_MEMORY;
    return kept;
}

static void add_key(struct buf *text, const struct str *names, const struct archive_table *table, const char *after)
{
    for (size_t i = 0; i < table->n_key; i++)
        buf_printf(text, "%s\"%.*s\"%s", i ? ", " : "", STR_ARG(names[table->key[i]]), after);
}

static void write_texts(struct archive_sql *self, const struct archive_table *table, struct table *texts)
{
    struct buf text = {0};

    for (size_t i = 0; i < table->n_columns; i++)
        buf_printf(&text, "%s\"%.*s\"", i ? ", " : "SELECT ", STR_ARG(self->columns[i]));
    buf_printf(&text, " FROM \"%.*s\"", STR_ARG(table->name));
    texts->select = keep(self, &text);
    BUF_LIT(&text, " WHERE (");
    add_key(&text, self->columns, table, "");
    BUF_LIT(&text, ") > (");
    for (size_t i = 0; i < table->n_key; i++)
        buf_printf(&text, "%s$%zu", i ? ", " : "", i + 1);
    buf_char(&text, ')');
    texts->behind = keep(self, &text);
    BUF_LIT(&text, " ORDER BY ");
    add_key(&text, self->columns, table, "");
    texts->order = keep(self, &text);
    BUF_LIT(&text, " ORDER BY ");
    add_key(&text, self->columns, table, " DESC");
    BUF_LIT(&text, " LIMIT 1");
    texts->order_down = keep(self, &text);
    buf_printf(&text, "INSERT INTO \"%.*s\" (", STR_ARG(table->name));
    for (size_t i = 0; i < table->n_columns; i++)
        buf_printf(&text, "%s\"%.*s\"", i ? ", " : "", STR_ARG(self->columns[i]));
    for (size_t i = 0; i < table->n_columns; i++)
        buf_printf(&text, "%s$%zu", i ? ", " : ") VALUES (", i + 1);
    buf_char(&text, ')');
    texts->insert = (struct sql_statement){keep(self, &text), (int)table->n_columns};
    buf_free(&text);
}

/* All columns of the last table have come. */
static void finish_table(struct archive_sql *self)
{
    if (self->store.n_tables == 0 || self->error)
        return;
    struct archive_table *table = &self->tables[self->store.n_tables - 1];
    table->columns = arena_copy(&self->arena, buf_str(&self->names));
    if (!table->columns.p)
        self->error = E_MEMORY;
    else if (table->n_key == 0) /* its rows would have no order */
        self->error = E_FOREIGN;
    else
        write_texts(self, table, &self->texts[self->store.n_tables - 1]);
}

static int add_column(struct archive_sql *self, struct archive_table *table, struct str name, int64_t in_key)
{
    if (table->n_columns == ARCHIVE_MOST_COLUMNS || in_key > ARCHIVE_MOST_KEY)
        return E_TOO_LARGE;
    if (in_key > 0) {
        table->key[in_key - 1] = table->n_columns;
        table->n_key++;
    }
    if (table->n_columns)
        buf_char(&self->names, ' ');
    buf_add(&self->names, name);
    self->columns[table->n_columns] = arena_copy(&self->arena, name);
    return self->names.failed || !self->columns[table->n_columns++].p ? E_MEMORY : OK;
}

static int on_column(void *context, size_t index, const struct sql_row *row)
{
    struct archive_sql *self = context;
    size_t n = self->store.n_tables;

    UNUSED(index);
    if (n == 0 || !str_eq(self->tables[n - 1].name, sql_text(row, 0))) {
        finish_table(self);
        if (!self->error && n == MOST_TABLES)
            self->error = E_TOO_LARGE;
        if (self->error)
            return self->error;
        buf_clear(&self->names);
        self->tables[n] = (struct archive_table){.name = arena_copy(&self->arena, sql_text(row, 0))};
        self->store.n_tables = ++n;
        if (!self->tables[n - 1].name.p)
            return E_MEMORY;
    }
    return add_column(self, &self->tables[n - 1], sql_text(row, 1), sql_i64(row, 2));
}

/* --- reading --- */

struct reading {
    const struct archive_table *table;
    archive_on_row *on_row;
    void *context;
};

static int on_row(void *context, size_t index, const struct sql_row *row)
{
    const struct reading *reading = context;
    struct sql_value values[ARCHIVE_MOST_COLUMNS];

    UNUSED(index);
    for (size_t i = 0; i < reading->table->n_columns; i++)
        values[i] = sql_value_of(row, (int)i);
    return reading->on_row(reading->context, values);
}

static int run(struct archive_sql *self, const char *first, const char *second, const char *third,
               const struct sql_value *params, size_t n_params, struct reading *reading)
{
    struct buf text = {0};

    buf_printf(&text, "%s%s%s%c", first, second, third, '\0');
    int error = text.failed ? E_MEMORY : self->sql->query_text(self->sql, text.p, params, n_params, on_row, reading);
    buf_free(&text);
    return error;
}

static int store_read(struct archive_store *store, const struct archive_table *table, const struct sql_value *after,
                      archive_on_row *on_each, void *context)
{
    struct archive_sql *self = of(store);
    const struct table *texts = &self->texts[table - self->tables];
    struct reading reading = {table, on_each, context};
    struct sql_value key[ARCHIVE_MOST_KEY];

    for (size_t i = 0; after && i < table->n_key; i++)
        key[i] = after[table->key[i]];
    return run(self, texts->select, after ? texts->behind : "", texts->order, key, after ? table->n_key : 0, &reading);
}

struct newest {
    const struct archive_table *table;
    struct buf line;
    uint64_t chain;
};

static int on_newest(void *context, const struct sql_value *row)
{
    struct newest *newest = context;

    buf_clear(&newest->line);
    archive_row_write(&newest->line, row, newest->table->n_columns);
    archive_line_end(&newest->line, &newest->chain);
    return newest->line.failed ? E_MEMORY : OK;
}

/* The last row of each table: a start adds an epoch, what is applied moves a cursor, what happens is an event. */
static int store_state(struct archive_store *store, uint64_t *state)
{
    struct archive_sql *self = of(store);
    struct newest newest = {.chain = 0};
    int error = OK;

    for (size_t i = 0; i < store->n_tables && !error; i++) {
        newest.table = &self->tables[i];
        struct reading reading = {newest.table, on_newest, &newest};
        error = run(self, self->texts[i].select, "", self->texts[i].order_down, NULL, 0, &reading);
    }
    buf_free(&newest.line);
    *state = newest.chain;
    return error;
}

/* --- filling --- */

static int on_any(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    UNUSED(row);
    *(bool *)context = true;
    return STOP;
}

/* A total of nothing (ADR 14) is what a migration puts there. */
static int has_rows(struct archive_sql *self, const struct archive_table *table, bool *yes)
{
    struct buf text = {0};

    buf_printf(&text, "SELECT 1 FROM \"%.*s\"%s LIMIT 1%c", STR_ARG(table->name),
               str_is(table->name, "tally") ? " WHERE n <> 0" : "", '\0');
    int error = text.failed ? E_MEMORY : self->sql->query_text(self->sql, text.p, NULL, 0, on_any, yes);
    buf_free(&text);
    return error == STOP ? OK : error;
}

static int store_look(struct archive_store *store, struct buf *mark, bool *is_empty)
{
    struct archive_sql *self = of(store);
    bool has_any = false;

    int error = sql_import_find(self->sql, mark);
    for (size_t i = 0; i < store->n_tables && !error && !has_any; i++)
        error = has_rows(self, &self->tables[i], &has_any);
    *is_empty = !has_any;
    return error;
}

static int store_begin(struct archive_store *store, struct str mark)
{
    struct archive_sql *self = of(store);
    struct buf text = {0};

    int error = self->sql->begin(self->sql);
    if (error)
        return error;
    for (size_t i = 0; i < store->n_tables && !error; i++) {
        buf_clear(&text);
        buf_printf(&text, "DELETE FROM \"%.*s\"%c", STR_ARG(self->tables[i].name), '\0');
        error = text.failed ? E_MEMORY : self->sql->query_text(self->sql, text.p, NULL, 0, NULL, NULL);
    }
    buf_free(&text);
    if (!error)
        error = sql_import_note(self->sql, mark);
    return sql_end(self->sql, error);
}

static int store_write(struct archive_store *store, const struct archive_table *table, const struct sql_value *rows,
                       size_t n, struct str mark)
{
    struct archive_sql *self = of(store);

    int error = self->sql->begin(self->sql);
    if (error)
        return error;
    if (n)
        error = self->sql->exec_many(self->sql, &self->texts[table - self->tables].insert, rows, n);
    if (!error)
        error = sql_import_note(self->sql, mark);
    return sql_end(self->sql, error);
}

static int store_end(struct archive_store *store)
{
    return sql_import_end(of(store)->sql);
}

static void store_close(struct archive_store *store)
{
    struct archive_sql *self = of(store);

    self->sql->close(self->sql);
    buf_free(&self->names);
    arena_free(&self->arena);
    heap_free(self);
}

struct archive_store *archive_sql_new(struct sql *sql, int64_t schema, struct buf *problem)
{
    struct archive_sql *self = heap_alloc(sizeof(*self));

    if (!self) {
        sql->close(sql);
        BUF_LIT(problem, "out of memory");
        return NULL;
    }
    arena_init(&self->arena, 0);
    self->sql = sql;
    self->store = (struct archive_store){.schema = schema,
                                         .tables = self->tables,
                                         .read = store_read,
                                         .state = store_state,
                                         .look = store_look,
                                         .begin = store_begin,
                                         .write = store_write,
                                         .end = store_end,
                                         .close = store_close};
    int error = sql->columns(sql, on_column, self);
    if (!error) {
        finish_table(self);
        error = self->error;
    }
    if (error) {
        buf_printf(problem, "the tables can't be told: %s", error_text(error));
        store_close(&self->store);
        return NULL;
    }
    return &self->store;
}
