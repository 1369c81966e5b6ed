/* What the Redis adapter promises beyond the port's contract (kv_redis.h): which servers it refuses and with what
 * words, fencing, and what becomes of a commit when Redis is killed, hangs, is full or has lost its data. Real servers.
 */
#include "base.h"
#include "clock.h"
#include "errors.h"
#include "kv_redis.h"
#include "kv_redis_internal.h"
#include "redis_server.h"
#include "scratch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SHORT_MS = 300, LONG_MS = 30000, KILLS = 3, BATCHES_A_KILL = 50, MANY = 1000 };

static const char secret[] = "s3cret-words";

/* The server that a test has, and what it opened. */
struct fixture {
    struct redis_server server;
    struct arena arena;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    redis_server_start(&fixture.server, NULL);
    arena_init(&fixture.arena, 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    arena_free(&fixture->arena);
    redis_server_free(&fixture->server);
    return 0;
}

/* --- helpers that read like sentences --- */

static struct kv_redis_options options_of(const struct redis_server *server)
{
    return (struct kv_redis_options){
        .url = server->url, .cell = "stock:0", .application = "stock", .format = 1, .patience_ms = LONG_MS};
}

static struct kv *open_with(const struct kv_redis_options *options)
{
    struct buf problem = {0};
    int error = 0;
    struct kv *kv = kv_redis_open(options, &problem, &error);

    if (!kv)
        printf("%.*s\n", STR_ARG(buf_str(&problem)));
    assert_int_equal(error, OK);
    assert_non_null(kv);
    buf_free(&problem);
    return kv;
}

static struct kv *open_store(const struct redis_server *server)
{
    const struct kv_redis_options options = options_of(server);

    return open_with(&options);
}

/* It doesn't open, for this reason and with this word in a sentence that never shows the secret. */
static void assert_refused(const struct kv_redis_options *options, int expected, const char *word)
{
    struct buf problem = {0};
    int error = 0;

    assert_null(kv_redis_open(options, &problem, &error));
    buf_char(&problem, '\0');
    if (error != expected || !strstr(problem.p, word))
        printf("%s: %s\n", error_name(error), problem.p);
    assert_int_equal(error, expected);
    assert_non_null(strstr(problem.p, word));
    assert_null(strstr(problem.p, secret));
    buf_free(&problem);
}

static int try_put(struct kv *kv, const char *key, const char *value)
{
    const struct kv_entry entry = {.key = str_of(key), .value = str_of(value)};

    return kv->commit(kv, &entry, 1);
}

static void put(struct kv *kv, const char *key, const char *value)
{
    assert_int_equal(try_put(kv, key, value), OK);
}

static struct kv_entry get(struct fixture *fixture, struct kv *kv, const char *key)
{
    struct kv_entry entry = {.key = str_of(key)};

