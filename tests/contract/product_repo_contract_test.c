/* Where tickets are kept: one suite over SQLite and the fake. */
#include "alloc.h"
#include "errors.h"
#include "fake_product_repo.h"
#include "product_queries_sql.h"
#include "product_repo_sql.h"
#include "repo_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MOST = 16 };

struct fixture {
    struct repo_store store;
    struct outbox_retention retention; /* for ever */
    struct fake_product_repo *fake;    /* or SQLite */
    struct product_repo *repo;
};

static void open_sql(struct fixture *fixture)
{
    repo_store_open(&fixture->store, "product", product_migrations, product_migrations_count);
    fixture->repo = product_repo_sql_new(fixture->store.sql, fixture->store.cell, &fixture->retention);
    assert_non_null(fixture->repo);
}

static void close_sql(struct fixture *fixture)
{
    heap_free(fixture->repo);
    repo_store_close(&fixture->store);
}

struct ids {
    int64_t last, last_order;
};

static struct ids restore(struct fixture *fixture)
{
    struct ids ids = {-1, -1};
    uint64_t last = 0;

    assert_int_equal(fixture->repo->restore(fixture->repo, &ids.last, &ids.last_order, &last, &fixture->store.cursors),
                     OK);
    outbox_free(&fixture->store.outbox);
    outbox_init(&fixture->store.outbox, "product", last);
    return ids;
}

static struct fixture *new_fixture(void)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));

    arena_init(&fixture->store.arena, 0);
    fixture->store.cell = CELL_ONLY;
    fixture->store.cursors = (struct cursors){.source = {"order", "stock"}, .n = 2};
    return fixture;
}

static int setup_sql(void **state)
{
    struct fixture *fixture = new_fixture();

    scratch_make(&fixture->store.scratch);
    open_sql(fixture);
    restore(fixture);
    *state = fixture;
    return 0;
}

static int setup_fake(void **state)
{
    struct fixture *fixture = new_fixture();

    fixture->fake = fake_product_repo_new();
    fixture->repo = &fixture->fake->port;
    restore(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->fake) {
        fake_product_repo_free(fixture->fake);
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
static struct ids come_back(struct fixture *fixture)
{
    if (!fixture->fake) {
        close_sql(fixture);
        open_sql(fixture);
    }
    arena_reset(&fixture->store.arena);
    return restore(fixture);
}

/* ---- batches ---- */

static void begin(struct fixture *fixture, struct product_batch *batch, size_t n)
{
    *batch = (struct product_batch){0};
    repo_store_begin(&fixture->store, &batch->base, n);
    batch->entries = ARENA_ARRAY(&fixture->store.arena, struct product_entry, n + 1);
    assert_true(batch->entries && working_set_init(&batch->tickets, n, &fixture->store.arena));
}

static void put(struct product_batch *batch, const struct ticket *ticket, bool is_new)
{
    struct product_entry *entry = &batch->entries[working_set_number(&batch->tickets, ticket->id)];

    *entry = (struct product_entry){
        .ticket = *ticket, .changed = true, .is_new = is_new, .becomes_visible = is_new && !ticket_is_hidden(ticket)};
}

static int try_to_store(struct fixture *fixture, const struct ticket *ticket, bool is_new)
{
    struct product_batch batch;

    begin(fixture, &batch, 1);
    put(&batch, ticket, is_new);
    return fixture->repo->commit(fixture->repo, &batch);
}

static void store(struct fixture *fixture, const struct ticket *ticket)
{
    assert_int_equal(try_to_store(fixture, ticket, true), OK);
}

static struct ticket a_ticket(int64_t id, int64_t order_id)
{
    return (struct ticket){.id = id,
                           .order_id = order_id,
                           .state = TICKET_READY,
                           .product_name = STR("Caf\xc3\xa9 \"noir\" 'x'"),
                           .qty = 2,
                           .attempt = 1,
                           .due_at = INT64_C(1790000005000000),
                           .version = 1,
                           .created_at = INT64_C(1790000000123456),
                           .updated_at = INT64_C(1790000000123457),
                           .correlation = STR("c"),
                           .traceparent = STR("00-1-2-01")};
}

static struct ticket find(struct fixture *fixture, int64_t id)
{
    struct ticket ticket = {0};

    assert_int_equal(fixture->repo->find_by_ids(fixture->repo, &id, 1, &ticket, &fixture->store.arena), OK);
    return ticket;
}

static void assert_same(const struct ticket *a, const struct ticket *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->order_id, b->order_id);
    assert_int_equal(a->reference, b->reference);
    assert_int_equal(a->state, b->state);
    assert_true(str_eq(a->product_name, b->product_name));
    assert_int_equal(a->qty, b->qty);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->due_at, b->due_at);
    assert_int_equal(a->waits_since, b->waits_since);
    assert_int_equal(a->given_up, b->given_up);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->created_at, b->created_at);
    assert_int_equal(a->updated_at, b->updated_at);
    assert_true(str_eq(a->correlation, b->correlation));
    assert_true(str_eq(a->traceparent, b->traceparent));
}

