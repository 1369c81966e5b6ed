#include "postgres_server.h"

#include "base.h"
#include "buf.h"
#include "clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OLDEST = 15, PATH_SIZE = 256, LOOK_AGAIN_MS = 20 };
static const int64_t START_US = 60 * US_PER_S;
static const char password[] = "opensesame-4711";

static struct {
    char programs[PATH_SIZE]; /* where initdb and postgres are */
    char dir[PATH_SIZE / 4];
    char data[PATH_SIZE];
    char url[PATH_SIZE];
    char port[8];
    pid_t pid;
} server;

/* --- is there one? --- */

/* /usr/lib/postgresql/15/bin/postgres: where Debian has each version. */
static long version_in(const char *path)
{
    return strtol(path + strlen("/usr/lib/postgresql/"), NULL, 10);
}

const char *postgres_server_missing(void)
{
    glob_t found = {0};
    long best = 0;

    if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            long version = version_in(found.gl_pathv[i]);
            if (version < OLDEST || version <= best)
                continue;
            best = version;
            snprintf(server.programs, PATH_SIZE, "/usr/lib/postgresql/%ld/bin", version);
        }
    }
    globfree(&found);
    return best ? NULL : "there is no PostgreSQL 15 or later on this machine; tools/setup test installs it";
}

/* --- processes --- */

static const struct passwd *somebody(void)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("nobody") : NULL;

    ASSERT(geteuid() != 0 || user);
    return user;
}

/* In the child. Changing who one is takes back what was asked of the kernel, so that is asked last. */
static void become_its_user(void)
{
    const struct passwd *user = somebody();

    if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid)))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (chdir(server.dir))
        _exit(126);
    int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log >= 0 && dup2(log, STDOUT_FILENO) >= 0)
        dup2(log, STDERR_FILENO);
}

/* They look for each other beside the path by which they were called. */
static pid_t spawn(char **words)
{
    char program[PATH_SIZE * 2];

    snprintf(program, sizeof(program), "%s/%s", server.programs, words[0]);
    pid_t pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        words[0] = program;
        become_its_user();
        execv(program, words);
        _exit(127);
    }
    return pid;
}

static void show_log(void)
{
    char path[PATH_SIZE + 8];
    char line[1024];

    snprintf(path, sizeof(path), "%s/log", server.dir);
    FILE *log = fopen(path, "r");
    while (log && fgets(line, sizeof(line), log))
        fputs(line, stderr);
    if (log)
        fclose(log);
}

static void wait_for_end(pid_t pid, bool well)
{
    int status = 0;

    ASSERT(waitpid(pid, &status, 0) == pid);
    if (well && status != 0)
        show_log();
    ASSERT(!well || status == 0);
}

/* --- starting --- */

static void find_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ASSERT(fd >= 0 && bind(fd, (struct sockaddr *)&address, n) == 0);
    ASSERT(getsockname(fd, (struct sockaddr *)&address, &n) == 0);
    close(fd);
    snprintf(server.port, sizeof(server.port), "%d", ntohs(address.sin_port));
    snprintf(server.url, PATH_SIZE, "postgresql://shop:%s@127.0.0.1:%s/postgres", password, server.port);
}

static void make_directory(void)
{
    const struct passwd *user = somebody();
    char path[PATH_SIZE + 16];

    snprintf(server.dir, sizeof(server.dir), "/tmp/coffeeshop-postgres-XXXXXX");
    ASSERT(mkdtemp(server.dir));
    snprintf(server.data, PATH_SIZE, "%s/data", server.dir);
    snprintf(path, sizeof(path), "%s/password", server.dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ASSERT(fd >= 0 && write(fd, password, strlen(password)) > 0);
    close(fd);
    if (user)
        ASSERT(chown(server.dir, user->pw_uid, user->pw_gid) == 0 && chown(path, user->pw_uid, user->pw_gid) == 0);
}

static bool is_running(void)
{
    return server.pid && waitpid(server.pid, NULL, WNOHANG) == 0;
}

/* Nobody tells when it is ready, so it is asked; false: it has ended (the port was somebody else's after all). */
static bool answers(void)
{
    int64_t latest = clock_monotonic() + START_US;

    while (PQping(server.url) != PQPING_OK) {
        if (!is_running()) {
            server.pid = 0;
            return false;
        }
        ASSERT(clock_monotonic() < latest);
        poll(NULL, 0, LOOK_AGAIN_MS);
    }
    return true;
}

/* fsync is on, as always; but not by the command line, which nothing could overrule. */
static bool is_started(void)
{
    char *words[] = {"postgres",
                     "-D",
                     server.data,
                     "-p",
                     server.port,
                     "-h",
                     "127.0.0.1",
                     "-k",
                     server.dir,
                     "-c",
                     "shared_buffers=16MB",
                     "-c",
                     "max_connections=40",
                     "-c",
                     "recovery_init_sync_method=syncfs",
                     NULL};

    server.pid = spawn(words);
    return answers();
}

void postgres_server_resume(void)
{
    bool started = is_started();

    if (!started)
        show_log();
    ASSERT(started);
}

void postgres_server_start(void)
{
    enum { TIMES = 5 };
    bool started = false;
    char *words[] = {"initdb",
                     "-D",
                     server.data,
                     "-U",
                     "shop",
                     "--pwfile=password",
                     "-A",
                     "scram-sha-256",
                     "-E",
                     "UTF8",
                     "--locale=C.UTF-8",
                     "--no-sync",
                     "-N",
                     NULL};

    ASSERT(!postgres_server_missing());
    make_directory();
    wait_for_end(spawn(words), true);
    for (int i = 0; i < TIMES && !started; i++) {
        find_port();
        started = is_started();
    }
    if (!started)
        show_log();
    ASSERT(started);
}

const char *postgres_server_url(void)
{
    return server.url;
}

const char *postgres_server_password(void)
{
    return password;
}

/* --- ending --- */

void postgres_server_halt(int signal)
{
    ASSERT(server.pid && kill(server.pid, signal) == 0);
    wait_for_end(server.pid, false);
    server.pid = 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    UNUSED(status);
    UNUSED(kind);
    UNUSED(where);
    return remove(path);
}

void postgres_server_stop(void)
{
    enum { OPEN_DIRECTORIES = 16 };

    if (server.pid)
        postgres_server_halt(SIGQUIT);
    if (server.dir[0])
        nftw(server.dir, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
    server.dir[0] = '\0';
}
