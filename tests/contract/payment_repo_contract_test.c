/* Where payments are kept: one suite over SQLite and the fake. */
#include "alloc.h"
#include "errors.h"
#include "fake_payment_repo.h"
#include "payment_provider_kept.h"
#include "payment_queries_sql.h"
#include "payment_repo_sql.h"
#include "repo_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
    struct repo_store store;
    struct outbox_retention retention; /* for ever */
    struct fake_payment_repo *fake;    /* or SQLite */
    struct payment_repo *repo;
};

static void open_sql(struct fixture *fixture)
{
    repo_store_open(&fixture->store, "payment", payment_migrations, payment_migrations_count);
    fixture->repo = payment_repo_sql_new(fixture->store.sql, fixture->store.cell, &fixture->retention);
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
    fixture->store.cursors = (struct cursors){.source = {"order"}, .n = 1};
    return fixture;
}

static void restore(struct fixture *fixture, int64_t *last_id)
{
    uint64_t last = 0;

    assert_int_equal(fixture->repo->restore(fixture->repo, last_id, &last, &fixture->store.cursors), OK);
    outbox_free(&fixture->store.outbox);
    outbox_init(&fixture->store.outbox, "payment", last);
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

    fixture->fake = fake_payment_repo_new();
    fixture->repo = &fixture->fake->port;
    restore(fixture, &last_id);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    if (fixture->fake) {
        fake_payment_repo_free(fixture->fake);
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

enum { MOST = 8 };

static void begin(struct fixture *fixture, struct payment_batch *batch)
{
    struct arena *arena = &fixture->store.arena;

    *batch = (struct payment_batch){0};
    repo_store_begin(&fixture->store, &batch->base, MOST);
    batch->entries = ARENA_ARRAY(arena, struct payment_entry, MOST);
    batch->bookings = ARENA_ARRAY(arena, struct payment_booking, MOST);
    assert_true(batch->entries && batch->bookings && working_set_init(&batch->ids, MOST, arena));
}

static int commit(struct fixture *fixture, struct payment_batch *batch)
{
    int rc = fixture->repo->commit(fixture->repo, batch);

    if (fixture->repo->settle)
        fixture->repo->settle(fixture->repo, batch, rc);
    return rc;
}

static void put(struct payment_batch *batch, const struct payment *payment, bool is_new)
{
    struct payment_entry *entry = &batch->entries[working_set_number(&batch->ids, payment->id)];

    *entry = (struct payment_entry){.payment = *payment, .changed = true, .is_new = is_new};
}

static int store(struct fixture *fixture, const struct payment *payment, bool is_new)
{
    struct payment_batch batch;

    begin(fixture, &batch);
    put(&batch, payment, is_new);
    return commit(fixture, &batch);
}

static struct payment find(struct fixture *fixture, int64_t id)
{
    struct payment payment = {0};

    assert_int_equal(fixture->repo->find_by_ids(fixture->repo, &id, 1, &payment, &fixture->store.arena), OK);
    return payment;
}

static struct payment find_key(struct fixture *fixture, const char *key)
{
    struct payment payment = {0};
    struct str text = str_of(key);

    assert_int_equal(fixture->repo->find_by_keys(fixture->repo, &text, 1, &payment, &fixture->store.arena), OK);
    return payment;
}

static struct payment a_payment(int64_t id, const char *key)
{
    return (struct payment){.id = id,
                            .state = PAYMENT_AUTHORIZED,
                            .key = str_of(key),
                            .method = STR("card"),
                            .currency = STR("KRW"),
                            .amount = INT64_C(9007199254740993),
                            .body = INT64_MIN,
                            .reference = STR("r\xc3\xa9"),
                            .due_at = 500,
                            .expires_at = 500,
                            .attempt = 1,
                            .created_at = INT64_C(1790000000123456),
                            .updated_at = INT64_C(1790000000123456)};
}

static void assert_same(const struct payment *a, const struct payment *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->state, b->state);
    assert_true(str_eq(a->key, b->key) && str_eq(a->method, b->method) && str_eq(a->currency, b->currency));
    assert_true(str_eq(a->reference, b->reference) && str_eq(a->reason, b->reason));
    assert_int_equal(a->amount, b->amount);
    assert_int_equal(a->body, b->body);
    assert_int_equal(a->captured, b->captured);
    assert_int_equal(a->returned, b->returned);
    assert_int_equal(a->order_id, b->order_id);
    assert_int_equal(a->due_at, b->due_at);
    assert_int_equal(a->expires_at, b->expires_at);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->created_at, b->created_at);
    assert_int_equal(a->updated_at, b->updated_at);
}