/* ---- the contract: tickets ---- */

static void what_is_committed_is_there_after_a_restart(void **state)
{
    struct ticket ticket = a_ticket(7, 42);

    store(*state, &ticket);
    struct ticket found = find(*state, 7);
    assert_same(&found, &ticket);
    struct ids ids = come_back(*state);
    assert_int_equal(ids.last, 7);
    assert_int_equal(ids.last_order, 42);
    found = find(*state, 7);
    assert_same(&found, &ticket);
}

static void an_empty_store_has_given_no_ids(void **state)
{
    struct ids ids = come_back(*state);

    assert_int_equal(ids.last, 0);
    assert_int_equal(ids.last_order, 0);
    assert_int_equal(find(*state, 1).state, TICKET_NONE);
}

static void a_counter_ticket_belongs_to_no_order(void **state)
{
    struct ticket ticket = a_ticket(7, 0);

    ticket.reference = 1;
    ticket.correlation = ticket.traceparent = (struct str){NULL, 0};
    store(*state, &ticket);
    assert_int_equal(come_back(*state).last_order, 0);
    struct ticket found = find(*state, 7);
    assert_same(&found, &ticket);
    struct ticket other = a_ticket(8, 0); /* and there may be many */
    store(*state, &other);
}

static void a_ticket_is_found_by_its_order(void **state)
{
    static const int64_t orders[] = {43, 99, 42};
    struct fixture *fixture = *state;
    struct ticket one = a_ticket(1, 42), two = a_ticket(2, 43), found[3] = {0};

    store(fixture, &one);
    store(fixture, &two);
    assert_int_equal(fixture->repo->find_by_orders(fixture->repo, orders, 3, found, &fixture->store.arena), OK);
    assert_same(&found[0], &two);
    assert_int_equal(found[1].state, TICKET_NONE);
    assert_same(&found[2], &one);
}

static void an_order_has_one_ticket(void **state)
{
    struct ticket one = a_ticket(1, 42), twin = a_ticket(2, 42);

    store(*state, &one);
    assert_int_not_equal(try_to_store(*state, &twin, true), OK);
    come_back(*state);
    assert_int_equal(find(*state, 2).state, TICKET_NONE);
}

static void a_ticket_goes_on(void **state)
{
    struct ticket ticket = a_ticket(7, 42);

    store(*state, &ticket);
    ticket.state = TICKET_PRODUCING;
    ticket.attempt = 2;
    ticket.waits_since = 77;
    ticket.due_at = 0;
    ticket.version = 2;
    ticket.updated_at += 9;
    assert_int_equal(try_to_store(*state, &ticket, false), OK);
    struct ticket found = find(*state, 7);
    assert_same(&found, &ticket);
}

