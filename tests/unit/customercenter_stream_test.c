/* The view's stream at two replicas of one table, whose two cells are written over two connections: whoever follows
 * hears of every cell in its order, at whichever replica, and on from there at the other one. */
#include "arena.h"
#include "base.h"
#include "errors.h"
#include "http_bench.h"
#include "mypage_stream.h"
#include "reader.h"
#include "scratch.h"
#include "sql_engine.h"
#include "view_app.h"
#include "view_events.h"
#include "view_queries_sql.h"
#include "view_repo_sql.h"
#include "view_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    CELLS = 2,
    REPLICAS = 2,
    OFTEN_MS = 10,
    NEVER_MS = 600000, /* in a test */
    TOLD_MOST = 512,
    ID_MOST = 64,
    FROM = 0, /* the replica that somebody comes from … */
    TO = 1,   /* … and where they come to */
};

struct replica {
    struct http_bench bench;
    struct reader *reader;
    struct mypage_stream *stream;
    int64_t look_ms;
    int32_t cells;
    int64_t epoch;
    int64_t newest[CELLS];
};

/* A cell, where it is kept, and what was told of it. */
struct owner {
    struct sql *sql;
    struct row_cache *cache;
    struct view_repo *repo;
    struct view_app app;
    uint64_t position;
};

struct town {
    struct scratch scratch;
    char path[SCRATCH_PATH_SIZE];
    struct owner owner[CELLS];
    struct replica replica[REPLICAS];
    int64_t now;
    int64_t version;
};

/* ---- the table ---- */

static struct sql *open_sql(const struct town *town, int32_t cell, bool read_only)
{
    struct sql_options options = {.path = town->path,
                                  .application = "customercenter",
                                  .cell = cell,
                                  .cells = CELLS,
                                  .read_only = read_only,
                                  .migrations = view_migrations,
                                  .n_migrations = view_migrations_count};
    struct buf problem = {0};
    int error;

    struct sql *sql = sql_engine_open(&options, &problem, &error);
    assert_non_null(sql);
    return sql;
}

/* `replica`: where it is published; NULL: nowhere. */
static void open_owner(struct town *town, int32_t cell, struct replica *replica)
{
    struct owner *owner = &town->owner[cell];
    struct cursors cursors = {.n = MYPAGE_PRODUCER_COUNT};

    owner->sql = open_sql(town, cell, false);
    owner->cache = row_cache_new();
    owner->repo = view_repo_sql_new(owner->sql, (struct cell){cell, CELLS}, owner->cache);
    assert_non_null(owner->repo);
    memcpy(cursors.source, view_producers, sizeof(view_producers));
    struct view_ports ports = {owner->repo, replica ? mypage_stream_sink(replica->stream, cell) : NULL};
    assert_int_equal(view_app_init(&owner->app, &ports, (struct cell){cell, CELLS}, &cursors), OK);
}

static void close_owner(struct town *town, int32_t cell)
{
    struct owner *owner = &town->owner[cell];

    view_app_free(&owner->app);
    view_repo_sql_free(owner->repo);
    row_cache_free(owner->cache);
    owner->sql->close(owner->sql);
}

static void finish(struct command *self, int rc)
{
    UNUSED(self);
    UNUSED(rc);
}

/* The order's `n`-th entry. */
static void happen(struct town *town, int64_t order, int64_t n)
{
    struct owner *owner = &town->owner[cell_of_id(order, CELLS)];
    struct view_command command = {
        .base = {.origin = FROM_FEED, .source = n == 1 ? MYPAGE_ORDER : MYPAGE_PRODUCT, .position = ++owner->position},
        .order_id = order,
        .event = {.fact = n == 1       ? MYPAGE_FACT_ORDERED
                          : n % 2 == 0 ? MYPAGE_FACT_RAN_OUT
                                       : MYPAGE_FACT_REQUEUED,
                  .at = n,
                  .version = n,
                  .product_name = STR("Latte"),
                  .qty = 1},
    };
    struct command *commands[] = {&command.base};

    command.base.finish = finish;
    town->now += 1000;
    assert_int_equal(core_run(&owner->app.core, commands, 1, town->now), OK);
}

