#include "membership_world.h"

#include "base.h"
#include "buf.h"
#include "clock.h"
#include "errors.h"
#include "fake_membership.h"
#include "kv_redis.h"
#include "membership_postgres.h"
#include "membership_redis.h"
#include "postgres_server.h"
#include "redis_server.h"
#include "sql.h"
#include "sql_engine.h"

#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NAME_SIZE = 32, TEXT_SIZE = 512, LOOK_MS = 20, LIMIT_MS = 30000, RACES = 25 };

/* Whoever has opened a cell's state, in a store that lets one alone write. */
struct writer {
    struct sql *sql;
    struct kv *kv;
};

static struct {
    bool postgres, redis; /* neither: in memory */
    struct redis_server server;
    int n; /* services so far */
    char service[NAME_SIZE];
    char store[NAME_SIZE]; /* where the cells' state is */
    struct fake_membership_store fake;
    struct writer taken; /* the cell that we have opened */
} world;

static bool is_fake(void)
{
    return !world.postgres && !world.redis;
}

void membership_world_start(int argc, char **argv)
{
    world.redis = argc > 1 && strcmp(argv[1], "redis") == 0;
    if (world.redis && redis_server_skips("membership"))
        exit(SKIPPED_STATUS);
    if (world.redis) {
        redis_server_start(&world.server, NULL);
        return;
    }
    sql_engine_start(argc, argv);
    world.postgres = sql_engine_is_postgres();
}

void membership_world_end(void)
{
    if (world.redis)
        redis_server_free(&world.server);
    else
        sql_engine_stop();
}

void membership_world_reset(void)
{
    world.fake = (struct fake_membership_store){.n_cells = WORLD_CELLS, .lost_ms = WORLD_LOST_MS};
    snprintf(world.service, sizeof(world.service), "service%d", ++world.n);
    snprintf(world.store, sizeof(world.store), "store%d", world.n);
}

static struct membership *try_to_open(size_t n_cells, struct buf *problem, int *error)
{
    const struct membership_postgres_options postgres = {
        .server = postgres_server_url(), .service = world.service, .n_cells = n_cells, .lost_ms = WORLD_LOST_MS};

    const struct membership_redis_options redis = {
        .url = world.server.url, .service = world.service, .n_cells = n_cells, .lost_ms = WORLD_LOST_MS};

    if (is_fake())
        return fake_membership_new(&world.fake);
    if (world.redis)
        return membership_redis_open(&redis, problem, error);
    return membership_postgres_open(&postgres, problem, error);
}

struct membership *membership_world_open(void)
{
    struct buf problem = {0};
    int error = 0;
    struct membership *member = try_to_open(WORLD_CELLS, &problem, &error);

    if (!member)
        fail_msg("%.*s", STR_ARG(buf_str(&problem)));
    buf_free(&problem);
    return member;
}

void membership_world_assert_refused(size_t n_cells, int expected, const char *words)
{
    struct buf problem = {0};
    int error = 0;

    if (is_fake())
        return;
    assert_null(try_to_open(n_cells, &problem, &error));
    assert_int_equal(error, expected);
    buf_char(&problem, '\0');
    if (!strstr(problem.p, words))
        fail_msg("%s", problem.p);
    buf_free(&problem);
}

/* --- time --- */

void membership_world_pass(struct membership *member)
{
    if (member)
        member->beat(member);
    if (is_fake())
        world.fake.now_ms += WORLD_LOST_MS / 10;
    else
        poll(NULL, 0, LOOK_MS);
}

int64_t membership_world_now(void)
{
    return is_fake() ? world.fake.now_ms : clock_monotonic() / US_PER_MS;
}

/* --- a cell's state, in a store that has one writer --- */

static const struct sql_migration cell_migrations[] = {{1, "CREATE TABLE done (n INTEGER PRIMARY KEY)"}};
static const struct sql_statement do_once = {"INSERT INTO done SELECT COALESCE(MAX(n), 0) + 1 FROM done", 0};

