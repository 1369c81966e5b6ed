/* Where orders are kept: one suite over SQLite, PostgreSQL and the fake. */
#include "alloc.h"
#include "errors.h"
#include "fake_order_repo.h"
#include "order_repo_sql.h"
#include "repo_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
    struct repo_store store;
    struct outbox_retention retention; /* for ever */
    struct fake_order_repo *fake;      /* or SQL */
    struct order_repo *repo;
};

static void open_sql(struct fixture *fixture)
{
    repo_store_open(&fixture->store, "order", order_migrations, order_migrations_count);
    fixture->repo = order_repo_sql_new(fixture->store.sql, fixture->store.cell, &fixture->retention);
    assert_non_null(fixture->repo);
}

static void close_sql(struct fixture *fixture)
{
    heap_free(fixture->repo);
    repo_store_close(&fixture->store);
}

static struct fixture *new_fixture(void)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));

    arena_init(&fixture->store.arena, 0);
    fixture->store.cell = CELL_ONLY;
    fixture->store.cursors = (struct cursors){.source = {"product"}, .n = 1};
    return fixture;
}

static void restore(struct fixture *fixture, int64_t *last_id)
{
    uint64_t last = 0;

    assert_int_equal(fixture->repo->restore(fixture->repo, last_id, &last, &fixture->store.cursors), OK);
    outbox_free(&fixture->store.outbox);
    outbox_init(&fixture->store.outbox, "order", last);
}

static int64_t restored(struct fixture *fixture)
{
    int64_t last_id = -1;

    restore(fixture, &last_id);
    return last_id;
}

static int setup_sql(void **state)
{
    struct fixture *fixture = new_fixture();
    int64_t last_id;

    scratch_make(&fixture->store.scratch);
    open_sql(fixture);
    restore(fixture, &last_id);
    *state = fixture;
    return 0;
}

static int setup_fake(void **state)
{
    struct fixture *fixture = new_fixture();
    int64_t last_id;

    fixture->fake = fake_order_repo_new();
    fixture->repo = &fixture->fake->port;
    restore(fixture, &last_id);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->fake) {
        fake_order_repo_free(fixture->fake);
    } else {
        close_sql(fixture);
        scratch_remove(&fixture->store.scratch);
    }
    outbox_free(&fixture->store.outbox);
    arena_free(&fixture->store.arena);
    test_free(fixture);
    return 0;
}

/* The process ends and starts again; what was loaded before is gone. */
static int64_t come_back(struct fixture *fixture)
{
    int64_t last_id = -1;

    if (!fixture->fake) {
        close_sql(fixture);
        open_sql(fixture);
    }
    arena_reset(&fixture->store.arena);
    restore(fixture, &last_id);
    return last_id;
}

/* ---- batches ---- */

static void begin(struct fixture *fixture, struct order_batch *batch, size_t n)
{
    *batch = (struct order_batch){0};
    repo_store_begin(&fixture->store, &batch->base, n);
    batch->entries = ARENA_ARRAY(&fixture->store.arena, struct order_entry, n + 1);
    assert_true(batch->entries && working_set_init(&batch->set, n, &fixture->store.arena));
}

static void load(struct fixture *fixture, struct order_batch *batch, const int64_t *ids, size_t n)
{
    begin(fixture, batch, n + 4);
    for (size_t i = 0; i < n; i++)
        working_set_number(&batch->set, ids[i]);
    batch->n_loaded = batch->set.n;
    assert_int_equal(fixture->repo->load(fixture->repo, batch), OK);
}

static struct order load_one(struct fixture *fixture, int64_t id)
{
    struct order_batch batch;

    load(fixture, &batch, &id, 1);
    return batch.entries[0].order;
}

static struct order an_order(int64_t id)
{
    return (struct order){.id = id,
                          .state = ORDER_REQUESTED,
                          .product_name = STR("Caf\xc3\xa9 \"noir\" 'x'"),
                          .qty = 2,
                          .amount = INT64_C(9007199254740993),
                          .currency = STR("KRW"),
                          .version = 1,
                          .payment_id = 77,
                          .payment = ORDER_PAID,
                          .created_at = INT64_C(1790000000123456),
                          .updated_at = INT64_C(1790000000123456)};
}

static void put(struct order_batch *batch, const struct order *order, bool is_new)
{
    struct order_entry *entry = &batch->entries[working_set_number(&batch->set, order->id)];

    *entry = (struct order_entry){.order = *order, .changed = true, .is_new = is_new};
}

static void store_one(struct fixture *fixture, const struct order *order, bool is_new)
{
    struct order_batch batch;

    begin(fixture, &batch, 1);
    put(&batch, order, is_new);
    assert_int_equal(fixture->repo->commit(fixture->repo, &batch), OK);
}

