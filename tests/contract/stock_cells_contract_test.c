/* Stock that is cut into cells, each with a store of its own: what readers find in all of them together. One suite over
 * the key-value fake and Redis. */
#include "stock_queries_kv.h"

#include "alloc.h"
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "kv_store.h"
#include "redis_server.h"
#include "stock_app.h"
#include "stock_cell.h"
#include "stock_events.h"
#include "stock_repo_kv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { CELLS = 3, OPENED = 100 };

/* By 3: Americano, Latte and Tea are in cell 2, Cappuccino and Mocha in cell 0, and Cocoa alone in cell 1. */
static const char *const items[] = {"Americano", "Latte", "Cappuccino", "Mocha", "Tea", "Cocoa"};
enum { ITEMS = 6 };

struct fixture {
    struct kv_store store[CELLS];
    struct kv *kv[CELLS];
    struct stock_cells cells;
    struct stock_repo *repo[CELLS];
    struct stock_app app[CELLS];
    struct str opening[CELLS][ITEMS];
    size_t n_opening[CELLS];
    struct event_sink sink;
    struct arena arena;
    int64_t now;
};

static void keep_quiet(struct event_sink *self, struct outbox *outbox)
{
    UNUSED(self);
    UNUSED(outbox);
}

static int32_t cell_of(struct fixture *fixture, struct str name)
{
    int32_t cell = -1;

    assert_true(stock_cell_of_name(&fixture->arena, name, CELLS, &cell));
    return cell;
}

static void begin(struct fixture *fixture)
{
    static const struct stock_retention for_ever = {0};
    static const struct cursors no_sources = {.n = 0};

    for (int32_t i = 0; i < CELLS; i++) {
        fixture->kv[i] = fixture->store[i].kv;
        fixture->repo[i] = stock_repo_kv_new(fixture->kv[i], &for_ever);
        assert_non_null(fixture->repo[i]);
        const struct stock_ports ports = {fixture->repo[i], &fixture->sink, stock_event_write};
        const struct stock_options options = {fixture->opening[i], fixture->n_opening[i], OPENED};
        struct core *core = &fixture->app[i].core;
        assert_int_equal(stock_app_init(&fixture->app[i], &ports, (struct cell){i, CELLS}, &options, &no_sources), OK);
        assert_int_equal(core_run(core, NULL, 0, ++fixture->now), OK);
    }
}

static void end(struct fixture *fixture)
{
    for (int32_t i = 0; i < CELLS; i++) {
        stock_app_free(&fixture->app[i]);
        stock_repo_kv_free(fixture->repo[i]);
    }
}

static void restart(struct fixture *fixture)
{
    end(fixture);
    for (int32_t i = 0; i < CELLS; i++)
        kv_store_reopen(&fixture->store[i]);
    begin(fixture);
}

static int set_up(void **state, void (*make)(struct kv_store *store))
{
    struct fixture *fixture = heap_alloc(sizeof(*fixture));

    assert_non_null(fixture);
    arena_init(&fixture->arena, 0);
    fixture->sink.publish = keep_quiet;
    fixture->cells = (struct stock_cells){fixture->kv, CELLS};
    fixture->now = US_PER_S;
    for (size_t i = 0; i < ITEMS; i++) {
        int32_t cell = cell_of(fixture, str_of(items[i]));
        fixture->opening[cell][fixture->n_opening[cell]++] = str_of(items[i]);
    }
    for (size_t i = 0; i < CELLS; i++)
        make(&fixture->store[i]);
    begin(fixture);
    *state = fixture;
    return 0;
}

static int set_up_redis(void **state)
{
    return set_up(state, kv_store_make_redis);
}

static int set_up_fake(void **state)
{
    return set_up(state, kv_store_make_fake);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    end(fixture);
    for (size_t i = 0; i < CELLS; i++)
        kv_store_remove(&fixture->store[i]);
    arena_free(&fixture->arena);
    heap_free(fixture);
    return 0;
}

/* ---- helpers that read like sentences ---- */

static struct stock_step do_in(struct fixture *fixture, int32_t cell, struct stock_intent intent)
{
    struct stock_step step = {.intent = intent};
    struct stock_command command = {.steps = &step, .n = 1};
    struct command *commands[] = {&command.base};

    assert_int_equal(core_run(&fixture->app[cell].core, commands, 1, ++fixture->now), OK);
    assert_int_equal(step.verdict, STOCK_DECIDED);
    return step;
}

static int64_t keep(struct fixture *fixture, const char *name)
{
    struct str text = str_of(name);

    return do_in(fixture, cell_of(fixture, text),
                 (struct stock_intent){.kind = STOCK_ADD, .product_name = text, .qty = 7})
        .stock.id;
}

static struct stock found(struct fixture *fixture, const char *name)
{
    struct stock stock;

    assert_int_equal(stock_find_by_name(&fixture->cells, str_of(name), &fixture->arena, &stock), OK);
    return stock;
}

static struct stock_rows list(struct fixture *fixture, size_t from, size_t most)
{
    struct stock_rows rows;

    assert_int_equal(stock_list(&fixture->cells, &fixture->arena, from, most, INT64_MAX, &rows), OK);
    return rows;
}

/* ---- the suite ---- */

static void each_item_of_the_menu_begins_with_what_it_should_once(void **state)
{
    struct fixture *fixture = *state;

    for (int restarts = 0; restarts < 2; restarts++) {
        for (size_t i = 0; i < ITEMS; i++)
            assert_int_equal(found(fixture, items[i]).on_hand, OPENED);
        assert_int_equal(list(fixture, 0, SIZE_MAX).total, ITEMS);
        restart(fixture);
    }
}