static void why_a_ticket_was_cancelled_is_kept(void **state)
{
    struct ticket ticket = a_ticket(7, 42);

    store(*state, &ticket);
    ticket.state = TICKET_CANCELED;
    ticket.due_at = 0;
    ticket.waits_since = 77;
    ticket.given_up = true;
    assert_int_equal(try_to_store(*state, &ticket, false), OK);
    come_back(*state);
    struct ticket found = find(*state, 7);
    assert_same(&found, &ticket);
}

static void a_tombstone_learns_what_it_stands_for(void **state)
{
    struct ticket ticket = a_ticket(7, 42),
                  tombstone = {.id = 7, .order_id = 42, .state = TICKET_TOMBSTONE, .attempt = 1};

    store(*state, &tombstone);
    struct ticket found = find(*state, 7);
    assert_int_equal(found.state, TICKET_TOMBSTONE);
    assert_int_equal(found.product_name.n, 0);
    ticket.state = TICKET_CANCELED;
    ticket.due_at = 0;
    ticket.created_at = 0;
    assert_int_equal(try_to_store(*state, &ticket, false), OK);
    found = find(*state, 7);
    assert_same(&found, &ticket);
}

/* ---- the contract: what waits for goods ---- */

static void store_waiting(struct fixture *fixture, int64_t id, int64_t qty, const char *name)
{
    struct ticket ticket = a_ticket(id, 100 + id);

    ticket.state = TICKET_OUT_OF_STOCK;
    ticket.qty = qty;
    ticket.product_name = str_of(name);
    ticket.due_at = 0;
    store(fixture, &ticket);
}

enum { MOST_WAITING = 25 };

static void assert_waiting(struct fixture *fixture, int64_t on_hand, const char *ids)
{
    struct ticket *found = NULL;
    struct buf text = {0};
    size_t n = 0;

    assert_int_equal(fixture->repo->find_waiting(fixture->repo, STR("Latte"), on_hand, MOST_WAITING, &found, &n,
                                                 &fixture->store.arena),
                     OK);
    for (size_t i = 0; i < n; i++) {
        assert_true(str_is(found[i].product_name, "Latte"));
        buf_printf(&text, "%s%lld", i ? " " : "", (long long)found[i].id);
    }
    buf_char(&text, '\0');
    assert_string_equal(text.p, ids);
    buf_free(&text);
}

static void goods_are_for_the_oldest_that_they_are_enough_for(void **state)
{
    store_waiting(*state, 1, 5, "Latte");
    store_waiting(*state, 2, 3, "Latte");
    store_waiting(*state, 3, 1, "Tea");
    store_waiting(*state, 4, 1, "Latte");
    struct ticket ready = a_ticket(5, 105);
    ready.product_name = STR("Latte");
    store(*state, &ready);
    assert_waiting(*state, 0, "");
    assert_waiting(*state, 1, "4");
    assert_waiting(*state, 4, "2 4");
    assert_waiting(*state, 8, "1 2");
    assert_waiting(*state, 100, "1 2 4");
}

static void what_waits_is_appended_to_what_was_found_before(void **state)
{
    struct fixture *fixture = *state;
    struct ticket *found = NULL;
    size_t n = 0;

    for (int64_t id = 1; id <= 40; id++)
        store_waiting(fixture, id, 1, id % 2 ? "Latte" : "Tea");
    assert_int_equal(
        fixture->repo->find_waiting(fixture->repo, STR("Tea"), 30, MOST_WAITING, &found, &n, &fixture->store.arena),
        OK);
    assert_int_equal(n, 20);
    assert_int_equal(
        fixture->repo->find_waiting(fixture->repo, STR("Latte"), 5, MOST_WAITING, &found, &n, &fixture->store.arena),
        OK);
    assert_int_equal(n, 25);
    assert_int_equal(found[19].id, 40);
    assert_int_equal(found[20].id, 1);
    assert_true(str_is(found[0].product_name, "Tea"));
    /* No more than are wanted. */
    assert_int_equal(
        fixture->repo->find_waiting(fixture->repo, STR("Latte"), 5, MOST_WAITING, &found, &n, &fixture->store.arena),
        OK);
    assert_int_equal(n, 25);
}