/* ---- the contract ---- */

static void a_payment_never_made_is_none(void **state)
{
    assert_int_equal(find(*state, 42).state, PAYMENT_NONE);
    assert_int_equal(find_key(*state, "k").state, PAYMENT_NONE);
    assert_int_equal(come_back(*state), 0);
}

static void what_is_committed_is_there_after_a_restart(void **state)
{
    struct payment payment = a_payment(42, "k");

    assert_int_equal(store(*state, &payment, true), OK);
    assert_int_equal(come_back(*state), 42);
    struct payment found = find(*state, 42);
    assert_same(&found, &payment);
}

static void a_payment_changes_in_what_can_change(void **state)
{
    struct payment payment = a_payment(42, "k");

    assert_int_equal(store(*state, &payment, true), OK);
    payment.state = PAYMENT_RETURNED;
    payment.captured = payment.returned = payment.amount;
    payment.order_id = 7;
    payment.reference = STR("other");
    payment.reason = STR("it was cold");
    payment.due_at = 0;
    payment.expires_at = 900;
    payment.attempt = 4;
    payment.version = 2;
    payment.updated_at += 5;
    assert_int_equal(store(*state, &payment, false), OK);
    struct payment found = find(*state, 42);
    assert_same(&found, &payment);
    come_back(*state);
    found = find(*state, 42);
    assert_same(&found, &payment);
}

/* A thousand ids lie between some, and some have texts that are longer than others'. */
static void many_are_found_at_once_whenever_they_were_stored(void **state)
{
    enum { APART = 1024, N = 6 };
    static const int64_t ids[N] = {1, 2, 1 + APART, 3, 2 + 2 * APART, 4};
    struct fixture *fixture = *state;
    struct payment payments[N], found[N + 1] = {0};
    char key[300];

    memset(key, 'k', sizeof(key));
    for (size_t i = 0; i < N; i++) {
        payments[i] = a_payment(ids[i], "");
        payments[i].key = (struct str){key, sizeof(key) - i * 50};
        assert_int_equal(store(fixture, &payments[i], true), OK);
    }
    const int64_t asked[] = {4, 2 + 2 * APART, 77, 3, 1 + APART, 2, 1};
    static const size_t place[] = {5, 4, N, 3, 2, 1, 0};
    assert_int_equal(fixture->repo->find_by_ids(fixture->repo, asked, N + 1, found, &fixture->store.arena), OK);
    for (size_t i = 0; i < N + 1; i++) {
        if (place[i] == N)
            assert_int_equal(found[i].state, PAYMENT_NONE);
        else
            assert_same(&found[i], &payments[place[i]]);
    }
}

static void what_could_not_be_stored_is_found_as_it_was(void **state)
{
    struct payment first = a_payment(1, "k"), second = a_payment(2, "other"), changed = second;
    struct payment_batch batch;

    assert_int_equal(store(*state, &first, true), OK);
    assert_int_equal(store(*state, &second, true), OK);
    changed.updated_at += 5;
    begin(*state, &batch);
    put(&batch, &changed, false);
    put(&batch, &(struct payment){.id = 3, .state = PAYMENT_PENDING, .key = STR("k")}, true);
    assert_int_equal(commit(*state, &batch), E_CONFLICT);
    struct payment found = find(*state, 2);
    assert_same(&found, &second);
}

