/* What only a server can do to us: be away, fall silent, end a session, be another one, refuse. */
#include "base.h"
#include "buf.h"
#include "errors.h"
#include "postgres_server.h"
#include "sql.h"
#include "sql_engine.h"

#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 20000, MANY_STATEMENTS = 60, SILENT_MS = 1500, BUSY_MS = 5000, TEXT_SIZE = 512 };

static const struct sql_migration migrations[] = {{1, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)"},
                                                  {2, "ALTER TABLE item ADD COLUMN picture BLOB"}};
static const struct sql_statement insert = {"INSERT INTO item (id, name) VALUES ($1, $2)", 2};
static const struct sql_statement count = {"SELECT count(*) FROM item", 0};
static const struct sql_statement commits = {"SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'commits-0'", 0};
static const struct sql_statement pid_of = {"SELECT pg_backend_pid()", 0};

struct fixture {
    struct sql_options options;
    struct sql *sql;
    PGconn *operator; /* somebody else, who may do anything */
    char schema[32];
};

static void operate(const struct fixture *fixture, const char *text)
{
    PGresult *result = PQexec(fixture->operator, text);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(fixture->operator));
    PQclear(result);
}

/* As operate(), with the schema's name for each %1$s. */
PRINTF_LIKE(2, 3) static void operatef(const struct fixture *fixture, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;

    va_start(args, format);
    assert_in_range(vsnprintf(text, sizeof(text), format, args), 1, sizeof(text) - 1);
    va_end(args);
    operate(fixture, text);
}

static struct sql *open_well(const struct sql_options *options)
{
    struct buf problem = {0};
    int error = 0;
    struct sql *sql = postgres_open(options, &problem, &error);

    if (!sql)
        fail_msg("%.*s", STR_ARG(buf_str(&problem)));
    return sql;
}

/* Whether opening is refused with this error and a sentence that has `words` in it, and no password. */
static void assert_refused(const struct sql_options *options, int expected, const char *words)
{
    struct buf problem = {0};
    int error = 0;

    assert_null(postgres_open(options, &problem, &error));
    assert_int_equal(error, expected);
    buf_char(&problem, '\0');
    if (!strstr(problem.p, words))
        fail_msg("%s", problem.p);
    assert_null(strstr(problem.p, postgres_server_password()));
    buf_free(&problem);
}

static int set_up(void **state)
{
    static int n;
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));

    snprintf(fixture->schema, sizeof(fixture->schema), "shop-%d", ++n);
    fixture->options = (struct sql_options){.server = postgres_server_url(),
                                            .schema = fixture->schema,
                                            .application = "order",
                                            .migrations = migrations,
                                            .n_migrations = COUNT_OF(migrations),
                                            .busy_ms = BUSY_MS};
    fixture->operator= PQconnectdb(postgres_server_url());
    assert_int_equal(PQstatus(fixture->operator), CONNECTION_OK);
    fixture->sql = open_well(&fixture->options);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fixture->sql->close(fixture->sql);
    PQfinish(fixture->operator);
    test_free(fixture);
    return 0;
}

static int add(struct sql *sql, int64_t id)
{
    const struct sql_value row[] = {SQL_N(id), SQL_S(STR("a"))};

    return sql_exec(sql, &insert, row);
}

static int64_t number(struct sql *sql, const struct sql_statement *statement)
{
    int64_t n = -1;

    assert_int_equal(sql_number(sql, statement, NULL, &n), OK);
    return n;
}

/* The operator ends our session, and sees that it has ended. */
static void cut(const struct fixture *fixture, int64_t pid)
{
    operatef(fixture, "SELECT pg_terminate_backend(%lld, 10000)", (long long)pid);
}

/* --- the address and what answers there --- */

static void an_address_that_can_not_be_read_is_not_repeated(void **state)
{
    struct sql_options options = ((struct fixture *)*state)->options;
    char address[TEXT_SIZE];

    snprintf(address, sizeof(address), "postgresql://shop:%s%%zz@127.0.0.1/postgres", postgres_server_password());
    options.server = address;
    assert_refused(&options, E_SYSTEM, "can't be read: give a URL");
    snprintf(address, sizeof(address), "host 127.0.0.1 password=%s", postgres_server_password());
    assert_refused(&options, E_SYSTEM, "can't be read: give a URL");
    options.server = "postgresql://127.0.0.1/postgres?nosuch=1";
    assert_refused(&options, E_SYSTEM, "can't be read (invalid URI query parameter: \"nosuch\")");
}

static void what_no_waiting_makes_better_is_not_waited_for(void **state)
{
    static const char *const hopeless[][2] = {{"host=127.0.0.1 sslmode=nonsense", "sslmode"},
                                              {"host=127.0.0.1 port=99999", "port"},
                                              {"service=nosuch", "PostgreSQL, schema "}};
    struct sql_options options = ((struct fixture *)*state)->options;

    for (size_t i = 0; i < COUNT_OF(hopeless); i++) {
        options.server = hopeless[i][0];
        assert_refused(&options, E_SYSTEM, hopeless[i][1]);
    }
    options.server = "host=127.0.0.1 port=1";
    assert_refused(&options, E_UNAVAILABLE, "can't be reached");
}

