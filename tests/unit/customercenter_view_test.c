/* The view's use case on its database: what is taken in is kept with the cursors, once, and read again as it was. */
#include "arena.h"
#include "errors.h"
#include "scratch.h"
#include "sql_engine.h"
#include "text.h"
#include "timeline_codec.h"
#include "view_app.h"
#include "view_events.h"
#include "view_queries_sql.h"
#include "view_repo_sql.h"
#include "view_schema.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MOST = 64 };

struct fixture {
    struct scratch scratch;
    char path[SCRATCH_PATH_SIZE];
    struct sql *sql;
    struct cell cell;
    struct row_cache *cache; /* of a set of tests; kept when a view is closed */
    struct view_repo *repo;
    struct view_app app;
    struct view_decoder decoder;
    struct view_sink sink;
    size_t published;
    int64_t last_published;
    uint64_t position[MYPAGE_PRODUCER_COUNT];
    struct command *batch[MOST];
    size_t n;
    struct arena arena;
};

static void publish(struct view_sink *sink, const struct view_batch *batch)
{
    struct fixture *f = CONTAINER_OF(sink, struct fixture, sink);

    for (size_t i = 0; i < batch->orders.n; i++) {
        const struct mypage *page = &batch->rows[i].page;
        if (!batch->rows[i].changed || !mypage_is_visible(page))
            continue;
        assert_true(page->change > f->last_published);
        f->last_published = page->change;
        f->published++;
    }
}

static void open_view(struct fixture *f)
{
    struct sql_options options = {.path = f->path,
                                  .application = "customercenter",
                                  .cell = f->cell.number,
                                  .migrations = view_migrations,
                                  .n_migrations = view_migrations_count};
    struct cursors cursors = {.n = MYPAGE_PRODUCER_COUNT};
    struct buf problem = {0};
    int error;

    f->sql = sql_engine_open(&options, &problem, &error);
    assert_non_null(f->sql);
    if (!f->cache)
        f->cache = row_cache_new();
    assert_non_null(f->cache);
    f->repo = view_repo_sql_new(f->sql, f->cell, f->cache);
    assert_non_null(f->repo);
    f->sink.publish = publish;
    memcpy(cursors.source, view_producers, sizeof(view_producers));
    struct view_ports ports = {f->repo, &f->sink};
    assert_int_equal(view_app_init(&f->app, &ports, f->cell.count ? f->cell : CELL_ONLY, &cursors), OK);
}

static void close_view(struct fixture *f)
{
    view_app_free(&f->app);
    view_repo_sql_free(f->repo);
    f->sql->close(f->sql);
}

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.cell = CELL_ONLY};
    scratch_make(&fixture.scratch);
    scratch_path(&fixture.scratch, "view.db", fixture.path);
    arena_init(&fixture.arena, 0);
    arena_init(&fixture.decoder.arena, 0);
    open_view(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    close_view(f);
    row_cache_free(f->cache);
    arena_free(&f->arena);
    arena_free(&f->decoder.arena);
    scratch_remove(&f->scratch);
    return 0;
}

/* ---- telling ---- */

static struct command *decode(struct fixture *f, enum mypage_producer producer, const char *type, const char *version,
                              const char *at, const char *data, const char **reason)
{
    struct buf text = {0};

    *reason = NULL;
    buf_printf(
        &text,
        "{\"specversion\":\"1.0\",\"id\":\"x-1\",\"source\":\"/x\",\"type\":\"%s\",\"time\":\"2026-03-02T08:30:%sZ\","
        "\"subject\":\"1\",\"version\":%s,\"datacontenttype\":\"application/json\",\"data\":%s}",
        type, at, version, data);
    struct command *command = view_event_decode(&f->decoder, producer, buf_str(&text), reason);
    buf_free(&text);
    return command;
}

static void tell(struct fixture *f, enum mypage_producer producer, const char *type, const char *version,
                 const char *at, const char *data)
{
    const char *reason;
    struct command *command = decode(f, producer, type, version, at, data, &reason);

    assert_non_null(command);
    command->origin = FROM_FEED;
    command->source = producer;
    command->position = ++f->position[producer];
    f->batch[f->n++] = command;
}

static void finish_batch(struct fixture *f)
{
    for (size_t i = 0; i < f->n; i++)
        f->batch[i]->finish(f->batch[i], OK);
    f->n = 0;
}

