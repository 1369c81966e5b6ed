/* postgres_rows.c: a result's rows, every column in its binary form. */
#include "base.h"
#include "errors.h"
#include "log.h"
#include "postgres_internal.h"

#include <endian.h>
#include <string.h>

struct postgres_row {
    struct sql_row row;
    const PGresult *result;
    int at;
    int *strange; /* a column that isn't of a type that it was made with; -1: none was met */
};

static void note_strange(const struct postgres_row *self, int column)
{
    *self->strange = column;
}

static int64_t column_i64(const struct sql_row *row, int column)
{
    const struct postgres_row *self = CONTAINER_OF(row, const struct postgres_row, row);
    const char *p = PQgetvalue(self->result, self->at, column);
    struct str text = {p, (size_t)PQgetlength(self->result, self->at, column)};
    int64_t number = 0;
    uint64_t i64;
    uint32_t i32;
    uint16_t i16;

    if (PQgetisnull(self->result, self->at, column))
        return 0;
    switch (PQftype(self->result, column)) {
    case TYPE_I64:
        memcpy(&i64, p, sizeof(i64));
        return (int64_t)be64toh(i64);
    case TYPE_I32:
        memcpy(&i32, p, sizeof(i32));
        return (int32_t)be32toh(i32);
    case TYPE_I16:
        memcpy(&i16, p, sizeof(i16));
        return (int16_t)be16toh(i16);
    case TYPE_BOOL:
        return *p != 0;
    case TYPE_TEXT:
        return str_to_i64(text, &number) ? number : 0;
    default: /* or it is a sum(), which is NUMERIC: the statement has to cast it to BIGINT */
        note_strange(self, column);
        return 0;
    }
}

static struct str column_text(const struct sql_row *row, int column)
{
    const struct postgres_row *self = CONTAINER_OF(row, const struct postgres_row, row);
    int n = PQgetlength(self->result, self->at, column);

    if (postgres_is_number(PQftype(self->result, column))) {
        note_strange(self, column);
        return (struct str){NULL, 0};
    }
    return n ? (struct str){PQgetvalue(self->result, self->at, column), (size_t)n} : (struct str){NULL, 0};
}

static enum sql_kind column_kind(const struct sql_row *row, int column)
{
    const struct postgres_row *self = CONTAINER_OF(row, const struct postgres_row, row);

    if (PQgetisnull(self->result, self->at, column))
        return SQL_NULL;
    Oid type = PQftype(self->result, column);
    if (postgres_is_number(type))
        return SQL_I64;
    return type == TYPE_BYTES ? SQL_BLOB : SQL_TEXT;
}

/* Somebody has changed the table. What was made of its rows is of no use. */
static int refuse(const PGresult *result, int column)
{
    static struct log_reason told;

    if (log_is_news(&told, (int64_t)PQftype(result, column)))
        log_warning("the database refused", LOG_T("error", error_name(E_REFUSED)),
                    LOG_T("reason", "a column isn't of the type that it was made with"),
                    LOG_T("column", PQfname(result, column)));
    return E_REFUSED;
}

int postgres_each_row(const PGresult *result, size_t index, sql_on_row *on_row, void *context)
{
    int strange = -1;
    struct postgres_row row = {{column_i64, column_text, column_kind}, result, 0, &strange};
    int stopped = 0;

    for (; !stopped && row.at < PQntuples(result); row.at++)
        stopped = on_row(context, index, &row.row);
    return strange < 0 ? stopped : refuse(result, strange);
}
