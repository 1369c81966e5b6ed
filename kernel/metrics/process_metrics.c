#include "process_metrics.h"

#include "clock.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

/* The beginning of a file of /proc, NUL-terminated; n == 0 when it can't be read. */
static struct str read_start(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return (struct str){NULL, 0};
    ssize_t n = read(fd, out, size);
    close(fd);
    return (struct str){out, n > 0 ? (size_t)n : 0};
}

/* The nth (from 0) of the words that blanks separate. */
static bool nth_number(struct str text, size_t nth, uint64_t *number)
{
    struct str word = {NULL, 0};

    for (size_t i = 0; i <= nth; i++)
        word = str_split(text, ' ', &text);
    return str_to_u64(word, number);
}

static void write_one(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type, name);
}

static void write_memory(struct buf *out)
{
    enum { RESIDENT_PAGES = 1 };
    char text[128];
    uint64_t pages;

    if (!nth_number(read_start("/proc/self/statm", text, sizeof(text)), RESIDENT_PAGES, &pages))
        return;
    write_one(out, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
    buf_u64(out, pages * (uint64_t)sysconf(_SC_PAGESIZE));
    buf_char(out, '\n');
}

static void write_cpu(struct buf *out)
{
    struct timespec used;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
        return;
    write_one(out, "process_cpu_seconds_total", "counter", "User and system CPU time spent in seconds.");
    buf_printf(out, "%lld.%06ld\n", (long long)used.tv_sec, used.tv_nsec / 1000);
}

static void write_open_fds(struct buf *out)
{
    DIR *directory = opendir("/proc/self/fd");
    uint64_t n = 0;

    if (!directory)
        return;
    for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        n += entry->d_name[0] != '.';
    closedir(directory);
    write_one(out, "process_open_fds", "gauge", "Number of open file descriptors.");
    buf_u64(out, n > 0 ? n - 1 : 0); /* not the one that looked */
    buf_char(out, '\n');
}

/* Microseconds since the epoch; 0 when it can't be told. */
static int64_t start_time(void)
{
    enum { START_TICKS = 19 }; /* the 22nd field; counted behind the name, which may hold blanks and brackets */
    char text[1024];
    uint64_t ticks;
    struct timespec since_boot;
    struct str stat = read_start("/proc/self/stat", text, sizeof(text));
    const char *name_end = stat.n ? memrchr(stat.p, ')', stat.n) : NULL;

    if (!name_end || name_end + 2 > stat.p + stat.n || clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0)
        return 0;
    struct str fields = {name_end + 2, (size_t)(stat.p + stat.n - (name_end + 2))};
    if (!nth_number(fields, START_TICKS, &ticks))
        return 0;
    int64_t age = since_boot.tv_sec * US_PER_S + since_boot.tv_nsec / 1000 -
                  (int64_t)(ticks * (uint64_t)US_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
    return clock_wall() - age;
}

/* Looked up once: a value that moves when somebody sets the clock would look like a restart. */
static void write_start(struct buf *out)
{
    static _Atomic int64_t known;
    int64_t started = atomic_load(&known);

    if (started == 0) {
        int64_t now_known = start_time();
        if (atomic_compare_exchange_strong(&known, &started, now_known))
            started = now_known;
    }
    if (started == 0)
        return;
    write_one(out, "process_start_time_seconds", "gauge", "Start time of the process since the epoch in seconds.");
    buf_printf(out, "%lld.%02lld\n", (long long)(started / US_PER_S), (long long)(started % US_PER_S / 10000));
}

void process_metrics_write(struct buf *out)
{
    write_cpu(out);
    write_open_fds(out);
    write_memory(out);
    write_start(out);
}