static void a_key_names_its_payment_as_long_as_that_is_not_over(void **state)
{
    static const struct {
        enum payment_state state;
        bool found;
    } rows[] = {{PAYMENT_PENDING, true},    {PAYMENT_AUTHORIZED, true}, {PAYMENT_DECLINED, true},
                {PAYMENT_CAPTURING, false}, {PAYMENT_CAPTURED, false},  {PAYMENT_RETURNING, false},
                {PAYMENT_RETURNED, false}};
    struct payment payment = a_payment(42, "k");

    assert_int_equal(store(*state, &payment, true), OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        payment.state = rows[i].state;
        assert_int_equal(store(*state, &payment, false), OK);
        assert_int_equal(find_key(*state, "k").id, rows[i].found ? 42 : 0);
        assert_int_equal(find_key(*state, "K").id, 0);
    }
}

static void a_key_has_one_payment_that_is_not_over(void **state)
{
    struct payment first = a_payment(1, "k"), second = a_payment(2, "k");

    assert_int_equal(store(*state, &first, true), OK);
    assert_int_equal(store(*state, &second, true), E_CONFLICT);
    assert_int_equal(find(*state, 2).state, PAYMENT_NONE);
}

static void an_older_store_keeps_its_keys(void **state)
{
    static const struct sql_statement insert = {
        "INSERT INTO payment (id, state, key, method, currency, amount, captured, returned, expires_at, attempt, "
        "version, created_at, updated_at) VALUES (1, 2, 'k', 'card', 'KRW', 1, 0, 0, 9, 1, 1, 1, 1),"
        " (2, 4, 'over', 'card', 'KRW', 1, 1, 0, 9, 1, 1, 1, 1)",
        0};
    static const struct sql_statement book = {
        "INSERT INTO ledger (n, payment_id, order_id, amount, currency, at) VALUES (1, 2, 7, 1, 'KRW', 1)", 0};
    static const struct sql_statement count = {"UPDATE tally SET n = 2", 0};
    struct fixture *fixture = *state;
    struct payment again = a_payment(3, "k");

    repo_store_close(&fixture->store);
    scratch_remove(&fixture->store.scratch);
    scratch_make(&fixture->store.scratch);
    repo_store_open(&fixture->store, "payment", payment_migrations, 2);
    assert_int_equal(sql_exec(fixture->store.sql, &insert, NULL), OK);
    assert_int_equal(sql_exec(fixture->store.sql, &book, NULL), OK);
    assert_int_equal(sql_exec(fixture->store.sql, &count, NULL), OK);
    assert_int_equal(come_back(fixture), 2);
    assert_int_equal(find_key(*state, "k").id, 1);
    assert_int_equal(find_key(*state, "over").id, 0);
    assert_int_equal(store(*state, &again, true), E_CONFLICT);
}

static void a_key_is_free_in_the_batch_in_which_its_payment_is_over(void **state)
{
    struct payment first = a_payment(1, "k"), second = a_payment(2, "k");
    struct payment_batch batch;

    assert_int_equal(store(*state, &first, true), OK);
    first.state = PAYMENT_CAPTURED;
    begin(*state, &batch);
    put(&batch, &second, true);
    put(&batch, &first, false);
    assert_int_equal(commit(*state, &batch), OK);
    assert_int_equal(find_key(*state, "k").id, 2);
}

static void many_are_found_at_once_each_in_its_place(void **state)
{
    struct fixture *fixture = *state;
    const int64_t ids[] = {2, 99, 1};
    const struct str keys[] = {STR("b"), STR("none"), STR("a")};
    struct payment found[2][3] = {0};
    struct payment a = a_payment(1, "a"), b = a_payment(2, "b");

    assert_int_equal(store(fixture, &a, true), OK);
    assert_int_equal(store(fixture, &b, true), OK);
    assert_int_equal(fixture->repo->find_by_ids(fixture->repo, ids, 3, found[0], &fixture->store.arena), OK);
    assert_int_equal(fixture->repo->find_by_keys(fixture->repo, keys, 3, found[1], &fixture->store.arena), OK);
    for (size_t i = 0; i < 2; i++) {
        assert_same(&found[i][0], &b);
        assert_int_equal(found[i][1].state, PAYMENT_NONE);
        assert_same(&found[i][2], &a);
    }
}