static void whoever_has_a_wrong_password_is_told_so_and_it_is_not_shown(void **state)
{
    struct sql_options options = ((struct fixture *)*state)->options;
    char address[TEXT_SIZE];

    snprintf(address, sizeof(address), "%s?password=not-%s", postgres_server_url(), postgres_server_password());
    options.server = address;
    assert_refused(&options, E_SYSTEM, "password authentication failed for user \"shop\""); /* not waited for */
}

static void what_the_address_leaves_out_comes_from_the_environment(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;

    setenv("PGHOST", PQhost(fixture->operator), 1);
    setenv("PGPORT", PQport(fixture->operator), 1);
    setenv("PGUSER", "shop", 1);
    setenv("PGPASSWORD", postgres_server_password(), 1);
    options.server = "dbname=postgres";
    struct sql *sql = open_well(&options);
    unsetenv("PGHOST");
    unsetenv("PGPORT");
    unsetenv("PGUSER");
    unsetenv("PGPASSWORD");
    assert_int_equal(number(sql, &count), 0);
    sql->close(sql);
}

static void nobody_at_the_address_is_a_sentence_and_may_be_tried_again(void **state)
{
    struct sql_options options = ((struct fixture *)*state)->options;

    options.server = "postgresql://shop@127.0.0.1:1/postgres"; /* tcpmux: nobody has it */
    assert_refused(&options, E_UNAVAILABLE, "PostgreSQL at 127.0.0.1:1, database postgres, schema shop-");
}

static void a_database_with_other_characters_than_ours_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;
    char address[TEXT_SIZE];

    operate(fixture, "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    snprintf(address, sizeof(address), "%s?dbname=latin", postgres_server_url());
    options.server = address;
    assert_refused(&options, E_SYSTEM, "encoding is not UTF8");
}

static void a_server_that_can_only_be_read_is_refused_to_who_writes(void **state)
{
    struct fixture *fixture = *state;
    char address[TEXT_SIZE];
    struct sql_options options = fixture->options;

    snprintf(address, sizeof(address), "%s?options=-cdefault_transaction_read_only%%3Don", postgres_server_url());
    options.server = address;
    assert_refused(&options, E_UNAVAILABLE, "can only be read");
    options.read_only = true;
    struct sql *reader = open_well(&options);
    assert_int_equal(number(reader, &count), 0);
    reader->close(reader);
}

/* --- whose schema it is --- */

static void another_services_schema_is_refused(void **state)
{
    struct sql_options options = ((struct fixture *)*state)->options;

    options.application = "payment";
    assert_refused(&options, E_FOREIGN, "belongs to \"order\", not to \"payment\"");
}

static void a_schema_with_tables_that_are_not_ours_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;

    operate(fixture, "CREATE SCHEMA bookkeeping; CREATE TABLE bookkeeping.ledger (id INTEGER)");
    options.schema = "bookkeeping";
    assert_refused(&options, E_FOREIGN, "another program's");
    operate(fixture, "CREATE TABLE bookkeeping.meta (id INTEGER)");
    assert_refused(&options, E_REFUSED, "column \"value\" does not exist");
}

static void a_schema_that_a_newer_version_has_written_is_refused(void **state)
{
    struct sql_options options = ((struct fixture *)*state)->options;

    options.n_migrations = 1;
    assert_refused(&options, E_NEWER, "written by a newer version (version 2 of its tables, this one knows 1)");
}

static void a_reader_does_not_make_what_is_not_there(void **state)
{
    struct sql_options options = ((struct fixture *)*state)->options;

    options.schema = "not_there_yet";
    options.read_only = true;
    assert_refused(&options, E_UNAVAILABLE, "start the service first");
}

static void a_schemas_name_that_would_have_to_be_escaped_is_refused(void **state)
{
    struct sql_options options = ((struct fixture *)*state)->options;

    options.schema = "x\"; DROP SCHEMA public; --";
    assert_refused(&options, E_SYSTEM, "can't be used");
    options.schema = "";
    assert_refused(&options, E_SYSTEM, "can't be used");
}

static void a_schema_that_is_behind_is_brought_up_to_date_with_its_rows(void **state)
{
    struct sql_options options = ((struct fixture *)*state)->options;

    options.schema = "grows";
    options.n_migrations = 1;
    struct sql *sql = open_well(&options);
    assert_int_equal(add(sql, 7), OK);
    sql->close(sql);
    options.n_migrations = 2;
    sql = open_well(&options);
    static const struct sql_statement pictures = {"SELECT id FROM item WHERE picture IS NULL", 0};
    assert_int_equal(number(sql, &pictures), 7);
    sql->close(sql);
}

