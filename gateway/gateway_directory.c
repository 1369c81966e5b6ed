#include "gateway_directory.h"

#include "embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(struct buf *problem, const char *what, const char *path)
{
    int error = errno;

    buf_printf(problem, "can't %s %s: %s", what, path, strerror(error));
    return false;
}

bool gateway_directory_make(const char *directory, struct buf *problem)
{
    if ((mkdir(directory, 0755) == 0 || errno == EEXIST) && chmod(directory, 0755) == 0)
        return true;
    return refuse(problem, "make the directory", directory);
}

static bool make_part(const char *directory, const char *name, struct buf *problem)
{
    struct buf path = {0};

    buf_printf(&path, "%s/%s", directory, name);
    bool ok = path.failed ? refuse(problem, "make the directory", name) : gateway_directory_make(path.p, problem);
    buf_free(&path);
    return ok;
}

static bool write_file(const char *directory, const char *name, struct str text, struct buf *problem)
{
    struct buf path = {0};

    buf_printf(&path, "%s/%s", directory, name);
    int fd = path.failed ? -1 : open(path.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && fchmod(fd, 0644) == 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
    if (!ok)
        refuse(problem, "write", path.failed ? name : path.p);
    if (fd >= 0)
        close(fd);
    buf_free(&path);
    return ok;
}

static bool write_pages(const char *directory, struct buf *problem)
{
    for (size_t i = 0; i < embedded_pages_count; i++) {
        struct buf name = {0};
        buf_printf(&name, "page/%s", embedded_pages[i].path);
        bool ok = !name.failed && write_file(directory, name.p, embedded_pages[i].bytes, problem);
        buf_free(&name);
        if (!ok)
            return false;
    }
    return true;
}

bool gateway_directory_fill(const char *directory, struct str configuration, struct buf *problem)
{
    static const char *const parts[] = {"page", "page/pages", "page/assets", "temp"};
    struct buf draining = {0};

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (!make_part(directory, parts[i], problem))
            return false;
    }
    buf_printf(&draining, "%s/draining", directory);
    if (!draining.failed)
        unlink(draining.p);
    buf_free(&draining);
    return write_file(directory, "nginx.conf", configuration, problem) && write_pages(directory, problem);
}
