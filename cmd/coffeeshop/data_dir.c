#include "data_dir.h"

#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char marker[] = "coffeeshop.format";
static const char lock_file[] = "shop.lock";

static bool refuse(struct buf *problem, const char *what, const char *path)
{
    int error = errno;

    buf_printf(problem, "can't %s %s: %s", what, path, strerror(error));
    return false;
}

/* Where tools/engines keeps the servers of a shop that isn't in files: beside, not in it. */
static const char engines[] = "engines";

/* The first entry that neither the shop nor the file system's own housekeeping put there. */
static bool has_foreign_files(int directory)
{
    int copy = dup(directory);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    bool found = false;

    if (!entries) {
        if (copy >= 0)
            close(copy);
        return true;
    }
    for (const struct dirent *entry = readdir(entries); entry && !found; entry = readdir(entries)) {
        struct str name = str_of(entry->d_name);
        found = !str_is(name, ".") && !str_is(name, "..") && !str_is(name, "lost+found") && !str_is(name, marker) &&
                !str_is(name, engines);
    }
    closedir(entries);
    return found;
}

static bool write_marker(int directory, int flags)
{
    struct buf text = {0};
    int fd = openat(directory, marker, O_WRONLY | O_CLOEXEC | flags, 0600);

    if (fd < 0)
        return errno == EEXIST; /* another service was first */
    buf_printf(&text, "%d\n", DATA_FORMAT);
    bool ok = write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0 && fsync(directory) == 0;
    buf_free(&text);
    close(fd);
    return ok;
}

/* An empty marker is one that another service is just writing, or that a crash left: the directory was empty then, so
 * it is ours. */
static bool check_marker(int directory, const char *path, int fd, struct buf *problem)
{
    char text[32];
    int64_t format;
    ssize_t n = read(fd, text, sizeof(text));

    if (n < 0)
        return refuse(problem, "read coffeeshop.format in", path);
    if (n == 0)
        return write_marker(directory, 0) || refuse(problem, "write to", path);
    if (!str_to_i64((struct str){text, (size_t)(n - (text[n - 1] == '\n'))}, &format)) {
        buf_printf(problem, "%s/%s can't be understood: is this directory the shop's?", path, marker);
        return false;
    }
    if (format > DATA_FORMAT) {
        buf_printf(problem, "%s was written by a newer version of coffeeshop (format %lld, this one knows %d)", path,
                   (long long)format, DATA_FORMAT);
        return false;
    }
    return true;
}

static bool recognise(int directory, const char *path, struct buf *problem)
{
    int fd = openat(directory, marker, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        bool ok = check_marker(directory, path, fd, problem);
        close(fd);
        return ok;
    }
    if (errno != ENOENT)
        return refuse(problem, "open coffeeshop.format in", path);
    /* looked for again: another service may have marked the directory and begun to fill it meanwhile */
    if (has_foreign_files(directory) && faccessat(directory, marker, F_OK, 0) != 0) {
        buf_printf(problem, "%s holds files that are not the shop's: name an empty or a new directory with --data",
                   path);
        return false;
    }
    return write_marker(directory, O_CREAT | O_EXCL) || refuse(problem, "write to", path);
}

bool data_dir_prepare(const char *path, struct buf *problem)
{
    errno = file_make_directories(path);
    if (errno)
        return refuse(problem, "make the directory", path);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return refuse(problem, "open the directory", path);
    bool ok = recognise(directory, path, problem);
    close(directory);
    return ok;
}

static void say_who_has_it(int fd, const char *path, struct buf *problem)
{
    char owner[32];
    ssize_t n = read(fd, owner, sizeof(owner));

    buf_printf(problem, "%s is in use by another shop (pid %.*s)", path, n > 0 ? (int)n : 1, n > 0 ? owner : "?");
}

int data_dir_lock(const char *path, struct buf *problem)
{
    struct buf name = {0};
    struct buf pid = {0};

    buf_printf(&name, "%s/%s", path, lock_file);
    errno = ENOMEM;
    int fd = name.failed ? -1 : open(name.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    buf_free(&name);
    if (fd < 0) {
        refuse(problem, "make shop.lock in", path);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        say_who_has_it(fd, path, problem);
        close(fd);
        return -1;
    }
    /* the lock holds also when this can't be written: only the next one's message suffers */
    buf_i64(&pid, getpid());
    if (ftruncate(fd, 0) == 0)
        UNUSED(pwrite(fd, pid.p, pid.n, 0));
    buf_free(&pid);
    return fd;
}
