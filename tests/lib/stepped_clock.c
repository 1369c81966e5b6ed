/* stepped_clock.c: a library to preload into the program: its wall clock is off by so many seconds as the file
 * STEPPED_CLOCK says (8 bytes, the machine's order), and can be set while it runs. The monotonic clock is left alone,
 * as it is when somebody sets a real clock. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead_s;

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("STEPPED_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof(*ahead_s), PROT_READ, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        ahead_s = page;
    close(fd);
}

/* Hides the C library's. */
int clock_gettime(clockid_t id, struct timespec *now)
{
    long rc = syscall(SYS_clock_gettime, id, now);

    if (rc == 0 && id == CLOCK_REALTIME && ahead_s)
        now->tv_sec += *ahead_s;
    return (int)rc;
}

/* libmicrohttpd's Date. */
time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
