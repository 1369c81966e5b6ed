/* powercut.c: a library to preload before a service: it cuts the power.
 *
 * Of the files in one directory it keeps apart what was only written and what was synced. At a chosen operation the
 * process is killed, and what a disk would hold then is put into another directory: all that was synced, and of the
 * rest whatever chance left: a write as a whole, not at all, or some of its sectors; of what was made, renamed or
 * removed as much, in order, as the directory's journal had got to. With that directory the service is started again.
 *
 *   POWERCUT_DIRECTORY   the data directory
 *   POWERCUT_SURVIVOR    where to put what is left; must not be there yet
 *   POWERCUT_AT          the operation at which the power fails, from 1; 0 or none: it doesn't
 *   POWERCUT_SEED        of chance
 *   POWERCUT_SWALLOW     1: nothing is ever synced, whatever the process asks for
 *
 * What it doesn't play: memory-mapped writes (neither SQLite's -shm nor LMDB's lock file has to survive), several
 * processes in one directory, and disks that lie.
 */
#undef _FILE_OFFSET_BITS /* both names of each function are defined here: none may stand for the other */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_FDS = 4096, MOST_FILES = 64, SECTOR = 512, NAME = 128 };

/* Something that was written, or a new length, and not yet synced. */
struct change {
    struct change *next;
    bool is_length;
    size_t at, n;
    unsigned char bytes[];
};

struct file {
    unsigned char *durable;
    size_t n, room;
    struct change *first, *last;
};

/* A name that was made, moved or removed. */
struct entry {
    char name[NAME];
    struct file *file; /* NULL: it is gone */
    char was[NAME];    /* of a change: the name that it had before, and has no longer; or empty */
};

static struct {
    pthread_mutex_t lock;
    char directory[PATH_MAX], parent[PATH_MAX], survivor[PATH_MAX];
    uint64_t at, done, random;
    bool swallow, directory_is_durable;
    struct entry durable[MOST_FILES], live[MOST_FILES]; /* what is in the directory: on the disk, and for the process */
    size_t n_durable, n_live;
    struct entry *pending; /* changes of names since the directory was synced, in order */
    size_t n_pending, pending_room;
    struct file *of[MOST_FDS];
    bool is_directory[MOST_FDS], is_parent[MOST_FDS], is_dsync[MOST_FDS];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- memory and chance: nothing here may fail quietly ---- */

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static uint64_t chance(uint64_t most)
{
    state.random ^= state.random << 13;
    state.random ^= state.random >> 7;
    state.random ^= state.random << 17;
    return state.random % most;
}

/* ---- files ---- */

static void set_length(struct file *file, size_t n)
{
    if (n > file->room) {
        file->room = n * 2;
        file->durable = must(realloc(file->durable, file->room));
    }
    if (n > file->n)
        memset(file->durable + file->n, 0, n - file->n);
    file->n = n;
}

static void put(struct file *file, size_t at, const unsigned char *bytes, size_t n)
{
    if (at + n > file->n)
        set_length(file, at + n);
    memcpy(file->durable + at, bytes, n);
}

static void apply(struct file *file, const struct change *change)
{
    if (change->is_length)
        set_length(file, change->n);
    else
        put(file, change->at, change->bytes, change->n);
}

static void note(struct file *file, bool is_length, size_t at, const void *bytes, size_t n)
{
    struct change *change = must(malloc(sizeof(*change) + (is_length ? 0 : n)));

    *change = (struct change){.is_length = is_length, .at = at, .n = n};
    if (!is_length)
        memcpy(change->bytes, bytes, n);
    if (file->first)
        file->last->next = change;
    else
        file->first = change;
    file->last = change;
}

static void sync_file(struct file *file)
{
    while (file->first) {
        struct change *change = file->first;
        apply(file, change);
        file->first = change->next;
        free(change);
    }
}

/* What of a file's unsynced changes has reached the disk all the same. */
static void leave_to_chance(struct file *file)
{
    for (const struct change *change = file->first; change; change = change->next) {
        uint64_t fate = chance(3);
        if (fate == 0)
            continue;
        if (fate == 1 || change->is_length) {
            apply(file, change);
            continue;
        }
        for (size_t from = 0; from < change->n; from += SECTOR) {
            size_t n = change->n - from < SECTOR ? change->n - from : SECTOR;
            if (chance(2))
                put(file, change->at + from, change->bytes + from, n);
        }
    }
}

/* ---- names ---- */

static struct entry *find(struct entry *entries, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(entries[i].name, name) == 0)
            return &entries[i];
    }
    return NULL;
}

