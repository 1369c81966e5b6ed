/* Several cells' cores as one: whose commands they get, and that all of a batch is committed, or nothing. */
#include "cells_core.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "scratch.h"
#include "sql_engine.h"
#include "sql_joint.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { CELLS = 4, MOST = 8, NOT_SETTLED = 99 };

static const struct sql_migration migrations[] = {
    {1, "CREATE TABLE written (cell INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (cell, n))"}};
static const struct sql_statement insert = {"INSERT INTO written (cell, n) VALUES ($1, $2)", 2};
static const struct sql_statement count = {"SELECT count(*) FROM written", 0};

/* It writes a row for each command, and one when it was due. */
struct noting_core {
    struct core core;
    struct sql *sql; /* NULL: it writes nothing */
    int64_t number, n_written;
    struct command *had[MOST];
    size_t n_had;
    int decisions, settlements, settled_with;
    int64_t due, now, wall_ahead;
    int fails; /* decide() comes to this, when it has written */
};

struct fixture {
    struct scratch scratch;
    struct sql *sql, *joint;
    struct noting_core cells[CELLS];
    struct core *core;
};

static int write_rows(struct noting_core *self, size_t n)
{
    int rc = self->sql->begin(self->sql);

    for (size_t i = 0; i < n && !rc; i++)
        rc = sql_exec(self->sql, &insert, (const struct sql_value[]){SQL_N(self->number), SQL_N(self->n_written++)});
    return sql_end(self->sql, rc ? rc : self->fails);
}

static int decide(struct core *core, struct command *const *commands, size_t n, int64_t now)
{
    struct noting_core *self = CONTAINER_OF(core, struct noting_core, core);

    self->decisions++;
    self->settled_with = NOT_SETTLED;
    self->now = now;
    self->wall_ahead = core->wall_ahead;
    self->n_had = n;
    for (size_t i = 0; i < n; i++)
        self->had[i] = commands[i];
    if (self->due <= now)
        self->due = INT64_MAX;
    return self->sql ? write_rows(self, n ? n : 1) : self->fails;
}

static void settle(struct core *core, struct command *const *commands, size_t n, int rc)
{
    struct noting_core *self = CONTAINER_OF(core, struct noting_core, core);

    assert_int_equal(n, self->n_had);
    for (size_t i = 0; i < n; i++)
        assert_ptr_equal(commands[i], self->had[i]);
    self->settlements++;
    self->settled_with = rc;
}

static int64_t next_due(struct core *core)
{
    return CONTAINER_OF(core, struct noting_core, core)->due;
}

static void put_all(struct fixture *fixture)
{
    assert_non_null(fixture->core);
    for (int i = 0; i < CELLS; i++)
        cells_core_put(fixture->core, i, &fixture->cells[i].core);
}