static struct sql *try_sql(struct buf *problem)
{
    const struct sql_options options = {.server = postgres_server_url(),
                                        .schema = world.store,
                                        .application = "cells-test",
                                        .migrations = cell_migrations,
                                        .n_migrations = COUNT_OF(cell_migrations),
                                        .alone = true,
                                        .silent_ms = WORLD_LOST_MS,
                                        .lost_ms = WORLD_LOST_MS};
    int error = 0;

    return postgres_open(&options, problem, &error);
}

static struct kv *try_kv(int64_t token, struct buf *problem)
{
    const struct kv_redis_options options = {
        .url = world.server.url, .cell = world.store, .application = "cells-test", .format = 1, .token = token};
    int error = 0;

    return kv_redis_open(&options, problem, &error);
}

/* Whoever had it may have it until its session ends; the member gives signs of life meanwhile. */
static struct writer open_cell(struct membership *member, int64_t token)
{
    int64_t latest = clock_monotonic() + LIMIT_MS * US_PER_MS;
    struct writer writer = {0};
    struct buf problem = {0};

    while (!writer.sql && !writer.kv && clock_monotonic() < latest) {
        buf_clear(&problem);
        if (world.redis)
            writer.kv = try_kv(token, &problem);
        else
            writer.sql = try_sql(&problem);
        if (!writer.sql && !writer.kv)
            membership_world_pass(member);
    }
    buf_free(&problem);
    return writer;
}

static int commit_to(const struct writer *writer)
{
    const struct kv_entry entry = {.key = STR("done"), .value = STR("1")};

    if (writer->kv)
        return writer->kv->commit(writer->kv, &entry, 1);
    ASSERT(writer->sql);
    int error = writer->sql->begin(writer->sql);
    return error ? error : sql_end(writer->sql, sql_exec(writer->sql, &do_once, NULL));
}

void membership_world_take(struct membership *member, int64_t change)
{
    if (is_fake())
        return;
    world.taken = open_cell(member, change);
    assert_int_equal(commit_to(&world.taken), OK);
}

void membership_world_release(void)
{
    if (world.taken.sql)
        world.taken.sql->close(world.taken.sql);
    if (world.taken.kv)
        world.taken.kv->close(world.taken.kv);
    world.taken = (struct writer){0};
}

/* --- a member that is a process --- */

/* Never returns. Told by a letter what to do; answers with an errors.h code. */
static _Noreturn void be_other(int fd, int cell)
{
    struct claim claim = {.cell = cell};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct membership *member = membership_world_open();
    int said = member->join(member, "10.0.0.9:8081");
    if (!said)
        said = member->own(member, &claim, 1);
    if (said || !claim.granted)
        _exit(1);
    struct writer writer = open_cell(member, claim.change);
    struct pollfd asked = {.fd = fd, .events = POLLIN};
    while (write(fd, &said, sizeof(said)) == sizeof(said)) {
        while (poll(&asked, 1, WORLD_LOST_MS / 4) == 0) {
            member->beat(member);
            if (writer.sql)
                writer.sql->look(writer.sql);
        }
        char letter = 0;
        if (read(fd, &letter, 1) != 1)
            break;
        said = letter == 'c' ? commit_to(&writer) : member->beat(member);
    }
    _exit(0);
}

static int answer_of(const struct other *other)
{
    int said = E_SYSTEM;

    assert_int_equal(read(other->fd, &said, sizeof(said)), sizeof(said));
    return said;
}

static int ask(const struct other *other, char letter)
{
    assert_int_equal(write(other->fd, &letter, 1), 1);
    return answer_of(other);
}

struct other membership_world_other(int cell)
{
    struct claim claim = {.cell = cell};
    struct other other = {.cell = cell};
    int ends[2];