/* The first order after `order` that is the cell's. */
static int64_t order_of(int32_t cell, int64_t order)
{
    return cell_next_id((struct cell){cell, CELLS}, order);
}

/* ---- the replicas ---- */

static void follow(void *context, struct http_request *request)
{
    struct replica *replica = ((struct http_bench *)context)->user;
    struct mypage_stream_orders orders = {.n = 0};
    struct str text;

    while (http_query(request, "orderId", orders.n, &text))
        assert_true(str_to_i64(text, &orders.ids[orders.n++]));
    mypage_stream_serve(replica->stream, request, &orders);
}

static const struct route routes[] = {{HTTP_GET, "/mypages/stream", follow, .doc = "Every change."}, {.path = NULL}};

static void make_stream(struct http_bench *bench)
{
    struct replica *replica = bench->user;
    const struct mypage_stream_settings settings = {100, 100, 1000, 60000, replica->look_ms};

    replica->stream =
        mypage_stream_new(bench->loop, replica->reader, &settings, replica->newest, replica->cells, replica->epoch);
    assert_non_null(replica->stream);
}

static void stop_reader(struct http_bench *bench)
{
    reader_stop(((struct replica *)bench->user)->reader);
}

static void open_replica(struct town *town, int which, int64_t look_ms)
{
    static const struct reader_limits limits = {60000, 1000, 100, 100, 100};
    struct replica *replica = &town->replica[which];
    struct http_settings settings = http_bench_settings();
    struct arena arena;

    *replica = (struct replica){.look_ms = look_ms, .cells = CELLS};
    struct sql *rows = open_sql(town, 0, true);
    arena_init(&arena, 0);
    assert_int_equal(view_newest_changes(rows, CELLS, &replica->epoch, replica->newest, &arena), OK);
    arena_free(&arena);
    replica->reader = reader_new(open_sql(town, 0, true), open_sql(town, 0, true), &limits);
    assert_non_null(replica->reader);
    assert_true(reader_rows_apart(replica->reader, rows, &limits));
    replica->bench.user = replica;
    http_bench_start(&replica->bench, &settings, routes);
    http_bench_on_loop(&replica->bench, make_stream);
}

static void close_replica(struct town *town, int which)
{
    struct replica *replica = &town->replica[which];

    http_bench_on_loop(&replica->bench, stop_reader);
    http_bench_stop(&replica->bench);
    mypage_stream_free(replica->stream);
    reader_free(replica->reader);
}

/* ---- followers ---- */

struct told {
    char id[ID_MOST];
    int64_t order; /* 0: a reset */
    int64_t n;     /* entries of its timeline */
};

struct listener {
    int fd;
    struct buf raw;  /* chunked, not yet taken to pieces */
    struct buf text; /* events, not yet taken to pieces */
    bool begun;      /* its head is over */
    struct told told[TOLD_MOST];
    size_t n;
};

static void drop(struct buf *buf, size_t n)
{
    memmove(buf->p, buf->p + n, buf->n - n);
    buf->n -= n;
}

static bool find(const struct buf *buf, const char *what, size_t *at)
{
    const char *found = buf->n ? memmem(buf->p, buf->n, what, strlen(what)) : NULL;

    *at = found ? (size_t)(found - buf->p) : 0;
    return found != NULL;
}

/* The number that a text begins with; it has no NUL. */
static uint64_t number_of(struct str text, int base)
{
    char digits[24] = {0};

    memcpy(digits, text.p, text.n < sizeof(digits) ? text.n : sizeof(digits) - 1);
    return strtoull(digits, NULL, base);
}