static void store_due(struct fixture *fixture, int64_t id, const char *key, int64_t due_at, int64_t expires_at)
{
    struct payment payment = a_payment(id, key);

    payment.due_at = due_at;
    payment.expires_at = expires_at;
    assert_int_equal(store(fixture, &payment, true), OK);
}

static void the_due_ones_come_by_time_and_then_by_id(void **state)
{
    struct fixture *fixture = *state;
    struct due_payment found[MOST];
    int64_t next = -1;
    size_t n;

    store_due(fixture, 1, "a", 300, 0);
    store_due(fixture, 2, "b", 100, 0);
    store_due(fixture, 3, "c", 0, 0); /* nothing is to be done */
    store_due(fixture, 4, "d", 100, 0);
    assert_int_equal(fixture->repo->find_due(fixture->repo, (struct due_payment){0, 0}, 299, MOST, found, &n), OK);
    assert_int_equal(n, 2);
    assert_true(found[0].id == 2 && found[1].id == 4 && found[1].due_at == 100);
    assert_int_equal(fixture->repo->find_due(fixture->repo, found[0], 300, 1, found, &n), OK);
    assert_true(n == 1 && found[0].id == 4);
    assert_int_equal(fixture->repo->next_due(fixture->repo, (struct due_payment){100, 4}, &next), OK);
    assert_int_equal(next, 300);
    assert_int_equal(fixture->repo->next_due(fixture->repo, (struct due_payment){300, 1}, &next), OK);
    assert_int_equal(next, INT64_MAX);
}

static void what_is_due_later_than_it_may_be_is_brought_back(void **state)
{
    struct fixture *fixture = *state;

    store_due(fixture, 1, "a", 900, 900);
    store_due(fixture, 2, "b", 100, 900); /* asked again before it expires */
    store_due(fixture, 3, "c", 100, 200);
    store_due(fixture, 4, "d", 0, 900);
    assert_int_equal(fixture->repo->bring_back(fixture->repo, 400), OK);
    assert_true(find(fixture, 1).due_at == 400 && find(fixture, 1).expires_at == 400);
    assert_true(find(fixture, 2).due_at == 100 && find(fixture, 2).expires_at == 400);
    assert_true(find(fixture, 3).due_at == 100 && find(fixture, 3).expires_at == 200);
    assert_true(find(fixture, 4).due_at == 0 && find(fixture, 4).expires_at == 900);
}

static int on_booking(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    buf_printf(context, "%lld:%lld:%lld:%.*s ", (long long)sql_i64(row, 0), (long long)sql_i64(row, 1),
               (long long)sql_i64(row, 2), STR_ARG(sql_text(row, 3)));
    return OK;
}

static void read_ledger(struct fixture *fixture, struct buf *out)
{
    static const struct sql_statement all = {"SELECT payment_id, order_id, amount, currency FROM ledger ORDER BY n", 0};

    for (size_t i = 0; fixture->fake && i < fixture->fake->n_bookings; i++) {
        const struct payment_booking *booking = &fixture->fake->bookings[i];
        buf_printf(out, "%lld:%lld:%lld:%.*s ", (long long)booking->payment_id, (long long)booking->order_id,
                   (long long)booking->amount, STR_ARG(booking->currency));
    }
    if (!fixture->fake)
        assert_int_equal(sql_query(fixture->store.sql, &all, NULL, on_booking, out), OK);
}

static void what_moved_is_booked_with_the_payment_it_belongs_to(void **state)
{
    struct fixture *fixture = *state;
    struct payment payment = a_payment(42, "k");
    struct payment_batch batch;
    struct buf ledger = {0};

    begin(fixture, &batch);
    put(&batch, &payment, true);
    batch.bookings[batch.n_bookings++] = (struct payment_booking){42, 7, 4500, STR("KRW"), 1};
    batch.bookings[batch.n_bookings++] = (struct payment_booking){42, 7, -4500, STR("KRW"), 2};
    assert_int_equal(commit(fixture, &batch), OK);
    come_back(fixture);
    read_ledger(fixture, &ledger);
    assert_true(str_is(buf_str(&ledger), "42:7:4500:KRW 42:7:-4500:KRW "));
    buf_free(&ledger);
}

