/* other_authorities.c: a library to preload into the program: the authorities that the system believes are those in the
 * directory OTHER_AUTHORITIES instead of those in /etc/ssl/certs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char system_place[] = "/etc/ssl/certs/";

static const char *place_of(const char *path, char *out, size_t size)
{
    const char *other = getenv("OTHER_AUTHORITIES");

    if (!other || strncmp(path, system_place, sizeof(system_place) - 1) != 0)
        return path;
    int n = snprintf(out, size, "%s/%s", other, path + sizeof(system_place) - 1);
    return n > 0 && (size_t)n < size ? out : path;
}

/* They hide the C library's; which of them libcrypto calls is another in another version. */
int stat(const char *restrict path, struct stat *restrict out)
{
    char other[4096];

    return fstatat(AT_FDCWD, place_of(path, other, sizeof(other)), out, 0);
}

int lstat(const char *restrict path, struct stat *restrict out)
{
    char other[4096];

    return fstatat(AT_FDCWD, place_of(path, other, sizeof(other)), out, AT_SYMLINK_NOFOLLOW);
}

/* libcrypto only reads. */
static FILE *open_to_read(const char *path)
{
    char other[4096];
    int fd = open(place_of(path, other, sizeof(other)), O_RDONLY | O_CLOEXEC);

    return fd < 0 ? NULL : fdopen(fd, "r");
}

FILE *fopen(const char *restrict path, const char *restrict mode)
{
    (void)mode;
    return open_to_read(path);
}

FILE *fopen64(const char *restrict path, const char *restrict mode)
{
    (void)mode;
    return open_to_read(path);
}
