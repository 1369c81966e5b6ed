#include "scratch.h"

#include "base.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void scratch_make(struct scratch *scratch)
{
    const char *base = getenv("TMPDIR");
    const char name[] = "/coffeeshop-XXXXXX";

    if (!base || strlen(base) + sizeof(name) > SCRATCH_PATH_SIZE)
        base = "/tmp";
    memcpy(stpcpy(scratch->dir, base), name, sizeof(name));
    ASSERT(mkdtemp(scratch->dir));
}

const char *scratch_path(const struct scratch *scratch, const char *name, char *path)
{
    ASSERT(strlen(scratch->dir) + strlen(name) + 2 <= SCRATCH_PATH_SIZE);
    stpcpy(stpcpy(stpcpy(path, scratch->dir), "/"), name);
    return path;
}

void scratch_write(const char *path, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);

    ASSERT(fd >= 0);
    ASSERT(write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

void scratch_remove(struct scratch *scratch)
{
    DIR *dir = opendir(scratch->dir);

    ASSERT(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    ASSERT(rmdir(scratch->dir) == 0);
}