static void a_migration_that_fails_leaves_nothing_behind(void **state)
{
    struct fixture *fixture = *state;
    static const struct sql_migration wrong[] = {{1, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)"},
                                                 {2, "ALTER TABLE nothing ADD COLUMN picture BLOB"}};
    struct sql_options options = fixture->options;

    options.schema = "halfway";
    options.migrations = wrong;
    assert_refused(&options, E_REFUSED, "relation \"nothing\" does not exist");
    options.migrations = migrations;
    struct sql *sql = open_well(&options);
    assert_int_equal(number(sql, &count), 0);
    sql->close(sql);
}

static void *open_one(void *context)
{
    return open_well(context);
}

static void many_that_start_at_once_make_the_tables_once(void **state)
{
    enum { STARTERS = 6 };
    struct sql_options options = ((struct fixture *)*state)->options;
    pthread_t threads[STARTERS];
    void *sql[STARTERS];

    options.schema = "crowded";
    for (size_t i = 0; i < STARTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_one, &options), 0);
    for (size_t i = 0; i < STARTERS; i++)
        assert_int_equal(pthread_join(threads[i], &sql[i]), 0);
    for (size_t i = 0; i < STARTERS; i++) {
        assert_int_equal(number(sql[i], &count), 0);
        ((struct sql *)sql[i])->close(sql[i]);
    }
}

/* --- a connection that breaks --- */

static void a_session_that_was_ended_while_nothing_ran_is_made_again_unnoticed(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(add(fixture->sql, 1), OK); /* its statement is prepared in the old session */
    cut(fixture, number(fixture->sql, &pid_of));
    assert_int_equal(add(fixture->sql, 2), OK);
    cut(fixture, number(fixture->sql, &pid_of));
    assert_int_equal(fixture->sql->begin(fixture->sql), OK);
    assert_int_equal(add(fixture->sql, 3), OK);
    assert_int_equal(fixture->sql->commit(fixture->sql), OK);
    assert_int_equal(number(fixture->sql, &count), 3);
}

static void a_session_that_ends_inside_a_transaction_takes_it_with_it(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = fixture->sql;

    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 1), OK);
    cut(fixture, number(sql, &pid_of));
    int64_t n = 0;
    assert_int_equal(sql_number(sql, &count, NULL, &n), E_UNAVAILABLE);
    assert_int_equal(add(sql, 3), E_UNAVAILABLE); /* not alone, on a new connection */
    assert_int_equal(sql->commit(sql), E_UNAVAILABLE);
    assert_int_equal(number(sql, &count), 0);
    int64_t pid = number(sql, &pid_of);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 2), OK);
    cut(fixture, pid); /* with something unheard */
    assert_int_equal(sql->commit(sql), E_UNAVAILABLE);
    assert_int_equal(number(sql, &count), 0);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 4), OK);
    cut(fixture, number(sql, &pid_of));
    assert_int_equal(sql->commit(sql), E_UNAVAILABLE); /* it wasn't under way yet: nothing is unknown */
    assert_int_equal(number(sql, &count), 0);
}

static void an_error_is_heard_however_many_statements_are_run_behind_it(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = fixture->sql;

    assert_int_equal(sql->begin(sql), OK);
    for (int64_t i = 1; i <= MANY_STATEMENTS; i++)
        (void)add(sql, i == 5 ? 4 : i);
    assert_int_equal(sql->commit(sql), E_CONFLICT);
    assert_int_equal(number(sql, &count), 0);
    assert_int_equal(sql->begin(sql), OK);
    for (int64_t i = 1; i <= MANY_STATEMENTS; i++)
        assert_int_equal(add(sql, i), OK);
    assert_int_equal(sql->commit(sql), OK);
    assert_int_equal(number(sql, &count), MANY_STATEMENTS);
}

/* The session ends while it commits: a deferred trigger runs inside of COMMIT. */
static void die_in_commit(const struct fixture *fixture)
{
    operatef(fixture,
             "SET search_path TO \"%s\";"
             "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
             " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
             "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED"
             " FOR EACH ROW EXECUTE FUNCTION die()",
             fixture->schema);
}

static void a_commit_whose_answer_does_not_come_has_an_unknown_outcome(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = fixture->sql;

    die_in_commit(fixture);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 1), OK);
    assert_int_equal(sql->commit(sql), E_OUTCOME_UNKNOWN);
    int64_t n = 0;
    assert_int_equal(sql_number(sql, &count, NULL, &n), E_OUTCOME_UNKNOWN); /* nothing but to be closed */
    assert_int_equal(sql->begin(sql), E_OUTCOME_UNKNOWN);
    sql->close(sql);
    fixture->sql = open_well(&fixture->options);
    assert_int_equal(number(fixture->sql, &count), 0);
}

