#include "membership_postgres.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "sql.h"

/* `change` of a cell only grows. Of a member that is dead the rows stay until the next one joins. */
static const struct sql_migration migrations[] = {
    {1, "CREATE TABLE member (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, address TEXT NOT NULL,"
        " leaving INTEGER NOT NULL DEFAULT 0);"
        "CREATE TABLE cell (number INTEGER PRIMARY KEY, owner INTEGER, change INTEGER NOT NULL DEFAULT 0)"},
};

/* The members whose session lives: their locks have two numbers, $1 (the service's) and the member's id. */
#define ALIVE                                                                                                          \
    "(SELECT l.objid FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted"                   \
    " AND l.classid = CAST(CAST($1 AS BIGINT) AS oid)"                                                                 \
    " AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))"
/* Whether this is still the session that joined as member $2: a new one knows nothing of it. */
#define HERE "COALESCE(current_setting('coffeeshop.member', true), '') = CAST(CAST($2 AS BIGINT) AS TEXT)"

static const struct sql_statement forget_locks = {"SELECT pg_advisory_unlock_all()", 0};
/* The lock is there before anybody can see the row. */
static const struct sql_statement join_all = {
    "WITH gone AS (DELETE FROM member WHERE CAST(id AS oid) NOT IN " ALIVE
    "), new AS (INSERT INTO member (address) VALUES ($2) RETURNING id)"
    " SELECT id, CAST(pg_try_advisory_lock(CAST(CAST($1 AS BIGINT) AS INT), CAST(id AS INT)) AS INT),"
    " set_config('coffeeshop.member', CAST(id AS TEXT), false) FROM new",
    2};
static const struct sql_statement beat_once = {"SELECT CAST(" HERE " AS INT), CAST($1 AS BIGINT)", 2};
static const struct sql_statement leave_all = {"WITH done AS (UPDATE member SET leaving = 1 WHERE id = $2 AND " HERE
                                               ") SELECT CAST(" HERE " AS INT), CAST($1 AS BIGINT)",
                                               2};
static const struct sql_statement read_all = {
    "SELECT 0, m.id, m.leaving, NULL, m.address FROM member m WHERE CAST(m.id AS oid) IN " ALIVE
    " UNION ALL SELECT 1, c.number, c.change, c.owner, NULL FROM cell c ORDER BY 1, 2",
    1};
/* Of two at the same moment the second waits for the first one's row, and then finds its owner there. */
static const struct sql_statement own_cell = {
    "WITH done AS (UPDATE cell SET owner = $2, change = change + CASE WHEN owner = $2 THEN 0 ELSE 1 END"
    " WHERE number = $3 AND " HERE " AND (owner IS NULL OR owner = $2 OR CAST(owner AS oid) NOT IN " ALIVE
    ") RETURNING change)"
    " SELECT CAST(" HERE " AS INT), (SELECT change FROM done)",
    3};
static const struct sql_statement disown_cell = {
    "WITH done AS (UPDATE cell SET owner = NULL WHERE number = $3 AND owner = $2 AND " HERE ") SELECT CAST(" HERE
    " AS INT), CAST($1 AS BIGINT)",
    3};
static const struct sql_statement lock_cells = {"LOCK TABLE cell IN EXCLUSIVE MODE", 0};
static const struct sql_statement count_cells = {"SELECT COUNT(*) FROM cell", 0};
static const struct sql_statement make_cell = {"INSERT INTO cell (number) VALUES ($1)", 1};

struct membership_postgres {
    struct membership port;
    struct sql *sql;
    int64_t service; /* the first number of its members' locks */
    int64_t id;      /* who we are; 0: no member */
    struct picture filling;
};

static struct membership_postgres *of(struct membership *port)
{
    return CONTAINER_OF(port, struct membership_postgres, port);
}

/* --- being a member --- */