static void each_item_that_is_waited_for_is_named_once(void **state)
{
    struct fixture *fixture = *state;
    struct str *items = NULL;
    size_t n = 0;

    for (int64_t id = 1; id <= 6; id++)
        store_waiting(fixture, id, 1, id % 2 ? "Latte" : "Tea");
    struct ticket ready = a_ticket(7, 107);
    ready.product_name = STR("Mocha");
    store(fixture, &ready);
    assert_int_equal(fixture->repo->find_waited_for(fixture->repo, 10, &items, &n, &fixture->store.arena), OK);
    assert_int_equal(n, 2);
    assert_true(str_is(items[str_is(items[0], "Latte") ? 1 : 0], "Tea"));
    assert_true(str_is(items[str_is(items[0], "Latte") ? 0 : 1], "Latte"));
    assert_int_equal(fixture->repo->find_waited_for(fixture->repo, 1, &items, &n, &fixture->store.arena), OK);
    assert_int_equal(n, 1);
}

/* ---- the contract: what is due ---- */

static void store_due(struct fixture *fixture, int64_t id, int64_t due_at)
{
    struct ticket ticket = a_ticket(id, 0);

    ticket.due_at = due_at;
    store(fixture, &ticket);
}

static void assert_due(struct fixture *fixture, struct due_ticket after, int64_t now, size_t limit, const char *ids)
{
    struct due_ticket found[MOST];
    struct buf text = {0};
    size_t n = 0;

    assert_int_equal(fixture->repo->find_due(fixture->repo, after, now, limit, found, &n), OK);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s%lld", i ? " " : "", (long long)found[i].id);
    buf_char(&text, '\0');
    assert_string_equal(text.p, ids);
    buf_free(&text);
}

static void the_due_ones_come_by_time_and_then_by_id(void **state)
{
    store_due(*state, 1, 300);
    store_due(*state, 2, 100);
    store_due(*state, 3, 200);
    store_due(*state, 4, 100);
    store_due(*state, 5, 0); /* nothing is to be done */
    assert_due(*state, (struct due_ticket){0, 0}, 300, MOST, "2 4 3 1");
    assert_due(*state, (struct due_ticket){0, 0}, 299, MOST, "2 4 3");
    assert_due(*state, (struct due_ticket){0, 0}, 99, MOST, "");
    assert_due(*state, (struct due_ticket){0, 0}, 300, 3, "2 4 3");
    assert_due(*state, (struct due_ticket){100, 2}, 300, MOST, "4 3 1");
    assert_due(*state, (struct due_ticket){100, INT64_MAX}, 300, MOST, "3 1");
    assert_due(*state, (struct due_ticket){300, 1}, 300, MOST, "");
}

static void assert_next_due(struct fixture *fixture, struct due_ticket after, int64_t expected)
{
    int64_t due_at = -1;

    assert_int_equal(fixture->repo->next_due(fixture->repo, after, &due_at), OK);
    assert_int_equal(due_at, expected);
}

static void the_next_due_one_is_known(void **state)
{
    assert_next_due(*state, (struct due_ticket){0, 0}, INT64_MAX);
    store_due(*state, 1, 300);
    store_due(*state, 2, 100);
    store_due(*state, 3, 100);
    assert_next_due(*state, (struct due_ticket){0, 0}, 100);
    assert_next_due(*state, (struct due_ticket){100, 2}, 100);
    assert_next_due(*state, (struct due_ticket){100, 3}, 300);
    assert_next_due(*state, (struct due_ticket){300, 1}, INT64_MAX);
}

/* ---- the contract: the batch ---- */

