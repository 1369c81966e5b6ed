#include "redis_server.h"

#include "base.h"
#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_PORTS_TRIED = 10, START_MS = 30000, LOOK_MS = 50, PORT_TEXT = 8, OPEN_FILES = 16 };

static const char program[] = "/usr/bin/redis-server";

bool redis_server_skips(const char *what)
{
    const char *ci = getenv("CI");

    if (access(program, X_OK) == 0)
        return false;
    printf("SKIPPED: %s over Redis: there is no %s (tools/setup test installs it)\n", what, program);
    if (ci && strcmp(ci, "true") == 0)
        exit(1);
    return true;
}

int redis_server_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ASSERT(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    ASSERT(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* Where it says that it is ready, as to systemd. */
static int listen_for_ready(const struct redis_server *server, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    ASSERT(strlen(server->dir) + sizeof("/ready") <= sizeof(address->sun_path));
    stpcpy(stpcpy(address->sun_path, server->dir), "/ready");
    unlink(address->sun_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0 && bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0);
    return fd;
}

static void become_server(const struct redis_server *server, const char *ready)
{
    char port[PORT_TEXT];
    const char *arguments[48] = {program,     "--port",        port,        "--bind",
                                 "127.0.0.1", "--dir",         server->dir, "--logfile",
                                 "redis.log", "--save",        "",          "--appendonly",
                                 "yes",       "--appendfsync", "always",    "--supervised",
                                 "systemd",   "--daemonize",   "no",        "--maxmemory-policy",
                                 "noeviction"};
    size_t n = 21;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)snprintf(port, sizeof(port), "%d", server->port);
    for (size_t i = 0; server->more[i]; i++)
        arguments[n++] = server->more[i];
    setenv("NOTIFY_SOCKET", ready, 1);
    const char **list = arguments;
    char *const *given; /* to execv(), which changes nothing */
    memcpy(&given, &list, sizeof(given));
    execv(program, given);
    _exit(127);
}

/* Whether it has said so; false: it ended. */
static bool wait_for_ready(struct redis_server *server, int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int64_t deadline = clock_monotonic() + START_MS * US_PER_MS;
    char said[256];

    while (clock_monotonic() < deadline) {
        if (poll(&waiting, 1, LOOK_MS) > 0) {
            ssize_t n = recv(fd, said, sizeof(said) - 1, 0);
            said[n > 0 ? n : 0] = '\0';
            if (strstr(said, "READY=1"))
                return true;
        } else if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
            server->pid = 0;
            return false;
        }
    }
    return false;
}

static bool try_to_start(struct redis_server *server)
{
    struct sockaddr_un address;
    int fd = listen_for_ready(server, &address);

    server->pid = fork();
    ASSERT(server->pid >= 0);
    if (server->pid == 0)
        become_server(server, address.sun_path);
    bool ready = wait_for_ready(server, fd);
    close(fd);
    return ready;
}

void redis_server_start(struct redis_server *server, const char *const *more)
{
    bool ready = false;

    *server = (struct redis_server){.dir = "/tmp/coffeeshop-redis-XXXXXX"};
    for (size_t i = 0; more && more[i]; i++) {
        ASSERT(i < REDIS_MOST_ARGUMENTS);
        server->more[i] = more[i];
    }
    ASSERT(mkdtemp(server->dir));
    for (int i = 0; i < MOST_PORTS_TRIED && !ready; i++) { /* somebody else may have got the port meanwhile */
        server->port = redis_server_free_port();
        ready = try_to_start(server);
    }
    ASSERT(ready);
    (void)snprintf(server->url, sizeof(server->url), "redis://127.0.0.1:%d", server->port);
}

void redis_server_kill(struct redis_server *server, int signal)
{
    if (server->pid) {
        kill(server->pid, signal);
        while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    server->pid = 0;
}

void redis_server_again(struct redis_server *server)
{
    ASSERT(server->pid == 0 && try_to_start(server));
}

void redis_server_tell(const struct redis_server *server, const char **words)
{
    int n = 0;

    while (words[n])
        n++;
    redisContext *context = redisConnect("127.0.0.1", server->port);
    ASSERT(context && !context->err);
    redisReply *reply = redisCommandArgv(context, n, words, NULL);
    if (reply && reply->type == REDIS_REPLY_ERROR)
        printf("%s: %s\n", words[0], reply->str);
    ASSERT(reply && reply->type != REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redisFree(context);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    UNUSED(about);
    UNUSED(kind);
    UNUSED(at);
    return remove(path);
}

void redis_server_free(struct redis_server *server)
{
    redis_server_kill(server, SIGKILL);
    ASSERT(nftw(server->dir, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS) == 0);
}
