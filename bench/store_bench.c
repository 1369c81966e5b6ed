/* How fast each store commits durably, by size of batch, beside what the disk itself can do in the same run.
 *
 *      store_bench [DIRECTORY [SECONDS [POSTGRES [REDIS]]]]        (the current directory, 1 s a figure, no servers)
 *
 * POSTGRES is the address of a database without a schema "bench", which is left there; "-" is none.
 * REDIS is one as kv_redis.h wants it, whose keys {bench:0}:* are overwritten and left there.
 *
 * A row is about what an order and its events are: 300 bytes. The figures are orders per second; a batch is one commit.
 */
#include "buf.h"
#include "checksum.h"
#include "clock.h"
#include "kv_changes.h"
#include "kv_redis.h"
#include "sql.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROW = 300, LARGEST = 256, PAGE = 4096 };
static const int64_t MAP_SIZE = INT64_C(8) * 1024 * 1024 * 1024;

static const struct sql_migration migrations[] = {
    {1, "CREATE TABLE orders (id INTEGER PRIMARY KEY, row TEXT NOT NULL);"
        "CREATE TABLE outbox (first INTEGER PRIMARY KEY, frames BLOB NOT NULL)"}};
static const struct sql_statement insert_order = {"INSERT INTO orders (id, row) VALUES ($1, $2)", 2};
static const struct sql_statement insert_batch = {"INSERT INTO outbox (first, frames) VALUES ($1, $2)", 2};

static char row[ROW];
static char frames[ROW * LARGEST];

/* What is measured; run() does one durable commit of `batch` orders, the first being number `first`. */
struct subject {
    const char *name;
    bool (*run)(struct subject *self, int64_t first, int64_t batch);
    struct sql *sql;
    struct kv *kv;
    struct arena arena;
    int fd;
};

static bool run_disk(struct subject *self, int64_t first, int64_t batch)
{
    char page[PAGE] = {(char)first};
    size_t n = ((size_t)batch * 2 * ROW + PAGE - 1) / PAGE;

    for (size_t i = 0; i < n; i++) {
        if (write(self->fd, page, sizeof(page)) != (ssize_t)sizeof(page))
            return false;
    }
    return fdatasync(self->fd) == 0;
}

static bool run_sql(struct subject *self, int64_t first, int64_t batch)
{
    struct sql *sql = self->sql;
    struct sql_value params[LARGEST * 2];
    const struct sql_value outbox[] = {SQL_N(first), SQL_B(((struct str){frames, (size_t)batch * ROW}))};

    for (int64_t i = 0; i < batch; i++) {
        params[i * 2] = SQL_N(first + i);
        params[i * 2 + 1] = SQL_S(((struct str){row, sizeof(row)}));
    }
    return sql->begin(sql) == 0 && sql->exec_many(sql, &insert_order, params, (size_t)batch) == 0 &&
           sql_exec(sql, &insert_batch, outbox) == 0 && sql->commit(sql) == 0;
}

static struct str key_of(struct arena *arena, char prefix, int64_t number)
{
    char *key = arena_alloc(arena, 1 + sizeof(number));

    if (!key)
        return (struct str){NULL, 0};
    key[0] = prefix;
    for (int shift = 56, i = 1; shift >= 0; shift -= 8, i++)
        key[i] = (char)((uint64_t)number >> shift);
    return (struct str){key, 1 + sizeof(number)};
}

static bool run_kv(struct subject *self, int64_t first, int64_t batch)
{
    struct kv_changes changes = {.arena = &self->arena};

    arena_reset(&self->arena);
    for (int64_t i = 0; i < batch; i++)
        kv_changes_put(&changes, key_of(&self->arena, 'o', first + i), (struct str){row, sizeof(row)});
    kv_changes_put(&changes, key_of(&self->arena, 'e', first), (struct str){frames, (size_t)batch * ROW});
    return kv_changes_commit(&changes, self->kv) == 0;
}

/* Orders per second; negative when it failed. */
static double measure(struct subject *subject, int64_t *next, int64_t batch, int64_t duration)
{
    int64_t start = clock_monotonic();
    int64_t first = *next;
    int64_t elapsed;

    do {
        if (!subject->run(subject, *next, batch))
            return -1;
        *next += batch;
        elapsed = clock_monotonic() - start;
    } while (elapsed < duration);
    return (double)(*next - first) * (double)US_PER_S / (double)elapsed;
}