    assert_int_equal(kv->load(kv, &entry, 1, &fixture->arena), OK);
    return entry;
}

static void assert_value(struct fixture *fixture, struct kv *kv, const char *key, const char *value)
{
    struct kv_entry entry = get(fixture, kv, key);

    assert_true(entry.found);
    assert_true(str_is(entry.value, value));
}

static void set_patience(struct kv *kv, int64_t ms)
{
    CONTAINER_OF(kv, struct kv_redis, port)->options.patience_ms = ms;
}

/* A server of another kind than the fixture's. */
static void assert_server_refused(const char *const *more, int error, const char *word)
{
    struct redis_server server;

    redis_server_start(&server, more);
    const struct kv_redis_options options = options_of(&server);
    assert_refused(&options, error, word);
    redis_server_free(&server);
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- which Redis will do --- */

static void a_redis_that_could_lose_data_is_refused_and_the_setting_is_named(void **state)
{
    UNUSED(state);
    assert_server_refused(ARGUMENTS("--appendfsync", "everysec"), E_SYSTEM, "appendfsync everysec");
    assert_server_refused(ARGUMENTS("--appendonly", "no"), E_SYSTEM, "set \"appendonly yes\"");
    assert_server_refused(ARGUMENTS("--maxmemory-policy", "allkeys-lru"), E_SYSTEM, "maxmemory-policy noeviction");
}

static void a_replica_is_refused(void **state)
{
    UNUSED(state);
    assert_server_refused(ARGUMENTS("--replicaof", "127.0.0.1 1"), E_SYSTEM, "is a replica");
}

static void nobody_at_the_address_is_said_after_the_patience(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options options = options_of(&fixture->server);

    redis_server_kill(&fixture->server, SIGKILL);
    options.patience_ms = SHORT_MS;
    assert_refused(&options, E_UNAVAILABLE, "can't be reached");
}

/* Answers whatever it is asked, once, as INFO of an old Redis. */
static void *be_old(void *context)
{
    static const char answer[] = "$43\r\n# Server\r\nredis_version:6.2.14\r\nrole:master\r\n\r\n";
    char asked[256];
    int fd = accept(*(const int *)context, NULL, NULL);

    (void)recv(fd, asked, sizeof(asked), 0);
    (void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
    while (recv(fd, asked, sizeof(asked), 0) > 0)
        ;
    close(fd);
    return NULL;
}

static void a_redis_older_than_7_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options options = options_of(&fixture->server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    char url[REDIS_URL_SIZE];
    pthread_t old;

    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(url, sizeof(url), "redis://127.0.0.1:%d", ntohs(address.sin_port));
    options.url = url;
    assert_int_equal(pthread_create(&old, NULL, be_old, &fd), 0);
    assert_refused(&options, E_SYSTEM, "version 6.2.14: 7 or newer");
    pthread_join(old, NULL);
    close(fd);
}

static void a_wrong_password_is_refused_and_never_shown(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options options = options_of(&fixture->server);
    char url[REDIS_URL_SIZE];

    REDIS_TELL(&fixture->server, "ACL", "SETUSER", "barista", "on", ">right", "~{stock:0}:*", "+@all");
    REDIS_TELL(&fixture->server, "ACL", "SETUSER", "clerk", "on", ">right", "~{stock:0}:*", "+@all", "-config");
    (void)snprintf(url, sizeof(url), "redis://barista@127.0.0.1:%d/0", fixture->server.port);
    options.url = url;
    options.password = secret;
    assert_refused(&options, E_SYSTEM, "the user or the password");
    options.password = "right";
    struct kv *kv = open_with(&options);
    put(kv, "item/1", "100");
    kv->close(kv);
    (void)snprintf(url, sizeof(url), "redis://clerk@127.0.0.1:%d", fixture->server.port);
    assert_refused(&options, E_SYSTEM, "CONFIG GET, so that it can't be told");
    (void)snprintf(url, sizeof(url), "redis://:%s@127.0.0.1:%d", secret, fixture->server.port);
    assert_refused(&options, E_MALFORMED, "has a password in it");
}

static void a_password_that_is_wanted_and_not_given_is_said(void **state)
{
    UNUSED(state);
    assert_server_refused(ARGUMENTS("--requirepass", secret), E_SYSTEM, "wants a password");
}

static void an_address_that_is_none_is_refused(void **state)
{
    static const char *const urls[] = {"",
                                       "http://127.0.0.1",
                                       "redis://",
                                       "redis://:6379",
                                       "redis://h:0",
                                       "redis://h:",
                                       "redis://h:65536",
                                       "redis://h:6379/one",
                                       "redis://h:6379/-1",
                                       "redis://[::1",
                                       "redis://[::1]6379",
                                       "redis://a:b@host"};
    struct kv_redis_options options = {.cell = "stock:0", .application = "stock", .format = 1};

    UNUSED(state);
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        options.url = urls[i];
        assert_refused(&options, E_MALFORMED, "it is redis://");
    }
    options.url = "redis://localhost";
    options.cell = "stock}0";
    assert_refused(&options, E_MALFORMED, "a cell's name");
}

static void another_services_data_and_a_newer_format_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options options = options_of(&fixture->server);
    struct kv *kv = open_with(&options);

    kv->close(kv);
    options.application = "order";
    assert_refused(&options, E_FOREIGN, "belong to \"stock\", not to \"order\"");
    options.application = "stock";
    options.format = 0;
    assert_refused(&options, E_NEWER, "newer version (format 1");
    REDIS_TELL(&fixture->server, "SET", "{stock:1}:meta", "mine");
    options.cell = "stock:1";
    assert_refused(&options, E_FOREIGN, "another program");
    REDIS_TELL(&fixture->server, "SET", "{stock:2}:names", "mine");
    options.cell = "stock:2";
    assert_refused(&options, E_FOREIGN, "another program");
}

static void functions_that_somebody_changed_are_refused(void **state)
{
    struct fixture *fixture = *state;
    const struct kv_redis_options options = options_of(&fixture->server);

    REDIS_TELL(&fixture->server, "FUNCTION", "LOAD",
               "#!lua name=coffeeshop_kv_2\nredis.register_function('coffeeshop_kv_2_open', function() return 1 end)");
    assert_refused(&options, E_FOREIGN, "other functions under the name");
}

static int fail_migration(void *context, int from)
{
    UNUSED(context);
    UNUSED(from);
    return E_FULL;
}

static int migrate(void *context, int from)
{
    assert_int_equal(from, 1);
    return try_put(context, "migrated", "yes");
}

static void an_older_format_is_brought_up_to_date_once(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options options = options_of(&fixture->server);
    struct kv *kv = open_with(&options);

    kv->close(kv);
    options.format = 2;
    options.migrate = fail_migration;
    assert_refused(&options, E_FULL, "from format 1 to 2");
    options.migrate = migrate;
    kv = open_with(&options);
    assert_value(fixture, kv, "migrated", "yes");
    kv->close(kv);
    options.migrate = fail_migration;
    kv = open_with(&options);
    kv->close(kv);
}

/* --- who may write --- */

static void whoever_opens_last_may_write_and_nobody_before(void **state)
{
    struct fixture *fixture = *state;
    struct kv *before = open_store(&fixture->server);

    put(before, "item/1", "100");
    struct kv *after = open_store(&fixture->server);
    assert_int_equal(try_put(before, "item/1", "1"), E_CONFLICT);
    assert_int_equal(before->probe(before), E_CONFLICT);
    assert_int_equal(before->check(before), E_CONFLICT);
    assert_value(fixture, after, "item/1", "100");
    put(after, "item/1", "99");
    assert_int_equal(after->check(after), OK);
    before->close(before);
    after->close(after);
}

static void a_look_tells_who_was_fenced_off_before_it_writes(void **state)
{
    struct fixture *fixture = *state;
    struct kv *before = open_store(&fixture->server);

    assert_int_equal(before->look(before), OK);
    put(before, "item/1", "100");
    assert_int_equal(before->look(before), OK);
    struct kv *after = open_store(&fixture->server);
    assert_int_equal(before->look(before), E_CONFLICT);
    assert_int_equal(before->check(before), E_CONFLICT);
    assert_int_equal(after->look(after), OK);
    before->close(before);
    after->close(after);
}

static void a_store_that_is_held_is_not_taken_by_another_holder_and_by_the_same_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options first = options_of(&fixture->server), second = first;