static int set_up(void **state)
{
    struct fixture *fixture = heap_alloc(sizeof(*fixture));
    struct buf problem = {0};
    char path[SCRATCH_PATH_SIZE];
    int error;

    assert_non_null(fixture);
    scratch_make(&fixture->scratch);
    const struct sql_options options = {.path = scratch_path(&fixture->scratch, "cells.db", path),
                                        .application = "cells",
                                        .migrations = migrations,
                                        .n_migrations = COUNT_OF(migrations)};
    fixture->sql = sql_engine_open(&options, &problem, &error);
    assert_non_null(fixture->sql);
    fixture->joint = sql_joint_new(fixture->sql);
    assert_non_null(fixture->joint);
    for (int i = 0; i < CELLS; i++) {
        fixture->cells[i] = (struct noting_core){.core = {.decide = decide, .settle = settle, .next_due = next_due},
                                                 .sql = fixture->joint,
                                                 .number = i,
                                                 .due = INT64_MAX};
    }
    fixture->core = cells_core_new(CELLS, fixture->joint);
    put_all(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    cells_core_free(fixture->core);
    fixture->joint->close(fixture->joint);
    fixture->sql->close(fixture->sql);
    scratch_remove(&fixture->scratch);
    heap_free(fixture);
    return 0;
}

/* Each cell has a store of its own from here on. */
static void part_them(struct fixture *fixture)
{
    for (int i = 0; i < CELLS; i++)
        fixture->cells[i].sql = NULL;
    cells_core_free(fixture->core);
    fixture->core = cells_core_new(CELLS, NULL);
    put_all(fixture);
}

static int64_t rows(struct fixture *fixture)
{
    int64_t n = -1;

    assert_int_equal(sql_number(fixture->sql, &count, NULL, &n), OK);
    return n;
}

static void each_cell_decides_its_own_commands_in_their_order(void **state)
{
    struct fixture *fixture = *state;
    struct command a = {.cell = 2}, b = {.cell = 0}, c = {.cell = 2}, d = {.cell = 2};

    fixture->core->wall_ahead = 17;
    assert_int_equal(core_run(fixture->core, (struct command *[]){&a, &b, &c, &d}, 4, 1000), OK);
    assert_int_equal(fixture->cells[2].n_had, 3);
    assert_ptr_equal(fixture->cells[2].had[0], &a);
    assert_ptr_equal(fixture->cells[2].had[1], &c);
    assert_ptr_equal(fixture->cells[2].had[2], &d);
    assert_int_equal(fixture->cells[2].now, 1000);
    assert_int_equal(fixture->cells[2].wall_ahead, 17);
    assert_int_equal(fixture->cells[2].settled_with, OK);
    assert_int_equal(fixture->cells[0].n_had, 1);
    assert_int_equal(fixture->cells[1].decisions + fixture->cells[3].decisions, 0);
    assert_int_equal(fixture->cells[1].settlements + fixture->cells[3].settlements, 0);
    assert_int_equal(rows(fixture), 4);
}

static void what_one_cell_cant_write_none_has_written(void **state)
{
    struct fixture *fixture = *state;
    struct command a = {.cell = 0}, b = {.cell = 1}, c = {.cell = 3};

    fixture->cells[1].fails = E_CONFLICT;
    assert_int_equal(core_run(fixture->core, (struct command *[]){&a, &b, &c}, 3, 1000), E_CONFLICT);
    assert_int_equal(fixture->cells[0].settled_with, E_CONFLICT); /* though it had written all of its own */
    assert_int_equal(fixture->cells[1].settled_with, E_CONFLICT);
    assert_int_equal(fixture->cells[3].decisions, 0);
    assert_int_equal(fixture->cells[3].settlements, 0);
    assert_int_equal(rows(fixture), 0);
    fixture->cells[1].fails = OK;
    assert_int_equal(core_run(fixture->core, (struct command *[]){&a, &b, &c}, 3, 1001), OK);
    assert_int_equal(rows(fixture), 3);
}

static void who_is_due_decides_with_those_that_have_commands(void **state)
{
    struct fixture *fixture = *state;
    struct command a = {.cell = 0};

    fixture->cells[3].due = 500;
    fixture->cells[1].due = 2000;
    assert_int_equal(fixture->core->next_due(fixture->core), 500);
    assert_int_equal(core_run(fixture->core, (struct command *[]){&a}, 1, 1000), OK);
    assert_int_equal(fixture->cells[3].decisions, 1);
    assert_int_equal(fixture->cells[3].n_had, 0);
    assert_int_equal(fixture->cells[1].decisions, 0);
    assert_int_equal(fixture->core->next_due(fixture->core), 2000);
    assert_int_equal(core_run(fixture->core, NULL, 0, 1999), OK);
    assert_int_equal(fixture->cells[1].decisions, 0);
    assert_int_equal(core_run(fixture->core, NULL, 0, 2000), OK);
    assert_int_equal(fixture->cells[1].decisions, 1);
    assert_int_equal(fixture->core->next_due(fixture->core), INT64_MAX);
}

static void cells_with_stores_of_their_own_are_due_one_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct command a = {.cell = 2};

    part_them(fixture);
    fixture->cells[0].due = 900;
    fixture->cells[3].due = 800;
    assert_int_equal(core_run(fixture->core, (struct command *[]){&a}, 1, 1000), OK);
    assert_int_equal(fixture->cells[2].decisions, 1);
    assert_int_equal(fixture->cells[0].decisions + fixture->cells[3].decisions, 0);
    assert_int_equal(core_run(fixture->core, NULL, 0, 1001), OK);
    assert_int_equal(fixture->cells[3].decisions, 1); /* the one that waits longest */
    assert_int_equal(fixture->cells[0].decisions, 0);
    fixture->cells[0].fails = E_FULL;
    assert_int_equal(core_run(fixture->core, NULL, 0, 1002), E_FULL);
    assert_int_equal(fixture->cells[0].settled_with, E_FULL);
    assert_int_equal(fixture->cells[3].settled_with, OK);
}

static void a_cell_that_is_not_here_is_asked_for_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct command a = {.cell = 1};

    assert_true(core_has(fixture->core, 2) && !core_has(fixture->core, CELLS) && !core_has(fixture->core, -1));
    fixture->cells[2].due = 500;
    cells_core_put(fixture->core, 2, NULL);
    assert_false(core_has(fixture->core, 2));
    assert_int_equal(fixture->core->next_due(fixture->core), INT64_MAX);
    assert_int_equal(core_run(fixture->core, (struct command *[]){&a}, 1, 1000), OK);
    assert_int_equal(fixture->cells[2].decisions, 0);
    cells_core_put(fixture->core, 2, &fixture->cells[2].core);
    assert_int_equal(core_run(fixture->core, NULL, 0, 1001), OK);
    assert_int_equal(fixture->cells[2].decisions, 1);
}

static void without_memory_nothing_is_decided(void **state)
{
    struct fixture *fixture = *state;
    struct command a = {.cell = 2};

    heap_fail_at(1);
    int rc = core_run(fixture->core, (struct command *[]){&a}, 1, 1000);
    heap_fail_at(0);
    assert_int_equal(rc, E_MEMORY);
    assert_int_equal(fixture->cells[2].decisions, 0);
    assert_int_equal(core_run(fixture->core, (struct command *[]){&a}, 1, 1000), OK);
    assert_int_equal(fixture->cells[2].settled_with, OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_cell_decides_its_own_commands_in_their_order),
        TEST(what_one_cell_cant_write_none_has_written),
        TEST(who_is_due_decides_with_those_that_have_commands),
        TEST(cells_with_stores_of_their_own_are_due_one_at_a_time),
        TEST(a_cell_that_is_not_here_is_asked_for_nothing),
        TEST(without_memory_nothing_is_decided),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