static void take_chunks(struct listener *listener)
{
    size_t at;

    while (find(&listener->raw, listener->begun ? "\r\n" : "\r\n\r\n", &at)) {
        if (!listener->begun) {
            assert_true(str_starts_with(buf_str(&listener->raw), STR("HTTP/1.1 200 ")));
            listener->begun = true;
            drop(&listener->raw, at + 4);
            continue;
        }
        size_t n = number_of((struct str){listener->raw.p, at}, 16);
        if (listener->raw.n < at + 2 + n + 2)
            return;
        buf_add(&listener->text, (struct str){listener->raw.p + at + 2, n});
        drop(&listener->raw, at + 2 + n + 2);
    }
}

static int64_t count(struct str text, const char *what)
{
    int64_t n = 0;

    for (size_t i = 0; i + strlen(what) <= text.n; i++)
        n += memcmp(text.p + i, what, strlen(what)) == 0;
    return n;
}

static void take_event(struct listener *listener, struct str text)
{
    struct told *told = &listener->told[listener->n];
    struct str rest;

    if (!str_starts_with(text, STR("id: ")))
        return; /* a comment */
    assert_true(listener->n++ < TOLD_MOST);
    struct str id = str_split((struct str){text.p + 4, text.n - 4}, '\n', &rest);
    assert_true(id.n < ID_MOST);
    memcpy(told->id, id.p, id.n);
    told->id[id.n] = '\0';
    if (str_starts_with(rest, STR("event: reset\n"))) {
        *told = (struct told){.order = 0};
        memcpy(told->id, id.p, id.n);
        return;
    }
    const char *order = memmem(rest.p, rest.n, "\"orderId\":", 10);
    assert_non_null(order);
    told->order = (int64_t)number_of((struct str){order + 10, (size_t)(rest.p + rest.n - (order + 10))}, 10);
    told->n = count(rest, "\"type\":");
}

static void take_events(struct listener *listener)
{
    size_t at;

    while (find(&listener->text, "\n\n", &at)) {
        take_event(listener, (struct str){listener->text.p, at + 1});
        drop(&listener->text, at + 2);
    }
}

static void hear_more(struct listener *listener)
{
    char bytes[16384];
    ssize_t n = recv(listener->fd, bytes, sizeof(bytes), 0);

    assert_true(n > 0);
    buf_add(&listener->raw, (struct str){bytes, (size_t)n});
    take_chunks(listener);
    take_events(listener);
}

/* `more` of the address, and where it goes on; NULL: from now on. It is there when this returns. */
static void listen_to(struct listener *listener, struct town *town, int replica, const char *more, const char *last)
{
    char request[512];

    *listener = (struct listener){.fd = raw_connect(town->replica[replica].bench.port)};
    assert_true(listener->fd >= 0);
    snprintf(request, sizeof(request), "GET /mypages/stream%s HTTP/1.1\r\nHost: shop.example\r\n%s%s%s\r\n", more,
             last ? "Last-Event-ID: " : "", last ? last : "", last ? "\r\n" : "");
    raw_say(listener->fd, request);
    while (!listener->begun)
        hear_more(listener);
}

static void leave(struct listener *listener)
{
    close(listener->fd);
    buf_free(&listener->raw);
    buf_free(&listener->text);
}

static bool has_heard(const struct listener *listener, int64_t order, int64_t n)
{
    for (size_t i = 0; i < listener->n; i++) {
        if (listener->told[i].order == order && listener->told[i].n >= n)
            return true;
    }
    return false;
}

static void hear(struct listener *listener, int64_t order, int64_t n)
{
    while (!has_heard(listener, order, n))
        hear_more(listener);
}

static const char *last_id(const struct listener *listener)
{
    return listener->n ? listener->told[listener->n - 1].id : NULL;
}