static void what_belongs_to_a_batch_is_committed_with_it(void **state)
{
    struct fixture *fixture = *state;
    struct payment payment = a_payment(42, "k");
    struct payment_batch batch;

    begin(fixture, &batch);
    put(&batch, &payment, true);
    repo_store_fill(&fixture->store, &batch.base);
    bool has_letters = true;
    assert_int_equal(fixture->repo->has_letters(fixture->repo, &has_letters), OK);
    assert_false(has_letters);
    assert_int_equal(commit(fixture, &batch), OK);
    come_back(fixture);
    assert_int_equal(fixture->repo->has_letters(fixture->repo, &has_letters), OK);
    assert_true(has_letters);
    assert_int_equal(fixture->store.outbox.next, 2);
    assert_int_equal(fixture->store.cursors.position[0], 7);
}

static void a_batch_whose_events_did_not_fit_into_memory_is_not_committed(void **state)
{
    struct fixture *fixture = *state;
    struct payment payment = a_payment(42, "k");
    struct payment_batch batch;

    begin(fixture, &batch);
    put(&batch, &payment, true);
    repo_store_fill(&fixture->store, &batch.base);
    fixture->store.outbox.frames.failed = true;
    assert_int_equal(commit(fixture, &batch), E_MEMORY);
    fixture->store.outbox.frames.failed = false;
    assert_int_equal(come_back(fixture), 0);
    assert_int_equal(fixture->store.cursors.position[0], 0);
}

/* ---- what only the relational one has: sums ---- */

static void add_sum(void *context, const struct payment_sum *sum)
{
    buf_printf(context, "%.*s %.*s %lld %lld %lld; ", STR_ARG(sum->status), STR_ARG(sum->currency),
               (long long)sum->count, (long long)sum->amount, (long long)sum->captured);
}

static void payments_are_summed_up_by_status_and_currency(void **state)
{
    static const struct {
        enum payment_state state;
        struct str currency;
        int64_t amount;
    } made[] = {{PAYMENT_AUTHORIZED, STR_INIT("KRW"), INT64_C(9007199254740993)},
                {PAYMENT_AUTHORIZED, STR_INIT("KRW"), 7},
                {PAYMENT_AUTHORIZED, STR_INIT("EUR"), 5},
                {PAYMENT_CAPTURED, STR_INIT("KRW"), 100}};
    struct fixture *fixture = *state;
    struct buf sums = {0};

    for (size_t i = 0; i < COUNT_OF(made); i++) {
        char key[] = {(char)('a' + (int)i), '\0'};
        struct payment payment = a_payment((int64_t)i + 1, key);
        payment.state = made[i].state;
        payment.currency = made[i].currency;
        payment.amount = made[i].amount;
        payment.captured = made[i].state == PAYMENT_CAPTURED ? made[i].amount : 0;
        assert_int_equal(store(fixture, &payment, true), OK);
    }
    assert_int_equal(payment_sum_up(fixture->store.sql, 0, INT64_MAX, add_sum, &sums), OK);
    assert_true(
        str_is(buf_str(&sums), "Authorized EUR 1 5 0; Authorized KRW 2 9007199254741000 0; Captured KRW 1 100 100; "));
    buf_clear(&sums);
    assert_int_equal(payment_sum_up(fixture->store.sql, 0, 1, add_sum, &sums), OK);
    assert_int_equal(sums.n, 0);
    buf_free(&sums);
}

static void add_status(void *context, const struct payment_sum *sum)
{
    buf_printf(context, "%.*s %lld; ", STR_ARG(sum->status), (long long)sum->count);
}