static void a_commit_that_the_server_refuses_has_certainly_not_been_done(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = fixture->sql;

    operatef(fixture, "ALTER TABLE \"%s\".item ADD CONSTRAINT one_name UNIQUE (name) DEFERRABLE INITIALLY DEFERRED",
             fixture->schema);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 1), OK);
    assert_int_equal(add(sql, 2), OK);
    assert_int_equal(sql->commit(sql), E_CONFLICT);
    assert_int_equal(number(sql, &count), 0);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(sql->rollback(sql), OK);
}

static void a_server_that_falls_silent_is_given_up(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;

    options.silent_ms = SILENT_MS;
    struct sql *sql = open_well(&options);
    pid_t pid = (pid_t)number(sql, &pid_of);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 1), OK);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(add(sql, 2), OK); /* which waits for nobody */
    int64_t n = 0;
    assert_int_equal(sql_number(sql, &count, NULL, &n), E_UNAVAILABLE);
    assert_int_equal(sql->rollback(sql), OK);
    assert_int_equal(number(sql, &count), 0); /* by a new session; the old one still holds the writer's lock */
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(sql->begin(sql), OK); /* it has noticed that nobody is there any more */
    assert_int_equal(sql->commit(sql), OK);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 1), OK);
    pid = (pid_t)number(sql, &pid_of);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(sql->commit(sql), E_OUTCOME_UNKNOWN);
    assert_int_equal(kill(pid, SIGCONT), 0);
    sql->close(sql);
}

static int count_again(struct sql *sql, int64_t *n)
{
    int error = E_UNAVAILABLE;

    for (int i = 0; i < 1000 && error == E_UNAVAILABLE; i++) { /* between two attempts it says at once that it can't */
        error = sql_number(sql, &count, NULL, n);
        if (error)
            poll(NULL, 0, 10);
    }
    return error;
}

static void a_server_that_was_away_is_found_again_and_has_what_was_committed(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = fixture->sql;
    int64_t n = -1;

    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 1), OK);
    assert_int_equal(sql->commit(sql), OK);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 2), OK);
    postgres_server_halt(SIGQUIT); /* without a checkpoint: it has to recover */
    assert_int_equal(sql->commit(sql), E_UNAVAILABLE);
    assert_int_equal(sql->begin(sql), E_UNAVAILABLE);
    assert_int_equal(sql_number(sql, &count, NULL, &n), E_UNAVAILABLE);
    assert_int_equal(sql->probe(sql), E_UNAVAILABLE);
    postgres_server_resume();
    assert_int_equal(count_again(sql, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(sql->probe(sql), OK);
    PQreset(fixture->operator);
}

static void another_database_at_the_same_address_is_not_taken_for_ours(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = fixture->sql;
    int64_t n = -1;

    assert_int_equal(sql->check(sql), OK);
    int64_t pid = number(sql, &pid_of);
    operatef(fixture, "SET client_min_messages = error; DROP SCHEMA \"%s\" CASCADE", fixture->schema);
    struct sql *other = open_well(&fixture->options); /* makes it anew */
    cut(fixture, pid);
    assert_int_equal(sql_number(sql, &count, NULL, &n), E_UNAVAILABLE);
    assert_int_equal(sql->check(sql), E_NOT_FOUND);
    assert_int_equal(sql->begin(sql), E_UNAVAILABLE);
    other->close(other);
}

struct endless {
    struct sql *sql;
    int error;
    atomic_bool ended;
};

static void *run_endless(void *context)
{
    struct endless *endless = context;
    int64_t n;

    endless->error = sql_number(endless->sql, &pid_of, NULL, &n);
    atomic_store(&endless->ended, true);
    return NULL;
}

/* --- who may write --- */

static void the_schema_belongs_to_one_who_is_alone_until_that_ends(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;

    options.alone = true;
    struct sql *first = open_well(&options);
    assert_refused(&options, E_UNAVAILABLE, "is in use by another order service");
    options.alone = false;
    options.read_only = true;
    struct sql *reader = open_well(&options); /* who only reads is none of its business */
    reader->close(reader);
    options.alone = true;
    options.read_only = false;
    int64_t pid = number(first, &pid_of);
    first->close(first);
    cut(fixture, pid); /* it has ended, too */
    struct sql *next = open_well(&options);
    assert_int_equal(next->look(next), OK);
    next->close(next);
}

/* Until the server has heard of it commits succeed. */
static int commit_until_one_fails(struct sql *sql)
{
    int error = OK;

    for (int64_t id = 1; error == OK; id++) {
        assert_int_equal(sql->begin(sql), OK);
        assert_int_equal(add(sql, id), OK);
        error = sql->commit(sql);
    }
    return error;
}

static void who_has_the_schema_is_named_and_that_it_waits_for_a_standby(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;

    options.alone = true;
    options.silent_ms = SILENT_MS;
    struct sql *first = open_well(&options);
    assert_refused(&options, E_UNAVAILABLE, "(\"order\" from 127.0.0.1, connected since 2");
    assert_refused(&options, E_UNAVAILABLE, ": stop it, or give this one a database of its own");
    operate(fixture, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    operate(fixture, "SELECT pg_reload_conf()");
    assert_int_equal(commit_until_one_fails(first), E_OUTCOME_UNKNOWN);
    options.silent_ms = 0; /* our own question may take its time */
    assert_refused(&options, E_UNAVAILABLE, "whose commit waits for the synchronous standby: bring that back");
    operate(fixture, "ALTER SYSTEM RESET synchronous_standby_names");
    operate(fixture, "SELECT pg_reload_conf()");
    first->close(first);
}

static void who_was_cut_off_goes_on_when_nobody_has_come(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;

    options.alone = true;
    struct sql *sql = open_well(&options);
    cut(fixture, number(sql, &pid_of));
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 1), OK);
    assert_int_equal(sql->commit(sql), OK);
    assert_refused(&options, E_UNAVAILABLE, "is in use by another order service");
    sql->close(sql);
}