static void run_batch(struct fixture *f)
{
    assert_int_equal(core_run(&f->app.core, f->batch, f->n, 1000), OK);
    finish_batch(f);
}

static void tell_ordered(struct fixture *f, const char *order)
{
    struct buf data = {0};

    buf_printf(&data, "{\"id\":%s,\"productId\":null,\"productName\":\"Latte\",\"qty\":3,\"status\":\"Requested\"}%c",
               order, 0);
    tell(f, MYPAGE_ORDER, "Ordered", "1", "15.120", data.p);
    buf_free(&data);
}

static struct mypage read_page(struct fixture *f, int64_t id)
{
    struct mypage page;

    assert_int_equal(view_find(f->sql, id, &page, &f->arena), OK);
    return page;
}

/* ---- tests ---- */

static void an_order_is_kept_with_its_whole_timeline(void **state)
{
    struct fixture *f = *state;

    tell_ordered(f, "42");
    tell(f, MYPAGE_STOCK, "StockReduced", "4", "20.300",
         "{\"id\":1,\"productName\":\"Latte\",\"qty\":3,\"onHand\":97,\"reservationId\":\"o42.1\",\"orderId\":42}");
    run_batch(f);
    tell(f, MYPAGE_PRODUCT, "ProductionStarted", "2", "20.310", "{\"id\":7,\"orderId\":42,\"status\":\"Producing\"}");
    run_batch(f);
    struct mypage page = read_page(f, 42);
    assert_int_equal(page.order_status, MYPAGE_PRODUCING);
    assert_int_equal(page.ticket_id, 7);
    assert_true(str_is(page.product_name, "Latte"));
    assert_int_equal(page.n_timeline, 3);
    assert_int_equal(page.timeline[0].fact, MYPAGE_FACT_ORDERED);
    assert_int_equal(page.timeline[1].fact, MYPAGE_FACT_REDUCED);
    assert_int_equal(page.timeline[2].fact, MYPAGE_FACT_STARTED);
    assert_int_equal(page.timeline[2].at - page.timeline[1].at, 10000);
}

static void a_restart_goes_on_where_the_commit_was(void **state)
{
    struct fixture *f = *state;

    tell_ordered(f, "42");
    run_batch(f);
    int64_t last = f->app.last_change;
    close_view(f);
    open_view(f);
    assert_int_equal(f->app.cursors.position[MYPAGE_ORDER], 1);
    assert_int_equal(f->app.last_change, last);
    tell(f, MYPAGE_PRODUCT, "OutOfStock", "2", "20.310", "{\"id\":7,\"orderId\":42,\"status\":\"Out of stock\"}");
    run_batch(f);
    struct mypage page = read_page(f, 42);
    assert_int_equal(page.order_status, MYPAGE_OUT_OF_STOCK);
    assert_int_equal(page.n_timeline, 2);
    assert_true(page.change > last);
}

static void an_event_delivered_again_changes_nothing(void **state)
{
    struct fixture *f = *state;

    tell_ordered(f, "42");
    run_batch(f);
    size_t published = f->published;
    f->position[MYPAGE_ORDER] = 0; /* the same position again */
    tell_ordered(f, "42");
    run_batch(f);
    f->position[MYPAGE_ORDER] = 8; /* another position, the same version */
    tell_ordered(f, "42");
    run_batch(f);
    assert_int_equal(f->published, published);
    assert_int_equal(read_page(f, 42).n_timeline, 1);
    assert_int_equal(f->app.cursors.position[MYPAGE_ORDER], 9);
}

static void what_product_tells_first_is_hidden_until_the_order_is_known(void **state)
{
    struct fixture *f = *state;
    int64_t total;

    tell(f, MYPAGE_PRODUCT, "ProductionStarted", "2", "20.310", "{\"id\":7,\"orderId\":42,\"status\":\"Producing\"}");
    run_batch(f);
    assert_int_equal(read_page(f, 42).n_timeline, 0);
    assert_int_equal(f->published, 0);
    assert_int_equal(view_tally_read(f->sql, STR(VIEW_TALLY_PAGES), &total), OK);
    assert_int_equal(total, 0);
    tell_ordered(f, "42");
    run_batch(f);
    assert_int_equal(read_page(f, 42).order_status, MYPAGE_PRODUCING);
    assert_int_equal(f->published, 1);
    assert_int_equal(view_tally_read(f->sql, STR(VIEW_TALLY_PAGES), &total), OK);
    assert_int_equal(total, 1);
}

