/* A real PgBouncer between us and a real PostgreSQL: who needs its session to itself must not be given others'. */
#include "base.h"
#include "buf.h"
#include "clock.h"
#include "errors.h"
#include "postgres_server.h"
#include "sql.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77, TEXT_SIZE = 1024, PATH_SIZE = 64, START_MS = 30000, LOOK_MS = 20, NUMBER_SIZE = 8 };

static const char program[] = "/usr/sbin/pgbouncer";
static const struct sql_migration migrations[] = {{1, "CREATE TABLE item (id INTEGER PRIMARY KEY)"}};
static const struct sql_statement insert = {"INSERT INTO item (id) VALUES ($1)", 1};

static struct {
    char dir[PATH_SIZE];
    char file[PATH_SIZE + NUMBER_SIZE];
    char url[TEXT_SIZE];
    pid_t pid;
} proxy;

static void say_skipped(const char *why)
{
    const char *ci = getenv("CI");

    fprintf(stderr, "SKIPPED (PgBouncer): %s\n", why);
    exit(ci && strcmp(ci, "true") == 0 ? EXIT_FAILURE : SKIPPED);
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&address, n) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* postgresql://USER:PASSWORD@127.0.0.1:PORT/DATABASE */
static int server_port(void)
{
    const char *colon = strrchr(postgres_server_url(), ':');

    assert_non_null(colon);
    return (int)strtol(colon + 1, NULL, 10);
}

static void write_settings(const char *mode, int port)
{
    snprintf(proxy.dir, sizeof(proxy.dir), "/tmp/coffeeshop-pgbouncer-XXXXXX");
    assert_non_null(mkdtemp(proxy.dir));
    assert_int_equal(chmod(proxy.dir, 0755), 0);
    snprintf(proxy.file, sizeof(proxy.file), "%s/ini", proxy.dir);
    FILE *file = fopen(proxy.file, "w");
    assert_non_null(file);
    fprintf(file,
            "[databases]\npostgres = host=127.0.0.1 port=%d user=shop password=%s\n"
            "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = any\n"
            "pool_mode = %s\n",
            server_port(), postgres_server_password(), port, mode);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(proxy.file, 0644), 0);
}

static void become_proxy(void)
{
    char *as_root[] = {"pgbouncer", "-q", "-u", "nobody", proxy.file, NULL};
    char *as_user[] = {"pgbouncer", "-q", proxy.file, NULL};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execv(program, geteuid() == 0 ? as_root : as_user);
    _exit(127);
}

static void start_proxy(const char *mode)
{
    int64_t latest = clock_monotonic() + START_MS * US_PER_MS;
    int port = free_port();

    write_settings(mode, port);
    snprintf(proxy.url, sizeof(proxy.url), "postgresql://shop@127.0.0.1:%d/postgres", port);
    proxy.pid = fork();
    assert_true(proxy.pid >= 0);
    if (proxy.pid == 0)
        become_proxy();
    while (PQping(proxy.url) != PQPING_OK) {
        assert_int_equal(waitpid(proxy.pid, NULL, WNOHANG), 0);
        assert_true(clock_monotonic() < latest);
        poll(NULL, 0, LOOK_MS);
    }
}

static int stop_proxy(void **state)
{
    UNUSED(state);
    if (proxy.pid > 0) {
        kill(proxy.pid, SIGKILL);
        waitpid(proxy.pid, NULL, 0);
    }
    proxy.pid = 0;
    unlink(proxy.file);
    rmdir(proxy.dir);
    return 0;
}

static struct sql *open_alone(const char *server, struct buf *problem, int *error)
{
    const struct sql_options options = {.server = server,
                                        .application = "order",
                                        .migrations = migrations,
                                        .n_migrations = COUNT_OF(migrations),
                                        .alone = true};

    return postgres_open(&options, problem, error);
}

static void assert_refused(const char *mode)
{
    struct buf problem = {0};
    int error = 0;

    start_proxy(mode);
    assert_null(open_alone(proxy.url, &problem, &error));
    assert_int_equal(error, E_SYSTEM);
    buf_char(&problem, '\0');
    if (!strstr(problem.p, "have the proxy pool by session"))
        fail_msg("%s", problem.p);
    buf_free(&problem);
}

static void a_proxy_that_pools_by_transaction_is_refused_with_what_to_do(void **state)
{
    UNUSED(state);
    assert_refused("transaction");
}

static void a_proxy_that_pools_by_statement_is_refused_too(void **state)
{
    UNUSED(state);
    assert_refused("statement");
}

static void who_only_needs_its_session_to_end_in_time_is_refused_there_too(void **state)
{
    struct buf problem = {0};
    const struct sql_options options = {.application = "order",
                                        .server = proxy.url,
                                        .migrations = migrations,
                                        .n_migrations = COUNT_OF(migrations),
                                        .lost_ms = START_MS};
    int error = 0;

    UNUSED(state);
    start_proxy("transaction");
    assert_null(postgres_open(&options, &problem, &error));
    assert_int_equal(error, E_SYSTEM);
    buf_free(&problem);
}

static void by_a_proxy_that_pools_by_session_one_writes_alone(void **state)
{
    const struct sql_value id = SQL_N(1);
    struct buf problem = {0};
    int error = 0;

    UNUSED(state);
    start_proxy("session");
    struct sql *sql = open_alone(proxy.url, &problem, &error);
    ASSERT(sql);
    assert_int_equal(sql_exec(sql, &insert, &id), OK);
    assert_null(open_alone(proxy.url, &problem, &error));
    assert_int_equal(error, E_UNAVAILABLE);
    assert_null(open_alone(postgres_server_url(), &problem, &error));
    assert_int_equal(error, E_UNAVAILABLE);
    sql->close(sql);
    buf_free(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_proxy_that_pools_by_transaction_is_refused_with_what_to_do, stop_proxy),
        cmocka_unit_test_teardown(a_proxy_that_pools_by_statement_is_refused_too, stop_proxy),
        cmocka_unit_test_teardown(who_only_needs_its_session_to_end_in_time_is_refused_there_too, stop_proxy),
        cmocka_unit_test_teardown(by_a_proxy_that_pools_by_session_one_writes_alone, stop_proxy),
    };
    const char *missing = postgres_server_missing();

    if (missing || access(program, X_OK) != 0)
        say_skipped(missing ? missing : "there is no /usr/sbin/pgbouncer; tools/setup test installs it");
    postgres_server_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    postgres_server_stop();
    return failed;
}