static void who_was_cut_off_while_another_came_knows_that_it_knows_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;
    int64_t n = -1;

    options.alone = true;
    struct sql *old = open_well(&options);
    cut(fixture, number(old, &pid_of));
    struct sql *next = open_well(&options);
    assert_int_equal(old->begin(old), E_UNAVAILABLE);
    int64_t pid = number(next, &pid_of);
    next->close(next);
    cut(fixture, pid);
    assert_int_equal(count_again(old, &n), E_OUTCOME_UNKNOWN);
    assert_int_equal(old->begin(old), E_OUTCOME_UNKNOWN);
    assert_int_equal(old->look(old), OK); /* the server is there: who starts anew will know */
    old->close(old);
}

static struct sql *open_cell(const struct sql_options *options, int32_t cell)
{
    struct sql_options ours = *options;

    ours.alone = true;
    ours.cell = cell;
    return open_well(&ours);
}

static void assert_cell_refused(const struct sql_options *options, int32_t cell)
{
    struct sql_options ours = *options;

    ours.alone = true;
    ours.cell = cell;
    assert_refused(&ours, E_UNAVAILABLE, "is in use by another order service");
}

static void each_cell_has_an_owner_of_its_own_and_all_are_had_only_where_nobody_has_one(void **state)
{
    const struct sql_options *options = &((struct fixture *)*state)->options;
    struct sql *first = open_cell(options, 0), *second = open_cell(options, 1);

    assert_cell_refused(options, 0);
    assert_cell_refused(options, 1);
    int64_t pid = number(first, &pid_of);
    first->close(first);
    cut(*state, pid); /* it has ended, too */
    assert_cell_refused(options, SQL_ALL_CELLS);
    pid = number(second, &pid_of);
    second->close(second);
    cut(*state, pid);
    struct sql *all = open_cell(options, SQL_ALL_CELLS);
    assert_cell_refused(options, 0);
    assert_cell_refused(options, SQL_ALL_CELLS);
    all->close(all);
}

static void who_was_cut_off_from_a_cell_loses_it_only_to_who_has_had_that_one_or_all(void **state)
{
    struct fixture *fixture = *state;
    int64_t n = -1;

    for (int32_t by = SQL_ALL_CELLS; by <= 4; by++) {
        struct sql *old = open_cell(&fixture->options, 3);
        cut(fixture, number(old, &pid_of));
        struct sql *next = open_cell(&fixture->options, by);
        int64_t pid = number(next, &pid_of);
        next->close(next);
        cut(fixture, pid);
        assert_int_equal(count_again(old, &n), by == 3 || by == SQL_ALL_CELLS ? E_OUTCOME_UNKNOWN : OK);
        if (by != 3 && by != SQL_ALL_CELLS) {
            pid = number(old, &pid_of);
            old->close(old);
            cut(fixture, pid);
        } else {
            old->close(old);
        }
    }
}

static void commit_one(struct sql *sql, int64_t id)
{
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, id), OK);
    assert_int_equal(sql->commit(sql), OK);
}

static void cells_that_are_taken_one_by_one_are_each_one_connections_only(void **state)
{
    struct fixture *fixture = *state;
    struct sql *first = open_cell(&fixture->options, SQL_SOME_CELLS);
    struct sql *second = open_cell(&fixture->options, SQL_SOME_CELLS);

    assert_int_equal(first->own(first, 3), OK);
    assert_int_equal(first->own(first, 7), OK);
    assert_int_equal(second->own(second, 3), E_UNAVAILABLE);
    assert_int_equal(second->own(second, 4), OK);
    assert_cell_refused(&fixture->options, 3);
    assert_cell_refused(&fixture->options, SQL_ALL_CELLS);
    commit_one(first, 1);
    commit_one(second, 2);
    assert_int_equal(first->disown(first, 3), OK);
    assert_int_equal(second->own(second, 3), OK);
    assert_int_equal(second->own(second, 7), E_UNAVAILABLE);
    first->close(first);
    second->close(second);
}

