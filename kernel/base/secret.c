#include "secret.h"

#include "file.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void *secret_memory(size_t size, struct buf *problem)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || madvise(memory, size, MADV_DONTDUMP)) {
        BUF_LIT(problem, "the operating system gives no memory to keep a secret in");
        if (memory != MAP_FAILED)
            munmap(memory, size);
        return NULL;
    }
    (void)mlock(memory, size); /* where there is a limit to it, swap has to be encrypted */
    return memory;
}

void secret_memory_free(void *memory, size_t size)
{
    if (!memory)
        return;
    explicit_bzero(memory, size);
    munmap(memory, size);
}

void secret_free(struct secret *secret)
{
    secret_memory_free(secret, sizeof(*secret));
}

struct secret *secret_from_text(struct str text, struct buf *problem)
{
    struct secret *secret = secret_memory(sizeof(*secret), problem);

    if (secret && text.n > SECRET_MOST) {
        buf_printf(problem, "the secret has to be of at most %d bytes", SECRET_MOST);
        secret_free(secret);
        return NULL;
    }
    if (secret && text.n) {
        memcpy(secret->text, text.p, text.n);
        secret->n = text.n;
    }
    return secret;
}

/* One byte more than a secret may have tells that there are more. */
static bool read_all(struct secret *secret, int fd)
{
    ssize_t more = 1;

    while (secret->n < sizeof(secret->text) &&
           (more = read(fd, secret->text + secret->n, sizeof(secret->text) - secret->n)) > 0)
        secret->n += (size_t)more;
    return more >= 0;
}

/* Why it won't be read; NULL: it will. */
static const char *wrong_with(int fd)
{
    struct stat status;

    if (fstat(fd, &status))
        return strerror(errno);
    return status.st_mode & S_IROTH ? "it can be read by everybody: chmod o-r" : NULL;
}

static bool read_file(struct secret *secret, const char *path, struct buf *problem)
{
    const char *wrong;
    int fd = file_open(path, &wrong);

    if (!wrong)
        wrong = wrong_with(fd);
    if (!wrong && !read_all(secret, fd))
        wrong = strerror(errno);
    if (wrong)
        buf_printf(problem, "the file of the secret, %s, can't be read: %s", path, wrong);
    if (fd >= 0)
        close(fd);
    return !wrong;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct secret *secret_from_file(const char *path, struct buf *problem)
{
    struct secret *secret = secret_memory(sizeof(*secret), problem);

    if (!secret)
        return NULL;
    bool fine = read_file(secret, path, problem);
    while (fine && secret->n > 0 && is_blank(secret->text[secret->n - 1]))
        secret->n--;
    if (fine && secret->n > SECRET_MOST) {
        buf_printf(problem, "the secret in the file has to be of at most %d bytes", SECRET_MOST);
        fine = false;
    }
    if (!fine) {
        secret_free(secret);
        return NULL;
    }
    secret->text[secret->n] = '\0';
    return secret;
}

bool secret_take(const char *name, const char *text, const char *file, struct secret **secret, struct buf *problem)
{
    struct str given = str_of(text);

    *secret = NULL;
    if (given.n && file[0]) {
        buf_printf(problem, "%s_file and the variable of %s are both given: give one", name, name);
        return false;
    }
    if (!given.n && !file[0])
        return true;
    *secret = file[0] ? secret_from_file(file, problem) : secret_from_text(given, problem);
    explicit_bzero((char *)text, given.n); /* the environment's: config.h */
    return *secret != NULL;
}