static void set_name(struct entry *entries, size_t *n, const char *name, struct file *file)
{
    struct entry *entry = find(entries, *n, name);

    if (!entry) {
        if (*n == MOST_FILES)
            abort();
        entry = &entries[(*n)++];
        snprintf(entry->name, NAME, "%s", name);
    }
    entry->file = file;
}

static void change_name(const char *was, const char *name, struct file *file)
{
    if (state.n_pending == state.pending_room) {
        state.pending_room = state.pending_room ? state.pending_room * 2 : 64;
        state.pending = must(realloc(state.pending, state.pending_room * sizeof(*state.pending)));
    }
    struct entry *entry = &state.pending[state.n_pending++];
    snprintf(entry->name, NAME, "%s", name);
    snprintf(entry->was, NAME, "%s", was);
    entry->file = file;
    set_name(state.live, &state.n_live, name, file);
    if (was[0])
        set_name(state.live, &state.n_live, was, NULL);
}

static void sync_names(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct entry *change = &state.pending[i];
        set_name(state.durable, &state.n_durable, change->name, change->file);
        if (change->was[0])
            set_name(state.durable, &state.n_durable, change->was, NULL);
    }
    state.n_pending = 0;
}

static bool is_directory(int fd)
{
    return fd >= 0 && fd < MOST_FDS && state.is_directory[fd];
}

/* Which file of the directory a path, as openat() takes it, means; NULL: it is elsewhere. */
static const char *name_of(int at, const char *path)
{
    static __thread char name[NAME];
    char parent[PATH_MAX], real[PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (!slash && is_directory(at)) {
        snprintf(name, NAME, "%s", path);
        return name;
    }
    if (!state.directory[0] || !slash || slash[1] == '\0')
        return NULL;
    snprintf(parent, sizeof(parent), "%.*s", (int)(slash == path ? 1 : slash - path), path);
    if (!realpath(parent, real) || strcmp(real, state.directory) != 0)
        return NULL;
    snprintf(name, NAME, "%s", slash + 1);
    return name;
}

/* What is shared through memory needn't survive, and isn't known here. */
static bool is_tracked(const char *name)
{
    size_t n = strlen(name);

    return !(n > 4 && strcmp(name + n - 4, "-shm") == 0) && !strstr(name, "lock");
}

/* ---- the cut ---- */

static void write_out(const char *path, const struct file *file)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600);

    for (size_t at = 0; fd >= 0 && at < file->n;) {
        long n = syscall(SYS_write, fd, file->durable + at, file->n - at);
        if (n <= 0)
            abort();
        at += (size_t)n;
    }
    if (fd < 0)
        abort();
    syscall(SYS_close, fd);
}

