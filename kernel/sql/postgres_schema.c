#include "errors.h"
#include "postgres_internal.h"
#include "sql_import.h"

#include <ctype.h>

/* A schema says whose it is in its table meta: the application, how far its migrations have got, and a name that no
 * other schema has. The schema's own name needs no escaping behind postgres_connect(), which has looked at it. */

/* --- a script in PostgreSQL's words --- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void translate_word(struct buf *out, struct str word)
{
    if (str_is(word, "INTEGER"))
        BUF_LIT(out, "BIGINT");
    else if (str_is(word, "BLOB"))
        BUF_LIT(out, "BYTEA");
    else if (str_is(word, "TEXT"))
        BUF_LIT(out, "TEXT COLLATE \"C\"");
    else
        buf_add(out, word);
}

void postgres_translate(struct buf *out, struct str script)
{
    bool quoted = false;

    for (size_t i = 0; i < script.n;) {
        size_t n = 0;
        while (!quoted && i + n < script.n && is_word(script.p[i + n]))
            n++;
        if (n) {
            translate_word(out, (struct str){script.p + i, n});
            i += n;
            continue;
        }
        quoted ^= script.p[i] == '\'';
        buf_char(out, script.p[i++]);
    }
}

/* --- asking --- */

int postgres_ask(struct postgres *self, PGconn *conn, struct buf *text, int64_t limit_ms, PGresult **result,
                 struct buf *problem)
{
    buf_char(text, '\0');
    *result = text->failed ? NULL : postgres_run(conn, text->p, limit_ms);
    bool failed = text->failed;
    buf_free(text);
    if (failed)
        return E_MEMORY;
    ExecStatusType status = PQresultStatus(*result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY)
        return OK;
    int error = postgres_error_of(PQresultErrorField(*result, PG_DIAG_SQLSTATE));
    const char *said = PQresultErrorField(*result, PG_DIAG_MESSAGE_PRIMARY);
    postgres_say_where(problem, conn, self->options.schema);
    buf_printf(problem, ": %s", said ? said : "no answer");
    return error;
}

static int say_foreign(struct postgres *self, PGconn *conn, struct str owner, struct buf *problem)
{
    postgres_say_where(problem, conn, self->options.schema);
    if (owner.n)
        buf_printf(problem, " belongs to \"%.*s\", not to \"%s\": give each service a schema of its own",
                   STR_ARG(owner), self->options.application);
    else
        buf_printf(problem, " is another program's: give \"%s\" a schema of its own", self->options.application);
    return E_FOREIGN;
}

/* --- whose it is --- */

struct identity {
    bool is_there; /* the schema */
    bool is_empty;
    bool has_meta;
};

static int look(struct postgres *self, PGconn *conn, struct identity *found, struct buf *problem)
{
    struct buf text = {0};
    PGresult *result;

    buf_printf(&text,
               "SELECT (SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid) = 0,"
               " EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'meta')"
               " FROM pg_namespace n WHERE n.nspname = '%s'",
               self->options.schema);
    int error = postgres_ask(self, conn, &text, self->options.silent_ms, &result, problem);
    if (!error && PQntuples(result) == 1)
        *found = (struct identity){true, *PQgetvalue(result, 0, 0) == 't', *PQgetvalue(result, 0, 1) == 't'};
    PQclear(result);
    return error;
}

int postgres_meta(struct postgres *self, PGconn *conn, const char *name, struct buf *value, struct buf *problem)
{
    struct buf text = {0};
    PGresult *result;

    buf_clear(value);
    buf_printf(&text, "SELECT value FROM \"%s\".meta WHERE name = '%s'", self->options.schema, name);
    int error = postgres_ask(self, conn, &text, self->options.silent_ms, &result, problem);
    if (!error && PQntuples(result) == 1)
        buf_add(value, str_of(PQgetvalue(result, 0, 0)));
    PQclear(result);
    return error ? error : value->failed ? E_MEMORY : OK;
}

/* The connection may have been made anew: the database behind it has to be the one that it was. */
static int check_instance(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf instance = {0};
    int error = postgres_meta(self, conn, "instance", &instance, problem);

    if (!error && self->instance.n == 0)
        buf_add(&self->instance, buf_str(&instance));
    if (!error && !str_eq(buf_str(&instance), buf_str(&self->instance))) {
        atomic_store_explicit(&self->replaced, true, memory_order_relaxed);
        postgres_say_where(problem, conn, self->options.schema);
        BUF_LIT(problem, " isn't the database that this service was started with: start it again");
        error = E_UNAVAILABLE;
    }
    buf_free(&instance);
    return error ? error : self->instance.failed ? E_MEMORY : OK;
}