static void a_ticket_of_the_counter_makes_no_page(void **state)
{
    struct fixture *f = *state;
    const char *reason;

    struct command *command =
        decode(f, MYPAGE_PRODUCT, "ProductionStarted", "1", "20.310",
               "{\"id\":9,\"orderId\":null,\"productName\":\"Tea\",\"qty\":1,\"status\":\"Producing\",\"reference\":1}",
               &reason);
    assert_null(command);
    assert_null(reason);
}

static void an_event_that_makes_no_sense_says_why(void **state)
{
    struct fixture *f = *state;
    const char *reason;

    assert_null(
        decode(f, MYPAGE_ORDER, "Ordered", "1", "15.120", "{\"id\":0,\"productName\":\"Latte\",\"qty\":3}", &reason));
    assert_non_null(reason);
    assert_null(
        decode(f, MYPAGE_ORDER, "Ordered", "0", "15.120", "{\"id\":1,\"productName\":\"Latte\",\"qty\":3}", &reason));
    assert_non_null(reason);
}

static int64_t on_hand(struct fixture *f, const char *name)
{
    struct str keys[] = {text_fold(&f->arena, str_of(name))};
    int64_t level;

    assert_int_equal(view_on_hand(f->sql, keys, 1, &level, &f->arena), OK);
    return level;
}

static void an_items_level_is_the_newest_that_stock_told(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(on_hand(f, "Tea"), -1);
    tell(f, MYPAGE_STOCK, "StockCorrected", "5", "35.000",
         "{\"id\":1,\"productName\":\"Tea\",\"qty\":0,\"onHand\":0,\"reason\":\"counted\"}");
    run_batch(f);
    assert_int_equal(on_hand(f, "Tea"), 0);
    tell(f, MYPAGE_STOCK, "StockReceived", "4", "34.000", "{\"id\":1,\"productName\":\"Tea\",\"qty\":9,\"onHand\":9}");
    run_batch(f);
    assert_int_equal(on_hand(f, "Tea"), 0);
    tell(f, MYPAGE_STOCK, "StockReceived", "6", "36.000", "{\"id\":1,\"productName\":\"Tea\",\"qty\":9,\"onHand\":9}");
    run_batch(f);
    assert_int_equal(on_hand(f, "Tea"), 9);
}

static void a_level_is_its_items_however_stock_spells_the_name(void **state)
{
    struct fixture *f = *state;

    tell(f, MYPAGE_STOCK, "StockReceived", "1", "34.000",
         "{\"id\":1,\"productName\":\"CAFFE\u0300 Latte\",\"qty\":9,\"onHand\":9}");
    run_batch(f);
    assert_int_equal(on_hand(f, "Caff\xc3\xa8 latte"), 9);
}

static void levels_that_an_older_version_kept_by_name_are_found_by_its_key(void **state)
{
    static const char *const old[] = {
        "INSERT INTO item (cell, name, on_hand, stock_id, version) VALUES (0, 'Latte', 3, 1, 7)",
        "INSERT INTO item (cell, name, on_hand, stock_id, version) VALUES (0, '\xc3\x89"
        "clair', 4, 2, 7)",
        "INSERT INTO item (cell, name, on_hand, stock_id, version) VALUES (0, '\xc3\xa9"
        "clair', 5, 3, 1)",
        "INSERT INTO item (cell, name, on_hand, stock_id, version) VALUES (0, 'Tea', 6, 5, 2)",
        "INSERT INTO item (cell, name, on_hand, stock_id, version) VALUES (0, 'tea', 7, 4, 9)"};
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(old); i++)
        assert_int_equal(f->sql->query_text(f->sql, old[i], NULL, 0, NULL, NULL), OK);
    close_view(f);
    open_view(f);
    assert_int_equal(on_hand(f, "Latte"), 3);
    assert_int_equal(on_hand(f, "\xc3\x89"
                                "CLAIR"),
                     5); /* the newest row's */
    assert_int_equal(on_hand(f, "Tea"), 6);
}

