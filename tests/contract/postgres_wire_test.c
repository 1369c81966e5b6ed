/* What goes over the wire to PostgreSQL: how often somebody has to wait for it, and what is made of what comes back. A
 * proxy stands between the adapter and a real server; it counts turns, and can change what the server says of itself.
 */
#include "base.h"
#include "errors.h"
#include "postgres_server.h"
#include "sql.h"
#include "sql_engine.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PIECE = 65536, ADDRESS_SIZE = 256, MANY = 64 };

static const struct sql_migration migrations[] = {{1, "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)"}};
static const struct sql_statement insert = {"INSERT INTO item (id, name) VALUES ($1, $2)", 2};
static const struct sql_statement find = {"SELECT name FROM item WHERE id = $1", 1};

/* --- the proxy: one connection at a time --- */

struct proxy {
    int listener;
    int server_port;
    char address[ADDRESS_SIZE];
    bool says_14;
    atomic_int turns; /* how often the client has begun to speak after the server had */
    bool server_spoke;
    atomic_int client; /* whom it serves, or -1 */
    pthread_t thread;
};

static int connect_to(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

/* "15.18" becomes "14.18", where it stands behind its name. */
static void make_older(char *p, size_t n)
{
    static const char name[] = "server_version"; /* with its zero byte */
    char *at = memmem(p, n, name, sizeof(name));

    if (at && at + sizeof(name) + 2 <= p + n)
        at[sizeof(name) + 1] = '4';
}

static bool pass_on(struct proxy *proxy, int from, int to, bool by_server)
{
    static char piece[PIECE];
    ssize_t n = read(from, piece, sizeof(piece));

    if (n <= 0)
        return false;
    if (by_server && proxy->says_14)
        make_older(piece, (size_t)n);
    if (!by_server && proxy->server_spoke)
        atomic_fetch_add(&proxy->turns, 1);
    proxy->server_spoke = by_server;
    return write(to, piece, (size_t)n) == n;
}

static void serve(struct proxy *proxy, int client)
{
    int server = connect_to(proxy->server_port);
    struct pollfd fds[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    bool open = true;

    while (open && poll(fds, 2, -1) > 0) {
        if (fds[0].revents)
            open = pass_on(proxy, client, server, false);
        if (open && fds[1].revents)
            open = pass_on(proxy, server, client, true);
    }
    close(server);
}

static void *run_proxy(void *context)
{
    struct proxy *proxy = context;

    for (int client; (client = accept(proxy->listener, NULL, NULL)) >= 0;) {
        atomic_store(&proxy->client, client);
        serve(proxy, client);
        atomic_store(&proxy->client, -1);
        close(client);
    }
    return NULL;
}

static int set_up(void **state)
{
    struct proxy *proxy = test_calloc(1, sizeof(*proxy));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(address);
    char before[ADDRESS_SIZE];

    atomic_init(&proxy->client, -1);
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, n), 0);
    assert_int_equal(listen(proxy->listener, 1), 0);
    assert_int_equal(getsockname(proxy->listener, (struct sockaddr *)&address, &n), 0);
    /* the server's address with the proxy's port: postgresql://USER:PASSWORD@127.0.0.1:PORT/DATABASE */
    snprintf(before, sizeof(before), "%s", postgres_server_url());
    char *port = strrchr(before, ':');
    assert_non_null(port);
    char *rest = NULL;
    proxy->server_port = (int)strtol(port + 1, &rest, 10);
    *port = '\0';
    assert_in_range(snprintf(proxy->address, ADDRESS_SIZE, "%s:%d%s", before, ntohs(address.sin_port), rest), 1,
                    ADDRESS_SIZE - 1);
    assert_int_equal(pthread_create(&proxy->thread, NULL, run_proxy, proxy), 0);
    *state = proxy;
    return 0;
}

static int tear_down(void **state)
{
    struct proxy *proxy = *state;

    int client = atomic_load(&proxy->client);
    shutdown(proxy->listener, SHUT_RDWR); /* accept() returns */
    if (client >= 0)                      /* left by a test that failed */
        shutdown(client, SHUT_RDWR);
    pthread_join(proxy->thread, NULL);
    close(proxy->listener);
    test_free(proxy);
    return 0;
}

static struct sql *open_by(const struct proxy *proxy, struct buf *problem, int *error)
{
    const struct sql_options options = {.server = proxy->address,
                                        .application = "order",
                                        .migrations = migrations,
                                        .n_migrations = COUNT_OF(migrations)};

    return postgres_open(&options, problem, error);
}

static struct sql *open_well(const struct proxy *proxy)
{
    struct buf problem = {0};
    int error = 0;
    struct sql *sql = open_by(proxy, &problem, &error);

    if (!sql)
        fail_msg("%.*s", STR_ARG(buf_str(&problem)));
    return sql;
}

static int take_name(void *context, size_t index, const struct sql_row *row)
{
    UNUSED(index);
    *(size_t *)context += sql_text(row, 0).n;
    return 0;
}

/* How many turns it takes to write `n` rows from `first` on, and to read them again. */
static int turns_of(struct proxy *proxy, struct sql *sql, int64_t first, size_t n)
{
    struct sql_value rows[MANY * 2];
    struct sql_value ids[MANY];
    size_t length = 0;

    for (size_t i = 0; i < n; i++) {
        ids[i] = rows[i * 2] = SQL_N(first + (int64_t)i);
        rows[i * 2 + 1] = SQL_S(STR("abc"));
    }
    int before = atomic_load(&proxy->turns);
    assert_int_equal(sql->exec_many(sql, &insert, rows, n), OK);
    assert_int_equal(sql->query_many(sql, &find, ids, n, take_name, &length), OK);
    assert_int_equal(length, n * 3);
    return atomic_load(&proxy->turns) - before;
}

/* --- the tests --- */

static void many_rows_are_waited_for_as_often_as_one(void **state)
{
    struct proxy *proxy = *state;
    struct sql *sql = open_well(proxy);

    assert_int_equal(turns_of(proxy, sql, 1000, 1), 4); /* each of the two is prepared, and run */
    assert_int_equal(turns_of(proxy, sql, 1, 1), 2);
    assert_int_equal(turns_of(proxy, sql, 2, MANY), 2);
    sql->close(sql);
}

static void a_server_that_is_too_old_is_refused(void **state)
{
    struct proxy *proxy = *state;
    struct buf problem = {0};
    int error = 0;

    proxy->says_14 = true;
    assert_null(open_by(proxy, &problem, &error));
    assert_int_equal(error, E_SYSTEM);
    buf_char(&problem, '\0');
    assert_non_null(strstr(problem.p, "older than PostgreSQL 15"));
    buf_free(&problem);
}

#define TEST(test_) cmocka_unit_test_setup_teardown(test_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_rows_are_waited_for_as_often_as_one),
        TEST(a_server_that_is_too_old_is_refused),
    };
    char *words[] = {"postgres_wire_test", "postgres", NULL};

    sql_engine_start(2, words);
    int failed = cmocka_run_group_tests_name("postgres_wire", tests, NULL, NULL);
    sql_engine_stop();
    return failed;
}