static void assert_same(const struct order *a, const struct order *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->state, b->state);
    assert_true(str_eq(a->product_name, b->product_name));
    assert_int_equal(a->qty, b->qty);
    assert_int_equal(a->amount, b->amount);
    assert_true(str_eq(a->currency, b->currency));
    assert_int_equal(a->product_id, b->product_id);
    assert_int_equal(a->ticket_version, b->ticket_version);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->payment_id, b->payment_id);
    assert_int_equal(a->payment, b->payment);
    assert_int_equal(a->given_up, b->given_up);
    assert_int_equal(a->canceled_at, b->canceled_at);
    assert_int_equal(a->refunded_at, b->refunded_at);
    assert_int_equal(a->created_at, b->created_at);
    assert_int_equal(a->updated_at, b->updated_at);
}

/* ---- the contract ---- */

static void an_order_never_placed_is_none(void **state)
{
    struct order order = load_one(*state, 42);

    assert_int_equal(order.state, ORDER_NONE);
    assert_int_equal(order.version, 0);
}

static void what_is_committed_is_there_after_a_restart(void **state)
{
    struct order order = an_order(42);

    store_one(*state, &order, true);
    struct order loaded = load_one(*state, 42);
    assert_same(&loaded, &order);
    assert_int_equal(come_back(*state), 42);
    loaded = load_one(*state, 42);
    assert_same(&loaded, &order);
}

static void an_order_changes_in_what_can_change(void **state)
{
    struct order order = an_order(42);

    store_one(*state, &order, true);
    order.state = ORDER_COMPLETED;
    order.product_id = 7;
    order.ticket_version = 3;
    order.version = 2;
    order.payment = ORDER_PAYMENT_GONE_BACK;
    order.given_up = true;
    order.canceled_at = 11;
    order.refunded_at = 12;
    order.updated_at += 5;
    store_one(*state, &order, false);
    struct order loaded = load_one(*state, 42);
    assert_same(&loaded, &order);
}

static void many_are_loaded_at_once_each_in_its_place(void **state)
{
    static const int64_t ids[] = {3, 99, 1, 2};
    struct order_batch batch;

    for (int64_t id = 1; id <= 3; id++) {
        struct order order = an_order(id);
        order.qty = id;
        store_one(*state, &order, true);
    }
    load(*state, &batch, ids, COUNT_OF(ids));
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        assert_int_equal(batch.entries[i].order.state, ids[i] == 99 ? ORDER_NONE : ORDER_REQUESTED);
        assert_int_equal(batch.entries[i].order.qty, ids[i] == 99 ? 0 : ids[i]);
    }
}

static void only_what_is_changed_is_stored(void **state)
{
    struct fixture *fixture = *state;
    struct order one = an_order(1), two = an_order(2);
    struct order_batch batch;

    begin(fixture, &batch, 2);
    put(&batch, &one, true);
    put(&batch, &two, true);
    batch.entries[1].changed = false;
    assert_int_equal(fixture->repo->commit(fixture->repo, &batch), OK);
    assert_int_equal(load_one(fixture, 1).state, ORDER_REQUESTED);
    assert_int_equal(load_one(fixture, 2).state, ORDER_NONE);
}

static void what_belongs_to_a_batch_is_committed_with_it(void **state)
{
    struct fixture *fixture = *state;
    struct order order = an_order(42);
    struct order_batch batch;

    begin(fixture, &batch, 2);
    put(&batch, &order, true);
    repo_store_fill(&fixture->store, &batch.base);
    assert_int_equal(fixture->repo->commit(fixture->repo, &batch), OK);
    come_back(fixture);
    assert_int_equal(fixture->store.outbox.next, 2);
    assert_int_equal(fixture->store.cursors.position[0], 7);
    begin(fixture, &batch, 2);
    struct idempotency_record *known = batch_key(&batch.base, STR("POST /things a"));
    struct idempotency_record *unknown = batch_key(&batch.base, STR("POST /things b"));
    assert_int_equal(fixture->repo->load(fixture->repo, &batch), OK);
    assert_true(known->found);
    assert_false(unknown->found);
    assert_int_equal(known->fingerprint, 99);
    assert_int_equal(known->status, 201);
    assert_true(str_is(known->location, "/things/1"));
    assert_true(str_is(known->body, "{\"id\":1}"));
}

static void a_batch_whose_events_did_not_fit_into_memory_is_not_committed(void **state)
{
    struct fixture *fixture = *state;
    struct order order = an_order(42);
    struct order_batch batch;

    begin(fixture, &batch, 2);
    put(&batch, &order, true);
    repo_store_fill(&fixture->store, &batch.base);
    fixture->store.outbox.frames.failed = true;
    assert_int_equal(fixture->repo->commit(fixture->repo, &batch), E_MEMORY);
    fixture->store.outbox.frames.failed = false;
    assert_int_equal(come_back(fixture), 0);
    assert_int_equal(load_one(fixture, 42).state, ORDER_NONE);
    assert_int_equal(fixture->store.outbox.next, 1);
    assert_int_equal(fixture->store.cursors.position[0], 0);
}