static void what_belongs_to_a_batch_is_committed_with_it(void **state)
{
    struct fixture *fixture = *state;
    struct ticket ticket = a_ticket(7, 42);
    struct product_batch batch;

    begin(fixture, &batch, 2);
    put(&batch, &ticket, true);
    repo_store_fill(&fixture->store, &batch.base);
    assert_int_equal(fixture->repo->commit(fixture->repo, &batch), OK);
    come_back(fixture);
    assert_int_equal(fixture->store.outbox.next, 2);
    assert_int_equal(fixture->store.cursors.position[0], 7);
    assert_int_equal(fixture->store.cursors.position[1], 0);
    begin(fixture, &batch, 2);
    struct idempotency_record *known = batch_key(&batch.base, STR("POST /things a"));
    struct idempotency_record *unknown = batch_key(&batch.base, STR("POST /things b"));
    assert_int_equal(
        fixture->repo->find_keys(fixture->repo, batch.base.records, batch.base.keys.n, &fixture->store.arena), OK);
    assert_true(known->found);
    assert_false(unknown->found);
    assert_int_equal(known->fingerprint, 99);
    assert_true(str_is(known->body, "{\"id\":1}"));
}

static void a_batch_whose_events_did_not_fit_into_memory_is_not_committed(void **state)
{
    struct fixture *fixture = *state;
    struct ticket ticket = a_ticket(7, 42);
    struct product_batch batch;

    begin(fixture, &batch, 2);
    put(&batch, &ticket, true);
    repo_store_fill(&fixture->store, &batch.base);
    fixture->store.outbox.frames.failed = true;
    assert_int_equal(fixture->repo->commit(fixture->repo, &batch), E_MEMORY);
    fixture->store.outbox.frames.failed = false;
    assert_int_equal(come_back(fixture).last, 0);
    assert_int_equal(find(fixture, 7).state, TICKET_NONE);
    assert_int_equal(fixture->store.cursors.position[0], 0);
}

static void what_is_due_later_than_it_may_be_is_brought_back(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum ticket_state state;
        int64_t due_at, then;
    } rows[] = {
        {TICKET_READY, 900, 500},     {TICKET_READY, 499, 499},    {TICKET_PRODUCING, 900, 300},
        {TICKET_PRODUCING, 300, 300}, {TICKET_CANCELED, 900, 100}, {TICKET_VOID, 50, 50},
        {TICKET_PENDING, 101, 100},   {TICKET_COMPLETED, 0, 0},    {TICKET_OUT_OF_STOCK, 0, 0},
    };
    struct product_batch batch;

    begin(fixture, &batch, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct ticket ticket = a_ticket((int64_t)i + 1, (int64_t)i + 42);
        ticket.state = rows[i].state;
        ticket.due_at = rows[i].due_at;
        put(&batch, &ticket, true);
    }
    repo_store_fill(&fixture->store, &batch.base);
    assert_int_equal(fixture->repo->commit(fixture->repo, &batch), OK);
    const struct due_limits limits = {.ready = 500, .producing = 300, .others = 100};
    assert_int_equal(fixture->repo->bring_back(fixture->repo, &limits), OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(find(fixture, (int64_t)i + 1).due_at, rows[i].then);
}

static void store_out_of_stock(struct fixture *fixture, int64_t id, int64_t order_id, int64_t since, int64_t due_at)
{
    struct ticket ticket = a_ticket(id, order_id);

    ticket.state = TICKET_OUT_OF_STOCK;
    ticket.waits_since = since;
    ticket.due_at = due_at;
    store(fixture, &ticket);
}

