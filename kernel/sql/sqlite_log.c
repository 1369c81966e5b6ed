#include "sqlite_log.h"

#include "alloc.h"
#include "base.h"
#include "errors.h"
#include "str.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD = 32,       /* of the log */
    FRAME_HEAD = 24, /* of a frame, before its page */
    SUMMED = 8,      /* of a frame's head: what its checksum covers */
    MOST_PAGE = 65536,
    INDEX_HEAD = 48, /* of the index, twice */
    INDEX_BACKFILL_AT = 96,
    INDEX_VERSION = 3007000
};
static const uint32_t MAGIC = UINT32_C(0x377f0682); /* the last bit: whether checksums read words as big-endian */

struct sums {
    uint32_t first, second;
};

struct frame {
    uint32_t page, size_after; /* the latter not 0: this frame commits */
    bool has_salts;
    bool follows; /* its checksum continues that of the frame before, as that stands there */
    struct sums stored;
};

struct log {
    int fd;
    bool readable; /* its head is whole */
    bool big_endian;
    uint32_t page_size, salts[2];
    uint32_t n_frames;  /* that the file has room for */
    struct sums stored; /* of the frame read last */
    char *bytes;        /* one frame */
};

/* What the index says; `known` false: nothing that could be believed. */
struct witness {
    bool known;
    uint32_t committed, checkpointed, salts[2];
};

static uint32_t big(const char *p)
{
    uint32_t word;

    memcpy(&word, p, sizeof(word));
    return be32toh(word);
}

static struct sums add_up(struct sums sums, const char *p, size_t n, bool big_endian)
{
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint32_t words[2];
        memcpy(words, p + i, sizeof(words));
        sums.first += (big_endian ? be32toh(words[0]) : le32toh(words[0])) + sums.second;
        sums.second += (big_endian ? be32toh(words[1]) : le32toh(words[1])) + sums.first;
    }
    return sums;
}

static bool same(struct sums a, struct sums b)
{
    return a.first == b.first && a.second == b.second;
}

static bool read_at(int fd, void *bytes, size_t n, uint64_t at)
{
    ssize_t got;

    do
        got = pread(fd, bytes, n, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)n;
}

/* --- the index --- */

static bool read_index_head(const char *p, struct witness *out)
{
    uint32_t words[INDEX_HEAD / 4];

    memcpy(words, p, sizeof(words));
    struct sums sums = add_up((struct sums){0, 0}, p, INDEX_HEAD - 8, __BYTE_ORDER == __BIG_ENDIAN);
    if (words[0] != INDEX_VERSION || p[12] != 1 || !same(sums, (struct sums){words[10], words[11]}))
        return false;
    /* The salts stand there as they stand in the log. */
    *out = (struct witness){.known = true, .committed = words[4], .salts = {big(p + 32), big(p + 36)}};
    return true;
}

static struct witness read_index(const char *path)
{
    char bytes[INDEX_BACKFILL_AT + 4];
    struct witness a = {0};
    struct witness b = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return a;
    bool there = read_at(fd, bytes, sizeof(bytes), 0);
    close(fd);
    if (!there)
        return a;
    read_index_head(bytes, &a);
    read_index_head(bytes + INDEX_HEAD, &b);
    if (!a.known || (b.known && b.committed > a.committed))
        a = b; /* killed between the one and the other; both say what was synced */
    memcpy(&a.checkpointed, bytes + INDEX_BACKFILL_AT, sizeof(a.checkpointed));
    return a;
}

/* --- the log --- */

static int open_log(struct log *log, const char *path)
{
    char head[HEAD];
    struct stat file;

    log->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (log->fd < 0)
        return errno == ENOENT ? OK : E_SYSTEM;
    if (fstat(log->fd, &file) != 0)
        return E_SYSTEM;
    if (file.st_size <= HEAD)
        return OK; /* none, or cut off as it was begun */
    if (!read_at(log->fd, head, sizeof(head), 0))
        return E_SYSTEM;
    log->n_frames = 1;
    log->big_endian = big(head) & 1;
    log->stored = (struct sums){big(head + 24), big(head + 28)};
    log->page_size = big(head + 8);
    log->salts[0] = big(head + 16);
    log->salts[1] = big(head + 20);
    log->readable = (big(head) & ~1U) == MAGIC &&
                    same(add_up((struct sums){0, 0}, head, 24, log->big_endian), log->stored) && log->page_size > 0 &&
                    log->page_size <= MOST_PAGE;
    if (!log->readable)
        return OK;
    log->n_frames = (uint32_t)(((uint64_t)file.st_size - HEAD) / (log->page_size + FRAME_HEAD));
    log->bytes = heap_alloc(log->page_size + FRAME_HEAD);
    return log->bytes ? OK : E_MEMORY;
}