static void a_batch_of_nothing_can_be_committed(void **state)
{
    struct fixture *fixture = *state;
    struct order_batch batch;

    begin(fixture, &batch, 0);
    assert_int_equal(fixture->repo->load(fixture->repo, &batch), OK);
    assert_int_equal(fixture->repo->commit(fixture->repo, &batch), OK);
    assert_int_equal(come_back(fixture), 0);
}

/* ---- a cell between others, which have more of everything, under the same names ---- */

static const struct cell ours = {3, 16}, neighbours[] = {{2, 16}, {4, 16}};

/* The same tables by a connection of its own, for another cell. */
static struct fixture *beside(struct fixture *fixture, struct cell cell)
{
    struct fixture *other = new_fixture();

    other->store.scratch = fixture->store.scratch;
    other->store.cell = cell;
    open_sql(other);
    (void)restored(other);
    return other;
}

static void leave(struct fixture *other)
{
    close_sql(other);
    outbox_free(&other->store.outbox);
    arena_free(&other->store.arena);
    test_free(other);
}

static void fill_beside(struct fixture *other, int64_t id);

static int setup_between(void **state)
{
    setup_sql(state);
    struct fixture *fixture = *state;
    close_sql(fixture);
    fixture->store.cell = ours;
    for (size_t i = 0; i < COUNT_OF(neighbours); i++) {
        struct fixture *other = beside(fixture, neighbours[i]);
        fill_beside(other, 900000 + (int64_t)i * 10);
        leave(other);
    }
    open_sql(fixture);
    (void)restored(fixture);
    return 0;
}

static void assert_beside(struct fixture *other, int64_t id);

/* The others have all that they had. */
static int teardown_between(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(neighbours); i++) {
        struct fixture *other = beside(fixture, neighbours[i]);
        assert_int_equal(other->store.outbox.next, 2);
        assert_int_equal(other->store.cursors.position[0], 7);
        assert_beside(other, 900000 + (int64_t)i * 10);
        leave(other);
    }
    return teardown(state);
}

static void fill_beside(struct fixture *other, int64_t id)
{
    struct order order = an_order(id);
    struct order_batch batch;

    begin(other, &batch, 2);
    put(&batch, &order, true);
    repo_store_fill(&other->store, &batch.base);
    assert_int_equal(other->repo->commit(other->repo, &batch), OK);
}

static void assert_beside(struct fixture *other, int64_t id)
{
    assert_int_equal(restored(other), id);
}

/* ---- what only the relational one has: lists ---- */

static void add_id(void *context, const struct order *order)
{
    buf_printf(context, "%lld ", (long long)order->id);
}

static void assert_listed(struct fixture *fixture, bool descending, const char *ids)
{
    enum { BY_PRODUCT_ID = 1 };
    const struct page_request page = {.size = 10, .sort = {{BY_PRODUCT_ID, descending}}, .n_sorts = 1};
    struct buf listed = {0};
    int64_t total = 0;

    assert_string_equal(order_sortable[BY_PRODUCT_ID], "productId");
    assert_int_equal(order_list(fixture->store.sql, &page, add_id, &listed, &total), OK);
    assert_int_equal(total, 4);
    if (!str_is(buf_str(&listed), ids))
        fail_msg("%.*s", STR_ARG(buf_str(&listed)));
    buf_free(&listed);
}

static void a_list_has_what_is_not_known_before_all_that_is(void **state)
{
    static const int64_t tickets[] = {0, 5, 3, 0};

    for (size_t i = 0; i < COUNT_OF(tickets); i++) {
        struct order order = an_order((int64_t)i + 1);
        order.product_id = tickets[i];
        store_one(*state, &order, true);
    }
    assert_listed(*state, false, "1 4 3 2 ");
    assert_listed(*state, true, "2 3 1 4 ");
}

static void one_order_is_found_by_its_id(void **state)
{
    struct fixture *fixture = *state;
    struct order order = an_order(42);
    struct order found;

    store_one(fixture, &order, true);
    assert_int_equal(order_find(fixture->store.sql, 42, &found, &fixture->store.arena), OK);
    assert_same(&found, &order);
    assert_int_equal(order_find(fixture->store.sql, 43, &found, &fixture->store.arena), OK);
    assert_int_equal(found.state, ORDER_NONE);
}

static void add_one(void *context, const struct order *order)
{
    *(int64_t *)context += order->id;
}