/* Nothing twice, nobody goes back, and each event has a position of its own. */
static void assert_in_order(const struct listener *listener)
{
    for (size_t i = 0; i < listener->n; i++) {
        for (size_t before = 0; before < i; before++) {
            assert_string_not_equal(listener->told[before].id, listener->told[i].id);
            if (listener->told[before].order == listener->told[i].order)
                assert_true(listener->told[before].n < listener->told[i].n);
        }
    }
}

/* What the second one has heard, behind what the first one has. */
static void assert_goes_on(const struct listener *first, const struct listener *second)
{
    for (size_t i = 0; i < second->n; i++) {
        assert_true(second->told[i].order != 0);
        assert_false(has_heard(first, second->told[i].order, second->told[i].n));
    }
}

/* ---- set up ---- */

static int open_town(void **state, int64_t look_ms)
{
    static struct town town;

    town = (struct town){.now = 1000000};
    scratch_make(&town.scratch);
    scratch_path(&town.scratch, "view.db", town.path);
    struct sql *sql = open_sql(&town, 0, false);
    sql->close(sql);
    open_replica(&town, FROM, look_ms);
    open_replica(&town, TO, look_ms);
    open_owner(&town, 0, &town.replica[FROM]);
    open_owner(&town, 1, &town.replica[TO]);
    *state = &town;
    return 0;
}

static int set_up(void **state)
{
    return open_town(state, OFTEN_MS);
}

static int set_up_without_looks(void **state)
{
    return open_town(state, NEVER_MS);
}

static int tear_down(void **state)
{
    struct town *town = *state;

    close_replica(town, FROM);
    close_replica(town, TO);
    close_owner(town, 0);
    close_owner(town, 1);
    scratch_remove(&town->scratch);
    return 0;
}

/* ---- tests ---- */

static void what_any_process_commits_is_heard_at_every_replica(void **state)
{
    struct town *town = *state;
    int64_t here = order_of(0, 0), there = order_of(1, 0);
    struct listener at[REPLICAS];

    for (int i = 0; i < REPLICAS; i++)
        listen_to(&at[i], town, i, "", "0");
    for (int64_t n = 1; n <= 5; n++) {
        happen(town, here, n);
        happen(town, there, n);
    }
    for (int i = 0; i < REPLICAS; i++) {
        hear(&at[i], here, 5);
        hear(&at[i], there, 5);
        assert_in_order(&at[i]);
        leave(&at[i]);
    }
}

/* So does every change of this process: none is left to the next look. */
static void what_this_process_commits_goes_out_at_once(void **state)
{
    struct town *town = *state;
    int64_t here = order_of(0, 0);
    struct listener listener;

    listen_to(&listener, town, FROM, "", "0");
    for (int64_t n = 1; n <= 5; n++) {
        happen(town, here, n);
        hear(&listener, here, n);
    }
    assert_int_equal(listener.n, 5);
    leave(&listener);
}

static void who_comes_back_at_another_replica_misses_nothing_and_hears_nothing_twice(void **state)
{
    struct town *town = *state;
    int64_t order[] = {order_of(0, 0), order_of(1, 0), order_of(0, 100), order_of(1, 100)};
    struct listener first, second;

    for (size_t i = 0; i < COUNT_OF(order); i++)
        happen(town, order[i], 1);
    listen_to(&first, town, FROM, "", "0");
    for (int64_t n = 2; n <= 4; n++) {
        happen(town, order[0], n);
        happen(town, order[1], n);
    }
    hear(&first, order[1], 4);
    while (!has_heard(&first, order[0], 1) || !has_heard(&first, order[2], 1) || !has_heard(&first, order[3], 1))
        hear_more(&first);
    leave(&first);
    happen(town, order[2], 2); /* while it is away */
    happen(town, order[1], 5);
    listen_to(&second, town, TO, "", last_id(&first));
    happen(town, order[3], 2);
    hear(&second, order[2], 2);
    hear(&second, order[1], 5);
    hear(&second, order[3], 2);
    assert_in_order(&first);
    assert_in_order(&second);
    assert_goes_on(&first, &second);
    leave(&second);
}

