#include "signing_key.h"

#include "errors.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/hmac.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(SIGNING_DIGEST == SHA256_DIGEST_SIZE, "the code is SHA-256's");

struct signing_key {
    struct hmac_sha256_ctx keyed;
    char text[SIGNING_KEY_MOST + 64]; /* while it is read; wiped when the key is made of it */
};

static struct signing_key *new_key(struct buf *problem)
{
    struct signing_key *key = mmap(NULL, sizeof(*key), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (key == MAP_FAILED || madvise(key, sizeof(*key), MADV_DONTDUMP)) {
        BUF_LIT(problem, "the operating system gives no memory to keep a secret in");
        if (key != MAP_FAILED)
            munmap(key, sizeof(*key));
        return NULL;
    }
    (void)mlock(key, sizeof(*key)); /* where there is a limit to it, swap has to be encrypted */
    return key;
}

void signing_key_free(struct signing_key *key)
{
    if (!key)
        return;
    explicit_bzero(key, sizeof(*key));
    munmap(key, sizeof(*key));
}

static struct signing_key *refuse(struct signing_key *key)
{
    signing_key_free(key);
    return NULL;
}

/* `secret` may lie in key->text. */
static struct signing_key *make(struct signing_key *key, struct str secret, const char *what, struct buf *problem)
{
    if (secret.n < SIGNING_KEY_LEAST || secret.n > SIGNING_KEY_MOST) {
        buf_printf(problem, "%s has to be of %d..%d bytes", what, SIGNING_KEY_LEAST, SIGNING_KEY_MOST);
        return refuse(key);
    }
    hmac_sha256_set_key(&key->keyed, secret.n, (const uint8_t *)secret.p);
    explicit_bzero(key->text, sizeof(key->text));
    return key;
}

struct signing_key *signing_key_from_text(struct str secret, struct buf *problem)
{
    struct signing_key *key = new_key(problem);

    return key ? make(key, secret, "the secret", problem) : NULL;
}

/* -1: it can't be read, and why is said. */
static ssize_t read_all(struct signing_key *key, const char *path, struct buf *problem)
{
    struct stat status;
    size_t n = 0;
    ssize_t more = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status)) {
        buf_printf(problem, "the file of the secret, %s, can't be read: %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        buf_printf(problem, "the file of the secret, %s, is no file", path);
    } else if (status.st_mode & S_IROTH) {
        buf_printf(problem, "the file of the secret, %s, can be read by everybody: chmod o-r", path);
    } else {
        while (n < sizeof(key->text) && (more = read(fd, key->text + n, sizeof(key->text) - n)) > 0)
            n += (size_t)more;
        if (more < 0)
            buf_printf(problem, "the file of the secret, %s, can't be read: %s", path, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return more < 0 ? -1 : (ssize_t)n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct signing_key *signing_key_from_file(const char *path, struct buf *problem)
{
    struct signing_key *key = new_key(problem);
    ssize_t n = key ? read_all(key, path, problem) : -1;

    if (n < 0)
        return refuse(key);
    struct str secret = {key->text, (size_t)n};
    while (secret.n > 0 && is_blank(secret.p[secret.n - 1]))
        secret.n--;
    return make(key, secret, "the secret in the file", problem);
}

void signing_key_digest(const struct signing_key *key, const struct str *parts, size_t n,
                        unsigned char out[SIGNING_DIGEST])
{
    struct hmac_sha256_ctx context = key->keyed;

    for (size_t i = 0; i < n; i++) {
        if (parts[i].n > 0)
            hmac_sha256_update(&context, parts[i].n, (const uint8_t *)parts[i].p);
    }
    hmac_sha256_digest(&context, SIGNING_DIGEST, out);
    explicit_bzero(&context, sizeof(context));
}
