#include "sql.h"

#include "base.h"
#include "errors.h"

int sql_end(struct sql *sql, int rc)
{
    if (!rc)
        return sql->commit(sql);
    sql->rollback(sql);
    return rc;
}

static int on_number(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    *(int64_t *)context = sql_i64(row, 0);
    return OK;
}

int sql_number(struct sql *sql, const struct sql_statement *statement, const struct sql_value *params, int64_t *number)
{
    return sql_query(sql, statement, params, on_number, number);
}