/* Whether stock's row is the one that is known, kept or removed, or a new one of that name; whatever it tells. */
static void whatever_stock_tells_of_the_newest_row_of_a_name_is_its_level(void **state)
{
    static const char *const types[] = {"StockReceived", "StockCorrected", "StockReduced", "StockReleased",
                                        "StockRemoved"};
    struct fixture *f = *state;
    int64_t id = 0, version = 1;

    for (size_t before = 0; before < COUNT_OF(types); before++) {
        for (size_t after = 0; after < COUNT_OF(types); after++) {
            for (int another_row = 0; another_row < 2; another_row++) {
                struct buf data = {0}, number = {0};
                id++;
                buf_printf(&data, "{\"id\":%lld,\"productName\":\"Latte\",\"qty\":1,\"onHand\":0}%c", (long long)id, 0);
                tell(f, MYPAGE_STOCK, types[before], "40", "35.000", data.p);
                run_batch(f);
                assert_int_equal(on_hand(f, "Latte"), 0);
                id += another_row;
                version = another_row ? 1 : 41;
                buf_clear(&data);
                buf_printf(&data, "{\"id\":%lld,\"productName\":\"Latte\",\"qty\":5,\"onHand\":5}%c", (long long)id, 0);
                buf_printf(&number, "%lld%c", (long long)version, 0);
                tell(f, MYPAGE_STOCK, types[after], number.p, "35.000", data.p);
                run_batch(f);
                assert_int_equal(on_hand(f, "Latte"), 5);
                buf_free(&data);
                buf_free(&number);
            }
        }
    }
}

static void what_a_removed_row_told_is_no_news_of_the_one_that_has_its_name_now(void **state)
{
    struct fixture *f = *state;

    tell(f, MYPAGE_STOCK, "StockReceived", "1", "36.000", "{\"id\":9,\"productName\":\"Tea\",\"qty\":5,\"onHand\":5}");
    tell(f, MYPAGE_STOCK, "StockRemoved", "50", "35.000", "{\"id\":2,\"productName\":\"Tea\",\"qty\":3,\"onHand\":0}");
    run_batch(f);
    assert_int_equal(on_hand(f, "Tea"), 5);
    tell(f, MYPAGE_STOCK, "StockRemoved", "51", "35.000", "{\"id\":2,\"productName\":\"Tea\",\"qty\":3,\"onHand\":0}");
    run_batch(f);
    assert_int_equal(on_hand(f, "Tea"), 5);
}

static void a_page_with_a_long_timeline_is_found_again_though_it_is_not_kept_in_memory(void **state)
{
    struct fixture *f = *state;

    tell_ordered(f, "42");
    for (int64_t i = 0; i < 20; i++) {
        struct buf version = {0};
        buf_printf(&version, "%lld%c", (long long)i + 2, 0);
        tell(f, MYPAGE_PRODUCT, i % 2 ? "ProductRequeued" : "OutOfStock", version.p, "20.310",
             "{\"id\":7,\"orderId\":42}");
        buf_free(&version);
        run_batch(f);
    }
    struct mypage page = read_page(f, 42);
    assert_int_equal(page.n_timeline, 21);
    assert_int_equal(page.order_status, MYPAGE_REQUESTED);
    assert_int_equal(page.ticket_status, MYPAGE_READY);
}

static int broken_commit(struct view_repo *self, struct view_batch *batch)
{
    UNUSED(self);
    UNUSED(batch);
    return E_FULL;
}

static void what_could_not_be_committed_is_tried_again_as_if_it_had_never_been(void **state)
{
    struct fixture *f = *state;
    int (*commit)(struct view_repo *, struct view_batch *) = f->repo->commit;

    tell_ordered(f, "42");
    f->repo->commit = broken_commit;
    assert_int_equal(core_run(&f->app.core, f->batch, f->n, 1000), E_FULL);
    assert_int_equal(f->published, 0);
    f->repo->commit = commit;
    run_batch(f);
    assert_int_equal(f->published, 1);
    assert_int_equal(read_page(f, 42).n_timeline, 1);
}