static void a_row_is_found_by_its_id_and_by_its_name_in_any_spelling(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = keep(fixture, "Caff\u00e8 Latte");
    struct stock stock;

    assert_int_equal(found(fixture, "CAFFE\u0300 latte").id, id);
    assert_int_equal(stock_find(&fixture->cells, id, &fixture->arena, &stock), OK);
    assert_true(str_is(stock.product_name, "Caff\u00e8 Latte"));
    assert_int_equal(stock.on_hand, 7);
    assert_ptr_equal(stock_kv_of_id(&fixture->cells, id), fixture->kv[cell_of(fixture, STR("caff\u00e8 latte"))]);
}

static void an_id_or_a_name_that_nobody_has_is_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct stock stock;

    for (int64_t id = 100; id < 100 + CELLS; id++)
        assert_int_equal(stock_find(&fixture->cells, id, &fixture->arena, &stock), E_NOT_FOUND);
    assert_int_equal(stock_find(&fixture->cells, INT64_MAX, &fixture->arena, &stock), E_NOT_FOUND);
    assert_int_equal(stock_find_by_name(&fixture->cells, STR("Soup"), &fixture->arena, &stock), E_NOT_FOUND);
}

static void a_list_goes_through_all_cells_in_the_order_of_their_ids(void **state)
{
    struct fixture *fixture = *state;
    int64_t removed = found(fixture, "Mocha").id;

    (void)do_in(fixture, stock_cell_of_id(removed, CELLS), (struct stock_intent){.kind = STOCK_REMOVE, .id = removed});
    (void)keep(fixture, "Juice");
    struct stock_rows all = list(fixture, 0, SIZE_MAX);
    assert_int_equal(all.n, ITEMS);
    assert_int_equal(all.total, ITEMS);
    for (size_t i = 1; i < all.n; i++)
        assert_true(all.stocks[i - 1].id < all.stocks[i].id);
    for (size_t from = 0; from <= ITEMS + 1; from++) {
        for (size_t most = 0; most <= 3; most++) {
            struct stock_rows some = list(fixture, from, most);
            size_t left = from < ITEMS ? ITEMS - from : 0;
            assert_int_equal(some.total, ITEMS);
            assert_int_equal(some.n, left < most ? left : most);
            for (size_t i = 0; i < some.n; i++)
                assert_int_equal(some.stocks[i].id, all.stocks[from + i].id);
        }
    }
}

static void a_list_whose_time_is_over_ends(void **state)
{
    struct fixture *fixture = *state;
    struct stock_rows rows;

    assert_int_equal(stock_list(&fixture->cells, &fixture->arena, 0, 20, clock_monotonic(), &rows), E_TIMEOUT);
}

static void a_cell_gives_no_id_twice_and_none_of_another_cells_over_a_restart(void **state)
{
    struct fixture *fixture = *state;
    int64_t first = keep(fixture, "Juice");
    int32_t cell = cell_of(fixture, STR("Juice"));

    assert_int_equal(stock_cell_of_id(first, CELLS), cell);
    (void)do_in(fixture, cell, (struct stock_intent){.kind = STOCK_REMOVE, .id = first});
    restart(fixture);
    assert_int_equal(keep(fixture, "Juice"), first + CELLS);
}

static void what_is_taken_in_one_cell_is_given_back_there_and_nowhere_else(void **state)
{
    struct fixture *fixture = *state;
    struct str name = STR("Cocoa");
    int32_t cell = cell_of(fixture, name);
    int32_t another = (cell + 1) % CELLS;

    const struct stock_intent taken = {
        .kind = STOCK_REDUCE, .product_name = name, .qty = 3, .reservation_id = STR("o1.1")};
    const struct stock_intent given_back = {.kind = STOCK_GIVE_BACK, .reservation_id = STR("o1.1")};
    assert_true(do_in(fixture, cell, taken).yes);
    assert_false(do_in(fixture, another, given_back).yes); /* noted there: it was never heard of */
    assert_int_equal(found(fixture, "Cocoa").on_hand, OPENED - 3);
    assert_true(do_in(fixture, cell, given_back).yes);
    assert_int_equal(found(fixture, "Cocoa").on_hand, OPENED);
}

#define ON(test_, set_up_)                                                                                             \
    {                                                                                                                  \
#test_, test_, set_up_, tear_down, NULL                                                                        \
    }
#define CONTRACT(set_up_)                                                                                              \
    ON(each_item_of_the_menu_begins_with_what_it_should_once, set_up_),                                                \
        ON(a_row_is_found_by_its_id_and_by_its_name_in_any_spelling, set_up_),                                         \
        ON(an_id_or_a_name_that_nobody_has_is_not_found, set_up_),                                                     \
        ON(a_list_goes_through_all_cells_in_the_order_of_their_ids, set_up_),                                          \
        ON(a_list_whose_time_is_over_ends, set_up_),                                                                   \
        ON(a_cell_gives_no_id_twice_and_none_of_another_cells_over_a_restart, set_up_),                                \
        ON(what_is_taken_in_one_cell_is_given_back_there_and_nowhere_else, set_up_)

/* stock_cells_contract_test: over the fake; stock_cells_contract_test redis: over a Redis of its own. */
int main(int argc, char **argv)
{
    const struct CMUnitTest over_redis[] = {CONTRACT(set_up_redis)};
    const struct CMUnitTest over_the_fake[] = {CONTRACT(set_up_fake)};

    if (argc == 2 && strcmp(argv[1], "redis") == 0) {
        if (redis_server_skips("stock's cells"))
            return SKIPPED_STATUS;
        return cmocka_run_group_tests_name("redis", over_redis, kv_store_start_redis, kv_store_stop_redis);
    }
    return cmocka_run_group_tests_name("fake", over_the_fake, NULL, NULL);
}
