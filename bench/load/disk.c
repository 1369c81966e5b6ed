/* disk.c: how long the disk takes to make 4 KiB durable at the end of a growing file, as a database's log does.
 *
 *      disk FILE [SECONDS]        (2 s)
 *
 * Prints one JSON object, in microseconds; removes FILE.
 */
#include "clock.h"
#include "latencies.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PAGE = 4096 };

static bool measure(int fd, int64_t seconds, struct latencies *latencies)
{
    static const char page[PAGE] = {1};
    int64_t began = clock_monotonic();

    for (int64_t now = began; now < began + seconds * US_PER_S;) {
        if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page) || fdatasync(fd) != 0)
            return false;
        int64_t done = clock_monotonic();
        latencies_add(latencies, done - now);
        now = done;
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct latencies latencies;
    int64_t seconds = 2;

    if (argc < 2 || argc > 3 || (argc == 3 && !str_to_i64(str_of(argv[2]), &seconds))) {
        fprintf(stderr, "usage: disk FILE [SECONDS]\n");
        return 2;
    }
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        perror(argv[1]);
        return 1;
    }
    bool fine = measure(fd, seconds, &latencies);
    close(fd);
    unlink(argv[1]);
    if (!fine) {
        perror(argv[1]);
        return 1;
    }
    printf("{\"n\": %llu, \"p50\": %lld, \"p99\": %lld}\n", (unsigned long long)latencies.n,
           (long long)latencies_quantile(&latencies, 0.5), (long long)latencies_quantile(&latencies, 0.99));
    return 0;
}