/* It may have lost what it had taken to anybody, so there is nothing that it could go on with. */
static void with_its_connection_all_cells_that_were_taken_are_lost(void **state)
{
    struct fixture *fixture = *state;
    struct sql *old = open_cell(&fixture->options, SQL_SOME_CELLS);
    struct sql *next = open_cell(&fixture->options, SQL_SOME_CELLS);

    assert_int_equal(old->own(old, 3), OK);
    assert_int_equal(old->begin(old), OK);
    assert_int_equal(add(old, 1), OK);
    cut(fixture, number(old, &pid_of));
    assert_int_not_equal(old->commit(old), OK);
    assert_int_equal(next->own(next, 3), OK);
    commit_one(next, 1); /* what was in the middle of it is undone */
    int64_t n = -1;
    assert_int_equal(count_again(old, &n), E_OUTCOME_UNKNOWN);
    assert_int_equal(old->begin(old), E_OUTCOME_UNKNOWN);
    assert_int_equal(old->own(old, 3), E_OUTCOME_UNKNOWN);
    assert_int_equal(old->look(old), OK); /* the server is there: who starts anew will know */
    old->close(old);
    next->close(next);
}

static void a_cells_transaction_waits_for_its_own_only(void **state)
{
    struct sql_options options = ((struct fixture *)*state)->options;

    options.busy_ms = 100;
    struct sql *first = open_well(&options), *twin = open_well(&options);
    options.cell = 1;
    struct sql *other = open_well(&options);
    assert_int_equal(first->begin(first), OK);
    assert_int_equal(add(first, 1), OK);
    assert_int_equal(twin->begin(twin), E_UNAVAILABLE);
    assert_int_equal(other->begin(other), OK);
    assert_int_equal(add(other, 2), OK);
    assert_int_equal(other->commit(other), OK);
    assert_int_equal(first->commit(first), OK);
    first->close(first);
    twin->close(twin);
    other->close(other);
}

/* As an operator's stop of the server does, which finds the transaction in the middle. */
static void a_session_that_ends_before_it_commits_has_not_committed(void **state)
{
    struct fixture *fixture = *state;
    struct sql *sql = fixture->sql;

    operatef(fixture,
             "SET search_path TO \"%s\";"
             "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
             " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
             "CREATE TRIGGER die AFTER INSERT ON item FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION die()",
             fixture->schema);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 1), OK);
    assert_int_equal(sql->commit(sql), E_UNAVAILABLE);
    commit_one(sql, 2);
    assert_int_equal(number(sql, &count), 1);
}

/* --- what it has confirmed --- */

static void only_what_was_written_and_committed_by_the_one_who_is_alone_is_counted(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;

    options.alone = true;
    struct sql *sql = open_well(&options);
    assert_int_equal(number(sql, &commits), 0);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(sql->commit(sql), OK); /* nothing was written, so this isn't either */
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 1), OK);
    assert_int_equal(sql->rollback(sql), OK);
    assert_int_equal(number(sql, &commits), 0);
    commit_one(sql, 1);
    assert_int_equal(sql->probe(sql), OK);
    assert_int_equal(number(sql, &commits), 2);
    commit_one(fixture->sql, 2);
    assert_int_equal(number(sql, &commits), 2);
    cut(fixture, number(sql, &pid_of));
    commit_one(sql, 3); /* it has what it had */
    assert_int_equal(sql->check(sql), OK);
    sql->close(sql);
    sql = open_well(&options); /* and goes on counting */
    commit_one(sql, 4);
    assert_int_equal(number(sql, &commits), 4);
    sql->close(sql);
}

static void a_server_that_comes_back_with_less_than_it_has_confirmed_is_seen(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;
    int64_t n = -1;

    options.alone = true;
    struct sql *sql = open_well(&options);
    commit_one(sql, 1);
    commit_one(sql, 2);
    operatef(fixture, "UPDATE \"%s\".meta SET value = '1' WHERE name = 'commits-0'", fixture->schema);
    cut(fixture, number(sql, &pid_of));
    assert_int_equal(sql->begin(sql), E_UNAVAILABLE);
    assert_int_equal(sql->check(sql), E_NOT_FOUND);
    operatef(fixture, "UPDATE \"%s\".meta SET value = '2' WHERE name = 'commits-0'", fixture->schema);
    assert_int_equal(sql_number(sql, &count, NULL, &n), E_UNAVAILABLE); /* for good: who knows what else is old */
    assert_int_equal(sql->check(sql), E_NOT_FOUND);
    sql->close(sql);
}