    first.holder = "boot:1:1";
    second.holder = "boot:1:2";
    struct kv *kv = open_with(&first);
    assert_refused(&second, E_UNAVAILABLE, "is in use by another stock service");
    put(kv, "item/1", "100"); /* it wasn't fenced off */
    assert_int_equal(kv->look(kv), OK);
    struct kv *again = open_with(&first); /* as after a kill */
    put(again, "item/1", "99");
    assert_int_equal(try_put(kv, "item/1", "98"), E_CONFLICT);
    assert_refused(&second, E_UNAVAILABLE, "is in use");
    kv->close(kv);
    again->close(again);
    REDIS_TELL(&fixture->server, "DEL", "{stock:0}:held");
    struct kv *other = open_with(&second);
    assert_value(fixture, other, "item/1", "99");
    other->close(other);
}

static bool is_held(struct fixture *fixture)
{
    struct kv_redis_options other = options_of(&fixture->server);
    struct buf problem = {0};
    int error = 0;

    other.holder = "another";
    struct kv *kv = kv_redis_open(&other, &problem, &error);
    if (kv)
        kv->close(kv);
    buf_free(&problem);
    return !kv;
}

static void who_commits_or_looks_goes_on_holding_the_store_also_a_full_one(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options options = options_of(&fixture->server);

    options.holder = "boot:1:1";
    struct kv *kv = open_with(&options);
    struct kv_redis *self = CONTAINER_OF(kv, struct kv_redis, port);
    REDIS_TELL(&fixture->server, "DEL", "{stock:0}:held"); /* as if its time had come */
    self->held_at = 1;                                     /* long ago */
    put(kv, "item/1", "100");
    assert_true(is_held(fixture));
    REDIS_TELL(&fixture->server, "DEL", "{stock:0}:held");
    self->held_at = 1;
    assert_int_equal(kv->look(kv), OK);
    assert_true(is_held(fixture));
    REDIS_TELL(&fixture->server, "CONFIG", "SET", "maxmemory", "1");
    REDIS_TELL(&fixture->server, "DEL", "{stock:0}:held");
    self->held_at = 1;
    assert_int_equal(try_put(kv, "item/1", "99"), E_FULL);
    assert_true(is_held(fixture));
    kv->close(kv);
}

static void a_holder_that_was_fenced_off_does_not_take_the_hold_of_who_fenced_it(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options first = options_of(&fixture->server), second = first;

    first.holder = "boot:1:1";
    second.holder = "boot:1:2";
    struct kv *kv = open_with(&first);
    REDIS_TELL(&fixture->server, "DEL", "{stock:0}:held"); /* it was stopped for long */
    struct kv *after = open_with(&second);
    CONTAINER_OF(kv, struct kv_redis, port)->held_at = 1;
    assert_int_equal(kv->look(kv), E_CONFLICT);
    assert_int_equal(try_put(kv, "item/1", "1"), E_CONFLICT);
    kv->close(kv); /* and doesn't let go of it */
    assert_refused(&first, E_UNAVAILABLE, "is in use");
    put(after, "item/1", "2");
    after->close(after);
}

