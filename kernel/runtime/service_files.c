#include "service_files.h"

#include "feed_history.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char *path_of(struct buf *path, const char *data, const char *name, const char *suffix)
{
    buf_clear(path);
    buf_printf(path, "%s/%s%s%c", data, name, suffix, '\0');
    if (!path->failed)
        return path->p;
    errno = ENOMEM;
    return NULL;
}

int service_files_lock(const char *data, const char *name, struct buf *problem)
{
    struct buf text = {0};

    int rc = file_make_directories(data);
    if (rc) {
        buf_printf(problem, "the data directory %s can't be made: %s", data, strerror(rc));
        return -1;
    }
    const char *path = path_of(&text, data, name, ".lock");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) {
        buf_printf(problem, "%s can't be opened: %s", path ? path : "the lock file", strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB)) {
        buf_printf(
            problem,
            "the data directory %s is in use by another %s service; stop it, or give this one its own with --data",
            data, name);
        close(fd);
        fd = -1;
    }
    buf_free(&text);
    return fd;
}

bool service_files_read_epoch(const char *data, const char *name, uint64_t *epoch)
{
    struct buf path = {0};
    char text[32] = {0};
    const char *file = path_of(&path, data, name, ".epoch");
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;

    buf_free(&path);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n > 0 && text[n - 1] == '\n')
        n--;
    if (n <= 0 || !str_to_u64((struct str){text, (size_t)n}, epoch))
        *epoch = EPOCH_REFUSED;
    return true;
}

static bool write_whole(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return false;
    bool written = write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    return close(fd) == 0 && written;
}

/* Beside it, then over it. */
bool service_files_write_epoch(const char *data, const char *name, uint64_t epoch)
{
    struct buf path = {0}, beside = {0}, text = {0};
    const char *file = path_of(&path, data, name, ".epoch");
    const char *new_file = path_of(&beside, data, name, ".epoch.new");

    buf_u64(&text, epoch);
    buf_char(&text, '\n');
    bool written =
        file && new_file && !text.failed && write_whole(new_file, buf_str(&text)) && rename(new_file, file) == 0;
    int rc = written ? file_sync_parent(file) : 0;
    if (rc)
        errno = rc;
    buf_free(&path);
    buf_free(&beside);
    buf_free(&text);
    return written && rc == 0;
}