/* A commit's answer doesn't come, because its server is lost; what answers then lacks what was confirmed before. */
static void less_than_was_confirmed_is_seen_also_behind_a_commit_whose_outcome_is_unknown(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;

    options.alone = true;
    struct sql *sql = open_well(&options);
    commit_one(sql, 1);
    die_in_commit(fixture);
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(add(sql, 2), OK);
    assert_int_equal(sql->commit(sql), E_OUTCOME_UNKNOWN);
    assert_int_equal(sql->look(sql), OK);
    assert_int_equal(sql->check(sql), OK);
    operatef(fixture, "UPDATE \"%s\".meta SET value = '0' WHERE name = 'commits-0'", fixture->schema);
    assert_int_equal(sql->look(sql), E_NOT_FOUND);
    assert_int_equal(sql->check(sql), E_NOT_FOUND);
    sql->close(sql);
}

/* Under the alarm of the suite: it would wait for ever. */
static void a_query_is_ended_though_the_server_does_not_listen(void **state)
{
    struct fixture *fixture = *state;
    struct sql_options options = fixture->options;
    struct endless endless;
    pthread_t thread;

    options.silent_ms = 3600000;
    endless = (struct endless){.sql = open_well(&options)};
    pid_t pid = (pid_t)number(endless.sql, &pid_of);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_endless, &endless), 0);
    while (!atomic_load(&endless.ended)) {
        endless.sql->interrupt(endless.sql);
        poll(NULL, 0, 10);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(endless.error, E_TIMEOUT);
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(number(endless.sql, &count), 0);
    endless.sql->close(endless.sql);
}

/* --- what the server says --- */

static int nothing(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(context);
    UNUSED(index);
    UNUSED(row);
    return 0;
}

static void each_refusal_of_the_server_has_its_meaning(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *sqlstate;
        int error;
    } expected[] = {{"23505", E_CONFLICT},    {"23502", E_CONFLICT},    {"53100", E_FULL},
                    {"53200", E_MEMORY},      {"53300", E_UNAVAILABLE}, {"25006", E_UNAVAILABLE},
                    {"40001", E_UNAVAILABLE}, {"40P01", E_UNAVAILABLE}, {"55P03", E_UNAVAILABLE},
                    {"57P01", E_UNAVAILABLE}, {"57014", E_TIMEOUT},     {"58030", E_UNAVAILABLE},
                    {"54000", E_TOO_LARGE},   {"42P01", E_REFUSED}};
    char text[TEXT_SIZE];

    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        snprintf(text, sizeof(text), "DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''%s''; END'", expected[i].sqlstate);
        assert_int_equal(fixture->sql->query_text(fixture->sql, text, NULL, 0, nothing, NULL), expected[i].error);
    }
    assert_int_equal(number(fixture->sql, &count), 0);
}

static void damage_is_known_to_every_connection_for_good(void **state)
{
    struct fixture *fixture = *state;
    _Atomic bool damaged = false;
    struct sql_options options = fixture->options;

    options.damaged = &damaged;
    struct sql *writer = open_well(&options);
    options.read_only = true;
    struct sql *reader = open_well(&options);
    const char *text = "DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''XX001''; END'";
    assert_int_equal(reader->query_text(reader, text, NULL, 0, nothing, NULL), E_CORRUPT);
    assert_int_equal(reader->check(reader), E_CORRUPT);
    assert_int_equal(writer->check(writer), E_CORRUPT);
    reader->close(reader);
    writer->close(writer);
}

/* Until the server has taken it up: the postmaster does so before it tells the sessions. */
static void set_fsync(const struct fixture *fixture, const char *value)
{
    bool is_set = false;

    operatef(fixture, "ALTER SYSTEM SET fsync = %s", value);
    operate(fixture, "SELECT pg_reload_conf()");
    for (int i = 0; i < 1000 && !is_set; i++) {
        PGresult *result = PQexec(fixture->operator, "SHOW fsync");
        is_set = strcmp(PQgetvalue(result, 0, 0), value) == 0;
        PQclear(result);
        if (!is_set)
            poll(NULL, 0, 10);
    }
    assert_true(is_set);
}

static void a_server_that_forgets_what_it_promised_is_refused(void **state)
{
    struct fixture *fixture = *state;

    set_fsync(fixture, "off");
    assert_refused(&fixture->options, E_SYSTEM, "fsync = off");
    set_fsync(fixture, "on");
    struct sql *sql = open_well(&fixture->options);
    sql->close(sql);
}

/* --- values --- */

static void more_than_the_connection_holds_goes_through_at_once(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;
    static struct sql_value rows[MANY * 2];
    static char name[1000];

    memset(name, 'x', sizeof(name));
    for (size_t i = 0; i < MANY; i++) {
        rows[i * 2] = SQL_N((int64_t)i);
        rows[i * 2 + 1] = SQL_S(((struct str){name, sizeof(name)}));
    }
    assert_int_equal(sql->begin(sql), OK);
    assert_int_equal(sql->exec_many(sql, &insert, rows, MANY), OK);
    assert_int_equal(sql->commit(sql), OK);
    assert_int_equal(number(sql, &count), MANY);
    int64_t length = 0;
    static const struct sql_statement lengths = {"SELECT CAST(sum(length(name)) AS BIGINT) FROM item", 0};
    assert_int_equal(sql_number(sql, &lengths, NULL, &length), OK);
    assert_int_equal(length, (int64_t)MANY * (int64_t)sizeof(name));
}

