#include "service_files.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { LINE_SIZE = 64 }; /* two numbers of 20 digits */

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

/* Always as long, and in one sector: written over, it is the old one or the new one. */
static struct str line_of(char *line, size_t size, struct feed_cursor noted)
{
    int n =
        snprintf(line, size, "%020llu %020llu\n", (unsigned long long)noted.epoch, (unsigned long long)noted.position);

    return (struct str){line, (size_t)n};
}

bool service_files_read_epoch(const char *data, const char *name, struct feed_cursor *noted)
{
    struct buf path = {0};
    char text[LINE_SIZE] = {0};
    const char *file = path_of(&path, data, name, ".epoch");
    int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    struct str position;

    buf_free(&path);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n > 0 && text[n - 1] == '\n')
        n--;
    *noted = (struct feed_cursor){0};
    struct str epoch = str_split((struct str){text, n > 0 ? (size_t)n : 0}, ' ', &position);
    if (!str_to_u64(epoch, &noted->epoch) || (position.n > 0 && !str_to_u64(position, &noted->position)))
        *noted = (struct feed_cursor){.epoch = EPOCH_REFUSED};
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
bool service_files_write_epoch(const char *data, const char *name, struct feed_cursor noted)
{
    struct buf path = {0}, beside = {0};
    char line[LINE_SIZE];
    const char *file = path_of(&path, data, name, ".epoch");
    const char *new_file = path_of(&beside, data, name, ".epoch.new");

    bool written =
        file && new_file && write_whole(new_file, line_of(line, sizeof(line), noted)) && rename(new_file, file) == 0;
    int rc = written ? file_sync_parent(file) : 0;
    if (rc)
        errno = rc;
    buf_free(&path);
    buf_free(&beside);
    return written && rc == 0;
}

bool service_files_note_position(const char *data, const char *name, struct feed_cursor noted)
{
    struct buf path = {0};
    char line[LINE_SIZE];
    const char *file = path_of(&path, data, name, ".epoch");
    struct str text = line_of(line, sizeof(line), noted);
    int fd = file ? open(file, O_WRONLY | O_CLOEXEC) : -1;

    buf_free(&path);
    if (fd < 0)
        return false;
    bool written = pwrite(fd, text.p, text.n, 0) == (ssize_t)text.n;
    return close(fd) == 0 && written;
}