static void a_timeline_of_foreign_bytes_is_refused(void **state)
{
    struct fixture *f = *state;
    struct mypage page = {0};
    static const struct str bad[] = {STR_INIT("\x7f\x01\x01"), STR_INIT("\x00"), STR_INIT("\x00\x01\x80"),
                                     STR_INIT("\x00\x80\x00\x01"),
                                     STR_INIT("\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")};

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(timeline_decode(bad[i], &page, &f->arena), E_CORRUPT);
    assert_int_equal(timeline_decode(STR("\x00\x01\x05\x02\x03\x00"), &page, &f->arena), OK);
    assert_int_equal(page.n_timeline, 2);
    assert_int_equal(page.timeline[1].at, 5);
}

/* ---- cells ---- */

static const struct cell third = {3, 16}, fourth = {4, 16};

static void open_beside(struct fixture *other, const struct fixture *f)
{
    *other = (struct fixture){.cell = fourth};
    memcpy(other->path, f->path, sizeof(f->path));
    arena_init(&other->arena, 0);
    arena_init(&other->decoder.arena, 0);
    open_view(other);
}

static void close_beside(struct fixture *other)
{
    close_view(other);
    row_cache_free(other->cache);
    other->cache = NULL;
    arena_free(&other->arena);
    arena_free(&other->decoder.arena);
}

static int add_id(void *context, const struct mypage *page)
{
    *(int64_t *)context = *(int64_t *)context * 100 + page->id;
    return OK;
}

static int64_t changed_in(struct fixture *f, struct cell cell)
{
    int64_t ids = 0;

    assert_int_equal(view_changes_after(f->sql, cell, 0, 10, &f->arena, add_id, &ids), OK);
    return ids;
}

static void tell_tea(struct fixture *f, const char *version, int64_t on_hand)
{
    struct buf data = {0};

    buf_printf(&data, "{\"id\":1,\"productName\":\"Tea\",\"qty\":1,\"onHand\":%lld}%c", (long long)on_hand, 0);
    tell(f, MYPAGE_STOCK, "StockReceived", version, "34.000", data.p);
    run_batch(f);
    buf_free(&data);
}

static void each_cell_numbers_its_changes_and_keeps_its_cursors_and_readers_see_all(void **state)
{
    struct fixture *f = *state, other;
    int64_t total = 0, n = 0;

    close_view(f);
    f->cell = third;
    open_view(f);
    open_beside(&other, f);
    tell_ordered(f, "32");
    tell_ordered(f, "53");
    run_batch(f);
    tell_ordered(&other, "17");
    run_batch(&other);
    assert_int_equal(changed_in(f, third), 3253);
    assert_int_equal(changed_in(f, fourth), 17);
    const int64_t after[16] = {[3] = 1000};
    assert_int_equal(view_count_changes(f->sql, after, 16, 10, &n, &f->arena), OK);
    assert_int_equal(n, 2); /* one of each */
    assert_int_equal(view_tally_read(f->sql, STR(VIEW_TALLY_PAGES), &total), OK);
    assert_int_equal(total, 3);
    assert_int_equal(read_page(f, 17).qty, 3);
    tell_tea(f, "2", 4);
    tell_tea(&other, "1", 5); /* hears it later */
    assert_int_equal(on_hand(&other, "Tea"), 4);
    close_view(f);
    open_view(f);
    assert_int_equal(f->app.last_change, 1001);
    assert_int_equal(f->app.cursors.position[MYPAGE_ORDER], 2);
    close_beside(&other);
    open_beside(&other, f);
    assert_int_equal(other.app.last_change, 1000);
    assert_int_equal(other.app.cursors.position[MYPAGE_ORDER], 1);
    close_beside(&other);
}

/* A release is said in every cell, for the sake of the item. */
static void what_every_cell_hears_is_written_to_the_page_in_its_orders_cell_only(void **state)
{
    struct fixture *f = *state, other;

    close_view(f);
    f->cell = third;
    open_view(f);
    open_beside(&other, f);
    tell_ordered(f, "32");
    run_batch(f);
    const char *released = "{\"id\":1,\"productName\":\"Tea\",\"qty\":1,\"onHand\":9,\"orderId\":32}";
    tell(&other, MYPAGE_STOCK, "StockReleased", "5", "35.000", released);
    run_batch(&other);
    assert_int_equal(on_hand(f, "Tea"), 9);
    assert_int_equal(read_page(f, 32).n_timeline, 1);
    assert_int_equal(changed_in(f, fourth), 0);
    tell(f, MYPAGE_STOCK, "StockReleased", "5", "35.000", released);
    run_batch(f);
    assert_int_equal(read_page(f, 32).n_timeline, 2);
    assert_int_equal(read_page(f, 32).qty, 3);
    close_beside(&other);
}