/* Frames are read one after the other, from the first. */
static bool next_frame(struct log *log, uint32_t i, struct frame *frame)
{
    size_t n = log->page_size + FRAME_HEAD;
    const char *p = log->bytes;

    if (!read_at(log->fd, log->bytes, n, HEAD + (uint64_t)i * n))
        return false;
    struct sums sums = add_up(log->stored, p, SUMMED, log->big_endian);
    sums = add_up(sums, p + FRAME_HEAD, log->page_size, log->big_endian);
    frame->page = big(p);
    frame->size_after = big(p + 4);
    frame->has_salts = big(p + 8) == log->salts[0] && big(p + 12) == log->salts[1];
    frame->stored = (struct sums){big(p + 16), big(p + 20)};
    frame->follows = frame->has_salts && frame->page > 0 && same(sums, frame->stored);
    log->stored = frame->stored;
    return true;
}

/* How many frames recovery would take, up to the last commit; whether behind them there is a commit that was durable.
 */
static int walk(struct log *log, uint32_t *whole, uint32_t *wrong, bool *more)
{
    bool torn = false;
    bool after_commit = false;

    for (uint32_t i = 0; i < log->n_frames && !*more; i++) {
        struct frame frame;
        if (!next_frame(log, i, &frame))
            return E_SYSTEM;
        if (!torn && !frame.follows) {
            torn = true;
            *wrong = i + 1;
            after_commit = false;
        }
        if (!torn && frame.size_after > 0)
            *whole = i + 1;
        *more = torn && after_commit && frame.follows;
        after_commit = torn && frame.has_salts && frame.size_after > 0;
    }
    return OK;
}

/* --- together --- */

static int say(const char *path, const char *what, struct buf *problem)
{
    buf_printf(problem,
               "%s-wal is damaged: %s, so commits that were acknowledged are missing. It was left as it is: put the "
               "whole data directory back from one backup, or move the whole directory away to begin with an empty one "
               "(docs/operations.md, Restore)",
               path, what);
    return E_CORRUPT;
}

static int judge(struct log *log, const struct witness *index, const char *path, struct buf *problem)
{
    uint32_t whole = 0;
    uint32_t wrong = 0;
    bool more = false;
    struct buf what = {0};

    if (log->n_frames == 0)
        return index->known && index->committed > index->checkpointed ? say(path, "its frames are gone", problem) : OK;
    if (!log->readable)
        return say(path, "its head is wrong", problem);
    int error = walk(log, &whole, &wrong, &more);
    if (error) {
        buf_printf(problem, "%s-wal can't be read: %s", path, strerrordesc_np(errno));
        return error;
    }
    bool same_log = index->known && index->salts[0] == log->salts[0] && index->salts[1] == log->salts[1];
    if (!more && !(same_log && whole < index->committed))
        return OK;
    buf_printf(&what, "frame %u of %u is wrong", wrong ? wrong : log->n_frames + 1,
               same_log && index->committed > log->n_frames ? index->committed : log->n_frames);
    buf_char(&what, '\0');
    error = say(path, what.failed ? "a frame is wrong" : what.p, problem);
    buf_free(&what);
    return error;
}

static const char *beside(struct buf *name, const char *path, const char *suffix)
{
    buf_clear(name);
    buf_add(name, str_of(path));
    buf_add(name, str_of(suffix));
    buf_char(name, '\0');
    return name->failed ? NULL : name->p;
}

int sqlite_log_check(const char *path, struct buf *problem)
{
    struct log log = {.fd = -1};
    struct witness index = {0};
    struct buf name = {0};
    struct stat database;

    /* Without a database what lies beside it is of none: SQLite makes it anew. */
    if (stat(path, &database) != 0 || database.st_size == 0)
        return OK;
    const char *index_path = beside(&name, path, "-shm");
    if (index_path)
        index = read_index(index_path);
    const char *log_path = beside(&name, path, "-wal");
    int error = log_path ? open_log(&log, log_path) : E_MEMORY;
    if (error)
        buf_printf(problem, "%s-wal can't be read: %s", path,
                   error == E_MEMORY ? "no memory left" : strerrordesc_np(errno));
    else
        error = judge(&log, &index, path, problem);
    if (log.fd >= 0)
        close(log.fd);
    heap_free(log.bytes);
    buf_free(&name);
    return error;
}