/* It is behind in the one cell, and ahead of what this replica has looked up in the other. */
static void a_position_that_is_newer_than_what_a_replica_knows_is_one_all_the_same(void **state)
{
    struct town *town = *state;
    int64_t here = order_of(0, 0), there = order_of(1, 0);
    struct listener other, first, second;

    listen_to(&other, town, TO, "", "0"); /* so it looks, but not again */
    listen_to(&first, town, FROM, "", "0");
    happen(town, here, 1);
    happen(town, here, 2);
    hear(&first, here, 2);
    leave(&first);
    listen_to(&second, town, TO, "", last_id(&first));
    happen(town, there, 1);
    hear(&second, there, 1);
    assert_goes_on(&first, &second);
    assert_int_equal(second.n, 1);
    leave(&second);
    leave(&other);
}

static void who_begins_hears_what_happens_from_then_on_whoever_has_written_before(void **state)
{
    struct town *town = *state;
    int64_t here = order_of(0, 0), there = order_of(1, 0);
    struct listener listener;

    happen(town, here, 1);
    happen(town, there, 1);
    listen_to(&listener, town, FROM, "", NULL);
    struct listener after = {0};
    listen_to(&after, town, FROM, "", "0"); /* when this one has heard all, the other one has begun */
    hear(&after, here, 1);
    hear(&after, there, 1);
    happen(town, there, 2);
    hear(&listener, there, 2);
    assert_int_equal(listener.n, 1);
    leave(&listener);
    leave(&after);
}

static void some_orders_are_followed_at_any_replica_and_nobody_elses(void **state)
{
    struct town *town = *state;
    int64_t mine = order_of(0, 0), other = order_of(0, 100), there = order_of(1, 0);
    char orders[64];
    struct listener first, second;

    snprintf(orders, sizeof(orders), "?orderId=%lld&orderId=%lld", (long long)mine, (long long)there);
    happen(town, mine, 1);
    happen(town, other, 1);
    happen(town, there, 1);
    listen_to(&first, town, TO, orders, NULL);
    hear(&first, mine, 1);
    hear(&first, there, 1);
    happen(town, mine, 2);
    happen(town, other, 2);
    hear(&first, mine, 2);
    leave(&first);
    listen_to(&second, town, FROM, orders, last_id(&first));
    happen(town, there, 2);
    hear(&second, there, 2);
    assert_in_order(&first);
    assert_in_order(&second);
    assert_goes_on(&first, &second);
    assert_false(has_heard(&first, other, 1) || has_heard(&second, other, 1));
    assert_int_equal(second.n, 1);
    leave(&second);
}

/* The last change of the old owner is in the table only when the new one publishes its first. */
static void a_cell_that_goes_to_another_process_leaves_nothing_out(void **state)
{
    struct town *town = *state;
    int64_t order = order_of(1, 0), other = order_of(1, 100);
    struct listener listener;

    listen_to(&listener, town, FROM, "", "0");
    happen(town, order_of(0, 0), 1);
    hear(&listener, order_of(0, 0), 1); /* it has begun */
    happen(town, order, 1);
    close_owner(town, 1);
    uint64_t position = town->owner[1].position;
    open_owner(town, 1, &town->replica[FROM]);
    town->owner[1].position = position;
    happen(town, other, 1);
    hear(&listener, other, 1);
    hear(&listener, order, 1);
    happen(town, order, 2);
    hear(&listener, order, 2);
    assert_in_order(&listener);
    leave(&listener);
}

static void begin_anew(struct town *town, int64_t epoch)
{
    assert_int_equal(view_tally_write(town->owner[0].sql, STR(VIEW_TALLY_EPOCH), epoch), OK);
}