    if (is_fake()) {
        other.member = membership_world_open();
        assert_int_equal(other.member->join(other.member, "10.0.0.9:8081"), OK);
        assert_int_equal(other.member->own(other.member, &claim, 1), OK);
        other.change = claim.change;
        return other;
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    other.pid = fork();
    assert_true(other.pid >= 0);
    if (other.pid == 0)
        be_other(ends[1], cell);
    close(ends[1]);
    other.fd = ends[0];
    assert_int_equal(answer_of(&other), OK);
    return other;
}

void membership_world_kill(struct other *other)
{
    if (other->member) {
        other->member->close(other->member);
        return;
    }
    assert_int_equal(kill(other->pid, SIGKILL), 0);
    assert_int_equal(waitpid(other->pid, NULL, 0), other->pid);
    close(other->fd);
}

void membership_world_stop(struct other *other)
{
    if (!other->member)
        assert_int_equal(kill(other->pid, SIGSTOP), 0);
}

void membership_world_continue(struct other *other)
{
    if (!other->member)
        assert_int_equal(kill(other->pid, SIGCONT), 0);
}

int membership_world_commit_of(struct other *other)
{
    if (other->member)
        return world.fake.cells[other->cell].change == other->change ? OK : E_CONFLICT;
    return ask(other, 'c');
}

int membership_world_beat_of(struct other *other)
{
    return other->member ? other->member->beat(other->member) : ask(other, 'b');
}

/* --- the server --- */

bool membership_world_cut(struct membership *member)
{
    char schema[NAME_SIZE * 2];
    char text[TEXT_SIZE];

    if (is_fake()) {
        fake_membership_cut(member);
        return true;
    }
    if (world.redis) {
        REDIS_TELL(&world.server, "CLIENT", "KILL", "TYPE", "normal");
        return false;
    }
    /* the first that has joined, by its lock */
    snprintf(schema, sizeof(schema), "%s_cells", world.service);
    snprintf(text, sizeof(text),
             "SELECT pg_terminate_backend(pid, 10000) FROM (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND "
             "objsubid = 2 AND classid = %lld ORDER BY objid LIMIT 1) AS first",
             (long long)(str_hash(str_of(schema)) & INT32_MAX));
    PGconn *operator= PQconnectdb(postgres_server_url());
    PGresult *result = PQexec(operator, text);
    assert_int_equal(PQntuples(result), 1);
    PQclear(result);
    PQfinish(operator);
    return true;
}

void membership_world_away(void)
{
    world.fake.away = true;
    if (world.postgres)
        postgres_server_halt(SIGINT);
    if (world.redis)
        redis_server_kill(&world.server, SIGKILL);
}

void membership_world_back(void)
{
    world.fake.away = false;
    if (world.postgres)
        postgres_server_resume();
    if (world.redis)
        redis_server_again(&world.server);
}

/* --- at once --- */

struct racer {
    struct membership *member;
    struct claim claims[WORLD_CELLS];
    int error;
};

static void *claim_all(void *context)
{
    struct racer *racer = context;

    for (int i = 0; i < WORLD_CELLS; i++)
        racer->claims[i] = (struct claim){.cell = i};
    racer->error = racer->member->own(racer->member, racer->claims, WORLD_CELLS);
    return NULL;
}

static void give_up_all(struct racer *racer)
{
    int cells[WORLD_CELLS];

    for (int i = 0; i < WORLD_CELLS; i++)
        cells[i] = i;
    assert_int_equal(racer->member->disown(racer->member, cells, WORLD_CELLS), OK);
}

void membership_world_race(struct membership *a, struct membership *b)
{
    struct racer racers[] = {{.member = a}, {.member = b}};
    pthread_t thread;

    for (int i = 0; i < RACES; i++) {
        assert_int_equal(pthread_create(&thread, NULL, claim_all, &racers[0]), 0);
        if (is_fake()) /* it has no lock */
            pthread_join(thread, NULL);
        claim_all(&racers[1]);
        if (!is_fake())
            pthread_join(thread, NULL);
        for (int c = 0; c < WORLD_CELLS; c++)
            assert_int_equal(racers[0].claims[c].granted + racers[1].claims[c].granted, 1);
        assert_int_equal(racers[0].error || racers[1].error, 0);
        give_up_all(&racers[0]);
        give_up_all(&racers[1]);
    }
}
