#include "repo_store.h"

#include "base.h"
#include "errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

void repo_store_begin(struct repo_store *store, struct batch *batch, size_t n)
{
    assert_int_equal(batch_begin(batch, 1000, n, &store->cursors, &store->outbox, &store->arena), OK);
}

void repo_store_open(struct repo_store *store, const char *application, const struct sql_migration *migrations,
                     size_t n_migrations)
{
    char path[SCRATCH_PATH_SIZE];
    struct buf problem = {0};
    int error = 0;
    struct sql_options options = {.path = scratch_path(&store->scratch, "store.db", path),
                                  .application = application,
                                  .migrations = migrations,
                                  .n_migrations = n_migrations,
                                  .cell = store->cell.number,
                                  .busy_ms = 1000};

    store->sql = sql_engine_open(&options, &problem, &error);
    if (!store->sql)
        fail_msg("%.*s", STR_ARG(buf_str(&problem)));
    buf_free(&problem);
}

void repo_store_close(struct repo_store *store)
{
    if (store->sql)
        store->sql->close(store->sql);
    store->sql = NULL;
}

static struct {
    int (*commit)(struct sql *sql);
    void (*act)(void *context);
    void *context;
} meanwhile;

static int commit_after(struct sql *sql)
{
    meanwhile.act(meanwhile.context);
    return meanwhile.commit(sql);
}

void repo_store_meanwhile(struct repo_store *store, void (*act)(void *context), void *context)
{
    meanwhile.commit = store->sql->commit;
    meanwhile.act = act;
    meanwhile.context = context;
    store->sql->commit = commit_after;
}

struct number {
    int64_t n;
};
static const struct json_field number_fields[] = {JSON_FIELD(struct number, "n", n, JSON_I64, 0, 0, 0)};
static const struct json_desc number_desc = {"number", number_fields, COUNT_OF(number_fields), sizeof(struct number)};

void repo_store_fill(struct repo_store *store, struct batch *batch)
{
    struct number number = {1};
    struct event event = {.type = STR("Counted"), .subject = STR("1"), .time = 1000, .version = 1};
    struct command event_for_us = {.origin = FROM_FEED, .position = 7, .frame = STR("{\"a\":1}")};
    struct answer answer = {201, STR("/things/1"), STR("{\"id\":1}")};

    outbox_add(&store->outbox, &event, &number_desc, &number);
    assert_true(batch_admit(batch, &event_for_us));
    batch_bury(batch, &event_for_us, STR("no such thing"));
    assert_int_equal(batch_keep_answer(batch, batch_key(batch, STR("POST /things a")), 99, &answer), OK);
}
