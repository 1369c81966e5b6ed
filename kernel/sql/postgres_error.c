#include "base.h"
#include "errors.h"
#include "log.h"
#include "postgres_internal.h"

#include <string.h>

/* https://www.postgresql.org/docs/15/errcodes-appendix.html; the first whose beginning fits counts. */
static const struct {
    const char *begins;
    int error;
} meanings[] = {
    {"08", E_UNAVAILABLE},    /* the connection */
    {"23", E_CONFLICT},       /* a constraint: unique, not null, … */
    {"25006", E_UNAVAILABLE}, /* read only: a standby, or made so */
    {"25P03", E_UNAVAILABLE}, /* a transaction that was idle for too long was ended */
    {"26000", E_UNAVAILABLE}, /* it doesn't know our statement: that isn't the session that we prepared it in */
    {"28", E_UNAVAILABLE},    /* who we are isn't believed any more */
    {"0A000", E_UNAVAILABLE}, /* a table was changed under a statement that was prepared before (postgres_wire.c) */
    {"22", E_REFUSED},        /* a value that the column doesn't take: it isn't the column that we made */
    {"3F", E_REFUSED},        /* no such schema */
    {"42", E_REFUSED},        /* no right; no such table, no such column, or of another type */
    {"40", E_UNAVAILABLE},    /* serialisation, deadlock: the same again may succeed */
    {"53100", E_FULL},        /* disk full */
    {"53200", E_MEMORY},      /* */
    {"53", E_UNAVAILABLE},    /* too many connections, … */
    {"54", E_TOO_LARGE},      /* a limit of the program */
    {"55P03", E_UNAVAILABLE}, /* lock not available in time */
    {"57014", E_TIMEOUT},     /* interrupted */
    {"57", E_UNAVAILABLE},    /* shutting down, starting up, crashed */
    {"58", E_UNAVAILABLE},    /* I/O */
    {"XX001", E_CORRUPT},     /* data */
    {"XX002", E_CORRUPT},     /* index */
};

int postgres_error_of(const char *sqlstate)
{
    if (!sqlstate)
        return E_UNAVAILABLE;
    for (size_t i = 0; i < COUNT_OF(meanings); i++) {
        if (strncmp(sqlstate, meanings[i].begins, strlen(meanings[i].begins)) == 0)
            return meanings[i].error;
    }
    return E_SYSTEM;
}

static int64_t number_of(const char *sqlstate)
{
    int64_t number = 0;

    memcpy(&number, sqlstate, strnlen(sqlstate, POSTGRES_SQLSTATE));
    return number;
}

int postgres_report(struct postgres *self, const PGresult *result, const char *text)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    int error = postgres_error_of(sqlstate);

    if (error == E_CORRUPT)
        atomic_store_explicit(self->damaged, true, memory_order_relaxed);
    if (error == E_CONFLICT || error == E_TIMEOUT || !sqlstate || !log_is_news(&self->told, number_of(sqlstate)))
        return error;
    /* Its detail would have values of rows in it. */
    log_warning("the database refused", LOG_T("error", error_name(error)),
                LOG_T("reason", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)), LOG_T("code", sqlstate),
                LOG_T("statement", text));
    return error;
}

void postgres_say(struct buf *problem, const char *words)
{
    struct str text = str_of(words);

    while (text.n && text.p[text.n - 1] == '\n')
        text.n--;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n')
            buf_char(problem, ' ');
        else if (text.p[i] != '\t')
            buf_char(problem, text.p[i]);
    }
}

void postgres_say_where(struct buf *problem, const PGconn *conn, const char *schema)
{
    const char *host = PQhost(conn);
    const char *port = PQport(conn);
    const char *database = PQdb(conn);

    if (host && *host)
        buf_printf(problem, "PostgreSQL at %s:%s, database %s, schema %s", host, port ? port : "",
                   database ? database : "", schema);
    else
        buf_printf(problem, "PostgreSQL, schema %s", schema);
}