static int on_joined(void *context, size_t index, const struct sql_row *row)
{
    struct membership_postgres *self = context;

    UNUSED(index);
    if (sql_i64(row, 1))
        self->id = sql_i64(row, 0);
    return OK;
}

static int pg_join(struct membership *port, const char *address)
{
    struct membership_postgres *self = of(port);
    const struct sql_value params[] = {SQL_N(self->service), SQL_S(str_of(address))};

    ASSERT(strlen(address) < MEMBER_ADDRESS_SIZE);
    self->id = 0;
    int error = sql_query(self->sql, &forget_locks, NULL, NULL, NULL);
    if (!error)
        error = sql_query(self->sql, &join_all, params, on_joined, self);
    return error ? error : self->id ? OK : E_UNAVAILABLE;
}

/* The first column of what comes: whether we are still a member. */
static int on_here(void *context, size_t index, const struct sql_row *row)
{
    bool *here = context;

    UNUSED(index);
    *here = *here && sql_i64(row, 0);
    return OK;
}

static int ask_as_member(struct membership_postgres *self, const struct sql_statement *statement)
{
    const struct sql_value params[] = {SQL_N(self->service), SQL_N(self->id)};
    bool here = true;

    int error = sql_query(self->sql, statement, params, on_here, &here);
    return error || here ? error : E_NOT_FOUND;
}

static int pg_beat(struct membership *port)
{
    return ask_as_member(of(port), &beat_once);
}

static int pg_leave(struct membership *port)
{
    return ask_as_member(of(port), &leave_all);
}

/* --- the picture --- */

static int take_cell(struct picture *picture, const struct sql_row *row)
{
    int64_t number = sql_i64(row, 1);

    if (number < 0 || number >= (int64_t)picture->n_cells)
        return E_CORRUPT;
    picture->cells[number] = (struct cell_owner){picture_place(picture, sql_i64(row, 3)), sql_i64(row, 2)};
    return OK;
}

static int on_picture(void *context, size_t index, const struct sql_row *row)
{
    struct picture *picture = context;
    struct str address = sql_text(row, 4);

    UNUSED(index);
    if (sql_i64(row, 0))
        return take_cell(picture, row);
    return picture_add(picture, sql_i64(row, 1), address.p ? address.p : "", address.n, sql_i64(row, 2) != 0)
               ? OK
               : E_MEMORY;
}

static int pg_read(struct membership *port, struct picture *picture)
{
    struct membership_postgres *self = of(port);
    const struct sql_value param = SQL_N(self->service);

    picture_clear(&self->filling);
    int error = sql_query(self->sql, &read_all, &param, on_picture, &self->filling);
    if (error)
        return error;
    self->filling.me = picture_place(&self->filling, self->id);
    picture_swap(picture, &self->filling);
    return OK;
}

/* --- claims --- */

/* One statement for each, all in one go and in one transaction. */
static int ask_of_cells(struct membership_postgres *self, const struct sql_statement *statement,
                        const struct claim *claims, const int *cells, size_t n, sql_on_row *on_row, void *context)
{
    struct sql_value *params = n ? heap_alloc(n * 3 * sizeof(*params)) : NULL;

    if (!params)
        return n ? E_MEMORY : OK;
    for (size_t i = 0; i < n; i++) {
        params[3 * i] = SQL_N(self->service);
        params[3 * i + 1] = SQL_N(self->id);
        params[3 * i + 2] = SQL_N(claims ? claims[i].cell : cells[i]);
    }
    int error = self->sql->query_many(self->sql, statement, params, n, on_row, context);
    heap_free(params);
    return error;
}

struct owning {
    struct claim *claims;
    bool here;
};

static int on_owned(void *context, size_t index, const struct sql_row *row)
{
    struct owning *owning = context;

    owning->here = owning->here && sql_i64(row, 0);
    owning->claims[index].change = sql_i64(row, 1);
    owning->claims[index].granted = owning->claims[index].change > 0;
    return OK;
}