static void a_look_tells_that_redis_is_away_or_has_lost_something(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options options = options_of(&fixture->server);

    options.patience_ms = SHORT_MS;
    struct kv *kv = open_with(&options);
    put(kv, "item/1", "100");
    redis_server_kill(&fixture->server, SIGKILL);
    assert_int_equal(kv->look(kv), E_UNAVAILABLE);
    assert_int_equal(kv->check(kv), OK);
    redis_server_again(&fixture->server);
    assert_int_equal(kv->look(kv), OK);
    REDIS_TELL(&fixture->server, "FLUSHALL");
    assert_int_equal(kv->look(kv), E_NOT_FOUND);
    assert_int_equal(kv->check(kv), E_NOT_FOUND);
    kv->close(kv);
}

static void a_stale_token_neither_opens_nor_commits(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options options = options_of(&fixture->server);

    options.token = 7;
    struct kv *kv = open_with(&options);
    put(kv, "item/1", "100");
    options.token = 6;
    assert_refused(&options, E_CONFLICT, "somebody else's by now");
    put(kv, "item/1", "99");                                              /* who was refused fenced nobody off */
    REDIS_TELL(&fixture->server, "HSET", "{stock:0}:meta", "token", "8"); /* as whoever takes the lease does */
    assert_int_equal(try_put(kv, "item/1", "98"), E_CONFLICT);
    assert_int_equal(kv->check(kv), E_CONFLICT);
    assert_value(fixture, kv, "item/1", "99");
    kv->close(kv);
}

/* --- what the world breaks --- */

static void what_was_committed_survives_kill_9_and_the_store_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);

    put(kv, "item/1", "100");
    redis_server_kill(&fixture->server, SIGKILL);
    redis_server_again(&fixture->server);
    assert_value(fixture, kv, "item/1", "100");
    put(kv, "item/1", "99");
    redis_server_kill(&fixture->server, SIGTERM);
    redis_server_again(&fixture->server);
    put(kv, "item/2", "1"); /* the first after a restart */
    assert_value(fixture, kv, "item/1", "99");
    kv->close(kv);
}

struct customer {
    struct kv *kv;
    _Atomic int64_t acknowledged;
    _Atomic bool stop;
    int error;
};

/* Each batch says its number under two keys. */
static void *commit_on_and_on(void *context)
{
    struct customer *self = context;
    char number[24];

    for (int64_t i = 1; !self->stop && !self->error; i++) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)i);
        const struct kv_entry batch[] = {{.key = STR("a"), .value = str_of(number)},
                                         {.key = STR("b"), .value = str_of(number)}};
        self->error = self->kv->commit(self->kv, batch, COUNT_OF(batch));
        if (!self->error)
            self->acknowledged = i;
    }
    return NULL;
}

static void wait_until_acknowledged(const struct customer *customer, int64_t number)
{
    int64_t deadline = clock_monotonic() + LONG_MS * US_PER_MS;

    while (customer->acknowledged < number && clock_monotonic() < deadline)
        sched_yield();
    assert_true(customer->acknowledged >= number);
}

static void kills_under_load_lose_nothing_and_the_writer_hears_of_none(void **state)
{
    struct fixture *fixture = *state;
    struct customer customer = {.kv = open_store(&fixture->server)};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, commit_on_and_on, &customer), 0);
    for (int i = 0; i < KILLS; i++) {
        wait_until_acknowledged(&customer, customer.acknowledged + BATCHES_A_KILL);
        redis_server_kill(&fixture->server, SIGKILL);
        redis_server_again(&fixture->server);
    }
    wait_until_acknowledged(&customer, customer.acknowledged + BATCHES_A_KILL);
    customer.stop = true;
    pthread_join(thread, NULL);
    assert_int_equal(customer.error, OK);
    char number[24];
    (void)snprintf(number, sizeof(number), "%lld", (long long)customer.acknowledged);
    assert_value(fixture, customer.kv, "a", number);
    assert_value(fixture, customer.kv, "b", number);
    customer.kv->close(customer.kv);
}

static void a_redis_that_is_away_before_anything_was_sent_is_unavailable(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);
    struct kv_entry entry = {.key = STR("item/1")};

    put(kv, "item/1", "100");
    redis_server_kill(&fixture->server, SIGKILL);
    set_patience(kv, SHORT_MS);
    assert_int_equal(try_put(kv, "item/1", "1"), E_UNAVAILABLE);
    assert_int_equal(kv->load(kv, &entry, 1, &fixture->arena), E_UNAVAILABLE);
    assert_int_equal(kv->probe(kv), E_UNAVAILABLE);
    redis_server_again(&fixture->server);
    set_patience(kv, LONG_MS);
    assert_value(fixture, kv, "item/1", "100");
    put(kv, "item/1", "99");
    kv->close(kv);
}

