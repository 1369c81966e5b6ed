#include "nginx_lock.h"

#include "clock.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_AGAIN_MS = 10, KILLED_WITHIN_MS = 5000 };

static int open_lock(const char *path, int flags, struct buf *problem)
{
    int fd = open(path, O_RDWR | O_CREAT | flags, 0600);

    if (fd < 0)
        buf_printf(problem, "can't open %s: %s", path, strerror(errno));
    return fd;
}

static bool is_free(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void wait_a_little(void)
{
    const struct timespec while_it_ends = {0, LOOK_AGAIN_MS * 1000000L};

    nanosleep(&while_it_ends, NULL);
}

int gateway_lock(const char *path, int64_t patience_ms, struct buf *problem)
{
    int64_t deadline = clock_monotonic() + patience_ms * US_PER_MS;
    int fd = open_lock(path, O_CLOEXEC, problem);

    if (fd < 0)
        return -1;
    while (!is_free(fd)) {
        if (clock_monotonic() >= deadline) {
            buf_printf(problem, "%s is locked by another gateway; stop it, or give this one its own with --data", path);
            close(fd);
            return -1;
        }
        wait_a_little();
    }
    return fd;
}

/* The process group that signed, or 0. */
static pid_t read_group(int fd)
{
    char text[24];
    uint64_t group;
    ssize_t n = pread(fd, text, sizeof(text), 0);

    return n > 0 && str_to_u64((struct str){text, (size_t)n}, &group) && group > 1 && group <= INT32_MAX ? (pid_t)group
                                                                                                         : 0;
}

int nginx_lock(const char *path, struct buf *problem)
{
    int64_t deadline = clock_monotonic() + KILLED_WITHIN_MS * US_PER_MS;
    int fd = open_lock(path, 0, problem);
    bool told = false;

    if (fd < 0)
        return -1;
    while (!is_free(fd)) {
        pid_t group = read_group(fd);
        if (group > 0 && !told)
            log_warning("an nginx that an earlier gateway has left is killed", LOG_I("group", group));
        told = told || group > 0;
        if (group > 0)
            kill(-group, SIGKILL);
        if (clock_monotonic() >= deadline) {
            buf_printf(problem, "an nginx of an earlier gateway still runs and can't be ended: process group %lld",
                       (long long)group);
            close(fd);
            return -1;
        }
        wait_a_little();
    }
    if (ftruncate(fd, 0) == 0)
        return fd;
    buf_printf(problem, "can't write %s: %s", path, strerror(errno));
    close(fd);
    return -1;
}

void nginx_lock_sign(int fd)
{
    char text[24];
    char *at = text + sizeof(text);

    for (pid_t rest = getpid(); rest > 0; rest /= 10)
        *--at = (char)('0' + rest % 10);
    UNUSED(pwrite(fd, at, (size_t)(text + sizeof(text) - at), 0));
}