static _Noreturn void cut(void)
{
    bool is_there = state.directory_is_durable || chance(2);

    sync_names((size_t)chance(state.n_pending + 1));
    for (size_t i = 0; is_there && i < state.n_durable; i++) {
        if (state.durable[i].file)
            leave_to_chance(state.durable[i].file);
    }
    if (mkdir(state.survivor, 0700) != 0)
        abort();
    for (size_t i = 0; is_there && i < state.n_durable; i++) {
        char path[PATH_MAX + NAME + 1];
        snprintf(path, sizeof(path), "%s/%s", state.survivor, state.durable[i].name);
        if (state.durable[i].file)
            write_out(path, state.durable[i].file);
    }
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* Every change of the directory passes here before it is made. */
static void count(void)
{
    if (state.at && ++state.done == state.at)
        cut();
}

/* ---- the beginning ---- */

static void read_in(const char *name)
{
    char path[PATH_MAX + NAME + 1];
    struct file *file = must(calloc(1, sizeof(*file)));
    unsigned char piece[65536];
    long n;

    snprintf(path, sizeof(path), "%s/%s", state.directory, name);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
    while (fd >= 0 && (n = syscall(SYS_read, fd, piece, sizeof(piece))) > 0)
        put(file, file->n, piece, (size_t)n);
    if (fd >= 0)
        syscall(SYS_close, fd);
    set_name(state.durable, &state.n_durable, name, file);
    set_name(state.live, &state.n_live, name, file);
}

static uint64_t number(const char *name)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *directory = getenv("POWERCUT_DIRECTORY"), *survivor = getenv("POWERCUT_SURVIVOR");

    if (!directory || !survivor)
        return;
    snprintf(state.survivor, sizeof(state.survivor), "%s", survivor);
    snprintf(state.directory, sizeof(state.directory), "%s", directory); /* absolute, without links */
    snprintf(state.parent, sizeof(state.parent), "%.*s", (int)(strrchr(directory, '/') - directory), directory);
    state.at = number("POWERCUT_AT");
    state.random = number("POWERCUT_SEED") * 0x9E3779B97F4A7C15ULL + 1;
    state.swallow = number("POWERCUT_SWALLOW") != 0;
    DIR *files = opendir(directory);
    state.directory_is_durable = files != NULL;
    for (const struct dirent *each; files && (each = readdir(files));) {
        if (each->d_type == DT_REG && is_tracked(each->d_name))
            read_in(each->d_name);
    }
    if (files)
        closedir(files);
}

/* ---- what a process asks for ---- */

static void opened(int fd, int at, const char *path, int flags, bool was_there)
{
    char real[PATH_MAX];
    const char *name = name_of(at, path);

    if (fd < 0 || fd >= MOST_FDS)
        return;
    state.of[fd] = NULL;
    state.is_directory[fd] = state.is_parent[fd] = false;
    state.is_dsync[fd] = (flags & (O_DSYNC | O_SYNC)) != 0;
    if (state.directory[0] && realpath(path, real)) {
        state.is_directory[fd] = strcmp(real, state.directory) == 0;
        state.is_parent[fd] = strcmp(real, state.parent) == 0;
    }
    if (!name || !is_tracked(name))
        return;
    struct entry *entry = find(state.live, state.n_live, name);
    if ((!entry || !entry->file) && !was_there)
        change_name("", name, must(calloc(1, sizeof(struct file))));
    entry = find(state.live, state.n_live, name);
    state.of[fd] = entry ? entry->file : NULL;
    if (state.of[fd] && (flags & O_TRUNC))
        note(state.of[fd], true, 0, NULL, 0);
}

static int open_it(int at, const char *path, int flags, mode_t mode)
{
    const char *name = name_of(at, path);
    struct stat there;
    bool was_there = syscall(SYS_newfstatat, at, path, &there, 0) == 0;

    pthread_mutex_lock(&state.lock);
    if (name && is_tracked(name) && (flags & O_CREAT) && !was_there)
        count();
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    int error = errno;
    opened(fd, at, path, flags, was_there);
    pthread_mutex_unlock(&state.lock);
    errno = error;
    return fd;
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...);                                                                        \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;                                                    \
        va_end(rest);                                                                                                  \
        return open_it(AT_FDCWD, path, flags, mode);                                                                   \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                                                                                   \
    int name(int at, const char *path, int flags, ...);                                                                \
    int name(int at, const char *path, int flags, ...)                                                                 \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;                                                    \
        va_end(rest);                                                                                                  \
        return open_it(at, path, flags, mode);                                                                         \
    }
OPENAT(openat)
OPENAT(openat64)

static struct file *file_of(int fd)
{
    return fd >= 0 && fd < MOST_FDS ? state.of[fd] : NULL;
}

static void wrote(int fd, size_t at, const void *bytes, size_t n)
{
    struct file *file = file_of(fd);

    if (!file)
        return;
    if (state.is_dsync[fd] && !state.swallow)
        put(file, at, bytes, n); /* this write is on the disk; those before it needn't be */
    else
        note(file, false, at, bytes, n);
}

static ssize_t write_at(int fd, const void *bytes, size_t n, off_t at)
{
    if (!file_of(fd))
        return syscall(SYS_pwrite64, fd, bytes, n, at);
    pthread_mutex_lock(&state.lock);
    count();
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, n, at);
    if (done > 0)
        wrote(fd, (size_t)at, bytes, (size_t)done);
    pthread_mutex_unlock(&state.lock);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return write_at(fd, bytes, n, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
    return write_at(fd, bytes, n, at);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    if (!file_of(fd))
        return syscall(SYS_write, fd, bytes, n);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t done = write_at(fd, bytes, n, at);
    if (done > 0)
        lseek(fd, at + done, SEEK_SET);
    return done;
}