static void a_redis_that_hangs_under_way_leaves_the_outcome_unknown_until_it_is_opened_again(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);
    struct kv_entry entry = {.key = STR("item/1")};

    set_patience(kv, SHORT_MS);
    kill(fixture->server.pid, SIGSTOP);
    assert_int_equal(try_put(kv, "item/1", "100"), E_OUTCOME_UNKNOWN);
    assert_int_equal(try_put(kv, "item/1", "99"), E_OUTCOME_UNKNOWN);
    assert_int_equal(kv->load(kv, &entry, 1, &fixture->arena), E_OUTCOME_UNKNOWN);
    kv->close(kv);
    kill(fixture->server.pid, SIGCONT);
    kv = open_store(&fixture->server);
    struct kv_entry truth = get(fixture, kv, "item/1");
    struct kv_entry later = get(fixture, kv, "item/1"); /* what was on its way then comes no more */
    assert_int_equal(truth.found, later.found);
    assert_true(!truth.found || str_is(truth.value, "100"));
    kv->close(kv);
}

static void a_commit_that_is_sent_twice_is_made_once(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);

    put(kv, "item/1", "100");
    CONTAINER_OF(kv, struct kv_redis, port)->commits--;
    put(kv, "item/1", "1"); /* to Redis it is the one before */
    assert_value(fixture, kv, "item/1", "100");
    put(kv, "item/1", "99");
    assert_value(fixture, kv, "item/1", "99");
    kv->close(kv);
}

static void a_full_redis_takes_removals_only_and_can_be_opened(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);
    const struct kv_entry removal = {.key = STR("item/1"), .remove = true};

    put(kv, "item/1", "100");
    put(kv, "item/2", "100");
    REDIS_TELL(&fixture->server, "CONFIG", "SET", "maxmemory", "1");
    assert_int_equal(try_put(kv, "item/2", "1"), E_FULL);
    kv->close(kv);
    kv = open_store(&fixture->server);
    assert_value(fixture, kv, "item/2", "100");
    assert_int_equal(kv->commit(kv, &removal, 1), OK);
    assert_false(get(fixture, kv, "item/1").found);
    REDIS_TELL(&fixture->server, "CONFIG", "SET", "maxmemory", "0");
    put(kv, "item/2", "1");
    kv->close(kv);
}

static void settings_that_are_changed_while_it_runs_are_noticed_before_a_commit(void **state)
{
    struct fixture *fixture = *state;
    struct kv_redis_options options = options_of(&fixture->server);

    options.look_again_ms = 1;
    struct kv *kv = open_with(&options);
    put(kv, "item/1", "100");
    REDIS_TELL(&fixture->server, "CONFIG", "SET", "appendfsync", "everysec");
    int64_t changed_at = clock_monotonic();
    while (clock_monotonic() - changed_at < US_PER_MS)
        sched_yield();
    assert_int_equal(try_put(kv, "item/1", "99"), E_UNAVAILABLE);
    assert_int_equal(kv->probe(kv), E_UNAVAILABLE);
    REDIS_TELL(&fixture->server, "CONFIG", "SET", "appendfsync", "always");
    assert_value(fixture, kv, "item/1", "100");
    put(kv, "item/1", "99");
    kv->close(kv);
}

/* A directory has the name of the file that a snapshot becomes. */
static void fail_to_save(const struct redis_server *server)
{
    char path[REDIS_DIR_SIZE + 16];
    bool failed = false;
    int64_t deadline = clock_monotonic() + LONG_MS * US_PER_MS;
    redisContext *context = redisConnect("127.0.0.1", server->port);

    (void)snprintf(path, sizeof(path), "%s/dump.rdb", server->dir);
    assert_int_equal(mkdir(path, S_IRWXU), 0);
    REDIS_TELL(server, "CONFIG", "SET", "save", "3600 1000000");
    REDIS_TELL(server, "BGSAVE");
    while (!failed && clock_monotonic() < deadline) {
        redisReply *reply = redisCommand(context, "INFO persistence");
        failed = strstr(reply->str, "rdb_last_bgsave_status:err") != NULL;
        freeReplyObject(reply);
    }
    redisFree(context);
    assert_true(failed);
}

static void a_redis_whose_disk_takes_nothing_is_full(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);

    put(kv, "item/1", "100");
    fail_to_save(&fixture->server);
    assert_int_equal(try_put(kv, "item/1", "99"), E_FULL);
    assert_value(fixture, kv, "item/1", "100");
    REDIS_TELL(&fixture->server, "CONFIG", "SET", "save", "");
    put(kv, "item/1", "99");
    kv->close(kv);
}