static int add_name(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    buf_add(context, sql_text(row, 0));
    return 0;
}

static void texts_are_ordered_by_their_bytes_whatever_the_databases_language_is(void **state)
{
    struct sql *sql = ((struct fixture *)*state)->sql;
    const struct sql_value rows[] = {SQL_N(1), SQL_S(STR("b")), SQL_N(2), SQL_S(STR("B")),
                                     SQL_N(3), SQL_S(STR("a")), SQL_N(4), SQL_S(STR("라"))};
    struct buf names = {0};

    assert_int_equal(sql->exec_many(sql, &insert, rows, 4), OK);
    assert_int_equal(sql->query_text(sql, "SELECT name FROM item ORDER BY name", NULL, 0, add_name, &names), OK);
    assert_true(str_is(buf_str(&names), "Bab라"));
    static const struct sql_statement collation = {
        "SELECT count(*) FROM pg_attribute a JOIN pg_collation c"
        " ON c.oid = a.attcollation WHERE a.attrelid = CAST('item' AS regclass)"
        " AND a.attname = 'name' AND c.collname = 'C'",
        0};
    assert_int_equal(number(sql, &collation), 1);
    buf_free(&names);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_address_that_can_not_be_read_is_not_repeated),
        TEST(what_no_waiting_makes_better_is_not_waited_for),
        TEST(whoever_has_a_wrong_password_is_told_so_and_it_is_not_shown),
        TEST(what_the_address_leaves_out_comes_from_the_environment),
        TEST(nobody_at_the_address_is_a_sentence_and_may_be_tried_again),
        TEST(a_database_with_other_characters_than_ours_is_refused),
        TEST(a_server_that_can_only_be_read_is_refused_to_who_writes),
        TEST(another_services_schema_is_refused),
        TEST(a_schema_with_tables_that_are_not_ours_is_refused),
        TEST(a_schema_that_a_newer_version_has_written_is_refused),
        TEST(a_reader_does_not_make_what_is_not_there),
        TEST(a_schemas_name_that_would_have_to_be_escaped_is_refused),
        TEST(a_schema_that_is_behind_is_brought_up_to_date_with_its_rows),
        TEST(a_migration_that_fails_leaves_nothing_behind),
        TEST(many_that_start_at_once_make_the_tables_once),
        TEST(a_session_that_was_ended_while_nothing_ran_is_made_again_unnoticed),
        TEST(a_session_that_ends_inside_a_transaction_takes_it_with_it),
        TEST(an_error_is_heard_however_many_statements_are_run_behind_it),
        TEST(a_commit_whose_answer_does_not_come_has_an_unknown_outcome),
        TEST(a_commit_that_the_server_refuses_has_certainly_not_been_done),
        TEST(a_server_that_falls_silent_is_given_up),
        TEST(a_server_that_was_away_is_found_again_and_has_what_was_committed),
        TEST(another_database_at_the_same_address_is_not_taken_for_ours),
        TEST(a_session_that_ends_before_it_commits_has_not_committed),
        TEST(only_what_was_written_and_committed_by_the_one_who_is_alone_is_counted),
        TEST(a_server_that_comes_back_with_less_than_it_has_confirmed_is_seen),
        TEST(less_than_was_confirmed_is_seen_also_behind_a_commit_whose_outcome_is_unknown),
        TEST(the_schema_belongs_to_one_who_is_alone_until_that_ends),
        TEST(each_cell_has_an_owner_of_its_own_and_all_are_had_only_where_nobody_has_one),
        TEST(who_was_cut_off_from_a_cell_loses_it_only_to_who_has_had_that_one_or_all),
        TEST(cells_that_are_taken_one_by_one_are_each_one_connections_only),
        TEST(with_its_connection_all_cells_that_were_taken_are_lost),
        TEST(a_cells_transaction_waits_for_its_own_only),
        TEST(who_has_the_schema_is_named_and_that_it_waits_for_a_standby),
        TEST(who_was_cut_off_goes_on_when_nobody_has_come),
        TEST(who_was_cut_off_while_another_came_knows_that_it_knows_nothing),
        TEST(a_query_is_ended_though_the_server_does_not_listen),
        TEST(each_refusal_of_the_server_has_its_meaning),
        TEST(damage_is_known_to_every_connection_for_good),
        TEST(a_server_that_forgets_what_it_promised_is_refused),
        TEST(more_than_the_connection_holds_goes_through_at_once),
        TEST(texts_are_ordered_by_their_bytes_whatever_the_databases_language_is),
    };
    char *words[] = {"postgres_test", "postgres", NULL};

    sql_engine_start(2, words);
    int failed = cmocka_run_group_tests_name("postgres", tests, NULL, NULL);
    sql_engine_stop();
    return failed;
}
