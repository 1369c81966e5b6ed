#include "file.h"

#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PRIVATE_FILE = 0600, PRIVATE_DIRECTORY = 0700, PIECE = 64 * 1024 };

int file_sync_parent(const char *path)
{
    struct buf copy = {0};

    buf_add(&copy, str_of(path));
    buf_char(&copy, '\0');
    int fd = copy.failed ? -1 : open(dirname(copy.p), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? errno : 0;
    if (fd >= 0 && fsync(fd) != 0)
        rc = errno;
    if (fd >= 0)
        close(fd);
    if (copy.failed)
        rc = ENOMEM;
    buf_free(&copy);
    return rc;
}

int file_make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, PRIVATE_FILE);

    if (fd < 0)
        return errno == EEXIST ? file_hide(path) : errno;
    int rc = fchmod(fd, PRIVATE_FILE) == 0 ? 0 : errno;
    close(fd);
    return rc ? rc : file_sync_parent(path);
}

int file_hide(const char *path)
{
    struct stat file;

    if (stat(path, &file) != 0)
        return errno == ENOENT ? 0 : errno;
    if ((file.st_mode & 07777) == PRIVATE_FILE)
        return 0;
    return chmod(path, PRIVATE_FILE) == 0 ? 0 : errno;
}

int file_open(const char *path, const char **wrong)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *wrong = NULL;
    if (fd < 0 || fstat(fd, &status))
        *wrong = strerror(errno);
    else if (!S_ISREG(status.st_mode))
        *wrong = "it is no file";
    if (*wrong && fd >= 0)
        close(fd);
    return *wrong ? -1 : fd;
}

static int make_directory(const char *path)
{
    if (mkdir(path, PRIVATE_DIRECTORY) == 0)
        return file_sync_parent(path);
    return errno == EEXIST ? 0 : errno;
}

int file_make_directories(const char *path)
{
    struct buf part = {0};
    int rc = 0;

    for (const char *p = path; *p && rc == 0; p++) {
        if (*p == '/' && part.n > 0) {
            buf_char(&part, '\0');
            if (part.failed)
                break;
            rc = make_directory(part.p);
            part.n--;
        }
        buf_char(&part, *p);
    }
    if (part.failed)
        rc = ENOMEM;
    buf_free(&part);
    return rc ? rc : make_directory(path);
}

static int write_piece(int fd, const char *piece, size_t n, off_t at)
{
    while (n > 0) {
        ssize_t written = pwrite(fd, piece, n, at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : EIO;
        piece += written;
        at += written;
        n -= (size_t)written;
    }
    return 0;
}

static int write_pieces(int fd, size_t most)
{
    char piece[PIECE];
    size_t at = 0;

    while (at < most) {
        ssize_t n = pread(fd, piece, most - at < PIECE ? most - at : PIECE, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            break;
        int rc = write_piece(fd, piece, (size_t)n, (off_t)at);
        if (rc)
            return rc;
        at += (size_t)n;
    }
    return at == 0 || fdatasync(fd) == 0 ? 0 : errno;
}

int file_write_again(const char *path, size_t most)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : errno;
    int rc = write_pieces(fd, most);
    close(fd);
    return rc;
}

bool file_is_still(int fd, const char *path)
{
    struct stat opened;
    struct stat named;

    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}
