/* kill_at.c: a library to preload into the program: it is killed, as by SIGKILL, instead of the KILL_ATth call that
 * makes something durable or changes a name (fsync, fdatasync, ftruncate, rename, unlink). Counting begins when the
 * file KILL_NEAR is there. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls;

static void count(void)
{
    const char *at = getenv("KILL_AT"), *near = getenv("KILL_NEAR");

    if (!at || !near || (atomic_load(&calls) == 0 && syscall(SYS_access, near, F_OK)))
        return;
    if (atomic_fetch_add(&calls, 1) + 1 == strtol(at, NULL, 10))
        (void)kill(getpid(), SIGKILL);
}

/* They hide the C library's. */
int fsync(int fd)
{
    count();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    count();
    return (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t length)
{
    count();
    return (int)syscall(SYS_ftruncate, fd, length);
}

int rename(const char *from, const char *to)
{
    count();
    return (int)syscall(SYS_renameat2, -100 /* AT_FDCWD */, from, -100, to, 0);
}

int unlink(const char *path)
{
    count();
    return (int)syscall(SYS_unlinkat, -100, path, 0);
}