/* What costs nothing is no exception: its row, the sums and its order say one word. */
static void payments_are_summed_up_under_the_status_that_each_row_shows(void **state)
{
    struct fixture *fixture = *state;
    struct buf sums = {0};
    char expected[64];

    for (int i = 0; i < 8 * PAYMENT_STATE_COUNT; i++) {
        const char key[] = {(char)('0' + i), '\0'};
        struct payment payment = a_payment(i + 1, key);
        payment.state = (enum payment_state)(i % PAYMENT_STATE_COUNT);
        payment.created_at = i;
        payment.amount = i & 8 ? 4500 : 0;
        payment.order_id = i & 16 ? i : 0;
        payment.captured = i & 32 && payment.order_id ? payment.amount : 0;
        payment.returned = payment.state == PAYMENT_RETURNED ? payment.captured : 0;
        if (payment.state == PAYMENT_NONE || (payment.state == PAYMENT_CAPTURED && !payment_was_taken(&payment)))
            continue;
        assert_int_equal(store(fixture, &payment, true), OK);
        buf_clear(&sums);
        assert_int_equal(payment_sum_up(fixture->store.sql, i, i + 1, add_status, &sums), OK);
        (void)snprintf(expected, sizeof(expected), "%.*s 1; ", STR_ARG(payment_status_text(&payment)));
        assert_true(str_eq(buf_str(&sums), str_of(expected)));
    }
    buf_free(&sums);
}

static bool is_kept(struct fixture *fixture, const struct provider_set *set, const char *because)
{
    struct buf problem = {0};
    bool kept = payment_provider_keep(fixture->store.sql, set, &problem);

    buf_char(&problem, '\0');
    assert_true(kept ? problem.n == 1 : strstr(problem.p, because) != NULL);
    buf_free(&problem);
    return kept;
}

static bool may_go_on(struct fixture *fixture, const char *provider, const char *because)
{
    return is_kept(fixture, &(struct provider_set){provider, "", ""}, because);
}

static bool may_be_at(struct fixture *fixture, const char *url, const char *moved_from, const char *because)
{
    return is_kept(fixture, &(struct provider_set){"http", url, moved_from}, because);
}

static void another_provider_takes_over_only_when_nothing_is_left_with_the_first(void **state)
{
    struct fixture *fixture = *state;
    struct payment payment = a_payment(1, "k");

    assert_true(may_go_on(fixture, "http", ""));
    for (enum payment_state at = PAYMENT_PENDING; at < PAYMENT_STATE_COUNT; at++) {
        bool is_settled = at == PAYMENT_RETURNED || at == PAYMENT_DECLINED;
        payment.state = at;
        assert_int_equal(store(fixture, &payment, at == PAYMENT_PENDING), OK);
        come_back(fixture);
        assert_true(may_go_on(fixture, "http", ""));
        assert_int_equal(may_go_on(fixture, "ledger", "1 payments are with the provider http"), is_settled);
        if (is_settled)
            assert_true(may_go_on(fixture, "http", ""));
    }
}

static void a_provider_elsewhere_is_another_one_as_long_as_nobody_says_that_it_has_moved(void **state)
{
    static const char a[] = "https://a.example/v1", b[] = "https://b.example/v1", c[] = "https://c.example/v1";
    static const char with_a[] = "payment.provider_url is https://b.example/v1, but 1 payments are with the provider at"
                                 " https://a.example/v1,";
    struct fixture *fixture = *state;
    struct payment payment = a_payment(1, "k");

    assert_true(may_be_at(fixture, a, "", ""));
    assert_int_equal(store(fixture, &payment, true), OK);
    assert_true(may_be_at(fixture, a, c, ""));
    assert_false(may_be_at(fixture, b, "", with_a));
    assert_false(may_be_at(fixture, b, "", "say so: payment.provider_moved_from=https://a.example/v1"));
    assert_false(may_be_at(fixture, b, c, with_a)); /* it was never there */
    assert_true(may_be_at(fixture, b, a, ""));
    assert_true(may_be_at(fixture, b, a, "")); /* the setting may stay */
    assert_false(may_be_at(fixture, a, "", "with the provider at https://b.example/v1"));
    payment.state = PAYMENT_RETURNED;
    assert_int_equal(store(fixture, &payment, false), OK);
    assert_true(may_be_at(fixture, a, "", "")); /* nothing is left at b */
}

static void where_a_provider_was_before_that_was_remembered_is_where_the_shop_says(void **state)
{
    struct fixture *fixture = *state;
    struct payment payment = a_payment(1, "k");

    assert_true(may_go_on(fixture, "http", ""));
    assert_int_equal(store(fixture, &payment, true), OK);
    assert_true(may_be_at(fixture, "https://a.example", "", ""));
    assert_false(may_be_at(fixture, "https://b.example", "", "with the provider at https://a.example"));
}