static void a_redis_that_was_emptied_takes_nothing_more(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);

    put(kv, "item/1", "100");
    REDIS_TELL(&fixture->server, "FLUSHALL");
    assert_int_equal(try_put(kv, "item/1", "99"), E_UNAVAILABLE);
    assert_int_equal(kv->check(kv), E_NOT_FOUND);
    kv->close(kv);
}

static void data_that_was_put_back_older_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);

    put(kv, "item/1", "100");
    REDIS_TELL(&fixture->server, "COPY", "{stock:0}:meta", "{stock:0}:backup");
    put(kv, "item/1", "99");
    REDIS_TELL(&fixture->server, "COPY", "{stock:0}:backup", "{stock:0}:meta", "REPLACE");
    assert_int_equal(try_put(kv, "item/1", "98"), E_UNAVAILABLE);
    assert_int_equal(kv->check(kv), E_NOT_FOUND);
    kv->close(kv);
}

static void functions_that_were_removed_are_loaded_again(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);

    put(kv, "item/1", "100");
    REDIS_TELL(&fixture->server, "FUNCTION", "FLUSH");
    put(kv, "item/1", "99");
    assert_value(fixture, kv, "item/1", "99");
    kv->close(kv);
}

static int count_one(void *context, struct str key, struct str value)
{
    size_t *n = context;

    UNUSED(key);
    UNUSED(value);
    ++*n;
    return 0;
}

static void a_value_that_was_changed_behind_our_back_is_damage(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);
    struct kv_entry entry = {.key = STR("item/1")};
    size_t n = 0;

    put(kv, "item/1", "100");
    REDIS_TELL(&fixture->server, "HSET", "{stock:0}:data", "item/1", "101-and-no-sum");
    assert_int_equal(kv->load(kv, &entry, 1, &fixture->arena), E_CORRUPT);
    assert_int_equal(kv->scan(kv, STR("item/"), STR(""), MANY, count_one, &n), E_CORRUPT);
    assert_int_equal(kv->check(kv), E_CORRUPT);
    REDIS_TELL(&fixture->server, "HDEL", "{stock:0}:data", "item/1");
    assert_int_equal(kv->scan(kv, STR("item/"), STR(""), MANY, count_one, &n), E_CORRUPT);
    kv->close(kv);
}

/* --- a store that is larger than what one look takes --- */

struct looking {
    struct kv *kv;
    const char *key; /* put as soon as the first is seen; NULL: nothing */
    size_t n;
};

static int put_while_looking(void *context, struct str key, struct str value)
{
    struct looking *looking = context;

    UNUSED(key);
    UNUSED(value);
    looking->n++;
    return looking->n == 1 && looking->key ? try_put(looking->kv, looking->key, "new") : 0;
}

static void fill(struct kv *kv)
{
    enum { LARGE = 64 * 1024, LARGE_ONES = 40 };
    char key[24];
    char *value = malloc(LARGE);

    assert_non_null(value);
    memset(value, 'v', LARGE);
    for (int i = 0; i < LARGE_ONES; i++) {
        (void)snprintf(key, sizeof(key), "blob/%03d", i);
        const struct kv_entry entry = {.key = str_of(key), .value = {value, LARGE}};
        assert_int_equal(kv->commit(kv, &entry, 1), OK);
    }
    free(value);
}

static void a_long_scan_is_one_view_or_fails(void **state)
{
    struct fixture *fixture = *state;
    struct kv *kv = open_store(&fixture->server);
    struct looking looking = {.kv = kv};

    fill(kv);
    assert_int_equal(kv->scan(kv, STR("blob/"), STR(""), SIZE_MAX, put_while_looking, &looking), OK);
    assert_int_equal(looking.n, 40);
    looking = (struct looking){kv, "blob/999", 0}; /* behind what was handed out: all is from after it */
    assert_int_equal(kv->scan(kv, STR("blob/"), STR(""), SIZE_MAX, put_while_looking, &looking), OK);
    assert_int_equal(looking.n, 41);
    looking = (struct looking){kv, "blob/001", 0};
    assert_int_equal(kv->scan(kv, STR("blob/"), STR(""), SIZE_MAX, put_while_looking, &looking), E_UNAVAILABLE);
    looking = (struct looking){kv, NULL, 0};
    assert_int_equal(kv->scan(kv, STR("blob/"), STR("blob/01"), 25, put_while_looking, &looking), OK);
    assert_int_equal(looking.n, 25);
    kv->close(kv);
}

/* --- in TLS --- */

