#include "base.h"
#include "errors.h"
#include "postgres_internal.h"

#include <ctype.h>
#include <string.h>

enum { OLDEST_SERVER = 150000 };

/* A name that can stand in SQL between any quotes; what PostgreSQL would cut off isn't one. */
static bool is_plain(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-')
            return false;
    }
    return n > 0 && n < 64;
}

static int check_settings(const struct postgres *self, struct buf *problem)
{
    if (is_plain(self->options.schema) && is_plain(self->options.application))
        return postgres_check_address(self->options.server, problem) ? OK : E_SYSTEM;
    buf_printf(problem, "the schema's name %s can't be used: letters, digits, _ and - only, 63 at most",
               self->options.schema);
    return E_SYSTEM;
}

static int refuse(const struct postgres *self, const PGconn *conn, int error, const char *why, struct buf *problem)
{
    postgres_say_where(problem, conn, self->options.schema);
    buf_printf(problem, ": %s", why);
    return error;
}

/* One value that the server shows; "" when it doesn't. */
static int show(PGconn *conn, const struct postgres *self, const char *name, struct buf *value)
{
    struct buf text = {0};

    buf_clear(value);
    buf_printf(&text, "SHOW %s%c", name, '\0');
    PGresult *result = text.failed ? NULL : postgres_run(conn, text.p, self->options.silent_ms);
    bool is_shown = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    if (is_shown)
        buf_add(value, str_of(PQgetvalue(result, 0, 0)));
    PQclear(result);
    buf_free(&text);
    return is_shown && !value->failed ? OK : E_UNAVAILABLE;
}

static int check_server(struct postgres *self, PGconn *conn, struct buf *problem)
{
    const char *encoding = PQparameterStatus(conn, "server_encoding");
    struct buf fsync = {0};
    struct buf read_only = {0};

    if (PQserverVersion(conn) < OLDEST_SERVER)
        return refuse(self, conn, E_SYSTEM, "the server is older than PostgreSQL 15: use 15 or later", problem);
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return refuse(self, conn, E_SYSTEM, "the database's encoding is not UTF8: make it with ENCODING 'UTF8'",
                      problem);
    int error = show(conn, self, "fsync", &fsync);
    if (!error)
        error = show(conn, self, "transaction_read_only", &read_only);
    if (error)
        refuse(self, conn, error, "no answer", problem);
    else if (!str_is(buf_str(&fsync), "on"))
        error = refuse(self, conn, E_SYSTEM,
                       "the server has fsync = off, so that what it has promised is lost with the power: set it to on",
                       problem);
    else if (!self->options.read_only && str_is(buf_str(&read_only), "on"))
        error =
            refuse(self, conn, E_UNAVAILABLE, "it can only be read (a standby?): give the primary's address", problem);
    buf_free(&fsync);
    buf_free(&read_only);
    return error;
}

/* What our session has to be like, whatever the server's, the database's and the user's settings are. The locks of a
 * client that has vanished in the middle of something are given back within seconds; of one that is stopped, whose
 * kernel goes on acknowledging, when it has said nothing for lost_ms (0: never). */
static int adjust(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf text = {0};

    buf_printf(
        &text,
        "SET search_path TO \"%s\"; SET lock_timeout = %lld; SET synchronous_commit = on;"
        "SET client_connection_check_interval = '1s'; SET tcp_keepalives_idle = 1; SET tcp_keepalives_interval = 1;"
        "SET tcp_keepalives_count = 3; SET tcp_user_timeout = %lld; SET idle_session_timeout = %lld;"
        "SET idle_in_transaction_session_timeout = %lld; SET statement_timeout = 0;",
        self->options.schema, (long long)self->options.busy_ms, postgres_user_timeout(self),
        (long long)self->options.lost_ms, (long long)self->options.lost_ms);
    if (self->options.read_only) /* what is asked together is answered from one state */
        BUF_LIT(&text, "SET default_transaction_read_only = on;"
                       "SET default_transaction_isolation = 'repeatable read';");
    else
        BUF_LIT(&text, "SET default_transaction_read_only = off;"
                       "SET default_transaction_isolation = 'read committed';");
    buf_char(&text, '\0');
    PGresult *result = text.failed ? NULL : postgres_run(conn, text.p, self->options.silent_ms);
    bool is_done = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!is_done)
        refuse(self, conn, E_UNAVAILABLE, result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : "no answer",
               problem);
    PQclear(result);
    buf_free(&text);
    return is_done ? OK : E_UNAVAILABLE;
}

/* OpenSSL's reason gets lost in libpq, which has only these words for an unknown authority and for an old certificate.
 */
static void say_why_not(const PGconn *conn, struct buf *problem)
{
    const char *why = PQerrorMessage(conn);

    postgres_say(problem, why);
    if (strstr(why, "certificate verify failed"))
        BUF_LIT(problem, ": look whether its certificate has expired, and whether sslrootcert is of who has signed it");
}

static int set_up(struct postgres *self, PGconn *conn, bool first, struct buf *problem)
{
    int version = 0;

    if (PQstatus(conn) != CONNECTION_OK) {
        postgres_say_where(problem, conn, self->options.schema);
        BUF_LIT(problem, " can't be reached: ");
        say_why_not(conn, problem);
        return postgres_is_hopeless(conn) ? E_SYSTEM : E_UNAVAILABLE;
    }
    int error = PQsetnonblocking(conn, 1) == 0 ? check_server(self, conn, problem) : E_MEMORY;
    if (!error && (self->options.alone || self->options.lost_ms))
        error = postgres_check_session(self, conn, problem);
    if (!error)
        error = adjust(self, conn, problem);
    if (!error)
        error = postgres_identify(self, conn, &version, problem);
    if (!error && version < (int)self->options.n_migrations)
        error = first ? postgres_migrate(self, conn, problem)
                      : refuse(self, conn, E_UNAVAILABLE, "its tables are gone: start the service again", problem);
    if (!error && self->options.alone)
        error = postgres_own(self, conn, first, problem);
    if (!error && !PQenterPipelineMode(conn))
        error = E_MEMORY;
    return error;
}

int postgres_connect(struct postgres *self, bool first, struct buf *problem)
{
    int error = check_settings(self, problem);
    if (error)
        return error;
    PGconn *conn = postgres_dial(self);
    if (!conn)
        return E_MEMORY;
    error = set_up(self, conn, first, problem);
    if (error) {
        PQfinish(conn);
        return error;
    }
    self->conn = conn;
    self->connection++;
    return OK;
}

/* What else is wrong (another database by this address, no tables) is for the next start to find. */
static int look_at(struct postgres *self, PGconn *conn, struct buf *problem)
{
    struct buf instance = {0};

    if (PQstatus(conn) != CONNECTION_OK || PQsetnonblocking(conn, 1) != 0)
        return E_UNAVAILABLE;
    int error = check_server(self, conn, problem);
    if (!error)
        error = postgres_meta(self, conn, "instance", &instance, problem);
    if (!error && self->options.alone && !postgres_has_some(self) &&
        str_eq(buf_str(&instance), buf_str(&self->instance)))
        error = postgres_compare_commits(self, conn, problem);
    buf_free(&instance);
    return error == E_UNAVAILABLE || error == E_NOT_FOUND ? error : OK;
}

int postgres_look_at_server(struct postgres *self)
{
    struct buf problem = {0};
    PGconn *conn = postgres_dial(self);
    int error = conn ? look_at(self, conn, &problem) : E_UNAVAILABLE;

    PQfinish(conn);
    buf_free(&problem);
    return error;
}