/* Somebody else has had the cell meanwhile; what this process has kept in memory is of before. */
static void a_cell_that_comes_back_is_taken_as_it_is_in_the_table(void **state)
{
    struct fixture *f = *state;
    int64_t order = cell_next_id(third, 0);
    struct buf id = {0}, data = {0};

    close_view(f);
    f->cell = third;
    open_view(f);
    buf_printf(&id, "%lld%c", (long long)order, 0);
    tell_ordered(f, id.p);
    run_batch(f);
    close_view(f);
    struct fixture other = {.cell = third, .position = {[MYPAGE_ORDER] = 1}};
    memcpy(other.path, f->path, sizeof(f->path));
    open_view(&other);
    buf_printf(&data, "{\"id\":7,\"orderId\":%lld,\"status\":\"Producing\"}%c", (long long)order, 0);
    tell(&other, MYPAGE_PRODUCT, "ProductionStarted", "2", "20.310", data.p);
    run_batch(&other);
    close_view(&other);
    row_cache_free(other.cache);
    arena_free(&other.decoder.arena);
    open_view(f);
    f->position[MYPAGE_PRODUCT] = 1;
    tell(f, MYPAGE_PRODUCT, "Produced", "3", "25.310", data.p);
    run_batch(f);
    struct mypage page = read_page(f, order);
    assert_int_equal(page.n_timeline, 3);
    assert_int_equal(page.order_status, MYPAGE_COMPLETED);
    buf_free(&id);
    buf_free(&data);
}

static struct {
    struct fixture *other;
    int (*commit)(struct sql *sql);
} at_once;

static int commit_after_the_other(struct sql *sql)
{
    tell_ordered(at_once.other, "17");
    tell_tea(at_once.other, "1", 5);
    return at_once.commit(sql);
}

/* While the one's transaction has written everything and isn't over, the other begins, writes and commits. */
static void two_cells_commit_at_once(void **state)
{
    struct fixture *f = *state, other;

    close_view(f);
    f->cell = third;
    open_view(f);
    open_beside(&other, f);
    at_once.other = &other;
    at_once.commit = f->sql->commit;
    f->sql->commit = commit_after_the_other;
    tell_ordered(f, "32");
    tell_tea(f, "1", 5);
    f->sql->commit = at_once.commit;
    assert_int_equal(read_page(f, 32).qty, 3);
    assert_int_equal(read_page(f, 17).qty, 3);
    close_beside(&other);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest cells_at_once[] = {
        cmocka_unit_test_setup_teardown(two_cells_commit_at_once, set_up, tear_down)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_order_is_kept_with_its_whole_timeline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restart_goes_on_where_the_commit_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_delivered_again_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_product_tells_first_is_hidden_until_the_order_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_ticket_of_the_counter_makes_no_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_that_makes_no_sense_says_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_items_level_is_the_newest_that_stock_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_level_is_its_items_however_stock_spells_the_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(levels_that_an_older_version_kept_by_name_are_found_by_its_key, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(whatever_stock_tells_of_the_newest_row_of_a_name_is_its_level, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_a_removed_row_told_is_no_news_of_the_one_that_has_its_name_now, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_page_with_a_long_timeline_is_found_again_though_it_is_not_kept_in_memory,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_could_not_be_committed_is_tried_again_as_if_it_had_never_been, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_timeline_of_foreign_bytes_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_cell_numbers_its_changes_and_keeps_its_cursors_and_readers_see_all, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_every_cell_hears_is_written_to_the_page_in_its_orders_cell_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cell_that_comes_back_is_taken_as_it_is_in_the_table, set_up, tear_down),
    };

    sql_engine_start(argc, argv);
    int failed = cmocka_run_group_tests_name(sql_engine_name(), tests, NULL, NULL);
    if (sql_engine_is_postgres()) /* a file has one writer */
        failed += cmocka_run_group_tests_name("cells at once", cells_at_once, NULL, NULL);
    sql_engine_stop();
    return failed;
}