/* A server that is who its certificate says by its address, to whoever believes that certificate and shows it. */
struct secure {
    struct redis_server server;
    struct scratch scratch;
    char cert[SCRATCH_PATH_SIZE], key[SCRATCH_PATH_SIZE];
    char port[8], url[REDIS_URL_SIZE];
};

static void run_openssl(const char **words)
{
    char *const *given; /* to posix_spawnp(), which changes nothing */
    posix_spawn_file_actions_t quiet;
    pid_t pid = 0;
    int status = 0;

    memcpy(&given, &words, sizeof(given));
    assert_int_equal(posix_spawn_file_actions_init(&quiet), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(posix_spawnp(&pid, "openssl", &quiet, NULL, given, environ), 0);
    posix_spawn_file_actions_destroy(&quiet);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void make_certificate(const struct secure *self)
{
    run_openssl((const char *[]){"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                                 "-nodes", "-days", "1", "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1",
                                 "-keyout", self->key, "-out", self->cert, NULL});
}

static void start_secure(struct secure *self)
{
    scratch_make(&self->scratch);
    scratch_path(&self->scratch, "cert.pem", self->cert);
    scratch_path(&self->scratch, "key.pem", self->key);
    make_certificate(self);
    (void)snprintf(self->port, sizeof(self->port), "%d", redis_server_free_port());
    redis_server_start(&self->server, ARGUMENTS("--tls-port", self->port, "--tls-cert-file", self->cert,
                                                "--tls-key-file", self->key, "--tls-ca-cert-file", self->cert));
    (void)snprintf(self->url, sizeof(self->url), "rediss://127.0.0.1:%s", self->port);
}

static struct kv_redis_options secure_options_of(const struct secure *self)
{
    struct kv_redis_options options = options_of(&self->server);

    options.url = self->url;
    options.ca_file = self->cert;
    options.cert_file = self->cert;
    options.key_file = self->key;
    return options;
}

static void stop_secure(struct secure *self)
{
    redis_server_free(&self->server);
    scratch_remove(&self->scratch);
}

static void a_redis_in_tls_is_as_good_as_one_in_the_clear(void **state)
{
    struct secure secure;
    struct fixture fixture;
    struct looking looking = {0};

    UNUSED(state);
    start_secure(&secure);
    arena_init(&fixture.arena, 0);
    const struct kv_redis_options options = secure_options_of(&secure);
    struct kv *kv = open_with(&options);
    put(kv, "item/1", "100");
    fill(kv);
    looking.kv = kv;
    assert_int_equal(kv->scan(kv, STR("blob/"), STR(""), SIZE_MAX, put_while_looking, &looking), OK);
    assert_int_equal(looking.n, 40);
    redis_server_kill(&secure.server, SIGKILL);
    redis_server_again(&secure.server);
    put(kv, "item/2", "1");
    assert_value(&fixture, kv, "item/1", "100");
    kv->close(kv);
    arena_free(&fixture.arena);
    stop_secure(&secure);
}

static void a_certificate_that_is_not_believed_is_refused_with_the_reason(void **state)
{
    struct secure secure;
    char url[REDIS_URL_SIZE];
    char old[SCRATCH_PATH_SIZE];

    UNUSED(state);
    start_secure(&secure);
    struct kv_redis_options options = secure_options_of(&secure);
    options.ca_file = NULL;
    assert_refused(&options, E_SYSTEM, "(self-signed certificate)");
    options.ca_file = secure.key;
    assert_refused(&options, E_SYSTEM, "no authority's certificate");
    options.ca_file = secure.cert;
    options.cert_file = NULL;
    assert_refused(&options, E_SYSTEM, "go together");
    options.key_file = NULL;
    assert_refused(&options, E_SYSTEM, "certificate required");
    options = secure_options_of(&secure);
    (void)snprintf(url, sizeof(url), "rediss://localhost:%s", secure.port);
    options.url = url;
    assert_refused(&options, E_SYSTEM, "(hostname mismatch)");
    scratch_path(&secure.scratch, "old.pem", old);
    run_openssl((const char *[]){"openssl", "x509", "-in", secure.cert, "-signkey", secure.key, "-days", "-1", "-out",
                                 old, NULL});
    REDIS_TELL(&secure.server, "CONFIG", "SET", "tls-cert-file", old);
    options = secure_options_of(&secure);
    options.ca_file = old;
    assert_refused(&options, E_SYSTEM, "(certificate has expired)");
    stop_secure(&secure);
}

/* --- a Redis Cluster --- */

enum { NODES = 2, CELLS = 8, PORT_SIZE = 8 };

static void start_nodes(struct redis_server *nodes, char bus[NODES][PORT_SIZE])
{
    static const char *const slots[NODES][2] = {{"0", "8191"}, {"8192", "16383"}};
    char port[PORT_SIZE];

    for (size_t i = 0; i < NODES; i++) {
        (void)snprintf(bus[i], PORT_SIZE, "%d", redis_server_free_port());
        redis_server_start(&nodes[i], ARGUMENTS("--cluster-enabled", "yes", "--cluster-port", bus[i]));
        REDIS_TELL(&nodes[i], "CLUSTER", "ADDSLOTSRANGE", slots[i][0], slots[i][1]);
    }
    (void)snprintf(port, sizeof(port), "%d", nodes[1].port);
    REDIS_TELL(&nodes[0], "CLUSTER", "MEET", "127.0.0.1", port, bus[1]);
}

static int64_t keys_at(const struct redis_server *server)
{
    redisContext *context = redisConnect("127.0.0.1", server->port);
    redisReply *reply = redisCommand(context, "DBSIZE");
    int64_t n = reply->integer;

    freeReplyObject(reply);
    redisFree(context);
    return n;
}

static void each_cell_is_found_at_its_node_of_a_cluster_whichever_is_asked(void **state)
{
    struct redis_server nodes[NODES];
    char bus[NODES][PORT_SIZE];
    struct fixture fixture;
    char cell[16];

    UNUSED(state);
    start_nodes(nodes, bus);
    arena_init(&fixture.arena, 0);
    for (int i = 0; i < CELLS; i++) {
        struct kv_redis_options options = options_of(&nodes[i % NODES]);
        size_t n = 0;
        (void)snprintf(cell, sizeof(cell), "stock:%d", i);
        options.cell = cell;
        struct kv *kv = open_with(&options);
        put(kv, "item/1", cell);
        assert_value(&fixture, kv, "item/1", cell);
        assert_int_equal(kv->scan(kv, STR("item/"), STR(""), MANY, count_one, &n), OK);
        assert_int_equal(n, 1);
        kv->close(kv);
    }
    int64_t first = keys_at(&nodes[0]);
    int64_t second = keys_at(&nodes[1]);
    assert_int_equal(first + second, CELLS * 3);
    assert_true(first > 0 && second > 0);
    arena_free(&fixture.arena);
    for (size_t i = 0; i < NODES; i++)
        redis_server_free(&nodes[i]);
}

#define T(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_redis_that_could_lose_data_is_refused_and_the_setting_is_named),
        cmocka_unit_test(a_replica_is_refused),
        cmocka_unit_test(a_password_that_is_wanted_and_not_given_is_said),
        cmocka_unit_test(an_address_that_is_none_is_refused),
        T(nobody_at_the_address_is_said_after_the_patience),
        T(a_redis_older_than_7_is_refused),
        T(a_wrong_password_is_refused_and_never_shown),
        T(another_services_data_and_a_newer_format_are_refused),
        T(functions_that_somebody_changed_are_refused),
        T(an_older_format_is_brought_up_to_date_once),
        T(whoever_opens_last_may_write_and_nobody_before),
        T(a_look_tells_who_was_fenced_off_before_it_writes),
        T(a_store_that_is_held_is_not_taken_by_another_holder_and_by_the_same_at_once),
        T(who_commits_or_looks_goes_on_holding_the_store_also_a_full_one),
        T(a_holder_that_was_fenced_off_does_not_take_the_hold_of_who_fenced_it),
        T(a_look_tells_that_redis_is_away_or_has_lost_something),
        T(a_stale_token_neither_opens_nor_commits),
        T(what_was_committed_survives_kill_9_and_the_store_goes_on),
        T(kills_under_load_lose_nothing_and_the_writer_hears_of_none),
        T(a_redis_that_is_away_before_anything_was_sent_is_unavailable),
        T(a_redis_that_hangs_under_way_leaves_the_outcome_unknown_until_it_is_opened_again),
        T(a_commit_that_is_sent_twice_is_made_once),
        T(a_full_redis_takes_removals_only_and_can_be_opened),
        T(settings_that_are_changed_while_it_runs_are_noticed_before_a_commit),
        T(a_redis_whose_disk_takes_nothing_is_full),
        T(a_redis_that_was_emptied_takes_nothing_more),
        T(data_that_was_put_back_older_is_noticed),
        T(functions_that_were_removed_are_loaded_again),
        T(a_value_that_was_changed_behind_our_back_is_damage),
        T(a_long_scan_is_one_view_or_fails),
        cmocka_unit_test(a_redis_in_tls_is_as_good_as_one_in_the_clear),
        cmocka_unit_test(a_certificate_that_is_not_believed_is_refused_with_the_reason),
        cmocka_unit_test(each_cell_is_found_at_its_node_of_a_cluster_whichever_is_asked),
    };

    if (redis_server_skips("what the adapter promises"))
        return SKIPPED_STATUS;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