static void a_list_and_a_single_row_are_of_all_cells(void **state)
{
    const struct page_request page = {.size = 10};
    struct fixture *fixture = *state;
    struct order order = an_order(7);
    struct order found;
    int64_t total = 0, sum = 0;

    store_one(fixture, &order, true);
    assert_int_equal(order_list(fixture->store.sql, &page, add_one, &sum, &total), OK);
    assert_int_equal(total, 3);
    assert_int_equal(sum, 7 + 900000 + 900010);
    assert_int_equal(order_find(fixture->store.sql, 900010, &found, &fixture->store.arena), OK);
    assert_int_equal(found.state, ORDER_REQUESTED);
}

/* From before there were cells: it is one, and no id is given again. */
static void what_an_older_store_has_is_kept(void **state)
{
    static const struct sql_statement insert = {
        "INSERT INTO orders (id, state, product_name, qty, amount, currency, ticket_version, version, created_at, "
        "updated_at) VALUES (1, 1, 'Latte', 1, 1, 'KRW', 0, 1, 1, 1), (9, 1, 'Latte', 1, 1, 'KRW', 0, 1, 1, 1)",
        0};
    static const struct sql_statement count = {"UPDATE tally SET n = 2", 0};
    const struct page_request page = {.size = 10};
    struct fixture *fixture = *state;
    struct order order = an_order(10);
    int64_t total = 0, sum = 0;

    repo_store_close(&fixture->store);
    scratch_remove(&fixture->store.scratch);
    scratch_make(&fixture->store.scratch);
    repo_store_open(&fixture->store, "order", order_migrations, 6);
    assert_int_equal(sql_exec(fixture->store.sql, &insert, NULL), OK);
    assert_int_equal(sql_exec(fixture->store.sql, &count, NULL), OK);
    assert_int_equal(come_back(fixture), 9);
    store_one(fixture, &order, true);
    assert_int_equal(come_back(fixture), 10);
    assert_int_equal(order_list(fixture->store.sql, &page, add_one, &sum, &total), OK);
    assert_int_equal(total, 3);
    assert_int_equal(sum, 20);
}

static void commit_beside(void *context)
{
    fill_beside(context, 920000);
}

/* While the one's transaction has written everything and isn't over, the other begins, writes and commits. */
static void two_cells_commit_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct fixture *other = beside(fixture, (struct cell){5, 16});

    repo_store_meanwhile(&fixture->store, commit_beside, other);
    fill_beside(fixture, 910000);
    assert_int_equal(restored(other), 920000);
    leave(other);
    assert_int_equal(come_back(fixture), 910000);
}

#define BETWEEN(name)                                                                                                  \
    {                                                                                                                  \
#name " (sql, between other cells)", name, setup_between, teardown_between, NULL                               \
    }
#define ON_SQL(name)                                                                                                   \
    {                                                                                                                  \
#name " (sql)", name, setup_sql, teardown, NULL                                                                \
    }
#define ON_BOTH(name)                                                                                                  \
    {#name " (sql)", name, setup_sql, teardown, NULL},                                                                 \
    {                                                                                                                  \
#name " (fake)", name, setup_fake, teardown, NULL                                                              \
    }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(an_order_never_placed_is_none),
        ON_BOTH(what_is_committed_is_there_after_a_restart),
        ON_BOTH(an_order_changes_in_what_can_change),
        ON_BOTH(many_are_loaded_at_once_each_in_its_place),
        ON_BOTH(only_what_is_changed_is_stored),
        ON_BOTH(what_belongs_to_a_batch_is_committed_with_it),
        ON_BOTH(a_batch_whose_events_did_not_fit_into_memory_is_not_committed),
        ON_BOTH(a_batch_of_nothing_can_be_committed),
        BETWEEN(an_order_never_placed_is_none),
        BETWEEN(what_is_committed_is_there_after_a_restart),
        BETWEEN(an_order_changes_in_what_can_change),
        BETWEEN(many_are_loaded_at_once_each_in_its_place),
        BETWEEN(only_what_is_changed_is_stored),
        BETWEEN(what_belongs_to_a_batch_is_committed_with_it),
        BETWEEN(a_batch_whose_events_did_not_fit_into_memory_is_not_committed),
        BETWEEN(a_batch_of_nothing_can_be_committed),
        BETWEEN(a_list_and_a_single_row_are_of_all_cells),
        ON_SQL(a_list_has_what_is_not_known_before_all_that_is),
        ON_SQL(one_order_is_found_by_its_id),
        ON_SQL(what_an_older_store_has_is_kept),
    };

    const struct CMUnitTest at_once[] = {BETWEEN(two_cells_commit_at_once)};

    sql_engine_start(argc, argv);
    int failed = cmocka_run_group_tests_name("order_repo", tests, NULL, NULL);
    if (sql_engine_is_postgres()) /* a file has one writer */
        failed += cmocka_run_group_tests_name("order_repo, cells at once", at_once, NULL, NULL);
    sql_engine_stop();
    return failed;
}