static int check_version(struct postgres *self, PGconn *conn, int64_t version, struct buf *problem)
{
    int64_t known = (int64_t)self->options.n_migrations;

    bool as_it_is = self->options.read_only || self->options.exact;

    if (version <= known && !(as_it_is && version < known))
        return OK;
    postgres_say_where(problem, conn, self->options.schema);
    if (self->options.exact && version == 0) {
        BUF_LIT(problem, " isn't there");
        return E_NOT_FOUND;
    }
    if (version > known) {
        buf_printf(problem,
                   " was written by a newer version (version %lld of its tables, this one knows %lld): start the newer "
                   "version, or restore a backup",
                   (long long)version, (long long)known);
        return E_NEWER;
    }
    buf_printf(problem,
               " has version %lld of its tables, %lld is needed: start the service first, it brings them up to date",
               (long long)version, (long long)known);
    return E_UNAVAILABLE;
}

static int check_owner(struct postgres *self, PGconn *conn, int64_t *version, struct buf *problem)
{
    struct buf value = {0};

    int error = postgres_meta(self, conn, "application", &value, problem);
    if (!error && !str_is(buf_str(&value), self->options.application))
        error = say_foreign(self, conn, buf_str(&value), problem);
    if (!error)
        error = postgres_meta(self, conn, "version", &value, problem);
    if (!error && !str_to_i64(buf_str(&value), version))
        error = say_foreign(self, conn, (struct str){NULL, 0}, problem);
    buf_free(&value);
    return error;
}

/* A schema from before there were cells is one. */
static int check_cells(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf value = {0};
    int64_t cells = 1;

    if (!self->options.cells)
        return OK;
    int error = postgres_meta(self, conn, "cells", &value, problem);
    if (!error && value.n && !str_to_i64(buf_str(&value), &cells))
        error = say_foreign(self, conn, (struct str){NULL, 0}, problem);
    if (!error && cells != self->options.cells) {
        postgres_say_where(problem, conn, self->options.schema);
        buf_printf(problem, SQL_OTHER_CELLS, (long long)cells, (int)self->options.cells, (long long)cells);
        error = E_FOREIGN;
    }
    buf_free(&value);
    return error;
}

static int check_import(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf mark = {0};

    int error = postgres_meta(self, conn, "import", &mark, problem);
    if (!error && mark.n && !self->options.importing) {
        postgres_say_where(problem, conn, self->options.schema);
        BUF_LIT(problem, " " SQL_HALF_IMPORTED);
        error = E_FOREIGN;
    }
    buf_free(&mark);
    return error;
}

int postgres_identify(struct postgres *self, PGconn *conn, int *version, struct buf *problem)
{
    struct identity found = {0};
    int64_t number = 0;

    *version = 0;
    int error = look(self, conn, &found, problem);
    if (error)
        return error;
    if (!found.has_meta) {
        if (found.is_there && !found.is_empty)
            return say_foreign(self, conn, (struct str){NULL, 0}, problem);
        return check_version(self, conn, 0, problem);
    }
    error = check_owner(self, conn, &number, problem);
    if (!error)
        error = check_version(self, conn, number, problem);
    if (!error)
        error = check_instance(self, conn, problem);
    if (!error)
        error = check_cells(self, conn, problem);
    if (!error)
        error = check_import(self, conn, problem);
    *version = (int)number;
    return error;
}

/* --- bringing it up to date --- */

static int begin_alone(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf text = {0};
    PGresult *result;

    buf_printf(&text, "BEGIN; SELECT pg_advisory_xact_lock(%lld)", (long long)self->lock);
    int error = postgres_ask(self, conn, &text, self->options.busy_ms + self->options.silent_ms, &result, problem);
    PQclear(result);
    return error;
}

static void add_steps(struct postgres *self, int version, struct buf *text)
{
    const char *schema = self->options.schema;

    if (version == 0) {
        buf_printf(text, "CREATE SCHEMA IF NOT EXISTS \"%s\"; SET LOCAL search_path TO \"%s\";", schema, schema);
        buf_printf(text,
                   "CREATE TABLE meta (name TEXT COLLATE \"C\" PRIMARY KEY, value TEXT NOT NULL);"
                   "INSERT INTO meta (name, value) VALUES ('application', '%s'), ('instance', gen_random_uuid()),"
                   " ('cells', '%d'), ('version', '0');",
                   self->options.application, self->options.cells ? (int)self->options.cells : 1);
    }
    for (size_t i = (size_t)version; i < self->options.n_migrations; i++) {
        const struct sql_migration *migration = &self->options.migrations[i];
        ASSERT(migration->version == (int)i + 1);
        postgres_translate(text, str_of(migration->script));
        BUF_LIT(text, ";");
    }
    buf_printf(text, "UPDATE meta SET value = '%zu' WHERE name = 'version'; COMMIT", self->options.n_migrations);
}

int postgres_migrate(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf text = {0};
    PGresult *result = NULL;
    int version = 0;

    int error = begin_alone(self, conn, problem);
    if (!error) /* again: somebody else may have been faster */
        error = postgres_identify(self, conn, &version, problem);
    if (error)
        return error;
    add_steps(self, version, &text);
    error = postgres_ask(self, conn, &text, 0, &result, problem); /* a step may take as long as there are rows */
    PQclear(result);
    return error ? error : check_instance(self, conn, problem);
}