static int pg_own(struct membership *port, struct claim *claims, size_t n)
{
    struct owning owning = {claims, true};

    for (size_t i = 0; i < n; i++)
        claims[i].granted = false;
    int error = ask_of_cells(of(port), &own_cell, claims, NULL, n, on_owned, &owning);
    return error || owning.here ? error : E_NOT_FOUND;
}

static int pg_disown(struct membership *port, const int *cells, size_t n)
{
    bool here = true;

    int error = ask_of_cells(of(port), &disown_cell, NULL, cells, n, on_here, &here);
    return error || here ? error : E_NOT_FOUND;
}

/* --- life --- */

static void pg_close(struct membership *port)
{
    struct membership_postgres *self = of(port);

    if (self->sql)
        self->sql->close(self->sql); /* the session's end is the member's */
    picture_free(&self->filling);
    heap_free(self);
}

static int make_cells(struct sql *sql, size_t n_cells, int64_t *found)
{
    struct sql_value *numbers = heap_alloc(n_cells * sizeof(*numbers));
    int error = numbers ? sql_exec(sql, &lock_cells, NULL) : E_MEMORY;

    for (size_t i = 0; numbers && i < n_cells; i++)
        numbers[i] = SQL_N((int64_t)i);
    if (!error)
        error = sql_number(sql, &count_cells, NULL, found);
    if (!error && *found == 0) {
        error = sql->exec_many(sql, &make_cell, numbers, n_cells);
        *found = (int64_t)n_cells;
    }
    heap_free(numbers);
    return error;
}

static int check_cells(struct membership_postgres *self, const struct membership_postgres_options *options,
                       struct buf *problem)
{
    int64_t found = 0;

    int error = self->sql->begin(self->sql);
    if (!error)
        error = sql_end(self->sql, make_cells(self->sql, options->n_cells, &found));
    if (error)
        buf_printf(problem, "looking into how many cells \"%s\" is cut failed: %s", options->service,
                   error_text(error));
    if (error || found == (int64_t)options->n_cells)
        return error;
    buf_printf(problem,
               "the state of \"%s\" is cut into %lld cells, not into %zu: give it the number that it was made with; "
               "with another one a shop has to be made anew",
               options->service, (long long)found, options->n_cells);
    return E_FOREIGN;
}

static int set_up(struct membership_postgres *self, const struct membership_postgres_options *options,
                  struct buf *problem)
{
    struct buf schema = {0};
    struct sql_options sql = {.server = options->server,
                              .migrations = migrations,
                              .n_migrations = COUNT_OF(migrations),
                              .busy_ms = options->lost_ms,
                              .silent_ms = options->lost_ms,
                              .lost_ms = options->lost_ms};
    int error = OK;

    buf_printf(&schema, "%s_cells%c", options->service, '\0');
    if (schema.failed || !picture_init(&self->filling, options->n_cells)) {
        buf_free(&schema);
        BUF_LIT(problem, "no memory left to join the other replicas");
        return E_MEMORY;
    }
    sql.application = schema.p;
    self->service = (int64_t)(str_hash(str_of(schema.p)) & INT32_MAX);
    self->sql = postgres_open(&sql, problem, &error);
    buf_free(&schema);
    return self->sql ? check_cells(self, options, problem) : error;
}

struct membership *membership_postgres_open(const struct membership_postgres_options *options, struct buf *problem,
                                            int *error)
{
    struct membership_postgres *self = heap_alloc(sizeof(*self));

    *error = self ? OK : E_MEMORY;
    if (!self) {
        BUF_LIT(problem, "no memory left to join the other replicas");
        return NULL;
    }
    self->port = (struct membership){.join = pg_join,
                                     .beat = pg_beat,
                                     .leave = pg_leave,
                                     .read = pg_read,
                                     .own = pg_own,
                                     .disown = pg_disown,
                                     .close = pg_close};
    *error = set_up(self, options, problem);
    if (*error == OK)
        return &self->port;
    pg_close(&self->port);
    return NULL;
}
