#include "sql_import.h"

#include "base.h"
#include "errors.h"

static const struct sql_statement find_mark = {"SELECT value FROM meta WHERE name = 'import'", 0};
static const struct sql_statement note_mark = {
    "INSERT INTO meta (name, value) VALUES ('import', $1) ON CONFLICT (name) "
    "DO UPDATE SET value = excluded.value",
    1};
static const struct sql_statement remove_mark = {"DELETE FROM meta WHERE name = 'import'", 0};

static int on_mark(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    buf_add(context, sql_text(row, 0));
    return 0;
}

int sql_import_find(struct sql *sql, struct buf *mark)
{
    int error = sql_query(sql, &find_mark, NULL, on_mark, mark);

    return error ? error : mark->failed ? E_MEMORY : OK;
}

int sql_import_note(struct sql *sql, struct str mark)
{
    const struct sql_value value = SQL_S(mark);

    return sql_exec(sql, &note_mark, &value);
}

int sql_import_end(struct sql *sql)
{
    int error = sql->begin(sql);

    return error ? error : sql_end(sql, sql_exec(sql, &remove_mark, NULL));
}
