/* fail_once.c: a library to preload into the program: once the file FAIL_WHEN is there, the next write or sync that
 * FAIL_WHAT names fails with EIO, and the file is gone.
 *
 *    log-sync     fsync or fdatasync of a file whose name ends in -wal
 *    meta-write   a write to the first two pages of a file whose name ends in .lmdb
 *
 * With log-hang a sync of a file whose name ends in -wal doesn't fail: it takes as long as the file FAIL_WHEN is there.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { META_PAGES = 8192 };

static bool ends_in(int fd, const char *ending)
{
    char link[64];
    char path[4096];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path));
    size_t length = strlen(ending);
    return n >= (ssize_t)length && memcmp(path + n - length, ending, length) == 0;
}

static void hang(int fd)
{
    static const struct timespec a_while = {.tv_nsec = 5000000};
    const char *asked = getenv("FAIL_WHAT"), *when = getenv("FAIL_WHEN");

    if (!asked || !when || strcmp(asked, "log-hang") != 0 || !ends_in(fd, "-wal"))
        return;
    while (syscall(SYS_access, when, 0) == 0)
        nanosleep(&a_while, NULL);
}

static bool fails(const char *what, int fd, const char *ending)
{
    const char *asked = getenv("FAIL_WHAT"), *when = getenv("FAIL_WHEN");

    if (!asked || !when || strcmp(asked, what) != 0 || syscall(SYS_access, when, 0) != 0 || !ends_in(fd, ending))
        return false;
    if (syscall(SYS_unlink, when) != 0)
        return false; /* another thread was faster */
    errno = EIO;
    return true;
}

/* They hide the C library's. */
int fsync(int fd)
{
    hang(fd);
    return fails("log-sync", fd, "-wal") ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    hang(fd);
    return fails("log-sync", fd, "-wal") ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static ssize_t write_at(int fd, const void *bytes, size_t n, off_t at)
{
    return at < META_PAGES && fails("meta-write", fd, ".lmdb") ? -1 : syscall(SYS_pwrite64, fd, bytes, n, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return write_at(fd, bytes, n, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
    return write_at(fd, bytes, n, at);
}