static bool measure_all(struct subject *subjects, size_t n, int64_t duration)
{
    static const int64_t batches[] = {1, 8, 64, LARGEST};
    int64_t next[8] = {1, 1, 1, 1, 1, 1, 1, 1}; /* at least as many as there are subjects */

    printf("%-8s %12s %12s %10s\n", "store", "batch", "orders/s", "commits/s");
    for (size_t i = 0; i < COUNT_OF(batches); i++) {
        for (size_t s = 0; s < n; s++) { /* interleaved, so that a slow minute of the disk hits all */
            double rate = measure(&subjects[s], &next[s], batches[i], duration);
            if (rate < 0)
                return false;
            printf("%-8s %12lld %12.0f %10.0f\n", subjects[s].name, (long long)batches[i], rate,
                   rate / (double)batches[i]);
        }
    }
    return true;
}

/* What a checkpoint pays for each page that it copies, and a reader for each that isn't in its cache. */
static void measure_checksum(void)
{
    enum { TIMES = 1000000 };
    char page[PAGE] = {0};
    uint64_t sum = 0;
    int64_t start = clock_monotonic();

    for (int i = 0; i < TIMES; i++) {
        memcpy(page, &sum, sizeof(sum));
        sum = checksum_of(page, sizeof(page), (uint64_t)i);
    }
    printf("checksum of a page: %lld ns (%llx)\n", (long long)(clock_monotonic() - start) * 1000 / TIMES,
           (unsigned long long)sum);
}

static void remove_files(void)
{
    static const char *const names[] = {"bench.raw",    "bench.db",   "bench.db-wal",
                                        "bench.db-shm", "bench.lmdb", "bench.lmdb-lock"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(names[i]);
}

static void close_subject(struct subject *subject)
{
    if (subject->sql)
        subject->sql->close(subject->sql);
    else if (subject->kv)
        subject->kv->close(subject->kv);
    else if (subject->fd >= 0)
        close(subject->fd);
    arena_free(&subject->arena);
}

int main(int argc, char **argv)
{
    const char *server = argc > 3 && strcmp(argv[3], "-") != 0 ? argv[3] : NULL;
    const struct kv_redis_options redis = {
        .url = argc > 4 ? argv[4] : NULL, .cell = "bench:0", .application = "bench", .format = 1};
    const struct sql_options sql = {.path = "bench.db",
                                    .alone = true,
                                    .server = server,
                                    .application = "bench",
                                    .migrations = migrations,
                                    .n_migrations = COUNT_OF(migrations)};
    const struct kv_options kv = {.path = "bench.lmdb", .application = "bench", .format = 1, .map_size = MAP_SIZE};
    int64_t seconds = 1;
    struct buf problem = {0};
    int error = 0;

    if ((argc > 1 && chdir(argv[1]) != 0) || (argc > 2 && (!str_to_i64(str_of(argv[2]), &seconds) || seconds < 1))) {
        fputs("usage: store_bench [DIRECTORY [SECONDS [POSTGRES [REDIS]]]]\n", stderr);
        return 2;
    }
    memset(row, 'x', sizeof(row)); /* PostgreSQL's texts have no zero bytes */
    remove_files();
    struct subject subjects[] = {
        {.name = "disk", .run = run_disk, .fd = open("bench.raw", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)},
        {.name = "sqlite", .run = run_sql, .sql = sqlite_open(&sql, &problem, &error)},
        {.name = "lmdb", .run = run_kv, .kv = kv_lmdb_open(&kv, &problem, &error)},
        {0},
        {0},
    };
    size_t n = 3;
    if (server)
        subjects[n++] =
            (struct subject){.name = "postgres", .run = run_sql, .sql = postgres_open(&sql, &problem, &error)};
    if (redis.url)
        subjects[n++] = (struct subject){.name = "redis", .run = run_kv, .kv = kv_redis_open(&redis, &problem, &error)};
    bool well = subjects[0].fd >= 0;
    for (size_t i = 1; i < n; i++)
        well = well && (subjects[i].sql || subjects[i].kv);
    if (!well)
        fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&problem)));
    measure_checksum();
    well = well && measure_all(subjects, n, seconds * US_PER_S);
    for (size_t i = 0; i < n; i++)
        close_subject(&subjects[i]);
    buf_free(&problem);
    remove_files();
    return well ? 0 : 1;
}