static void who_waits_for_goods_is_given_up_as_it_is_set_now(void **state)
{
    static const struct {
        int64_t give_up_after, then[4];
    } rows[] = {{0, {0, 0, 0, 0}}, {30, {130, 80, 0, 230}}, {50, {150, 100, 0, 250}}, {0, {0, 0, 0, 0}}};
    struct fixture *fixture = *state;

    store_out_of_stock(fixture, 1, 41, 100, 999);
    store_out_of_stock(fixture, 2, 42, 50, 0);
    store_out_of_stock(fixture, 3, 0, 100, 0);    /* the counter's */
    store_out_of_stock(fixture, 4, 44, 5000, 90); /* since later than now: a clock was ahead */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct due_limits limits = {.now = 200, .give_up_after = rows[i].give_up_after};
        assert_int_equal(fixture->repo->bring_back(fixture->repo, &limits), OK);
        for (int64_t id = 1; id <= 4; id++)
            assert_int_equal(find(fixture, id).due_at, rows[i].then[id - 1]);
    }
    assert_int_equal(find(fixture, 4).waits_since, 200);
}

/* From before it was noted since when a ticket waits: then since it was last changed. */
static void who_waited_in_an_older_schema_has_waited(void **state)
{
    static const struct sql_statement insert = {
        "INSERT INTO ticket (id, order_id, state, product_name, qty, attempt, version, created_at, updated_at) VALUES "
        "(1, "
        "41, 3, 'Latte', 1, 1, 1, 10, 70), (2, 42, 2, 'Latte', 1, 1, 1, 10, 80)",
        0};
    const struct due_limits limits = {.ready = 900, .producing = 900, .others = 900, .now = 200, .give_up_after = 30};
    struct fixture *fixture = *state;

    close_sql(fixture);
    scratch_remove(&fixture->store.scratch);
    scratch_make(&fixture->store.scratch);
    repo_store_open(&fixture->store, "product", product_migrations, 3);
    assert_int_equal(sql_exec(fixture->store.sql, &insert, NULL), OK);
    repo_store_close(&fixture->store);
    open_sql(fixture);
    assert_int_equal(fixture->repo->bring_back(fixture->repo, &limits), OK);
    assert_int_equal(find(fixture, 1).waits_since, 70);
    assert_int_equal(find(fixture, 1).due_at, 100);
    assert_int_equal(find(fixture, 2).waits_since, 0);
    assert_false(find(fixture, 1).given_up);
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
    (void)restore(other);
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
    (void)restore(fixture);
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

/* Three of theirs: one is due soon, one long from now, one waits for goods. */
static void fill_beside(struct fixture *other, int64_t id)
{
    struct ticket soon = a_ticket(id, id + 1), late = a_ticket(id + 1, 0), waiting = a_ticket(id + 2, 0);
    struct product_batch batch;

    soon.due_at = 90;
    late.due_at = INT64_C(1) << 60;
    waiting.state = TICKET_OUT_OF_STOCK;
    waiting.product_name = STR("Latte");
    waiting.qty = 1;
    waiting.due_at = 70;
    waiting.waits_since = INT64_C(1) << 60;
    begin(other, &batch, 3);
    put(&batch, &soon, true);
    put(&batch, &late, true);
    put(&batch, &waiting, true);
    repo_store_fill(&other->store, &batch.base);
    assert_int_equal(other->repo->commit(other->repo, &batch), OK);
}

static void assert_beside(struct fixture *other, int64_t id)
{
    struct ids ids = restore(other);

    assert_int_equal(ids.last, id + 2);
    assert_int_equal(ids.last_order, id + 1);
    assert_int_equal(find(other, id + 1).due_at, INT64_C(1) << 60);
    assert_int_equal(find(other, id + 2).waits_since, INT64_C(1) << 60);
    assert_next_due(other, (struct due_ticket){0, 0}, 70);
    assert_waiting(other, 1, id == 900000 ? "900002" : "900012");
}

static void add_id(void *context, const struct ticket *ticket)
{
    *(int64_t *)context += ticket->id;
}

static void a_list_and_a_single_row_are_of_all_cells(void **state)
{
    const struct page_request page = {.size = 10};
    struct fixture *fixture = *state;
    struct ticket ticket = a_ticket(7, 42);
    struct ticket found;
    int64_t total = 0, sum = 0;

    store(fixture, &ticket);
    assert_int_equal(product_list(fixture->store.sql, &page, add_id, &sum, &total), OK);
    assert_int_equal(total, 7);
    assert_int_equal(sum, 7 + 3 * 900000 + 3 + 3 * 900010 + 3);
    assert_int_equal(product_find(fixture->store.sql, 900010, &found, &fixture->store.arena), OK);
    assert_int_equal(found.order_id, 900011);
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
    assert_int_equal(restore(other).last, 920002);
    leave(other);
    assert_int_equal(come_back(fixture).last, 910002);
}

#define BETWEEN(name)                                                                                                  \
    {                                                                                                                  \
#name " (sql, between other cells)", name, setup_between, teardown_between, NULL                               \
    }
#define ON_BOTH(name)                                                                                                  \
    {#name " (sql)", name, setup_sql, teardown, NULL},                                                                 \
    {                                                                                                                  \
#name " (fake)", name, setup_fake, teardown, NULL                                                              \
    }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(what_is_committed_is_there_after_a_restart),
        ON_BOTH(an_empty_store_has_given_no_ids),
        ON_BOTH(a_counter_ticket_belongs_to_no_order),
        ON_BOTH(a_ticket_is_found_by_its_order),
        ON_BOTH(an_order_has_one_ticket),
        ON_BOTH(a_ticket_goes_on),
        ON_BOTH(why_a_ticket_was_cancelled_is_kept),
        ON_BOTH(a_tombstone_learns_what_it_stands_for),
        ON_BOTH(goods_are_for_the_oldest_that_they_are_enough_for),
        ON_BOTH(each_item_that_is_waited_for_is_named_once),
        ON_BOTH(what_waits_is_appended_to_what_was_found_before),
        ON_BOTH(the_due_ones_come_by_time_and_then_by_id),
        ON_BOTH(the_next_due_one_is_known),
        ON_BOTH(what_is_due_later_than_it_may_be_is_brought_back),
        ON_BOTH(who_waits_for_goods_is_given_up_as_it_is_set_now),
        BETWEEN(what_is_committed_is_there_after_a_restart),
        BETWEEN(an_empty_store_has_given_no_ids),
        BETWEEN(a_counter_ticket_belongs_to_no_order),
        BETWEEN(a_ticket_is_found_by_its_order),
        BETWEEN(an_order_has_one_ticket),
        BETWEEN(a_ticket_goes_on),
        BETWEEN(why_a_ticket_was_cancelled_is_kept),
        BETWEEN(a_tombstone_learns_what_it_stands_for),
        BETWEEN(goods_are_for_the_oldest_that_they_are_enough_for),
        BETWEEN(each_item_that_is_waited_for_is_named_once),
        BETWEEN(what_waits_is_appended_to_what_was_found_before),
        BETWEEN(the_due_ones_come_by_time_and_then_by_id),
        BETWEEN(the_next_due_one_is_known),
        BETWEEN(what_is_due_later_than_it_may_be_is_brought_back),
        BETWEEN(who_waits_for_goods_is_given_up_as_it_is_set_now),
        BETWEEN(what_belongs_to_a_batch_is_committed_with_it),
        BETWEEN(a_batch_whose_events_did_not_fit_into_memory_is_not_committed),
        BETWEEN(a_list_and_a_single_row_are_of_all_cells),
        cmocka_unit_test_setup_teardown(who_waited_in_an_older_schema_has_waited, setup_sql, teardown),
        ON_BOTH(what_belongs_to_a_batch_is_committed_with_it),
        ON_BOTH(a_batch_whose_events_did_not_fit_into_memory_is_not_committed),
    };

    const struct CMUnitTest at_once[] = {BETWEEN(two_cells_commit_at_once)};

    sql_engine_start(argc, argv);
    int failed = cmocka_run_group_tests_name("product_repo", tests, NULL, NULL);
    if (sql_engine_is_postgres()) /* a file has one writer */
        failed += cmocka_run_group_tests_name("product_repo, cells at once", at_once, NULL, NULL);
    sql_engine_stop();
    return failed;
}