static ssize_t write_many(int fd, const struct iovec *pieces, int n, off_t at)
{
    ssize_t sum = 0;

    for (int i = 0; i < n; i++) {
        ssize_t done = write_at(fd, pieces[i].iov_base, pieces[i].iov_len, at + sum);
        if (done < 0)
            return sum ? sum : done;
        sum += done;
        if ((size_t)done < pieces[i].iov_len)
            break;
    }
    return sum;
}

ssize_t pwritev(int fd, const struct iovec *pieces, int n, off_t at)
{
    return file_of(fd) ? write_many(fd, pieces, n, at) : syscall(SYS_pwritev, fd, pieces, n, at, 0);
}

ssize_t writev(int fd, const struct iovec *pieces, int n)
{
    if (!file_of(fd))
        return syscall(SYS_writev, fd, pieces, n);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t done = write_many(fd, pieces, n, at);
    if (done > 0)
        lseek(fd, at + done, SEEK_SET);
    return done;
}

static int set_file_length(int fd, off_t n)
{
    pthread_mutex_lock(&state.lock);
    if (file_of(fd))
        count();
    int rc = (int)syscall(SYS_ftruncate, fd, n);
    if (rc == 0 && file_of(fd))
        note(file_of(fd), true, 0, NULL, (size_t)n);
    pthread_mutex_unlock(&state.lock);
    return rc;
}

int ftruncate(int fd, off_t n)
{
    return set_file_length(fd, n);
}

int ftruncate64(int fd, off_t n)
{
    return set_file_length(fd, n);
}

/* The power may fail before a sync has done its work, or right after. The real one is spared: nobody pulls this plug.
 */
static int sync_it(int fd)
{
    pthread_mutex_lock(&state.lock);
    if (fd >= 0 && fd < MOST_FDS && (state.of[fd] || state.is_directory[fd] || state.is_parent[fd])) {
        count();
        if (!state.swallow && state.of[fd])
            sync_file(state.of[fd]);
        if (!state.swallow && state.is_directory[fd])
            sync_names(state.n_pending);
        state.directory_is_durable |= !state.swallow && state.is_parent[fd];
    }
    pthread_mutex_unlock(&state.lock);
    return 0;
}

int fsync(int fd)
{
    return sync_it(fd);
}

int fdatasync(int fd)
{
    return sync_it(fd);
}

int rename(const char *from, const char *to)
{
    char old[NAME] = "";
    const char *name = name_of(AT_FDCWD, from);

    if (name)
        snprintf(old, sizeof(old), "%s", name);
    name = name_of(AT_FDCWD, to);
    pthread_mutex_lock(&state.lock);
    bool is_ours = old[0] && name && is_tracked(old) && is_tracked(name);
    if (is_ours)
        count();
    int rc = (int)syscall(SYS_rename, from, to);
    int error = errno;
    if (rc == 0 && is_ours) {
        struct entry *entry = find(state.live, state.n_live, old);
        change_name(old, name, entry ? entry->file : NULL);
    }
    pthread_mutex_unlock(&state.lock);
    errno = error;
    return rc;
}

int unlink(const char *path)
{
    const char *name = name_of(AT_FDCWD, path);

    pthread_mutex_lock(&state.lock);
    bool is_ours = name && is_tracked(name);
    if (is_ours)
        count();
    int rc = (int)syscall(SYS_unlink, path);
    int error = errno;
    if (rc == 0 && is_ours)
        change_name("", name, NULL);
    pthread_mutex_unlock(&state.lock);
    errno = error;
    return rc;
}

int close(int fd)
{
    pthread_mutex_lock(&state.lock);
    if (fd >= 0 && fd < MOST_FDS) {
        state.of[fd] = NULL;
        state.is_directory[fd] = state.is_parent[fd] = state.is_dsync[fd] = false;
    }
    pthread_mutex_unlock(&state.lock);
    return (int)syscall(SYS_close, fd);
}