static void a_trial_begins_at_any_time_and_never_ends(void **state)
{
    struct fixture *fixture = *state;
    struct payment payment = a_payment(1, "k");

    assert_true(may_go_on(fixture, "http", ""));
    assert_int_equal(store(fixture, &payment, true), OK);
    assert_true(may_go_on(fixture, TRIAL_PROVIDER, ""));
    payment.state = PAYMENT_RETURNED;
    assert_int_equal(store(fixture, &payment, false), OK);
    assert_true(may_go_on(fixture, TRIAL_PROVIDER, ""));
    assert_false(may_go_on(fixture, "http", "it stays a trial"));
    assert_false(may_go_on(fixture, "ledger", "it stays a trial"));
}

static void who_moved_the_money_before_it_was_remembered_is_whom_the_shop_names(void **state)
{
    struct fixture *fixture = *state;
    struct payment payment = a_payment(1, "k");

    assert_int_equal(store(fixture, &payment, true), OK);
    assert_true(may_go_on(fixture, "ledger", ""));
    assert_false(may_go_on(fixture, "http", "1 payments are with the provider ledger"));
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
    int64_t last_id;
    restore(other, &last_id);
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
    int64_t last_id;
    open_sql(fixture);
    restore(fixture, &last_id);
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

/* One with a key that is used here, too, due soon, and a booking. */
static void fill_beside(struct fixture *other, int64_t id)
{
    struct payment payment = a_payment(id, "k");
    struct payment_batch batch;

    payment.due_at = 50;
    payment.expires_at = INT64_C(1) << 60;
    begin(other, &batch);
    put(&batch, &payment, true);
    batch.bookings[batch.n_bookings++] = (struct payment_booking){id, 7, 1, STR("KRW"), 1};
    repo_store_fill(&other->store, &batch.base);
    assert_int_equal(commit(other, &batch), OK);
}

static void assert_beside(struct fixture *other, int64_t id)
{
    int64_t last_id = -1, due_at = 0;
    bool has_letters = false;

    restore(other, &last_id);
    assert_int_equal(last_id, id);
    assert_int_equal(find_key(other, "k").id, id);
    assert_int_equal(find(other, id).expires_at, INT64_C(1) << 60);
    assert_int_equal(other->repo->next_due(other->repo, (struct due_payment){0}, &due_at), OK);
    assert_int_equal(due_at, 50);
    assert_int_equal(other->repo->has_letters(other->repo, &has_letters), OK);
    assert_true(has_letters);
}

static void add_id(void *context, const struct payment *payment)
{
    *(int64_t *)context += payment->id;
}

static void a_list_and_a_single_row_are_of_all_cells(void **state)
{
    const struct page_request page = {.size = 10};
    struct fixture *fixture = *state;
    struct payment payment = a_payment(7, "mine");
    struct payment found;
    int64_t total = 0, sum = 0;

    assert_int_equal(store(fixture, &payment, true), OK);
    assert_int_equal(payment_list(fixture->store.sql, &page, add_id, &sum, &total), OK);
    assert_int_equal(total, 3);
    assert_int_equal(sum, 7 + 900000 + 900010);
    assert_int_equal(payment_find(fixture->store.sql, 900010, &found, &fixture->store.arena), OK);
    assert_int_equal(found.state, PAYMENT_AUTHORIZED);
}

static void each_cell_numbers_its_bookings(void **state)
{
    struct fixture *fixture = *state;
    struct buf ledger = {0};

    fill_beside(fixture, 7);
    read_ledger(fixture, &ledger); /* by their numbers */
    assert_true(str_is(buf_str(&ledger), "900000:7:1:KRW 7:7:1:KRW 900010:7:1:KRW "));
    buf_free(&ledger);
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
    int64_t last_id = -1;

    repo_store_meanwhile(&fixture->store, commit_beside, other);
    fill_beside(fixture, 910000);
    restore(other, &last_id);
    assert_int_equal(last_id, 920000);
    leave(other);
    assert_int_equal(come_back(fixture), 910000);
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
        ON_BOTH(a_payment_never_made_is_none),
        ON_BOTH(what_is_committed_is_there_after_a_restart),
        ON_BOTH(a_payment_changes_in_what_can_change),
        ON_BOTH(many_are_found_at_once_whenever_they_were_stored),
        ON_BOTH(what_could_not_be_stored_is_found_as_it_was),
        ON_BOTH(a_key_names_its_payment_as_long_as_that_is_not_over),
        ON_BOTH(a_key_has_one_payment_that_is_not_over),
        {"an_older_store_keeps_its_keys (sql)", an_older_store_keeps_its_keys, setup_sql, teardown, NULL},
        ON_BOTH(a_key_is_free_in_the_batch_in_which_its_payment_is_over),
        ON_BOTH(many_are_found_at_once_each_in_its_place),
        ON_BOTH(the_due_ones_come_by_time_and_then_by_id),
        ON_BOTH(what_is_due_later_than_it_may_be_is_brought_back),
        ON_BOTH(what_moved_is_booked_with_the_payment_it_belongs_to),
        ON_BOTH(what_belongs_to_a_batch_is_committed_with_it),
        ON_BOTH(a_batch_whose_events_did_not_fit_into_memory_is_not_committed),
        BETWEEN(a_payment_never_made_is_none),
        BETWEEN(what_is_committed_is_there_after_a_restart),
        BETWEEN(a_payment_changes_in_what_can_change),
        BETWEEN(a_key_names_its_payment_as_long_as_that_is_not_over),
        BETWEEN(a_key_has_one_payment_that_is_not_over),
        BETWEEN(a_key_is_free_in_the_batch_in_which_its_payment_is_over),
        BETWEEN(many_are_found_at_once_each_in_its_place),
        BETWEEN(the_due_ones_come_by_time_and_then_by_id),
        BETWEEN(what_is_due_later_than_it_may_be_is_brought_back),
        BETWEEN(what_belongs_to_a_batch_is_committed_with_it),
        BETWEEN(a_batch_whose_events_did_not_fit_into_memory_is_not_committed),
        BETWEEN(a_list_and_a_single_row_are_of_all_cells),
        BETWEEN(each_cell_numbers_its_bookings),
        {"another_provider_takes_over_only_when_nothing_is_left_with_the_first (sql)",
         another_provider_takes_over_only_when_nothing_is_left_with_the_first, setup_sql, teardown, NULL},
        {"a_provider_elsewhere_is_another_one_as_long_as_nobody_says_that_it_has_moved (sql)",
         a_provider_elsewhere_is_another_one_as_long_as_nobody_says_that_it_has_moved, setup_sql, teardown, NULL},
        {"where_a_provider_was_before_that_was_remembered_is_where_the_shop_says (sql)",
         where_a_provider_was_before_that_was_remembered_is_where_the_shop_says, setup_sql, teardown, NULL},
        {"a_trial_begins_at_any_time_and_never_ends (sql)", a_trial_begins_at_any_time_and_never_ends, setup_sql,
         teardown, NULL},
        {"who_moved_the_money_before_it_was_remembered_is_whom_the_shop_names (sql)",
         who_moved_the_money_before_it_was_remembered_is_whom_the_shop_names, setup_sql, teardown, NULL},
        {"payments_are_summed_up_under_the_status_that_each_row_shows (sql)",
         payments_are_summed_up_under_the_status_that_each_row_shows, setup_sql, teardown, NULL},
        {"payments_are_summed_up_by_status_and_currency (sql)", payments_are_summed_up_by_status_and_currency,
         setup_sql, teardown, NULL},
    };

    const struct CMUnitTest at_once[] = {BETWEEN(two_cells_commit_at_once)};

    sql_engine_start(argc, argv);
    int failed = cmocka_run_group_tests_name("payment_repo", tests, NULL, NULL);
    if (sql_engine_is_postgres()) /* a file has one writer */
        failed += cmocka_run_group_tests_name("payment_repo, cells at once", at_once, NULL, NULL);
    sql_engine_stop();
    return failed;
}