static void when_another_view_has_taken_the_place_its_followers_load_the_list_again(void **state)
{
    struct town *town = *state;
    int64_t here = order_of(0, 0);
    struct listener listener, late;

    happen(town, here, 1);
    listen_to(&listener, town, TO, "", "0");
    hear(&listener, here, 1);
    char before[ID_MOST];
    snprintf(before, sizeof(before), "%s", last_id(&listener));
    begin_anew(town, town->now + 1000000);
    hear(&listener, 0, 0);
    listen_to(&late, town, FROM, "", before);
    hear(&late, 0, 0);
    leave(&listener);
    leave(&late);
}

static void a_position_of_another_shop_begins_with_a_reset_from_which_it_goes_on(void **state)
{
    static const char *const others[] = {"1764455555123456", "1764455555123456.0.1.2", "9000000000000000000.0.0",
                                         "5.0.1"};
    struct town *town = *state;
    int64_t here = order_of(0, 0);

    happen(town, here, 1);
    begin_anew(town, 1000); /* so that there are numbers before it */
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct listener listener, next;
        listen_to(&listener, town, (int)i % REPLICAS, "", others[i]);
        hear(&listener, 0, 0);
        assert_int_equal(listener.n, 1);
        listen_to(&next, town, TO, "", last_id(&listener));
        happen(town, here, (int64_t)i + 2);
        hear(&next, here, (int64_t)i + 2);
        assert_int_equal(next.n, 1);
        leave(&listener);
        leave(&next);
    }
}

static void a_position_that_makes_no_sense_is_refused_with_a_sentence(void **state)
{
    static const char *const nonsense[] = {"soon", "-1", "1.5", "10.0.A"};
    struct town *town = *state;
    struct raw_answer answer;
    char request[256];

    for (size_t i = 0; i < COUNT_OF(nonsense); i++) {
        snprintf(request, sizeof(request),
                 "GET /mypages/stream HTTP/1.1\r\nHost: shop.example\r\nLast-Event-ID: %s\r\n\r\n", nonsense[i]);
        raw_ask(town->replica[FROM].bench.port, request, &answer);
        assert_int_equal(answer.status, 400);
        assert_non_null(strstr(answer.body, "\"member\":\"Last-Event-ID\""));
    }
}

/* More than fits into a look, and into a reading. */
static void a_crowd_of_changes_comes_to_another_replica_whole(void **state)
{
    struct town *town = *state;
    struct listener live, late;
    int64_t order = 0;

    listen_to(&live, town, TO, "", "0");
    for (int i = 0; i < 300; i++) {
        order = order_of(0, order);
        happen(town, order, 1);
    }
    hear(&live, order, 1);
    assert_int_equal(live.n, 300);
    assert_in_order(&live);
    listen_to(&late, town, TO, "", live.told[99].id);
    hear(&late, order, 1);
    assert_int_equal(late.n, 200);
    leave(&live);
    leave(&late);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_any_process_commits_is_heard_at_every_replica, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_this_process_commits_goes_out_at_once, set_up_without_looks, tear_down),
        cmocka_unit_test_setup_teardown(who_comes_back_at_another_replica_misses_nothing_and_hears_nothing_twice,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_position_that_is_newer_than_what_a_replica_knows_is_one_all_the_same,
                                        set_up_without_looks, tear_down),
        cmocka_unit_test_setup_teardown(who_begins_hears_what_happens_from_then_on_whoever_has_written_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(some_orders_are_followed_at_any_replica_and_nobody_elses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cell_that_goes_to_another_process_leaves_nothing_out, set_up_without_looks,
                                        tear_down),
        cmocka_unit_test_setup_teardown(when_another_view_has_taken_the_place_its_followers_load_the_list_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_position_of_another_shop_begins_with_a_reset_from_which_it_goes_on, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_position_that_makes_no_sense_is_refused_with_a_sentence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_crowd_of_changes_comes_to_another_replica_whole, set_up, tear_down),
    };

    sql_engine_start(argc, argv);
    int failed = cmocka_run_group_tests_name(sql_engine_name(), tests, NULL, NULL);
    sql_engine_stop();
    return failed;
}
